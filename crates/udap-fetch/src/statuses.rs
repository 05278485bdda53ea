//! Certifiers, asked whether a certification still holds (F15, decisions 2).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use udap::certification::{StatusFetcher, StatusQuery};

use crate::error::FetchError;
use crate::fetcher::Fetcher;
use crate::limits;
use crate::request::{Bounds, Request};
use crate::target::shown;

/// The status of an answer that says something (UDAP Certifications §8).
const OK: u16 = 200;

/// Asks certifiers, over https, at public hosts, and keeps nothing: an answer that was true a minute
/// ago may not be now. Cheap to clone; clones share the bound on what is under way.
#[derive(Clone, Debug)]
pub struct Statuses {
    fetcher: Fetcher,
    places: Arc<Semaphore>,
}

impl Statuses {
    /// By this client.
    #[must_use]
    pub fn new(fetcher: Fetcher) -> Self {
        Self {
            fetcher,
            places: Arc::new(Semaphore::new(limits::STATUSES_IN_FLIGHT)),
        }
    }

    async fn ask(self, query: StatusQuery, deadline: Instant) -> Option<Vec<u8>> {
        let error = match self.get(&query, deadline).await {
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

    async fn get(&self, query: &StatusQuery, deadline: Instant) -> Result<Vec<u8>, FetchError> {
        let _place = match timeout_at(deadline, self.places.acquire()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) | Err(_) => return Err(FetchError::Busy),
        };
        let bounds = Bounds {
            bytes: udap::limits::CERTIFICATION_STATUS_BYTES,
            time: deadline.saturating_duration_since(Instant::now()),
        };
        let request = Request::guarded(query.url(), bounds)
            .https_only()
            .accept("application/json");
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
    async fn fetch(&self, queries: &[StatusQuery], time_left: Duration) -> Vec<Option<Vec<u8>>> {
        let deadline = Instant::now() + time_left.min(limits::STATUS_TIME);
        let mut tasks = JoinSet::new();
        for (position, query) in queries.iter().enumerate() {
            let (asker, query) = (self.clone(), query.clone());
            tasks.spawn(async move { (position, asker.ask(query, deadline).await) });
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
