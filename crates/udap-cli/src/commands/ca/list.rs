//! `udap ca list`.

use clap::{Args, ValueEnum};
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use udap_ca::{CertificateStatus, Entry, Filter, SanUri};

use super::folder::Folder;
use super::{period, value};
use crate::environment;
use crate::output::{Output, Page, Report, moment};

/// What to list.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: Folder,

    /// Only those that stand there
    #[arg(long, value_enum)]
    status: Option<Status>,

    /// Only valid ones that end within this time: 30d, 12h, 2w
    #[arg(long, value_name = "TIME", value_parser = period)]
    expiring_within: Option<Duration>,

    /// Only those that name this URI, however its case, slash or port are written
    #[arg(long, value_name = "URI", value_parser = value::<SanUri>)]
    uri: Option<SanUri>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Status {
    Valid,
    Expired,
    Revoked,
}

impl From<Status> for CertificateStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Valid => Self::Valid,
            Status::Expired => Self::Expired,
            Status::Revoked => Self::Revoked,
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listing {
    certificates: Vec<Line>,
}

/// A certificate of the index.
#[derive(Serialize)]
pub(super) struct Line {
    status: CertificateStatus,
    #[serde(flatten)]
    entry: Entry,
    #[serde(skip)]
    now: OffsetDateTime,
}

impl Line {
    pub(super) fn new(entry: Entry, now: OffsetDateTime) -> Self {
        Self {
            status: entry.status(now),
            entry,
            now,
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        let Self { status, entry, now } = self;
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
        let earlier = entry.follows.iter();
        page.list("follows", earlier.map(|one| one.serial.to_string()));
        if let Some(metadata) = &entry.metadata {
            let links = match metadata.links_visited {
                true => ", and its links were live",
                false => "",
            };
            let at = moment(metadata.checked_at, *now);
            page.field(
                "metadata",
                format!("kept the rules of {} on {at}{links}", metadata.rules),
            );
        }
    }
}

impl Report for Listing {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for line in &self.certificates {
            page.blank();
            line.write(&mut page);
        }
        page
    }
}

/// Lists them.
pub(super) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<()> {
    let now = environment::now();
    let filter = Filter {
        status: arguments.status.map(CertificateStatus::from),
        expiring_within: arguments.expiring_within,
        uri: arguments.uri.clone(),
        without_succeeded: false,
    };
    let entries = arguments.folder.index()?.list(&filter, now)?;
    output.show(&Listing {
        certificates: entries
            .into_iter()
            .map(|entry| Line::new(entry, now))
            .collect(),
    })
}
