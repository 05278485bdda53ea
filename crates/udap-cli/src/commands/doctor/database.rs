//! The database server, our own tables, and who we are there.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::{MySql, Row, Transaction};
use time::OffsetDateTime;
use udap_openemr::{GatewayKey, OpenEmrClients, RowKey};
use udap_store::{ClientTable, MySqlRegistry, OpenError, SiteClients, SqliteRegistry, TablesState};

use super::clock;
use super::finding::{Subject, told};
use crate::config::Config;
use crate::config::database::SecretUrl;
use crate::config::settings::{Backend, Site, TokenMode};
use crate::environment;
use crate::serve::{clients, connect_options};

/// What one statement may need: a piece of a revocation list, or an app's metadata, with room to
/// spare.
const PACKET_BYTES: u64 = 4 * 1024 * 1024;

/// What could be opened.
pub(super) enum Database {
    /// The embedded store.
    Embedded,
    /// A server that cannot be used.
    Unreachable,
    /// OpenEMR's server, with the sites' clients by site id.
    OpenEmr(MySqlRegistry, Sites),
}

/// The sites' tables of clients, by site id.
pub(super) type Sites = HashMap<String, Looked>;

/// A site's table of clients, for looking.
pub(super) struct Looked {
    pub(super) clients: Arc<OpenEmrClients>,
    /// Whether the key that its rows hold is known: at a gateway that was never started there is none.
    pub(super) has_key: bool,
}

pub(super) async fn check(config: &Config, about: &mut Subject<'_>) -> Database {
    match &config.database {
        Backend::Sqlite(path) => {
            embedded(path, about).await;
            Database::Embedded
        }
        Backend::Mysql(url) => match server(config, url, about).await {
            Some((registry, sites)) => Database::OpenEmr(registry, sites),
            None => Database::Unreachable,
        },
    }
}

async fn embedded(path: &std::path::Path, about: &mut Subject<'_>) {
    let name = path.display();
    if !path.exists() {
        about.ok("tables", format!("{name} is made at the first start"));
        return;
    }
    let state = match SqliteRegistry::look(path, Vec::new()).await {
        Ok(registry) => registry.tables().await.map_err(|error| told(&error)),
        Err(error) => Err(told(&error)),
    };
    match state {
        Ok(state) => tables(about, state),
        Err(error) => about.error(
            "connection",
            format!("{name} cannot be used: {error}"),
            "look at its owner and mode, or restore it from a backup",
        ),
    }
}

async fn server(
    config: &Config,
    url: &SecretUrl,
    about: &mut Subject<'_>,
) -> Option<(MySqlRegistry, Sites)> {
    let mut sites = Sites::new();
    let mut tables_of_clients = Vec::new();
    for site in &config.sites {
        let looked = look_at(site, about)?;
        tables_of_clients.push(SiteClients {
            site: site.id.clone(),
            clients: Arc::clone(&looked.clients) as Arc<dyn ClientTable<MySql>>,
        });
        sites.insert(site.id.clone(), looked);
    }
    let options = match connect_options(url) {
        Ok(options) => options,
        Err(error) => {
            about.error("connection", format!("{error:#}"), "correct database_url");
            return None;
        }
    };
    let registry = match MySqlRegistry::look(options, tables_of_clients).await {
        Ok(registry) => registry,
        Err(error) => {
            let advice = connection_advice(&error);
            about.error(
                "connection",
                format!("{url} cannot be used: {}", told(&error)),
                advice,
            );
            return None;
        }
    };
    let asked = environment::now();
    match look_around(&registry).await {
        Ok((variables, seconds)) => {
            judge_server(about, &variables);
            match OffsetDateTime::from_unix_timestamp(seconds) {
                Ok(theirs) => {
                    clock::compare(about, "the database", asked, environment::now(), theirs);
                }
                Err(_) => {
                    about.unknown("clock", "the database's time is none", "look at its clock")
                }
            }
        }
        Err(error) => about.unknown("server", told(&error), "look at the database's log"),
    }
    match registry.tables().await {
        Ok(state) => tables(about, state),
        Err(error) => about.error(
            "tables",
            format!(
                "the registrar's own tables cannot be looked at: {}",
                told(&error)
            ),
            "`udap db grants` prints what the account needs in its own schema",
        ),
    }
    Some((registry, sites))
}

