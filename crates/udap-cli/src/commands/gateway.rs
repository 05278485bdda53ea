//! `udap gateway`: the keys with which the gateway signs, and the apps' rows that carry them (decisions
//! 26, 38).

mod rotate;
mod rows;
mod status;
mod switch;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::commands::Verdict;
use crate::commands::config_file::ConfigFile;
use crate::config::Config;
use crate::config::settings::Site;
use crate::output::Output;

/// Rotate the gateway's keys, and bring apps' rows in line with the configuration
#[derive(Debug, Args)]
pub(crate) struct Gateway {
    #[command(flatten)]
    config: ConfigFile,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Give the gateway a new key, and every app's row with it
    ///
    /// Servers may go on serving. The new key is written first, then the rows are moved one by one, and
    /// the old key is removed when no row carries it any more. A rotation that was ended early is taken
    /// up where it stopped: run the command again.
    RotateKey {
        #[command(flatten)]
        site: OfSite,
    },
    /// Put the key into every app's row that the site's token_mode wants there
    ///
    /// After token_mode was changed, and the server started anew: in `gateway` the gateway's key, in
    /// `direct` the app's own. Rows are moved one by one: if the command was ended early, run it again.
    /// Apps that the mode does not serve are named, and left as they are.
    SwitchRows {
        #[command(flatten)]
        site: OfSite,
    },
    /// Show the keys of each site, and which of them apps' rows carry
    ///
    /// Changes nothing. Ends with 1 if rows and configuration disagree.
    Status {
        #[command(flatten)]
        site: OfSite,
    },
}

#[derive(Debug, Args)]
struct OfSite {
    /// The id of a site; left out: all of them
    #[arg(long = "site", value_name = "ID")]
    id: Option<String>,
}

impl OfSite {
    /// The sites that are meant.
    fn of<'a>(&self, config: &'a Config) -> anyhow::Result<Vec<&'a Site>> {
        let Some(id) = &self.id else {
            return Ok(config.sites.iter().collect());
        };
        let site = config.sites.iter().find(|site| site.id == *id);
        match site {
            Some(site) => Ok(vec![site]),
            None => bail!("no site \"{id}\" is configured"),
        }
    }
}

impl Gateway {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<Verdict> {
        let config = self.config.read()?;
        match self.verb {
            Verb::RotateKey { site } => rotate::run(&config, &site, output).await,
            Verb::SwitchRows { site } => switch::run(&config, &site, output).await,
            Verb::Status { site } => status::run(&config, &site, output).await,
        }
    }
}

/// Keeps other commands from the site's keys and rows until it is dropped.
fn lock(keys: &udap_openemr::SiteKeys) -> anyhow::Result<std::fs::File> {
    let lock = keys.lock();
    let lock = lock.with_context(|| format!("the gateway's keys of site \"{}\"", keys.site()))?;
    match lock {
        Some(lock) => Ok(lock),
        None => bail!(
            "another `udap gateway` command is at work at site \"{}\": wait until it has ended",
            keys.site()
        ),
    }
}
