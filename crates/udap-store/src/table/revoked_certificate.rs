//! `revoked_certificate`: certificates once seen revoked (decisions 12).

use sqlx::Transaction;
use time::OffsetDateTime;
use udap::trust::RevokedCertificate;

use crate::error::StoreError;
use crate::identity::Hash;
use crate::instant;
use crate::sql::{Engine, query, query_scalar};

/// Whether a certificate was once seen revoked.
pub(crate) async fn is_known<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    identity: &Hash,
) -> Result<bool, StoreError> {
    Ok(
        query_scalar("SELECT EXISTS (SELECT 1 FROM revoked_certificate WHERE identity = ?)")
            .bind(&identity[..])
            .fetch_one(transaction)
            .await?,
    )
}

/// Remembers a certificate; one that is known already is left as it is.
pub(crate) async fn remember<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    revoked: &RevokedCertificate,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    if !is_known(transaction, revoked.identity()).await? {
        query("INSERT INTO revoked_certificate (identity, since, expires_at) VALUES (?, ?, ?)")
            .bind(&revoked.identity()[..])
            .bind(instant::to_micros(now))
            .bind(instant::to_micros(revoked.not_after()))
            .execute(transaction)
            .await?;
    }
    Ok(())
}

/// Forgets certificates that have expired, and are refused for that.
pub(crate) async fn purge<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    query("DELETE FROM revoked_certificate WHERE expires_at < ?")
        .bind(instant::to_micros(now))
        .execute(transaction)
        .await?;
    Ok(())
}
