//! What the service needs from outside: time, chance, and the network.

use std::fmt;

use async_trait::async_trait;
use time::OffsetDateTime;
use udap::certificate::Certificate;
use udap::registrar::{LinkFault, LinkReport};
use udap::rules::Link;
use udap::trust::{Crl, TrustNeed};

/// The clock and the source of random ids, as parameters.
#[derive(Clone, Copy)]
pub struct Environment {
    /// The time now.
    pub now: fn() -> OffsetDateTime,
    /// A fresh id of at least 128 random bits, in base64url characters, at most 80 of them.
    pub random_id: fn() -> String,
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Environment")
    }
}

/// Fetches what path building and revocation ask for.
#[async_trait]
pub trait TrustFetcher: Send + Sync {
    /// The certificates and CRLs that could be had. What could not be had is simply missing: the
    /// core then decides what that means.
    async fn fetch(&self, needs: &[TrustNeed]) -> (Vec<Certificate>, Vec<Crl>);
}

/// Visits the links in client metadata.
#[async_trait]
pub trait LinkChecker: Send + Sync {
    /// One report for each link.
    async fn check(&self, links: &[Link]) -> Vec<LinkReport>;
}

/// Fetches nothing: trust is built from configured material and `x5c` alone, and a revocation
/// status that only the network knows is unknown.
#[derive(Clone, Copy, Debug)]
pub struct NoFetching;

#[async_trait]
impl TrustFetcher for NoFetching {
    async fn fetch(&self, _needs: &[TrustNeed]) -> (Vec<Certificate>, Vec<Crl>) {
        (Vec::new(), Vec::new())
    }
}

/// Visits nothing, and says so of every link: an app whose links must be live is refused and
/// invited to come back.
#[derive(Clone, Copy, Debug)]
pub struct NoLinkChecks;

#[async_trait]
impl LinkChecker for NoLinkChecks {
    async fn check(&self, links: &[Link]) -> Vec<LinkReport> {
        links
            .iter()
            .map(|link| LinkReport {
                link: link.clone(),
                fault: Some(LinkFault::NotChecked),
            })
            .collect()
    }
}
