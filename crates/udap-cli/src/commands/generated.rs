//! `udap completions` and `udap man`.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;

use crate::Cli;
use crate::commands::Verdict;
use crate::output::Output;

const NAME: &str = "udap";

/// For which shell.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell: its completions are printed, for the file where it looks for them
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

/// Where to.
#[derive(Args, Debug)]
pub(crate) struct Man {
    /// The folder for the pages, one for each command, for example /usr/local/share/man/man1
    #[arg(value_name = "DIR")]
    out: PathBuf,
}

/// Prints a shell's completions.
pub(crate) fn completions(arguments: &Completions, output: Output) -> anyhow::Result<Verdict> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command(), NAME, &mut script);
    output.print(&String::from_utf8(script)?)?;
    Ok(Verdict::Good)
}

/// Writes the manual.
pub(crate) fn man(arguments: &Man) -> anyhow::Result<Verdict> {
    let out = &arguments.out;
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    clap_mangen::generate_to(command(), out)
        .with_context(|| format!("cannot write to {}", out.display()))?;
    Ok(Verdict::Good)
}

fn command() -> Command {
    Cli::command()
}
