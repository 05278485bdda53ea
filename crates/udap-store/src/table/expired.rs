//! Purging what was spent: statements and assertions that have expired since.

use sqlx::Transaction;
use time::OffsetDateTime;

use crate::error::StoreError;
use crate::instant;
use crate::sql::{Engine, query, query_scalar};

/// Rows that one deletion of a purge takes, so that it never holds the lock for long.
const ROWS: i64 = 1_000;

/// Forgets one bunch of a table's rows whose `expires_at` is not later. Returns how many; 0: there are
/// none left.
pub(crate) async fn purge<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    table: &'static str,
    expired_until: OffsetDateTime,
) -> Result<u64, StoreError> {
    let last: Option<i64> = query_scalar(format!(
        "SELECT MAX(expires_at) FROM (SELECT expires_at FROM {table} WHERE expires_at <= ? \
         ORDER BY expires_at LIMIT ?) AS oldest"
    ))
    .bind(instant::to_micros(expired_until))
    .bind(ROWS)
    .fetch_one(transaction)
    .await?;
    let Some(last) = last else {
        return Ok(0);
    };
    query(format!("DELETE FROM {table} WHERE expires_at <= ?"))
        .bind(last)
        .execute(transaction)
        .await
        .map_err(Into::into)
}
