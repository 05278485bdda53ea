//! `gate`: rows to lock where what is looked for is not there to be locked.

use sqlx::Transaction;

use crate::error::StoreError;
use crate::sql::{Engine, query_scalar};

/// A gate.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gate {
    /// Who is blocked: statements share it, operators have it alone.
    Blocks,
    /// Which lists are known.
    Crls,
}

impl Gate {
    fn name(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::Crls => "crls",
        }
    }

    /// Until the transaction ends nobody passes alone.
    pub(crate) async fn share<E: Engine>(
        self,
        transaction: &mut Transaction<'_, E>,
    ) -> Result<(), StoreError> {
        // The spelling that both servers know.
        self.pass(
            transaction,
            "SELECT name FROM gate WHERE name = ? LOCK IN SHARE MODE",
        )
        .await
    }

    /// Until the transaction ends nobody else passes.
    pub(crate) async fn pass_alone<E: Engine>(
        self,
        transaction: &mut Transaction<'_, E>,
    ) -> Result<(), StoreError> {
        self.pass(
            transaction,
            "SELECT name FROM gate WHERE name = ? FOR UPDATE",
        )
        .await
    }

    async fn pass<E: Engine>(
        self,
        transaction: &mut Transaction<'_, E>,
        lock: &'static str,
    ) -> Result<(), StoreError> {
        if E::ONE_WRITER {
            return Ok(());
        }
        let locked: Option<String> = query_scalar(lock)
            .bind(self.name())
            .fetch_optional(transaction)
            .await?;
        // Without the row nothing would be locked.
        locked.map(drop).ok_or(StoreError::Inconsistent {
            table: "gate",
            column: "name",
        })
    }
}
