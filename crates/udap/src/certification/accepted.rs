//! A certification that counts.

use serde::Serialize;
use time::OffsetDateTime;

use crate::trust::TrustedPath;

/// A certification that has passed every check. Made by the registrar alone.
#[derive(Clone, Debug, Serialize)]
pub struct AcceptedCertification {
    /// The JWT as it was sent.
    #[serde(skip)]
    pub(crate) token: String,
    pub(crate) name: String,
    pub(crate) issuer: String,
    pub(crate) uris: Vec<String>,
    pub(crate) jti: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) is_endorsement: bool,
    /// The certifier's, by the anchors of each program that it names.
    #[serde(skip)]
    pub(crate) paths: Vec<TrustedPath>,
}

impl AcceptedCertification {
    /// The JWT as it was sent, for the answer (E08).
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// `certification_name`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `iss`: the certifier's URI.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Those of its `certification_uris` that the community recognises.
    #[must_use]
    pub fn uris(&self) -> &[String] {
        &self.uris
    }

    /// `jti`.
    #[must_use]
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// `exp`.
    #[must_use]
    pub fn expires_at(&self) -> OffsetDateTime {
        self.expires_at
    }

    /// The certifier's paths, by the anchors of each recognised certification; empty if the app signed
    /// it with the certificate that it registers with.
    #[must_use]
    pub fn paths(&self) -> &[TrustedPath] {
        &self.paths
    }

    /// `is_endorsement`: whether the certifier recommends the app (F16).
    #[must_use]
    pub fn is_endorsement(&self) -> bool {
        self.is_endorsement
    }
}
