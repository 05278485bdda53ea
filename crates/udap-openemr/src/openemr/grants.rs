//! What a database administrator grants us: no more than the registrar uses, so that whoever steals
//! its account can read neither OpenEMR's keys nor its users nor other clients' secrets.
//!
//! Only SQL that the manuals of both MariaDB and MySQL 8 allow.

use sqlx::MySqlConnection;

use super::globals::{Globals, VIEW};
use super::statements::{REPLACED, quoted};
use super::structure::{BASE, HIDDEN, LATER};

/// What stands in the statements where the administrator writes the account's password.
pub const PASSWORD_PLACEHOLDER: &str = "<password>";

/// What migrations and the registry do in their own schema.
const OWN_PRIVILEGES: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP";

/// The versions that the columns of [`LATER`] came with.
const SINCE: [&str; 2] = ["7.0.2", "7.0.3"];

/// MySQL's limit for the name of an account; MariaDB has a wider one.
const LONGEST_USER: usize = 32;

/// Both servers' limit for the host of an account.
const LONGEST_HOST: usize = 255;

/// Why an account cannot be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The name is empty, too long, or holds what differs from server to server.
    #[error(
        "not a name for an account: use 1 to 32 printable characters other than quotes and backslashes"
    )]
    User,
    /// The host is no host, address or pattern.
    #[error("not a host of an account: use a name, an address, or a pattern such as 10.0.0.%")]
    Host,
}

/// An account of the database server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    user: String,
    host: String,
    requires_tls: bool,
}

impl Account {
    /// The account of a user who connects from a host: a name, an address, or a pattern with `%`.
    ///
    /// # Errors
    /// If that is not how an account can be named on both kinds of server.
    pub fn new(user: &str, host: &str) -> Result<Self, AccountError> {
        let plain = |one: char| !one.is_control() && !matches!(one, '\'' | '"' | '`' | '\\');
        let length = user.chars().count();
        if length == 0 || length > LONGEST_USER || !user.chars().all(plain) {
            return Err(AccountError::User);
        }
        let of_host = |one: u8| {
            one.is_ascii_alphanumeric() || matches!(one, b'.' | b':' | b'-' | b'_' | b'%' | b'/')
        };
        if host.is_empty() || host.len() > LONGEST_HOST || !host.bytes().all(of_host) {
            return Err(AccountError::Host);
        }
        Ok(Self {
            user: user.to_owned(),
            host: host.to_owned(),
            requires_tls: false,
        })
    }

    /// Lets it connect over TLS only.
    #[must_use]
    pub fn requiring_tls(mut self) -> Self {
        self.requires_tls = true;
        self
    }

    /// No character in it needs escaping: see [`Account::new`].
    fn sql(&self) -> String {
        format!("'{}'@'{}'", self.user, self.host)
    }
}

/// Columns of `oauth_clients` that only later versions have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaterColumns {
    /// These are there.
    Seen(Vec<&'static str>),
    /// Nobody could look.
    Unseen,
}

impl LaterColumns {
    /// Looks at a schema; [`LaterColumns::Unseen`] if this account sees nothing of its clients.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn read(connection: &mut MySqlConnection, schema: &str) -> Result<Self, sqlx::Error> {
        let columns: Vec<String> = sqlx::query_scalar(
            "SELECT LOWER(column_name) AS column_of FROM information_schema.columns \
             WHERE table_schema = ? AND table_name = 'oauth_clients'",
        )
        .bind(schema)
        .fetch_all(connection)
        .await?;
        if columns.is_empty() {
            return Ok(Self::Unseen);
        }
        let is_there = |name: &&str| columns.iter().any(|column| column == name);
        Ok(Self::Seen(LATER.into_iter().filter(is_there).collect()))
    }

    fn seen(&self) -> &[&'static str] {
        match self {
            Self::Seen(names) => names,
            Self::Unseen => &[],
        }
    }
}

