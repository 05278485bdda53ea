//! `udap db`: what the database's administrator has to do.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{ConnectOptions, Connection};
use udap_openemr::{
    Account, Grant, GrantedSchema, LaterColumns, PASSWORD_PLACEHOLDER, grants as grants_for,
};

use crate::commands::config_file::ConfigFile;
use crate::commands::{Verdict, WrongUsage};
use crate::config::Config;
use crate::config::database::SecretUrl;
use crate::config::settings::Backend;
use crate::output::Output;
use crate::serve::{connect_options, schema};

/// How long is waited for a database that is looked at for convenience only.
const PATIENCE: Duration = Duration::from_secs(5);

/// Prepare the database
#[derive(Debug, Args)]
pub(crate) struct Db {
    #[command(flatten)]
    config: ConfigFile,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the SQL with which a database administrator gives the server what it needs, and no more
    ///
    /// Changes nothing. Names and columns follow the configuration and, if the database can be reached
    /// with its account already, the OpenEMR that is there.
    Grants(Grants),
}

#[derive(Debug, Args)]
struct Grants {
    /// The account's name; left out: that of database_url
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// From where it connects, as the database sees it: a name, an address, or a pattern such as
    /// 10.0.0.%; left out: localhost, or % if the database is on another machine
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
}

impl Db {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<Verdict> {
        let config = self.config.read()?;
        let Verb::Grants(arguments) = self.verb;
        let Backend::Mysql(url) = &config.database else {
            bail!(
                "the embedded store, {}, is a file and needs no grants: for OpenEMR's own database set \
                 database_url = \"mysql://user:password@host/udap_registry\"",
                config.database
            );
        };
        let account = account(url, &arguments)?;
        let options = connect_options(url)?;
        let mut openemrs: Vec<GrantedSchema> = Vec::new();
        for site in &config.sites {
            let name = schema(site)?;
            openemrs.push(GrantedSchema {
                name: name.to_owned(),
                later: later_columns(&options, name).await,
            });
        }
        let grants = grants_for(&account, url.schema(), &openemrs);
        let statements: Vec<_> = grants.iter().map(|grant| &grant.sql).collect();
        let text = script(&config, url, &arguments, &grants);
        output.show_plain(&statements, text.trim_end())?;
        Ok(Verdict::Good)
    }
}

fn account(url: &SecretUrl, arguments: &Grants) -> anyhow::Result<Account> {
    let options = connect_options(url)?;
    let user = match &arguments.user {
        Some(user) => user,
        None if url.expose().username().is_empty() => {
            let why = "database_url names no user: give --user".to_owned();
            return Err(WrongUsage(why).into());
        }
        None => options.get_username(),
    };
    let host = arguments.host.as_deref().unwrap_or(default_host(url));
    let account = Account::new(user, host).map_err(|error| WrongUsage(error.to_string()))?;
    Ok(if url.is_local() {
        account
    } else {
        account.requiring_tls()
    })
}

fn default_host(url: &SecretUrl) -> &'static str {
    if url.is_local() { "localhost" } else { "%" }
}

/// What is there, as far as this account can look: before it has its grants it cannot.
async fn later_columns(options: &MySqlConnectOptions, schema: &str) -> LaterColumns {
    let look = async {
        let mut connection = options.connect().await?;
        let later = LaterColumns::read(&mut connection, schema).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(later)
    };
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(Ok(later)) => later,
        _ => LaterColumns::Unseen,
    }
}

fn script(config: &Config, url: &SecretUrl, arguments: &Grants, grants: &[Grant]) -> String {
    let mut text = format!(
        "-- For {}, by `udap db grants`: to be run by the administrator of\n-- the database server. \
         Write the account's password in place of {PASSWORD_PLACEHOLDER}.\n",
        config.path.display()
    );
    if arguments.host.is_none() {
        text.push_str(if url.is_local() {
            "-- A database with skip_name_resolve knows no localhost over TCP: then --host 127.0.0.1.\n"
        } else {
            "-- '%' admits the account from everywhere: better give --host, the address that the server\n\
             -- connects from.\n"
        });
    }
    for grant in grants {
        if !grant.about.is_empty() {
            text.push('\n');
            for line in wrapped(&grant.about) {
                comment(&mut text, &line);
            }
        }
        text.push_str(&grant.sql);
        text.push_str(";\n");
    }
    text
}

fn comment(text: &mut String, line: &str) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "-- {line}");
}

/// Lines that fit a terminal.
fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 90;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
