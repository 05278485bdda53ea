//! A log in a file, and hands in it.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};
use tempfile::TempDir;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use udap_store::SqliteRegistry;
use udap_store::audit::{AuditLog, Expectation, Seal, SealKey, Sealing, Verification};

/// When it all happens.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

/// A log in a file.
pub(crate) struct Log {
    folder: TempDir,
    /// Its store.
    pub(crate) store: SqliteRegistry,
}

impl Log {
    /// An empty one.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("udap.db");
        let store = SqliteRegistry::open(&path, Vec::new()).await.unwrap();
        Self { folder, store }
    }

    /// Opens the same file, as another process would.
    pub(crate) async fn open_again(&self) -> SqliteRegistry {
        let path = self.folder.path().join("udap.db");
        SqliteRegistry::open(&path, Vec::new()).await.unwrap()
    }

    /// The same in another file.
    pub(crate) async fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("udap.db");
        self.tamper(&format!("VACUUM INTO '{}'", path.display()))
            .await;
        let store = SqliteRegistry::open(&path, Vec::new()).await.unwrap();
        Self { folder, store }
    }

    async fn connect(&self) -> SqliteConnection {
        SqliteConnectOptions::new()
            .filename(self.folder.path().join("udap.db"))
            .busy_timeout(std::time::Duration::from_secs(5))
            .connect()
            .await
            .unwrap()
    }

    /// What somebody does who can write the database. Returns how many rows changed.
    pub(crate) async fn tamper(&self, sql: &str) -> u64 {
        let mut connection = self.connect().await;
        sqlx::query(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap()
            .rows_affected()
    }

    /// A number.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        let mut connection = self.connect().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }

    /// Events of as many seconds.
    pub(crate) async fn insert(&self, events: usize) {
        let seconds: Vec<i64> = (0..events as i64).collect();
        self.insert_at(&seconds).await;
    }

    /// Events so many seconds after [`NOW`].
    pub(crate) async fn insert_at(&self, seconds: &[i64]) {
        let mut connection = self.connect().await;
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut connection)
            .await
            .unwrap();
        for seconds in seconds {
            let at = NOW + Duration::seconds(*seconds);
            sqlx::query(
                "INSERT INTO audit_event (id, occurred_at, kind, request_id, client_id, detail) \
                 VALUES (randomblob(16), ?, 'registered', hex(randomblob(8)), \
                 hex(randomblob(8)), '{\"site\":\"default\"}')",
            )
            .bind((at.unix_timestamp_nanos() / 1_000) as i64)
            .execute(&mut connection)
            .await
            .unwrap();
        }
        sqlx::query("COMMIT")
            .execute(&mut connection)
            .await
            .unwrap();
    }

    /// Events with a detail of so many octets.
    pub(crate) async fn insert_long(&self, events: usize, octets: usize) {
        for _ in 0..events {
            self.tamper(&format!(
                "INSERT INTO audit_event (id, occurred_at, kind, detail) \
                 VALUES (randomblob(16), 1, 'registered', printf('%.*c', {octets}, 'x'))"
            ))
            .await;
        }
    }

    /// Seals until nothing is left.
    pub(crate) async fn seal_all(&self, key: &SealKey) -> Vec<Seal> {
        let mut seals = Vec::new();
        loop {
            match self.store.seal(key, "h", NOW).await.unwrap() {
                Sealing::Sealed { seal, .. } => seals.push(seal),
                Sealing::Nothing => return seals,
                Sealing::Elsewhere => panic!("another holds the lease"),
            }
        }
    }

    /// What verification finds.
    pub(crate) async fn verify(&self, key: &SealKey, expected: &Expectation) -> Verification {
        self.store.verify(key, expected, NOW).await.unwrap()
    }
}
