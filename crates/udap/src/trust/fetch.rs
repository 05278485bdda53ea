//! What an evaluation asks its caller to fetch.

use std::collections::BTreeSet;

use url::Url;

use super::path::Effort;
use crate::certificate::Certificate;
use crate::limits;

/// Something that may make a certificate trusted. Whoever fetches it guards host, port, size and
/// time (C08, decisions 2 and 34), adds what it got to the evidence, the URL to
/// [`Evidence::tried`](super::Evidence::tried), and evaluates again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustNeed {
    /// The issuer's certificate, in DER or as PKCS #7 (C07).
    Issuer {
        /// Where it may be.
        url: String,
    },
    /// A CRL; one of these addresses will do.
    Crl {
        /// In the order of the certificate; none was tried.
        urls: Vec<String>,
    },
}

/// Whether a URL can be fetched at all: http or https, with a host, without a password.
pub(super) fn is_http(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

/// The issuers to ask for, where no path to an anchor was found: addresses in the leaf and in
/// certificates above it whose signatures hold, at most [`limits::AIA_FETCHES`] a statement.
pub(super) fn issuers(
    leaf: &Certificate,
    candidates: &[Certificate],
    effort: &Effort,
    tried: &BTreeSet<String>,
) -> Vec<TrustNeed> {
    let named = candidates
        .iter()
        .chain(std::iter::once(leaf))
        .flat_map(Certificate::ca_issuers);
    let spent: BTreeSet<_> = named.filter(|url| tried.contains(*url)).collect();
    let mut asked = BTreeSet::new();
    leaf.ca_issuers()
        .iter()
        .chain(effort.issuer_urls())
        .filter(|url| is_http(url) && !tried.contains(*url) && asked.insert(*url))
        .take(limits::AIA_FETCHES.saturating_sub(spent.len()))
        .map(|url| TrustNeed::Issuer { url: url.clone() })
        .collect()
}
