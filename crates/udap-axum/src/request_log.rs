//! One structured line a request: never its body, its query, or a secret.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use crate::client_address::ClientAddress;
use crate::driver::Facts;
use crate::error::{ErrorLabel, HttpError};
use crate::metrics;
use crate::service::Service;

/// A request's correlation id. Ours, never the caller's: it goes into the audit.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, HttpError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(HttpError::ServerError)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, HttpError> {
        parts
            .extensions
            .get::<Self>()
            .copied()
            .ok_or(HttpError::ServerError)
    }
}

/// The outermost layer: gives the request its id and its address, and logs it when it is answered.
pub(crate) async fn layer(service: Arc<Service>, mut request: Request, next: Next) -> Response {
    let started = tokio::time::Instant::now();
    let id = Uuid::new_v4().to_string();
    let peer = request
        .extensions()
        .get::<axum::extract::ConnectInfo<std::net::SocketAddr>>()
        .map_or_else(
            || std::net::SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, 0)),
            |info| info.0,
        );
    let address = service.proxies.client_address(peer, request.headers());
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(address);

    let span = tracing::info_span!("request", request_id = %id);
    let mut response = tracing::Instrument::instrument(next.run(request), span.clone()).await;

    let status = response.status();
    let error = response
        .extensions()
        .get::<ErrorLabel>()
        .map(|label| label.0);
    let facts = response
        .extensions_mut()
        .remove::<Facts>()
        .unwrap_or_default();
    let elapsed = started.elapsed();
    metrics::request(&method, &route, status, elapsed);
    let _entered = span.entered();
    tracing::info!(
        %method,
        route,
        status = status.as_u16(),
        error,
        outcome = facts.outcome,
        community = facts.community,
        client_uri = facts.client_uri,
        client_id = facts.client_id,
        enabled = facts.enabled,
        grant = facts.grant,
        remote_address = %address.0,
        duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}
