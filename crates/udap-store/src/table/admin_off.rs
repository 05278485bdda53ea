//! `admin_off`: clients whose row an administrator switched off or removed (decisions 12).

use sqlx::Transaction;
use time::OffsetDateTime;

use crate::error::StoreError;
use crate::identity::Hash;
use crate::instant;
use crate::sql::{Engine, query, query_scalar};

pub(crate) async fn is_set<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    identity: &Hash,
) -> Result<bool, StoreError> {
    Ok(
        query_scalar("SELECT EXISTS (SELECT 1 FROM admin_off WHERE identity = ?)")
            .bind(&identity[..])
            .fetch_one(transaction)
            .await?,
    )
}

/// Sets or lifts it. Must be called with the value that [`is_set`] gave under the same lock.
pub(crate) async fn change<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    identity: &Hash,
    was: bool,
    is: bool,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    match (was, is) {
        (false, true) => {
            query("INSERT INTO admin_off (identity, since) VALUES (?, ?)")
                .bind(&identity[..])
                .bind(instant::to_micros(now))
                .execute(transaction)
                .await?;
        }
        (true, false) => {
            query("DELETE FROM admin_off WHERE identity = ?")
                .bind(&identity[..])
                .execute(transaction)
                .await?;
        }
        _ => {}
    }
    Ok(())
}
