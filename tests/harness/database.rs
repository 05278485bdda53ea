//! A look into the embedded store from outside.

use std::path::Path;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqliteRow};

/// The server's database file, opened beside it.
#[derive(Debug)]
pub struct Database(SqlitePool);

impl Database {
    /// Opens the file.
    ///
    /// # Panics
    /// If there is none.
    pub async fn open(path: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(path);
        Self(
            SqlitePool::connect_with(options)
                .await
                .expect("the database opens"),
        )
    }

    /// The only column of the only row, as a number.
    ///
    /// # Panics
    /// If the query fails.
    pub async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(&self.0)
            .await
            .expect("the query gives a number")
    }

    /// The row of a client in OpenEMR's table.
    ///
    /// # Panics
    /// If there is none.
    pub async fn client(&self, client_id: &str) -> SqliteRow {
        sqlx::query("SELECT * FROM oauth_clients WHERE client_id = ?")
            .bind(client_id)
            .fetch_one(&self.0)
            .await
            .expect("the client has a row")
    }

    /// The only row that a query gives.
    ///
    /// # Panics
    /// If it gives none.
    pub async fn row(&self, query: &'static str) -> SqliteRow {
        sqlx::query(query)
            .fetch_one(&self.0)
            .await
            .expect("the query gives a row")
    }

    /// Whether a client is switched on.
    pub async fn is_enabled(&self, client_id: &str) -> bool {
        self.client(client_id).await.get::<i64, _>("is_enabled") == 1
    }

    /// Clients in OpenEMR's table.
    pub async fn clients(&self) -> i64 {
        self.number("SELECT count(*) FROM oauth_clients").await
    }

    /// Runs a statement, as an administrator or a fault would.
    ///
    /// # Panics
    /// If it fails.
    pub async fn execute(&self, statement: &'static str) {
        sqlx::query(statement)
            .execute(&self.0)
            .await
            .expect("the statement runs");
    }
}
