//! The gateway's keys, from wherever they are kept (decisions 26).

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use udap::algorithm::Algorithm;
use udap::jws::{Members, Signer, SignerError};

/// An RSA key that signs for a site's clients.
pub struct SigningKey {
    signer: Signer,
    kid: String,
}

impl SigningKey {
    /// The key in this PEM (PKCS #8), under the `kid` that clients' rows have for it.
    ///
    /// # Errors
    /// If it is no RSA key.
    pub fn from_pem(pem: &[u8], kid: impl Into<String>) -> Result<Self, SignerError> {
        Ok(Self {
            signer: Signer::from_pem(Algorithm::Rs384, pem, &[])?,
            kid: kid.into(),
        })
    }

    pub(crate) fn sign(&self, claims: &Members) -> Result<String, SignerError> {
        self.signer.sign(claims, Some(&self.kid))
    }
}

/// Names the key without showing it.
impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// Why it is not known whether there is a key.
#[derive(Debug, thiserror::Error)]
#[error("the gateway's keys cannot be read")]
pub struct KeyError(#[source] pub Box<dyn Error + Send + Sync>);

/// Where the keys are. Asked for every token, off the asynchronous threads: it should remember them.
pub trait SigningKeys: Send + Sync {
    /// The site's key of this `kid`; `None` if there is none, not even among those that were made since
    /// they were read last.
    ///
    /// # Errors
    /// If they cannot be read.
    fn key(&self, site: &str, kid: &str) -> Result<Option<Arc<SigningKey>>, KeyError>;
}
