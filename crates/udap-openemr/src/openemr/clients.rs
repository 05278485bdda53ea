//! A site's clients in OpenEMR's own table.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, MySql, MySqlConnection, Row, Transaction};
use time::OffsetDateTime;
use udap::key::PublicKey;
use udap_store::{Client, ClientTable, ClientTableError, TokenRow};

use super::errors::{is_denial, is_outdated};
use super::statements::{Privilege, Statements};
use super::structure::{Structure, StructureError};
use super::wall_clock::WallClock;
use crate::{
    ClientRow, ClientSecret, Column, ColumnValue, GatewayKeyError, RowError, RowKeys, row,
};

/// For so long a structure is taken to be as it was. A statement that meets another ends it at once,
/// but none meets a column that was added.
const STRUCTURE_AGE: Duration = Duration::from_secs(60);

/// Where a site's clients are, and how they are written.
#[derive(Clone, Debug)]
pub struct OpenEmrOptions {
    /// The site's id, which OpenEMR calls the same.
    pub site: String,
    /// The schema of the site's OpenEMR.
    pub schema: String,
    /// The key that rows hold.
    pub key: RowKeys,
    /// Whether OpenEMR's own `oauth_app_manual_approval` keeps new clients off (decisions 14).
    pub honour_manual_approval: bool,
}

/// A site's clients in OpenEMR's own table.
#[derive(Debug)]
pub struct OpenEmrClients {
    options: OpenEmrOptions,
    known: RwLock<Option<Arc<Known>>>,
    structure_age: Duration,
}

/// What is known of the schema, until it changes.
#[derive(Debug)]
pub(super) struct Known {
    at: Instant,
    pub(super) structure: Structure,
    pub(super) statements: Statements,
}

impl OpenEmrClients {
    /// The clients of a site. Nothing is looked at yet.
    #[must_use]
    pub fn new(options: OpenEmrOptions) -> Self {
        Self {
            options,
            known: RwLock::new(None),
            structure_age: STRUCTURE_AGE,
        }
    }

    /// Looks again after so long whether OpenEMR's tables are as they were; a minute without this call.
    #[must_use]
    pub fn with_structure_age(mut self, age: Duration) -> Self {
        self.structure_age = age;
        self
    }

