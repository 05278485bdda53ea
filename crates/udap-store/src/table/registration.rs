//! `registration`: one row for each `client_id` that was ever given out (design §8).

use serde_json::{Map, Value};
use sqlx::Transaction;
use time::OffsetDateTime;
use udap::certificate::Certificate;

use crate::applicant::Applicant;
use crate::error::StoreError;
use crate::extent::Extent;
use crate::identity::{self, Hash};
use crate::instant;
use crate::sql::{Engine, query, query_as, query_scalar};
use crate::switch::{State, TrustOff};
use crate::table::client_block::Names;

const TABLE: &str = "registration";

/// A row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Registration {
    pub(crate) id: i64,
    identity: Vec<u8>,
    client_uri_hash: Vec<u8>,
    pub(crate) site: String,
    pub(crate) community_uri: String,
    pub(crate) client_uri: String,
    pub(crate) client_id: String,
    pub(crate) client_name: String,
    pub(crate) status: String,
    trust_off: Option<String>,
    approved: Option<String>,
    policy_enables: bool,
    pub(crate) written_enabled: bool,
    metadata: String,
    certificate_fingerprint: Vec<u8>,
    key_fingerprint: Vec<u8>,
    not_after: i64,
    certificate: Vec<u8>,
    chain: Vec<u8>,
    registered_at: i64,
    updated_at: i64,
    good_at: i64,
    checked_at: i64,
}

/// Every column that is read, in one place.
macro_rules! columns {
    () => {
        "id, identity, client_uri_hash, site, community_uri, client_uri, client_id, client_name, \
         status, trust_off, approved, policy_enables, written_enabled, metadata, \
         certificate_fingerprint, key_fingerprint, not_after, certificate, chain, registered_at, \
         updated_at, good_at, checked_at"
    };
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            $crate::table::registration::columns!(),
            " FROM registration ",
            $condition
        )
    };
}

pub(crate) use columns;
pub(crate) use select;

pub(super) const LIVE: &str = select!("WHERE identity = ? AND live = 1");

const BY_CLIENT_ID: &str = select!("WHERE client_id = ?");

// With OR in place of UNION, SQLite reads all live registrations.
const LIVE_RELATIVES: &str = "SELECT id FROM registration WHERE client_uri_hash = ? AND live = 1 \
     UNION SELECT id FROM registration WHERE key_fingerprint = ? AND live = 1 ORDER BY id";

const LIVE_BY_ID: &str = select!("WHERE id = ? AND live = 1");

const PAGE: &str = select!(
    "WHERE registered_at >= ? AND (registered_at > ? OR id > ?) \
     ORDER BY registered_at, id LIMIT ?"
);

impl Registration {
    /// What can be blocked about it.
    pub(crate) fn names(&self) -> Result<Names, StoreError> {
        Ok(Names {
            identity: hash(&self.identity, "identity")?,
            client_uri_hash: hash(&self.client_uri_hash, "client_uri_hash")?,
            key_fingerprint: hash(&self.key_fingerprint, "key_fingerprint")?,
        })
    }

    /// SHA-256 of its certificate.
    pub(crate) fn certificate_fingerprint(&self) -> Result<Hash, StoreError> {
        hash(&self.certificate_fingerprint, "certificate_fingerprint")
    }

    /// What is registered: the metadata members of the answer.
    pub(crate) fn metadata(&self) -> Result<Map<String, Value>, StoreError> {
        serde_json::from_str(&self.metadata).map_err(|_| inconsistent("metadata"))
    }

    /// The app's certificate.
    pub(crate) fn certificate(&self) -> Result<Certificate, StoreError> {
        Certificate::from_der(&self.certificate).map_err(|_| inconsistent("certificate"))
    }

    /// The intermediates of its path when it was registered.
    pub(crate) fn chain(&self) -> Result<Vec<Certificate>, StoreError> {
        Certificate::from_der_sequence(&self.chain).map_err(|_| inconsistent("chain"))
    }

    /// When its trust was last established.
    pub(crate) fn good_at(&self) -> Result<OffsetDateTime, StoreError> {
        instant::from_micros(self.good_at).ok_or_else(|| inconsistent("good_at"))
    }

