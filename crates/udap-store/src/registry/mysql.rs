//! Opening the registry on MariaDB or MySQL.

use sqlx::migrate::Migrate;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::pool::PoolConnectionMetadata;
use sqlx::{AssertSqlSafe, Connection, Executor, MySql, MySqlConnection, Pool};

use crate::client_table::SiteClients;
use crate::identity;
use crate::registry::{OpenError, SqlRegistry, WAIT, prepare};
use crate::sql::{Engine, mysql_migrations};

/// More than this do not make a server of two cores faster.
const CONNECTIONS: u32 = 16;

/// A connection that was idle for longer may be dead, and is asked before it is used.
const FRESH: std::time::Duration = std::time::Duration::from_secs(1);

/// Seconds that a start waits for another one that changes tables.
const MIGRATION_WAIT: u32 = 60;

/// The gates that are missing.
const GATES: &str = "INSERT INTO gate (name) \
     SELECT wanted.name FROM (SELECT 'blocks' AS name UNION ALL SELECT 'crls') AS wanted \
     WHERE NOT EXISTS (SELECT 1 FROM gate AS present WHERE present.name = wanted.name)";

/// What a session is like, whatever the server's defaults are. Waiting for a lock, on a row or on a
/// table that is being altered, ends before the transaction's own time does. A session of which nothing
/// is heard, since its host is gone, ends with its locks after a minute; one that was idle for so long
/// is replaced when it is wanted.
const SESSION: &str = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
     SESSION innodb_lock_wait_timeout = 5, SESSION lock_wait_timeout = 5, \
     SESSION wait_timeout = 60, SESSION autocommit = 1; \
     SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

impl SqlRegistry<MySql> {
    /// Connects, and brings our tables up to date in the schema that the options name.
    ///
    /// `sites`: each with what creates its clients, on the same server.
    ///
    /// # Errors
    /// If the server cannot be reached, or refuses us.
    pub async fn open(
        options: MySqlConnectOptions,
        sites: Vec<SiteClients<MySql>>,
    ) -> Result<Self, OpenError> {
        let pool = connect(options).await?;
        migrate(&pool).await?;
        let mut transaction = pool.begin_with(MySql::BEGIN_WRITING).await?;
        prepare(&mut transaction, &sites).await?;
        transaction.commit().await?;
        Self::new(pool.clone(), pool, sites)
    }
}

pub(super) async fn connect(options: MySqlConnectOptions) -> Result<Pool<MySql>, sqlx::Error> {
    // The session's mode is ours to set; its time zone stays the server's, as OpenEMR's is.
    let options = options
        .charset("utf8mb4")
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None);
    MySqlPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(WAIT)
        .test_before_acquire(false)
        .before_acquire(|connection, metadata| {
            Box::pin(async move { is_usable(connection, &metadata).await })
        })
        // A transaction that was given up while it began is one that the driver knows nothing of: it would
        // keep its locks until the connection is used again, and be in the way of the next.
        // One that does not answer, for the server is gone or the driver lost its thread when work was given
        // up, is closed: otherwise its place in the pool would be lost for as long.
        .after_release(|connection, _| {
            Box::pin(async move {
                match tokio::time::timeout(WAIT, connection.execute("ROLLBACK")).await {
                    Ok(done) => done.map(|_| true),
                    Err(_) => Err(sqlx::Error::Protocol("no answer to ROLLBACK".to_owned())),
                }
            })
        })
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute(SESSION).await.map(drop) })
        })
        .connect_with(options)
        .await
}

async fn is_usable(
    connection: &mut MySqlConnection,
    metadata: &PoolConnectionMetadata,
) -> Result<bool, sqlx::Error> {
    Ok(metadata.idle_for <= FRESH
        || matches!(
            tokio::time::timeout(FRESH, connection.ping()).await,
            Ok(Ok(()))
        ))
}

/// One process at a time. Our own lock, since the driver's would not cover what an interrupted run
/// left.
async fn migrate(pool: &Pool<MySql>) -> Result<(), OpenError> {
    let mut connection = pool.acquire().await?.detach();
    let schema: Option<String> = sqlx::query_scalar("SELECT DATABASE()")
        .fetch_one(&mut connection)
        .await?;
    let digest = identity::content(schema.unwrap_or_default().as_bytes());
    let lock = format!("udap {}", hex::encode(&digest[..16]));
    let locked: Option<i64> = sqlx::query_scalar("SELECT GET_LOCK(?, ?)")
        .bind(&lock)
        .bind(MIGRATION_WAIT)
        .fetch_one(&mut connection)
        .await?;
    if locked != Some(1) {
        return Err(OpenError::Busy);
    }
    let mut migrations = mysql_migrations();
    migrations.set_locking(false);
    let table = migrations.table_name.as_ref();
    connection.ensure_migrations_table(table).await?;
    // Whoever began and did not end is gone, or would hold the lock.
    sqlx::query(AssertSqlSafe(format!(
        "DELETE FROM {table} WHERE success = FALSE"
    )))
    .execute(&mut connection)
    .await?;
    migrations.run_direct(None, &mut connection, false).await?;
    // Where one is missing, nothing would be locked.
    connection.execute(GATES).await?;
    // With the connection the lock ends, too.
    connection.close().await?;
    Ok(())
}