    /// What of all that the account must be able to do it cannot.
    ///
    /// # Errors
    /// If the schema is not OpenEMR's, or the database fails otherwise.
    pub async fn missing_privileges(
        &self,
        transaction: &mut Transaction<'_, MySql>,
    ) -> Result<Vec<Privilege>, ClientTableError> {
        let known = self.known(transaction).await?;
        let mut missing = Vec::new();
        for (privilege, statement) in known.statements.privileges() {
            match sqlx::query(AssertSqlSafe(statement))
                .execute(&mut **transaction)
                .await
            {
                Ok(_) => {}
                Err(error) if is_denial(&error) => missing.push(privilege),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(missing)
    }

    pub(super) async fn known(
        &self,
        connection: &mut MySqlConnection,
    ) -> Result<Arc<Known>, ClientTableError> {
        if let Some(known) = self.remembered() {
            return Ok(known);
        }
        let schema = &self.options.schema;
        let structure = match Structure::read(connection, schema).await {
            Err(StructureError::Sql(error)) => return Err(error.into()),
            Err(other) => return Err(ClientTableError::Prepare(Box::new(other))),
            Ok(structure) => structure,
        };
        tracing::debug!(site = %self.options.site, schema = %schema,
            columns = structure.columns().len(), charset = structure.charset_name(),
            "OpenEMR's table of clients");
        let known = Arc::new(Known {
            at: Instant::now(),
            statements: Statements::new(schema, &structure),
            structure,
        });
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
        Ok(known)
    }

    fn remembered(&self) -> Option<Arc<Known>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known
            .as_ref()
            .filter(|known| known.at.elapsed() < self.structure_age)
            .cloned()
    }

    /// OpenEMR was upgraded, perhaps: what is known of its structure is no longer.
    pub(super) fn failed(&self, error: sqlx::Error) -> ClientTableError {
        if is_outdated(&error) {
            *self.known.write().unwrap_or_else(PoisonError::into_inner) = None;
            return ClientTableError::Changed;
        }
        error.into()
    }

    pub(super) fn row(
        &self,
        known: &Known,
        client: &Client,
    ) -> Result<ClientRow, ClientTableError> {
        if client.site != self.options.site {
            return Err(ClientTableError::Unfit(
                "the client belongs to another site".into(),
            ));
        }
        let row =
            ClientRow::new(client, &self.options.key.now().map_err(no_key)?).map_err(unfit)?;
        if !known.structure.charset().holds(row.client_name()) {
            return Err(ClientTableError::UnfitClaim {
                claim: "client_name",
                message: "holds characters that this server's database cannot store",
            });
        }
        Ok(row)
    }

    async fn run(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        query: MySqlQuery<'_>,
    ) -> Result<u64, ClientTableError> {
        match query.execute(&mut **transaction).await {
            Ok(done) => Ok(done.rows_affected()),
            Err(error) => Err(self.failed(error)),
        }
    }

    async fn enabled_by(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        statement: &Arc<str>,
        client_id: &str,
    ) -> Result<Option<bool>, ClientTableError> {
        sqlx::query_scalar(AssertSqlSafe(Arc::clone(statement)))
            .bind(client_id)
            .fetch_optional(&mut **transaction)
            .await
            .map_err(|error| self.failed(error))
    }
}

impl OpenEmrClients {
    async fn token_row_by(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        statement: &Arc<str>,
        client_id: &str,
    ) -> Result<Option<TokenRow>, ClientTableError> {
        let found = sqlx::query(AssertSqlSafe(Arc::clone(statement)))
            .bind(client_id)
            .fetch_optional(&mut **transaction)
            .await
            .map_err(|error| self.failed(error))?;
        let Some(found) = found else {
            return Ok(None);
        };
        let text = |column| found.try_get_unchecked::<Option<String>, _>(column);
        let (jwks_uri, jwks) = (text("jwks_uri")?, text("jwks")?);
        Ok(Some(TokenRow {
            enabled: found.try_get_unchecked::<Option<i64>, _>("is_on")? == Some(1),
            kid: row::kid(jwks_uri.as_deref(), jwks.as_deref()),
        }))
    }
}

#[async_trait]
impl ClientTable<MySql> for OpenEmrClients {
    /// Nothing of OpenEMR's is made or changed: it is looked at, and every privilege is tried, so that
    /// none is missed when a client has to be switched off.
    async fn prepare(
        &self,
        transaction: &mut Transaction<'_, MySql>,
    ) -> Result<(), ClientTableError> {
        let missing = self.missing_privileges(transaction).await?;
        if !missing.is_empty() {
            let missing: Vec<_> = missing.iter().map(|one| one.as_str()).collect();
            return Err(ClientTableError::Prepare(
                format!(
                    "the account lacks {} in schema {}: `udap db grants` prints what it needs",
                    missing.join(", "),
                    self.options.schema
                )
                .into(),
            ));
        }
        self.allows_enabling(transaction).await.map(drop)
    }

    async fn create(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        client: &Client,
    ) -> Result<(), ClientTableError> {
        let known = self.known(transaction).await?;
        let row = self.row(&known, client)?;
        let secret = ClientSecret::generate().map_err(|_| ClientTableError::Random)?;
        let columns: Vec<_> = (row.insert_columns(&secret).into_iter())
            .filter(|(name, _)| known.structure.columns().contains(name))
            .collect();
        let insert = sqlx::query(AssertSqlSafe(Arc::clone(&known.statements.insert)));
        let insert = bind(insert, &columns, known.structure.clock());
        match insert.execute(&mut **transaction).await {
            Ok(_) => {}
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                return Err(ClientTableError::Taken);
            }
            Err(error) => return Err(self.failed(error)),
        }
        self.read_back(transaction, &known, row.client_id(), &columns)
            .await
    }