    /// When it was last looked at.
    pub(crate) fn checked_at(&self) -> Result<OffsetDateTime, StoreError> {
        instant::from_micros(self.checked_at).ok_or_else(|| inconsistent("checked_at"))
    }

    /// When its certificate expires.
    pub(crate) fn not_after(&self) -> Result<OffsetDateTime, StoreError> {
        instant::from_micros(self.not_after).ok_or_else(|| inconsistent("not_after"))
    }

    /// When its `client_id` was given out.
    pub(crate) fn registered_at(&self) -> Result<OffsetDateTime, StoreError> {
        instant::from_micros(self.registered_at).ok_or_else(|| inconsistent("registered_at"))
    }

    /// When it was last changed.
    pub(crate) fn updated_at(&self) -> Result<OffsetDateTime, StoreError> {
        instant::from_micros(self.updated_at).ok_or_else(|| inconsistent("updated_at"))
    }

    /// Why the last check of trust switched it off.
    pub(crate) fn trust_off(&self) -> Result<Option<TrustOff>, StoreError> {
        self.trust_off
            .as_deref()
            .map(|word| TrustOff::from_word(word).ok_or_else(|| inconsistent("trust_off")))
            .transpose()
    }

    /// Its state, with what other tables hold about it.
    pub(crate) fn state(&self, blocked: bool, admin_off: bool) -> Result<State, StoreError> {
        Ok(State {
            cancelled: self.status == "cancelled",
            blocked,
            trust_off: self.trust_off()?,
            admin_off,
            approved: match &self.approved {
                None => None,
                Some(json) => {
                    Some(serde_json::from_str(json).map_err(|_| inconsistent("approved"))?)
                }
            },
            policy: self.policy_enables,
            extent: Extent::of(&self.metadata()?),
            written: self.written_enabled,
        })
    }
}

fn inconsistent(column: &'static str) -> StoreError {
    StoreError::Inconsistent {
        table: TABLE,
        column,
    }
}

fn hash(bytes: &[u8], column: &'static str) -> Result<Hash, StoreError> {
    bytes.try_into().map_err(|_| inconsistent(column))
}

/// The live registration of an identity, locked.
pub(crate) async fn live<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    identity: &Hash,
) -> Result<Option<Registration>, StoreError> {
    Ok(query_as(LIVE)
        .bind(&identity[..])
        .for_update()
        .fetch_optional(transaction)
        .await?)
}

/// The registration of a `client_id`.
pub(crate) async fn by_client_id<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    client_id: &str,
) -> Result<Option<Registration>, StoreError> {
    // The column's charset compares with no other.
    if !client_id.is_ascii() {
        return Ok(None);
    }
    Ok(query_as(BY_CLIENT_ID)
        .bind(client_id)
        .fetch_optional(transaction)
        .await?)
}

/// The id that its community had when it was last registered.
pub(crate) async fn community_id<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    id: i64,
) -> Result<String, StoreError> {
    Ok(
        query_scalar("SELECT community_id FROM registration WHERE id = ?")
            .bind(id)
            .fetch_one(transaction)
            .await?,
    )
}

/// The registration of a `client_id`, locked.
pub(crate) async fn lock_by_client_id<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    client_id: &str,
) -> Result<Option<Registration>, StoreError> {
    // The column's charset compares with no other.
    if !client_id.is_ascii() {
        return Ok(None);
    }
    Ok(query_as(BY_CLIENT_ID)
        .bind(client_id)
        .for_update()
        .fetch_optional(transaction)
        .await?)
}

/// All live registrations that share a client URI or a key with this one, itself included, locked in
/// the order of their ids.
pub(crate) async fn live_relatives<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    names: &Names,
) -> Result<Vec<Registration>, StoreError> {
    let ids: Vec<i64> = query_scalar(LIVE_RELATIVES)
        .bind(&names.client_uri_hash[..])
        .bind(&names.key_fingerprint[..])
        .fetch_all(transaction)
        .await?;
    let mut relatives = Vec::new();
    for id in ids {
        let row: Option<Registration> = query_as(LIVE_BY_ID)
            .bind(id)
            .for_update()
            .fetch_optional(transaction)
            .await?;
        relatives.extend(row);
    }
    Ok(relatives)
}

