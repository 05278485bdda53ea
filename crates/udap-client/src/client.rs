//! The HTTP client: discovery, registration, tokens.

use std::time::Duration;

use serde_json::json;
use udap_fetch::aia::Issuers;
use udap_fetch::crls::Crls;
use udap_fetch::{AllowHost, Bounds, FetchOptions, Fetcher, Network, Request, Responders};
use url::Url;

use crate::discovery::{Discovery, DiscoveryError};
use crate::fetch::{HttpError, address, failed};
use crate::registration::{Registered, RegistrationError};
use crate::token::{SignedTokenRequest, TokenError, Tokens};

/// The largest metadata document. Real ones have about 20 KB, mostly scopes.
const METADATA_BYTES: usize = 1024 * 1024;

/// The largest answer to a registration, which repeats the statement (E02).
const REGISTRATION_BYTES: usize = 1024 * 1024;

/// The largest answer to a token request.
const TOKEN_BYTES: usize = 64 * 1024;

/// The largest file that [`Client::get`] fetches.
const FILE_BYTES: usize = 16 * 1024 * 1024;

/// The path of discovery below a FHIR base URL (A01).
const WELL_KNOWN: &str = "/.well-known/udap";

/// How a [`Client`] is set up.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// What it calls itself.
    pub user_agent: String,
    /// Until a connection stands.
    pub connect_timeout: Duration,
    /// For one whole exchange. A server may visit all of an app's links before it answers.
    pub timeout: Duration,
    /// Root certificates (PEM, one or more in each) for TLS, besides the system's.
    pub tls_roots: Vec<Vec<u8>>,
    /// Whether plain http may be spoken with other machines. Statements and answers can then be
    /// read and changed on the way.
    pub allow_plain_http: bool,
    /// Hosts that addresses in certificates may name though they are not public (decisions 34).
    pub allow_hosts: Vec<AllowHost>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            user_agent: concat!("udap-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            tls_roots: Vec::new(),
            allow_plain_http: false,
            allow_hosts: Vec::new(),
        }
    }
}

/// Talks to UDAP servers: verified TLS, no redirects, no proxy, bounded time and size.
#[derive(Clone, Debug)]
pub struct Client {
    fetcher: Fetcher,
    options: FetchOptions,
    timeout: Duration,
    allow_plain_http: bool,
}

impl Client {
    /// Sets up a client.
    ///
    /// # Errors
    /// [`HttpError::TlsRoots`], [`HttpError::Setup`].
    pub fn new(options: &ClientOptions) -> Result<Self, HttpError> {
        let fetch_options = FetchOptions {
            allow_hosts: options.allow_hosts.clone(),
            tls_roots: options.tls_roots.clone(),
            user_agent: options.user_agent.clone(),
            connect_timeout: options.connect_timeout,
        };
        Ok(Self {
            fetcher: Fetcher::new(&fetch_options)?,
            options: fetch_options,
            timeout: options.timeout,
            allow_plain_http: options.allow_plain_http,
        })
    }

    /// What fetches the revocation lists and issuers that certificates name. Nobody typed those
    /// addresses, so they must be public, or else on the very host and port of `server`, which
    /// somebody did type.
    ///
    /// # Errors
    /// [`HttpError::TlsRoots`], [`HttpError::Setup`].
    pub fn network(&self, server: Option<&Url>) -> Result<Network, HttpError> {
        let mut options = self.options.clone();
        let host = server.and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
        if let Some((host, port)) = host {
            options
                .allow_hosts
                .extend(AllowHost::parse(&format!("{host}:{port}")));
        }
        let fetcher = Fetcher::new(&options)?;
        Ok(Network::new(
            Some(Issuers::new(fetcher.clone())),
            Crls::unkept(fetcher.clone()),
            Some(Responders::new(fetcher, self.timeout)),
        ))
    }

    /// A request to an address that the user named, or a server that the user named.
    fn request(&self, url: &Url, bytes: usize) -> Request {
        let bounds = Bounds {
            bytes,
            time: self.timeout,
        };
        Request::configured(url.as_str(), bounds).any_status()
    }

