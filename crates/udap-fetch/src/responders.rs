//! OCSP responders: asked once for all who wait, their answers kept while they are in force
//! (RFC 6960; decisions 21–23).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use udap::trust::{OcspAnswer, OcspNeed};

use crate::error::FetchError;
use crate::fetcher::Fetcher;
use crate::limits;
use crate::places::Places;
use crate::request::{Answer, Bounds, Request};
use crate::target::shown;

/// What answers are kept under: the certificate, and its issuer's key.
type Key = ([u8; 32], [u8; 32]);

/// The OCSP answers of one process. Cheap to clone; clones are one.
#[derive(Clone)]
pub struct Responders(Arc<Inner>);

struct Inner {
    fetcher: Fetcher,
    /// How old an answer may be before it is asked for again, though it is in force still.
    refresh: time::Duration,
    kept: Cache<Key, Arc<Mutex<Kept>>>,
    places: Places,
}

#[derive(Default)]
struct Kept {
    answer: Option<(OcspAnswer, OffsetDateTime)>,
    failed_at: Option<Instant>,
}

impl Responders {
    /// `refresh`: how often a responder is asked again about one certificate.
    #[must_use]
    pub fn new(fetcher: Fetcher, refresh: Duration) -> Self {
        Self(Arc::new(Inner {
            fetcher,
            refresh: time::Duration::try_from(refresh).unwrap_or(time::Duration::HOUR),
            kept: Cache::new(limits::OCSP_ANSWERS),
            places: Places::new(limits::OCSP_IN_FLIGHT, limits::OCSP_PER_HOST),
        }))
    }

    /// An answer to a need, by `deadline`: the one that is kept, or that of the first responder that
    /// gives one. Whoever asks about the same certificate meanwhile waits for it too.
    pub async fn ask(
        &self,
        need: &OcspNeed,
        now: OffsetDateTime,
        deadline: Instant,
    ) -> Option<OcspAnswer> {
        let issuer = *need.issuer().key().ok()?.fingerprint();
        let key = (*need.certificate().fingerprint(), issuer);
        let slot = self.0.kept.get(&key).unwrap_or_else(|| {
            let slot = Arc::default();
            self.0.kept.insert(key, Arc::clone(&slot));
            slot
        });
        let mut kept = timeout_at(deadline, slot.lock()).await.ok()?;
        let usable = kept
            .answer
            .clone()
            .filter(|(answer, _)| need.is_answered_by(answer, now));
        if let Some((answer, asked_at)) = &usable
            && (answer.revokes() || now - *asked_at < self.0.refresh)
        {
            return Some(answer.clone());
        }
        let failed_lately = kept
            .failed_at
            .is_some_and(|failed| failed.elapsed() < limits::CRL_FAILURE_MEMORY);
        if !failed_lately {
            let fresh = timeout_at(deadline, self.0.fetch(need, now)).await;
            if let Ok(Some(answer)) = fresh {
                kept.answer = Some((answer.clone(), now));
                kept.failed_at = None;
                return Some(answer);
            }
            kept.failed_at = Some(Instant::now());
        }
        usable.map(|(answer, _)| answer)
    }
}

impl Inner {
    async fn fetch(&self, need: &OcspNeed, now: OffsetDateTime) -> Option<OcspAnswer> {
        for url in need.urls() {
            let answered = self.post(need, url).await;
            let error = match answered {
                Ok(answer) => match need.read(&answer.body, now) {
                    Ok(answer) if need.is_answered_by(&answer, now) => return Some(answer),
                    Ok(_) => "settles nothing".to_owned(),
                    Err(error) => error.to_string(),
                },
                Err(error) => error.kind().to_owned(),
            };
            tracing::warn!(url = %shown(url), error, "the OCSP responder gave no answer");
        }
        None
    }

    /// Waiting for a place and the answer together take no longer than [`limits::OCSP_TIME`].
    async fn post(&self, need: &OcspNeed, url: &str) -> Result<Answer, FetchError> {
        let deadline = Instant::now() + limits::OCSP_TIME;
        let place = self.places.take(need.authority(), url);
        let _place = timeout_at(deadline, place)
            .await
            .map_err(|_| FetchError::Busy)?;
        let bounds = Bounds {
            bytes: udap::limits::OCSP_BYTES,
            time: deadline.saturating_duration_since(Instant::now()),
        };
        let request = Request::guarded(url, bounds)
            .on_behalf_of(need.authority())
            .accept("application/ocsp-response");
        self.fetcher
            .post(&request, "application/ocsp-request", need.request())
            .await
    }
}

impl fmt::Debug for Responders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Responders")
            .field("refresh", &self.0.refresh)
            .finish_non_exhaustive()
    }
}
