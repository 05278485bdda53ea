//! OpenEMR's table in the store's own SQLite database: the same 25 columns, for a server without
//! an OpenEMR behind it.

use async_trait::async_trait;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row, Sqlite, Transaction};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use udap::key::PublicKey;
use udap_store::{Client, ClientTable, ClientTableError, TokenRow};

use crate::{
    ClientRow, ClientSecret, Column, ColumnValue, GatewayKeyError, RowError, RowKeys, row,
};

/// Where its migrations are booked: apart from the store's, which know nothing of them.
const MIGRATIONS_TABLE: &str = "_sqlx_migrations_oauth_clients";

/// A site's clients in the embedded table.
#[derive(Clone, Debug)]
pub struct EmbeddedClients {
    site: String,
    key: RowKeys,
}

impl EmbeddedClients {
    /// The clients of a site, whose rows hold this key.
    #[must_use]
    pub fn new(site: &str, key: impl Into<RowKeys>) -> Self {
        Self {
            site: site.to_owned(),
            key: key.into(),
        }
    }

    fn row(&self, client: &Client) -> Result<ClientRow, ClientTableError> {
        if client.site != self.site {
            return Err(ClientTableError::Unfit(
                "the client belongs to another site".into(),
            ));
        }
        ClientRow::new(client, &self.key.now().map_err(no_key)?).map_err(unfit)
    }
}

#[async_trait]
impl ClientTable<Sqlite> for EmbeddedClients {
    async fn prepare(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
    ) -> Result<(), ClientTableError> {
        let mut migrations = sqlx::migrate!("./migrations");
        migrations.dangerous_set_table_name(MIGRATIONS_TABLE);
        migrations
            .run_direct(None, &mut **transaction, false)
            .await
            .map_err(|error| ClientTableError::Prepare(Box::new(error)))
    }

