//! SQLite.

use sqlx::Sqlite;
use sqlx::error::DatabaseError;
use sqlx::migrate::Migrator;

use crate::sql::{Engine, run_statements};

/// Our tables.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

impl Engine for Sqlite {
    const ONE_WRITER: bool = true;
    // The write lock at once: one that is asked for later may be refused.
    const BEGIN_WRITING: &'static str = "BEGIN IMMEDIATE";
    const BEGIN_WRITING_GATED: &'static str = Self::BEGIN_WRITING;
    const BEGIN_READING: &'static str = "BEGIN";

    run_statements!();
}

/// By the low octet of the extended result codes (<https://sqlite.org/rescode.html>).
pub(super) fn is_passing(error: &dyn DatabaseError) -> bool {
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
