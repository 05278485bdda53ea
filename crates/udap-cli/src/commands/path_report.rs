//! How a path to a trust anchor, or the lack of one, is shown.

use serde::Serialize;
use time::OffsetDateTime;
use udap::certificate::Certificate;
use udap::trust::{Distrust, PathNote, TrustedPath};

use crate::output::{Page, moment};

/// One certificate of a path.
#[derive(Debug, Serialize)]
pub(super) struct Link {
    subject: String,
    serial: String,
    fingerprint: String,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
}

impl Link {
    fn new(certificate: &Certificate) -> Self {
        Self {
            subject: certificate.subject_text().to_owned(),
            serial: certificate.serial_hex(),
            fingerprint: hex::encode(certificate.fingerprint()),
            not_after: certificate.not_after(),
        }
    }
}

/// A path that is trusted, the leaf first.
#[derive(Debug, Serialize)]
pub(super) struct Path {
    path: Vec<Link>,
    notes: Vec<String>,
}

impl Path {
    pub(super) fn new(trusted: &TrustedPath) -> Self {
        let path = std::iter::once(trusted.leaf())
            .chain(trusted.intermediates())
            .chain(std::iter::once(trusted.anchor().certificate()))
            .map(Link::new)
            .collect();
        Self {
            path,
            notes: trusted.notes().iter().filter_map(note).collect(),
        }
    }

    pub(super) fn write(&self, page: &mut Page, now: OffsetDateTime) {
        let last = self.path.len().saturating_sub(1);
        for (position, link) in self.path.iter().enumerate() {
            let place = match position {
                0 => "leaf",
                position if position == last => "anchor",
                _ => "issuer",
            };
            page.field(place, &link.subject);
            page.field("", format!("until {}", moment(link.not_after, now)));
        }
        page.list("note", &self.notes);
    }
}

fn note(note: &PathNote) -> Option<String> {
    match note {
        PathNote::NoRevocationAddress(place) => Some(format!(
            "{place} names no revocation list and none of its issuer is given: accepted"
        )),
        PathNote::RevocationUnknown(place) => Some(format!(
            "nothing says whether {place} is revoked: accepted, since revocation is not required"
        )),
        _ => None,
    }
}

/// Why something is refused.
#[derive(Debug, Serialize)]
pub(super) struct Reason {
    pub(super) code: String,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<&'static str>,
}

impl Reason {
    pub(super) fn write(&self, page: &mut Page) {
        page.field("reason", &self.message);
        page.optional("advice", self.advice);
    }
}

impl From<Distrust> for Reason {
    fn from(distrust: Distrust) -> Self {
        Self {
            code: distrust.code().to_owned(),
            message: distrust.to_string(),
            advice: match distrust {
                Distrust::RevocationUnknown(_) => Some(
                    "give the issuers' current revocation lists with --crl, or verify with --fetch; \
                     lists that are not on the public internet are fetched from --allow-host only",
                ),
                Distrust::UnknownIssuer => Some(
                    "give the right --anchors, and the certificates between with --intermediates",
                ),
                _ => None,
            },
        }
    }
}
