//! `udap ca`: the certificate authority of a trust community, in a folder.

mod export;
mod folder;
mod init;
mod issue;
mod issued;
mod list;
mod needs_renewal;
mod publish;
mod renew;
mod renew_ca;
mod requirements;
mod revocation_lists;
mod revoke;
mod serve;
mod show;
mod sign;
mod target;

use std::str::FromStr;

use clap::Subcommand;
use time::Duration;

pub(super) use self::folder::{ask, passphrase_in};

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
    /// Issue a certificate for the key of a signing request
    Sign(sign::Arguments),
    /// Issue a certificate anew, for the same key and names
    Renew(renew::Renew),
    /// Issue a certificate anew, for the same names and another key
    Rekey(renew::Rekey),
    /// Issue the issuing CA's own certificate anew, for the same key; needs the root's key
    RenewCa(renew_ca::Arguments),
    /// Revoke a certificate and sign the new revocation list
    Revoke(revoke::Arguments),
    /// Sign new revocation lists, before the present ones lapse
    Crl(revocation_lists::Arguments),
    /// List what was issued
    List(list::Arguments),
    /// Show what the index says of one certificate
    Show(show::Arguments),
    /// Tell whether certificates end soon: exit status 0 if any does, 1 if none, 2 if that cannot be told
    NeedsRenewal(needs_renewal::Arguments),
    /// Write a certificate in another form: PEM, PKCS#12, x5c, JWKS
    Export(export::Arguments),
    /// Copy the revocation lists and CA certificates to a web server's folder
    Publish(publish::Arguments),
    /// Serve the revocation lists and CA certificates over plain HTTP
    Serve(serve::Arguments),
}

impl Command {
    /// Does it.
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<Verdict> {
        match self {
            Self::Init(arguments) => init::run(&arguments, output)?,
            Self::Issue(command) => return command.run(output),
            Self::Sign(arguments) => return sign::run(arguments, output),
            Self::Renew(arguments) => return renew::renew(&arguments, output),
            Self::Rekey(arguments) => return renew::rekey(&arguments, output),
            Self::RenewCa(arguments) => renew_ca::run(&arguments, output)?,
            Self::Revoke(arguments) => revoke::run(&arguments, output)?,
            Self::Crl(arguments) => revocation_lists::run(&arguments, output)?,
            Self::List(arguments) => list::run(&arguments, output)?,
            Self::Show(arguments) => show::run(&arguments, output)?,
            Self::NeedsRenewal(arguments) => return needs_renewal::run(&arguments, output),
            Self::Export(arguments) => export::run(&arguments, output)?,
            Self::Publish(arguments) => publish::run(&arguments, output)?,
            Self::Serve(arguments) => return serve::run(arguments).await,
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

/// A time as people write it: a number and s, m, h, d or w.
fn period(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is a whole number and s, m, h, d or w: 30d, 12h".to_owned();
    let at = text.len().saturating_sub(1);
    let (number, unit) = text.split_at_checked(at).ok_or_else(wrong)?;
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(wrong()),
    };
    let seconds = number.checked_mul(seconds).filter(|&seconds| seconds >= 0);
    seconds.map(Duration::seconds).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_a_number_and_a_unit() {
        assert_eq!(period("30d"), Ok(Duration::days(30)));
        assert_eq!(period("2w"), Ok(Duration::weeks(2)));
        for wrong in [
            "",
            "d",
            "30",
            "-1d",
            "1.5h",
            "3 d",
            "9223372036854775807w",
            "1ü",
        ] {
            assert!(period(wrong).is_err(), "{wrong}");
        }
    }
}
