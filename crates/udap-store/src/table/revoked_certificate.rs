//! `revoked_certificate`: certificates once seen revoked (decisions 12).

use sqlx::SqliteConnection;
use time::OffsetDateTime;
use udap::trust::RevokedCertificate;

use crate::error::StoreError;
use crate::identity::Hash;
use crate::instant;

/// Whether a certificate was once seen revoked.
pub(crate) async fn is_known(
    connection: &mut SqliteConnection,
    identity: &Hash,
) -> Result<bool, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM revoked_certificate WHERE identity = ?)")
            .bind(&identity[..])
            .fetch_one(connection)
            .await?,
    )
}

/// Remembers a certificate; one that is known already is left as it is.
pub(crate) async fn remember(
    connection: &mut SqliteConnection,
    revoked: &RevokedCertificate,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    if !is_known(connection, revoked.identity()).await? {
        sqlx::query(
            "INSERT INTO revoked_certificate (identity, since, expires_at) VALUES (?, ?, ?)",
        )
        .bind(&revoked.identity()[..])
        .bind(instant::to_micros(now))
        .bind(instant::to_micros(revoked.not_after()))
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Forgets certificates that have expired, and are refused for that.
pub(crate) async fn purge(
    connection: &mut SqliteConnection,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM revoked_certificate WHERE expires_at < ?")
        .bind(instant::to_micros(now))
        .execute(connection)
        .await?;
    Ok(())
}
