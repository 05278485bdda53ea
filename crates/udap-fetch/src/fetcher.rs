//! The client itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{
    ACCEPT, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Method, RequestBuilder, Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::allow_host::AllowHost;
use crate::error::{FetchError, NotPublic, SetupError, within};
use crate::limits;
use crate::request::{Answer, Purpose, Request, Wanted};
use crate::resolver::{CheckedResolver, Lookups, NoTurn, Resolver, SystemResolver, on_behalf_of};
use crate::target::{Ports, Rule, Target};

/// How a [`Fetcher`] is set up.
#[derive(Clone, Debug)]
pub struct FetchOptions {
    /// Hosts that need not be public (decisions 34).
    pub allow_hosts: Vec<AllowHost>,
    /// Root certificates for TLS besides the system's: each entry PEM, with one or more, or DER.
    pub tls_roots: Vec<Vec<u8>>,
    /// What it calls itself.
    pub user_agent: String,
    /// Until a connection stands.
    pub connect_timeout: Duration,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            allow_hosts: Vec::new(),
            tls_roots: Vec::new(),
            user_agent: concat!("udap/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: limits::CONNECT_TIMEOUT,
        }
    }
}

/// The guarded HTTP client. Cheap to clone; clones share the bounds on what is under way.
#[derive(Clone)]
pub struct Fetcher(Arc<Inner>);

struct Inner {
    allow_hosts: Vec<AllowHost>,
    ports: Ports,
    /// For hosts whose addresses must be public…
    public: Client,
    /// …for those that nobody vouches for, whose addresses must be public as well…
    strangers: Client,
    /// …for those that apps' links name, likewise…
    links: Client,
    /// …and for the others. They share nothing, so no connection of the one serves the other.
    anywhere: Client,
    guarded_slots: Semaphore,
    stranger_slots: Semaphore,
    link_slots: Semaphore,
    configured_slots: Semaphore,
}

impl Fetcher {
    /// Sets the client up with the system's resolver.
    ///
    /// # Errors
    /// If a root certificate cannot be read or used.
    pub fn new(options: &FetchOptions) -> Result<Self, SetupError> {
        Self::with_resolver(options, Arc::new(SystemResolver))
    }

    /// Sets the client up with another resolver. What it answers is checked all the same.
    ///
    /// # Errors
    /// As [`Fetcher::new`].
    pub fn with_resolver(
        options: &FetchOptions,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, SetupError> {
        Self::build(options, resolver, Ports::USUAL)
    }

    pub(crate) fn build(
        options: &FetchOptions,
        resolver: Arc<dyn Resolver>,
        ports: Ports,
    ) -> Result<Self, SetupError> {
        let roots = roots(&options.tls_roots)?;
        let client = |rule, lookups| {
            let resolver = CheckedResolver::new(Arc::clone(&resolver), rule, lookups);
            builder(options, &roots, resolver)
                // Every request has a connection of its own, made after its own checks.
                .pool_max_idle_per_host(0)
                .build()
                .map_err(|error| SetupError::Client(error.into()))
        };
        Ok(Self(Arc::new(Inner {
            allow_hosts: options.allow_hosts.clone(),
            ports,
            public: client(Rule::Public, Lookups::usual(limits::LOOKUPS_IN_FLIGHT))?,
            strangers: client(Rule::Public, Lookups::usual(limits::STRANGERS_LOOKUPS))?,
            links: client(Rule::Public, Lookups::LINKS)?,
            anywhere: client(Rule::Anywhere, Lookups::usual(limits::LOOKUPS_IN_FLIGHT))?,
            guarded_slots: Semaphore::new(limits::GUARDED_IN_FLIGHT),
            stranger_slots: Semaphore::new(limits::STRANGERS_IN_FLIGHT),
            link_slots: Semaphore::new(limits::LINKS_IN_FLIGHT),
            configured_slots: Semaphore::new(limits::CONFIGURED_IN_FLIGHT),
        })))
    }

    /// Whether an operator allowed a URL's host and port (`allow_hosts`).
    #[must_use]
    pub fn allows(&self, url: &Url) -> bool {
        match (url.host(), url.port_or_known_default()) {
            (Some(host), Some(port)) => {
                (self.0.allow_hosts.iter()).any(|entry| entry.admits(&host, port))
            }
            _ => false,
        }
    }

    /// Fetches what is at an address.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn get(&self, request: &Request) -> Result<Answer, FetchError> {
        self.exchange(request, Method::GET, |builder| builder).await
    }

