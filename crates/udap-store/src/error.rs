//! From what went wrong in a database to what callers may know.

use sqlx::sqlite::SqliteError;
use udap::registry::RegistryError;

use crate::client_table::ClientTableError;

/// What can go wrong inside the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// An outcome that callers know by name.
    #[error(transparent)]
    Outcome(RegistryError),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error(transparent)]
    Client(ClientTableError),
    /// A row that should not be as it is.
    #[error("{table}.{column} holds what it should not")]
    Inconsistent {
        table: &'static str,
        column: &'static str,
    },
    #[error("no client table is configured for site {0}")]
    UnknownSite(String),
    #[error("the certificate's key cannot be used")]
    Key(#[from] udap::key::KeyError),
}

impl From<ClientTableError> for StoreError {
    fn from(error: ClientTableError) -> Self {
        match error {
            ClientTableError::Sql(error) => Self::Sql(error),
            other => Self::Client(other),
        }
    }
}

impl From<StoreError> for RegistryError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Outcome(outcome) => outcome,
            StoreError::Sql(ref sql) if is_passing(sql) => Self::Unavailable(Box::new(error)),
            other => Self::Internal(Box::new(other)),
        }
    }
}

/// Whether the same statement may succeed later: the database is busy, full, closed or out of
/// reach.
pub(crate) fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error
            .try_downcast_ref::<SqliteError>()
            .is_some_and(|error| is_passing_sqlite(error)),
        _ => false,
    }
}

/// The low octet of SQLite's extended result codes (<https://sqlite.org/rescode.html>).
fn is_passing_sqlite(error: &dyn sqlx::error::DatabaseError) -> bool {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const NO_MEMORY: u32 = 7;
    const READ_ONLY: u32 = 8;
    const INTERRUPTED: u32 = 9;
    const IO: u32 = 10;
    const FULL: u32 = 13;
    const CANNOT_OPEN: u32 = 14;
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    matches!(
        code.map(|code| code & 0xff),
        Some(BUSY | LOCKED | NO_MEMORY | READ_ONLY | INTERRUPTED | IO | FULL | CANNOT_OPEN)
    )
}
