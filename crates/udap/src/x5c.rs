//! The `x5c` header: the app's certificate and whatever may link it to an anchor.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::certificate::{Certificate, CertificateError};
use crate::limits;

/// The certificates of an `x5c` header (RFC 7515 §4.1.6; C03, C04): the leaf that signed, and
/// candidates for path building in any order, none of them trusted for being there.
#[derive(Clone, Debug)]
pub struct X5c {
    leaf: Certificate,
    others: Vec<Certificate>,
}

/// Why an `x5c` header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum X5cError {
    /// There is none.
    #[error("is required in the JWT header")]
    Missing,
    /// Not an array of strings, or an empty one.
    #[error("must be an array of one to ten strings, the signer's certificate first")]
    NotAList,
    /// More than [`limits::X5C_CERTIFICATES`].
    #[error("may hold at most ten certificates")]
    TooMany,
    /// Beyond [`limits::CERTIFICATE_BYTES`] or [`limits::X5C_BYTES`].
    #[error("may hold at most 16 KB a certificate and 64 KB in all")]
    TooLarge,
    /// Not standard base64 with padding (RFC 4648 §4).
    #[error("must hold DER in standard base64 with padding, not base64url")]
    NotBase64,
    /// Not an X.509 certificate.
    #[error("must hold X.509 version 3 certificates in DER")]
    NotACertificate,
}

impl X5c {
    /// Decodes the header's value. Certificates that stand twice are kept once.
    ///
    /// # Errors
    /// The position of the entry at fault, where there is one, and what is wrong.
    pub fn decode(value: Option<&Value>) -> Result<Self, (Option<usize>, X5cError)> {
        Self::decode_with(value, Certificate::from_der)
    }

    /// [`X5c::decode`] with what decodes a certificate, [`Certificate::from_der`] or an equal.
    pub(crate) fn decode_with(
        value: Option<&Value>,
        from_der: impl Fn(&[u8]) -> Result<Certificate, CertificateError>,
    ) -> Result<Self, (Option<usize>, X5cError)> {
        let value = value.ok_or((None, X5cError::Missing))?;
        let entries = value.as_array().ok_or((None, X5cError::NotAList))?;
        if entries.len() > limits::X5C_CERTIFICATES {
            return Err((None, X5cError::TooMany));
        }
        let mut total = 0;
        let mut leaf = None;
        let mut others: Vec<Certificate> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let text = entry.as_str().ok_or((Some(index), X5cError::NotAList))?;
            if text.len() > limits::CERTIFICATE_BYTES.div_ceil(3) * 4 {
                return Err((Some(index), X5cError::TooLarge));
            }
            let der = STANDARD
                .decode(text)
                .map_err(|_| (Some(index), X5cError::NotBase64))?;
            total += der.len();
            if der.len() > limits::CERTIFICATE_BYTES || total > limits::X5C_BYTES {
                return Err((Some(index), X5cError::TooLarge));
            }
            let certificate =
                from_der(&der).map_err(|_| (Some(index), X5cError::NotACertificate))?;
            match &leaf {
                None => leaf = Some(certificate),
                Some(leaf) => {
                    if *leaf != certificate && !others.contains(&certificate) {
                        others.push(certificate);
                    }
                }
            }
        }
        match leaf {
            Some(leaf) => Ok(Self { leaf, others }),
            None => Err((None, X5cError::NotAList)),
        }
    }

    /// The signer's certificate, `x5c[0]` (C02).
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// All others, without repetition.
    #[must_use]
    pub fn others(&self) -> &[Certificate] {
        &self.others
    }
}
