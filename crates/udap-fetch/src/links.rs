//! Whether the links in an app's metadata are live (I07–I14, I24, decisions 19).
//!
//! They are visited once the app is trusted and its metadata clean. What they are is the app's choice
//! all the same: each gets its share of places and of time, and an outcome is remembered for a while.

mod judgement;
mod memory;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;
use udap::registrar::{LinkChecker, LinkFault, LinkReport};
use udap::rules::Link;
use udap::trust::Authority;

use self::judgement::Judgement;
use self::memory::Memory;
use crate::error::FetchError;
use crate::fetcher::Fetcher;
use crate::limits;
use crate::places::Places;
use crate::request::{Answer, Bounds, Request};
use crate::target;

/// Visits links for one process. Clones share what is remembered, and the places.
#[derive(Clone)]
pub struct Links(Arc<Inner>);

struct Inner {
    fetcher: Fetcher,
    memory: Memory,
    places: Places,
}

/// What came of one link.
struct Outcome {
    fault: Option<LinkFault>,
    details: Details,
}

/// For the log only: an app is told no more than the fault (decisions 6).
#[derive(Default)]
struct Details {
    status: Option<u16>,
    content_type: Option<String>,
    /// Where a redirect leads: whatever the other side says.
    location: Option<String>,
    error: Option<&'static str>,
    cause: Option<String>,
    remembered: bool,
}

impl Links {
    /// With nothing remembered.
    #[must_use]
    pub fn new(fetcher: Fetcher) -> Self {
        Self(Arc::new(Inner {
            fetcher,
            memory: Memory::new(),
            places: Places::new(limits::LINKS_IN_FLIGHT, limits::LINKS_PER_HOST),
        }))
    }
}

#[async_trait]
impl LinkChecker for Links {
    async fn check(&self, authority: Authority, links: &[Link]) -> Vec<LinkReport> {
        let deadline = Instant::now() + limits::LINKS_TIME;
        let turns = Arc::new(Semaphore::new(limits::LINKS_AT_A_TIME));
        let mut visits = JoinSet::new();
        for link in links {
            let (inner, turns, link) = (Arc::clone(&self.0), Arc::clone(&turns), link.clone());
            let visit = async move {
                let visited = timeout_at(deadline, async {
                    let _turn = turns.acquire().await.ok();
                    inner.visit(authority, &link, deadline).await
                });
                let outcome = visited.await.unwrap_or_else(|_| Outcome::not_checked());
                outcome.log(&link);
                LinkReport {
                    link,
                    fault: outcome.fault,
                }
            };
            visits.spawn(visit.in_current_span());
        }
        let mut reports = Vec::new();
        // A link without a report counts as not visited.
        while let Some(visited) = visits.join_next().await {
            reports.extend(visited);
        }
        reports
    }
}

impl Inner {
    async fn visit(&self, authority: Authority, link: &Link, deadline: Instant) -> Outcome {
        let judgement = Judgement::of(link.kind);
        let url = match target::parse(&link.url) {
            Ok(url) => String::from(url),
            Err(fault) => return judgement.outcome(&Err(FetchError::BadUrl(fault))),
        };
        let key = (judgement, url);
        if let Some(fault) = self.memory.get(&key) {
            return Outcome::remembered(fault);
        }
        // Before anybody waits for it to be visited: whoever has used up his places cannot keep others
        // waiting for a link that is theirs as well.
        let _place = self.places.take(authority, &key.1).await;
        let slot = match self.memory.get_or_reserve(&key).await {
            Ok(fault) => return Outcome::remembered(fault),
            Err(slot) => slot,
        };
        let bounds = Bounds {
            bytes: limits::LOGO_BYTES,
            time: limits::LINK_TIME.min(deadline.saturating_duration_since(Instant::now())),
        };
        let request = Request::link(&key.1, bounds, authority, judgement.wanted())
            .accept(judgement.accepted());
        let answer = self.fetcher.get(&request).await;
        let outcome = match answer {
            // It was our time that was up, not its own.
            Err(FetchError::Timeout) if bounds.time < limits::LINK_TIME => Outcome::not_checked(),
            answer => judgement.outcome(&answer),
        };
        // What was not visited is not known.
        if outcome.fault != Some(LinkFault::NotChecked) {
            slot.fill(outcome.fault);
        }
        outcome
    }
}

impl Judgement {
    fn outcome(self, answer: &Result<Answer, FetchError>) -> Outcome {
        Outcome {
            fault: self.fault(answer),
            details: Details::of(answer),
        }
    }
}

impl Outcome {
    fn remembered(fault: Option<LinkFault>) -> Self {
        let details = Details {
            remembered: true,
            ..Details::default()
        };
        Self { fault, details }
    }

    fn not_checked() -> Self {
        Self {
            fault: Some(LinkFault::NotChecked),
            details: Details::default(),
        }
    }

    fn log(&self, link: &Link) {
        let (claim, url) = (link.kind.claim(), target::shown(&link.url));
        let Details {
            status,
            content_type,
            location,
            error,
            cause,
            remembered,
        } = &self.details;
        match self.fault {
            // Said when it was visited.
            None if *remembered => {}
            None => tracing::info!(claim, url, status, "a link is live"),
            Some(fault) => tracing::warn!(
                claim,
                url,
                fault = fault.as_str(),
                status,
                content_type,
                location,
                error,
                cause,
                remembered,
                "a link is not live"
            ),
        }
    }
}

impl Details {
    fn of(answer: &Result<Answer, FetchError>) -> Self {
        match answer {
            Ok(answer) => Self {
                status: Some(answer.status),
                content_type: answer.content_type.clone(),
                ..Self::default()
            },
            Err(error) => {
                let (status, location) = match error {
                    FetchError::Redirect { status, location } => (Some(*status), location.clone()),
                    FetchError::Status { status } => (Some(*status), None),
                    _ => (None, None),
                };
                Self {
                    status,
                    location,
                    error: Some(error.kind()),
                    cause: causes(error),
                    ..Self::default()
                }
            }
        }
    }
}

/// The errors behind an error, the last of which says most.
fn causes(error: &FetchError) -> Option<String> {
    let mut texts = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    (!texts.is_empty()).then(|| texts.join(": "))
}

impl fmt::Debug for Links {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Links").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
