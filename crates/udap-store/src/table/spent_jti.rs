//! `spent_jti`: statements that were used, and what came of them (C24–C26, decisions 3).

use sqlx::Transaction;
use time::OffsetDateTime;
use udap::registry::{Cancelled, Registered};

use crate::error::StoreError;
use crate::identity::Hash;
use crate::instant;
use crate::sql::{Engine, query};

/// Where they are.
pub(crate) const TABLE: &str = "spent_jti";

/// What came of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Registered(Registered),
    Cancelled(Cancelled),
    NotRegistered,
    Blocked,
    Refused,
}

/// A statement that was used.
#[derive(Clone, Debug)]
pub(crate) struct Spent {
    pub(crate) request_id: String,
    pub(crate) outcome: Outcome,
}

struct Row {
    request_id: String,
    outcome: String,
    client_id: Option<String>,
    issued_at: Option<i64>,
    enabled: Option<bool>,
}

/// What is known of a statement.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Nothing,
    /// Its `jti` was used so long ago that it no longer counts (C25).
    Expired,
    Spent(Spent),
}

/// A row, or none, as an outer join gives it.
#[derive(sqlx::FromRow)]
pub(crate) struct MaybeRow {
    expires_at: Option<i64>,
    request_id: Option<String>,
    outcome: Option<String>,
    client_id: Option<String>,
    issued_at: Option<i64>,
    enabled: Option<bool>,
}

impl MaybeRow {
    /// `expired_until`: statements whose `exp` is not later are expired.
    pub(crate) fn read(self, expired_until: OffsetDateTime) -> Result<Found, StoreError> {
        let (Some(expires_at), Some(request_id), Some(outcome)) =
            (self.expires_at, self.request_id, self.outcome)
        else {
            return Ok(Found::Nothing);
        };
        if expires_at <= instant::to_micros(expired_until) {
            return Ok(Found::Expired);
        }
        let row = Row {
            request_id,
            outcome,
            client_id: self.client_id,
            issued_at: self.issued_at,
            enabled: self.enabled,
        };
        row.read().map(Found::Spent)
    }
}

/// Forgets a statement that no longer counts.
pub(crate) async fn forget<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    identity: &Hash,
) -> Result<(), StoreError> {
    query("DELETE FROM spent_jti WHERE identity = ?")
        .bind(&identity[..])
        .execute(transaction)
        .await?;
    Ok(())
}

/// Spends the statement. Of two transactions at once the database lets one do so.
pub(crate) async fn spend<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    identity: &Hash,
    expires_at: OffsetDateTime,
    spent: &Spent,
) -> Result<(), StoreError> {
    let (outcome, client_id, issued_at, enabled) = match &spent.outcome {
        Outcome::Registered(registered) => (
            if registered.created {
                "created"
            } else {
                "modified"
            },
            Some(&registered.client_id),
            Some(instant::to_micros(registered.issued_at)),
            Some(registered.enabled),
        ),
        Outcome::Cancelled(cancelled) => ("cancelled", Some(&cancelled.client_id), None, None),
        Outcome::NotRegistered => ("not_registered", None, None, None),
        Outcome::Blocked => ("blocked", None, None, None),
        Outcome::Refused => ("refused", None, None, None),
    };
    query(
        "INSERT INTO spent_jti \
         (identity, expires_at, request_id, outcome, client_id, issued_at, enabled) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&identity[..])
    .bind(instant::to_micros(expires_at))
    .bind(&spent.request_id)
    .bind(outcome)
    .bind(client_id)
    .bind(issued_at)
    .bind(enabled)
    .execute(transaction)
    .await?;
    Ok(())
}

/// A write that changes nothing.
pub(crate) async fn try_writing<E: Engine>(
    transaction: &mut Transaction<'_, E>,
) -> Result<(), StoreError> {
    query("DELETE FROM spent_jti WHERE identity = ?")
        .bind(&[0_u8][..])
        .execute(transaction)
        .await?;
    Ok(())
}

impl Row {
    fn read(self) -> Result<Spent, StoreError> {
        let outcome = match (self.outcome.as_str(), self.client_id) {
            (outcome @ ("created" | "modified"), Some(client_id)) => {
                let (Some(issued_at), Some(enabled)) =
                    (self.issued_at.and_then(instant::from_micros), self.enabled)
                else {
                    return Err(StoreError::Inconsistent {
                        table: TABLE,
                        column: "issued_at",
                    });
                };
                Outcome::Registered(Registered {
                    client_id,
                    issued_at,
                    created: outcome == "created",
                    enabled,
                })
            }
            ("cancelled", Some(client_id)) => Outcome::Cancelled(Cancelled { client_id }),
            ("not_registered", None) => Outcome::NotRegistered,
            ("blocked", None) => Outcome::Blocked,
            ("refused", None) => Outcome::Refused,
            _ => {
                return Err(StoreError::Inconsistent {
                    table: TABLE,
                    column: "outcome",
                });
            }
        };
        Ok(Spent {
            request_id: self.request_id,
            outcome,
        })
    }
}
