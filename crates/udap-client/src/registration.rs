//! What a server answers to a software statement.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};
use udap_fetch::Answer;
use url::Url;

use crate::fetch::HttpError;

/// Of a new client (E01).
const CREATED: u16 = 201;

/// Of a changed or cancelled one (D07).
const OK: u16 = 200;

/// More than any server's table of clients holds.
const CLIENT_ID_OCTETS: usize = 512;

/// Why there is no registration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// The server refused the statement.
    #[error(transparent)]
    Failed(Box<RegistrationFailed>),
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer that is none of RFC 7591's.
    #[error("{url} answered with status {status}, but {why}")]
    Answer {
        /// The endpoint.
        url: Url,
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Printable ASCII (RFC 6749 appendix A.1). What a server sends ends in files and on terminals.
fn is_client_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= CLIENT_ID_OCTETS
        && text.bytes().all(|octet| matches!(octet, b' '..=b'~'))
}

/// A registration that the server accepted: new, modified or cancelled (E01, D07).
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    status: u16,
    client_id: String,
    document: Map<String, Value>,
}

impl Registered {
    pub(crate) fn read(url: Url, answer: &Answer) -> Result<Self, RegistrationError> {
        let status = answer.status;
        if !matches!(status, OK | CREATED) {
            return Err(RegistrationError::Failed(Box::new(
                RegistrationFailed::read(answer),
            )));
        }
        let unusable = |why| RegistrationError::Answer {
            url: url.clone(),
            status,
            why,
        };
        let document = udap::json::object(&answer.body).map_err(|_| {
            unusable("without a JSON object; whether the app is registered is unknown")
        })?;
        let client_id = document
            .get("client_id")
            .and_then(Value::as_str)
            .filter(|id| is_client_id(id))
            .ok_or_else(|| unusable("without a client_id that can be one"))?
            .to_owned();
        Ok(Self {
            status,
            client_id,
            document,
        })
    }

    /// The id for authorization and token requests.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The HTTP status: 201 for a new client_id, 200 otherwise (E01, D07).
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the server made a new client.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.status == CREATED
    }

    /// Whether the server confirms that the registration is cancelled: an empty list of grant
    /// types (D13).
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self.document.get("grant_types"), Some(Value::Array(types)) if types.is_empty())
    }

    /// The scopes that the server registered, which may be fewer or more than were asked for
    /// (B40).
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.document.get("scope").and_then(Value::as_str)
    }

    /// The whole answer: the metadata as registered (E03).
    #[must_use]
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }
}

/// A statement that the server refused (E20).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationFailed {
    /// The HTTP status.
    pub status: u16,
    /// The error code, for example `invalid_software_statement`; `None` if the answer has none.
    pub error: Option<String>,
    /// A sentence for people.
    pub description: Option<String>,
    /// All violations, if the server lists them.
    pub errors: Vec<Violation>,
    /// The value of `Retry-After`, if the server invites to come back.
    pub retry_after: Option<String>,
}

/// One rule that a statement breaks, as this project's server lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Violation {
    /// A name for programs.
    pub code: Option<String>,
    /// The claim at fault.
    pub claim: Option<String>,
    /// Where exactly, as a JSON pointer.
    pub pointer: Option<String>,
    /// The rule's id.
    pub rule: Option<String>,
    /// A sentence for people.
    pub message: Option<String>,
}

impl RegistrationFailed {
    fn read(answer: &Answer) -> Self {
        let document = udap::json::object(&answer.body).unwrap_or_default();
        let text = |name: &str| {
            document
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let errors = match document.get("errors") {
            Some(Value::Array(errors)) => errors
                .iter()
                .filter_map(|one| Violation::deserialize(one).ok())
                .collect(),
            _ => Vec::new(),
        };
        Self {
            status: answer.status,
            error: text("error"),
            description: text("error_description"),
            errors,
            retry_after: answer.retry_after.clone(),
        }
    }

    /// Whether the same statement can succeed later, or another certificate is needed: only
    /// `unapproved_software_statement` speaks of the certificate (E23).
    #[must_use]
    pub fn is_distrust(&self) -> bool {
        self.error.as_deref() == Some("unapproved_software_statement")
    }
}

impl fmt::Display for RegistrationFailed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the server refused the statement (status {}",
            self.status
        )?;
        match &self.error {
            Some(error) => write!(formatter, ", {error})")?,
            None => formatter.write_str(", without an error code)")?,
        }
        match &self.description {
            Some(description) => write!(formatter, ": {description}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RegistrationFailed {}
