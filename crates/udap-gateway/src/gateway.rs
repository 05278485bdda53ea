//! The gateway itself.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::response::Response;
use tokio::sync::Semaphore;
use udap::token::AuthorizedRequest;
use udap_axum::{Environment, ForwardError, Forwarded, TokenForwarder};
use udap_fetch::{Bounds, FetchOptions, SetupError, Upstream};
use url::Url;

use crate::keys::SigningKeys;
use crate::{answer, assertion, form, limits, passing};

/// The OpenEMR behind a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewaySite {
    /// The site's id.
    pub id: String,
    /// OpenEMR's token endpoint as OpenEMR itself calls it: the only `aud` that it takes.
    pub token_endpoint: String,
    /// Where it is reached.
    pub upstream: Url,
}

/// Forwards what is authorized and recorded to OpenEMR's token endpoints.
pub struct Gateway {
    sites: HashMap<String, Place>,
    keys: Arc<dyn SigningKeys>,
    environment: Environment,
    /// A signature takes a core a millisecond or two: no more at a time than there are cores.
    signing: Semaphore,
}

struct Place {
    token_endpoint: String,
    upstream: Upstream,
}

impl Gateway {
    /// The gateway of these sites. TLS is verified by the system's roots and these besides: each entry
    /// PEM, with one or more, or DER.
    ///
    /// # Errors
    /// If an address cannot be asked, or a root certificate cannot be read or used.
    pub fn new(
        sites: Vec<GatewaySite>,
        keys: Arc<dyn SigningKeys>,
        environment: Environment,
        tls_roots: Vec<Vec<u8>>,
    ) -> Result<Self, SetupError> {
        let options = FetchOptions {
            tls_roots,
            connect_timeout: limits::CONNECT_TIME,
            ..FetchOptions::default()
        };
        let place = |site: GatewaySite| {
            let upstream = Upstream::new(&options, &site.upstream)?;
            let token_endpoint = site.token_endpoint;
            let place = Place {
                token_endpoint,
                upstream,
            };
            Ok((site.id, place))
        };
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            sites: sites.into_iter().map(place).collect::<Result<_, _>>()?,
            keys,
            environment,
            signing: Semaphore::new(cores),
        })
    }

    fn place(&self, site: &str) -> Result<&Place, ForwardError> {
        self.sites.get(site).ok_or_else(|| {
            ForwardError::Unreachable("no OpenEMR is configured for the site".into())
        })
    }

    /// A fresh assertion for the client, by the key that its row carries.
    async fn assertion(
        &self,
        site: &str,
        token_endpoint: &str,
        client_id: &str,
        kid: &str,
    ) -> Result<String, ForwardError> {
        let jti: String = (self.environment.random_id)()
            .chars()
            .take(limits::JTI_CHARS)
            .collect();
        let claims = assertion::claims(client_id, token_endpoint, &jti, (self.environment.now)());
        let (keys, site, kid) = (Arc::clone(&self.keys), site.to_owned(), kid.to_owned());
        let _permit = self
            .signing
            .acquire()
            .await
            .map_err(|error| ForwardError::Signing(error.into()))?;
        // A key may have to be read first.
        let signed = tokio::task::spawn_blocking(move || {
            let key = keys.key(&site, &kid);
            let key = key.map_err(|error| ForwardError::Signing(error.into()))?;
            key.ok_or(ForwardError::UnknownKey)?
                .sign(&claims)
                .map_err(|error| ForwardError::Signing(error.into()))
        });
        signed
            .await
            .unwrap_or_else(|error| Err(ForwardError::Signing(error.into())))
    }
}

#[async_trait]
impl TokenForwarder for Gateway {
    async fn forward(
        &self,
        request: &AuthorizedRequest,
        kid: &str,
    ) -> Result<Forwarded, ForwardError> {
        let site = &request.site().id;
        let place = self.place(site)?;
        let client_id = &request.client().client_id;
        let assertion = self
            .assertion(site, &place.token_endpoint, client_id, kid)
            .await?;
        let body = form::body(request.grant(), request.scopes(), &assertion);
        let bounds = Bounds {
            bytes: limits::ANSWER_BYTES,
            time: limits::FORWARD_TIME,
        };
        let answer = place
            .upstream
            .post(
                "application/x-www-form-urlencoded",
                "application/json",
                body,
                bounds,
            )
            .await
            .map_err(answer::failure)?;
        answer::judge(answer)
    }

    async fn pass(
        &self,
        site: &str,
        request: http::Request<Bytes>,
    ) -> Result<Response, ForwardError> {
        passing::pass(&self.place(site)?.upstream, request).await
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sites: Vec<_> = self.sites.keys().collect();
        sites.sort_unstable();
        formatter
            .debug_struct("Gateway")
            .field("sites", &sites)
            .finish_non_exhaustive()
    }
}
