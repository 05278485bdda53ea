//! An archive that keeps nothing.

use async_trait::async_trait;
use time::OffsetDateTime;
use udap::registry::{CrlArchive, CrlRecord, CrlVersion, RegistryError};

pub(super) struct NoArchive;

#[async_trait]
impl CrlArchive for NoArchive {
    async fn put_crl(&self, _crl: &CrlRecord) -> Result<bool, RegistryError> {
        Ok(false)
    }

    async fn crl(
        &self,
        _url: &str,
        _issuer_key: &[u8; 32],
    ) -> Result<Option<CrlRecord>, RegistryError> {
        Ok(None)
    }

    async fn crl_versions(&self) -> Result<Vec<CrlVersion>, RegistryError> {
        Ok(Vec::new())
    }

    async fn confirm_crl(
        &self,
        _url: &str,
        _issuer_key: &[u8; 32],
        _at: OffsetDateTime,
    ) -> Result<(), RegistryError> {
        Ok(())
    }

    async fn remove_crl(&self, _url: &str, _issuer_key: &[u8; 32]) -> Result<bool, RegistryError> {
        Ok(false)
    }
}
