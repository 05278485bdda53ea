//! Registrations whose apps ask for tokens (decisions 27).

use sqlx::Transaction;
use time::OffsetDateTime;
use udap::certificate::Certificate;

use crate::error::StoreError;
use crate::identity::{self, Hash};
use crate::instant;
use crate::sql::{Engine, query, query_as, query_scalar};
use crate::table::registration::{Registration, columns};

/// A registration, and whether a block names it.
pub(crate) const BY_CLIENT_ID: &str = concat!(
    "SELECT ",
    columns!(),
    ", (EXISTS (SELECT 1 FROM client_block AS block WHERE block.scope = 'registration' \
                AND block.identity = registration.identity) \
     OR EXISTS (SELECT 1 FROM client_block AS block WHERE block.scope = 'everywhere' \
                AND block.identity = registration.client_uri_hash) \
     OR EXISTS (SELECT 1 FROM client_block AS block WHERE block.scope = 'key' \
                AND block.identity = registration.key_fingerprint)) AS is_blocked \
     FROM registration WHERE client_id = ?"
);

/// The registration of a `client_id`, and whether a block names it, for looking only.
pub(crate) async fn seen<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    client_id: &str,
) -> Result<Option<(Registration, bool)>, StoreError> {
    #[derive(sqlx::FromRow)]
    struct Seen {
        #[sqlx(flatten)]
        registration: Registration,
        is_blocked: bool,
    }
    // The column's charset compares with no other.
    if !client_id.is_ascii() {
        return Ok(None);
    }
    let seen: Option<Seen> = query_as(BY_CLIENT_ID)
        .bind(client_id)
        .fetch_optional(transaction)
        .await?;
    Ok(seen.map(|seen| (seen.registration, seen.is_blocked)))
}

/// Whether this very `client_id` was ever given out.
pub(crate) async fn is_known<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    client_id: &str,
) -> Result<bool, StoreError> {
    // The column's charset compares with no other.
    if !client_id.is_ascii() {
        return Ok(false);
    }
    let known: Option<String> =
        query_scalar("SELECT client_id FROM registration WHERE client_id = ?")
            .bind(client_id)
            .fetch_optional(transaction)
            .await?;
    Ok(known.is_some())
}

/// A certificate that takes the place of a registration's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Renewal<'a> {
    pub(crate) leaf: &'a Certificate,
    pub(crate) key_fingerprint: &'a Hash,
    /// The path's intermediates in DER, back to back.
    pub(crate) chain: &'a [u8],
}

/// Gives a registration the certificate that its app uses now, whose trust has just been established.
pub(crate) async fn renew<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    id: i64,
    renewal: Renewal<'_>,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let now = instant::to_micros(now);
    query(
        "UPDATE registration SET certificate_fingerprint = ?, key_fingerprint = ?, \
         issuer_hash = ?, issuer = ?, serial = ?, not_after = ?, certificate = ?, chain = ?, \
         chain_hash = ?, updated_at = ?, good_at = ?, checked_at = ? WHERE id = ?",
    )
    .bind(&renewal.leaf.fingerprint()[..])
    .bind(&renewal.key_fingerprint[..])
    .bind(&renewal.leaf.issuer_hash()[..])
    .bind(renewal.leaf.issuer_text())
    .bind(renewal.leaf.serial())
    .bind(instant::to_micros(renewal.leaf.not_after()))
    .bind(renewal.leaf.der())
    .bind(renewal.chain)
    .bind(&identity::content(renewal.chain)[..])
    .bind(now)
    .bind(now)
    .bind(now)
    .bind(id)
    .execute(transaction)
    .await?;
    Ok(())
}
