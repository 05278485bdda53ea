//! Metrics, with labels from closed sets: sites and communities as configured, our own codes.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use time::OffsetDateTime;
use udap::error::ErrorCode;
use udap::registrar::{LinkFault, LinkReport};
use udap::registry::{CheckResult, TrustOff};
use udap::site::TokenMode;
use udap::token::TokenErrorCode;

use crate::driver::Facts;
use crate::error::{ErrorLabel, UpstreamFault};
use crate::recheck::PassReport;
use crate::service::Service;

const REQUESTS: &str = "udap_http_requests_total";
const REQUEST_SECONDS: &str = "udap_http_request_seconds";
const REGISTRATIONS: &str = "udap_registrations_total";
const REGISTRATION_SECONDS: &str = "udap_registration_seconds";
const CERTIFICATE_SECONDS: &str = "udap_certificate_expires_in_seconds";

const LINK_CHECKS: &str = "udap_link_checks_total";

const RECHECKS: &str = "udap_rechecks_total";
const RECHECK_UNSETTLED: &str = "udap_recheck_unsettled";
const RECHECK_HELD_BACK: &str = "udap_recheck_held_back";

const TOKENS: &str = "udap_tokens_total";
const TOKEN_SECONDS: &str = "udap_token_seconds";
const UPSTREAM_SECONDS: &str = "udap_token_upstream_seconds";
const GUARDED: &str = "udap_token_guard_total";

/// A token was given out.
pub(crate) const ISSUED: &str = "issued";
/// We refused.
pub(crate) const REFUSED: &str = "refused";
/// The FHIR server refused.
pub(crate) const DENIED: &str = "denied";
/// The FHIR server failed.
pub(crate) const FAILED: &str = "failed";
/// A request was none of our apps'.
pub(crate) const PASSED: &str = "passed";

/// What a FHIR server may say in `error` (RFC 6749 §5.2).
const DENIALS: [&str; 5] = [
    TokenErrorCode::InvalidRequest.as_str(),
    TokenErrorCode::InvalidGrant.as_str(),
    TokenErrorCode::UnauthorizedClient.as_str(),
    TokenErrorCode::UnsupportedGrantType.as_str(),
    TokenErrorCode::InvalidScope.as_str(),
];
/// Anything else that it says.
const OTHER: &str = "other";
/// What we say besides the codes of OAuth.
const TOKEN_ERRORS: [&str; 4] = [
    "unsupported_media_type",
    "request_too_large",
    "rate_limited",
    "server_error",
];

const RECHECK_RESULTS: [&str; 6] = [
    "good",
    "unsettled",
    TrustOff::Expired.as_str(),
    TrustOff::Revoked.as_str(),
    TrustOff::Untrusted.as_str(),
    TrustOff::Unknown.as_str(),
];
/// The result of a link without a fault.
const LIVE: &str = "live";
const OUTCOMES: [&str; 3] = ["registered", "modified", "cancelled"];
const ERRORS: [&str; 10] = [
    ErrorCode::InvalidSoftwareStatement.as_str(),
    ErrorCode::UnapprovedSoftwareStatement.as_str(),
    ErrorCode::InvalidClientMetadata.as_str(),
    ErrorCode::InvalidRedirectUri.as_str(),
    ErrorCode::InvalidCertification.as_str(),
    ErrorCode::UnapprovedCertification.as_str(),
    "unsupported_media_type",
    "rate_limited",
    "temporarily_unavailable",
    "server_error",
];

/// Describes the metrics and sets every combination of labels to zero, so that a rate over them is
/// right from the first event.
pub fn describe(service: &Service) {
    describe_counter!(REQUESTS, "HTTP requests, by route, method and status");
    describe_histogram!(
        REQUEST_SECONDS,
        "Seconds to answer an HTTP request, by route"
    );
    describe_counter!(
        REGISTRATIONS,
        "Registration requests, by site, outcome and error"
    );
    describe_histogram!(
        REGISTRATION_SECONDS,
        "Seconds to answer a registration request, by site and outcome"
    );
    describe_gauge!(
        CERTIFICATE_SECONDS,
        "Seconds until a server certificate or trust anchor expires"
    );
    describe_counter!(LINK_CHECKS, "Links of apps that were looked at, by result");
    describe_counter!(
        RECHECKS,
        "Checks of registered clients' certificates, by result"
    );
    describe_gauge!(
        RECHECK_UNSETTLED,
        "Registered clients whose revocation status the last pass could not learn"
    );
    describe_gauge!(
        RECHECK_HELD_BACK,
        "Registered clients that the last pass would have switched off, but for their number"
    );
    for result in std::iter::once(LIVE).chain(LinkFault::ALL.map(LinkFault::as_str)) {
        counter!(LINK_CHECKS, "result" => result).absolute(0);
    }
    for result in RECHECK_RESULTS {
        counter!(RECHECKS, "result" => result).absolute(0);
    }
    describe_tokens(service);
    for site in service.rules().registrar().sites() {
        for outcome in OUTCOMES {
            counter!(REGISTRATIONS, "site" => site.id.clone(), "outcome" => outcome, "error" => "")
                .absolute(0);
        }
        for error in ERRORS {
            counter!(REGISTRATIONS, "site" => site.id.clone(), "outcome" => "refused", "error" => error)
                .absolute(0);
        }
    }
}

