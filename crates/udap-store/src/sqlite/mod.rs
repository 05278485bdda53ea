//! The registry on SQLite: one file, or memory.
//!
//! Writers take the database's one write lock with `BEGIN IMMEDIATE`, so that a transaction sees
//! nobody else's half-done work and racing registrations follow one another (D20). Inside the
//! process they queue for one connection in order of arrival; other processes are waited for.

mod audit;
mod lease;
mod operator;
mod recheck;
mod registration;
mod registry;
mod summary;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Pool, Sqlite, Transaction};
use time::{Duration, OffsetDateTime};
use udap::limits;

use crate::client_table::{ClientTable, ClientTableError, SiteClients};
use crate::error::StoreError;

/// Our tables.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// Connections that only read. Writers have one, since SQLite has one write lock.
const READERS: u32 = 4;

/// How long a request waits for a connection, and a connection for another process's lock. The
/// whole request has a deadline of its own.
const WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// The write-ahead log shrinks to this after it was longer: 64 MiB.
const JOURNAL_SIZE_LIMIT: &str = "67108864";

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file could not be made.
    #[error("the database file {} cannot be created", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database could not be opened.
    #[error("the database cannot be opened")]
    Sql(#[from] sqlx::Error),
    /// Our tables could not be brought up to date.
    #[error("the database's tables cannot be brought up to date")]
    Migrate(#[from] MigrateError),
    /// A table of clients could not be made ready.
    #[error("the client table of site {site} cannot be made ready")]
    ClientTable {
        /// The site.
        site: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A site stands twice.
    #[error("site {0} has two client tables")]
    Duplicate(String),
}

/// Client tables by site.
type Tables = BTreeMap<String, Arc<dyn ClientTable<Sqlite>>>;

/// The registry on SQLite. Cheap to clone.
#[derive(Clone)]
pub struct SqliteRegistry {
    writer: Pool<Sqlite>,
    readers: Pool<Sqlite>,
    tables: Arc<Tables>,
    clock_skew: Duration,
}

impl SqliteRegistry {
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

    fn new(
        writer: Pool<Sqlite>,
        readers: Pool<Sqlite>,
        sites: Vec<SiteClients<Sqlite>>,
    ) -> Result<Self, OpenError> {
        let mut tables = Tables::new();
        for SiteClients { site, clients } in sites {
            if tables.insert(site.clone(), clients).is_some() {
                return Err(OpenError::Duplicate(site));
            }
        }
        Ok(Self {
            writer,
            readers,
            tables: Arc::new(tables),
            clock_skew: limits::MAX_CLOCK_SKEW,
        })
    }

    /// The clock skew that statements are judged with: for so long after `exp` a `jti` is
    /// remembered (C25). Without this call it is the widest that can be configured.
    #[must_use]
    pub fn with_clock_skew(mut self, clock_skew: Duration) -> Self {
        self.clock_skew = clock_skew.clamp(Duration::ZERO, limits::MAX_CLOCK_SKEW);
        self
    }

    /// Waits until running transactions have ended, and closes all connections.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }

    /// A transaction that holds the write lock.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// A transaction that sees one state of the database.
    pub(crate) async fn read(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.readers.begin().await?)
    }

    fn table(&self, site: &str) -> Result<&dyn ClientTable<Sqlite>, StoreError> {
        self.tables
            .get(site)
            .map(AsRef::as_ref)
            .ok_or_else(|| StoreError::UnknownSite(site.to_owned()))
    }

    /// Statements whose `exp` is not later than this are refused as expired, and may be forgotten.
    fn expired_until(&self, now: OffsetDateTime) -> OffsetDateTime {
        now - self.clock_skew
    }
}

impl fmt::Debug for SqliteRegistry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SqliteRegistry")
            .field("sites", &self.tables.keys())
            .finish_non_exhaustive()
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(WAIT)
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
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    MIGRATIONS
        .run_direct(None, &mut *transaction, false)
        .await?;
    for SiteClients { site, clients } in sites {
        clients
            .prepare(&mut transaction)
            .await
            .map_err(|source: ClientTableError| OpenError::ClientTable {
                site: site.clone(),
                source: Box::new(source),
            })?;
    }
    transaction.commit().await?;
    Ok(())
}
