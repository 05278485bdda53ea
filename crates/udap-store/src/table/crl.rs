//! `crl` and `crl_chunk`: CRLs that were fetched (decisions 22).

use sqlx::Transaction;
use time::OffsetDateTime;
use udap::registry::{CrlRecord, CrlVersion};

use crate::error::StoreError;
use crate::identity::{self, Hash};
use crate::instant;
use crate::sql::{Engine, query, query_as, query_scalar};
use crate::table::gate::Gate;

const TABLE: &str = "crl";

/// Octets of one row: every server's default packet size holds it.
const CHUNK_BYTES: usize = 1024 * 1024;

#[derive(sqlx::FromRow)]
struct Row {
    url: String,
    issuer: Vec<u8>,
    issuer_key: Vec<u8>,
    this_update: i64,
    next_update: Option<i64>,
    number: Option<Vec<u8>>,
    entity_tag: Option<String>,
    last_modified: Option<String>,
    fetched_at: i64,
    length: i64,
    digest: Vec<u8>,
}

/// A piece of a list, found by the digest of the whole.
pub(crate) struct Chunk<'a> {
    digest: Hash,
    position: i64,
    bytes: &'a [u8],
}

/// A list and its digest, which takes a while.
pub(crate) struct Whole<'a> {
    crl: &'a CrlRecord,
    digest: Hash,
}

impl<'a> Whole<'a> {
    pub(crate) fn new(crl: &'a CrlRecord) -> Self {
        Self {
            crl,
            digest: identity::content(&crl.der),
        }
    }

    /// Its pieces.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = Chunk<'a>> + use<'a> {
        let digest = self.digest;
        (0_i64..)
            .zip(self.crl.der.chunks(CHUNK_BYTES))
            .map(move |(position, bytes)| Chunk {
                digest,
                position,
                bytes,
            })
    }
}

/// Stores a piece of a list that [`put`] is to make known.
pub(crate) async fn put_chunk<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    chunk: &Chunk<'_>,
) -> Result<(), StoreError> {
    query("DELETE FROM crl_chunk WHERE digest = ? AND position = ?")
        .bind(&chunk.digest[..])
        .bind(chunk.position)
        .execute(transaction)
        .await?;
    query("INSERT INTO crl_chunk (digest, position, bytes) VALUES (?, ?, ?)")
        .bind(&chunk.digest[..])
        .bind(chunk.position)
        .bind(chunk.bytes)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Removes the pieces of lists that are not known, whoever wrote them.
async fn remove_unknown_chunks<E: Engine>(
    transaction: &mut Transaction<'_, E>,
) -> Result<(), StoreError> {
    query("DELETE FROM crl_chunk WHERE digest NOT IN (SELECT digest FROM crl)")
        .execute(transaction)
        .await?;
    Ok(())
}

/// Replaces what is stored under the CRL's URL and key, unless that is newer. Returns whether it did.
pub(crate) async fn put<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    whole: &Whole<'_>,
) -> Result<bool, StoreError> {
    let crl = whole.crl;
    Gate::Crls.pass_alone(transaction).await?;
    let url_hash = identity::crl(&crl.url, &crl.issuer_key);
    let stored: Option<(i64, Option<Vec<u8>>)> =
        query_as("SELECT this_update, number FROM crl WHERE url_hash = ?")
            .bind(&url_hash[..])
            .fetch_optional(transaction)
            .await?;
    let this_update = instant::to_micros(crl.this_update);
    if let Some((stored_update, stored_number)) = stored
        && (this_update < stored_update
            || is_lower(crl.number.as_deref(), stored_number.as_deref()))
    {
        remove_unknown_chunks(transaction).await?;
        return Ok(false);
    }
    query("DELETE FROM crl WHERE url_hash = ?")
        .bind(&url_hash[..])
        .execute(transaction)
        .await?;
    query(
        "INSERT INTO crl (url_hash, url, issuer, issuer_key, this_update, next_update, number, \
         entity_tag, last_modified, fetched_at, length, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&url_hash[..])
    .bind(&crl.url)
    .bind(&crl.issuer)
    .bind(&crl.issuer_key[..])
    .bind(this_update)
    .bind(crl.next_update.map(instant::to_micros))
    .bind(crl.number.as_deref().map(significant))
    .bind(&crl.entity_tag)
    .bind(&crl.last_modified)
    .bind(instant::to_micros(crl.fetched_at))
    .bind(length(&crl.der))
    .bind(&whole.digest[..])
    .execute(transaction)
    .await?;
    // They are there, unless another process has taken them for leavings.
    let found: i64 = query_scalar("SELECT count(*) FROM crl_chunk WHERE digest = ?")
        .bind(&whole.digest[..])
        .fetch_one(transaction)
        .await?;
    if usize::try_from(found) != Ok(crl.der.len().div_ceil(CHUNK_BYTES)) {
        for chunk in whole.chunks() {
            put_chunk(transaction, &chunk).await?;
        }
    }
    remove_unknown_chunks(transaction).await?;
    Ok(true)
}

/// The CRL stored under a URL and a key.
pub(crate) async fn get<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    url: &str,
    issuer_key: &[u8; 32],
) -> Result<Option<CrlRecord>, StoreError> {
    let row: Option<Row> = query_as(
        "SELECT url, issuer, issuer_key, this_update, next_update, number, entity_tag, \
         last_modified, fetched_at, length, digest FROM crl WHERE url_hash = ?",
    )
    .bind(&identity::crl(url, issuer_key)[..])
    .fetch_optional(transaction)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let chunks: Vec<Vec<u8>> =
        query_scalar("SELECT bytes FROM crl_chunk WHERE digest = ? ORDER BY position")
            .bind(&row.digest)
            .fetch_all(transaction)
            .await?;
    let der = chunks.concat();
    if row.length != length(&der) || row.digest != identity::content(&der) {
        return Err(inconsistent("digest"));
    }
    Ok(Some(CrlRecord {
        url: row.url,
        issuer: row.issuer,
        issuer_key: hash(&row.issuer_key, "issuer_key")?,
        this_update: time(row.this_update, "this_update")?,
        next_update: row
            .next_update
            .map(|micros| time(micros, "next_update"))
            .transpose()?,
        number: row.number,
        entity_tag: row.entity_tag,
        last_modified: row.last_modified,
        fetched_at: time(row.fetched_at, "fetched_at")?,
        der,
    }))
}

