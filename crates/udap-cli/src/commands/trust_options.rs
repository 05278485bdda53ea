//! Options that say whom to trust: `--anchors` and its companions.

use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches, ValueEnum};
use udap::trust::{NoCrlAddress, RevocationMode, TrustPolicy, TrustStore};
use udap_client::Trust;

use crate::commands::WrongUsage;
use crate::material;

/// The id that a command's positional argument must have for [`TrustOptions`] to find it.
const SUBJECT: &str = "subject";

/// The id of an option that may stand in its place.
const NAMED: &str = "named";

/// Options that take any number of values.
const LISTS: [&str; 4] = ["anchors", "intermediates", "crl", "policy"];

/// How certificates must be shown unrevoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Revocation {
    /// Every certificate that names a revocation list, or whose issuer's list is given
    #[default]
    Required,
    /// A list can only refuse
    WhenAvailable,
    /// None is looked at
    Off,
}

/// Whom to trust.
#[derive(Args, Clone, Debug)]
struct Lists {
    /// Trust anchors: files or folders with certificates (PEM or DER)
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "Trust")]
    anchors: Vec<PathBuf>,

    /// Certificates that may lie between leaf and anchor: files or folders
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "Trust")]
    intermediates: Vec<PathBuf>,

    /// Revocation lists: files or folders (DER or PEM)
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "Trust")]
    crl: Vec<PathBuf>,

    /// Whether every certificate must be shown unrevoked
    #[arg(
        long,
        value_enum,
        value_name = "MODE",
        default_value_t,
        help_heading = "Trust"
    )]
    revocation: Revocation,

    /// Certificate policies (object identifiers) of which one must hold for the path
    #[arg(long, value_name = "OID", num_args = 1.., help_heading = "Trust")]
    policy: Vec<String>,
}

/// Whom to trust. If the command has a positional argument, it has the id `subject`, is optional
/// for clap, and is declared after these options.
///
/// `--anchors` takes any number of paths, so that in `verify --anchors root.pem chain.pem` it takes
/// the positional argument too: it is given back here.
#[derive(Clone, Debug)]
pub(crate) struct TrustOptions {
    lists: Lists,
    swallowed: Option<String>,
}

impl Args for TrustOptions {
    fn augment_args(command: clap::Command) -> clap::Command {
        Lists::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Lists::augment_args_for_update(command)
    }
}

impl FromArgMatches for TrustOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut lists = Lists::from_arg_matches(matches)?;
        let mut swallowed = None;
        // An error here means that the command has no positional argument.
        if let Ok(false) = matches.try_contains_id(SUBJECT)
            && !matches!(matches.try_contains_id(NAMED), Ok(true))
            && let Some(option) = swallower(matches)
        {
            let path = match option {
                "anchors" => lists.anchors.pop(),
                "intermediates" => lists.intermediates.pop(),
                "crl" => lists.crl.pop(),
                _ => lists.policy.pop().map(PathBuf::from),
            };
            swallowed = path.map(|path| path.to_string_lossy().into_owned());
        }
        Ok(Self { lists, swallowed })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The option that took the positional argument: the one with the last value on the command line,
/// if that is not its only one there.
fn swallower(matches: &ArgMatches) -> Option<&'static str> {
    LISTS
        .into_iter()
        .filter(|option| {
            let last = matches.get_raw_occurrences(option).and_then(Iterator::last);
            last.is_some_and(|values| values.count() > 1)
        })
        .max_by_key(|option| matches.indices_of(option).and_then(Iterator::last))
}

impl TrustOptions {
    /// The positional argument, `given` or taken by an option.
    pub(crate) fn subject(&self, given: Option<String>, name: &str) -> Result<String, WrongUsage> {
        given
            .or_else(|| self.swallowed.clone())
            .ok_or_else(|| WrongUsage(format!("the required argument <{name}> is missing")))
    }

    /// Whether there is anyone to trust.
    pub(crate) fn has_anchors(&self) -> bool {
        !self.lists.anchors.is_empty()
    }

    /// Reads what the options name.
    pub(crate) fn read(&self) -> anyhow::Result<Trust> {
        let lists = &self.lists;
        if lists.anchors.is_empty() {
            return Err(
                WrongUsage("--anchors is required: it says whom you trust".to_owned()).into(),
            );
        }
        let store = TrustStore::new(
            material::certificates(&lists.anchors)?,
            material::certificates(&lists.intermediates)?,
            lists.policy.clone(),
        )?;
        let policy = TrustPolicy {
            store,
            revocation: match lists.revocation {
                Revocation::Required => RevocationMode::Required,
                Revocation::WhenAvailable => RevocationMode::WhenAvailable,
                Revocation::Off => RevocationMode::Off,
            },
            no_crl_address: NoCrlAddress::Accept,
            // Without --fetch nobody is asked.
            aia: true,
            ocsp: true,
        };
        Ok(Trust::new(policy, material::crls(&lists.crl)?))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Probe {
        #[command(flatten)]
        trust: TrustOptions,
        #[arg(id = SUBJECT)]
        subject: Option<String>,
    }

    fn parsed(line: &str) -> (Option<String>, String) {
        let words = std::iter::once("probe").chain(line.split_whitespace());
        let probe = Probe::try_parse_from(words).unwrap();
        let Lists {
            anchors,
            crl,
            policy,
            ..
        } = &probe.trust.lists;
        let lists = format!("{anchors:?} {crl:?} {policy:?}").replace('"', "");
        (probe.trust.subject(probe.subject, "X").ok(), lists)
    }

    #[test]
    fn the_positional_argument_may_follow_a_list() {
        for (line, lists) in [
            ("leaf --anchors a b", "[a, b] [] []"),
            ("--anchors a leaf", "[a] [] []"),
            ("--anchors a b leaf", "[a, b] [] []"),
            ("--anchors a --anchors b leaf", "[a, b] [] []"),
            ("--anchors a --crl c d leaf", "[a] [c, d] []"),
            ("--anchors a b --crl c leaf", "[a, b] [c] []"),
            ("--anchors a b --revocation off leaf", "[a, b] [] []"),
            ("--anchors a leaf --revocation off", "[a] [] []"),
            ("--anchors a --policy 1.2 leaf", "[a] [] [1.2]"),
            ("--anchors=a --crl=c leaf", "[a] [c] []"),
            ("--anchors a -- leaf", "[a] [] []"),
            ("--anchors a leaf --crl c", "[a] [c] []"),
        ] {
            let (subject, read) = parsed(line);
            assert_eq!(
                (subject.as_deref(), read.as_str()),
                (Some("leaf"), lists),
                "{line}"
            );
        }
    }

    #[test]
    fn a_lone_value_stays_with_its_option() {
        assert_eq!(parsed("--anchors a").0, None);
        assert_eq!(parsed("--anchors a --crl c").0, None);
        assert_eq!(parsed("").0, None);
    }
}
