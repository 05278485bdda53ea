//! What an evaluation asks its caller to fetch, and what the caller brings.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;
use url::Url;

use super::crl::Crl;
use super::evaluate::TrustedPath;
use super::ocsp::{self, OcspAnswer, OcspError};
use super::path::Effort;
use super::revocation;
use crate::certificate::Certificate;
use crate::limits;

/// Something that may make a certificate trusted. Whoever fetches it guards host, port, size and
/// time (C08, decisions 2 and 34), adds what it got to the evidence, the need's
/// [marks](TrustNeed::marks) to [`Evidence::tried`](super::Evidence::tried), and evaluates again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustNeed {
    /// The issuer's certificate, in DER or as PKCS #7 (C07).
    Issuer {
        /// Where it may be.
        url: String,
    },
    /// A CRL.
    Crl(CrlNeed),
    /// A responder's answer.
    Ocsp(OcspNeed),
}

impl TrustNeed {
    /// What counts as tried once the need was looked after, with success or without: addresses, but
    /// for OCSP, where one address serves many certificates, an address together with a certificate.
    #[must_use]
    pub fn marks(&self) -> Vec<String> {
        match self {
            Self::Issuer { url } => vec![url.clone()],
            Self::Crl(need) => need.urls.clone(),
            Self::Ocsp(need) => {
                let mark = |url: &String| ocsp_mark(&need.certificate, &need.issuer, url);
                need.urls.iter().map(mark).collect()
            }
        }
    }
}

/// Who answers for an address, by key fingerprints: whatever stands in a certificate, the CA directly
/// below the anchor on its path let it be issued. Whoever fetches gives each its share of what all
/// use, so that one that turned malicious uses up no more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Authority {
    /// The anchor's key. An anchor can make as many CAs as it likes, so that it has a share as well.
    pub anchor: [u8; 32],
    /// The key of the CA directly below it, or its own, if it issued the certificate itself.
    pub ca: [u8; 32],
}

/// A CRL that would tell whether a certificate on a path whose signatures hold is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlNeed {
    certificate: Certificate,
    issuer: Certificate,
    authority: Authority,
    urls: Vec<String>,
}

impl CrlNeed {
    pub(super) fn new(
        certificate: &Certificate,
        issuer: &Certificate,
        authority: Authority,
        urls: Vec<String>,
    ) -> Self {
        Self {
            certificate: certificate.clone(),
            issuer: issuer.clone(),
            authority,
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

    /// Who answers for the addresses.
    #[must_use]
    pub fn authority(&self) -> Authority {
        self.authority
    }

    /// Whether a list settles the matter at `at`, so that no other address need be tried: signed by
    /// the issuer's key on the path, in force, and about this certificate. A list that does not may
    /// still count: signed by another key of the same CA, say.
    #[must_use]
    pub fn is_answered_by(&self, crl: &Crl, at: OffsetDateTime) -> bool {
        revocation::settles(crl, &self.certificate, &self.issuer, at)
    }
}

/// A question to a responder about a certificate on a path whose signatures hold and of which no list
/// speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspNeed {
    certificate: Certificate,
    issuer: Certificate,
    authority: Authority,
    urls: Vec<String>,
    request: Vec<u8>,
}

impl OcspNeed {
    /// The need for a certificate, unless every responder that it names was asked already.
    pub(super) fn new(
        certificate: &Certificate,
        issuer: &Certificate,
        authority: Authority,
        tried: &BTreeSet<String>,
    ) -> Option<Self> {
        let named = certificate.ocsp_responders().iter();
        let urls: Vec<_> = named
            .filter(|url| is_http(url))
            .take(limits::OCSP_ADDRESSES)
            .filter(|url| !tried.contains(&ocsp_mark(certificate, issuer, url)))
            .cloned()
            .collect();
        if urls.is_empty() {
            return None;
        }
        Some(Self {
            certificate: certificate.clone(),
            issuer: issuer.clone(),
            authority,
            urls,
            request: ocsp::request(certificate, issuer.key().ok()?)?,
        })
    }

    /// The responders in the order of the certificate; none was asked. To be asked in turn, until one
    /// answers the need.
    #[must_use]
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// The OCSPRequest in DER: the body of a POST as `application/ocsp-request`, or in base64 the end
    /// of a GET's path (RFC 6960 appendix A.1). The same for the same certificate, so that answers
    /// can be kept by it.
    #[must_use]
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Decodes and verifies what a responder sent.
    ///
    /// # Errors
    /// As [`OcspAnswer::read`].
    pub fn read(&self, body: &[u8], at: OffsetDateTime) -> Result<OcspAnswer, OcspError> {
        OcspAnswer::read(body, &self.certificate, &self.issuer, at)
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

    /// Who answers for the addresses.
    #[must_use]
    pub fn authority(&self) -> Authority {
        self.authority
    }

    /// Whether an answer is about what was asked.
    #[must_use]
    pub fn is_about(&self, answer: &OcspAnswer) -> bool {
        answer.is_about(&self.certificate, &self.issuer)
    }

    /// Whether an answer settles the matter at `at`, so that no other responder need be asked.
    #[must_use]
    pub fn is_answered_by(&self, answer: &OcspAnswer, at: OffsetDateTime) -> bool {
        self.is_about(answer) && (answer.revokes() || answer.shows_good(at))
    }
}

/// What counts as tried: a responder may serve all certificates of a CA, and there may be two of one
/// name.
fn ocsp_mark(certificate: &Certificate, issuer: &Certificate, url: &str) -> String {
    let certificate = hex::encode(certificate.fingerprint());
    let issuer = hex::encode(issuer.spki_hash());
    format!("ocsp {certificate} {issuer} {url}")
}

/// What came of fetching.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Certificates found at issuer addresses.
    pub certificates: Vec<Certificate>,
    /// CRLs found at distribution points.
    pub crls: Vec<Arc<Crl>>,
    /// Answers of responders.
    pub ocsp: Vec<OcspAnswer>,
}

/// Fetches what path building and revocation ask for.
#[async_trait]
pub trait TrustFetcher: Send + Sync {
    /// What could be had within `time_left`, which the caller counts over all calls for one statement
    /// ([`limits::FETCH_TIME`]). What could not be had is simply missing: the core then decides what
    /// that means.
    async fn fetch(&self, needs: &[TrustNeed], now: OffsetDateTime, time_left: Duration)
    -> Fetched;

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
    async fn fetch(
        &self,
        _needs: &[TrustNeed],
        _now: OffsetDateTime,
        _time_left: Duration,
    ) -> Fetched {
        Fetched::default()
    }
}

/// Whether a URL can be fetched at all: http or https, with a host, without a password, and without
/// characters that the parser would take off or turn round.
pub(super) fn is_http(url: &str) -> bool {
    let is_odd = |one: char| one.is_control() || one.is_whitespace() || one == '\\';
    if url.contains(is_odd) {
        return false;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_with_a_character_that_parsers_drop_is_not_fetched() {
        assert!(is_http("http://ca.example/list.crl"));
        for url in [
            "http://ca.example/a\nb.crl",
            " http://ca.example/list.crl",
            "http://ca.example\\list.crl",
            "http://ca.\texample/list.crl",
            "http://ca.example/\u{85}",
            "ftp://ca.example/list.crl",
            "http://user@ca.example/list.crl",
        ] {
            assert!(!is_http(url), "{url:?}");
        }
    }
}
