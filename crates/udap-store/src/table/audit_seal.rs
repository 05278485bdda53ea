//! `audit_seal`: one row for each sealed batch of audit events (decisions 32).

use sqlx::Transaction;
use time::OffsetDateTime;

use crate::audit::Seal;
use crate::error::StoreError;
use crate::identity::Hash;
use crate::instant;
use crate::sql::{Engine, query, query_as};

#[derive(sqlx::FromRow)]
struct Row {
    batch: i64,
    sealed_at: i64,
    events: i64,
    keyed: bool,
    digest: Vec<u8>,
    previous: Vec<u8>,
    seal: Vec<u8>,
}

impl Row {
    fn seal(&self) -> Result<Seal, StoreError> {
        Ok(Seal {
            batch: self.batch,
            // A time outside the calendar was never sealed: with any other the seal is wrong.
            sealed_at: instant::from_micros(self.sealed_at).unwrap_or(OffsetDateTime::UNIX_EPOCH),
            events: self.events,
            keyed: self.keyed,
            digest: hash(&self.digest, "digest")?,
            previous: hash(&self.previous, "previous")?,
            seal: hash(&self.seal, "seal")?,
        })
    }
}

fn hash(bytes: &[u8], column: &'static str) -> Result<Hash, StoreError> {
    bytes.try_into().map_err(|_| StoreError::Inconsistent {
        table: "audit_seal",
        column,
    })
}

/// The newest seal.
pub(crate) async fn last<E: Engine>(
    transaction: &mut Transaction<'_, E>,
) -> Result<Option<Seal>, StoreError> {
    let row: Option<Row> = query_as(
        "SELECT batch, sealed_at, events, keyed, digest, previous, seal FROM audit_seal \
         ORDER BY batch DESC LIMIT 1",
    )
    .fetch_optional(transaction)
    .await?;
    row.as_ref().map(Row::seal).transpose()
}

/// The first seal of this batch or a later one.
pub(crate) async fn from<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    batch: i64,
) -> Result<Option<Seal>, StoreError> {
    let row: Option<Row> = query_as(
        "SELECT batch, sealed_at, events, keyed, digest, previous, seal FROM audit_seal \
         WHERE batch >= ? ORDER BY batch LIMIT 1",
    )
    .bind(batch)
    .fetch_optional(transaction)
    .await?;
    row.as_ref().map(Row::seal).transpose()
}

/// Stores a seal.
pub(crate) async fn insert<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    seal: &Seal,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO audit_seal (batch, sealed_at, events, keyed, digest, previous, seal) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(seal.batch)
    .bind(instant::to_micros(seal.sealed_at))
    .bind(seal.events)
    .bind(seal.keyed)
    .bind(&seal.digest[..])
    .bind(&seal.previous[..])
    .bind(&seal.seal[..])
    .execute(transaction)
    .await?;
    Ok(())
}