    async fn update(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        client: &Client,
    ) -> Result<(), ClientTableError> {
        let known = self.known(transaction).await?;
        let row = self.row(&known, client)?;
        let columns = row.update_columns();
        let update = sqlx::query(AssertSqlSafe(Arc::clone(&known.statements.update)));
        let update = bind(update, &columns, known.structure.clock()).bind(row.client_id());
        if self.run(transaction, update).await? != 1 {
            return Err(ClientTableError::Gone);
        }
        self.read_back(transaction, &known, row.client_id(), &columns)
            .await
    }

    async fn enabled(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        client_id: &str,
    ) -> Result<Option<bool>, ClientTableError> {
        let known = self.known(transaction).await?;
        self.enabled_by(transaction, &known.statements.lock, client_id)
            .await
    }

    async fn fits(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        client: &Client,
    ) -> Result<(), ClientTableError> {
        let known = self.known(transaction).await?;
        self.row(&known, client).map(drop)
    }

    async fn seen_enabled(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        client_id: &str,
    ) -> Result<Option<bool>, ClientTableError> {
        let known = self.known(transaction).await?;
        self.enabled_by(transaction, &known.statements.see, client_id)
            .await
    }

    async fn found_as(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        client_id: &str,
    ) -> Result<Option<String>, ClientTableError> {
        let known = self.known(transaction).await?;
        sqlx::query_scalar(AssertSqlSafe(Arc::clone(&known.statements.find)))
            .bind(client_id)
            .fetch_optional(&mut **transaction)
            .await
            .map_err(|error| self.failed(error))
    }

    async fn token_row(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        client_id: &str,
    ) -> Result<Option<TokenRow>, ClientTableError> {
        let known = self.known(transaction).await?;
        self.token_row_by(transaction, &known.statements.lock_key, client_id)
            .await
    }

    async fn seen_token_row(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        client_id: &str,
    ) -> Result<Option<TokenRow>, ClientTableError> {
        let known = self.known(transaction).await?;
        self.token_row_by(transaction, &known.statements.see_key, client_id)
            .await
    }

    fn wanted_kid(&self, leaf: &PublicKey) -> Result<String, ClientTableError> {
        row::wanted_kid(&self.options.key.now().map_err(no_key)?, leaf).map_err(unfit)
    }

    async fn set_key(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        client_id: &str,
        leaf: &PublicKey,
    ) -> Result<(), ClientTableError> {
        let jwks = row::jwks(&self.options.key.now().map_err(no_key)?, leaf).map_err(unfit)?;
        let known = self.known(transaction).await?;
        let set = sqlx::query(AssertSqlSafe(Arc::clone(&known.statements.set_key)))
            .bind(jwks)
            .bind(client_id);
        self.run(transaction, set).await.map(drop)
    }

    async fn allows_enabling(
        &self,
        transaction: &mut Transaction<'_, MySql>,
    ) -> Result<bool, ClientTableError> {
        if !self.options.honour_manual_approval {
            return Ok(true);
        }
        let known = self.known(transaction).await?;
        let Some(statement) = &known.statements.manual_approval else {
            return Err(ClientTableError::Prepare(
                format!(
                    "OpenEMR's setting oauth_app_manual_approval cannot be read: make the view \
                     udap_globals in schema {} (`udap db grants` prints how), or set \
                     honour_manual_approval = false",
                    self.options.schema
                )
                .into(),
            ));
        };
        let value: Option<String> = sqlx::query_scalar(AssertSqlSafe(Arc::clone(statement)))
            .fetch_optional(&mut **transaction)
            .await
            .map_err(|error| self.failed(error))?;
        // Versions that do not know it have no row.
        Ok(value.as_deref() != Some("1"))
    }

