//! The FHIR server's own token endpoint, guarded (decisions 28): it must not be asked for our apps'
//! tokens around the gateway. What names one of them is refused; everything else passes unchanged.

mod named;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use udap::limits;
use udap::token::TokenRefusal;

use crate::driver::Facts;
use crate::error::HttpError;
use crate::metrics;
use crate::outside::{Guard, Tokens};
use crate::registration::read;
use crate::service::Service;
use crate::token::{http_error, upstream_error};

pub(crate) async fn guarded(
    service: Arc<Service>,
    tokens: Tokens,
    guard: Guard,
    request: Request,
) -> Response {
    let mut facts = Facts::default();
    let (mut response, outcome) = match pass(&service, &tokens, &guard, request, &mut facts).await {
        Ok(response) => (response, metrics::PASSED),
        Err(error) => {
            let outcome = match &error {
                HttpError::Upstream(_) => metrics::FAILED,
                _ => metrics::REFUSED,
            };
            if let HttpError::TokenRefused(refusal) = &error {
                tracing::info!(
                    site = guard.site,
                    client_id = facts.client_id,
                    description = refusal.description(),
                    "a token request was stopped at the guard"
                );
            }
            (error.into_response(), outcome)
        }
    };
    facts.outcome = Some(outcome);
    metrics::guarded(&guard.site, outcome);
    response.extensions_mut().insert(facts);
    response
}

async fn pass(
    service: &Service,
    tokens: &Tokens,
    guard: &Guard,
    request: Request,
    facts: &mut Facts,
) -> Result<Response, HttpError> {
    let (parts, body) = request.into_parts();
    let body: Bytes = read(
        body,
        limits::TOKEN_BODY_BYTES,
        HttpError::TokenRequestTooLarge,
    )
    .await?;
    let _place = service
        .guarded_in_progress
        .try_acquire()
        .map_err(|_| HttpError::TemporarilyUnavailable)?;
    for id in named::clients(&parts.headers, parts.uri.query(), &body)? {
        let is_ours = tokens.registry.is_ours(&guard.site, &id).await;
        if is_ours.map_err(|error| http_error(&error))? {
            facts.client_id = Some(id);
            return Err(HttpError::TokenRefused(TokenRefusal::guarded()));
        }
    }
    let request = axum::http::Request::from_parts(parts, body);
    let passed = tokens.forwarder.pass(&guard.site, request).await;
    passed.map_err(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(site = guard.site, %error, source, "a token request cannot be passed on");
        upstream_error(&error)
    })
}