#[derive(sqlx::FromRow)]
struct VersionRow {
    url: String,
    issuer_key: Vec<u8>,
    digest: Vec<u8>,
    next_update: Option<i64>,
    fetched_at: i64,
}

/// What is stored, by URL and key.
pub(crate) async fn versions<E: Engine>(
    transaction: &mut Transaction<'_, E>,
) -> Result<Vec<CrlVersion>, StoreError> {
    let rows: Vec<VersionRow> = query_as(
        "SELECT url, issuer_key, digest, next_update, fetched_at FROM crl ORDER BY url, url_hash",
    )
    .fetch_all(transaction)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(CrlVersion {
                url: row.url,
                issuer_key: hash(&row.issuer_key, "issuer_key")?,
                digest: hash(&row.digest, "digest")?,
                next_update: row
                    .next_update
                    .map(|micros| time(micros, "next_update"))
                    .transpose()?,
                fetched_at: time(row.fetched_at, "fetched_at")?,
            })
        })
        .collect()
}

/// Notes that the CRL of a URL and a key is still the newest.
pub(crate) async fn confirm<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    url: &str,
    issuer_key: &[u8; 32],
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    query("UPDATE crl SET fetched_at = ? WHERE url_hash = ?")
        .bind(instant::to_micros(at))
        .bind(&identity::crl(url, issuer_key)[..])
        .execute(transaction)
        .await?;
    Ok(())
}

/// Forgets the CRL of a URL and a key. Returns whether there was one.
pub(crate) async fn remove<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    url: &str,
    issuer_key: &[u8; 32],
) -> Result<bool, StoreError> {
    Gate::Crls.pass_alone(transaction).await?;
    let removed = query("DELETE FROM crl WHERE url_hash = ?")
        .bind(&identity::crl(url, issuer_key)[..])
        .execute(transaction)
        .await?;
    remove_unknown_chunks(transaction).await?;
    Ok(removed > 0)
}

fn time(micros: i64, column: &'static str) -> Result<OffsetDateTime, StoreError> {
    instant::from_micros(micros).ok_or_else(|| inconsistent(column))
}

fn hash(bytes: &[u8], column: &'static str) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| inconsistent(column))
}

fn inconsistent(column: &'static str) -> StoreError {
    StoreError::Inconsistent {
        table: TABLE,
        column,
    }
}

fn length(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

/// Compares numbers of any length, big-endian. A list without a number is compared by time alone.
fn is_lower(new: Option<&[u8]>, stored: Option<&[u8]>) -> bool {
    match (new.map(significant), stored.map(significant)) {
        (Some(new), Some(stored)) => (new.len(), new) < (stored.len(), stored),
        _ => false,
    }
}

fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    number.get(zeros..).unwrap_or_default()
}
