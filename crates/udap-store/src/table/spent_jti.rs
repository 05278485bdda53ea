//! `spent_jti`: statements that were used, and what came of them (C24–C26, decisions 3).

use sqlx::SqliteConnection;
use time::OffsetDateTime;
use udap::registry::{Cancelled, Registered};

use crate::error::StoreError;
use crate::identity::Hash;
use crate::instant;

const TABLE: &str = "spent_jti";

/// Rows that one deletion of a purge takes, so that it never holds the lock for long.
const PURGE_ROWS: i64 = 1_000;

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

#[derive(sqlx::FromRow)]
struct Row {
    expires_at: i64,
    request_id: String,
    outcome: String,
    client_id: Option<String>,
    issued_at: Option<i64>,
    enabled: Option<bool>,
}

/// The statement's row, if its `jti` cannot be used yet: an expired one no longer counts (C25).
///
/// `expired_until`: statements whose `exp` is not later are expired.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    identity: &Hash,
    expired_until: OffsetDateTime,
) -> Result<Option<Spent>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT expires_at, request_id, outcome, client_id, issued_at, enabled \
         FROM spent_jti WHERE identity = ?",
    )
    .bind(&identity[..])
    .fetch_optional(connection)
    .await?;
    match row {
        Some(row) if row.expires_at > instant::to_micros(expired_until) => row.read().map(Some),
        _ => Ok(None),
    }
}

/// Spends the statement. [`find`] must have found nothing under the same lock.
pub(crate) async fn spend(
    connection: &mut SqliteConnection,
    identity: &Hash,
    expires_at: OffsetDateTime,
    spent: &Spent,
) -> Result<(), StoreError> {
    // A row is here only if it has expired.
    sqlx::query("DELETE FROM spent_jti WHERE identity = ?")
        .bind(&identity[..])
        .execute(&mut *connection)
        .await?;
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
    sqlx::query(
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
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets one bunch of expired statements. Returns how many; 0: there are none left.
pub(crate) async fn purge(
    connection: &mut SqliteConnection,
    expired_until: OffsetDateTime,
) -> Result<u64, StoreError> {
    let expired_until = instant::to_micros(expired_until);
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT MAX(expires_at) FROM (SELECT expires_at FROM spent_jti WHERE expires_at <= ? \
         ORDER BY expires_at LIMIT ?) AS oldest",
    )
    .bind(expired_until)
    .bind(PURGE_ROWS)
    .fetch_one(&mut *connection)
    .await?;
    let Some(last) = last else {
        return Ok(0);
    };
    Ok(sqlx::query("DELETE FROM spent_jti WHERE expires_at <= ?")
        .bind(last)
        .execute(connection)
        .await?
        .rows_affected())
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
