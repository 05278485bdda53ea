//! The app's row, read from the database as OpenEMR would.

use std::path::Path;

use anyhow::Context;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row};

/// The columns that tell the story.
const COLUMNS: [&str; 9] = [
    "client_id",
    "client_name",
    "grant_types",
    "scope",
    "redirect_uri",
    "is_confidential",
    "is_enabled",
    "register_date",
    "jwks",
];

/// Name and value of each column worth showing.
///
/// # Errors
/// If the row cannot be read.
pub(super) async fn read(
    database: &Path,
    client_id: &str,
) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut connection: SqliteConnection = SqliteConnectOptions::new()
        .filename(database)
        .read_only(true)
        .connect()
        .await
        .with_context(|| format!("cannot open {}", database.display()))?;
    let row = sqlx::query(
        "SELECT client_id, client_name, grant_types, scope, redirect_uri, \
         CAST(is_confidential AS TEXT) AS is_confidential, CAST(is_enabled AS TEXT) AS is_enabled, \
         register_date, jwks FROM oauth_clients WHERE client_id = ?",
    )
    .bind(client_id)
    .fetch_one(&mut connection)
    .await
    .context("the app has no row")?;
    let columns = COLUMNS
        .into_iter()
        .map(|column| {
            let value: Option<String> = row.try_get(column)?;
            Ok((column, value.unwrap_or_else(|| "NULL".to_owned())))
        })
        .collect::<Result<_, sqlx::Error>>()?;
    connection.close().await?;
    Ok(columns)
}
