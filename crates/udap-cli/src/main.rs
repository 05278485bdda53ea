//! `udap`: a UDAP registration server, a community's certificate authority, the client side, and
//! tools for looking at what is exchanged.

mod commands;
mod config;
mod demo;
mod environment;
mod log;
mod material;
mod output;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::{Command, Verdict};
use crate::output::Output;

/// Exit status of a command that was not understood, as clap has it.
const USAGE: u8 = 2;

/// UDAP trusted dynamic client registration for FHIR servers: registration server, certificate
/// authority, client.
#[derive(Debug, Parser)]
#[command(
    name = "udap",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Exit status: 0 success, 1 refused or invalid, 2 wrong usage."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Print JSON for programs instead of text for people
    #[arg(long, global = true)]
    json: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.json);
    match run(cli.command, &output) {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Refused) => ExitCode::FAILURE,
        Err(error) => {
            output.error(&error);
            if error.is::<commands::WrongUsage>() || error.is::<commands::Undecided>() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn run(command: Command, output: &Output) -> anyhow::Result<Verdict> {
    // It fails only if one is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(command.run(output))
}