/// All registrations, oldest first, from after `(registered_at, id)` on, at most `limit`.
pub(crate) async fn page<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<Registration>, StoreError> {
    Ok(query_as(PAGE)
        .bind(after.0)
        .bind(after.0)
        .bind(after.1)
        .bind(limit)
        .fetch_all(transaction)
        .await?)
}

impl Registration {
    /// Where [`page`] goes on after this row.
    pub(crate) fn position(&self) -> (i64, i64) {
        (self.registered_at, self.id)
    }
}

/// The request that a row is written for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) remote_address: Option<&'a str>,
    pub(crate) now: OffsetDateTime,
}

/// Inserts the record of a new client.
pub(crate) async fn insert<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    client_id: &str,
    applicant: &Applicant<'_>,
    metadata: &Map<String, Value>,
    state: &State,
    request: Request<'_>,
) -> Result<(), StoreError> {
    let now = instant::to_micros(request.now);
    query(
        "INSERT INTO registration \
         (identity, client_uri_hash, site, community_id, community_uri, client_uri, client_id, \
          client_name, status, trust_off, approved, policy_enables, written_enabled, metadata, \
          statement, jti, certificate_fingerprint, key_fingerprint, issuer_hash, issuer, serial, \
          not_after, certificate, chain, chain_hash, request_id, remote_address, registered_at, \
          updated_at, good_at, checked_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'registered', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, \
                 ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&applicant.names.identity[..])
    .bind(&applicant.names.client_uri_hash[..])
    .bind(applicant.site)
    .bind(applicant.community_id)
    .bind(applicant.community_uri)
    .bind(applicant.client_uri)
    .bind(client_id)
    .bind(name(metadata))
    .bind(state.trust_off.map(TrustOff::as_str))
    .bind(approved(state)?)
    .bind(state.policy)
    .bind(state.written)
    .bind(Value::from(metadata.clone()).to_string())
    .bind(applicant.software_statement)
    .bind(applicant.jti)
    .bind(&applicant.leaf.fingerprint()[..])
    .bind(&applicant.names.key_fingerprint[..])
    .bind(&applicant.issuer_hash[..])
    .bind(applicant.leaf.issuer_text())
    .bind(applicant.leaf.serial())
    .bind(instant::to_micros(applicant.leaf.not_after()))
    .bind(applicant.leaf.der())
    .bind(applicant.chain.as_slice())
    .bind(&identity::content(&applicant.chain)[..])
    .bind(request.request_id)
    .bind(request.remote_address)
    .bind(now)
    .bind(now)
    .bind(now)
    .bind(now)
    .execute(transaction)
    .await?;
    Ok(())
}

/// Replaces everything that an earlier statement of the same identity registered (D02).
pub(crate) async fn replace<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    id: i64,
    applicant: &Applicant<'_>,
    metadata: &Map<String, Value>,
    state: &State,
    request: Request<'_>,
) -> Result<(), StoreError> {
    let now = instant::to_micros(request.now);
    query(
        "UPDATE registration SET community_id = ?, client_name = ?, trust_off = ?, approved = ?, \
         policy_enables = ?, written_enabled = ?, metadata = ?, statement = ?, jti = ?, \
         certificate_fingerprint = ?, key_fingerprint = ?, issuer_hash = ?, issuer = ?, \
         serial = ?, not_after = ?, certificate = ?, chain = ?, chain_hash = ?, request_id = ?, \
         remote_address = ?, updated_at = ?, good_at = ?, checked_at = ? WHERE id = ?",
    )
    .bind(applicant.community_id)
    .bind(name(metadata))
    .bind(state.trust_off.map(TrustOff::as_str))
    .bind(approved(state)?)
    .bind(state.policy)
    .bind(state.written)
    .bind(Value::from(metadata.clone()).to_string())
    .bind(applicant.software_statement)
    .bind(applicant.jti)
    .bind(&applicant.leaf.fingerprint()[..])
    .bind(&applicant.names.key_fingerprint[..])
    .bind(&applicant.issuer_hash[..])
    .bind(applicant.leaf.issuer_text())
    .bind(applicant.leaf.serial())
    .bind(instant::to_micros(applicant.leaf.not_after()))
    .bind(applicant.leaf.der())
    .bind(applicant.chain.as_slice())
    .bind(&identity::content(&applicant.chain)[..])
    .bind(request.request_id)
    .bind(request.remote_address)
    .bind(now)
    .bind(now)
    .bind(now)
    .bind(id)
    .execute(transaction)
    .await?;
    Ok(())
}

