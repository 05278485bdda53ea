//! `POST {public_url}/udap/{site}/token`: the token endpoint of sites in gateway mode (G01–G21).

mod driver;

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;
use udap::limits;
use udap::registry::RequestContext;
use udap::site::Site;
use udap::token::TokenRefusal;

use crate::client_address::ClientAddress;
use crate::driver::{Facts, Failure};
use crate::error::{ErrorLabel, HttpError, no_store};
use crate::metrics;
use crate::registration::read;
use crate::request_log::RequestId;
use crate::service::Service;
use crate::spawned::spawned;

pub(crate) use driver::{http_error, upstream_error};

/// What a form's `Content-Type` says (G02).
const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) async fn token(
    service: Arc<Service>,
    site: Arc<Site>,
    RequestId(request_id): RequestId,
    address: ClientAddress,
    request: Request,
) -> Response {
    let started = tokio::time::Instant::now();
    let answered = match admit(&service, address, request).await {
        Err(error) => Err(Failure {
            error,
            facts: Facts::default(),
        }),
        Ok((body, place)) => {
            let context = RequestContext {
                request_id,
                // Once the body is here: whoever sends it slowly must not stretch the assertion's life.
                now: (service.environment.now)(),
                remote_address: Some(address.0),
                // Nobody is registered here.
                new_client_id: String::new(),
            };
            let work = driver::ask(Arc::clone(&service), Arc::clone(&site), body, context);
            spawned("a token request", place, work).await
        }
    };
    let (mut response, facts) = match answered {
        Ok(answer) => {
            let mut response = (answer.status, no_store(), Json(answer.body)).into_response();
            if let Some(error) = answer.error {
                response.extensions_mut().insert(ErrorLabel(error));
            }
            (response, answer.facts)
        }
        Err(mut failure) => {
            failure.facts.outcome = Some(match &failure.error {
                HttpError::Upstream(_) => metrics::FAILED,
                _ => metrics::REFUSED,
            });
            if let HttpError::TokenRefused(refusal) = &failure.error {
                log_refusal(refusal, &failure.facts);
            }
            (failure.error.into_response(), failure.facts)
        }
    };
    metrics::token(&site.id, &facts, &response, started.elapsed());
    response.extensions_mut().insert(facts);
    response
}

/// What costs nothing comes first: the rate, the headers, the type, the size, and whether there is a
/// place.
async fn admit(
    service: &Service,
    address: ClientAddress,
    request: Request,
) -> Result<(Bytes, OwnedSemaphorePermit), HttpError> {
    service
        .limits
        .token_request(address)
        .map_err(HttpError::RateLimited)?;
    if request.headers().contains_key(header::AUTHORIZATION) {
        return Err(HttpError::TokenRefused(TokenRefusal::authorization_header()));
    }
    if request.uri().query().is_some_and(|query| !query.is_empty()) {
        return Err(HttpError::TokenRefused(TokenRefusal::query()));
    }
    if !is_form(request.headers()) {
        return Err(HttpError::NotAForm);
    }
    let body = read(
        request.into_body(),
        limits::TOKEN_BODY_BYTES,
        HttpError::TokenRequestTooLarge,
    )
    .await?;
    let place = Arc::clone(&service.tokens_in_progress)
        .try_acquire_owned()
        .map_err(|_| HttpError::TemporarilyUnavailable)?;
    Ok((body, place))
}

/// Whether a request is sent as a form, and says so once. Parameters of the type are allowed.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let kind = kinds.next().and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|value| value.split(';').next());
    kinds.next().is_none()
        && essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(FORM))
}

fn log_refusal(refusal: &TokenRefusal, facts: &Facts) {
    tracing::info!(
        error = refusal.code().as_str(),
        rule = refusal.rule(),
        description = refusal.description(),
        community = facts.community,
        client_id = facts.client_id,
        "token request refused"
    );
}
