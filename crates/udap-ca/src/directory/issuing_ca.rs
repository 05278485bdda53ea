//! The issuing CA's own certificate, which ends long before the root's.

use rand::Rng;
use time::OffsetDateTime;

use super::{
    CaDirectory,
    layout::{cer_file, pem_file},
    load,
};
use crate::{
    Earlier, Entry, Error, IssuerRole, ProfileName, PublicKey, Serial, Subject, Succession,
    authority::to_pem, files::write_public_file, index::NewEntry,
};

impl CaDirectory {
    /// The present certificate of the issuing CA, as it is listed.
    pub(super) fn issuing_ca(&self) -> Result<Entry, Error> {
        self.index.known(self.intermediate.serial())
    }

    /// Issues the issuing CA's certificate anew, for the same key: what it has issued stays good, and
    /// what it issues from now on may last longer (J09). The old certificate stays good too.
    ///
    /// # Errors
    /// [`Error::RootKeyAbsent`]; [`Error::RevokedNotRenewed`]; [`Error::IssuerNotValid`] outside the
    /// root's validity; [`Error::Index`]; [`Error::Io`].
    pub fn renew_issuing_ca(
        &mut self,
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<Entry, Error> {
        let earlier = self.issuing_ca()?;
        if earlier.revocation.is_some() {
            return Err(Error::RevokedNotRenewed {
                serial: earlier.serial,
            });
        }
        let subject = Subject::new(&earlier.common_name, earlier.organization.as_deref())?;
        let root = self.authority(IssuerRole::Root)?;
        let issued = root.renew_issuing_ca(&self.intermediate, &subject, now, rng)?;
        self.index.add(&NewEntry {
            certificate: &issued,
            issuer: IssuerRole::Root,
            profile: ProfileName::IssuingCa,
            subject: &subject,
            names: Vec::new(),
            uris: &[],
            key: &PublicKey::of_certificate(issued.der())?,
            follows: &[Earlier {
                serial: earlier.serial,
                kind: Succession::Renewal,
            }],
            metadata: None,
        })?;
        self.replace_issuing_ca(issued.serial())?;
        self.issuing_ca()
    }

    /// Puts a listed certificate of the issuing CA in the place of the present one.
    pub(super) fn replace_issuing_ca(&mut self, serial: &Serial) -> Result<(), Error> {
        let issuer = IssuerRole::Intermediate;
        let der = self.index.certificate_der(serial)?;
        write_public_file(&self.path.join(cer_file(issuer)), &der)?;
        write_public_file(&self.path.join(pem_file(issuer)), to_pem(&der).as_bytes())?;
        let secret = self.passphrase.as_ref();
        self.intermediate = load(&self.path, issuer, self.index.settings(), secret)?;
        self.index.is_filed(serial)
    }
}