/// Records a change of state that no registration statement made.
pub(crate) async fn set_state<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    id: i64,
    state: &State,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let now = instant::to_micros(now);
    query(
        "UPDATE registration SET status = CASE WHEN ? THEN 'cancelled' ELSE status END, \
         cancelled_at = CASE WHEN ? THEN COALESCE(cancelled_at, ?) ELSE cancelled_at END, \
         trust_off = ?, approved = ?, written_enabled = ?, updated_at = ? WHERE id = ?",
    )
    .bind(state.cancelled)
    .bind(state.cancelled)
    .bind(now)
    .bind(state.trust_off.map(TrustOff::as_str))
    .bind(approved(state)?)
    .bind(state.written)
    .bind(now)
    .bind(id)
    .execute(transaction)
    .await?;
    Ok(())
}

fn name(metadata: &Map<String, Value>) -> &str {
    metadata
        .get("client_name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn approved(state: &State) -> Result<Option<String>, StoreError> {
    state
        .approved
        .as_ref()
        .map(serde_json::to_string)
        .transpose()
        .map_err(|_| inconsistent("approved"))
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{AssertSqlSafe, ConnectOptions, Row};

    use super::*;
    use crate::table::{live_registration, token_client};

    #[tokio::test]
    async fn every_lookup_goes_by_an_index() {
        let mut connection = SqliteConnectOptions::new()
            .in_memory(true)
            .connect()
            .await
            .unwrap();
        crate::sql::SQLITE_MIGRATIONS
            .run_direct(None, &mut connection, false)
            .await
            .unwrap();
        let mut queries = vec![
            LIVE,
            BY_CLIENT_ID,
            token_client::BY_CLIENT_ID,
            LIVE_RELATIVES,
            LIVE_BY_ID,
            PAGE,
        ];
        queries.extend(live_registration::BY_INDEX);
        for sql in queries {
            let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
                .fetch_all(&mut connection)
                .await
                .unwrap();
            let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
            assert!(
                !steps
                    .iter()
                    .any(|step| step.starts_with("SCAN registration")
                        || step.contains("registration_expiry")),
                "{sql}: {steps:?}"
            );
        }
    }

    /// Proves: D20
    #[tokio::test]
    async fn the_database_itself_refuses_a_second_live_registration() {
        let mut connection = SqliteConnectOptions::new()
            .in_memory(true)
            .connect()
            .await
            .unwrap();
        crate::sql::SQLITE_MIGRATIONS
            .run_direct(None, &mut connection, false)
            .await
            .unwrap();
        let mut insert = async |client_id: &str, status: &str| {
            sqlx::query(
                "INSERT INTO registration VALUES (NULL, zeroblob(32), zeroblob(32), 's', 'c', 'c', \
                 'u', ?, 'n', ?, NULL, NULL, 0, 0, '{}', 's', 'j', zeroblob(32), zeroblob(32), \
                 zeroblob(32), 'i', x'01', 0, x'00', x'', 'r', NULL, 0, 0, ?, 0, 0, NULL)",
            )
            .bind(client_id)
            .bind(status)
            .bind((status == "cancelled").then_some(0_i64))
            .execute(&mut connection)
            .await
        };
        insert("one", "cancelled").await.unwrap();
        insert("two", "cancelled").await.unwrap();
        insert("three", "registered").await.unwrap();
        for status in ["registered", "pending"] {
            let second = insert("four", status).await.unwrap_err();
            assert!(second.as_database_error().unwrap().is_unique_violation());
        }
    }
}
