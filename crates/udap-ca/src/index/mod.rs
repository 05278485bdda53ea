//! What the authority has issued, to whom, and what it has revoked: a small SQLite database.
//!
//! A certificate leaves this program's memory only after the transaction that lists it, with its
//! serial number and its whole content, is on the disk (`synchronous = FULL`). So after a crash at
//! any moment none exists that is not listed, no number is used twice, and a file that was not
//! written yet is written from here. Readers are never held up by the writer (write-ahead log).

mod entry;
mod filter;
mod holder;
mod open;
mod row;

pub use entry::{
    CertificateStatus, Earlier, Entry, IssuerRole, ProfileName, Revocation, Succession,
};
pub use filter::Filter;

use entry::Party;
pub(crate) use open::SetUp;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use time::{Duration, OffsetDateTime};

use crate::{Error, IssuedCertificate, LeafRequest, RevocationReason, RevokedCertificate, Serial};
use holder::KeyHash;
use row::{entry_of, instant};

/// What an authority was set up with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The community's URI, if it was told.
    pub community: Option<String>,
    /// The folder of URLs under which the revocation lists are published.
    pub crl_base_url: Option<String>,
    /// The folder of URLs under which the CA certificates are published.
    pub certificate_base_url: Option<String>,
}

/// The authority's memory: settings, revocation list numbers and every certificate.
#[derive(Debug)]
pub struct Index {
    connection: Connection,
    settings: Settings,
}

/// A certificate to be listed.
pub(crate) struct NewEntry<'a> {
    pub(crate) certificate: &'a IssuedCertificate,
    pub(crate) issuer: IssuerRole,
    pub(crate) profile: ProfileName,
    pub(crate) subject: &'a crate::Subject,
    pub(crate) names: Vec<String>,
    pub(crate) uris: &'a [crate::SanUri],
    pub(crate) key: &'a crate::PublicKey,
    pub(crate) follows: &'a [Earlier],
    pub(crate) metadata: Option<&'a crate::CheckedMetadata>,
}

