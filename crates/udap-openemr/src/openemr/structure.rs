//! What OpenEMR's tables look like on this server, to this account.

use std::collections::BTreeMap;

use sqlx::MySqlConnection;

use super::globals::{Globals, Source};
use super::wall_clock::WallClock;

/// The columns that every version has, from 6.0 on.
pub(super) const BASE: [&str; 23] = [
    "client_id",
    "client_role",
    "client_name",
    "client_secret",
    "registration_token",
    "registration_uri_path",
    "register_date",
    "revoke_date",
    "contacts",
    "redirect_uri",
    "grant_types",
    "scope",
    "user_id",
    "site_id",
    "is_confidential",
    "logout_redirect_uris",
    "jwks_uri",
    "jwks",
    "initiate_login_uri",
    "endorsements",
    "policy_uri",
    "tos_uri",
    "is_enabled",
];

/// Columns that an administrator does well to hide from us: secrets of other clients.
pub(super) const HIDDEN: [&str; 2] = ["client_secret", "registration_token"];

/// Columns of later versions: 7.0.2 and 7.0.3.
pub(super) const LATER: [&str; 2] = ["skip_ehr_launch_authorization_flow", "dsi_type"];

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StructureError {
    /// No table of clients can be seen.
    #[error(
        "no table oauth_clients can be seen in schema {0}: openemr_schema names another schema, or \
         the account lacks its grants (`udap db grants` prints them)"
    )]
    NoTable(String),
    /// A column is not there, or hidden.
    #[error(
        "column oauth_clients.{0} cannot be seen: the account lacks a grant (`udap db grants` prints \
         them), or this is no OpenEMR that is known"
    )]
    NoColumn(&'static str),
    /// The columns of tokens that can be revoked are not there.
    #[error(
        "{0} cannot be seen: the account lacks a grant (`udap db grants` prints them), or OpenEMR is \
         older than 6.1, which cannot be served"
    )]
    NoTokens(&'static str),
    /// A table whose engine knows no transactions.
    #[error(
        "{table} is a table of the engine {engine}, which takes nothing back: convert it with ALTER TABLE \
         {table} ENGINE = InnoDB"
    )]
    Engine {
        /// The table.
        table: String,
        /// Its engine.
        engine: String,
    },
    /// A column is shorter than it is in any known version.
    #[error("column oauth_clients.{0} is shorter than in any OpenEMR that is known")]
    Short(&'static str),
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

/// What the texts of a column can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// Every character.
    Utf8mb4,
    /// Characters of the basic plane: the `utf8` of old.
    Utf8mb3,
    /// Western European ones.
    Latin1,
    /// Of any other charset only ASCII is taken for granted.
    Ascii,
}

impl Charset {
    fn of(name: &str) -> Self {
        match name {
            "utf8mb4" => Self::Utf8mb4,
            "utf8" | "utf8mb3" => Self::Utf8mb3,
            "latin1" => Self::Latin1,
            _ => Self::Ascii,
        }
    }

    /// Whether the charset holds every character of a text.
    #[must_use]
    pub fn holds(self, text: &str) -> bool {
        text.chars().all(|character| match self {
            Self::Utf8mb4 => true,
            Self::Utf8mb3 => character <= '\u{ffff}',
            // The C1 controls are other characters in the servers' latin1.
            Self::Latin1 => character.is_ascii() || ('\u{a0}'..='\u{ff}').contains(&character),
            Self::Ascii => character.is_ascii(),
        })
    }
}

/// What OpenEMR's tables look like.
#[derive(Clone, Debug)]
pub struct Structure {
    /// Columns of `oauth_clients` that are there, in OpenEMR's order.
    columns: Vec<&'static str>,
    /// Those that may be read.
    readable: Vec<&'static str>,
    charset: Charset,
    /// The charset by its name, for comparing with what the column holds.
    charset_name: String,
    globals: Option<Source>,
    clock: WallClock,
}

#[derive(sqlx::FromRow)]
struct ColumnRow {
    table_of: String,
    column_of: String,
    length: Option<i64>,
    charset: Option<String>,
    may: String,
}

impl Structure {
    /// Looks at the schema.
    ///
    /// # Errors
    /// If it is not OpenEMR's, or may not be looked at.
    pub async fn read(
        connection: &mut MySqlConnection,
        schema: &str,
    ) -> Result<Self, StructureError> {
        let rows: Vec<ColumnRow> = sqlx::query_as(
            "SELECT table_name AS table_of, column_name AS column_of, \
             CAST(character_maximum_length AS SIGNED) AS length, \
             character_set_name AS charset, privileges AS may \
             FROM information_schema.columns WHERE table_schema = ? AND table_name IN \
             ('oauth_clients', 'oauth_trusted_user', 'api_token', 'api_refresh_token')",
        )
        .bind(schema)
        .fetch_all(&mut *connection)
        .await?;
        // A view has no engine.
        let tables: Vec<(String, Option<String>)> = sqlx::query_as(
            "SELECT table_name AS table_of, engine AS engine_of FROM information_schema.tables \
             WHERE table_schema = ? AND table_name IN ('udap_globals', 'globals', \
             'oauth_clients', 'oauth_trusted_user', 'api_token', 'api_refresh_token')",
        )
        .bind(schema)
        .fetch_all(&mut *connection)
        .await?;
        check_engines(&tables)?;
        let tables: Vec<String> = tables.into_iter().map(|(table, _)| table).collect();
        let globals = Source::among(&tables);
        let mut structure = Self::of(schema, &rows, globals)?;
        if let Some(source) = globals {
            structure.clock = match Globals::read(connection, schema, source).await {
                Ok(globals) => WallClock::of(globals.get("gbl_time_zone").unwrap_or_default()),
                // A view that is broken must keep nobody from being switched off: a date is shown to people.
                Err(sqlx::Error::Database(error)) => {
                    tracing::error!(schema, %error, "OpenEMR's settings cannot be read");
                    WallClock::Server
                }
                Err(error) => return Err(error.into()),
            };
        }
        Ok(structure)
    }

