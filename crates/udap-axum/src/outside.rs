//! What the service needs from outside beside the network: time and chance, and the FHIR server that
//! gives out tokens.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::response::Response;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use udap::registry::TokenRegistry;
use udap::token::AuthorizedRequest;

/// The clock and the source of random ids, as parameters.
#[derive(Clone, Copy)]
pub struct Environment {
    /// The time now.
    pub now: fn() -> OffsetDateTime,
    /// A fresh id of at least 128 random bits, in base64url characters, at most 80 of them.
    pub random_id: fn() -> String,
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Environment")
    }
}

/// Forwards authorized token requests to the FHIR server's own token endpoint (decisions 26, 27).
#[async_trait]
pub trait TokenForwarder: Send + Sync {
    /// Asks for what the request asks for, authenticated as its client by a key of the gateway's own.
    /// To be called only once the request is recorded; it is sent at most once.
    ///
    /// # Errors
    /// [`ForwardError`]: there is no answer that could be passed on.
    async fn forward(
        &self,
        request: &AuthorizedRequest,
        kid: &str,
    ) -> Result<Forwarded, ForwardError>;

    /// Passes a request to a site's own token endpoint on as it came, but for the headers of the
    /// connection, and gives the answer back as it arrives (decisions 28). To be called only for what
    /// names no client of ours.
    ///
    /// # Errors
    /// [`ForwardError::Unreachable`], [`ForwardError::Timeout`], or [`ForwardError::Answer`].
    async fn pass(
        &self,
        site: &str,
        request: axum::http::Request<Bytes>,
    ) -> Result<Response, ForwardError>;
}

/// What sites in gateway mode need.
#[derive(Clone)]
pub struct Tokens {
    /// The registrations, for those who ask for tokens.
    pub registry: Arc<dyn TokenRegistry>,
    /// Who asks the FHIR servers.
    pub forwarder: Arc<dyn TokenForwarder>,
    /// FHIR servers' own token endpoints that are guarded.
    pub guards: Vec<Guard>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tokens")
            .field("guards", &self.guards)
            .finish_non_exhaustive()
    }
}

/// A FHIR server's own token endpoint, whose path the proxy routes to us (decisions 28).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The site.
    pub site: String,
    /// The path, as it stands in the endpoint's URL.
    pub path: String,
}

/// What the FHIR server answered. Debug output shows no token.
#[derive(Clone, PartialEq)]
pub struct Forwarded {
    /// The HTTP status.
    pub status: u16,
    /// The JSON object. Secret.
    pub body: Map<String, Value>,
}

impl fmt::Debug for Forwarded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Forwarded")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Why there is nothing to pass on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardError {
    /// The gateway does not have the key that the client's row carries.
    #[error("the gateway has no key of this kid")]
    UnknownKey,
    /// The FHIR server cannot be reached.
    #[error("the token endpoint of the FHIR server cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// It did not answer in time. Whether it acted is unknown, so it is not asked again.
    #[error("the token endpoint of the FHIR server did not answer in time")]
    Timeout,
    /// Its answer is no OAuth answer.
    #[error("the token endpoint of the FHIR server answered with status {status}, but {why}")]
    Answer {
        /// The status.
        status: u16,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It does not accept the gateway's own assertion: our fault, and an alarm.
    #[error("the token endpoint of the FHIR server does not accept the gateway's assertion")]
    NotAccepted,
    /// Signing failed.
    #[error("the gateway's key did not sign")]
    Signing(#[source] Box<dyn Error + Send + Sync>),
}
