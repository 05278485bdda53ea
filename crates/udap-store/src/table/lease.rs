//! `lease`: who does a job that only one process at a time may do.

use sqlx::Transaction;
use time::{Duration, OffsetDateTime};

use crate::error::StoreError;
use crate::instant;
use crate::lease::LONGEST_LEASE;
use crate::sql::{Engine, query, query_scalar};

/// Takes or renews a lease. Returns whether the holder has it. Until the transaction ends nobody
/// else can take it.
pub(crate) async fn take<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    name: &str,
    holder: &str,
    now: OffsetDateTime,
    ttl: Duration,
) -> Result<bool, StoreError> {
    let expires_at = instant::to_micros(now + ttl.min(LONGEST_LEASE));
    let taken = query(
        "UPDATE lease SET holder = ?, expires_at = ? \
         WHERE name = ? AND (holder = ? OR expires_at <= ? OR expires_at > ?)",
    )
    .bind(holder)
    .bind(expires_at)
    .bind(name)
    .bind(holder)
    .bind(instant::to_micros(now))
    // Twice, since clocks differ a little.
    .bind(instant::to_micros(now + LONGEST_LEASE * 2))
    .execute(transaction)
    .await?;
    if taken > 0 {
        return Ok(true);
    }
    let held: bool = query_scalar("SELECT EXISTS (SELECT 1 FROM lease WHERE name = ?)")
        .bind(name)
        .fetch_one(transaction)
        .await?;
    if held {
        return Ok(false);
    }
    let inserted = query("INSERT INTO lease (name, holder, expires_at) VALUES (?, ?, ?)")
        .bind(name)
        .bind(holder)
        .bind(expires_at)
        .execute(transaction)
        .await;
    match inserted {
        Ok(_) => Ok(true),
        // Where readers do not exclude writers, another process may have been quicker.
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Gives a lease back, if the holder has it.
pub(crate) async fn release<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    name: &str,
    holder: &str,
) -> Result<(), StoreError> {
    query("DELETE FROM lease WHERE name = ? AND holder = ?")
        .bind(name)
        .bind(holder)
        .execute(transaction)
        .await?;
    Ok(())
}
