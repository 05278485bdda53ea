//! A certificate that its CA revoked.

use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::serials::minimal;
use crate::certificate::Certificate;

/// A certificate of a path that its issuer revoked, or put on hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    certificate: Certificate,
    identity: [u8; 32],
}

impl RevokedCertificate {
    /// That `issuer`, which signed it, revoked it. Whoever says so has evaluated its path.
    #[must_use]
    pub fn new(certificate: &Certificate, issuer: &Certificate) -> Self {
        Self {
            certificate: certificate.clone(),
            identity: revocation_identity(certificate, issuer),
        }
    }

    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What it is remembered by: [`revocation_identity`].
    #[must_use]
    pub fn identity(&self) -> &[u8; 32] {
        &self.identity
    }

    /// When it need not be remembered any longer, since it has expired.
    #[must_use]
    pub fn not_after(&self) -> OffsetDateTime {
        self.certificate.not_after()
    }
}

/// SHA-256 over the issuer's name and key and the serial number, by which a CA revokes: a key for
/// tables. Unlike the fingerprint it survives an ECDSA signature whose `s` somebody negated; and a
/// CA that takes another's name, but has not its key, cannot make it.
#[must_use]
pub fn revocation_identity(certificate: &Certificate, issuer: &Certificate) -> [u8; 32] {
    let name = certificate.issuer_key().as_bytes();
    Sha256::new()
        .chain_update((name.len() as u64).to_be_bytes())
        .chain_update(name)
        .chain_update(issuer.spki_hash())
        .chain_update(minimal(certificate.serial()).unwrap_or_default())
        .finalize()
        .into()
}
