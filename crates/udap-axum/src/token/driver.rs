//! Takes a token request through the core, records it, and has it forwarded.

use std::error::Error;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use serde_json::{Map, Value};
use udap::registrar::TokenStep;
use udap::registry::{RegistryError, RequestContext, TokenStanding};
use udap::site::Site;
use udap::token::{AuthorizedRequest, TokenRefusal};

use crate::budget::FetchBudget;
use crate::driver::{Facts, Failure, retried, verify};
use crate::error::{HttpError, UpstreamFault};
use crate::metrics;
use crate::outside::{ForwardError, Forwarded, Tokens};
use crate::service::Service;

/// What the FHIR server answered, and may be passed on.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Map<String, Value>,
    /// The error in it, as one of few words.
    pub(super) error: Option<&'static str>,
    pub(super) facts: Facts,
}

/// Takes a request to its end. To be spawned: an app that goes away must not stop it halfway.
pub(super) async fn ask(
    service: Arc<Service>,
    site: Arc<Site>,
    body: Bytes,
    context: RequestContext,
) -> Result<Answer, Failure> {
    let mut facts = Facts::default();
    match drive(&service, &site, body, &context, &mut facts).await {
        Ok((status, body)) => Ok(answer(status, body, facts)),
        Err(error) => Err(Failure { error, facts }),
    }
}

async fn drive(
    service: &Arc<Service>,
    site: &Arc<Site>,
    body: Bytes,
    context: &RequestContext,
    facts: &mut Facts,
) -> Result<(StatusCode, Map<String, Value>), HttpError> {
    let Some(tokens) = &service.tokens else {
        tracing::error!(site = site.id, "there is no gateway for this site");
        return Err(HttpError::TemporarilyUnavailable);
    };
    let now = context.now;
    let rules = service.rules();
    let mut budget = FetchBudget::new();
    let mut step = {
        let site = Arc::clone(site);
        verify(service, &rules, move |registrar| {
            registrar.start_token(&site, &body, now)
        })
        .await?
    };
    loop {
        step = match step {
            TokenStep::NeedClient(need) => {
                let client = tokens.registry.token_client(need.client_id()).await;
                let client = client.map_err(|error| http_error(&error))?;
                let crls = service.crls.now();
                verify(service, &rules, move |registrar| {
                    need.supply(registrar, client, &crls, now)
                })
                .await?
            }
            TokenStep::NeedTrust(need) => {
                let fetched = budget
                    .fetch(&*service.fetcher, need.needs(), now)
                    .await
                    .ok_or(HttpError::TemporarilyUnavailable)?;
                service.crls.add(fetched.crls.iter().cloned());
                let crls = service.crls.now();
                verify(service, &rules, move |registrar| {
                    need.supply(registrar, fetched, &crls, now)
                })
                .await?
            }
            TokenStep::Refused(refusal) => return Err(HttpError::TokenRefused(refusal)),
            TokenStep::Revoked(refusal, revoked) => {
                if let Err(error) = service.registry.remember_revoked(&revoked, now).await {
                    tracing::error!(%error, "a revoked certificate could not be remembered");
                }
                return Err(HttpError::TokenRefused(refusal));
            }
            TokenStep::Authorized(request) => {
                facts.know(&request);
                service.fetcher.trusted(request.path());
                return forward(service, tokens, &request, context).await;
            }
        };
    }
}

impl Facts {
    fn know(&mut self, request: &AuthorizedRequest) {
        let client = request.client();
        self.community = Some(request.community().id.clone());
        self.client_uri = Some(client.client_uri.clone());
        self.client_id = Some(client.client_id.clone());
        self.grant = Some(request.grant().name());
    }
}