    async fn create(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        client: &Client,
    ) -> Result<(), ClientTableError> {
        let row = self.row(client)?;
        let secret = ClientSecret::generate().map_err(|_| ClientTableError::Random)?;
        let columns = row.insert_columns(&secret);
        let insert = sqlx::query(
            "INSERT INTO oauth_clients \
             (client_id, client_role, client_name, client_secret, registration_token, \
              registration_uri_path, register_date, revoke_date, contacts, redirect_uri, \
              grant_types, scope, user_id, site_id, is_confidential, logout_redirect_uris, \
              jwks_uri, jwks, initiate_login_uri, endorsements, policy_uri, tos_uri, is_enabled, \
              skip_ehr_launch_authorization_flow, dsi_type) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        );
        bind(insert, &columns)?.execute(&mut **transaction).await?;
        read_back(transaction, row.client_id(), &columns).await
    }

    async fn update(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        client: &Client,
    ) -> Result<(), ClientTableError> {
        let row = self.row(client)?;
        let columns = row.update_columns();
        let update = sqlx::query(
            "UPDATE oauth_clients SET client_name = ?, revoke_date = ?, contacts = ?, \
             redirect_uri = ?, grant_types = ?, scope = ?, logout_redirect_uris = ?, \
             jwks_uri = ?, jwks = ?, initiate_login_uri = ?, policy_uri = ?, tos_uri = ?, \
             is_enabled = ? WHERE client_id = ?",
        );
        let updated = bind(update, &columns)?
            .bind(row.client_id())
            .execute(&mut **transaction)
            .await?
            .rows_affected();
        if updated != 1 {
            return Err(ClientTableError::Gone);
        }
        read_back(transaction, row.client_id(), &columns).await
    }

    async fn enabled(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        client_id: &str,
    ) -> Result<Option<bool>, ClientTableError> {
        // As OpenEMR reads it: 1 is on, everything else is off.
        Ok(
            sqlx::query_scalar("SELECT is_enabled = 1 FROM oauth_clients WHERE client_id = ?")
                .bind(client_id)
                .fetch_optional(&mut **transaction)
                .await?,
        )
    }

    async fn fits(
        &self,
        _transaction: &mut Transaction<'_, Sqlite>,
        client: &Client,
    ) -> Result<(), ClientTableError> {
        self.row(client).map(drop)
    }

    async fn token_row(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        client_id: &str,
    ) -> Result<Option<TokenRow>, ClientTableError> {
        let row: Option<(bool, Option<String>, Option<String>)> = sqlx::query_as(
            "SELECT is_enabled = 1, jwks_uri, jwks FROM oauth_clients WHERE client_id = ?",
        )
        .bind(client_id)
        .fetch_optional(&mut **transaction)
        .await?;
        Ok(row.map(|(enabled, jwks_uri, jwks)| TokenRow {
            enabled,
            kid: row::kid(jwks_uri.as_deref(), jwks.as_deref()),
        }))
    }

    async fn seen_token_row(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        client_id: &str,
    ) -> Result<Option<TokenRow>, ClientTableError> {
        // The transaction's lock is the only one there is.
        self.token_row(transaction, client_id).await
    }

    fn wanted_kid(&self, leaf: &PublicKey) -> Result<String, ClientTableError> {
        row::wanted_kid(&self.key.now().map_err(no_key)?, leaf).map_err(unfit)
    }

    async fn set_key(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        client_id: &str,
        leaf: &PublicKey,
    ) -> Result<(), ClientTableError> {
        let jwks = row::jwks(&self.key.now().map_err(no_key)?, leaf).map_err(unfit)?;
        sqlx::query("UPDATE oauth_clients SET jwks_uri = NULL, jwks = ? WHERE client_id = ?")
            .bind(jwks)
            .bind(client_id)
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }

    async fn seen_enabled(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        client_id: &str,
    ) -> Result<Option<bool>, ClientTableError> {
        // The transaction's lock is the only one there is.
        self.enabled(transaction, client_id).await
    }

    async fn found_as(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        client_id: &str,
    ) -> Result<Option<String>, ClientTableError> {
        // No FHIR server reads this table. Which client one would find is taken as widely as OpenEMR's does.
        let found = "SELECT client_id FROM oauth_clients WHERE client_id = rtrim(?) COLLATE NOCASE";
        Ok(sqlx::query_scalar(found)
            .bind(client_id)
            .fetch_optional(&mut **transaction)
            .await?)
    }

    async fn set_enabled(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        client_id: &str,
        enabled: bool,
    ) -> Result<(), ClientTableError> {
        sqlx::query("UPDATE oauth_clients SET is_enabled = ? WHERE client_id = ?")
            .bind(i64::from(enabled))
            .bind(client_id)
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }

    async fn cancel(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        client_id: &str,
        now: OffsetDateTime,
    ) -> Result<(), ClientTableError> {
        sqlx::query("UPDATE oauth_clients SET is_enabled = 0, revoke_date = ? WHERE client_id = ?")
            .bind(datetime(now)?)
            .bind(client_id)
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }

    async fn revoke_tokens(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        client_id: &str,
    ) -> Result<(), ClientTableError> {
        // The grants first: without one, no token of the user is accepted any more.
        for statement in [
            "DELETE FROM oauth_trusted_user WHERE client_id = ?",
            "UPDATE api_token SET revoked = 1 WHERE client_id = ? AND revoked = 0",
            "UPDATE api_refresh_token SET revoked = 1 WHERE client_id = ? AND revoked = 0",
        ] {
            sqlx::query(statement)
                .bind(client_id)
                .execute(&mut **transaction)
                .await?;
        }
        Ok(())
    }
}

fn unfit(error: RowError) -> ClientTableError {
    ClientTableError::Unfit(Box::new(error))
}

fn no_key(error: GatewayKeyError) -> ClientTableError {
    ClientTableError::Key(Box::new(error))
}

type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;

fn bind<'q>(
    mut query: SqliteQuery<'q>,
    columns: &[Column<'_>],
) -> Result<SqliteQuery<'q>, ClientTableError> {
    for (_, value) in columns {
        query = match value {
            ColumnValue::Null => query.bind(None::<String>),
            ColumnValue::Text(text) => query.bind((*text).to_owned()),
            ColumnValue::Number(number) => query.bind(*number),
            ColumnValue::Time(at) => query.bind(datetime(*at)?),
        };
    }
    Ok(query)
}

/// A `datetime` as MariaDB shows it, in UTC.
fn datetime(at: OffsetDateTime) -> Result<String, ClientTableError> {
    const FORMAT: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    at.to_offset(time::UtcOffset::UTC)
        .format(FORMAT)
        .map_err(|error| ClientTableError::Unfit(Box::new(error)))
}

/// What was written must be what OpenEMR will read.
async fn read_back(
    transaction: &mut Transaction<'_, Sqlite>,
    client_id: &str,
    columns: &[Column<'_>],
) -> Result<(), ClientTableError> {
    let row = sqlx::query("SELECT * FROM oauth_clients WHERE client_id = ?")
        .bind(client_id)
        .fetch_optional(&mut **transaction)
        .await?
        .ok_or(ClientTableError::Gone)?;
    for (column, value) in columns {
        if !holds(&row, column, value)? {
            return Err(ClientTableError::ReadBack(column));
        }
    }
    Ok(())
}

fn holds(
    row: &SqliteRow,
    column: &'static str,
    value: &ColumnValue<'_>,
) -> Result<bool, ClientTableError> {
    let text = || row.try_get_unchecked::<Option<String>, _>(column);
    Ok(match value {
        ColumnValue::Null => text()?.is_none(),
        ColumnValue::Text(expected) => text()?.as_deref() == Some(expected),
        ColumnValue::Number(expected) => {
            row.try_get_unchecked::<Option<i64>, _>(column)? == Some(*expected)
        }
        ColumnValue::Time(expected) => text()? == Some(datetime(*expected)?),
    })
}

#[cfg(test)]
#[path = "embedded_tests.rs"]
mod tests;
