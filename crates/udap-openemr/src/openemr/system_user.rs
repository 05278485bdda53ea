//! OpenEMR's user for clients that act for themselves.

use sqlx::{AssertSqlSafe, MySqlConnection};

use super::statements::quoted;

/// How OpenEMR's user `oe-system` stands, whom tokens by client_credentials belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemUser {
    /// It is there.
    Ready,
    /// It has no UUID yet: the first token request answers 500 and gives it one.
    WithoutUuid,
    /// It is missing: no such token is ever issued.
    Missing,
}

impl SystemUser {
    /// Looks for it.
    ///
    /// # Errors
    /// If the account may not look, or the database fails.
    pub async fn read(connection: &mut MySqlConnection, schema: &str) -> Result<Self, sqlx::Error> {
        let sql = format!(
            "SELECT uuid IS NOT NULL FROM {}.users WHERE username = 'oe-system' ORDER BY 1 DESC LIMIT 1",
            quoted(schema)
        );
        let found: Option<bool> = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_optional(connection)
            .await?;
        Ok(match found {
            Some(true) => Self::Ready,
            Some(false) => Self::WithoutUuid,
            None => Self::Missing,
        })
    }
}
