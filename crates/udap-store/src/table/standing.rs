//! What stands against a statement, in one query: blocks, certificates once seen revoked, its `jti`, and
//! whether an administrator switched the client off.

use sqlx::Transaction;
use time::OffsetDateTime;

use crate::error::StoreError;
use crate::identity::Hash;
use crate::sql::{Engine, Query, query_as};
use crate::table::client_block::Names;
use crate::table::spent_jti::{self, Found};

/// What stands against a statement.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// Whether a block names the client, or a certificate of its path was once seen revoked.
    pub(crate) is_blocked: bool,
    /// Whether an administrator switched the client's row off, or removed it.
    pub(crate) is_admin_off: bool,
    /// What is known of the statement itself.
    pub(crate) statement: Found,
}

/// Whom and what to look for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) names: &'a Names,
    /// Leaf and intermediates as a CA would revoke them.
    pub(crate) certificates: &'a [Hash],
    pub(crate) jti: &'a Hash,
    /// Statements whose `exp` is not later are expired.
    pub(crate) expired_until: OffsetDateTime,
}

#[derive(sqlx::FromRow)]
struct Row {
    is_blocked: bool,
    is_admin_off: bool,
    #[sqlx(flatten)]
    statement: spent_jti::MaybeRow,
}

impl<'a> Subject<'a> {
    /// Looks in a transaction.
    pub(crate) async fn look_in<E: Engine>(
        self,
        transaction: &mut Transaction<'_, E>,
    ) -> Result<Standing, StoreError> {
        let row = self.query().fetch_one(transaction).await?;
        self.read(row)
    }

    /// Looks outside of any: one query sees one state of the database.
    pub(crate) async fn look<E: Engine>(
        self,
        connection: &mut E::Connection,
    ) -> Result<Standing, StoreError> {
        let row = self.query().fetch_one_on::<E>(connection).await?;
        self.read(row)
    }

    fn query(&self) -> Query<'a, Row> {
        let mut sql = String::from(
            "SELECT spent.expires_at, spent.request_id, spent.outcome, spent.client_id, \
             spent.issued_at, spent.enabled, \
             EXISTS (SELECT 1 FROM admin_off WHERE identity = ?) AS is_admin_off, \
             (EXISTS (SELECT 1 FROM client_block WHERE scope = 'registration' AND identity = ?) \
              OR EXISTS (SELECT 1 FROM client_block WHERE scope = 'everywhere' AND identity = ?) \
              OR EXISTS (SELECT 1 FROM client_block WHERE scope = 'key' AND identity = ?)",
        );
        // Of one length or another: a path is short.
        for _ in self.certificates {
            sql.push_str(" OR EXISTS (SELECT 1 FROM revoked_certificate WHERE identity = ?)");
        }
        sql.push_str(
            ") AS is_blocked \
             FROM (SELECT 1 AS one) AS this LEFT JOIN spent_jti AS spent ON spent.identity = ?",
        );
        let mut query = query_as(sql)
            .bind(&self.names.identity[..])
            .bind(&self.names.identity[..])
            .bind(&self.names.client_uri_hash[..])
            .bind(&self.names.key_fingerprint[..]);
        for certificate in self.certificates {
            query = query.bind(&certificate[..]);
        }
        query.bind(&self.jti[..])
    }

    fn read(self, row: Row) -> Result<Standing, StoreError> {
        Ok(Standing {
            is_blocked: row.is_blocked,
            is_admin_off: row.is_admin_off,
            statement: row.statement.read(self.expired_until)?,
        })
    }
}
