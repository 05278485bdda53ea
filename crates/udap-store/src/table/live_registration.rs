//! Live registrations, as re-validation finds them (C30, decisions 22, 23).

use sqlx::Transaction;
use time::OffsetDateTime;
use udap::trust::Crl;

use crate::error::StoreError;
use crate::identity::Hash;
use crate::instant;
use crate::sql::{Engine, query, query_as};
use crate::table::registration::{LIVE, Registration, select};

const LIVE_PAGE: &str = select!(
    "WHERE status = 'registered' AND registered_at >= ? AND (registered_at > ? OR id > ?) \
     ORDER BY registered_at, id LIMIT ?"
);

// The first condition on trust_off stands for itself: NULL is not unequal to anything.
const EXPIRED: &str = select!(
    "WHERE live = 1 AND not_after < ? AND status = 'registered' \
     AND (trust_off IS NULL OR trust_off = 'unknown') ORDER BY not_after LIMIT ?"
);

const OF_ISSUER: &str = "SELECT id, serial FROM registration \
     WHERE issuer_hash = ? AND live = 1 AND status = 'registered'";

const CHAINS: &str = "SELECT chain_hash, MIN(id) FROM registration \
     WHERE live = 1 AND chain_hash IS NOT NULL GROUP BY chain_hash";

const BY_ID: &str = select!("WHERE id = ?");

const OF_CHAIN: &str = select!("WHERE live = 1 AND chain_hash = ? AND status = 'registered'");

/// Queries that must not read the whole table.
#[cfg(test)]
pub(crate) const BY_INDEX: [&str; 4] = [LIVE_PAGE, OF_ISSUER, BY_ID, OF_CHAIN];

/// The live registration of an identity, for looking only.
pub(crate) async fn seen<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    identity: &Hash,
) -> Result<Option<Registration>, StoreError> {
    Ok(query_as(LIVE)
        .bind(&identity[..])
        .fetch_optional(transaction)
        .await?)
}

/// Live registrations, oldest first, from after `(registered_at, id)` on, at most `limit`.
pub(crate) async fn live_page<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<Registration>, StoreError> {
    Ok(query_as(LIVE_PAGE)
        .bind(after.0)
        .bind(after.0)
        .bind(after.1)
        .bind(limit)
        .fetch_all(transaction)
        .await?)
}

/// Live registrations whose certificate expired before `at` and that are not off for that or
/// worse.
pub(crate) async fn expired<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    at: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Registration>, StoreError> {
    Ok(query_as(EXPIRED)
        .bind(instant::to_micros(at))
        .bind(limit)
        .fetch_all(transaction)
        .await?)
}

/// Live registrations that a list names: by the app's own certificate, or by an intermediate of
/// its path.
pub(crate) async fn listed<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    crl: &Crl,
) -> Result<Vec<Registration>, StoreError> {
    let mut listed = Vec::new();
    let leaves: Vec<(i64, Vec<u8>)> = query_as(OF_ISSUER)
        .bind(&crl.issuer_hash()[..])
        .fetch_all(transaction)
        .await?;
    for (id, serial) in leaves {
        if crl.revokes_serial(&serial) {
            let row: Option<Registration> =
                query_as(BY_ID).bind(id).fetch_optional(transaction).await?;
            listed.extend(row);
        }
    }
    let chains: Vec<(Vec<u8>, i64)> = query_as(CHAINS).fetch_all(transaction).await?;
    for (chain_hash, id) in chains {
        let one: Option<Registration> =
            query_as(BY_ID).bind(id).fetch_optional(transaction).await?;
        let Some(one) = one else { continue };
        let chain = one.chain().unwrap_or_default();
        let is_named = chain.iter().any(|certificate| {
            crl.names_issuer_of(certificate) && crl.revokes_serial(certificate.serial())
        });
        if is_named {
            let rows: Vec<Registration> = query_as(OF_CHAIN)
                .bind(&chain_hash)
                .fetch_all(transaction)
                .await?;
            listed.extend(rows);
        }
    }
    Ok(listed)
}

/// Notes that a registration was looked at, and whether its trust was established.
pub(crate) async fn set_checked<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    id: i64,
    is_good: bool,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let now = instant::to_micros(now);
    query(
        "UPDATE registration SET checked_at = ?, good_at = CASE WHEN ? THEN ? ELSE good_at END \
         WHERE id = ?",
    )
    .bind(now)
    .bind(is_good)
    .bind(now)
    .bind(id)
    .execute(transaction)
    .await?;
    Ok(())
}
