//! `audit_event` as a log: numbered, read, purged. Writing an event is `audit_event`.

use serde_json::{Map, Value};
use sqlx::Transaction;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::audit::{AuditEvent, AuditFilter, AuditOrder, SealedEvent, Unsealed};
use crate::error::StoreError;
use crate::instant;
use crate::sql::{Engine, query, query_as, query_scalar};
use crate::table::audit_event::Kind;

const TABLE: &str = "audit_event";

/// Whether there is an event without a number.
pub(crate) async fn is_any_unsealed<E: Engine>(
    transaction: &mut Transaction<'_, E>,
) -> Result<bool, StoreError> {
    Ok(
        query_scalar("SELECT EXISTS (SELECT 1 FROM audit_event WHERE batch IS NULL)")
            .fetch_one(transaction)
            .await?,
    )
}

/// How many events have no number, and since when.
pub(crate) async fn unsealed<E: Engine>(
    transaction: &mut Transaction<'_, E>,
) -> Result<Unsealed, StoreError> {
    let (events, oldest): (i64, Option<i64>) =
        query_as("SELECT COUNT(*), MIN(occurred_at) FROM audit_event WHERE batch IS NULL")
            .fetch_one(transaction)
            .await?;
    Ok(Unsealed {
        events: count(events)?,
        // A time outside the calendar is as bad as an old one.
        oldest: oldest
            .map(|oldest| instant::from_micros(oldest).unwrap_or(OffsetDateTime::UNIX_EPOCH)),
    })
}

/// How many events have a number in a batch that has no seal.
pub(crate) async fn without_seal<E: Engine>(
    transaction: &mut Transaction<'_, E>,
) -> Result<u64, StoreError> {
    let events: i64 = query_scalar(
        "SELECT COUNT(*) FROM audit_event WHERE batch IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM audit_seal WHERE audit_seal.batch = audit_event.batch)",
    )
    .fetch_one(transaction)
    .await?;
    count(events)
}

/// The ids of the oldest events without a number, in the order in which they get one.
pub(crate) async fn unsealed_ids<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    limit: usize,
) -> Result<Vec<Vec<u8>>, StoreError> {
    // Ids only: rows are sorted, and details are long.
    Ok(query_scalar(
        "SELECT id FROM audit_event WHERE batch IS NULL ORDER BY occurred_at, id LIMIT ?",
    )
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(transaction)
    .await?)
}

/// Gives an event its number, and returns it with that.
pub(crate) async fn number<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    id: &[u8],
    batch: i64,
    position: i64,
) -> Result<SealedEvent, StoreError> {
    let numbered =
        query("UPDATE audit_event SET batch = ?, position = ? WHERE id = ? AND batch IS NULL")
            .bind(batch)
            .bind(position)
            .bind(id)
            .execute(transaction)
            .await?;
    if numbered != 1 {
        return Err(inconsistent("id"));
    }
    Ok(query_as(
        "SELECT id, occurred_at, kind, request_id, client_id, detail, position \
         FROM audit_event WHERE id = ?",
    )
    .bind(id)
    .fetch_one(transaction)
    .await?)
}

/// The greatest number of a batch that any event has.
pub(crate) async fn last_batch<E: Engine>(
    transaction: &mut Transaction<'_, E>,
) -> Result<Option<i64>, StoreError> {
    Ok(query_scalar("SELECT MAX(batch) FROM audit_event")
        .fetch_one(transaction)
        .await?)
}

/// Events of a batch from a position on, in order.
pub(crate) async fn of_batch<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    batch: i64,
    from: i64,
    limit: u32,
) -> Result<Vec<SealedEvent>, StoreError> {
    Ok(query_as(
        "SELECT id, occurred_at, kind, request_id, client_id, detail, position \
         FROM audit_event WHERE batch = ? AND position >= ? ORDER BY position LIMIT ?",
    )
    .bind(batch)
    .bind(from)
    .bind(limit)
    .fetch_all(transaction)
    .await?)
}

