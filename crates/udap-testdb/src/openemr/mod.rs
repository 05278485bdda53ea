//! OpenEMR's tables, and what happens in them beside the registrar.

mod builder;
mod generation;

use std::collections::BTreeMap;

use sqlx::mysql::{MySqlArguments, MySqlPool, MySqlRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, MySql, Row};
use uuid::Uuid;

use crate::{Schema, TestServer};

pub use builder::OpenEmrBuilder;
pub use generation::Generation;

/// A schema with OpenEMR's tables, as its installer leaves them: no client yet.
///
/// All methods panic if the server does not do what they ask.
#[derive(Debug)]
pub struct OpenEmr {
    pool: MySqlPool,
    schema: Schema,
    generation: Generation,
}

impl OpenEmr {
    fn new(schema: Schema, pool: MySqlPool, generation: Generation) -> Self {
        Self {
            pool,
            schema,
            generation,
        }
    }

    /// The usual OpenEMR of a generation.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn create(server: &TestServer, generation: Generation) -> Self {
        Self::with(generation).create(server).await
    }

    /// One that differs from the usual one.
    #[must_use]
    pub fn with(generation: Generation) -> OpenEmrBuilder {
        OpenEmrBuilder::new(generation)
    }

    /// Its generation.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Its schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// At most two connections to it, as administrator.
    #[must_use]
    pub fn pool(&self) -> &MySqlPool {
        &self.pool
    }

    /// Sets a global, as the administration page does.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn set_global(&self, name: &str, value: &str) {
        let query = sqlx::query(
            "INSERT INTO globals (gl_name, gl_value) VALUES (?, ?) \
             ON DUPLICATE KEY UPDATE gl_value = VALUES(gl_value)",
        );
        self.execute(query.bind(name).bind(value)).await;
    }

    /// The row of a client: each column as text, NULL as none.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn client(&self, client_id: &str) -> Option<BTreeMap<String, Option<String>>> {
        let columns: Vec<String> = sqlx::query_scalar(
            "SELECT CAST(column_name AS CHAR) FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = 'oauth_clients'",
        )
        .fetch_all(&self.pool)
        .await
        .expect("the table has columns");
        let texts: Vec<String> = columns
            .iter()
            .map(|column| format!("CAST({column} AS CHAR)"))
            .collect();
        let query = format!(
            "SELECT {} FROM oauth_clients WHERE client_id = ?",
            texts.join(", ")
        );
        let row: Option<MySqlRow> = sqlx::query(AssertSqlSafe(query))
            .bind(client_id)
            .fetch_optional(&self.pool)
            .await
            .expect("the client can be read");
        row.map(|row| {
            columns
                .into_iter()
                .enumerate()
                .map(|(position, column)| (column, row.get(position)))
                .collect()
        })
    }

    /// How many clients there are.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn clients(&self) -> u64 {
        sqlx::query_scalar("SELECT CAST(COUNT(*) AS UNSIGNED) FROM oauth_clients")
            .fetch_one(&self.pool)
            .await
            .expect("the clients can be counted")
    }

    /// Inserts an enabled client as an administrator would by hand: the columns that OpenEMR needs,
    /// without a key.
    ///
    /// # Panics
    /// If there is one with this id.
    pub async fn insert_by_hand(&self, client_id: &str) {
        let query = sqlx::query(
            "INSERT INTO oauth_clients (client_id, client_name, redirect_uri, scope, is_enabled) \
             VALUES (?, 'Made by hand', '', 'openid', 1)",
        );
        self.execute(query.bind(client_id)).await;
    }

    /// Switches a client on or off, as the administration page does.
    ///
    /// # Panics
    /// If there is no such client.
    pub async fn switch(&self, client_id: &str, on: bool) {
        let query = sqlx::query("UPDATE oauth_clients SET is_enabled = ? WHERE client_id = ?");
        let found = self.execute(query.bind(on).bind(client_id)).await;
        assert_eq!(found, 1, "no client {client_id}");
    }

    /// Replaces the keys in a client's row, and where they are said to be.
    ///
    /// # Panics
    /// If there is no such client.
    pub async fn set_keys(&self, client_id: &str, jwks_uri: Option<&str>, jwks: Option<&str>) {
        let query =
            sqlx::query("UPDATE oauth_clients SET jwks_uri = ?, jwks = ? WHERE client_id = ?");
        let query = query
            .bind(jwks_uri.map(str::to_owned))
            .bind(jwks.map(str::to_owned));
        assert!(
            self.client(client_id).await.is_some(),
            "no client {client_id}"
        );
        // The server counts the rows that changed.
        self.execute(query.bind(client_id)).await;
    }

    /// Removes a client's row, and nothing else.
    ///
    /// # Panics
    /// If there is no such client.
    pub async fn remove(&self, client_id: &str) {
        let query = sqlx::query("DELETE FROM oauth_clients WHERE client_id = ?");
        let found = self.execute(query.bind(client_id)).await;
        assert_eq!(found, 1, "no client {client_id}");
    }

    /// Gives a user of the client's an access token, a refresh token and a session, as a login does.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn give_tokens(&self, client_id: &str) {
        let user = Uuid::new_v4().to_string();
        let access = sqlx::query(
            "INSERT INTO api_token (user_id, token, expiry, client_id, scope) \
             VALUES (?, ?, NOW() + INTERVAL 1 HOUR, ?, '[\"openid\"]')",
        );
        let access = access.bind(&user).bind(token()).bind(client_id);
        let refresh = sqlx::query(
            "INSERT INTO api_refresh_token (user_id, client_id, token, expiry) \
             VALUES (?, ?, ?, NOW() + INTERVAL 3 MONTH)",
        );
        let refresh = refresh.bind(&user).bind(client_id).bind(token());
        let session = sqlx::query(
            "INSERT INTO oauth_trusted_user \
             (user_id, client_id, scope, persist_login, time, session_cache, grant_type) \
             VALUES (?, ?, 'openid', 0, NOW(), '{}', 'authorization_code')",
        );
        let session = session.bind(&user).bind(client_id);
        for query in [access, refresh, session] {
            self.execute(query).await;
        }
    }

    /// What of a client's tokens still works: access and refresh tokens that are not revoked, and
    /// sessions. One [`give_tokens`](Self::give_tokens) makes three.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn good_tokens(&self, client_id: &str) -> u64 {
        sqlx::query_scalar(
            "SELECT CAST(\
             (SELECT COUNT(*) FROM api_token WHERE client_id = ? AND revoked = 0) + \
             (SELECT COUNT(*) FROM api_refresh_token WHERE client_id = ? AND revoked = 0) + \
             (SELECT COUNT(*) FROM oauth_trusted_user WHERE client_id = ?) AS UNSIGNED)",
        )
        .bind(client_id)
        .bind(client_id)
        .bind(client_id)
        .fetch_one(&self.pool)
        .await
        .expect("the tokens can be counted")
    }

    /// Runs a statement; the answer is how many rows it found.
    async fn execute(&self, query: Query<'_, MySql, MySqlArguments>) -> u64 {
        query
            .execute(&self.pool)
            .await
            .expect("the statement runs")
            .rows_affected()
    }
}

fn token() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}
