//! Revoking, and signing revocation lists.

use time::OffsetDateTime;

use super::CaDirectory;
use crate::{Entry, Error, IssuerRole, RevocationReason, Serial, files::write_public_file};

impl CaDirectory {
    /// Revokes a certificate and signs its issuer's new revocation list. If signing or writing
    /// the list fails, the revocation stands and [`CaDirectory::resume`] or the next list carries it.
    ///
    /// # Errors
    /// [`Error::UnknownSerial`]; [`Error::AlreadyRevoked`]; [`Error::RootKeyAbsent`] for the
    /// issuing CA's certificate; those of [`crate::Authority::sign_crl`]; [`Error::Index`];
    /// [`Error::Io`].
    pub fn revoke(
        &mut self,
        serial: &Serial,
        reason: RevocationReason,
        now: OffsetDateTime,
    ) -> Result<Entry, Error> {
        let entry = self.index.known(serial)?;
        self.authority(entry.issuer)?;
        self.index.revoke(&entry, reason, now)?;
        self.sign_crl(entry.issuer, now)?;
        self.index.known(serial)
    }

    /// Signs and writes new revocation lists of the issuing CA and, if its key is here, of the
    /// root. To be run before the present ones lapse.
    ///
    /// # Errors
    /// Those of [`crate::Authority::sign_crl`]; [`Error::Index`]; [`Error::Io`].
    pub fn sign_crls(&mut self, now: OffsetDateTime) -> Result<(), Error> {
        if self.has_root_key() {
            self.sign_crl(IssuerRole::Root, now)?;
        }
        self.sign_crl(IssuerRole::Intermediate, now)
    }

    /// Finishes what a killed command left: a revocation whose list was not signed yet. To be called
    /// once after opening.
    ///
    /// # Errors
    /// Those of [`CaDirectory::sign_crls`].
    pub fn resume(&mut self, now: OffsetDateTime) -> Result<(), Error> {
        for issuer in IssuerRole::ALL {
            let has_key = issuer == IssuerRole::Intermediate || self.has_root_key();
            if has_key && self.index.crl_is_due(issuer)? {
                self.sign_crl(issuer, now)?;
            }
        }
        Ok(())
    }

    fn sign_crl(&mut self, issuer: IssuerRole, now: OffsetDateTime) -> Result<(), Error> {
        self.authority(issuer)?;
        let number = self.index.next_crl_number(issuer)?;
        let revoked = self.index.revoked_by(issuer)?;
        let lifetime = self.index.crl_lifetime(issuer)?;
        let authority = self.authority(issuer)?;
        let list = authority.sign_crl(number, &revoked, now, lifetime)?;
        write_public_file(&self.crl_path(issuer), &list)?;
        self.index.crl_is_written(issuer)
    }
}
