//! Who may have a URI, and a key (J03).
//!
//! A client URI belongs to one app and operator for good: servers know an app by it, long after its
//! first certificate ended. So a URI that was ever issued, also in a certificate that was revoked or
//! has expired, is issued again only upon an earlier certificate of the same party that names it: by
//! renewing or rekeying that one, or if the operator says that the holder is the same. That is kept
//! in the index. The organisation is who a party is; where there is none, the common name.

use rusqlite::params;
use sha2::{Digest as _, Sha256};

use super::{Earlier, Entry, Index, Party, row};
use crate::{Error, LeafRequest, PublicKey, RevocationReason, SanUri, Serial};

/// SHA-256 of a key's SubjectPublicKeyInfo.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyHash([u8; 32]);

impl KeyHash {
    pub(crate) fn of(key: &PublicKey) -> Self {
        Self(Sha256::digest(key.spki_der()).into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Index {
    /// Refuses URIs that another party ever had, URIs of the same party without an earlier
    /// certificate to say so, and keys that are another's or known to be disclosed.
    ///
    /// # Errors
    /// [`Error::UriBelongsToAnother`]; [`Error::UriIssuedBefore`]; [`Error::NotTheSameHolder`];
    /// [`Error::UnknownSerial`]; [`Error::KeyBelongsToAnother`]; [`Error::KeyCompromised`];
    /// [`Error::Index`].
    pub(crate) fn check_holder(
        &self,
        request: &LeafRequest,
        key: &PublicKey,
        follows: &[Earlier],
    ) -> Result<(), Error> {
        let party = Party::of(&request.subject);
        for earlier in follows {
            let entry = self.known(&earlier.serial)?;
            if !entry.party().is(party) {
                return Err(Error::NotTheSameHolder {
                    serial: entry.serial.clone(),
                    party: entry.party().to_string(),
                });
            }
        }
        for uri in request.profile.uris() {
            self.check_uri(uri, party, follows)?;
        }
        self.check_key(key, party)
    }

    fn check_uri(&self, uri: &SanUri, party: Party<'_>, follows: &[Earlier]) -> Result<(), Error> {
        let holders = self.holders_of(uri)?;
        if let Some((taken, entry)) = holders.iter().find(|(_, entry)| !entry.party().is(party)) {
            return Err(Error::UriBelongsToAnother {
                uri: taken.clone(),
                party: entry.party().to_string(),
                serial: entry.serial.clone(),
            });
        }
        let is_followed =
            |entry: &Entry| follows.iter().any(|earlier| earlier.serial == entry.serial);
        match holders.last() {
            Some((taken, latest)) if !holders.iter().any(|(_, entry)| is_followed(entry)) => {
                Err(Error::UriIssuedBefore {
                    uri: taken.clone(),
                    serial: latest.serial.clone(),
                })
            }
            _ => Ok(()),
        }
    }

    /// The certificates that name a URI, or one like it, each with how it is written there.
    fn holders_of(&self, uri: &SanUri) -> Result<Vec<(String, Entry)>, Error> {
        let sql = "SELECT uri.uri, certificate.serial FROM uri JOIN certificate ON certificate.id = uri.certificate \
                   WHERE uri.likeness = ? ORDER BY certificate.id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_map([uri.likeness()], |row| {
            Ok((row.get(0)?, row::serial(row, 1)?))
        })?;
        found
            .map(|pair| {
                let (text, serial): (String, Serial) = pair?;
                Ok((text, self.known(&serial)?))
            })
            .collect()
    }

    fn check_key(&self, key: &PublicKey, party: Party<'_>) -> Result<(), Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT serial FROM certificate WHERE key_hash = ? ORDER BY id")?;
        let serials = statement.query_map(params![KeyHash::of(key).as_bytes()], |row| {
            row::serial(row, 0)
        })?;
        for serial in serials {
            let entry = self.known(&serial?)?;
            let serial = entry.serial.clone();
            if !entry.party().is(party) {
                return Err(Error::KeyBelongsToAnother { serial });
            }
            let compromised = RevocationReason::KeyCompromise;
            if entry
                .revocation
                .is_some_and(|revocation| revocation.reason == compromised)
            {
                return Err(Error::KeyCompromised { serial });
            }
        }
        Ok(())
    }

    /// The certificate with this serial number, which has to be there.
    pub(crate) fn known(&self, serial: &Serial) -> Result<Entry, Error> {
        self.find(serial)?.ok_or_else(|| Error::UnknownSerial {
            serial: serial.clone(),
        })
    }
}
