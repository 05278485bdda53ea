//! `udap crl`: the revocation lists that the server fetches.

use anyhow::Context;
use clap::{Args, Subcommand};
use serde::Serialize;
use udap_fetch::crls::{CrlOutcome, CrlReport};

use crate::commands::Verdict;
use crate::commands::config_file::ConfigFile;
use crate::environment;
use crate::output::{Output, Page, Report, timestamp};
use crate::serve::{Passes, build, discover, open_store};

/// Fetch revocation lists
#[derive(Debug, Args)]
pub(crate) struct CrlCommand {
    #[command(flatten)]
    config: ConfigFile,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Fetch every known list now, and act on what is new
    ///
    /// For emergencies: a running server fetches them by itself, every `[fetch]
    /// crl_refresh_minutes`. It takes up what this command has fetched within seconds. Clients that
    /// a new list names are switched off before the command ends.
    Refresh,
}

impl CrlCommand {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<Verdict> {
        let Verb::Refresh = self.verb;
        let config = self.config.read()?;
        let store = open_store(&config).await?;
        let built = build(&config, &discover(&config).await?, &store)?;
        let crls = built.network.crls();
        let passes = Passes::new(&config, &built, &store)?;
        crls.synchronise()
            .await
            .context("the stored revocation lists cannot be read")?;
        let lists = crls.refresh_all(environment::now()).await;
        let switched_off = passes
            .take_up_crls()
            .await
            .context("the lists could not be compared with the registrations")?;
        let failed = lists.iter().any(|one| one.outcome == CrlOutcome::Failed);
        output.show(&Refreshed {
            lists,
            clients_switched_off: switched_off,
        })?;
        Ok(if failed {
            Verdict::Refused
        } else {
            Verdict::Good
        })
    }
}

#[derive(Serialize)]
struct Refreshed {
    lists: Vec<CrlReport>,
    clients_switched_off: usize,
}

impl Report for Refreshed {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for one in &self.lists {
            page.field("list", &one.url);
            let entries = one.entries.unwrap_or_default();
            page.field(
                "",
                match one.outcome {
                    CrlOutcome::New => format!("new; revoked certificates: {entries}"),
                    CrlOutcome::Unchanged => {
                        format!("unchanged; revoked certificates: {entries}")
                    }
                    CrlOutcome::Failed => {
                        format!("NOT FETCHED: {}", one.failure.unwrap_or("unknown"))
                    }
                },
            );
            page.field(
                "",
                match one.next_update {
                    Some(next) => format!("can be used until {}", timestamp(next)),
                    None => "there is no list that can be used".to_owned(),
                },
            );
        }
        if self.lists.is_empty() {
            page.line(
                "No revocation list was fetched yet: the first statement whose certificate names \
                 one brings it.",
            );
        }
        page.field(
            "clients switched off",
            self.clients_switched_off.to_string(),
        );
        page
    }
}
