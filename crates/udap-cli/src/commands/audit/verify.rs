//! `udap audit verify`

use clap::Args;
use serde::Serialize;
use udap_store::audit::{Expectation, Verification};

use crate::commands::Verdict;
use crate::config::Config;
use crate::environment;
use crate::output::{Output, Page, Report, timestamp};
use crate::serve::{open_audit_log, seal_key};

/// What the operator knows.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A batch that was sealed, as the server's log says: a log that ends before it was cut
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    expect_batch: Option<i64>,
    /// A seal that was made, as the server's log says; with --expect-batch, of that batch
    #[arg(long, value_name = "HEX", value_parser = seal)]
    expect_seal: Option<[u8; 32]>,
    /// The first batch that was sealed with a key, if the key was added later: those before it may
    /// have none
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(i64).range(1..)
    )]
    keyed_since: i64,
}

fn seal(text: &str) -> Result<[u8; 32], String> {
    let mut seal = [0; 32];
    hex::decode_to_slice(text, &mut seal)
        .map_err(|_| "not a seal: 64 hexadecimal digits".to_owned())?;
    Ok(seal)
}

pub(super) async fn run(
    arguments: Arguments,
    config: &Config,
    output: Output,
) -> anyhow::Result<Verdict> {
    let key = seal_key(config)?;
    let log = open_audit_log(config).await?;
    let expected = Expectation {
        batch: arguments.expect_batch,
        seal: arguments.expect_seal,
        keyed_since: arguments.keyed_since,
    };
    let verified = Verified(log.verify(&key, &expected, environment::now()).await?);
    if verified.0.whole {
        output.show(&verified)?;
        return Ok(Verdict::Good);
    }
    output.refuse(&verified)?;
    Ok(Verdict::Refused)
}

#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Verified(pub(super) Verification);

impl Report for Verified {
    fn page(&self) -> Page {
        let report = &self.0;
        let mut page = Page::default();
        page.line(if report.whole {
            "The audit log is whole."
        } else {
            "The audit log is NOT whole:"
        });
        for finding in &report.findings {
            page.line(format!("  - {finding}"));
        }
        if report.more_findings > 0 {
            page.line(format!("  - and {} more", report.more_findings));
        }
        page.blank()
            .field("sealed batches", report.batches.to_string())
            .field("sealed events", report.events.to_string())
            .optional(
                "last batch",
                report.last_batch.map(|batch| batch.to_string()),
            )
            .optional("last seal", report.last_seal.as_ref())
            .optional(
                "purged",
                report.purge.as_ref().map(|purge| {
                    let (through, at) = (purge.through, timestamp(purge.at));
                    format!("through batch {through}, {at}, by {}", purge.operator)
                }),
            )
            .field(
                "not sealed yet",
                match report.unsealed.oldest {
                    Some(oldest) => {
                        let oldest = timestamp(oldest);
                        format!("{} events, the oldest of {oldest}", report.unsealed.events)
                    }
                    None => "nothing".to_owned(),
                },
            );
        if !report.keyed {
            page.blank().line(
                "There is no key (audit_key_file): anybody who can write the database could have \
                 rewritten it all.",
            );
        } else if report.plain_batches > 0 {
            page.blank().line(format!(
                "Batches without a key: {}. Anybody who could write the database before the first \
                 seal with a key could have rewritten them.",
                report.plain_batches
            ));
        }
        page
    }
}
