//! What a refused token request says (RFC 6749 §5.2, decisions 23, 27).

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

/// An error code of the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenErrorCode {
    /// A parameter is missing, malformed, or given twice.
    InvalidRequest,
    /// The app is not who it says, or not trusted now.
    InvalidClient,
    /// The authorization extension is missing or not accepted (G12–G15).
    InvalidGrant,
    /// The app is not registered for this grant type.
    UnauthorizedClient,
    /// There is no such grant type here.
    UnsupportedGrantType,
    /// Nothing of the scope is registered.
    InvalidScope,
    /// Whether the app's certificate is revoked cannot be learned now (decisions 23).
    TemporarilyUnavailable,
}

impl TokenErrorCode {
    /// The code as it stands in the answer.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// Every code.
    pub const ALL: [Self; 7] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::InvalidScope,
        Self::TemporarilyUnavailable,
    ];

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient => 401,
            Self::TemporarilyUnavailable => 503,
            _ => 400,
        }
    }
}

/// A refused token request. Its text is a sentence of ours and never holds a value from the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRefusal {
    code: TokenErrorCode,
    rule: &'static str,
    message: String,
    retry_after_seconds: Option<u32>,
}

impl TokenRefusal {
    pub(crate) fn new(
        code: TokenErrorCode,
        rule: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            rule,
            message: message.into(),
            retry_after_seconds: None,
        }
    }

    pub(crate) fn invalid_request(rule: &'static str, message: &'static str) -> Self {
        Self::new(TokenErrorCode::InvalidRequest, rule, message)
    }

    pub(crate) fn invalid_client(rule: &'static str, message: impl Into<String>) -> Self {
        Self::new(TokenErrorCode::InvalidClient, rule, message)
    }

    /// The same, with an invitation to come back.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// What every app is told that is not registered here, was cancelled, switched off or blocked: an
    /// app cannot tell the one from the other (decisions 12).
    #[must_use]
    pub fn unknown_client() -> Self {
        Self::invalid_client(
            "G06",
            "the client assertion is not from an app that is registered and enabled here",
        )
    }

    /// What an assertion is told that was used before (G08).
    #[must_use]
    pub fn replayed() -> Self {
        Self::invalid_client(
            "G08",
            "the client assertion has been used before: sign a new one with a new jti",
        )
    }

    /// What a request is told that comes with an `Authorization` header (G01).
    #[must_use]
    pub fn authorization_header() -> Self {
        Self::invalid_request(
            "G01",
            "apps authenticate by client_assertion alone: send no Authorization header",
        )
    }

    /// What a request is told whose URL has a query: what is asked for, and who asks, would end up in
    /// logs (G02, RFC 6749 §2.3.1).
    #[must_use]
    pub fn query() -> Self {
        Self::invalid_request(
            "G02",
            "send the parameters in the body, and none in the URL",
        )
    }

    /// What a request to the FHIR server's own token endpoint is told that names one of our apps
    /// (decisions 28).
    #[must_use]
    pub fn guarded() -> Self {
        Self::invalid_client(
            "G05",
            "this app gets its tokens at the token endpoint that the UDAP metadata show",
        )
    }

    /// What it is told if it cannot be read whom it names (decisions 28).
    #[must_use]
    pub fn unreadable_client() -> Self {
        Self::invalid_client("G05", "it cannot be told which app this is from")
    }

    /// The error code.
    #[must_use]
    pub fn code(&self) -> TokenErrorCode {
        self.code
    }

    /// The requirement that is not met.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.rule
    }

    /// Seconds after which the same request may succeed, if waiting helps.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.retry_after_seconds
    }

    /// One readable text with the rule, in the characters that RFC 6749 §5.2 allows.
    #[must_use]
    pub fn description(&self) -> String {
        let text = format!("{} ({})", self.message.trim_end_matches('.'), self.rule);
        text.chars()
            .map(|character| match character {
                '"' => '\'',
                '\\' => '/',
                ' '..='~' => character,
                _ => '?',
            })
            .collect()
    }

    /// The answer.
    #[must_use]
    pub fn to_answer(&self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("error".to_owned(), json!(self.code.as_str()));
        members.insert("error_description".to_owned(), json!(self.description()));
        members
    }
}

impl fmt::Display for TokenRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code.as_str(), self.description())
    }
}

impl std::error::Error for TokenRefusal {}