/// Records it, and only then asks the FHIR server, once (decisions 27).
async fn forward(
    service: &Service,
    tokens: &Tokens,
    request: &AuthorizedRequest,
    context: &RequestContext,
) -> Result<(StatusCode, Map<String, Value>), HttpError> {
    service
        .limits
        .token(&request.client().client_id)
        .map_err(HttpError::RateLimited)?;
    let recorded = retried(|| tokens.registry.record_token_request(request, context)).await;
    let kid = match recorded.map_err(|error| http_error(&error))? {
        TokenStanding::Recorded { kid } => kid,
        TokenStanding::Replayed => return Err(HttpError::TokenRefused(TokenRefusal::replayed())),
        TokenStanding::Off => return Err(HttpError::TokenRefused(TokenRefusal::unknown_client())),
    };
    let site = &request.site().id;
    let started = tokio::time::Instant::now();
    let forwarded = tokens.forwarder.forward(request, &kid).await;
    metrics::upstream(site, started.elapsed());
    let Forwarded { status, mut body } = match forwarded {
        Ok(forwarded) => forwarded,
        Err(error) => {
            let source = error.source().map(ToString::to_string);
            tracing::error!(site, %error, source, "no token can be got");
            if is_alarm(&error) {
                service.set_gateway_fault(site, Some(&error.to_string()));
            }
            return Err(upstream_error(&error));
        }
    };
    service.set_gateway_fault(site, None);
    let status =
        StatusCode::from_u16(status).map_err(|_| HttpError::Upstream(UpstreamFault::Failed))?;
    if status.is_success() && !is_admitted(request, &mut body) {
        tracing::error!(
            site,
            client_id = request.client().client_id,
            "the FHIR server granted more than is registered: its answer is withheld"
        );
        let client_id = &request.client().client_id;
        let revoked = retried(|| tokens.registry.revoke_excess(client_id, context)).await;
        if let Err(error) = revoked {
            tracing::error!(%error, client_id, "tokens could not be revoked");
        }
        return Err(HttpError::Upstream(UpstreamFault::Excess));
    }
    Ok((status, body))
}

/// Whether what was granted lies within what is registered. An answer that does not say what was granted
/// grants what was asked for, and says so then (G21); where nothing was asked for, nobody could tell.
fn is_admitted(request: &AuthorizedRequest, body: &mut Map<String, Value>) -> bool {
    match (body.get("scope"), request.scopes()) {
        (Some(Value::String(granted)), _) => request.admits(granted),
        (None, Some(asked)) => {
            body.insert("scope".to_owned(), Value::String(asked.join(" ")));
            true
        }
        _ => false,
    }
}

fn answer(status: StatusCode, body: Map<String, Value>, mut facts: Facts) -> Answer {
    let error = (!status.is_success())
        .then(|| metrics::upstream_error(body.get("error").and_then(Value::as_str)));
    facts.outcome = Some(match error {
        None => metrics::ISSUED,
        Some(_) => metrics::DENIED,
    });
    Answer {
        status,
        body,
        error,
        facts,
    }
}

/// Whether no app of the site can get a token until somebody sees to it.
fn is_alarm(error: &ForwardError) -> bool {
    matches!(
        error,
        ForwardError::NotAccepted | ForwardError::UnknownKey | ForwardError::Signing(_)
    )
}

pub(crate) fn upstream_error(error: &ForwardError) -> HttpError {
    HttpError::Upstream(match error {
        ForwardError::Unreachable(_) => UpstreamFault::Unreachable,
        // A proxy before the FHIR server says that it cannot reach it.
        ForwardError::Answer {
            status: 502..=504, ..
        } => UpstreamFault::Unreachable,
        ForwardError::Timeout => UpstreamFault::Timeout,
        ForwardError::Answer { .. } => UpstreamFault::Failed,
        ForwardError::NotAccepted => UpstreamFault::NotAccepted,
        ForwardError::UnknownKey | ForwardError::Signing(_) => return HttpError::ServerError,
    })
}

pub(crate) fn http_error(error: &RegistryError) -> HttpError {
    let source = error.source().map(ToString::to_string);
    tracing::error!(%error, source, "the registry failed");
    match error {
        RegistryError::Unavailable(_) => HttpError::TemporarilyUnavailable,
        _ => HttpError::ServerError,
    }
}