/// A sealed batch that still has events.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(crate) struct Present {
    pub(crate) batch: i64,
    pub(crate) events: i64,
    /// When the newest of them happened.
    pub(crate) newest: i64,
    pub(crate) sealed: bool,
}

/// The first batch after this one that still has events.
pub(crate) async fn present_after<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    batch: i64,
) -> Result<Option<Present>, StoreError> {
    Ok(query_as(
        "SELECT batch, COUNT(*) AS events, MAX(occurred_at) AS newest, \
         EXISTS (SELECT 1 FROM audit_seal WHERE audit_seal.batch = audit_event.batch) AS sealed \
         FROM audit_event \
         WHERE batch = (SELECT MIN(batch) FROM audit_event WHERE batch > ?) GROUP BY batch",
    )
    .bind(batch)
    .fetch_optional(transaction)
    .await?)
}

/// Removes the events of a batch. Returns how many they were.
pub(crate) async fn remove_batch<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    batch: i64,
) -> Result<u64, StoreError> {
    Ok(query("DELETE FROM audit_event WHERE batch = ?")
        .bind(batch)
        .execute(transaction)
        .await?)
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Vec<u8>,
    occurred_at: i64,
    kind: String,
    request_id: Option<String>,
    client_id: Option<String>,
    batch: Option<i64>,
    position: Option<i64>,
    detail: String,
}

impl Row {
    fn event(self) -> Result<AuditEvent, StoreError> {
        Ok(AuditEvent {
            id: Uuid::from_slice(&self.id).map_err(|_| inconsistent("id"))?,
            occurred_at: instant::from_micros(self.occurred_at)
                .ok_or_else(|| inconsistent("occurred_at"))?,
            kind: self.kind,
            request_id: self.request_id,
            client_id: self.client_id,
            batch: self.batch,
            position: self.position,
            detail: match serde_json::from_str(&self.detail) {
                Ok(Value::Object(members)) => members,
                _ => Map::new(),
            },
        })
    }
}

/// Every column, in one place.
macro_rules! page {
    ($condition:literal) => {
        concat!(
            "SELECT id, occurred_at, kind, request_id, client_id, batch, position, detail \
             FROM audit_event WHERE ",
            $condition,
            "occurred_at >= ? AND (occurred_at > ? OR id > ?) AND occurred_at < ? \
             AND kind <> ? ORDER BY occurred_at, id LIMIT ?"
        )
    };
}

const PAGE: &str = page!("");
const PAGE_OF_CLIENT: &str = page!("client_id = ? AND ");

/// Events after a place in their order, oldest first.
pub(crate) async fn page<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    filter: &AuditFilter,
    after: Option<&AuditOrder>,
    limit: u32,
) -> Result<Vec<AuditEvent>, StoreError> {
    let since = filter.since.map_or(i64::MIN, instant::to_micros);
    let until = filter.until.map_or(i64::MAX, instant::to_micros);
    // No id is less than no octets.
    let (from, id): (i64, &[u8]) = match after {
        Some(after) => (instant::to_micros(after.occurred_at), after.id.as_bytes()),
        None => (since, &[]),
    };
    let left_out = if filter.without_token_requests {
        Kind::TokenRequested.as_str()
    } else {
        ""
    };
    let query = match &filter.client_id {
        Some(client_id) => query_as(PAGE_OF_CLIENT).bind(client_id),
        None => query_as(PAGE),
    };
    let rows: Vec<Row> = query
        .bind(from)
        .bind(from)
        .bind(id)
        .bind(until)
        .bind(left_out)
        .bind(limit)
        .fetch_all(transaction)
        .await?;
    rows.into_iter().map(Row::event).collect()
}

fn count(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| inconsistent("id"))
}

fn inconsistent(column: &'static str) -> StoreError {
    StoreError::Inconsistent {
        table: TABLE,
        column,
    }
}
