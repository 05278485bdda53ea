//! What a server says of itself: UDAP metadata (IG §2.2).

use serde_json::{Map, Value};
use url::Url;

use crate::fetch::HttpError;

/// Why there is no metadata.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// 404: no UDAP at this base URL, or (before STU2) not for this community (A05).
    #[error("{url} answers 404: the server offers no UDAP at this FHIR base URL")]
    NotOffered {
        /// What was asked.
        url: Url,
    },
    /// 204: UDAP is offered, but not to this community (A37).
    #[error("{url} answers 204: the server has no certificate of this trust community")]
    UnknownCommunity {
        /// What was asked.
        url: Url,
    },
    /// Another status.
    #[error("{url} answers with status {status} instead of metadata")]
    Status {
        /// What was asked.
        url: Url,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is no JSON object.
    #[error("the UDAP metadata cannot be read: {0}")]
    Json(#[from] udap::json::JsonError),
    /// A member that registering depends on is missing or no text.
    #[error("the UDAP metadata holds no `{0}`")]
    Missing(&'static str),
}

/// A server's metadata as it was fetched. Nothing in it is verified: see [`Discovery::verify`].
#[derive(Clone, Debug, PartialEq)]
pub struct Discovery {
    base_url: String,
    community: Option<String>,
    document: Map<String, Value>,
}

impl Discovery {
    /// Reads a metadata document that was fetched for a FHIR base URL (without a trailing slash)
    /// and, if one was asked for, a community.
    ///
    /// # Errors
    /// [`DiscoveryError::Json`] if it is no JSON object, or repeats a key.
    pub fn parse(
        base_url: &str,
        community: Option<&str>,
        body: &[u8],
    ) -> Result<Self, DiscoveryError> {
        Ok(Self {
            base_url: base_url.to_owned(),
            community: community.map(str::to_owned),
            document: udap::json::object(body)?,
        })
    }

    /// The FHIR base URL that was asked.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The community that was asked for.
    #[must_use]
    pub fn community(&self) -> Option<&str> {
        self.community.as_deref()
    }

    /// The whole document; members that are null are absent.
    #[must_use]
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    /// Where statements are posted, which is also their `aud` (A22, B13).
    ///
    /// # Errors
    /// [`DiscoveryError::Missing`].
    pub fn registration_endpoint(&self) -> Result<&str, DiscoveryError> {
        self.text("registration_endpoint")
    }

    /// Where tokens are got (A19).
    ///
    /// # Errors
    /// [`DiscoveryError::Missing`].
    pub fn token_endpoint(&self) -> Result<&str, DiscoveryError> {
        self.text("token_endpoint")
    }

    /// Where users agree (A18).
    ///
    /// # Errors
    /// [`DiscoveryError::Missing`] where users do not.
    pub fn authorization_endpoint(&self) -> Result<&str, DiscoveryError> {
        self.text("authorization_endpoint")
    }

    /// The signed part, a compact JWS (A24).
    ///
    /// # Errors
    /// [`DiscoveryError::Missing`].
    pub fn signed_metadata(&self) -> Result<&str, DiscoveryError> {
        self.text("signed_metadata")
    }

    /// The entries of a member that is a list of texts; empty if it is missing, which means the
    /// same (A07).
    pub fn list<'a>(&'a self, member: &str) -> impl Iterator<Item = &'a str> {
        self.document
            .get(member)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }

    fn text(&self, member: &'static str) -> Result<&str, DiscoveryError> {
        self.document
            .get(member)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .ok_or(DiscoveryError::Missing(member))
    }
}
