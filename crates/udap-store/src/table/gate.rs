//! `gate`: rows to lock where what is looked for is not there to be locked. Statements take their share
//! as they begin: [`Engine::BEGIN_WRITING_GATED`].

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

    /// Until the transaction ends nobody else passes.
    pub(crate) async fn pass_alone<E: Engine>(
        self,
        transaction: &mut Transaction<'_, E>,
    ) -> Result<(), StoreError> {
        if E::ONE_WRITER {
            return Ok(());
        }
        let locked: Option<String> = query_scalar("SELECT name FROM gate WHERE name = ?")
            .bind(self.name())
            .for_update()
            .fetch_optional(transaction)
            .await?;
        // Without the row nothing would be locked.
        locked.map(drop).ok_or(StoreError::Inconsistent {
            table: "gate",
            column: "name",
        })
    }
}
