//! `udap clients`: the registrar's view of registered apps, for operators.

mod recheck;
mod show;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use udap::registry::{
    BlockScope, OperatorAction, RegistrationDetails, RegistrationStatus, RegistrationSummary,
    Registry,
};

use crate::commands::Verdict;
use crate::commands::config_file::ConfigFile;
use crate::environment;
use crate::output::{Output, Page, Report, timestamp};
use crate::serve::open_registry;

/// List, show, disable and enable registered apps
#[derive(Debug, Args)]
pub(crate) struct Clients {
    #[command(flatten)]
    config: ConfigFile,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List all registrations, oldest first
    List,
    /// Show all about one registration, and its history from the audit log
    Show {
        /// The client_id, as `udap clients list` shows it
        client_id: String,
    },
    /// Switch a client off, and refuse every later statement of it
    ///
    /// Its tokens are revoked. Lifted by `udap clients enable` only.
    Disable {
        /// The client_id, as `udap clients list` shows it
        client_id: String,
        /// Block its client URI at every site and in every community
        #[arg(long, conflicts_with = "certificate")]
        everywhere: bool,
        /// Block the key of its certificate, whoever uses it
        #[arg(long)]
        certificate: bool,
        /// Why, for the audit
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Look at every client's certificate now, and switch off those that are no longer trusted
    ///
    /// The server does so by itself, every `[recheck] interval_hours`.
    Recheck {
        /// Switch off also if it is a large part of a community's clients
        #[arg(long)]
        force: bool,
    },
    /// Lift a block, and approve the client as it is registered now
    Enable {
        /// The client_id, as `udap clients list` shows it
        client_id: String,
        /// Why, for the audit
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

impl Clients {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<Verdict> {
        let config = self.config.read()?;
        if let Verb::Recheck { force } = self.verb {
            return recheck::run(&config, force, output).await;
        }
        if let Verb::Show { client_id } = &self.verb {
            return show::run(&config, client_id, output).await;
        }
        let registry = open_registry(&config).await?;
        match self.verb {
            Verb::Recheck { .. } | Verb::Show { .. } => {}
            Verb::List => output.show(&List(registry.list().await?))?,
            Verb::Disable {
                client_id,
                everywhere,
                certificate,
                reason,
            } => {
                let scope = match (everywhere, certificate) {
                    (true, _) => BlockScope::Everywhere,
                    (_, true) => BlockScope::Key,
                    _ => BlockScope::Registration,
                };
                known(&*registry, &client_id).await?;
                output.show(&One(registry
                    .block(&action(client_id, reason), scope)
                    .await?))?;
            }
            Verb::Enable { client_id, reason } => {
                known(&*registry, &client_id).await?;
                output.show(&One(registry.enable(&action(client_id, reason)).await?))?;
            }
        }
        Ok(Verdict::Good)
    }
}

async fn known(registry: &dyn Registry, client_id: &str) -> anyhow::Result<()> {
    // What is wrong with its record must not keep an operator from switching it off.
    match registry.details(client_id).await {
        Ok(None) => bail!("there is no client {client_id}: `udap clients list` shows all"),
        Ok(Some(_)) | Err(_) => Ok(()),
    }
}

/// All about a client.
///
/// # Errors
/// If there is none of this id, or the store fails.
async fn details(registry: &dyn Registry, client_id: &str) -> anyhow::Result<RegistrationDetails> {
    let found = registry
        .details(client_id)
        .await
        .context("the registration cannot be read")?;
    match found {
        Some(details) => Ok(details),
        None => bail!("there is no client {client_id}: `udap clients list` shows all"),
    }
}

fn action(client_id: String, reason: Option<String>) -> OperatorAction {
    OperatorAction {
        client_id,
        operator: environment::operator(),
        reason,
        now: environment::now(),
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct One(RegistrationSummary);

#[derive(Serialize)]
#[serde(transparent)]
struct List(Vec<RegistrationSummary>);

impl Report for One {
    fn page(&self) -> Page {
        let one = &self.0;
        let mut page = Page::default();
        page.field("client_id", &one.client_id)
            .field("client name", &one.client_name)
            .field("client URI", &one.client_uri)
            .field("site", &one.site)
            .field("community", &one.community)
            .field("status", status(one.status))
            .optional("reason", one.reason.as_ref())
            .field(
                "certificate",
                format!("until {}", timestamp(one.certificate.not_after)),
            )
            .field("registered", timestamp(one.registered_at))
            .field("updated", timestamp(one.updated_at));
        page
    }
}

impl Report for List {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for (index, one) in self.0.iter().enumerate() {
            if index > 0 {
                page.blank();
            }
            page.nested(One(one.clone()).page());
        }
        if self.0.is_empty() {
            page.line("No app has registered yet.");
        }
        page
    }
}

fn status(status: RegistrationStatus) -> &'static str {
    match status {
        RegistrationStatus::Active => "active",
        RegistrationStatus::Disabled => "disabled",
        RegistrationStatus::Blocked => "blocked",
        RegistrationStatus::Pending => "pending",
        RegistrationStatus::Cancelled => "cancelled",
    }
}