fn describe_tokens(service: &Service) {
    describe_counter!(
        TOKENS,
        "Token requests, by site, outcome (issued, refused, denied or failed by the FHIR server) and error"
    );
    describe_histogram!(
        TOKEN_SECONDS,
        "Seconds to answer a token request, by site and outcome"
    );
    describe_histogram!(
        UPSTREAM_SECONDS,
        "Seconds of it that the FHIR server took, by site"
    );
    describe_counter!(
        GUARDED,
        "Requests to FHIR servers' own token endpoints, by site and outcome"
    );
    let zero = |site: &str, outcome: &'static str, error: &'static str| {
        counter!(TOKENS, "site" => site.to_owned(), "outcome" => outcome, "error" => error)
            .absolute(0);
    };
    for site in service.rules().registrar().sites() {
        if site.token_mode == TokenMode::Direct {
            continue;
        }
        zero(&site.id, ISSUED, "");
        let codes = TokenErrorCode::ALL.map(TokenErrorCode::as_str);
        for error in codes.into_iter().chain(TOKEN_ERRORS) {
            zero(&site.id, REFUSED, error);
        }
        for error in DENIALS.into_iter().chain([OTHER]) {
            zero(&site.id, DENIED, error);
        }
        for fault in UpstreamFault::ALL {
            zero(&site.id, FAILED, fault.as_str());
        }
    }
    for guard in service.tokens.iter().flat_map(|tokens| &tokens.guards) {
        for outcome in [PASSED, REFUSED, FAILED] {
            counter!(GUARDED, "site" => guard.site.clone(), "outcome" => outcome).absolute(0);
        }
    }
}

/// Sets how long server certificates and anchors are still valid: to be called now and then.
pub fn certificates(service: &Service, now: OffsetDateTime) {
    let rules = service.rules();
    for (site, community, signer) in rules.signers() {
        let left = signer.certificate().not_after() - now;
        gauge!(CERTIFICATE_SECONDS, "kind" => "server", "site" => site.to_owned(),
            "community" => community.to_owned())
        .set(left.as_seconds_f64());
    }
    for community in rules.registrar().communities() {
        let first = community
            .trust
            .store
            .anchors()
            .iter()
            .map(|anchor| anchor.certificate().not_after())
            .min();
        if let Some(not_after) = first {
            gauge!(CERTIFICATE_SECONDS, "kind" => "anchor", "site" => "",
                "community" => community.id.clone())
            .set((not_after - now).as_seconds_f64());
        }
    }
}

/// Counts what came of a registration's links.
pub(crate) fn links(reports: &[LinkReport]) {
    for report in reports {
        let result = report.fault.map_or(LIVE, LinkFault::as_str);
        counter!(LINK_CHECKS, "result" => result).increment(1);
    }
}

/// Counts one check of a registered client's certificate.
pub(crate) fn recheck(result: &CheckResult) {
    let result = match result {
        CheckResult::Good => "good",
        CheckResult::Unsettled => "unsettled",
        CheckResult::Revoked(_) => TrustOff::Revoked.as_str(),
        CheckResult::Off(reason) => reason.as_str(),
    };
    counter!(RECHECKS, "result" => result).increment(1);
}

/// Sets what the last pass over all clients left to be looked at by a person.
pub(crate) fn recheck_pass(report: &PassReport) {
    gauge!(RECHECK_UNSETTLED).set(report.unsettled as f64);
    let held: usize = report.held_back.iter().map(|one| one.clients).sum();
    gauge!(RECHECK_HELD_BACK).set(held as f64);
}

pub(crate) fn request(method: &Method, route: &str, status: StatusCode, elapsed: Duration) {
    // A method that nobody knows is a label that anybody could invent.
    let method = match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
    .to_owned();
    counter!(REQUESTS, "route" => route.to_owned(), "method" => method,
        "status" => status.as_str().to_owned())
    .increment(1);
    histogram!(REQUEST_SECONDS, "route" => route.to_owned()).record(elapsed.as_secs_f64());
}

pub(crate) fn registration(site: &str, facts: &Facts, response: &Response, elapsed: Duration) {
    let error = response
        .extensions()
        .get::<ErrorLabel>()
        .map_or("", |label| label.0);
    let outcome = facts.outcome.unwrap_or("refused");
    counter!(REGISTRATIONS, "site" => site.to_owned(), "outcome" => outcome, "error" => error)
        .increment(1);
    histogram!(REGISTRATION_SECONDS, "site" => site.to_owned(), "outcome" => outcome)
        .record(elapsed.as_secs_f64());
}

/// An error code of a FHIR server as one of few words: nobody may invent labels.
pub(crate) fn upstream_error(code: Option<&str>) -> &'static str {
    let known = DENIALS.into_iter().find(|known| Some(*known) == code);
    known.unwrap_or(OTHER)
}

/// Counts a token request.
pub(crate) fn token(site: &str, facts: &Facts, response: &Response, elapsed: Duration) {
    let error = response
        .extensions()
        .get::<ErrorLabel>()
        .map_or("", |label| label.0);
    let outcome = facts.outcome.unwrap_or(REFUSED);
    counter!(TOKENS, "site" => site.to_owned(), "outcome" => outcome, "error" => error)
        .increment(1);
    histogram!(TOKEN_SECONDS, "site" => site.to_owned(), "outcome" => outcome)
        .record(elapsed.as_secs_f64());
}

/// Notes how long a FHIR server took.
pub(crate) fn upstream(site: &str, elapsed: Duration) {
    histogram!(UPSTREAM_SECONDS, "site" => site.to_owned()).record(elapsed.as_secs_f64());
}

/// Counts a request to a FHIR server's own token endpoint.
pub(crate) fn guarded(site: &str, outcome: &'static str) {
    counter!(GUARDED, "site" => site.to_owned(), "outcome" => outcome).increment(1);
}
