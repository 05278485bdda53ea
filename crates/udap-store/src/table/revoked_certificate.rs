//! `revoked_certificate`: certificates once seen revoked (decisions 12).

use sqlx::SqliteConnection;
use time::OffsetDateTime;

use crate::error::StoreError;
use crate::identity::Hash;
use crate::instant;

/// Remembers a certificate; one that is known already is left as it is.
pub(crate) async fn remember(
    connection: &mut SqliteConnection,
    fingerprint: &Hash,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let known: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM revoked_certificate WHERE fingerprint = ?)",
    )
    .bind(&fingerprint[..])
    .fetch_one(&mut *connection)
    .await?;
    if !known {
        sqlx::query("INSERT INTO revoked_certificate (fingerprint, since) VALUES (?, ?)")
            .bind(&fingerprint[..])
            .bind(instant::to_micros(now))
            .execute(connection)
            .await?;
    }
    Ok(())
}