    /// Posts a body of the given media type, and fetches the answer.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn post(
        &self,
        request: &Request,
        content_type: &str,
        body: impl Into<Vec<u8>>,
    ) -> Result<Answer, FetchError> {
        let body = body.into();
        self.exchange(request, Method::POST, |builder| {
            builder.header(CONTENT_TYPE, content_type).body(body)
        })
        .await
    }

    async fn exchange(
        &self,
        request: &Request,
        method: Method,
        complete: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, FetchError> {
        let target = Target::judge(request, &self.0.allow_hosts, self.0.ports)?;
        let deadline = Instant::now() + request.bounds.time.min(limits::LONGEST);
        let slots = match request.purpose {
            Purpose::Guarded => &self.0.guarded_slots,
            Purpose::Stranger => &self.0.stranger_slots,
            Purpose::Link => &self.0.link_slots,
            Purpose::Configured => &self.0.configured_slots,
        };
        let _slot = match timeout_at(deadline, slots.acquire()).await {
            Ok(Ok(slot)) => slot,
            Ok(Err(_)) | Err(_) => return Err(FetchError::Busy),
        };
        let client = match (target.rule, request.purpose) {
            (Rule::Public, Purpose::Stranger) => &self.0.strangers,
            (Rule::Public, Purpose::Link) => &self.0.links,
            (Rule::Public, _) => &self.0.public,
            (Rule::Anywhere, _) => &self.0.anywhere,
        };
        let builder = complete(with_headers(client.request(method, target.url), request));
        let talk = on_behalf_of(request.authority, talk(builder, request));
        timeout_at(deadline, talk)
            .await
            .unwrap_or(Err(FetchError::Timeout))
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fetcher")
            .field("allow_hosts", &self.0.allow_hosts)
            .finish_non_exhaustive()
    }
}

/// An HTTP client with everything that all of them share; how long connections are kept is to be said.
pub(crate) fn builder(
    options: &FetchOptions,
    roots: &[Certificate],
    resolver: CheckedResolver,
) -> ClientBuilder {
    Client::builder()
        .user_agent(&options.user_agent)
        .connect_timeout(options.connect_timeout)
        .dns_resolver(resolver)
        // A proxy would look names up itself.
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        // The client would send a request again that failed by its rules; each is sent once here.
        .retry(reqwest::retry::never())
        .http1_only()
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .tls_certs_merge(roots.iter().cloned())
}

pub(crate) fn roots(files: &[Vec<u8>]) -> Result<Vec<Certificate>, SetupError> {
    /// The tag that a certificate in DER starts with, and no PEM does.
    const SEQUENCE: u8 = 0x30;
    let mut roots = Vec::new();
    for file in files {
        let found = if file.first() == Some(&SEQUENCE) {
            Certificate::from_der(file).map(|one| vec![one])
        } else {
            Certificate::from_pem_bundle(file)
        };
        let found = found.map_err(|error| SetupError::TlsRoots(error.into()))?;
        if found.is_empty() {
            return Err(SetupError::TlsRoots("there is no certificate in it".into()));
        }
        roots.extend(found);
    }
    Ok(roots)
}

pub(crate) fn with_headers(mut builder: RequestBuilder, request: &Request) -> RequestBuilder {
    for (name, value) in [
        (ACCEPT, &request.accept),
        (IF_NONE_MATCH, &request.entity_tag),
        (IF_MODIFIED_SINCE, &request.last_modified),
    ] {
        if let Some(value) = value {
            builder = builder.header(name, value);
        }
    }
    builder
}

pub(crate) async fn talk(builder: RequestBuilder, request: &Request) -> Result<Answer, FetchError> {
    let mut response = builder.send().await.map_err(failure)?;
    let status = response.status();
    let not_modified = status == StatusCode::NOT_MODIFIED && request.is_conditional();
    if status.is_redirection() && !not_modified {
        return Err(FetchError::Redirect {
            status: status.as_u16(),
            location: header(response.headers(), &LOCATION),
        });
    }
    if !(status.is_success() || not_modified || request.any_status) {
        return Err(FetchError::Status {
            status: status.as_u16(),
        });
    }
    let body = body(&mut response, request.bounds.bytes, request.wanted).await?;
    let headers = response.headers();
    Ok(Answer {
        status: status.as_u16(),
        content_type: header(headers, &CONTENT_TYPE),
        entity_tag: header(headers, &ETAG),
        last_modified: header(headers, &LAST_MODIFIED),
        date: header(headers, &DATE),
        retry_after: header(headers, &RETRY_AFTER),
        body,
    })
}

async fn body(
    response: &mut Response,
    limit: usize,
    wanted: Wanted,
) -> Result<Vec<u8>, FetchError> {
    let kept = match wanted {
        Wanted::All => limit,
        Wanted::Beginning(octets) => octets,
        Wanted::None => return Ok(Vec::new()),
    };
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |length| length > limit) {
        return Err(FetchError::TooLarge { limit });
    }
    let mut body = Vec::new();
    let mut left = limit;
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        left = left
            .checked_sub(chunk.len())
            .ok_or(FetchError::TooLarge { limit })?;
        let room = kept.saturating_sub(body.len()).min(chunk.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or_default());
    }
    Ok(body)
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let text = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    (text.len() <= limits::HEADER_BYTES).then(|| text.to_owned())
}

pub(crate) fn failure(error: reqwest::Error) -> FetchError {
    if let Some(refusal) = within::<NotPublic>(&error) {
        FetchError::NotPublic(refusal.clone())
    } else if within::<NoTurn>(&error).is_some() {
        FetchError::Busy
    } else if error.is_timeout() {
        FetchError::Timeout
    } else {
        // Who asked knows the URL.
        FetchError::Unreachable(error.without_url().into())
    }
}

#[cfg(test)]
mod tests;
