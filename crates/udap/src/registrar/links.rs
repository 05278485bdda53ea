//! Whether the links in clean metadata are live (I07–I14, decisions 19).

use crate::error::Violation;
use crate::registrar::{Step, certifications, standing};
use crate::rules::{ClientMetadata, Link, LinkKind};
use crate::statement::TrustedStatement;

/// A registration whose metadata is clean, before its links have been visited.
#[derive(Debug)]
pub struct NeedLinks {
    statement: TrustedStatement,
    metadata: ClientMetadata,
    links: Vec<Link>,
}

/// What came of visiting a link. Says no more than the app needs to know: details go to the log
/// (decisions 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkFault {
    /// No answer, or an error.
    Unreachable,
    /// It leads to another URL.
    Redirects,
    /// It answers with something else than it should, such as no image.
    WrongKind,
    /// Its host is not on the public internet.
    NotPublic,
    /// It was not visited. Never a pass: the app may try again later.
    NotChecked,
}

/// The outcome for one link.
#[derive(Clone, Debug)]
pub struct LinkReport {
    /// The link.
    pub link: Link,
    /// What is wrong with it, if anything is.
    pub fault: Option<LinkFault>,
}

/// Seconds after which links that could not be visited may be tried again.
const RETRY_LINKS_SECONDS: u32 = 300;

impl NeedLinks {
    pub(super) fn new(statement: TrustedStatement, metadata: ClientMetadata) -> Self {
        let links = metadata.links();
        Self {
            statement,
            metadata,
            links,
        }
    }

    /// The links to visit.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Goes on with the reports. A link without a report counts as not visited.
    pub fn supply(self, reports: &[LinkReport]) -> Step {
        let mut retry = false;
        let violations: Vec<Violation> = self
            .links
            .iter()
            .filter_map(|link| {
                let fault = match reports.iter().find(|report| report.link == *link) {
                    Some(report) => report.fault?,
                    None => LinkFault::NotChecked,
                };
                retry |= matches!(fault, LinkFault::NotChecked | LinkFault::Unreachable);
                Some(violation(link, fault))
            })
            .collect();
        if violations.is_empty() {
            return certifications::check(self.statement, self.metadata);
        }
        match standing::refused_for(self.statement, violations) {
            Step::RefusedAfterTrust(statement, refusal) if retry => {
                Step::RefusedAfterTrust(statement, refusal.retry_after(RETRY_LINKS_SECONDS))
            }
            step => step,
        }
    }
}

fn violation(link: &Link, fault: LinkFault) -> Violation {
    let message = match fault {
        LinkFault::Unreachable => "could not be reached, or answers with an error",
        LinkFault::Redirects => "must not redirect to another URL",
        LinkFault::WrongKind => "does not answer with what it should, such as an image",
        LinkFault::NotPublic => "must be on the public internet",
        LinkFault::NotChecked => "cannot be checked yet: try again later with a new statement",
    };
    match link.kind {
        LinkKind::Redirect(index) => Violation::of(
            "I07",
            "redirect_uris",
            match fault {
                LinkFault::Unreachable => "redirect_uri_unreachable",
                LinkFault::Redirects => "redirect_uri_redirects",
                LinkFault::WrongKind => "redirect_uri_wrong_kind",
                LinkFault::NotPublic => "redirect_uri_not_public",
                LinkFault::NotChecked => "redirect_uri_not_checked",
            },
            message,
        )
        .at(index),
        LinkKind::Logo | LinkKind::Client => Violation::of(
            "I07",
            match link.kind {
                LinkKind::Logo => "logo_uri",
                _ => "client_uri",
            },
            match fault {
                LinkFault::Unreachable => "link_unreachable",
                LinkFault::Redirects => "link_redirects",
                LinkFault::WrongKind => "link_wrong_kind",
                LinkFault::NotPublic => "link_not_public",
                LinkFault::NotChecked => "link_not_checked",
            },
            message,
        ),
    }
}
