//! `udap audit purge`

use clap::Args;
use serde::Serialize;
use time::OffsetDateTime;
use udap_store::audit::{Expectation, PurgeOrder, Purged};

use super::seal::{self, Sealed};
use super::verify::Verified;
use crate::commands::verify::time;
use crate::commands::{Verdict, WrongUsage};
use crate::config::Config;
use crate::environment;
use crate::output::{Output, Page, Report};
use crate::serve::{open_audit_log, seal_key};

/// What goes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Remove batches all of whose events are older than this
    #[arg(long, value_name = "RFC3339", value_parser = time)]
    before: OffsetDateTime,
    /// Yes, for good
    #[arg(long)]
    yes: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The first batch that was sealed with a key, if the key was added later
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(i64).range(1..)
    )]
    keyed_since: i64,
    /// Purge a log that is not whole, too: what is removed is then no evidence any more
    #[arg(long)]
    even_if_not_whole: bool,
}

pub(super) async fn run(
    arguments: Arguments,
    config: &Config,
    output: Output,
) -> anyhow::Result<Verdict> {
    let now = environment::now();
    if !arguments.yes {
        return Err(WrongUsage("purged events are gone for good: add --yes".to_owned()).into());
    }
    if arguments.before > now {
        return Err(WrongUsage("--before is in the future".to_owned()).into());
    }
    let log = open_audit_log(config).await?;
    if !arguments.even_if_not_whole {
        let expected = Expectation {
            keyed_since: arguments.keyed_since,
            ..Expectation::default()
        };
        let report = log.verify(&seal_key(config)?, &expected, now).await?;
        if !report.whole {
            output.warn("nothing was purged, since the log is not whole; see --help");
            output.refuse(&Verified(report))?;
            return Ok(Verdict::Refused);
        }
    }
    let order = PurgeOrder {
        before: arguments.before,
        operator: environment::operator(),
        reason: arguments.reason,
        now,
    };
    let purged = log.purge(&order).await?;
    // At once, so that what is gone is accounted for.
    let sealed = seal::all(log, config).await?;
    output.show(&Done::of(&purged, sealed))?;
    Ok(Verdict::Good)
}

#[derive(Serialize)]
struct Done {
    batches: u64,
    events: u64,
    through: Option<i64>,
    #[serde(flatten)]
    sealed: Sealed,
}

impl Done {
    fn of(purged: &Purged, sealed: Sealed) -> Self {
        Self {
            batches: purged.batches,
            events: purged.events,
            through: purged.through,
            sealed,
        }
    }
}

impl Report for Done {
    fn page(&self) -> Page {
        let mut page = Page::default();
        match self.through {
            Some(through) => page.line(format!(
                "Events removed: {}, through batch {through}. The seals are kept, and the purge is \
                 recorded.",
                self.events
            )),
            None => page.line("No batch is old enough: nothing was removed."),
        };
        page.blank().nested(self.sealed.page());
        page
    }
}
