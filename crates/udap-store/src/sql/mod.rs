//! Statements that every supported database understands, and what differs between them.
//!
//! The tables' modules write each statement once, with `?` for arguments. An [`Engine`] runs it.

#[cfg(feature = "mysql")]
mod mysql;
mod query;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::future::Future;

use sqlx::Database;
use sqlx::error::DatabaseError;

#[cfg(feature = "mysql")]
pub(crate) use mysql::migrations as mysql_migrations;
pub(crate) use query::{Argument, Query, Statement, query, query_as, query_scalar};
#[cfg(feature = "sqlite")]
pub(crate) use sqlite::MIGRATIONS as SQLITE_MIGRATIONS;

/// A database that the store runs on: one of those that sqlx has a driver for. Nobody else implements
/// it.
pub trait Engine: Database + Sized {
    /// Whether writing transactions follow one another, so that none needs a lock of its own.
    const ONE_WRITER: bool;

    /// Begins a transaction that writes.
    const BEGIN_WRITING: &'static str;

    /// The same, with a share of the gate that keeps operators from blocking anybody meanwhile.
    const BEGIN_WRITING_GATED: &'static str;

    /// Begins a transaction that sees one state of the database.
    const BEGIN_READING: &'static str;

    /// Runs a statement. Returns how many rows it matched.
    #[doc(hidden)]
    fn execute(
        connection: &mut Self::Connection,
        statement: Statement<'_>,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Runs a query that gives at most one row.
    #[doc(hidden)]
    fn fetch_optional<T: FromAnyRow>(
        connection: &mut Self::Connection,
        statement: Statement<'_>,
    ) -> impl Future<Output = Result<Option<T>, sqlx::Error>> + Send;

    /// Runs a query.
    #[doc(hidden)]
    fn fetch_all<T: FromAnyRow>(
        connection: &mut Self::Connection,
        statement: Statement<'_>,
    ) -> impl Future<Output = Result<Vec<T>, sqlx::Error>> + Send;
}

/// Whether the same statement may succeed later: the database is busy, full, stopped or out of reach.
#[must_use]
pub fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => is_one_of(&**error, Kind::Passing),
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed
        // A server that ends while it answers.
        | sqlx::Error::Protocol(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Io(_) => true,
        _ => false,
    }
}

/// Whether the transaction was rolled back, or will be, because of another one: it may succeed at
/// once.
pub(crate) fn is_conflict(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => is_one_of(&**error, Kind::Conflict),
        _ => false,
    }
}

/// Whether the connection broke: another may be whole.
pub(crate) fn is_loss(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => is_one_of(&**error, Kind::Loss),
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        _ => false,
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Passing,
    Conflict,
    Loss,
}

fn is_one_of(error: &dyn DatabaseError, kind: Kind) -> bool {
    #[cfg(feature = "sqlite")]
    if error
        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
        .is_some()
    {
        return match kind {
            Kind::Passing => sqlite::is_passing(error),
            // Writers follow one another, and there is no wire.
            Kind::Conflict | Kind::Loss => false,
        };
    }
    #[cfg(feature = "mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return match kind {
            Kind::Passing => mysql::is_passing(error.number()),
            Kind::Conflict => mysql::is_conflict(error.number()),
            Kind::Loss => mysql::is_loss(error.number()),
        };
    }
    let _ = kind;
    false
}

/// A row's type that every engine can read.
pub trait FromAnyRow: FromSqliteRow + FromMySqlRow + Send + Unpin {}

impl<T: FromSqliteRow + FromMySqlRow + Send + Unpin> FromAnyRow for T {}

macro_rules! from_row {
    ($name:ident, $feature:literal, $row:ty) => {
        /// What one engine asks of a row's type: nothing, where it is left out.
        #[cfg(feature = $feature)]
        pub trait $name: for<'r> sqlx::FromRow<'r, $row> {}

        #[cfg(feature = $feature)]
        impl<T: for<'r> sqlx::FromRow<'r, $row>> $name for T {}

        /// What one engine asks of a row's type: nothing, where it is left out.
        #[cfg(not(feature = $feature))]
        pub trait $name {}

        #[cfg(not(feature = $feature))]
        impl<T> $name for T {}
    };
}

from_row!(FromSqliteRow, "sqlite", sqlx::sqlite::SqliteRow);
from_row!(FromMySqlRow, "mysql", sqlx::mysql::MySqlRow);

/// The methods of [`Engine`] that look alike for all drivers.
macro_rules! run_statements {
    () => {
        async fn execute(
            connection: &mut Self::Connection,
            statement: crate::sql::Statement<'_>,
        ) -> Result<u64, sqlx::Error> {
            let mut query = sqlx::query(sqlx::AssertSqlSafe(statement.sql));
            for argument in statement.arguments {
                query = crate::sql::run_statements!(bind query, argument);
            }
            Ok(query.execute(connection).await?.rows_affected())
        }

        async fn fetch_optional<T: crate::sql::FromAnyRow>(
            connection: &mut Self::Connection,
            statement: crate::sql::Statement<'_>,
        ) -> Result<Option<T>, sqlx::Error> {
            let mut query = sqlx::query_as(sqlx::AssertSqlSafe(statement.sql));
            for argument in statement.arguments {
                query = crate::sql::run_statements!(bind query, argument);
            }
            query.fetch_optional(connection).await
        }

        async fn fetch_all<T: crate::sql::FromAnyRow>(
            connection: &mut Self::Connection,
            statement: crate::sql::Statement<'_>,
        ) -> Result<Vec<T>, sqlx::Error> {
            let mut query = sqlx::query_as(sqlx::AssertSqlSafe(statement.sql));
            for argument in statement.arguments {
                query = crate::sql::run_statements!(bind query, argument);
            }
            query.fetch_all(connection).await
        }
    };
    (bind $query:ident, $argument:ident) => {
        match $argument {
            crate::sql::Argument::Number(number) => $query.bind(number),
            crate::sql::Argument::Text(text) => $query.bind(text),
            crate::sql::Argument::Bytes(bytes) => $query.bind(bytes),
        }
    };
}

pub(crate) use run_statements;
