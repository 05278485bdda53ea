//! `udap audit`: the log of what happened, for operators and auditors.

mod export;
mod fhir;
mod jsonl;
mod purge;
mod seal;
mod verify;

use clap::{Args, Subcommand};

use crate::commands::Verdict;
use crate::commands::config_file::ConfigFile;
use crate::output::Output;

/// Verify, export and purge the audit log
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    config: ConfigFile,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check that nothing was changed, removed, added or cut off
    ///
    /// Exits with 0 only if the log is whole. Everything that is wrong is listed.
    Verify(verify::Arguments),
    /// Write events to standard output, one JSON object a line, oldest first
    Export(export::Arguments),
    /// Seal now what has not been sealed yet, as the server does every few seconds
    Seal,
    /// Remove the events of old batches for good; their seals are kept
    ///
    /// Whole batches go, oldest first, up to the first that holds an event which is not older than
    /// the bound. The log is verified before, and the purge becomes an event of the log.
    Purge(purge::Arguments),
}

impl Audit {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<Verdict> {
        let config = self.config.read()?;
        match self.verb {
            Verb::Verify(arguments) => verify::run(arguments, &config, output).await,
            Verb::Export(arguments) => export::run(arguments, &config).await,
            Verb::Seal => seal::run(&config, output).await,
            Verb::Purge(arguments) => purge::run(arguments, &config, output).await,
        }
    }
}
