//! `udap audit export`

use std::io::{BufWriter, ErrorKind, Write};

use clap::{Args, ValueEnum};
use time::OffsetDateTime;
use udap_store::audit::{AuditEvent, AuditFilter};

use super::fhir::Source;
use super::jsonl::Line;
use crate::commands::verify::time;
use crate::commands::{Verdict, WrongUsage};
use crate::config::Config;
use crate::serve::open_audit_log;

/// Events that are held in memory at once.
const PAGE: u32 = 64;

/// Which events, and how.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// JSON Lines with everything that is recorded, or FHIR R4 AuditEvent resources (NDJSON)
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    /// Only events of this time or later
    #[arg(long, value_name = "RFC3339", value_parser = time)]
    since: Option<OffsetDateTime>,
    /// Only events before this time
    #[arg(long, value_name = "RFC3339", value_parser = time)]
    until: Option<OffsetDateTime>,
    /// Only events about this client, by its client_id
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// With the software statements that were accepted, in JSON Lines
    #[arg(long)]
    with_statements: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Jsonl,
    Fhir,
}

pub(super) async fn run(arguments: Arguments, config: &Config) -> anyhow::Result<Verdict> {
    if arguments.with_statements && arguments.format == Format::Fhir {
        let why = "--with-statements goes with --format jsonl only".to_owned();
        return Err(WrongUsage(why).into());
    }
    let log = open_audit_log(config).await?;
    let source = Source::new(&config.public_url);
    let filter = AuditFilter {
        since: arguments.since,
        until: arguments.until,
        client_id: arguments.client,
        without_token_requests: false,
    };
    let mut writer = BufWriter::new(std::io::stdout().lock());
    let mut after = None;
    loop {
        let page = log.events(&filter, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else {
            break;
        };
        after = Some(last.order());
        for event in page {
            let line = match arguments.format {
                Format::Jsonl => jsonl(event, arguments.with_statements)?,
                Format::Fhir => source.resource(&event).to_string(),
            };
            if !write(&mut writer, &line)? {
                return Ok(Verdict::Good);
            }
        }
    }
    finish(writer.flush())?;
    Ok(Verdict::Good)
}

fn jsonl(event: AuditEvent, with_statement: bool) -> anyhow::Result<String> {
    Ok(serde_json::to_string(&Line::of(event, with_statement))?)
}

/// Returns whether anybody still reads.
fn write(writer: &mut impl Write, line: &str) -> anyhow::Result<bool> {
    finish(writeln!(writer, "{line}"))
}

fn finish(written: std::io::Result<()>) -> anyhow::Result<bool> {
    match written {
        Ok(()) => Ok(true),
        // The reader has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}
