//! The commands, one file each.

mod audit;
mod ca;
mod certification;
mod clients;
mod config;
mod config_file;
mod crl;
mod db;
mod demo;
mod discover;
mod doctor;
mod dropped_scope;
mod gateway;
mod generated;
mod inspect;
mod lint;
mod metadata_options;
mod path_report;
mod register;
mod serve;
mod server_options;
mod statement;
mod target;
mod testpki;
mod token;
mod trust_options;
mod verify;

pub(crate) use serve::stop_signal;

use clap::Subcommand;

use crate::output::Output;

/// What the command line asks for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve discovery and registration
    Serve(serve::Serve),
    /// Show the whole of it: a trust community, a server, and an app that registers
    Demo(demo::Demo),
    /// Look at the configuration without serving
    Config(config::ConfigCommand),
    /// Check configuration, database, OpenEMR and certificates, and say what to do
    Doctor(doctor::Doctor),
    /// Prepare the database
    Db(db::Db),
    /// List, show, disable and enable registered apps
    Clients(clients::Clients),
    /// Fetch revocation lists
    Crl(crl::CrlCommand),
    /// Rotate the gateway's keys, and bring apps' rows in line with the configuration
    Gateway(gateway::Gateway),
    /// Verify, export and purge the audit log
    Audit(audit::Audit),
    /// Run a trust community's certificate authority
    #[command(subcommand)]
    Ca(ca::Command),
    /// Show what a certificate, revocation list, software statement or metadata document says
    Inspect(inspect::Arguments),
    /// Say whether certificates, from whomever, keep the UDAP profile, and what to do if not
    Lint(lint::Arguments),
    /// Judge a certificate's path and revocation as the server would
    Verify(verify::Arguments),
    /// Sign or verify a software statement
    #[command(subcommand)]
    Statement(statement::Command),
    /// Sign certifications and endorsements of apps
    #[command(subcommand)]
    Certification(certification::Command),
    /// Show what a FHIR server offers by UDAP
    Discover(discover::Arguments),
    /// Register an app
    Register(register::Arguments),
    /// Change an app's registration: all metadata is replaced
    Update(register::Arguments),
    /// Cancel an app's registration
    Cancel(register::CancelArguments),
    /// Get an access token
    Token(token::Arguments),
    /// Write a tree of good and bad certificates, for testing any UDAP server
    Testpki(testpki::Arguments),
    /// Print a shell's completions
    Completions(generated::Completions),
    /// Write the manual's pages
    Man(generated::Man),
}

/// What a command that ran to its end found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Done, or valid.
    Good,
    /// Refused, or invalid: reported already.
    Refused,
}

/// Arguments that do not fit together, which clap cannot know.
#[derive(Debug, thiserror::Error)]
#[error("{0}; see --help")]
pub(crate) struct WrongUsage(pub(crate) String);

/// A question that could not be answered, where success and refusal are both answers.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub(crate) struct Undecided(pub(crate) anyhow::Error);

impl Command {
    /// Does it.
    pub(crate) async fn run(self, output: &Output) -> anyhow::Result<Verdict> {
        match self {
            Self::Serve(command) => command.run().await,
            Self::Demo(command) => command.run().await,
            Self::Config(command) => command.run(*output),
            Self::Doctor(command) => command.run(*output).await,
            Self::Db(command) => command.run(*output).await,
            Self::Clients(command) => command.run(*output).await,
            Self::Crl(command) => command.run(*output).await,
            Self::Gateway(command) => command.run(*output).await,
            Self::Audit(command) => command.run(*output).await,
            Self::Ca(command) => command.run(*output).await,
            Self::Inspect(arguments) => inspect::run(arguments, *output).await,
            Self::Lint(arguments) => lint::run(&arguments, *output),
            Self::Verify(arguments) => verify::run(arguments, *output).await,
            Self::Statement(command) => command.run(*output).await,
            Self::Certification(command) => command.run(*output),
            Self::Discover(arguments) => discover::run(arguments, *output).await,
            Self::Register(arguments) => {
                register::run(register::Verb::Register, arguments, *output).await
            }
            Self::Update(arguments) => {
                register::run(register::Verb::Update, arguments, *output).await
            }
            Self::Cancel(arguments) => register::cancel(arguments, *output).await,
            Self::Token(arguments) => token::run(arguments, *output).await,
            Self::Testpki(arguments) => testpki::run(&arguments, *output),
            Self::Completions(arguments) => generated::completions(&arguments, *output),
            Self::Man(arguments) => generated::man(&arguments),
        }
    }
}
