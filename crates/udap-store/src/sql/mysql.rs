//! MariaDB and MySQL: only what both their manuals allow.

use sqlx::MySql;
use sqlx::migrate::Migrator;

use crate::sql::{Engine, run_statements};

/// Our tables. A migration that was interrupted is run again from its beginning, since the servers
/// commit each change of structure by itself: every statement must bear that.
pub(crate) fn migrations() -> Migrator {
    sqlx::migrate!("../../migrations/mariadb")
}

impl Engine for MySql {
    const ONE_WRITER: bool = false;
    const BEGIN_WRITING: &'static str = "START TRANSACTION";
    // Both in one request to the server. The spelling that both servers know.
    const BEGIN_WRITING_GATED: &'static str = "START TRANSACTION; \
         SELECT name FROM gate WHERE name = 'blocks' LOCK IN SHARE MODE";
    // One request to the server: the level holds for the transaction that follows.
    const BEGIN_READING: &'static str =
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION READ ONLY";

    run_statements!();
}

/// By the servers' error numbers
/// (<https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>,
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>).
pub(super) fn is_passing(number: u16) -> bool {
    matches!(
        number,
        // disk full, out of memory, table full, the engine's own trouble
        1021 | 1026 | 1030 | 1037 | 1038 | 1041 | 1114
        // too many connections, of all or of this account, or this host
        | 1040 | 1129 | 1135 | 1203 | 1226 | 1461
        // shutting down; not yet part of its cluster
        | 1047 | 1053
        // the connection fails
        | 1152 | 1153 | 1158 | 1159 | 1160 | 1161 | 1184 | 4031
        // while it committed or rolled back, as in a cluster that falls apart: it may have done either
        | 1180 | 1181
        // too many locks, too many transactions
        | 1206 | 1637
        // waited too long for a lock; interrupted; killed; too slow
        | 1205 | 1317 | 1927 | 1969 | 3024
        // read-only, as the former primary of a cluster is
        | 1290 | 1792 | 1836
    )
}

/// The server ends, or an administrator has ended the connection.
pub(super) fn is_loss(number: u16) -> bool {
    matches!(number, 1053 | 1927 | 4031)
}

/// Deadlock, rolled back by a cluster, somebody else's row under the same key, a snapshot or a structure that is out of date.
pub(super) fn is_conflict(number: u16) -> bool {
    matches!(number, 1020 | 1062 | 1213 | 1412 | 1586 | 1615 | 3101)
}
