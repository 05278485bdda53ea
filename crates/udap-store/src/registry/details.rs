//! One registration with all that is recorded of it.

use udap::registry::{Block, RegistrationDetails};

use crate::error::StoreError;
use crate::registry::SqlRegistry;
use crate::sql::Engine;
use crate::table::{admin_off, client_block, registration};

impl<E: Engine> SqlRegistry<E> {
    pub(super) async fn one(
        &self,
        client_id: &str,
    ) -> Result<Option<RegistrationDetails>, StoreError> {
        let mut transaction = self.read().await?;
        let Some(row) = registration::by_client_id(&mut transaction, client_id).await? else {
            return Ok(None);
        };
        let names = row.names()?;
        let blocks: Vec<Block> = client_block::all(&mut transaction, &names).await?;
        let is_admin_off = admin_off::is_set(&mut transaction, &names.identity).await?;
        let state = row.state(!blocks.is_empty(), is_admin_off)?;
        let found = match self.tables.get(&row.site) {
            Some(table) => table.seen_enabled(&mut transaction, client_id).await?,
            None => Some(row.written_enabled),
        };
        Ok(Some(RegistrationDetails {
            summary: self.summary(&mut transaction, &row).await?,
            community_id: registration::community_id(&mut transaction, row.id).await?,
            metadata: row.metadata()?,
            certificate: row.certificate()?,
            chain: row.chain()?,
            row: found,
            written: state.written,
            policy_enables: state.policy,
            trust_off: state.trust_off,
            admin_off: state.admin_off,
            approved: state.approved.is_some(),
            blocks,
            good_at: row.good_at()?,
            checked_at: row.checked_at()?,
        }))
    }
}
