//! `audit_event`: what happened, in the transaction in which it happened (C29, decisions 32).

use serde_json::{Map, Value};
use sqlx::Transaction;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::audit;
use crate::error::StoreError;
use crate::instant;
use crate::sql::{Engine, query};

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Registered,
    Modified,
    Cancelled,
    /// A cancellation without a registration.
    NotRegistered,
    /// A statement of a blocked client, or with a certificate once seen revoked.
    RefusedBlocked,
    /// A statement that was refused after trust.
    Refused,
    /// An operator blocked a client.
    Blocked,
    /// An operator enabled a client.
    Enabled,
    /// A client was switched because of what happened to another: a block that concerns both.
    Switched,
    /// A check of trust changed a client.
    Rechecked,
    /// An operator removed old events of this log.
    Purged,
    /// A token was asked for, and the request may be forwarded.
    TokenRequested,
    /// A token was asked for by a client that is off.
    TokenRefused,
    /// A token request brought a younger certificate, which took the place of the registration's.
    CertificateRenewed,
    /// The FHIR server gave out more than is registered: tokens were revoked.
    ExcessRevoked,
    /// A client's row was given another key.
    KeyMoved,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Modified => "modified",
            Self::Cancelled => "cancelled",
            Self::NotRegistered => "not_registered",
            Self::RefusedBlocked => "refused_blocked",
            Self::Refused => "refused",
            Self::Blocked => "blocked",
            Self::Enabled => "enabled",
            Self::Switched => "switched",
            Self::Rechecked => "rechecked",
            Self::Purged => "audit_purged",
            Self::TokenRequested => "token_requested",
            Self::TokenRefused => "token_refused",
            Self::CertificateRenewed => "certificate_renewed",
            Self::ExcessRevoked => "excess_revoked",
            Self::KeyMoved => "key_moved",
        }
    }
}

impl Kind {
    /// How much an event of this kind may hold.
    fn octets(self) -> usize {
        match self {
            Self::TokenRequested | Self::TokenRefused => audit::TOKEN_OCTETS,
            _ => audit::DETAIL_OCTETS,
        }
    }
}

/// An event.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) kind: Kind,
    pub(crate) at: OffsetDateTime,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) client_id: Option<&'a str>,
    pub(crate) detail: Map<String, Value>,
}

/// The members of a JSON object.
pub(crate) fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Writes an event under a random id.
pub(crate) async fn insert<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    event: &Event<'_>,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO audit_event (id, occurred_at, kind, request_id, client_id, detail) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(&Uuid::new_v4().as_bytes()[..])
    .bind(instant::to_micros(event.at))
    .bind(event.kind.as_str())
    .bind(event.request_id)
    .bind(event.client_id)
    .bind(audit::bounded(event.detail.clone(), event.kind.octets()))
    .execute(transaction)
    .await?;
    Ok(())
}
