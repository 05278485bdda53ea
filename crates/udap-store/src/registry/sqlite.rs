//! Opening the registry on SQLite.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Pool, Sqlite};

use crate::client_table::SiteClients;
use crate::registry::{OpenError, SqlRegistry, WAIT, prepare};
use crate::sql::{Engine, SQLITE_MIGRATIONS};

/// Connections that only read. Writers have one, since SQLite has one write lock.
const READERS: u32 = 4;

/// The write-ahead log shrinks to this after it was longer: 64 MiB.
const JOURNAL_SIZE_LIMIT: &str = "67108864";

impl SqlRegistry<Sqlite> {
    /// Opens the database in a file and brings its tables up to date. A file that is missing is
    /// created, for its owner alone.
    ///
    /// `sites`: each with what creates its clients.
    ///
    /// # Errors
    /// If the file cannot be created or opened, or holds something else.
    pub async fn open(path: &Path, sites: Vec<SiteClients<Sqlite>>) -> Result<Self, OpenError> {
        create_private(path)?;
        let options = SqliteConnectOptions::new().filename(path);
        let writer = pool(1).connect_with(durable(options.clone())).await?;
        migrate(&writer, &sites).await?;
        let readers = pool(READERS)
            .connect_with(durable(options).pragma("query_only", "ON"))
            .await?;
        Self::new(writer, readers, sites)
    }

    /// Opens a database in memory, which ends with the registry.
    ///
    /// # Errors
    /// If its tables cannot be made.
    pub async fn open_in_memory(sites: Vec<SiteClients<Sqlite>>) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::new()
            .in_memory(true)
            .busy_timeout(WAIT);
        // One connection, never closed: the data is in it.
        let writer = pool(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await?;
        migrate(&writer, &sites).await?;
        Self::new(writer.clone(), writer, sites)
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(WAIT)
}

/// For looking only: nothing is made or changed.
pub(super) async fn reader(path: &Path) -> Result<Pool<Sqlite>, OpenError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(WAIT);
    Ok(pool(1).connect_with(options).await?)
}

/// A committed registration survives a power cut.
fn durable(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(WAIT)
        .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT)
}

/// SQLite gives its side files the mode of the database file.
fn create_private(path: &Path) -> Result<(), OpenError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(OpenError::Create {
            path: path.to_owned(),
            source,
        }),
    }
}

/// All tables are brought up to date in one transaction, or none: two processes that start at once
/// follow one another.
async fn migrate(pool: &Pool<Sqlite>, sites: &[SiteClients<Sqlite>]) -> Result<(), OpenError> {
    let mut transaction = pool.begin_with(Sqlite::BEGIN_WRITING).await?;
    SQLITE_MIGRATIONS
        .run_direct(None, &mut *transaction, false)
        .await?;
    prepare(&mut transaction, sites).await?;
    transaction.commit().await?;
    Ok(())
}
