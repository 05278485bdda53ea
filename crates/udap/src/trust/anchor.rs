//! Trust anchors: certificates that an operator vouches for.

use time::OffsetDateTime;

use super::certval;
use super::distrust::{Distrust, Place};
use crate::certificate::{Certificate, CertificateFlaw};
use crate::key::{KeyError, PublicKey};

/// Why a certificate cannot be a trust anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// It is malformed.
    #[error("the trust anchor is malformed: {0}")]
    Flaw(#[from] CertificateFlaw),
    /// Its key is of a kind or size that is not accepted.
    #[error("the trust anchor's key is not accepted: {0}")]
    Key(#[from] KeyError),
    /// basicConstraints does not make it a CA's.
    #[error("the trust anchor is no CA certificate")]
    NotCa,
    /// keyUsage is there and lacks keyCertSign.
    #[error("the trust anchor must not sign certificates (keyUsage)")]
    KeyUsage,
    /// The subject is empty: nothing can name it as issuer.
    #[error("the trust anchor has no name")]
    NoName,
    /// The judge of paths cannot read it, so nothing below it would be trusted.
    #[error(
        "the trust anchor holds an object identifier or a date that cannot be read: 2.40 or higher, \
         with a number of 2^32 or more, or before 1970"
    )]
    Unreadable,
}

/// A CA certificate at which paths end. A root or an intermediate (C09); its own signature and
/// issuer are of no interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustAnchor {
    certificate: Certificate,
    key: PublicKey,
}

impl TrustAnchor {
    /// Checks everything about an anchor but its dates, which are judged at each use.
    ///
    /// # Errors
    /// Why the certificate cannot be an anchor.
    pub fn new(certificate: Certificate) -> Result<Self, AnchorError> {
        certificate.well_formed()?;
        let key = certificate.key()?.clone();
        if !certificate.is_ca() {
            return Err(AnchorError::NotCa);
        }
        if certificate
            .key_usage()
            .is_some_and(|usage| !usage.key_cert_sign())
        {
            return Err(AnchorError::KeyUsage);
        }
        if certificate.subject_key().is_empty() {
            return Err(AnchorError::NoName);
        }
        if !certval::can_read(&certificate) {
            return Err(AnchorError::Unreadable);
        }
        Ok(Self { certificate, key })
    }

    /// The anchor's certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The anchor's key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Whether both are the same CA: subject and key count, not the certificate (decisions 24).
    #[must_use]
    pub fn same_name_and_key(&self, other: &Self) -> bool {
        self.key == other.key && self.certificate.subject_key() == other.certificate.subject_key()
    }

    /// Whether it is valid at `at`.
    ///
    /// # Errors
    /// That it has expired or is not yet valid.
    pub fn valid_at(&self, at: OffsetDateTime) -> Result<(), Distrust> {
        dates(&self.certificate, Place::Anchor, at)
    }
}

/// Whether `at` lies in the certificate's validity (C11: without skew).
pub(crate) fn dates(
    certificate: &Certificate,
    place: Place,
    at: OffsetDateTime,
) -> Result<(), Distrust> {
    if at < certificate.not_before() {
        Err(Distrust::NotYetValid(place))
    } else if at > certificate.not_after() {
        Err(Distrust::Expired(place))
    } else {
        Ok(())
    }
}
