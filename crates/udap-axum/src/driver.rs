//! Drives a request through the registrar: brings what the core asks for, and commits.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use udap::error::{ErrorCode, Refusal};
use udap::registrar::{Registrar, Step, refusal_of, replayed};
use udap::registry::{RegistryError, RequestContext, Standing};
use udap::response;
use udap::site::Site;
use udap::statement::TrustedStatement;

use crate::budget::FetchBudget;
use crate::error::HttpError;
use crate::metrics;
use crate::rules::Rules;
use crate::service::{InWork, Service};

/// What is answered when something was committed.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Map<String, Value>,
    pub(crate) facts: Facts,
}

/// What the log line says of a request once its statement is trusted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) community: Option<String>,
    pub(crate) client_uri: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) outcome: Option<&'static str>,
    pub(crate) enabled: Option<bool>,
    pub(crate) grant: Option<&'static str>,
}

/// An error, with what is known of who caused it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: HttpError,
    pub(crate) facts: Facts,
}

/// Takes a request to its end. To be spawned: a caller that goes away must not stop it halfway.
pub(crate) async fn register(
    service: Arc<Service>,
    site: Arc<Site>,
    body: Bytes,
    context: RequestContext,
) -> Result<Answer, Failure> {
    let mut facts = Facts::default();
    match drive(&service, &site, body, &context, &mut facts).await {
        Ok((status, body)) => Ok(Answer {
            status,
            body,
            facts,
        }),
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
    let now = context.now;
    let rules = service.rules();
    let mut in_work: Option<InWork> = None;
    let mut judged_by = service.crls.now();
    let mut budget = FetchBudget::new();
    let mut step = {
        let (site, crls) = (Arc::clone(site), judged_by.clone());
        verify(service, &rules, move |registrar| {
            registrar.start(&site, &body, &crls, now)
        })
        .await?
    };
    loop {
        step = match step {
            Step::NeedTrust(need) => {
                let fetched = budget
                    .fetch(&*service.fetcher, need.needs(), now)
                    .await
                    .ok_or(HttpError::TemporarilyUnavailable)?;
                service.crls.add(fetched.crls.iter().cloned());
                judged_by = service.crls.now();
                let crls = judged_by.clone();
                verify(service, &rules, move |registrar| {
                    need.supply(registrar, fetched, &crls, now)
                })
                .await?
            }
            Step::NeedStanding(need) => {
                facts.learn(need.statement());
                let statement = need.statement();
                service.fetcher.trusted(statement.path());
                let limited = service
                    .limits
                    .statement(&statement.community().uri, statement.client_uri());
                let standing = service
                    .registry
                    .standing(statement, now)
                    .await
                    .map_err(|error| http_error(&error))?;
                // A blocked client is told what a stranger is told, however often and however
                // soon it asks again: neither that it is limited nor that its statement is known
                // (decisions 12).
                if standing == Standing::Blocked {
                    match (limited, need.supply(rules.registrar(), standing)) {
                        (Err(_), Step::RefusedAfterTrust(_, refusal)) => Step::Refused(refusal),
                        (_, step) => step,
                    }
                } else {
                    limited.map_err(HttpError::RateLimited)?;
                    in_work = match service.work_on(statement) {
                        None => return Err(HttpError::Refused(replayed())),
                        some => some,
                    };
                    need.supply(rules.registrar(), standing)
                }
            }
            Step::NeedLinks(need) => {
                let reports = service.links.check(need.authority(), need.links()).await;
                metrics::links(&reports);
                need.supply(&reports)
            }
            Step::NeedCertifications(need) => {
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
            Step::NeedCertificationStatus(need) => {
                let answers = budget
                    .spend(|time_left| {
                        let (authority, queries) = (need.authority(), need.queries());
                        service.statuses.fetch(authority, queries, time_left)
                    })
                    .await;
                need.supply(&answers)
            }
            Step::Refused(refusal) => {
                remember_revoked(service, &refusal, now).await;
                return Err(HttpError::Refused(refusal));
            }
            Step::RefusedAfterTrust(statement, refusal) => {
                remember_revoked(service, &refusal, now).await;
                let recorded = retried(|| {
                    service
                        .registry
                        .record_refusal(&statement, &refusal, context)
                })
                .await;
                return Err(match recorded {
                    Ok(()) => HttpError::Refused(refusal),
                    // Whom we do not approve of learns nothing from sending it again.
                    Err(RegistryError::Replayed)
                        if refusal.code() == ErrorCode::UnapprovedSoftwareStatement =>
                    {
                        HttpError::Refused(refusal)
                    }
                    Err(error) => http_error(&error),
                });
            }
            Step::Register(approved) => {
                let outcome = match retried(|| service.registry.apply(&approved, context)).await {
                    Ok(outcome) => outcome,
                    Err(
                        error @ (RegistryError::Unfit { .. } | RegistryError::CertifierRevoked),
                    ) => {
                        return Err(
                            record_unfit(service, approved.statement(), &error, context).await
                        );
                    }
                    Err(error) => return Err(http_error(&error)),
                };
                // A list that arrived meanwhile may name it, and was compared with the registrations
                // before it was one.
                if !service.crls.now().is_same(&judged_by) {
                    service.note_hasty(&outcome.client_id);
                }
                facts.client_id = Some(outcome.client_id.clone());
                facts.enabled = Some(outcome.enabled);
                let (status, word) = if outcome.created {
                    (StatusCode::CREATED, "registered")
                } else {
                    (StatusCode::OK, "modified")
                };
                facts.outcome = Some(word);
                drop(in_work);
                return Ok((status, response::registered(&approved, &outcome)));
            }
            Step::Cancel(cancellation) => {
                let outcome = retried(|| service.registry.cancel(&cancellation, context))
                    .await
                    .map_err(|error| http_error(&error))?;
                facts.client_id = Some(outcome.client_id.clone());
                facts.outcome = Some("cancelled");
                drop(in_work);
                return Ok((StatusCode::OK, response::cancelled(&cancellation, &outcome)));
            }
        };
    }
}

impl Facts {
    fn learn(&mut self, statement: &TrustedStatement) {
        self.community = Some(statement.community().id.clone());
        self.client_uri = Some(statement.client_uri().to_owned());
    }
}

/// Remembers what is revoked, if that is why (decisions 12). That it could not be remembered changes no
/// verdict of now.
async fn remember_revoked(service: &Service, refusal: &Refusal, now: OffsetDateTime) {
    if let Some(revoked) = refusal.revoked()
        && let Err(error) = service.registry.remember_revoked(revoked, now).await
    {
        tracing::error!(%error, "a revoked certificate could not be remembered");
    }
}

/// A client that does not fit the FHIR server's table is refused like one that breaks a rule: its
/// statement is spent (decisions 3).
async fn record_unfit(
    service: &Service,
    statement: &TrustedStatement,
    error: &RegistryError,
    context: &RequestContext,
) -> HttpError {
    let Some(refusal) = refusal_of(error) else {
        return http_error(error);
    };
    let record = || {
        service
            .registry
            .record_refusal(statement, &refusal, context)
    };
    match retried(record).await {
        Ok(()) => HttpError::Refused(refusal),
        Err(error) => http_error(&error),
    }
}

/// Runs a step of the core off the asynchronous threads, as many at a time as there are cores.
pub(crate) async fn verify<S: Send + 'static>(
    service: &Service,
    rules: &Arc<Rules>,
    step: impl FnOnce(&Registrar) -> S + Send + 'static,
) -> Result<S, HttpError> {
    let _permit = service
        .verification
        .acquire()
        .await
        .map_err(|_| HttpError::TemporarilyUnavailable)?;
    let rules = Arc::clone(rules);
    tokio::task::spawn_blocking(move || step(rules.registrar()))
        .await
        .map_err(|error| {
            tracing::error!(%error, "verification ended abnormally");
            HttpError::ServerError
        })
}

/// Times that a commit is tried. The request's id makes it find its own work, if the first try did
/// commit and only the answer was lost (decisions 3).
const COMMIT_TRIES: u32 = 2;

/// The pause between two tries.
const COMMIT_PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn retried<T, F, R>(mut commit: F) -> Result<T, RegistryError>
where
    F: FnMut() -> R,
    R: Future<Output = Result<T, RegistryError>>,
{
    let mut tries = 1;
    loop {
        match commit().await {
            Err(RegistryError::Unavailable(error)) if tries < COMMIT_TRIES => {
                tracing::warn!(%error, "the registry is unavailable, trying again");
                tries += 1;
                tokio::time::sleep(COMMIT_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

fn http_error(error: &RegistryError) -> HttpError {
    if let Some(refusal) = refusal_of(error) {
        return HttpError::Refused(refusal);
    }
    let source = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, source, "the registry failed");
    match error {
        RegistryError::Unavailable(_) => HttpError::TemporarilyUnavailable,
        _ => HttpError::ServerError,
    }
}