/// The schema of an OpenEMR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedSchema {
    /// Its name.
    pub name: String,
    /// Which of the later columns are there.
    pub later: LaterColumns,
}

/// A statement for the database administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What it is for, and what to heed.
    pub about: String,
    /// The statement, without a semicolon.
    pub sql: String,
}

impl Grant {
    fn new(about: &str, sql: String) -> Self {
        Self {
            about: about.to_owned(),
            sql,
        }
    }
}

/// All that the registrar's account needs: its own schema, and these OpenEMRs'. The statements may be
/// run again; the account's password is [`PASSWORD_PLACEHOLDER`].
#[must_use]
pub fn grants(account: &Account, own_schema: &str, openemrs: &[GrantedSchema]) -> Vec<Grant> {
    let to = account.sql();
    let tls = if account.requires_tls {
        " REQUIRE SSL"
    } else {
        ""
    };
    let mut grants = vec![
        Grant::new(
            "The registrar's own schema: never OpenEMR's, whose upgrades and backups know their own \
             tables only",
            format!(
                "CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8mb4",
                quoted(own_schema)
            ),
        ),
        Grant::new(
            "The registrar's account. One that exists already keeps its password and its rules for TLS",
            format!("CREATE USER IF NOT EXISTS {to} IDENTIFIED BY '{PASSWORD_PLACEHOLDER}'{tls}"),
        ),
        Grant::new(
            "In its own schema: rows, and tables that are made and changed when a new version starts",
            format!(
                "GRANT {OWN_PRIVILEGES} ON {}.* TO {to}",
                quoted(&literal(own_schema))
            ),
        ),
    ];
    for openemr in openemrs {
        grants.extend(of_openemr(openemr, &to));
    }
    grants
}

fn of_openemr(openemr: &GrantedSchema, to: &str) -> Vec<Grant> {
    let schema = quoted(&openemr.name);
    let readable: Vec<_> = (BASE.iter())
        .filter(|column| !HIDDEN.contains(column))
        .chain(openemr.later.seen())
        .copied()
        .collect();
    let settings: Vec<_> = (Globals::names().iter())
        .map(|name| format!("'{name}'"))
        .collect();
    let mut grants = vec![Grant::new(
        "Clients, without the secrets of others",
        format!(
            "GRANT SELECT ({}), INSERT, UPDATE ({}) ON {schema}.oauth_clients TO {to}",
            readable.join(", "),
            REPLACED.join(", ")
        ),
    )];
    if openemr.later == LaterColumns::Unseen {
        // By themselves: where one fails, nothing else is missing.
        grants.extend(LATER.into_iter().zip(SINCE).map(|(column, since)| {
            Grant::new(
                &format!(
                    "Fails before OpenEMR {since}, which has no such column: then leave it out"
                ),
                format!("GRANT SELECT ({column}) ON {schema}.oauth_clients TO {to}"),
            )
        }));
    }
    grants.extend([
        Grant::new(
            "To end sessions and tokens of clients that are switched off",
            format!(
                "GRANT SELECT (id, client_id, user_id), DELETE ON {schema}.oauth_trusted_user TO {to}"
            ),
        ),
        Grant::new(
            "",
            format!(
                "GRANT SELECT (id, client_id, revoked, expiry), UPDATE (revoked) \
                 ON {schema}.api_token TO {to}"
            ),
        ),
        Grant::new(
            "",
            format!(
                "GRANT SELECT (id, client_id, revoked, expiry), UPDATE (revoked) \
                 ON {schema}.api_refresh_token TO {to}"
            ),
        ),
        Grant::new(
            "OpenEMR's version decides what can be offered",
            format!("GRANT SELECT ON {schema}.version TO {to}"),
        ),
        Grant::new(
            "Of OpenEMR's settings these alone: others hold secrets. The view lasts as long as the \
             account that makes it",
            format!(
                "CREATE OR REPLACE SQL SECURITY DEFINER VIEW {schema}.{VIEW} AS \
                 SELECT gl_name, gl_index, gl_value FROM {schema}.globals WHERE gl_name IN ({})",
                settings.join(", ")
            ),
        ),
        Grant::new("", format!("GRANT SELECT ON {schema}.{VIEW} TO {to}")),
        Grant::new(
            "Lets `udap doctor` look whether OpenEMR's user oe-system is there",
            format!("GRANT SELECT (username, uuid) ON {schema}.users TO {to}"),
        ),
    ]);
    grants
}

