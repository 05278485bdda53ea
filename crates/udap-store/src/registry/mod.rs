//! The registry on a SQL database.
//!
//! On SQLite writers take the database's one write lock, so that a transaction sees nobody else's
//! half-done work and racing registrations follow one another (D20). Inside the process they queue
//! for one connection in order of arrival; other processes are waited for.
//!
//! On MariaDB and MySQL writers run beside one another, at READ COMMITTED. What one of them found
//! it holds by row locks, taken in one order: the gate, our own row, the client's row. What it did
//! not find is kept by unique keys: whoever comes second to an identity or a `jti` waits there for
//! the first, is rolled back, and begins again.

mod audit;
mod crl_archive;
mod details;
mod foresight;
mod lease;
mod look;
mod methods;
#[cfg(feature = "mysql")]
mod mysql;
mod operator;
mod recheck;
mod registration;
mod retry;
mod row_keys;
#[cfg(feature = "sqlite")]
mod sqlite;
mod summary;
mod tokens;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use sqlx::migrate::MigrateError;
use sqlx::{Pool, Transaction};
use time::{Duration, OffsetDateTime};
use udap::limits;

pub use look::TablesState;

use crate::client_table::{ClientTable, ClientTableError, SiteClients};
use crate::error::StoreError;
use crate::sql::{self, Engine};

/// How long a request waits for a connection, and a connection for another's lock. The whole request
/// has a deadline of its own.
const WAIT: std::time::Duration = std::time::Duration::from_secs(5);

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
    /// Another process is bringing the tables up to date, and does not end.
    #[error("another process has been bringing the database's tables up to date for a minute")]
    Busy,
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
type Tables<E> = BTreeMap<String, Arc<dyn ClientTable<E>>>;

/// The registry on a SQL database. Cheap to clone.
pub struct SqlRegistry<E: Engine> {
    writer: Pool<E>,
    readers: Pool<E>,
    tables: Arc<Tables<E>>,
    clock_skew: Duration,
}

/// The registry on SQLite: one file, or memory.
#[cfg(feature = "sqlite")]
pub type SqliteRegistry = SqlRegistry<sqlx::Sqlite>;

/// The registry on MariaDB or MySQL.
#[cfg(feature = "mysql")]
pub type MySqlRegistry = SqlRegistry<sqlx::MySql>;

impl<E: Engine> SqlRegistry<E> {
    fn new(
        writer: Pool<E>,
        readers: Pool<E>,
        sites: Vec<SiteClients<E>>,
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

    /// A transaction that writes.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, E>, StoreError> {
        begin(&self.writer, E::BEGIN_WRITING).await
    }

    /// A transaction that writes what came of a statement: while it runs nobody is blocked.
    pub(crate) async fn write_gated(&self) -> Result<Transaction<'static, E>, StoreError> {
        begin(&self.writer, E::BEGIN_WRITING_GATED).await
    }

    /// A transaction that sees one state of the database.
    pub(crate) async fn read(&self) -> Result<Transaction<'static, E>, StoreError> {
        begin(&self.readers, E::BEGIN_READING).await
    }

    /// Revokes what was given out while a client was being switched off: until the commit OpenEMR reads
    /// that it is on. What fails is told, and not undone.
    async fn revoke_again(&self, site: &str, client_id: &str) {
        // The embedded table gives out nothing.
        if E::ONE_WRITER {
            return;
        }
        let again = async {
            let mut transaction = self.write().await?;
            self.table(site)?
                .revoke_tokens(&mut transaction, client_id)
                .await?;
            transaction.commit().await?;
            Ok(())
        };
        if let Err(error) = retry::within(retry::TRANSACTION, again).await {
            tracing::warn!(client_id, %error,
                "tokens that were given out at the last moment may not be revoked");
        }
    }

    fn table(&self, site: &str) -> Result<&dyn ClientTable<E>, StoreError> {
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

impl<E: Engine> Clone for SqlRegistry<E> {
    fn clone(&self) -> Self {
        Self {
            writer: self.writer.clone(),
            readers: self.readers.clone(),
            tables: Arc::clone(&self.tables),
            clock_skew: self.clock_skew,
        }
    }
}

impl<E: Engine> fmt::Debug for SqlRegistry<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SqlRegistry")
            .field("sites", &self.tables.keys())
            .finish_non_exhaustive()
    }
}

/// Begins a transaction. Connections that broke while nobody used them, as all do when the database
/// was restarted, are noticed now: nothing is lost with them, and the next may be whole.
async fn begin<E: Engine>(
    pool: &Pool<E>,
    statement: &'static str,
) -> Result<Transaction<'static, E>, StoreError> {
    let mut broken = 0;
    loop {
        match pool.begin_with(statement).await {
            Err(error) if sql::is_loss(&error) && broken < pool.options().get_max_connections() => {
                broken += 1;
            }
            outcome => return Ok(outcome?),
        }
    }
}

/// Makes every site's table of clients ready.
async fn prepare<E: Engine>(
    transaction: &mut Transaction<'_, E>,
    sites: &[SiteClients<E>],
) -> Result<(), OpenError> {
    for SiteClients { site, clients } in sites {
        clients
            .prepare(transaction)
            .await
            .map_err(|source: ClientTableError| OpenError::ClientTable {
                site: site.clone(),
                source: Box::new(source),
            })?;
    }
    Ok(())
}
