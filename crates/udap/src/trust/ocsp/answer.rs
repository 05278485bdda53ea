//! What a verified response says about one certificate.

use time::OffsetDateTime;

use super::error::OcspError;
use super::responder;
use super::response::{BasicResponse, CertStatus, Single};
use crate::certificate::Certificate;
use crate::limits;
use crate::trust::crl::Reason;

/// What a responder says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspStatus {
    /// Not revoked.
    Good,
    /// Revoked or on hold (C23).
    Revoked(Reason),
    /// The responder does not know it, which establishes nothing.
    Unknown,
}

/// What the issuer, or a responder that it authorised, says of one certificate. Only
/// [`OcspAnswer::read`] makes one.
///
/// That it exists says that signature and signer are right, not that it is still of use:
/// [`OcspAnswer::is_current`] is to be asked each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspAnswer {
    certificate: [u8; 32],
    issuer_key: [u8; 32],
    /// The responder, if it is not the issuer itself.
    responder: Option<Certificate>,
    status: OcspStatus,
    issued: OffsetDateTime,
    usable_until: OffsetDateTime,
}

impl OcspAnswer {
    /// Decodes a response in DER to a question about `certificate`, and verifies that `issuer`
    /// answers, or a responder that it authorised and whose certificate is valid at `at`.
    ///
    /// If it speaks of the certificate more than once, what revokes wins, then what is unknown. A
    /// critical extension that is not understood spoils every answer but a revocation.
    ///
    /// # Errors
    /// If it is too long, does not decode to the last octet, gives no answer, is not signed as it
    /// must be, or is about another certificate.
    pub fn read(
        der: &[u8],
        certificate: &Certificate,
        issuer: &Certificate,
        at: OffsetDateTime,
    ) -> Result<Self, OcspError> {
        let response = BasicResponse::read(der)?;
        let key = issuer.key().map_err(OcspError::IssuerKey)?;
        let responder = responder::authorise(&response, certificate, issuer, key, at)?;

        let about: Vec<_> = response
            .singles
            .iter()
            .filter(|single| single.id.names(certificate, key))
            .collect();
        let is_understood = response.is_understood && about.iter().all(|one| one.is_understood);
        let status = about
            .iter()
            .map(|single| OcspStatus::from(single.status))
            .reduce(worse)
            .ok_or(OcspError::OtherCertificate)?;
        if !is_understood && !matches!(status, OcspStatus::Revoked(_)) {
            return Err(OcspError::CriticalExtension);
        }
        let issued = about.iter().map(|single| single.this_update);
        let usable_until = about
            .iter()
            .map(|single| usable_until(single))
            .chain(responder.as_ref().map(Certificate::not_after))
            .min()
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Ok(Self {
            certificate: *certificate.fingerprint(),
            issuer_key: *key.fingerprint(),
            responder,
            status,
            issued: issued.fold(response.produced_at, OffsetDateTime::max),
            usable_until,
        })
    }

    /// What it says; of weight if it is [current](Self::is_current), a revocation always.
    #[must_use]
    pub fn status(&self) -> OcspStatus {
        self.status
    }

    /// Whether it revokes, which it does whatever its age (decisions 21).
    #[must_use]
    pub fn revokes(&self) -> bool {
        matches!(self.status, OcspStatus::Revoked(_))
    }

    /// Whether it shows at `at` that the certificate is not revoked.
    #[must_use]
    pub fn shows_good(&self, at: OffsetDateTime) -> bool {
        self.status == OcspStatus::Good && self.is_current(at)
    }

    /// Whether it is of use at `at`: issued, with the usual skew, and not past
    /// [`OcspAnswer::usable_until`].
    #[must_use]
    pub fn is_current(&self, at: OffsetDateTime) -> bool {
        self.issued <= at + limits::CLOCK_SKEW && at < self.usable_until
    }

    /// The first instant at which it is of no more use: nextUpdate, or
    /// [`limits::OCSP_LIFETIME`] after thisUpdate, or [`limits::OCSP_LIFETIME_UNSTATED`] after it if
    /// there is no nextUpdate, or the end of the responder's certificate, whichever comes first.
    #[must_use]
    pub fn usable_until(&self) -> OffsetDateTime {
        self.usable_until
    }

    /// Whether it is about this certificate under this issuer's key. An answer under one key says
    /// nothing under another.
    #[must_use]
    pub fn is_about(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        self.certificate == *certificate.fingerprint()
            && issuer
                .key()
                .is_ok_and(|key| self.issuer_key == *key.fingerprint())
    }

    /// The certificate of the responder that signed it, unless the issuer did.
    #[must_use]
    pub fn responder(&self) -> Option<&Certificate> {
        self.responder.as_ref()
    }

    /// SHA-256 of the certificate that it is about.
    #[must_use]
    pub fn certificate_fingerprint(&self) -> &[u8; 32] {
        &self.certificate
    }

    /// SHA-256 of the issuer's SubjectPublicKeyInfo.
    #[must_use]
    pub fn issuer_key_fingerprint(&self) -> &[u8; 32] {
        &self.issuer_key
    }
}

impl From<CertStatus> for OcspStatus {
    fn from(status: CertStatus) -> Self {
        match status {
            CertStatus::Good => Self::Good,
            CertStatus::Revoked(reason) => Self::Revoked(reason),
            CertStatus::Unknown => Self::Unknown,
        }
    }
}

/// What is to be believed of two statements about one certificate.
fn worse(one: OcspStatus, other: OcspStatus) -> OcspStatus {
    match (one, other) {
        (OcspStatus::Good, other) | (OcspStatus::Unknown, other @ OcspStatus::Revoked(_)) => other,
        (one, _) => one,
    }
}

fn usable_until(single: &Single<'_>) -> OffsetDateTime {
    let after = |life| {
        // A date at the end of time has no future.
        single
            .this_update
            .checked_add(life)
            .unwrap_or(single.this_update)
    };
    match single.next_update {
        Some(next) => next.min(after(limits::OCSP_LIFETIME)),
        None => after(limits::OCSP_LIFETIME_UNSTATED),
    }
}
