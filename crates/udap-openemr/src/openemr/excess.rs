//! What the account can do and should not be able to.

use std::fmt;

use sqlx::{AssertSqlSafe, MySql, Row as _, Transaction};

use super::errors::{is_absence, is_denial};
use super::statements::quoted;

/// Something that the registrar never does, and whoever steals its account could.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Excess {
    /// Read the keys with which OpenEMR encrypts and signs.
    Keys,
    /// Read users' password hashes.
    Passwords,
    /// Read all of OpenEMR's settings, with the secrets among them.
    Settings,
    /// Read other clients' secrets.
    ClientSecrets,
    /// Delete clients.
    DeleteClients,
    /// Privileges on the whole server.
    Server(Vec<String>),
}

impl fmt::Display for Excess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Keys => {
                "read OpenEMR's table `keys`, which holds the keys that it encrypts and signs with"
            }
            Self::Passwords => "read users_secure, which holds the users' password hashes",
            Self::Settings => "read all of globals, among whose settings are secrets",
            Self::ClientSecrets => "read client_secret, other clients' secrets",
            Self::DeleteClients => "delete clients",
            Self::Server(privileges) => {
                return write!(
                    formatter,
                    "use {} on every schema of the server",
                    privileges.join(", ")
                );
            }
        })
    }
}

/// What of that the account can do. Everything is tried on no row.
///
/// # Errors
/// If the database fails.
pub async fn excess(
    transaction: &mut Transaction<'_, MySql>,
    schema: &str,
) -> Result<Vec<Excess>, sqlx::Error> {
    let schema = quoted(schema);
    let mut found = Vec::new();
    for (excess, statement) in [
        (
            Excess::Keys,
            format!("SELECT value FROM {schema}.`keys` WHERE 1 = 0"),
        ),
        (
            Excess::Passwords,
            format!("SELECT password FROM {schema}.users_secure WHERE 1 = 0"),
        ),
        (
            Excess::Settings,
            format!("SELECT gl_value FROM {schema}.globals WHERE 1 = 0"),
        ),
        (
            Excess::ClientSecrets,
            format!("SELECT client_secret FROM {schema}.oauth_clients WHERE 1 = 0"),
        ),
        (
            Excess::DeleteClients,
            format!("DELETE FROM {schema}.oauth_clients WHERE 1 = 0"),
        ),
    ] {
        match sqlx::query(AssertSqlSafe(statement))
            .execute(&mut **transaction)
            .await
        {
            Ok(_) => found.push(excess),
            Err(error) if is_denial(&error) || is_absence(&error) => {}
            Err(error) => return Err(error),
        }
    }
    let lines = sqlx::raw_sql("SHOW GRANTS")
        .fetch_all(&mut **transaction)
        .await?
        .iter()
        .map(|row| row.try_get_unchecked(0))
        .collect::<Result<Vec<String>, _>>()?;
    let privileges = on_everything(&lines);
    if !privileges.is_empty() {
        found.push(Excess::Server(privileges));
    }
    Ok(found)
}

/// The privileges on `*.*`, from the lines of `SHOW GRANTS`.
fn on_everything(lines: &[String]) -> Vec<String> {
    let mut privileges = Vec::new();
    for line in lines {
        let granted = (line.strip_prefix("GRANT ")).and_then(|rest| rest.split_once(" ON *.* TO "));
        let Some((granted, account)) = granted else {
            continue;
        };
        let granted = granted.split(',').map(str::trim);
        privileges.extend(
            granted
                .filter(|privilege| *privilege != "USAGE")
                .map(str::to_owned),
        );
        if account.contains("WITH GRANT OPTION") {
            privileges.push("GRANT OPTION".to_owned());
        }
    }
    privileges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_holds_everywhere_is_too_much() {
        let of = |lines: &[&str]| {
            let lines: Vec<_> = lines.iter().map(|&line| line.to_owned()).collect();
            on_everything(&lines).join("; ")
        };
        let own = "GRANT SELECT, INSERT ON `udap\\_registry`.* TO `udap`@`%`";
        let usage = "GRANT USAGE ON *.* TO `udap`@`%` IDENTIFIED BY PASSWORD '*0' REQUIRE SSL";
        assert_eq!(of(&[usage, own]), "");
        assert_eq!(
            of(&[
                "GRANT SELECT, FILE ON *.* TO 'udap'@'%' WITH GRANT OPTION",
                own
            ]),
            "SELECT; FILE; GRANT OPTION"
        );
        assert_eq!(
            of(&["GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost`"]),
            "ALL PRIVILEGES"
        );
    }
}
