//! `udap ca list`.

use clap::Args;
use serde::Serialize;
use time::OffsetDateTime;
use udap_ca::{CertificateStatus, Entry, Filter};

use super::folder::Folder;
use crate::environment;
use crate::output::{Output, Page, Report, moment};

/// What to list.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: Folder,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listing {
    certificates: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    status: CertificateStatus,
    #[serde(flatten)]
    entry: Entry,
    #[serde(skip)]
    now: OffsetDateTime,
}

impl Report for Listing {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for Line { status, entry, now } in &self.certificates {
            page.blank();
            page.field("serial number", entry.serial.to_string());
            page.field(
                "status",
                match (status, entry.revocation) {
                    (CertificateStatus::Revoked, Some(revocation)) => {
                        format!(
                            "revoked {} ({})",
                            moment(revocation.at, *now),
                            revocation.reason
                        )
                    }
                    (CertificateStatus::Expired, _) => "expired".to_owned(),
                    _ => "valid".to_owned(),
                },
            );
            page.field("profile", entry.profile.as_str());
            page.field(
                "holder",
                match &entry.organization {
                    Some(organization) => format!("{} ({organization})", entry.common_name),
                    None => entry.common_name.clone(),
                },
            );
            page.list("names", &entry.names);
            page.field("key", entry.key.to_string());
            page.field("valid until", moment(entry.not_after, *now));
        }
        page
    }
}

/// Lists them.
pub(super) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<()> {
    let now = environment::now();
    let entries = arguments.folder.index()?.list(&Filter::default(), now)?;
    output.show(&Listing {
        certificates: entries
            .into_iter()
            .map(|entry| Line {
                status: entry.status(now),
                entry,
                now,
            })
            .collect(),
    })
}
