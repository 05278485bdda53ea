//! What the service needs from outside: time, chance, and the network.

use std::fmt;

use async_trait::async_trait;
use time::OffsetDateTime;
use udap::registrar::{LinkFault, LinkReport};
use udap::rules::Link;

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

/// Visits the links in client metadata.
#[async_trait]
pub trait LinkChecker: Send + Sync {
    /// One report for each link.
    async fn check(&self, links: &[Link]) -> Vec<LinkReport>;
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
