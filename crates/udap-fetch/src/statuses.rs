//! Certifiers, asked whether a certification still holds (F15, decisions 2).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;
use udap::certification::{StatusFetcher, StatusQuery};
use udap::trust::Authority;

use crate::error::FetchError;
use crate::fetcher::Fetcher;
use crate::limits;
use crate::places::Places;
use crate::request::{Bounds, Request, Wanted};
use crate::target::shown;

/// The status of an answer that says something (UDAP Certifications §8).
const OK: u16 = 200;

/// Asks certifiers, over https, at public hosts, and keeps nothing: an answer that was true a minute
/// ago may not be now. Cheap to clone; clones share the bound on what is under way.
#[derive(Clone)]
pub struct Statuses {
    fetcher: Fetcher,
    places: Arc<Places>,
}

impl Statuses {
    /// By this client.
    #[must_use]
    pub fn new(fetcher: Fetcher) -> Self {
        Self {
            fetcher,
            places: Arc::new(Places::new(
                limits::STATUSES_IN_FLIGHT,
                limits::STATUSES_PER_HOST,
            )),
        }
    }

    async fn ask(
        self,
        authority: Authority,
        query: StatusQuery,
        deadline: Instant,
    ) -> Option<Vec<u8>> {
        let error = match self.get(authority, &query, deadline).await {
            Ok(body) => return Some(body),
            Err(error) => error,
        };
        tracing::warn!(
            url = %shown(query.url()),
            error = error.kind(),
            "a certifier could not be asked about its certification"
        );
        None
    }

    async fn get(
        &self,
        authority: Authority,
        query: &StatusQuery,
        deadline: Instant,
    ) -> Result<Vec<u8>, FetchError> {
        let place = self.places.take(authority, query.url());
        let _place = timeout_at(deadline, place)
            .await
            .map_err(|_| FetchError::Busy)?;
        let bounds = Bounds {
            bytes: udap::limits::CERTIFICATION_STATUS_BYTES,
            time: deadline.saturating_duration_since(Instant::now()),
        };
        // As to an app's link, and counted with these: not among what revocation needs.
        let request =
            Request::link(query.url(), bounds, authority, Wanted::All).accept("application/json");
        let answer = self.fetcher.get(&request).await?;
        if answer.status == OK {
            Ok(answer.body)
        } else {
            Err(FetchError::Status {
                status: answer.status,
            })
        }
    }
}

#[async_trait]
impl StatusFetcher for Statuses {
    async fn fetch(
        &self,
        authority: Authority,
        queries: &[StatusQuery],
        time_left: Duration,
    ) -> Vec<Option<Vec<u8>>> {
        let deadline = Instant::now() + time_left.min(limits::STATUS_TIME);
        let mut tasks = JoinSet::new();
        for (position, query) in queries.iter().enumerate() {
            let (asker, query) = (self.clone(), query.clone());
            let asked = async move { (position, asker.ask(authority, query, deadline).await) };
            tasks.spawn(asked.in_current_span());
        }
        let mut answers = vec![None; queries.len()];
        while let Some(done) = tasks.join_next().await {
            if let Ok((position, body)) = done
                && let Some(answer) = answers.get_mut(position)
            {
                *answer = body;
            }
        }
        answers
    }
}

impl fmt::Debug for Statuses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Statuses")
            .field("fetcher", &self.fetcher)
            .finish_non_exhaustive()
    }
}
