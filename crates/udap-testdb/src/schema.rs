//! A schema of a test's own.

use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions};
use uuid::Uuid;

use crate::TestServer;

/// How long a pool tries to connect, and how long dropping a schema may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A schema with a random name, which is dropped with this value.
///
/// On a private server it stays until the server ends: that may be dead or frozen by then.
#[derive(Debug)]
pub struct Schema {
    name: String,
    url: String,
    options: MySqlConnectOptions,
    /// As administrator, outside this schema; none if nothing needs to be cleared away.
    clear: Option<MySqlConnectOptions>,
}

impl Schema {
    /// Creates one, with a character set or the server's default.
    ///
    /// With `utf8mb4` goes the collation `utf8mb4_general_ci`, as OpenEMR's installer has it,
    /// whatever the server's default.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn create(server: &TestServer, charset: Option<&str>) -> Self {
        let name = format!("udap_test_{}", Uuid::new_v4().simple());
        let charset = match charset {
            None => String::new(),
            Some("utf8mb4") => " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci".to_owned(),
            Some(other) => format!(" CHARACTER SET {other}"),
        };
        server
            .execute(None, &format!("CREATE DATABASE {name}{charset}"))
            .await;
        Self {
            url: server.url(&name),
            options: server.options(Some(&name)),
            clear: (!server.is_private()).then(|| server.options(None)),
            name,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL, with the administrator's account.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// At most two connections to it, as administrator. They give up after ten seconds.
    ///
    /// # Panics
    /// If the server cannot be reached.
    pub async fn pool(&self) -> MySqlPool {
        MySqlPoolOptions::new()
            .max_connections(2)
            .acquire_timeout(PATIENCE) // so long it tries to reach a server that is dead
            .connect_with(self.options.clone())
            .await
            .expect("the test server can be reached")
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let Some(options) = self.clear.take() else {
            return;
        };
        let name = self.name.clone();
        // On a thread of its own: a runtime of the test's cannot be waited for from within.
        let _ = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let _ = tokio::time::timeout(PATIENCE, clear(&options, &name)).await;
            });
            std::io::Result::Ok(())
        })
        .join();
    }
}

async fn clear(options: &MySqlConnectOptions, schema: &str) -> sqlx::Result<()> {
    let mut server = options.connect().await?;
    // The test's runtime waits for us: a transaction that it still has open would wait for ever.
    let others: Vec<u64> = sqlx::query_scalar(
        "SELECT CAST(id AS UNSIGNED) FROM information_schema.processlist WHERE db = ?",
    )
    .bind(schema)
    .fetch_all(&mut server)
    .await?;
    for id in others {
        // It may have ended by itself.
        let _ = sqlx::raw_sql(AssertSqlSafe(format!("KILL {id}")))
            .execute(&mut server)
            .await;
    }
    sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE {schema}")))
        .execute(&mut server)
        .await?;
    Ok(())
}
