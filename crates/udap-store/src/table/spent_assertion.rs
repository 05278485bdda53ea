//! `spent_assertion`: client assertions that were used in token requests (G08), and what stands against
//! one, in one query.

use sqlx::Transaction;
use time::OffsetDateTime;

use crate::error::StoreError;
use crate::identity::Hash;
use crate::instant;
use crate::sql::{Engine, query, query_as};
use crate::table::client_block::Names;

/// Where they are.
pub(crate) const TABLE: &str = "spent_assertion";

/// What is known of an assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    /// Its `jti` was used so long ago that it no longer counts.
    Expired,
    Spent {
        request_id: String,
        /// Whether the request could be forwarded.
        accepted: bool,
    },
}

/// What stands against a token request.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// Whether a block names the client or a key of it, or a certificate of its path was once seen
    /// revoked.
    pub(crate) is_blocked: bool,
    /// What is known of the assertion.
    pub(crate) assertion: Found,
}

/// Whom and what to look for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// The registration, with the key that it is recorded with.
    pub(crate) names: &'a Names,
    /// The key that was used now.
    pub(crate) used_key: &'a Hash,
    /// Leaf and intermediates as a CA would revoke them.
    pub(crate) certificates: &'a [Hash],
    pub(crate) assertion: &'a Hash,
    /// Assertions whose `exp` is not later are expired.
    pub(crate) expired_until: OffsetDateTime,
}

#[derive(sqlx::FromRow)]
struct Row {
    is_blocked: bool,
    expires_at: Option<i64>,
    request_id: Option<String>,
    accepted: Option<bool>,
}

impl Subject<'_> {
    pub(crate) async fn look_in<E: Engine>(
        self,
        transaction: &mut Transaction<'_, E>,
    ) -> Result<Standing, StoreError> {
        let mut sql = String::from(
            "SELECT spent.expires_at, spent.request_id, spent.accepted, \
             (EXISTS (SELECT 1 FROM client_block WHERE scope = 'registration' AND identity = ?) \
              OR EXISTS (SELECT 1 FROM client_block WHERE scope = 'everywhere' AND identity = ?) \
              OR EXISTS (SELECT 1 FROM client_block WHERE scope = 'key' AND identity = ?) \
              OR EXISTS (SELECT 1 FROM client_block WHERE scope = 'key' AND identity = ?)",
        );
        // Of one length or another: a path is short.
        for _ in self.certificates {
            sql.push_str(" OR EXISTS (SELECT 1 FROM revoked_certificate WHERE identity = ?)");
        }
        sql.push_str(
            ") AS is_blocked \
             FROM (SELECT 1 AS one) AS this \
             LEFT JOIN spent_assertion AS spent ON spent.identity = ?",
        );
        let mut look = query_as(sql)
            .bind(&self.names.identity[..])
            .bind(&self.names.client_uri_hash[..])
            .bind(&self.names.key_fingerprint[..])
            .bind(&self.used_key[..]);
        for certificate in self.certificates {
            look = look.bind(&certificate[..]);
        }
        let row: Row = look
            .bind(&self.assertion[..])
            .fetch_one(transaction)
            .await?;
        Ok(Standing {
            is_blocked: row.is_blocked,
            assertion: match (row.expires_at, row.request_id, row.accepted) {
                (Some(expires_at), _, _)
                    if expires_at <= instant::to_micros(self.expired_until) =>
                {
                    Found::Expired
                }
                (Some(_), Some(request_id), Some(accepted)) => Found::Spent {
                    request_id,
                    accepted,
                },
                _ => Found::Nothing,
            },
        })
    }
}

/// Forgets an assertion that no longer counts.
pub(crate) async fn forget<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    identity: &Hash,
) -> Result<(), StoreError> {
    query("DELETE FROM spent_assertion WHERE identity = ?")
        .bind(&identity[..])
        .execute(transaction)
        .await?;
    Ok(())
}

/// Spends the assertion. Of two transactions at once the database lets one do so.
pub(crate) async fn spend<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    identity: &Hash,
    expires_at: OffsetDateTime,
    request_id: &str,
    accepted: bool,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO spent_assertion (identity, expires_at, request_id, accepted) \
         VALUES (?, ?, ?, ?)",
    )
    .bind(&identity[..])
    .bind(instant::to_micros(expires_at))
    .bind(request_id)
    .bind(accepted)
    .execute(transaction)
    .await?;
    Ok(())
}
