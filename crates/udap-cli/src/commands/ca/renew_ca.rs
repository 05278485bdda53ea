//! `udap ca renew-ca`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use time::OffsetDateTime;
use udap_ca::{Entry, IssuerRole};

use super::folder::SigningFolder;
use crate::environment;
use crate::output::{Output, Page, Report, moment};

/// Which authority.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: SigningFolder,
}

#[derive(Serialize)]
struct Renewed {
    certificate: PathBuf,
    #[serde(flatten)]
    entry: Entry,
    #[serde(skip)]
    now: OffsetDateTime,
}

impl Report for Renewed {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.field("issuing CA", self.certificate.to_string_lossy());
        page.field("valid until", moment(self.entry.not_after, self.now));
        page.field("serial number", self.entry.serial.to_string());
        page.blank();
        page.line("Next: publish it (`udap ca publish`, unless `udap ca serve` does), and give it to those who");
        page.line("have the old one in their files. What was issued stays good.");
        page
    }
}

/// Renews the issuing CA's certificate.
pub(super) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<()> {
    let now = environment::now();
    let mut ca = arguments.folder.open()?;
    let entry = ca.renew_issuing_ca(now, &mut environment::rng())?;
    output.show(&Renewed {
        certificate: ca.certificate_path(IssuerRole::Intermediate),
        entry,
        now,
    })
}
