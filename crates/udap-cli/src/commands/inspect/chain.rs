//! How the certificates of a file belong together.

use serde::Serialize;
use udap::certificate::Certificate;

use super::certificate::CertificateReport;
use crate::output::Page;

/// More certificates than any path has are a list of anchors, of which nobody asks who signed whom.
const CERTIFICATES: usize = 64;

/// Who signed whom.
#[derive(Serialize)]
pub(super) struct ChainReport {
    /// Whether each is signed by the next, as `x5c` and servers' files have it.
    in_order: bool,
    certificates: Vec<Link>,
}

#[derive(Serialize)]
struct Link {
    subject: String,
    /// Whether it is signed with its own key.
    self_signed: bool,
    /// The positions of those that signed it, counted from 0: more than one if a CA was renewed.
    signed_by: Vec<usize>,
    /// Whether the file holds its issuer by name, though that did not sign it.
    issuer_did_not_sign: bool,
}

impl ChainReport {
    /// What is to be said of more than one certificate, if that many can be a chain.
    pub(super) fn new(certificates: &[&CertificateReport]) -> Option<Self> {
        if !(2..=CERTIFICATES).contains(&certificates.len()) {
            return None;
        }
        let decoded: Vec<Option<&Certificate>> =
            certificates.iter().map(|one| one.decoded()).collect();
        let links: Vec<Link> = certificates
            .iter()
            .zip(&decoded)
            .enumerate()
            .map(|(position, (report, child))| link(position, report, *child, &decoded))
            .collect();
        let above = links.len() - 1;
        let in_order = links
            .iter()
            .take(above)
            .enumerate()
            .all(|(position, link)| link.signed_by.contains(&(position + 1)));
        Some(Self {
            in_order,
            certificates: links,
        })
    }

    pub(super) fn write(&self, page: &mut Page) {
        page.title("chain");
        let mut inner = Page::default();
        for (position, link) in self.certificates.iter().enumerate() {
            inner.field(&number(position), &link.subject);
            let signers: Vec<String> = link.signed_by.iter().map(|&one| number(one)).collect();
            match (link.self_signed, signers.as_slice()) {
                (true, _) => inner.field("", "signed with its own key"),
                (false, []) if link.issuer_did_not_sign => {
                    inner.judged("", false, "NOT signed by its issuer in this file")
                }
                (false, []) => inner.field("", "signed by one that is not in this file"),
                (false, signers) => inner.field("", format!("signed by {}", signers.join(" and "))),
            };
        }
        if self.in_order {
            inner.judged("order", true, "each is signed by the next");
        } else {
            inner.judged(
                "order",
                false,
                "NOT that of a chain: x5c and PEM chains have the leaf first, and then each issuer",
            );
        }
        page.nested(inner);
    }
}

/// As people count.
fn number(position: usize) -> String {
    format!("[{}]", position + 1)
}

fn link(
    position: usize,
    report: &CertificateReport,
    child: Option<&Certificate>,
    all: &[Option<&Certificate>],
) -> Link {
    let is_by = |issuer: &Certificate| {
        child.is_some_and(|child| {
            issuer
                .key()
                .is_ok_and(|key| child.verify_issued_by(key).is_ok())
        })
    };
    let named: Vec<(usize, &Certificate)> = all
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != position)
        .filter_map(|(other, issuer)| Some((other, (*issuer)?)))
        .filter(|(_, issuer)| child.is_some_and(|one| one.issuer_der() == issuer.subject_der()))
        .collect();
    let self_signed = child.is_some_and(|one| one.issuer_der() == one.subject_der() && is_by(one));
    let signed_by: Vec<usize> = named
        .iter()
        .filter(|(_, issuer)| is_by(issuer))
        .map(|(other, _)| *other)
        .collect();
    Link {
        subject: report.subject().to_owned(),
        self_signed,
        issuer_did_not_sign: !self_signed && signed_by.is_empty() && !named.is_empty(),
        signed_by,
    }
}
