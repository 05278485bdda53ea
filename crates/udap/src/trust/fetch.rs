//! What an evaluation asks its caller to fetch, and what the caller brings.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use time::OffsetDateTime;
use url::Url;

use super::crl::Crl;
use super::evaluate::TrustedPath;
use super::path::Effort;
use super::revocation;
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
    /// A CRL.
    Crl(CrlNeed),
}

impl TrustNeed {
    /// Every address that counts as tried once the need was looked after.
    #[must_use]
    pub fn urls(&self) -> &[String] {
        match self {
            Self::Issuer { url } => std::slice::from_ref(url),
            Self::Crl(need) => &need.urls,
        }
    }
}

/// A CRL that would tell whether a certificate on a path whose signatures hold is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlNeed {
    certificate: Certificate,
    issuer: Certificate,
    urls: Vec<String>,
}

impl CrlNeed {
    pub(super) fn new(certificate: &Certificate, issuer: &Certificate, urls: Vec<String>) -> Self {
        Self {
            certificate: certificate.clone(),
            issuer: issuer.clone(),
            urls,
        }
    }

    /// Its distribution points in the order of the certificate; none was tried. To be tried in
    /// turn, until one answers the need (decisions 22).
    #[must_use]
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// The certificate whose status is asked for.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its issuer on the path.
    #[must_use]
    pub fn issuer(&self) -> &Certificate {
        &self.issuer
    }

    /// Whether a list settles the matter at `at`, so that no other address need be tried: signed by
    /// the issuer's key on the path, in force, and about this certificate. A list that does not may
    /// still count: signed by another key of the same CA, say.
    #[must_use]
    pub fn is_answered_by(&self, crl: &Crl, at: OffsetDateTime) -> bool {
        revocation::settles(crl, &self.certificate, &self.issuer, at)
    }
}

/// What came of fetching.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Certificates found at issuer addresses.
    pub certificates: Vec<Certificate>,
    /// CRLs found at distribution points.
    pub crls: Vec<Arc<Crl>>,
}

/// Fetches what path building and revocation ask for.
#[async_trait]
pub trait TrustFetcher: Send + Sync {
    /// What could be had. What could not be had is simply missing: the core then decides what that
    /// means. It keeps its own bounds on time.
    async fn fetch(&self, needs: &[TrustNeed], now: OffsetDateTime) -> Fetched;

    /// That a path was found trusted: hosts that its certificates name are no strangers from now on
    /// (decisions 2).
    fn trusted(&self, path: &TrustedPath) {
        let _ = path;
    }
}

/// Fetches nothing: trust is built from configured material and `x5c` alone, and a revocation
/// status that only the network knows is unknown.
#[derive(Clone, Copy, Debug)]
pub struct NoFetching;

#[async_trait]
impl TrustFetcher for NoFetching {
    async fn fetch(&self, _needs: &[TrustNeed], _now: OffsetDateTime) -> Fetched {
        Fetched::default()
    }
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
