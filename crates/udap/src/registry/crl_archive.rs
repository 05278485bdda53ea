//! Where fetched CRLs are kept over restarts, and shared between instances (decisions 22).

use async_trait::async_trait;
use time::OffsetDateTime;

use super::RegistryError;

/// A CRL as it was fetched. Whoever stores one has verified its signature by the key of `issuer`;
/// whoever loads one does so again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlRecord {
    /// Where it was fetched.
    pub url: String,
    /// The certificate, in DER, whose key signed it.
    pub issuer: Vec<u8>,
    /// That key's fingerprint. One address may have a list of each of several CAs.
    pub issuer_key: [u8; 32],
    /// thisUpdate.
    pub this_update: OffsetDateTime,
    /// nextUpdate.
    pub next_update: Option<OffsetDateTime>,
    /// cRLNumber: octets of the INTEGER, big-endian.
    pub number: Option<Vec<u8>>,
    /// The answer's `ETag`, for the next conditional request.
    pub entity_tag: Option<String>,
    /// The answer's `Last-Modified`.
    pub last_modified: Option<String>,
    /// When it was last fetched, or confirmed to be the newest.
    pub fetched_at: OffsetDateTime,
    /// The CRL in DER.
    pub der: Vec<u8>,
}

/// Which CRL is stored under a URL and an issuer's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlVersion {
    /// Where it was fetched.
    pub url: String,
    /// The fingerprint of the key that signed it.
    pub issuer_key: [u8; 32],
    /// SHA-256 of the CRL in DER.
    pub digest: [u8; 32],
    /// nextUpdate.
    pub next_update: Option<OffsetDateTime>,
    /// When it was last fetched, or confirmed to be the newest.
    pub fetched_at: OffsetDateTime,
}

/// Keeps CRLs.
#[async_trait]
pub trait CrlArchive: Send + Sync {
    /// Stores a CRL in the place of the one from the same URL and of the same key, as a whole. One
    /// that is older, by thisUpdate or number, replaces nothing. Returns whether it was stored.
    ///
    /// # Errors
    /// If the store fails.
    async fn put_crl(&self, crl: &CrlRecord) -> Result<bool, RegistryError>;

    /// The CRL from a URL that a key signed.
    ///
    /// # Errors
    /// If the store fails, or what it holds is not what was stored.
    async fn crl(
        &self,
        url: &str,
        issuer_key: &[u8; 32],
    ) -> Result<Option<CrlRecord>, RegistryError>;

    /// What is stored, without the lists themselves.
    ///
    /// # Errors
    /// If the store fails.
    async fn crl_versions(&self) -> Result<Vec<CrlVersion>, RegistryError>;

    /// Notes that the CRL of a URL and a key was found to be still the newest.
    ///
    /// # Errors
    /// If the store fails.
    async fn confirm_crl(
        &self,
        url: &str,
        issuer_key: &[u8; 32],
        at: OffsetDateTime,
    ) -> Result<(), RegistryError>;

    /// Forgets the CRL of a URL and a key that no certificate names any more. Returns whether there was one.
    ///
    /// # Errors
    /// If the store fails.
    async fn remove_crl(&self, url: &str, issuer_key: &[u8; 32]) -> Result<bool, RegistryError>;
}
