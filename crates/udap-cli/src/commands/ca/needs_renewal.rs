//! `udap ca needs-renewal`: for cron and scripts, as step has it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use udap_ca::{CaDirectory, Filter, Index};

use super::period;
use super::target::serial;
use crate::commands::{Undecided, Verdict, WrongUsage};
use crate::output::{Output, Page, Report, moment};
use crate::{environment, material};

/// What to look at.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Serial numbers in hexadecimal, or files; without any: every certificate in the authority's
    /// folder that is valid and was not renewed
    #[arg(value_name = "SERIAL|FILE")]
    certificates: Vec<String>,

    /// The authority's folder; not needed for files
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// How long before its end a certificate needs renewal: 30d, 12h, 2w
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = period)]
    within: Duration,
}

#[derive(Serialize)]
struct Ending {
    certificate: String,
    holder: String,
    names: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    #[serde(skip)]
    now: OffsetDateTime,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Found {
    certificates: Vec<Ending>,
}

impl Report for Found {
    fn page(&self) -> Page {
        let mut page = Page::default();
        if self.certificates.is_empty() {
            page.line("none needs renewal");
        }
        for one in &self.certificates {
            page.blank();
            page.field("needs renewal", &one.certificate);
            page.field("holder", &one.holder);
            page.list("names", &one.names);
            page.field("ends", moment(one.not_after, one.now));
        }
        page
    }
}

/// Tells which need renewal: good if any does. What cannot be told is no answer at all.
pub(super) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<Verdict> {
    let now = environment::now();
    if arguments.certificates.is_empty() && arguments.dir.is_none() {
        let usage =
            "needs-renewal wants serial numbers or files, or the authority's folder (--dir)";
        return Err(WrongUsage(usage.to_owned()).into());
    }
    let certificates = find(arguments, now).map_err(Undecided)?;
    let verdict = if certificates.is_empty() {
        Verdict::Refused
    } else {
        Verdict::Good
    };
    output.show(&Found { certificates })?;
    Ok(verdict)
}

fn find(arguments: &Arguments, now: OffsetDateTime) -> anyhow::Result<Vec<Ending>> {
    let index = arguments
        .dir
        .as_deref()
        .map(CaDirectory::read_index)
        .transpose()?;
    if let (true, Some(index)) = (arguments.certificates.is_empty(), &index) {
        return all_of(index, arguments.within, now);
    }
    let latest = now.saturating_add(arguments.within);
    let mut found = Vec::new();
    for certificate in &arguments.certificates {
        let one = look(certificate, index.as_ref(), now)?;
        if one.not_after <= latest {
            found.push(one);
        }
    }
    Ok(found)
}

fn all_of(index: &Index, within: Duration, now: OffsetDateTime) -> anyhow::Result<Vec<Ending>> {
    let filter = Filter {
        expiring_within: Some(within),
        without_succeeded: true,
        ..Filter::default()
    };
    let entries = index.list(&filter, now)?;
    Ok(entries.into_iter().map(|entry| of(entry, now)).collect())
}

fn of(entry: udap_ca::Entry, now: OffsetDateTime) -> Ending {
    Ending {
        certificate: entry.serial.to_string(),
        holder: match entry.organization {
            Some(organization) => format!("{} ({organization})", entry.common_name),
            None => entry.common_name,
        },
        names: entry.names,
        not_after: entry.not_after,
        now,
    }
}

fn look(text: &str, index: Option<&Index>, now: OffsetDateTime) -> anyhow::Result<Ending> {
    let path = Path::new(text);
    if path.is_file() {
        let chain = material::chain(path)?;
        let leaf = chain.first().context("the file holds no certificate")?;
        return Ok(Ending {
            certificate: text.to_owned(),
            holder: leaf.subject_text().to_owned(),
            names: leaf.uri_names().to_vec(),
            not_after: leaf.not_after(),
            now,
        });
    }
    let serial = serial(text)?;
    let index =
        index.context("a serial number is looked up in the authority's folder: --dir DIR")?;
    let entry = index.find(&serial)?;
    let entry = entry.with_context(|| format!("no certificate with serial number {serial}"))?;
    Ok(of(entry, now))
}
