//! Events as JSON Lines: everything that is recorded.

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use udap_store::audit::AuditEvent;

/// The member of an event's detail that is left out unless it is asked for.
pub(super) const STATEMENT: &str = "software_statement";

/// One line.
#[derive(Serialize)]
pub(super) struct Line {
    id: String,
    #[serde(with = "time::serde::rfc3339")]
    occurred_at: OffsetDateTime,
    kind: String,
    request_id: Option<String>,
    client_id: Option<String>,
    batch: Option<i64>,
    position: Option<i64>,
    detail: Map<String, Value>,
}

impl Line {
    pub(super) fn of(event: AuditEvent, with_statement: bool) -> Self {
        let mut detail = event.detail;
        if !with_statement {
            detail.remove(STATEMENT);
        }
        Self {
            id: event.id.to_string(),
            occurred_at: event.occurred_at,
            kind: event.kind,
            request_id: event.request_id,
            client_id: event.client_id,
            batch: event.batch,
            position: event.position,
            detail,
        }
    }
}
