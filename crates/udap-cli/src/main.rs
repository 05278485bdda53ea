//! `udap`: a UDAP registration server, a community's certificate authority, the client side, and
//! tools for looking at what is exchanged.

mod app_file;
mod commands;
mod config;
mod demo;
mod environment;
mod log;
mod material;
mod output;
mod serve;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

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
    let typed = environment::arguments();
    let is_json = typed.iter().any(|argument| argument == "--json");
    let cli = match app_file::expand(typed, &Cli::command()) {
        Ok(arguments) => Cli::parse_from(arguments),
        Err(error) => return failed(Output::new(is_json), &error),
    };
    let output = Output::new(cli.json);
    match run(cli.command, &output) {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Refused) => ExitCode::FAILURE,
        Err(error) => failed(output, &error),
    }
}

fn failed(output: Output, error: &anyhow::Error) -> ExitCode {
    output.error(error);
    if error.is::<commands::WrongUsage>() || error.is::<commands::Undecided>() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::FAILURE
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
