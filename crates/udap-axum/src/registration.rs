//! `POST {public_url}/udap/{site}/register` (B01, B02, E01–E29).

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use http_body_util::LengthLimitError;
use tokio::sync::OwnedSemaphorePermit;
use udap::limits;
use udap::registry::RequestContext;
use udap::site::Site;

use crate::client_address::ClientAddress;
use crate::driver::{self, Facts, Failure};
use crate::error::{HttpError, no_store};
use crate::metrics;
use crate::request_log::RequestId;
use crate::service::{DEADLINE, Service};
use crate::spawned::spawned;

pub(crate) async fn register(
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
                // Once the body is here: whoever sends it slowly must not stretch the statement's
                // life.
                now: (service.environment.now)(),
                remote_address: Some(address.0),
                new_client_id: (service.environment.random_id)(),
            };
            let work = driver::register(Arc::clone(&service), Arc::clone(&site), body, context);
            spawned("a registration", place, work).await
        }
    };
    let (mut response, facts) = match answered {
        Ok(answer) => (
            (answer.status, no_store(), Json(answer.body)).into_response(),
            answer.facts,
        ),
        Err(failure) => {
            if let HttpError::Refused(refusal) = &failure.error {
                log_refusal(refusal, &failure.facts);
            }
            (failure.error.into_response(), failure.facts)
        }
    };
    metrics::registration(&site.id, &facts, &response, started.elapsed());
    response.extensions_mut().insert(facts);
    response
}

/// What costs nothing comes first: the rate, the type, the size (E28), and whether there is a place.
async fn admit(
    service: &Service,
    address: ClientAddress,
    request: Request,
) -> Result<(Bytes, OwnedSemaphorePermit), HttpError> {
    service
        .limits
        .registration(address)
        .map_err(HttpError::RateLimited)?;
    if !is_json(request.headers()) {
        return Err(HttpError::UnsupportedMediaType);
    }
    let body = read(
        request.into_body(),
        limits::REQUEST_BODY_BYTES,
        HttpError::RequestTooLarge,
    )
    .await?;
    let place = Arc::clone(&service.in_progress)
        .try_acquire_owned()
        .map_err(|_| HttpError::TemporarilyUnavailable)?;
    Ok((body, place))
}

/// Reads a body of at most so many octets.
///
/// # Errors
/// The one that is given if it has more; or if it does not arrive whole.
pub(crate) async fn read(
    body: Body,
    limit: usize,
    too_large: HttpError,
) -> Result<Bytes, HttpError> {
    match tokio::time::timeout(DEADLINE, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_length_limit(&error) => Err(too_large),
        Ok(Err(_)) | Err(_) => Err(HttpError::IncompleteRequest),
    }
}

fn is_length_limit(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.is::<LengthLimitError>() {
            return true;
        }
        source = inner.source();
    }
    false
}

/// B02: `application/json`, parameters allowed.
fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn log_refusal(refusal: &udap::error::Refusal, facts: &Facts) {
    let rules: Vec<_> = refusal
        .violations()
        .iter()
        .map(|violation| format!("{}:{}", violation.rule, violation.code))
        .collect();
    tracing::info!(
        error = refusal.code().as_str(),
        violations = rules.join(" "),
        community = facts.community,
        client_uri = facts.client_uri,
        "registration refused"
    );
}

/// The registration endpoint takes POST only (D24).
pub(crate) async fn method_not_allowed() -> impl IntoResponse {
    HttpError::MethodNotAllowed
}
