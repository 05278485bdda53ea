//! `client_block`: whom operators blocked (decisions 12, D22).

use sqlx::Transaction;
use udap::registry::{Block, BlockScope, OperatorAction};

use crate::error::StoreError;
use crate::identity::Hash;
use crate::instant;
use crate::sql::{Engine, query, query_as, query_scalar};

/// Everything that a block can name a client by.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) identity: Hash,
    pub(crate) client_uri_hash: Hash,
    pub(crate) key_fingerprint: Hash,
}

impl Names {
    fn of(&self, scope: BlockScope) -> &Hash {
        match scope {
            BlockScope::Registration => &self.identity,
            BlockScope::Everywhere => &self.client_uri_hash,
            BlockScope::Key => &self.key_fingerprint,
        }
    }
}

/// The word in the table.
pub(crate) fn word(scope: BlockScope) -> &'static str {
    match scope {
        BlockScope::Registration => "registration",
        BlockScope::Everywhere => "everywhere",
        BlockScope::Key => "key",
    }
}

/// The reason given for the widest block that names the client; the outer `None`: no block does.
pub(crate) async fn find<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    names: &Names,
) -> Result<Option<Option<String>>, StoreError> {
    for scope in [
        BlockScope::Key,
        BlockScope::Everywhere,
        BlockScope::Registration,
    ] {
        let reason: Option<Option<String>> =
            query_scalar("SELECT reason FROM client_block WHERE scope = ? AND identity = ?")
                .bind(word(scope))
                .bind(&names.of(scope)[..])
                .fetch_optional(transaction)
                .await?;
        if reason.is_some() {
            return Ok(reason);
        }
    }
    Ok(None)
}

/// Every block that names the client, the widest first.
pub(crate) async fn all<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    names: &Names,
) -> Result<Vec<Block>, StoreError> {
    let mut blocks = Vec::new();
    for scope in [
        BlockScope::Key,
        BlockScope::Everywhere,
        BlockScope::Registration,
    ] {
        let found: Option<(i64, String, Option<String>)> = query_as(
            "SELECT since, operator, reason FROM client_block WHERE scope = ? AND identity = ?",
        )
        .bind(word(scope))
        .bind(&names.of(scope)[..])
        .fetch_optional(transaction)
        .await?;
        if let Some((since, operator, reason)) = found {
            blocks.push(Block {
                scope,
                since: instant::from_micros(since).ok_or(StoreError::Inconsistent {
                    table: "client_block",
                    column: "since",
                })?,
                operator,
                reason,
            });
        }
    }
    Ok(blocks)
}

/// Blocks; a block that stands already is left as it is.
pub(crate) async fn set<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    names: &Names,
    scope: BlockScope,
    action: &OperatorAction,
) -> Result<(), StoreError> {
    let stands: bool =
        query_scalar("SELECT EXISTS (SELECT 1 FROM client_block WHERE scope = ? AND identity = ?)")
            .bind(word(scope))
            .bind(&names.of(scope)[..])
            .fetch_one(transaction)
            .await?;
    if !stands {
        query(
            "INSERT INTO client_block (scope, identity, since, operator, reason) \
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(word(scope))
        .bind(&names.of(scope)[..])
        .bind(instant::to_micros(action.now))
        .bind(&action.operator)
        .bind(&action.reason)
        .execute(transaction)
        .await?;
    }
    Ok(())
}

/// Lifts every block that names the client. Returns the scopes of those that stood.
pub(crate) async fn lift<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    names: &Names,
) -> Result<Vec<BlockScope>, StoreError> {
    let mut lifted = Vec::new();
    for scope in [
        BlockScope::Registration,
        BlockScope::Everywhere,
        BlockScope::Key,
    ] {
        let gone = query("DELETE FROM client_block WHERE scope = ? AND identity = ?")
            .bind(word(scope))
            .bind(&names.of(scope)[..])
            .execute(transaction)
            .await?;
        if gone > 0 {
            lifted.push(scope);
        }
    }
    Ok(lifted)
}
