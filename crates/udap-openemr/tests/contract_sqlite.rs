//! The store's contract, kept by SQLite with the embedded table of clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Pool, Sqlite};
use tempfile::TempDir;
use udap::registry::{Foresight, RecheckRegistry, Registry, TokenRegistry};
use udap_openemr::{EmbeddedClients, RowKey};
use udap_store::contract::{FaultyClients, Harness, Row};
use udap_store::{KeyRegistry, SiteClients, SqliteRegistry};

struct Embedded {
    folder: TempDir,
    broken: Arc<AtomicBool>,
    administrator: Pool<Sqlite>,
}

impl Embedded {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("udap.db"))
            .create_if_missing(true);
        let administrator = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .unwrap();
        Self {
            folder,
            broken: Arc::default(),
            administrator,
        }
    }

    async fn store(&self) -> SqliteRegistry {
        let sites = ["default", "other"]
            .map(|site| SiteClients {
                site: site.to_owned(),
                clients: Arc::new(FaultyClients {
                    clients: Arc::new(EmbeddedClients::new(site, RowKey::Leaf)),
                    broken: Arc::clone(&self.broken),
                }),
            })
            .into();
        let path = self.folder.path().join("udap.db");
        SqliteRegistry::open(&path, sites).await.unwrap()
    }

    async fn count(&self, sql: &'static str, argument: &str) -> u64 {
        let count: i64 = sqlx::query_scalar(sql)
            .bind(argument)
            .fetch_one(&self.administrator)
            .await
            .unwrap();
        u64::try_from(count).unwrap()
    }
}

#[async_trait]
impl Harness for Embedded {
    async fn open(&self) -> Arc<dyn Registry> {
        Arc::new(self.store().await)
    }

    async fn records(&self) -> Arc<dyn RecheckRegistry> {
        Arc::new(self.store().await)
    }

    async fn foresight(&self) -> Arc<dyn Foresight> {
        Arc::new(self.store().await)
    }

    async fn tokens(&self) -> Arc<dyn TokenRegistry> {
        Arc::new(self.store().await)
    }

    async fn keys(&self) -> Arc<dyn KeyRegistry> {
        Arc::new(self.store().await)
    }

    async fn row(&self, client_id: &str) -> Option<Row> {
        let row: Option<(bool, String, String)> = sqlx::query_as(
            "SELECT is_enabled = 1, redirect_uri, jwks FROM oauth_clients WHERE client_id = ?",
        )
        .bind(client_id)
        .fetch_optional(&self.administrator)
        .await
        .unwrap();
        row.map(|(enabled, redirect_uri, jwks)| Row {
            enabled,
            redirect_uri,
            jwks,
        })
    }

    async fn rows(&self) -> u64 {
        self.count("SELECT COUNT(*) FROM oauth_clients WHERE '' = ?", "")
            .await
    }

    async fn switch(&self, client_id: &str, enabled: bool) {
        sqlx::query("UPDATE oauth_clients SET is_enabled = ? WHERE client_id = ?")
            .bind(enabled)
            .bind(client_id)
            .execute(&self.administrator)
            .await
            .unwrap();
    }

    async fn set_keys(&self, client_id: &str, jwks_uri: Option<&str>, jwks: Option<&str>) {
        sqlx::query("UPDATE oauth_clients SET jwks_uri = ?, jwks = ? WHERE client_id = ?")
            .bind(jwks_uri)
            .bind(jwks)
            .bind(client_id)
            .execute(&self.administrator)
            .await
            .unwrap();
    }

    async fn remove(&self, client_id: &str) {
        sqlx::query("DELETE FROM oauth_clients WHERE client_id = ?")
            .bind(client_id)
            .execute(&self.administrator)
            .await
            .unwrap();
    }

    async fn give_tokens(&self, client_id: &str) {
        for statement in [
            "INSERT INTO api_token (client_id, token) VALUES (?, hex(randomblob(16)))",
            "INSERT INTO api_refresh_token (client_id, token) VALUES (?, hex(randomblob(16)))",
            "INSERT INTO oauth_trusted_user (client_id, session_cache) VALUES (?, '{}')",
        ] {
            sqlx::query(statement)
                .bind(client_id)
                .execute(&self.administrator)
                .await
                .unwrap();
        }
    }

    async fn good_tokens(&self, client_id: &str) -> u64 {
        self.count(
            "SELECT (SELECT COUNT(*) FROM api_token WHERE client_id = ?1 AND revoked = 0) \
                  + (SELECT COUNT(*) FROM api_refresh_token WHERE client_id = ?1 AND revoked = 0) \
                  + (SELECT COUNT(*) FROM oauth_trusted_user WHERE client_id = ?1)",
            client_id,
        )
        .await
    }

    fn break_clients(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    async fn last_event(&self, kind: &str) -> String {
        sqlx::query_scalar(
            "SELECT detail FROM audit_event WHERE kind = ? ORDER BY rowid DESC LIMIT 1",
        )
        .bind(kind)
        .fetch_one(&self.administrator)
        .await
        .unwrap()
    }

    async fn longest_event(&self, kind: &str) -> u64 {
        self.count(
            "SELECT MAX(length(detail)) FROM audit_event WHERE kind = ?",
            kind,
        )
        .await
    }

    async fn events(&self, kind: &str) -> u64 {
        self.count("SELECT COUNT(*) FROM audit_event WHERE kind = ?", kind)
            .await
    }
}

udap_store::contract_tests!(Embedded::new());
