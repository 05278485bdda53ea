//! Revocation lists with any dates, numbers and signers.

use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use crate::{Error, TestCa, TestKey, authority::whole_seconds};

/// How old a list is at the community's time.
pub(crate) const AGE: Duration = Duration::hours(1);
/// How long a list is valid.
pub(crate) const LIFETIME: Duration = Duration::days(7);

/// A revocation list in the making: v2, with number and authority key identifier.
#[derive(Debug, Clone)]
#[must_use = "call build()"]
pub struct CrlBuilder<'a> {
    authority: &'a TestCa,
    this_update: OffsetDateTime,
    next_update: OffsetDateTime,
    number: u64,
    revoked: Vec<Vec<u8>>,
    reason: RevocationReason,
    signing_key: TestKey,
}

impl<'a> CrlBuilder<'a> {
    pub(crate) fn new(
        authority: &'a TestCa,
        now: OffsetDateTime,
        number: u64,
        revoked: Vec<Vec<u8>>,
    ) -> Self {
        let this_update = now - AGE;
        Self {
            authority,
            this_update,
            next_update: this_update + LIFETIME,
            number,
            revoked,
            reason: RevocationReason::KeyCompromise,
            signing_key: authority.key.clone(),
        }
    }

    /// When the list was made.
    pub fn this_update(mut self, date: OffsetDateTime) -> Self {
        self.this_update = date;
        self
    }

    /// When the next one is due.
    pub fn next_update(mut self, date: OffsetDateTime) -> Self {
        self.next_update = date;
        self
    }

    /// The list's number.
    pub fn number(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// Names a certificate by its serial number, besides those revoked in the community.
    pub fn revoke(mut self, serial: &[u8]) -> Self {
        self.revoked.push(serial.to_vec());
        self
    }

    /// Names nothing, whatever was revoked in the community.
    pub fn empty(mut self) -> Self {
        self.revoked.clear();
        self
    }

    /// Puts every certificate on hold, which counts as revoked (C23).
    pub fn on_hold(mut self) -> Self {
        self.reason = RevocationReason::CertificateHold;
        self
    }

    /// Signs with another key, under the authority's name and key identifier.
    pub fn signed_by(mut self, key: &TestKey) -> Self {
        self.signing_key = key.clone();
        self
    }

    /// The list in DER.
    ///
    /// # Panics
    /// If `next_update` is not after `this_update`, or the cryptographic library fails.
    #[must_use]
    pub fn build(self) -> Vec<u8> {
        self.try_build().expect("a list can be made")
    }

    pub(crate) fn try_build(self) -> Result<Vec<u8>, Error> {
        let this_update = whole_seconds(self.this_update);
        let revoked_cert = |serial: &Vec<u8>| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: this_update,
            reason_code: Some(self.reason),
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update,
            next_update: whole_seconds(self.next_update),
            crl_number: SerialNumber::from(self.number),
            issuing_distribution_point: None,
            revoked_certs: self.revoked.iter().map(revoked_cert).collect(),
            key_identifier_method: KeyIdMethod::PreSpecified(self.authority.key_identifier()?),
        };
        // An odd CA lacks the right to sign lists; its list is made all the same.
        let mut params = self.authority.params.clone();
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
        let issuer = Issuer::from_params(&params, self.signing_key.signer()?);
        Ok(list.signed_by(&issuer)?.der().to_vec())
    }
}