    async fn set_enabled(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        client_id: &str,
        enabled: bool,
    ) -> Result<(), ClientTableError> {
        let known = self.known(transaction).await?;
        let switch = sqlx::query(AssertSqlSafe(Arc::clone(&known.statements.switch)))
            .bind(enabled)
            .bind(client_id);
        self.run(transaction, switch).await.map(drop)
    }

    async fn cancel(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        client_id: &str,
        now: OffsetDateTime,
    ) -> Result<(), ClientTableError> {
        let known = self.known(transaction).await?;
        let cancel = sqlx::query(AssertSqlSafe(Arc::clone(&known.statements.cancel)));
        let cancel = bind_time(cancel, now, known.structure.clock()).bind(client_id);
        self.run(transaction, cancel).await.map(drop)
    }

    async fn revoke_tokens(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        client_id: &str,
    ) -> Result<(), ClientTableError> {
        let known = self.known(transaction).await?;
        for statement in &known.statements.revoke {
            let revoke = sqlx::query(AssertSqlSafe(Arc::clone(statement))).bind(client_id);
            self.run(transaction, revoke).await?;
        }
        let oldest: Option<i64> =
            sqlx::query_scalar(AssertSqlSafe(Arc::clone(&known.statements.oldest)))
                .fetch_optional(&mut **transaction)
                .await
                .map_err(|error| self.failed(error))?;
        let revoke = sqlx::query(AssertSqlSafe(Arc::clone(&known.statements.revoke_access)))
            .bind(oldest.unwrap_or(0))
            .bind(client_id);
        self.run(transaction, revoke).await?;
        Ok(())
    }
}

impl OpenEmrClients {
    /// What was written must be what OpenEMR will read. A column that may not be read is taken on
    /// trust.
    async fn read_back(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        known: &Known,
        client_id: &str,
        columns: &[Column<'_>],
    ) -> Result<(), ClientTableError> {
        let row = sqlx::query(AssertSqlSafe(Arc::clone(&known.statements.read)))
            .bind(client_id)
            .fetch_optional(&mut **transaction)
            .await
            .map_err(|error| self.failed(error))?
            .ok_or(ClientTableError::Gone)?;
        for (column, value) in columns {
            if known.structure.readable().contains(column)
                && !holds(&row, column, value, known.structure.clock())?
            {
                return Err(ClientTableError::ReadBack(column));
            }
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

type MySqlQuery<'q> = Query<'q, MySql, MySqlArguments>;

fn bind<'q>(
    mut query: MySqlQuery<'q>,
    columns: &[Column<'_>],
    clock: &WallClock,
) -> MySqlQuery<'q> {
    for (_, value) in columns {
        query = match value {
            ColumnValue::Null => query.bind(None::<String>),
            ColumnValue::Text(text) => query.bind((*text).to_owned()),
            ColumnValue::Number(number) => query.bind(*number),
            ColumnValue::Time(at) => bind_time(query, *at, clock),
        };
    }
    query
}

fn bind_time<'q>(query: MySqlQuery<'q>, at: OffsetDateTime, clock: &WallClock) -> MySqlQuery<'q> {
    match clock.literal(at) {
        Some(literal) => query.bind(literal),
        None => query.bind(at.unix_timestamp()),
    }
}

pub(super) fn holds(
    row: &MySqlRow,
    column: &'static str,
    value: &ColumnValue<'_>,
    clock: &WallClock,
) -> Result<bool, ClientTableError> {
    let text = || row.try_get_unchecked::<Option<String>, _>(column);
    Ok(match value {
        ColumnValue::Null => sqlx::ValueRef::is_null(&row.try_get_raw(column)?),
        ColumnValue::Text(expected) => text()?.as_deref() == Some(expected),
        ColumnValue::Number(expected) => {
            row.try_get_unchecked::<Option<i64>, _>(column)? == Some(*expected)
        }
        ColumnValue::Time(at) => {
            match clock.literal(*at) {
                Some(literal) => text()? == Some(literal),
                // By the server's own clock.
                None => text()?.is_some(),
            }
        }
    })
}