/// A schema's name as itself where servers take `_` and `%` for placeholders: in privileges on a
/// whole schema, and only there.
fn literal(schema: &str) -> String {
    schema.replace('_', "\\_").replace('%', "\\%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(later: LaterColumns) -> Vec<Grant> {
        let account = Account::new("udap", "10.0.0.%").unwrap().requiring_tls();
        let openemr = GrantedSchema {
            name: "open`emr".to_owned(),
            later,
        };
        grants(&account, "udap_registry", &[openemr])
    }

    fn sql(grants: &[Grant]) -> String {
        let statements: Vec<_> = grants.iter().map(|grant| grant.sql.as_str()).collect();
        statements.join(";\n")
    }

    #[test]
    fn names_are_quoted_and_stand_for_themselves() {
        let sql = sql(&all(LaterColumns::Unseen));
        assert!(
            sql.contains("CREATE DATABASE IF NOT EXISTS `udap_registry` CHARACTER SET utf8mb4;")
        );
        assert!(sql.contains("DROP ON `udap\\_registry`.* TO 'udap'@'10.0.0.%';"));
        assert!(sql.contains("ON `open``emr`.oauth_clients TO 'udap'@'10.0.0.%'"));
        assert!(sql.contains("'udap'@'10.0.0.%' IDENTIFIED BY '<password>' REQUIRE SSL;"));
    }

    #[test]
    fn secrets_are_in_no_list_of_columns() {
        let sql = sql(&all(LaterColumns::Unseen));
        for word in [
            "client_secret",
            "registration_token",
            "`keys`",
            "users_secure",
            "ALL",
        ] {
            assert!(!sql.contains(word), "{word}");
        }
    }

    #[test]
    fn columns_of_later_versions_are_named_where_they_are() {
        for (later, skip, dsi) in [
            (LaterColumns::Unseen, true, true),
            (LaterColumns::Seen(vec![]), false, false),
            (LaterColumns::Seen(vec![LATER[0]]), true, false),
            (LaterColumns::Seen(LATER.to_vec()), true, true),
        ] {
            let grants = all(later.clone());
            let sql = sql(&grants);
            assert_eq!(sql.contains(LATER[0]), skip, "{later:?}");
            assert_eq!(sql.contains(LATER[1]), dsi, "{later:?}");
            // A statement of its own, where it may fail.
            let alone = (grants.iter()).find(|grant| grant.about.contains("before OpenEMR 7.0.3"));
            assert_eq!(
                alone.map(|grant| grant.sql.contains("SELECT (dsi_type) ON")),
                (later == LaterColumns::Unseen).then_some(true)
            );
        }
    }

    #[test]
    fn an_account_needs_no_escaping() {
        for (user, host) in [
            ("udap", "%"),
            ("udap registrar", "2001:db8::/32"),
            ("ü", "a-b.example"),
        ] {
            assert!(Account::new(user, host).is_ok(), "{user} {host}");
        }
        for user in ["", "a'b", "a\\", "a`", "a\nb", &"x".repeat(33)] {
            assert_eq!(Account::new(user, "%"), Err(AccountError::User), "{user}");
        }
        for host in ["", "a'b", "a b", "a@b", "\\", &"x".repeat(256)] {
            assert_eq!(Account::new("u", host), Err(AccountError::Host), "{host}");
        }
    }
}
