//! Whether the links in clean metadata are live (I07–I14, decisions 19).

use async_trait::async_trait;

use crate::error::Violation;
use crate::limits;
use crate::registrar::{Step, certifications, standing};
use crate::rules::{ClientMetadata, Link, LinkKind};
use crate::statement::TrustedStatement;
use crate::trust::Authority;

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
    /// Its host is not on the public internet, or it is not asked for by https on port 443.
    NotPublic,
    /// It was not visited. Never a pass: the app may try again later.
    NotChecked,
}

impl LinkFault {
    /// Every fault.
    pub const ALL: [Self; 5] = [
        Self::Unreachable,
        Self::Redirects,
        Self::WrongKind,
        Self::NotPublic,
        Self::NotChecked,
    ];

    /// A word for metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Redirects => "redirects",
            Self::WrongKind => "wrong_kind",
            Self::NotPublic => "not_public",
            Self::NotChecked => "not_checked",
        }
    }
}

/// The outcome for one link.
#[derive(Clone, Debug)]
pub struct LinkReport {
    /// The link.
    pub link: Link,
    /// What is wrong with it, if anything is.
    pub fault: Option<LinkFault>,
}

impl LinkReport {
    /// What the app is told, if anything is wrong with the link (I07–I14).
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        Some(violation(&self.link, self.fault?))
    }
}

/// Visits the links in client metadata.
#[async_trait]
pub trait LinkChecker: Send + Sync {
    /// One report for each link. `authority` answers for them, and uses no more than its share of
    /// what all use.
    async fn check(&self, authority: Authority, links: &[Link]) -> Vec<LinkReport>;
}

/// Visits nothing, and says so of every link: an app whose links must be live is refused and
/// invited to come back.
#[derive(Clone, Copy, Debug)]
pub struct NoLinkChecks;

#[async_trait]
impl LinkChecker for NoLinkChecks {
    async fn check(&self, _authority: Authority, links: &[Link]) -> Vec<LinkReport> {
        links
            .iter()
            .map(|link| LinkReport {
                link: link.clone(),
                fault: Some(LinkFault::NotChecked),
            })
            .collect()
    }
}

impl NeedLinks {
    pub(super) fn new(statement: TrustedStatement, metadata: ClientMetadata) -> Self {
        let links = metadata.links(statement.community().link_checks);
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

    /// Who answers for the links: the app itself, by its key, where for what stands in a certificate
    /// a CA does; and the anchor that it was trusted by.
    #[must_use]
    pub fn authority(&self) -> Authority {
        self.statement.authority()
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
                Step::RefusedAfterTrust(statement, refusal.retry_after(limits::LINK_RETRY_SECONDS))
            }
            step => step,
        }
    }
}

fn violation(link: &Link, fault: LinkFault) -> Violation {
    let message = match (fault, link.kind) {
        (LinkFault::Unreachable, _) => "could not be reached, or answers with an error",
        (LinkFault::Redirects, _) => "must not redirect",
        (LinkFault::WrongKind, LinkKind::Logo) => {
            "does not answer with a PNG, JPEG or GIF image of at most 2 MiB and its media type"
        }
        (LinkFault::WrongKind, _) => "does not answer with what it should",
        (LinkFault::NotPublic, _) => {
            "must be served by https, on its usual port, on the public internet"
        }
        (LinkFault::NotChecked, _) => "cannot be checked yet: try again later with a new statement",
    };
    let violation = Violation::of(
        rule(link.kind, fault),
        link.kind.claim(),
        code(link.kind, fault),
        message,
    );
    match link.kind {
        LinkKind::Redirect(index) => violation.at(index),
        _ => violation,
    }
}

/// Terms and privacy policy have one rule for everything.
fn rule(kind: LinkKind, fault: LinkFault) -> &'static str {
    match (fault, kind) {
        (_, LinkKind::Terms | LinkKind::Policy) => "I14",
        (LinkFault::Unreachable | LinkFault::NotChecked, _) => "I07",
        (LinkFault::NotPublic, _) => "I08",
        (LinkFault::Redirects, _) => "I13",
        (LinkFault::WrongKind, LinkKind::Logo) => "I10",
        (LinkFault::WrongKind, LinkKind::Client) => "I11",
        (LinkFault::WrongKind, LinkKind::Redirect(_)) => "I12",
    }
}

/// Those of redirect URIs begin so that they alone are `invalid_redirect_uri` (decisions 7).
fn code(kind: LinkKind, fault: LinkFault) -> &'static str {
    match (kind, fault) {
        (LinkKind::Redirect(_), LinkFault::Unreachable) => "redirect_uri_unreachable",
        (LinkKind::Redirect(_), LinkFault::Redirects) => "redirect_uri_redirects",
        (LinkKind::Redirect(_), LinkFault::WrongKind) => "redirect_uri_wrong_kind",
        (LinkKind::Redirect(_), LinkFault::NotPublic) => "redirect_uri_not_public",
        (LinkKind::Redirect(_), LinkFault::NotChecked) => "redirect_uri_not_checked",
        (_, LinkFault::Unreachable) => "link_unreachable",
        (_, LinkFault::Redirects) => "link_redirects",
        (_, LinkFault::WrongKind) => "link_wrong_kind",
        (_, LinkFault::NotPublic) => "link_not_public",
        (_, LinkFault::NotChecked) => "link_not_checked",
    }
}