fn look_at(site: &Site, about: &mut Subject<'_>) -> Option<Looked> {
    let key = match site.token_mode {
        TokenMode::Direct => Some(RowKey::Leaf),
        TokenMode::Gateway => match GatewayKey::find(&site.gateway_keys, &site.id) {
            Ok(key) => key.map(|key| RowKey::Gateway(key.jwk().clone())),
            Err(error) => {
                about.error(
                    "gateway_key",
                    format!(
                        "the gateway key of site {} cannot be used: {}",
                        site.id,
                        told(&error)
                    ),
                    "restore it: apps' rows in OpenEMR hold its public half",
                );
                None
            }
        },
    };
    let has_key = key.is_some();
    match clients(site, key.unwrap_or(RowKey::Leaf).into()) {
        Ok(clients) => Some(Looked {
            clients: Arc::new(clients),
            has_key,
        }),
        Err(error) => {
            about.error(
                "connection",
                format!("{error:#}"),
                "correct the configuration",
            );
            None
        }
    }
}

fn connection_advice(error: &OpenError) -> &'static str {
    let OpenError::Sql(error) = error else {
        return "look at the database's log";
    };
    match error {
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some("28000") => {
                "correct user and password in database_url, or let the administrator make the account: \
                 `udap db grants` prints how"
            }
            Some("42000") => {
                "let the administrator make the registrar's schema and grant it to the account: `udap db \
                 grants` prints how"
            }
            _ => "look at the database's log",
        },
        sqlx::Error::Tls(_) => {
            "name the certificate authority of the database with ssl-ca in database_url; its certificate \
             must name the host"
        }
        _ => "start the database, or correct host and port in database_url",
    }
}

/// The server's settings, and its clock.
async fn look_around(
    registry: &MySqlRegistry,
) -> Result<(HashMap<String, String>, i64), sqlx::Error> {
    let mut transaction = registry.transaction().await?;
    let variables = variables(&mut transaction).await?;
    let seconds = sqlx::query_scalar("SELECT CAST(UNIX_TIMESTAMP() AS SIGNED)")
        .fetch_one(&mut *transaction)
        .await?;
    transaction.rollback().await?;
    Ok((variables, seconds))
}

async fn variables(
    transaction: &mut Transaction<'_, MySql>,
) -> Result<HashMap<String, String>, sqlx::Error> {
    // Not every version has every one of them.
    sqlx::raw_sql(
        "SHOW VARIABLES WHERE Variable_name IN \
         ('version', 'log_bin', 'binlog_format', 'max_allowed_packet', 'read_only', \
         'innodb_flush_log_at_trx_commit', 'wsrep_on')",
    )
    .fetch_all(&mut **transaction)
    .await?
    .iter()
    .map(|row| Ok((row.try_get_unchecked(0)?, row.try_get_unchecked(1)?)))
    .collect()
}

