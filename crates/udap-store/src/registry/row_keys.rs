//! Giving clients' rows another key (decisions 26).

use async_trait::async_trait;
use serde_json::json;
use udap::registry::{OperatorAction, Position, RegistryError};

use crate::client_table::ClientTableError;
use crate::error::StoreError;
use crate::registry::SqlRegistry;
use crate::registry::retry::{LONG, TRANSACTION, transact, within};
use crate::registry::tokens::strings;
use crate::row_keys::{KeyMove, KeyRegistry, KeyedRow};
use crate::sql::Engine;
use crate::table::audit_event::{self, Kind};
use crate::table::gate::Gate;
use crate::table::{live_registration, registration};

#[async_trait]
impl<E: Engine> KeyRegistry for SqlRegistry<E> {
    async fn settle(&self) -> Result<(), RegistryError> {
        let wait = async {
            let mut transaction = self.write().await?;
            Gate::Blocks.pass_alone(&mut transaction).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(())
        };
        Ok(within(TRANSACTION, wait).await?)
    }

    async fn keyed_rows(
        &self,
        site: &str,
        after: Option<Position>,
        limit: u32,
    ) -> Result<(Vec<KeyedRow>, Option<Position>), RegistryError> {
        Ok(within(LONG, self.page_of_keys(site, after, limit)).await?)
    }

    async fn move_key(&self, action: &OperatorAction) -> Result<KeyMove, RegistryError> {
        Ok(transact!(self.give_key(action))?)
    }
}

impl<E: Engine> SqlRegistry<E> {
    async fn page_of_keys(
        &self,
        site: &str,
        after: Option<Position>,
        limit: u32,
    ) -> Result<(Vec<KeyedRow>, Option<Position>), StoreError> {
        let table = self.table(site)?;
        let mut transaction = self.read().await?;
        let after = after.map_or((i64::MIN, i64::MIN), |position| {
            (position.registered_at, position.id)
        });
        let page = live_registration::live_page(&mut transaction, after, limit.into()).await?;
        let next = page.last().map(|row| {
            let (registered_at, id) = row.position();
            Position { registered_at, id }
        });
        let mut keyed = Vec::new();
        for row in page {
            if row.site != site {
                continue;
            }
            let (registered_at, id) = row.position();
            keyed.push(KeyedRow {
                grant_types: strings(&row.metadata()?, "grant_types"),
                row: table
                    .seen_token_row(&mut transaction, &row.client_id)
                    .await?,
                wanted: fitting(table.wanted_kid(row.certificate()?.key()?))?,
                client_id: row.client_id,
                client_uri: row.client_uri,
                position: Position { registered_at, id },
            });
        }
        Ok((keyed, next))
    }

    async fn give_key(&self, action: &OperatorAction) -> Result<KeyMove, StoreError> {
        let client_id = &action.client_id;
        let mut transaction = self.write().await?;
        let row = registration::lock_by_client_id(&mut transaction, client_id).await?;
        let Some(row) = row.filter(|row| row.status == "registered") else {
            return Ok(KeyMove::Gone);
        };
        let table = self.table(&row.site)?;
        let Some(found) = table.token_row(&mut transaction, client_id).await? else {
            return Ok(KeyMove::Gone);
        };
        let certificate = row.certificate()?;
        let Some(wanted) = fitting(table.wanted_kid(certificate.key()?))? else {
            return Ok(KeyMove::Unfit);
        };
        if found.kid.as_ref() == Some(&wanted) {
            return Ok(KeyMove::Unchanged);
        }
        table
            .set_key(&mut transaction, client_id, certificate.key()?)
            .await?;
        audit_event::insert(
            &mut transaction,
            &audit_event::Event {
                kind: Kind::KeyMoved,
                at: action.now,
                request_id: None,
                client_id: Some(client_id),
                detail: audit_event::members(json!({
                    "site": row.site,
                    "from": found.kid,
                    "to": wanted,
                    "operator": action.operator,
                    "reason": action.reason,
                })),
            },
        )
        .await?;
        transaction.commit().await?;
        Ok(KeyMove::Moved)
    }
}

/// `None`: no row can hold the app's key.
fn fitting(wanted: Result<String, ClientTableError>) -> Result<Option<String>, StoreError> {
    match wanted {
        Ok(kid) => Ok(Some(kid)),
        Err(ClientTableError::Unfit(_)) => Ok(None),
        Err(other) => Err(other.into()),
    }
}
