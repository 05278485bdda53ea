//! One server that an operator configured and that is asked all the time: its connections are kept.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Client, StatusCode};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::error::{FetchError, SetupError};
use crate::fetcher::{FetchOptions, builder, failure, roots, talk, with_headers};
use crate::limits;
use crate::request::{Answer, Bounds, Request};
use crate::resolver::{CheckedResolver, Lookups, SystemResolver};
use crate::target::{Ports, Rule, Target};

/// A server that an operator configured: what goes there is guarded as [`Request::configured`] is, but
/// connections are kept and used again. It shares none with anybody else.
///
/// Each request is sent once. Only where a kept connection turns out to be closed before anything was
/// written to it, another one is made.
#[derive(Clone)]
pub struct Upstream(Arc<Inner>);

struct Inner {
    url: Url,
    client: Client,
    slots: Semaphore,
}

impl Upstream {
    /// Sets up what asks this address.
    ///
    /// # Errors
    /// If the address cannot be asked, or a root certificate cannot be read or used.
    pub fn new(options: &FetchOptions, url: &Url) -> Result<Self, SetupError> {
        let bounds = Bounds {
            bytes: 0,
            time: Duration::ZERO,
        };
        let request = Request::configured(url.as_str(), bounds);
        let target = Target::judge(&request, &[], Ports::USUAL)
            .map_err(|error| SetupError::Address(error.into()))?;
        let resolver = CheckedResolver::new(
            Arc::new(SystemResolver),
            Rule::Anywhere,
            Lookups::usual(limits::LOOKUPS_IN_FLIGHT),
        );
        let client = builder(options, &roots(&options.tls_roots)?, resolver)
            .pool_max_idle_per_host(limits::UPSTREAM_IN_FLIGHT)
            .pool_idle_timeout(limits::UPSTREAM_IDLE)
            .build()
            .map_err(|error| SetupError::Client(error.into()))?;
        Ok(Self(Arc::new(Inner {
            url: target.url,
            client,
            slots: Semaphore::new(limits::UPSTREAM_IN_FLIGHT),
        })))
    }

    /// Posts a body of the given media type, and fetches the answer, whatever its status but a redirect.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn post(
        &self,
        content_type: &str,
        accept: &str,
        body: impl Into<Vec<u8>>,
        bounds: Bounds,
    ) -> Result<Answer, FetchError> {
        let request = Request::configured(self.0.url.as_str(), bounds)
            .any_status()
            .accept(accept);
        let deadline = Instant::now() + bounds.time;
        let _slot = self.slot(deadline).await?;
        let builder = self.0.client.post(self.0.url.clone());
        let builder = with_headers(builder, &request)
            .header(CONTENT_TYPE, content_type)
            .body(body.into());
        timeout_at(deadline, talk(builder, &request))
            .await
            .unwrap_or(Err(FetchError::Timeout))
    }

    /// Passes somebody else's request on, with its query in place of the address's own, and gives back
    /// the answer as it arrives. `time` is for all of it. Headers are sent as they are: those of the
    /// connection are the caller's to take off.
    ///
    /// # Errors
    /// See [`FetchError`]. A redirect is an answer here: it is not followed.
    pub async fn pass(
        &self,
        method: Method,
        query: Option<&str>,
        headers: HeaderMap,
        body: impl Into<Vec<u8>>,
        time: Duration,
    ) -> Result<http::Response<Body>, FetchError> {
        let mut url = self.0.url.clone();
        url.set_query(query);
        let deadline = Instant::now() + time;
        let _slot = self.slot(deadline).await?;
        let sent = self.0.client.request(method, url);
        let sent = sent.headers(headers).body(body.into()).timeout(time).send();
        match timeout_at(deadline, sent).await {
            Ok(Ok(answer)) if answer.status() != StatusCode::SWITCHING_PROTOCOLS => {
                Ok(answer.into())
            }
            Ok(Ok(answer)) => Err(FetchError::Status {
                status: answer.status().as_u16(),
            }),
            Ok(Err(error)) => Err(failure(error)),
            Err(_) => Err(FetchError::Timeout),
        }
    }

    async fn slot(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, FetchError> {
        match timeout_at(deadline, self.0.slots.acquire()).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) | Err(_) => Err(FetchError::Busy),
        }
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Upstream")
            .field("url", &self.0.url.as_str())
            .finish_non_exhaustive()
    }
}
