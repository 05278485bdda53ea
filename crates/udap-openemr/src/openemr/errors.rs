//! What the servers' error numbers mean
//! (<https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>,
//! <https://mariadb.com/kb/en/mariadb-error-code-reference/>).

use sqlx::mysql::MySqlDatabaseError;

fn number(error: &sqlx::Error) -> Option<u16> {
    match error {
        sqlx::Error::Database(error) => error
            .try_downcast_ref::<MySqlDatabaseError>()
            .map(MySqlDatabaseError::number),
        _ => None,
    }
}

/// No such column, no such table, a column without a default, a view whose tables changed.
pub(super) fn is_outdated(error: &sqlx::Error) -> bool {
    matches!(number(error), Some(1054 | 1146 | 1364 | 1356))
}

/// Whether the database refused for want of a privilege: on a schema, a table, a column or for a
/// statement.
#[must_use]
pub fn is_denial(error: &sqlx::Error) -> bool {
    matches!(number(error), Some(1044 | 1142 | 1143 | 1227 | 1370))
}

/// A table or column that this OpenEMR does not have.
pub(super) fn is_absence(error: &sqlx::Error) -> bool {
    matches!(number(error), Some(1054 | 1146))
}