    /// Fetches a server's UDAP metadata (A01), for one community if one is given (A34).
    /// `base_url` is the FHIR base URL; a trailing slash, or the path of discovery itself, is
    /// taken off. Nothing is verified yet: see [`Discovery::verify`].
    ///
    /// # Errors
    /// [`DiscoveryError::NotOffered`] for 404 (A05); [`DiscoveryError::UnknownCommunity`] for 204
    /// (A37); others for what is no metadata.
    pub async fn discover(
        &self,
        base_url: &str,
        community: Option<&str>,
    ) -> Result<Discovery, DiscoveryError> {
        let base_url = base_url.strip_suffix(WELL_KNOWN).unwrap_or(base_url);
        let base_url = base_url.trim_end_matches('/');
        let base = address(base_url, self.allow_plain_http)?;
        if base.query().is_some() {
            return Err(DiscoveryError::Http(HttpError::Address {
                url: base_url.to_owned(),
                reason: "a FHIR base URL has no query",
            }));
        }
        let mut url = address(&format!("{base_url}{WELL_KNOWN}"), self.allow_plain_http)?;
        if let Some(community) = community {
            url.query_pairs_mut().append_pair("community", community);
        }
        let request = self
            .request(&url, METADATA_BYTES)
            .accept("application/json");
        let answer = (self.fetcher.get(&request).await).map_err(|error| failed(&url, error))?;
        match answer.status {
            200 => Discovery::parse(base_url, community, &answer.body),
            204 => Err(DiscoveryError::UnknownCommunity { url }),
            404 => Err(DiscoveryError::NotOffered { url }),
            status => Err(DiscoveryError::Status { url, status }),
        }
    }

    /// Posts a software statement (B01, B03, B04): registers, modifies or cancels, whatever the
    /// statement says.
    ///
    /// # Errors
    /// [`RegistrationError::Failed`] if the server refuses, with its reasons.
    pub async fn register(
        &self,
        registration_endpoint: &str,
        software_statement: &str,
    ) -> Result<Registered, RegistrationError> {
        self.register_with(registration_endpoint, software_statement, &[])
            .await
    }

    /// As [`Client::register`], with certifications (B05).
    ///
    /// # Errors
    /// Those of [`Client::register`].
    pub async fn register_with(
        &self,
        registration_endpoint: &str,
        software_statement: &str,
        certifications: &[String],
    ) -> Result<Registered, RegistrationError> {
        let url = address(registration_endpoint, self.allow_plain_http)?;
        let mut body = json!({ "software_statement": software_statement, "udap": "1" });
        if !certifications.is_empty() {
            body["certifications"] = json!(certifications);
        }
        let request = self
            .request(&url, REGISTRATION_BYTES)
            .accept("application/json");
        let sent = (self.fetcher)
            .post(&request, "application/json", body.to_string())
            .await;
        let answer = sent.map_err(|error| failed(&url, error))?;
        Registered::read(url, &answer)
    }

    /// Asks for a token (G02).
    ///
    /// # Errors
    /// [`TokenError::Refused`] if the server gives none, with its reason.
    pub async fn token(&self, request: &SignedTokenRequest) -> Result<Tokens, TokenError> {
        let url = address(request.token_endpoint(), self.allow_plain_http)?;
        let asked = self.request(&url, TOKEN_BYTES).accept("application/json");
        let form = "application/x-www-form-urlencoded";
        let sent = self.fetcher.post(&asked, form, request.form()).await;
        let answer = sent.map_err(|error| failed(&url, error))?;
        Tokens::read(url, answer.status, answer.retry_after, &answer.body)
    }

    /// Fetches any file that an operator names, for looking at it.
    ///
    /// # Errors
    /// [`HttpError`]; the status is for the caller to judge.
    pub async fn get(&self, url: &Url) -> Result<(u16, Vec<u8>), HttpError> {
        let (status, body, _) = self.get_with_date(url).await?;
        Ok((status, body))
    }

    /// Posts a form to an address that an operator names, for looking at the answer.
    ///
    /// # Errors
    /// [`HttpError`]; the status is for the caller to judge.
    pub async fn post_form(&self, url: &Url, form: String) -> Result<(u16, Vec<u8>), HttpError> {
        let url = address(url.as_str(), true)?;
        let request = self.request(&url, TOKEN_BYTES).accept("application/json");
        let kind = "application/x-www-form-urlencoded";
        let answer =
            (self.fetcher.post(&request, kind, form).await).map_err(|error| failed(&url, error))?;
        Ok((answer.status, answer.body))
    }

    /// As [`Client::get`], with the answer's `Date`: what the server's clock says.
    ///
    /// # Errors
    /// Those of [`Client::get`].
    pub async fn get_with_date(
        &self,
        url: &Url,
    ) -> Result<(u16, Vec<u8>, Option<String>), HttpError> {
        let url = address(url.as_str(), true)?;
        let request = self.request(&url, FILE_BYTES);
        let answer = (self.fetcher.get(&request).await).map_err(|error| failed(&url, error))?;
        Ok((answer.status, answer.body, answer.date))
    }
}