impl Index {
    /// What the authority was set up with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The certificate with this serial number.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn find(&self, serial: &Serial) -> Result<Option<Entry>, Error> {
        let sql = format!("{} WHERE serial = ?", row::SELECT);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement
            .query_row([serial.to_string()], entry_of)
            .optional()?;
        found.map(|entry| self.with_earlier(entry)).transpose()
    }

    /// The certificates that a filter lets through, oldest first.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn list(&self, filter: &Filter, now: OffsetDateTime) -> Result<Vec<Entry>, Error> {
        let (condition, values) = filter.condition(now);
        let sql = format!("{} WHERE {condition} ORDER BY id", row::SELECT);
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map(rusqlite::params_from_iter(values), entry_of)?;
        rows.map(|entry| self.with_earlier(entry?)).collect()
    }

    /// How many certificates were ever issued.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn count(&self) -> Result<u64, Error> {
        let count = "SELECT COUNT(*) FROM certificate";
        Ok(self.connection.query_row(count, [], |row| row.get(0))?)
    }

    /// A certificate's content, in DER.
    ///
    /// # Errors
    /// [`Error::UnknownSerial`]; [`Error::Index`].
    pub fn certificate_der(&self, serial: &Serial) -> Result<Vec<u8>, Error> {
        self.connection
            .query_row(
                "SELECT der FROM certificate WHERE serial = ?",
                [serial.to_string()],
                |row| row.get(0),
            )
            .optional()?
            .ok_or_else(|| Error::UnknownSerial {
                serial: serial.clone(),
            })
    }

    /// Number of an authority's latest revocation list.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn crl_number(&self, issuer: IssuerRole) -> Result<u64, Error> {
        Ok(self.connection.query_row(
            "SELECT number FROM revocation_list WHERE issuer = ?",
            [issuer.as_str()],
            |row| row.get(0),
        )?)
    }

    fn with_earlier(&self, mut entry: Entry) -> Result<Entry, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT earlier.serial, s.kind FROM succession s JOIN certificate earlier ON earlier.id = s.earlier \
             WHERE s.certificate = (SELECT id FROM certificate WHERE serial = ?) ORDER BY earlier.id",
        )?;
        let rows = statement.query_map([entry.serial.to_string()], |row| {
            Ok(Earlier {
                serial: row::serial(row, 0)?,
                kind: row::named(row, 1)?,
            })
        })?;
        entry.follows = rows.collect::<Result<_, _>>()?;
        Ok(entry)
    }

    /// What is read inside stays as it is until the transaction ends.
    fn begin(&self) -> Result<Transaction<'_>, Error> {
        let behavior = TransactionBehavior::Immediate;
        Ok(Transaction::new_unchecked(&self.connection, behavior)?)
    }

    /// Lists a certificate, durably. Only then may it leave memory.
    pub(crate) fn add(&mut self, new: &NewEntry<'_>) -> Result<(), Error> {
        let transaction = self.begin()?;
        insert(&transaction, new)?;
        Ok(transaction.commit()?)
    }

    /// Lists a leaf, if its holder may have it: see [`holder`].
    pub(crate) fn add_leaf(
        &mut self,
        request: &LeafRequest,
        new: &NewEntry<'_>,
    ) -> Result<(), Error> {
        let transaction = self.begin()?;
        self.check_holder(request, new.key, new.follows)?;
        insert(&transaction, new)?;
        Ok(transaction.commit()?)
    }

    /// Marks a certificate, and its issuer's list as due; one on hold may be revoked for good later.
    pub(crate) fn revoke(
        &mut self,
        entry: &Entry,
        reason: RevocationReason,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let hold = RevocationReason::CertificateHold;
        let at = match entry.revocation {
            Some(earlier) if earlier.reason != hold || reason == hold => {
                return Err(Error::AlreadyRevoked {
                    serial: entry.serial.clone(),
                });
            }
            // A hold that becomes final keeps the date from which the certificate was refused.
            Some(earlier) => earlier.at,
            None => now,
        };
        let transaction = self.begin()?;
        transaction.execute(
            "UPDATE certificate SET revoked_at = ?, revocation_reason = ? WHERE serial = ?",
            params![at.unix_timestamp(), reason.name(), entry.serial.to_string()],
        )?;
        transaction.execute(
            "UPDATE revocation_list SET due = 1 WHERE issuer = ?",
            [entry.issuer.as_str()],
        )?;
        Ok(transaction.commit()?)
    }

    /// The lines of an authority's revocation list. Expired certificates stay on it: RFC 5280
    /// §3.3 wants them on at least one list after their end, and old statements stay checkable.
    pub(crate) fn revoked_by(&self, issuer: IssuerRole) -> Result<Vec<RevokedCertificate>, Error> {
        let mut statement = self.connection.prepare(
            "SELECT serial, revoked_at, revocation_reason FROM certificate \
             WHERE issuer = ? AND revoked_at IS NOT NULL ORDER BY id",
        )?;
        let rows = statement.query_map([issuer.as_str()], |row| {
            Ok(RevokedCertificate {
                serial: row::serial(row, 0)?,
                at: instant(row, 1)?,
                reason: row::named(row, 2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The number for an authority's next list; durable before the list is signed, so that it never
    /// repeats.
    pub(crate) fn next_crl_number(&mut self, issuer: IssuerRole) -> Result<u64, Error> {
        Ok(self.connection.query_row(
            "UPDATE revocation_list SET number = number + 1 WHERE issuer = ? RETURNING number",
            [issuer.as_str()],
            |row| row.get(0),
        )?)
    }

    /// How long each of an authority's lists is valid.
    pub(crate) fn crl_lifetime(&self, issuer: IssuerRole) -> Result<Duration, Error> {
        Ok(Duration::seconds(self.connection.query_row(
            "SELECT lifetime_seconds FROM revocation_list WHERE issuer = ?",
            [issuer.as_str()],
            |row| row.get(0),
        )?))
    }

    /// Whether a revocation waits for the list that carries it.
    pub(crate) fn crl_is_due(&self, issuer: IssuerRole) -> Result<bool, Error> {
        Ok(self.connection.query_row(
            "SELECT due FROM revocation_list WHERE issuer = ?",
            [issuer.as_str()],
            |row| row.get(0),
        )?)
    }

    /// The list that carries every revocation is in its place.
    pub(crate) fn crl_is_written(&mut self, issuer: IssuerRole) -> Result<(), Error> {
        self.connection.execute(
            "UPDATE revocation_list SET due = 0 WHERE issuer = ?",
            [issuer.as_str()],
        )?;
        Ok(())
    }

    /// Certificates whose files are not known to be written.
    pub(crate) fn unfiled(&self) -> Result<Vec<Serial>, Error> {
        let mut statement = self
            .connection
            .prepare("SELECT serial FROM certificate WHERE filed = 0 ORDER BY id")?;
        let rows = statement.query_map([], |row| row::serial(row, 0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A certificate's file is in its place.
    pub(crate) fn is_filed(&mut self, serial: &Serial) -> Result<(), Error> {
        self.connection.execute(
            "UPDATE certificate SET filed = 1 WHERE serial = ?",
            [serial.to_string()],
        )?;
        Ok(())
    }
}

fn insert(transaction: &Transaction<'_>, new: &NewEntry<'_>) -> Result<(), Error> {
    let serial = new.certificate.serial();
    let inserted = transaction.execute(
        "INSERT INTO certificate (serial, issuer, profile, common_name, organization, names, key, key_hash, \
         not_before, not_after, fingerprint, der, filed, metadata_rules, metadata_checked_at, metadata, metadata_links) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?) \
         ON CONFLICT (serial) DO NOTHING",
        params![
            serial.to_string(),
            new.issuer.as_str(),
            new.profile.as_str(),
            new.subject.common_name(),
            new.subject.organization(),
            serde_json::Value::from(new.names.clone()).to_string(),
            new.key.algorithm().to_string(),
            KeyHash::of(new.key).as_bytes(),
            new.certificate.not_before().unix_timestamp(),
            new.certificate.not_after().unix_timestamp(),
            new.certificate.fingerprint(),
            new.certificate.der(),
            new.metadata.map(|metadata| &metadata.rules),
            new.metadata.map(|metadata| metadata.checked_at.unix_timestamp()),
            new.metadata.map(|metadata| serde_json::Value::from(metadata.claims.clone()).to_string()),
            new.metadata.map(|metadata| metadata.links_visited),
        ],
    )?;
    if inserted == 0 {
        return Err(Error::SerialRepeated {
            serial: serial.clone(),
        });
    }
    let id = transaction.last_insert_rowid();
    for uri in new.uris {
        transaction.execute(
            "INSERT INTO uri (likeness, certificate, uri) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            params![uri.likeness(), id, uri.as_str()],
        )?;
    }
    for earlier in new.follows {
        transaction.execute(
            "INSERT INTO succession (certificate, earlier, kind) \
             SELECT ?, id, ? FROM certificate WHERE serial = ?",
            params![id, earlier.kind.as_str(), earlier.serial.to_string()],
        )?;
    }
    Ok(())
}
