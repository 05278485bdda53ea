//! Whether a client's row still is as we wrote it.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, MySql, Transaction};
use udap_store::{Client, ClientTableError};

use super::clients::{OpenEmrClients, holds};

/// Columns that others change with good reason: the registry follows what they did.
const NOT_COMPARED: [&str; 2] = ["is_enabled", "revoke_date"];

impl OpenEmrClients {
    /// The columns of a client's row that are not as they were written; `None`: there is no row.
    ///
    /// # Errors
    /// If the client has no row that could be compared, or the database fails.
    pub async fn drift(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        client: &Client,
    ) -> Result<Option<Vec<&'static str>>, ClientTableError> {
        let known = self.known(transaction).await?;
        let expected = self.row(&known, client)?;
        let found = sqlx::query(AssertSqlSafe(Arc::clone(&known.statements.read)))
            .bind(expected.client_id())
            .fetch_optional(&mut **transaction)
            .await
            .map_err(|error| self.failed(error))?;
        let Some(found) = found else {
            return Ok(None);
        };
        let mut drifted = Vec::new();
        for (column, value) in expected.update_columns() {
            let is_compared =
                known.structure.readable().contains(&column) && !NOT_COMPARED.contains(&column);
            if is_compared && !holds(&found, column, &value, known.structure.clock())? {
                drifted.push(column);
            }
        }
        Ok(Some(drifted))
    }
}
