//! Events as they are read.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

/// An event of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEvent {
    /// A random id.
    pub id: Uuid,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// What happened, in a word: `registered`, `refused`, …
    pub kind: String,
    /// The correlation id of the request that brought it about.
    pub request_id: Option<String>,
    /// The client that it is about, if it is registered.
    pub client_id: Option<String>,
    /// The batch in which it was sealed, from 1; `None`: not sealed yet.
    pub batch: Option<i64>,
    /// Its position in the batch, from 1.
    pub position: Option<i64>,
    /// What else is known, by kind. Empty if somebody made it other than a JSON object.
    pub detail: Map<String, Value>,
}

impl AuditEvent {
    /// Where it stands among all.
    #[must_use]
    pub fn order(&self) -> AuditOrder {
        AuditOrder {
            occurred_at: self.occurred_at,
            id: self.id,
        }
    }
}

/// Where an event stands among all: oldest first, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditOrder {
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// Its id.
    pub id: Uuid,
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those that happened then or later.
    pub since: Option<OffsetDateTime>,
    /// Those that happened before.
    pub until: Option<OffsetDateTime>,
    /// Those about this client.
    pub client_id: Option<String>,
    /// Without accepted token requests, of which there may be hundreds a minute.
    pub without_token_requests: bool,
}
