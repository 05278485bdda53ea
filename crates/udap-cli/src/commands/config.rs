//! `udap config check`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::commands::Verdict;
use crate::config::settings::Warning;
use crate::environment;
use crate::output::{Output, Page, Report};
use crate::serve::{Offer, check};

/// Look at the configuration without serving
#[derive(Debug, Args)]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Read and check everything that `udap serve` would, without opening a socket or a database
    ///
    /// Says for each community what a new app gets with no person looking.
    Check {
        /// The configuration file
        #[arg(
            long,
            value_name = "FILE",
            default_value = "udap.toml",
            env = "UDAP_CONFIG"
        )]
        config: PathBuf,
    },
}

impl ConfigCommand {
    pub(crate) fn run(self, output: Output) -> anyhow::Result<Verdict> {
        let Verb::Check { config } = self.verb;
        let config = environment::configuration(&config)?;
        let offers = check(&config)?;
        output.show(&Checked {
            usable: true,
            file: config.path.display().to_string(),
            warnings: config.warnings(),
            offers,
        })?;
        Ok(Verdict::Good)
    }
}

#[derive(Serialize)]
struct Checked {
    usable: bool,
    file: String,
    warnings: Vec<Warning>,
    offers: Vec<Offer>,
}

impl Report for Checked {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.line(format!("{} is usable.", self.file));
        for warning in &self.warnings {
            page.line(format!("warning: {warning}"));
        }
        for offer in &self.offers {
            page.blank().field("site", &offer.site).field(
                "community",
                format!("{} ({})", offer.community, offer.community_uri),
            );
            for grant in &offer.grants {
                page.field("grant type", grant.grant_type)
                    .field("  a new app is switched on", grant.enabled)
                    .field("  and can be granted", granted(offer, &grant.scopes));
            }
            if offer.grants.is_empty() {
                page.field("grant type", "none is offered: no app can register");
            }
        }
        page
    }
}

fn granted(offer: &Offer, scopes: &[String]) -> String {
    if offer.scopes.is_empty() {
        "what OpenEMR lists when the server starts".to_owned()
    } else if scopes.is_empty() {
        "nothing: such an app is refused".to_owned()
    } else {
        scopes.join(" ")
    }
}