fn judge_server(about: &mut Subject<'_>, variables: &HashMap<String, String>) {
    let get = |name: &str| variables.get(name).map(String::as_str).unwrap_or_default();
    let version = get("version");
    if version.contains("MariaDB") {
        about.ok("server", format!("MariaDB {version}"));
    } else {
        about.warn(
            "server",
            format!("MySQL {version}: this program is tested with MariaDB only"),
            "try registration, modification and cancellation before you rely on it",
        );
    }
    if get("log_bin") == "ON" && get("binlog_format") == "STATEMENT" {
        about.error(
            "binlog_format",
            "binlog_format is STATEMENT: with READ COMMITTED, which registrations need, every write fails \
             with error 1665",
            "set binlog_format to ROW or MIXED in the server's configuration",
        );
    }
    if get("read_only") == "ON" {
        about.warn(
            "read_only",
            "the server is read-only, as replicas are: nobody can register",
            "name the primary server in database_url",
        );
    }
    if !matches!(get("innodb_flush_log_at_trx_commit"), "" | "1") {
        about.warn(
            "innodb_flush_log_at_trx_commit",
            "a power cut may take back registrations that apps were told of",
            "set innodb_flush_log_at_trx_commit to 1 in the server's configuration",
        );
    }
    if get("wsrep_on") == "ON" {
        about.warn(
            "wsrep_on",
            "the server is part of a cluster: a block and a registration that are written on two of its \
             servers at one time do not see each other",
            "let all instances of this program write to one server of the cluster",
        );
    }
    match get("max_allowed_packet").parse::<u64>() {
        Ok(bytes) if bytes >= PACKET_BYTES => {
            about.ok("max_allowed_packet", format!("max_allowed_packet is {bytes} bytes"));
        }
        Ok(bytes) => about.warn(
            "max_allowed_packet",
            format!(
                "max_allowed_packet is {bytes} bytes: large revocation lists and metadata may not be stored"
            ),
            format!("set it to {PACKET_BYTES} or more in the server's configuration"),
        ),
        Err(_) => about.unknown(
            "max_allowed_packet",
            "the server does not tell it",
            format!("see to it that it is {PACKET_BYTES} or more"),
        ),
    }
}

fn tables(about: &mut Subject<'_>, state: TablesState) {
    match state {
        TablesState::Current => about.ok("tables", "the registrar's own tables are up to date"),
        TablesState::Pending { missing, of } if missing == of => {
            about.ok(
                "tables",
                "the registrar's own tables are made at the next start",
            );
        }
        TablesState::Pending { missing, .. } => about.note(
            "tables",
            format!("the next start brings the registrar's own tables up to date: {missing} steps"),
            "back the schema up before",
        ),
        TablesState::Foreign => about.error(
            "tables",
            "the registrar's own tables were made by another version of this program",
            "install the newer version, or restore the schema from a backup of this one",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Findings, Severity};
    use super::*;

    fn judged(changes: &[(&str, &str)]) -> Vec<(&'static str, Severity)> {
        let usual = [
            ("version", "10.11.19-MariaDB"),
            ("log_bin", "OFF"),
            ("binlog_format", "MIXED"),
            ("max_allowed_packet", "16777216"),
            ("read_only", "OFF"),
        ];
        let variables = usual.iter().chain(changes);
        let variables = variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut findings = Findings::default();
        judge_server(&mut findings.about("database"), &variables);
        let bad = findings.0.iter().filter(|one| one.severity != Severity::Ok);
        bad.map(|one| (one.check, one.severity)).collect()
    }

    #[test]
    fn a_server_is_judged_by_its_settings() {
        use Severity::{Error, Warning};
        assert_eq!(judged(&[]), []);
        // Without a binary log its format means nothing.
        assert_eq!(judged(&[("binlog_format", "STATEMENT")]), []);
        for (name, value) in [("innodb_flush_log_at_trx_commit", "2"), ("wsrep_on", "ON")] {
            assert_eq!(judged(&[(name, value)]), [(name, Warning)]);
        }
        let statement = [("log_bin", "ON"), ("binlog_format", "STATEMENT")];
        assert_eq!(judged(&statement), [("binlog_format", Error)]);
        assert_eq!(judged(&[("version", "8.4.9")]), [("server", Warning)]);
        assert_eq!(
            judged(&[("max_allowed_packet", "1048576")]),
            [("max_allowed_packet", Warning)]
        );
        assert_eq!(
            judged(&[("max_allowed_packet", "")]),
            [("max_allowed_packet", Warning)]
        );
        assert_eq!(judged(&[("read_only", "ON")]), [("read_only", Warning)]);
    }
}
