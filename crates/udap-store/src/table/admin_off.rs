//! `admin_off`: clients whose row an administrator switched off or removed (decisions 12).

use sqlx::SqliteConnection;
use time::OffsetDateTime;

use crate::error::StoreError;
use crate::identity::Hash;
use crate::instant;

pub(crate) async fn is_set(
    connection: &mut SqliteConnection,
    identity: &Hash,
) -> Result<bool, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM admin_off WHERE identity = ?)")
            .bind(&identity[..])
            .fetch_one(connection)
            .await?,
    )
}

/// Sets or lifts it. Must be called with the value that [`is_set`] gave under the same lock.
pub(crate) async fn change(
    connection: &mut SqliteConnection,
    identity: &Hash,
    was: bool,
    is: bool,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    match (was, is) {
        (false, true) => {
            sqlx::query("INSERT INTO admin_off (identity, since) VALUES (?, ?)")
                .bind(&identity[..])
                .bind(instant::to_micros(now))
                .execute(connection)
                .await?;
        }
        (true, false) => {
            sqlx::query("DELETE FROM admin_off WHERE identity = ?")
                .bind(&identity[..])
                .execute(connection)
                .await?;
        }
        _ => {}
    }
    Ok(())
}
