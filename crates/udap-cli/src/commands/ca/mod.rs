//! `udap ca`: the certificate authority of a trust community, in a folder.

mod folder;
mod init;
mod issue;
mod list;
mod revocation_lists;
mod revoke;
mod target;

use std::str::FromStr;

use clap::Subcommand;

use crate::commands::Verdict;
use crate::output::Output;

/// What the authority shall do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set up a root and an issuing CA in a new folder
    Init(init::Arguments),
    /// Make a key and issue a certificate for it
    #[command(subcommand)]
    Issue(issue::Command),
    /// Revoke a certificate and sign the new revocation list
    Revoke(revoke::Arguments),
    /// Sign new revocation lists, before the present ones lapse
    Crl(revocation_lists::Arguments),
    /// List what was issued
    List(list::Arguments),
}

impl Command {
    /// Does it.
    pub(crate) fn run(self, output: Output) -> anyhow::Result<Verdict> {
        match self {
            Self::Init(arguments) => init::run(&arguments, output)?,
            Self::Issue(command) => command.run(output)?,
            Self::Revoke(arguments) => revoke::run(&arguments, output)?,
            Self::Crl(arguments) => revocation_lists::run(&arguments, output)?,
            Self::List(arguments) => list::run(&arguments, output)?,
        }
        Ok(Verdict::Good)
    }
}

/// Parses with the library's own rules, so that a wrong value is wrong usage.
fn value<T>(text: &str) -> Result<T, String>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| error.to_string())
}