    fn of(
        schema: &str,
        rows: &[ColumnRow],
        globals: Option<Source>,
    ) -> Result<Self, StructureError> {
        let of = |table: &str| -> BTreeMap<String, &ColumnRow> {
            rows.iter()
                .filter(|row| row.table_of.eq_ignore_ascii_case(table))
                .map(|row| (row.column_of.to_ascii_lowercase(), row))
                .collect()
        };
        let clients = of("oauth_clients");
        if clients.is_empty() {
            return Err(StructureError::NoTable(schema.to_owned()));
        }
        let missing = BASE
            .iter()
            .find(|name| !clients.contains_key(**name) && !HIDDEN.contains(name));
        if let Some(name) = missing {
            return Err(StructureError::NoColumn(name));
        }
        for (table, column, name) in [
            ("api_token", "revoked", "api_token.revoked"),
            ("api_refresh_token", "revoked", "api_refresh_token.revoked"),
            (
                "oauth_trusted_user",
                "client_id",
                "oauth_trusted_user.client_id",
            ),
        ] {
            if !of(table).contains_key(column) {
                return Err(StructureError::NoTokens(name));
            }
        }
        for (name, length) in [("client_id", 80), ("client_name", 80), ("grant_types", 80)] {
            if (clients.get(name).and_then(|row| row.length)).is_some_and(|has| has < length) {
                return Err(StructureError::Short(name));
            }
        }
        let is_there = |name: &&str| clients.contains_key(*name) || HIDDEN.contains(name);
        let columns: Vec<&'static str> = (BASE.iter().chain(&LATER).copied())
            .filter(is_there)
            .collect();
        let may_read = |name: &&str| {
            (clients.get(*name)).is_some_and(|row| row.may.split(',').any(|it| it == "select"))
        };
        let charset_name = clients
            .get("client_name")
            .and_then(|row| row.charset.clone())
            .unwrap_or_default();
        Ok(Self {
            readable: columns.iter().copied().filter(may_read).collect(),
            columns,
            charset: Charset::of(&charset_name),
            charset_name,
            globals,
            clock: WallClock::Server,
        })
    }

    /// The columns of `oauth_clients` that are there.
    #[must_use]
    pub fn columns(&self) -> &[&'static str] {
        &self.columns
    }

    /// Those that this account may read.
    #[must_use]
    pub fn readable(&self) -> &[&'static str] {
        &self.readable
    }

    /// What its texts can hold.
    #[must_use]
    pub fn charset(&self) -> Charset {
        self.charset
    }

    /// The name of its charset.
    #[must_use]
    pub fn charset_name(&self) -> &str {
        &self.charset_name
    }

    /// Whether OpenEMR's settings can be read.
    #[must_use]
    pub fn sees_globals(&self) -> bool {
        self.globals.is_some()
    }

    pub(super) fn globals(&self) -> Option<Source> {
        self.globals
    }

    pub(super) fn clock(&self) -> &WallClock {
        &self.clock
    }

    /// Reads OpenEMR's settings; `None` if the account may not.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn read_globals(
        &self,
        connection: &mut MySqlConnection,
        schema: &str,
    ) -> Result<Option<Globals>, sqlx::Error> {
        match self.globals {
            None => Ok(None),
            Some(source) => Globals::read(connection, schema, source).await.map(Some),
        }
    }
}

/// The tables that we write.
const WRITTEN: [&str; 4] = [
    "oauth_clients",
    "oauth_trusted_user",
    "api_token",
    "api_refresh_token",
];

fn check_engines(tables: &[(String, Option<String>)]) -> Result<(), StructureError> {
    let other = tables.iter().find_map(|(table, engine)| {
        let engine = engine.as_deref()?;
        let is_written = WRITTEN.iter().any(|name| table.eq_ignore_ascii_case(name));
        (is_written && !engine.eq_ignore_ascii_case("InnoDB")).then_some((table, engine))
    });
    match other {
        None => Ok(()),
        Some((table, engine)) => Err(StructureError::Engine {
            table: table.clone(),
            engine: engine.to_owned(),
        }),
    }
}

#[cfg(test)]
#[path = "structure_tests.rs"]
mod tests;
