//! `udap ca show`.

use clap::Args;
use serde::Serialize;
use udap_ca::Error;

use super::folder::Folder;
use super::list::Line;
use super::target::serial;
use crate::commands::inspect::members;
use crate::environment;
use crate::output::{Output, Page, Report};

/// Which certificate.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: Folder,

    /// The certificate's serial number in hexadecimal, or a file that holds the certificate
    #[arg(value_name = "SERIAL|FILE")]
    certificate: String,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    line: Line,
    #[serde(skip)]
    fingerprint: String,
    #[serde(skip)]
    claims: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Report for Shown {
    fn page(&self) -> Page {
        let mut page = Page::default();
        self.line.write(&mut page);
        page.field("SHA-256", &self.fingerprint);
        if let Some(claims) = &self.claims {
            let mut inner = Page::default();
            members(claims, &mut inner);
            page.blank().line("metadata that was judged").nested(inner);
        }
        page
    }
}

/// Shows it.
pub(super) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<()> {
    let serial = serial(&arguments.certificate)?;
    let found = arguments.folder.index()?.find(&serial)?;
    let entry = found.ok_or(Error::UnknownSerial { serial })?;
    output.show(&Shown {
        fingerprint: entry.fingerprint.clone(),
        claims: entry.metadata.as_ref().map(|one| one.claims.clone()),
        line: Line::new(entry, environment::now()),
    })
}
