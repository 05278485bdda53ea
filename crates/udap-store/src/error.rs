//! From what went wrong in a database to what callers may know.

use udap::registry::RegistryError;

use crate::client_table::ClientTableError;
use crate::sql;

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
    /// The database did not answer in time.
    #[error("the database did not answer in time")]
    TimedOut,
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
            StoreError::Sql(ref sql) if sql::is_passing(sql) || sql::is_conflict(sql) => {
                Self::Unavailable(Box::new(error))
            }
            StoreError::Client(ClientTableError::UnfitClaim { claim, message }) => {
                Self::Unfit { claim, message }
            }
            StoreError::TimedOut | StoreError::Client(ClientTableError::Changed) => {
                Self::Unavailable(Box::new(error))
            }
            other => Self::Internal(Box::new(other)),
        }
    }
}
