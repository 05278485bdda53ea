//! Every error as OAuth JSON, never cached (E20, E26, E27, decisions 6, 8).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use udap::error::Refusal;
use udap::response;
use udap::token::TokenRefusal;

/// Seconds after which an unavailable server may be asked again.
const RETRY_SECONDS: u32 = 10;

/// An answer that is not the one that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpError {
    /// The registration was refused.
    Refused(Refusal),
    /// No such path.
    NotFound,
    /// The path does not take the method.
    MethodNotAllowed,
    /// The body is longer than allowed.
    RequestTooLarge,
    /// The body is not sent as JSON.
    UnsupportedMediaType,
    /// The token request was refused.
    TokenRefused(TokenRefusal),
    /// A token request is longer than allowed.
    TokenRequestTooLarge,
    /// A token request is not sent as a form.
    NotAForm,
    /// There is no token to pass on, which is not the app's fault.
    Upstream(UpstreamFault),
    /// The body did not arrive whole.
    IncompleteRequest,
    /// Too many requests; come back after so many seconds.
    RateLimited(u32),
    /// The store, or a part that is needed, is unavailable.
    TemporarilyUnavailable,
    /// We failed.
    ServerError,
}

/// What the FHIR server's own token endpoint did, or did not (decisions 27).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpstreamFault {
    /// It cannot be reached.
    Unreachable,
    /// It did not answer in time.
    Timeout,
    /// It failed, or gave an answer that is none of OAuth's.
    Failed,
    /// It does not accept the gateway.
    NotAccepted,
    /// It granted more than is registered.
    Excess,
}

impl UpstreamFault {
    pub(crate) const ALL: [Self; 5] = [
        Self::Unreachable,
        Self::Timeout,
        Self::Failed,
        Self::NotAccepted,
        Self::Excess,
    ];

    /// The word for logs and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "upstream_unreachable",
            Self::Timeout => "upstream_timeout",
            Self::Failed => "upstream_failed",
            Self::NotAccepted => "upstream_not_accepted",
            Self::Excess => "upstream_excess",
        }
    }

    /// The app may come again where waiting may help; otherwise somebody has to see to it.
    fn passes(self) -> bool {
        matches!(self, Self::Unreachable | Self::Timeout)
    }

    fn description(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "The FHIR server's token endpoint cannot be reached. Wait as long as Retry-After says, and sign \
                 a new client assertion."
            }
            Self::Timeout => {
                "The FHIR server's token endpoint did not answer in time, and what it did is not known. Wait as \
                 long as Retry-After says, and sign a new client assertion."
            }
            Self::Failed => "The FHIR server's token endpoint failed.",
            Self::NotAccepted => "The FHIR server's token endpoint does not accept this gateway.",
            Self::Excess => {
                "The FHIR server granted more than the app is registered for. Its tokens have been revoked."
            }
        }
    }
}

impl HttpError {
    /// The value of the `error` member.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code().as_str(),
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::RequestTooLarge => "request_too_large",
            Self::UnsupportedMediaType | Self::NotAForm => "unsupported_media_type",
            Self::TokenRefused(refusal) => refusal.code().as_str(),
            Self::TokenRequestTooLarge => "request_too_large",
            Self::Upstream(fault) if fault.passes() => "temporarily_unavailable",
            Self::Upstream(_) => "server_error",
            Self::IncompleteRequest => "invalid_request",
            Self::RateLimited(_) => "rate_limited",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    /// The word for logs and metrics: finer than the code where the app need not know.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Upstream(fault) => fault.as_str(),
            other => other.code(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::TokenRefused(refusal) => {
                StatusCode::from_u16(refusal.code().status()).unwrap_or(StatusCode::BAD_REQUEST)
            }
            Self::Upstream(UpstreamFault::Timeout) => StatusCode::GATEWAY_TIMEOUT,
            Self::Upstream(_) => StatusCode::BAD_GATEWAY,
            Self::Refused(_) | Self::IncompleteRequest => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTooLarge | Self::TokenRequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType | Self::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn description(&self) -> &'static str {
        match self {
            Self::Refused(_) => "The registration was refused.",
            Self::TokenRefused(_) => "The token request was refused.",
            Self::TokenRequestTooLarge => "The request's body may have at most 192 KiB.",
            Self::NotAForm => {
                "Send the request with Content-Type: application/x-www-form-urlencoded."
            }
            Self::Upstream(fault) => fault.description(),
            Self::NotFound => "There is nothing at this path.",
            Self::MethodNotAllowed => "This path does not take this method.",
            Self::RequestTooLarge => "The request's body may have at most 256 KiB.",
            Self::UnsupportedMediaType => "Send the request with Content-Type: application/json.",
            Self::IncompleteRequest => "The request's body did not arrive whole.",
            Self::RateLimited(_) => "Too many requests. Wait as long as Retry-After says.",
            Self::TemporarilyUnavailable => {
                "The server cannot do this now. Wait as long as Retry-After says."
            }
            Self::ServerError => "The server failed. The log has more under this request's id.",
        }
    }

    fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Refused(refusal) => refusal.retry_after_seconds(),
            Self::TokenRefused(refusal) => refusal.retry_after_seconds(),
            Self::RateLimited(seconds) => Some(*seconds),
            Self::TemporarilyUnavailable => Some(RETRY_SECONDS),
            Self::Upstream(fault) if fault.passes() => Some(RETRY_SECONDS),
            _ => None,
        }
    }

    fn body(&self) -> Map<String, Value> {
        match self {
            Self::Refused(refusal) => response::refused(refusal),
            Self::TokenRefused(refusal) => refusal.to_answer(),
            other => {
                let mut members = Map::new();
                members.insert("error".to_owned(), json!(other.code()));
                members.insert("error_description".to_owned(), json!(other.description()));
                members
            }
        }
    }
}

/// The error of an answer, for the log line and the metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorLabel(pub(crate) &'static str);

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let mut response = (self.status(), no_store(), Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after() {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(ErrorLabel(self.label()));
        response
    }
}

/// The headers of an answer that must not be kept (E10).
pub(crate) fn no_store() -> [(header::HeaderName, &'static str); 2] {
    [
        (header::CACHE_CONTROL, "no-store"),
        (header::PRAGMA, "no-cache"),
    ]
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use axum::body::to_bytes;
    use udap::error::{ErrorCode, Violation};

    use super::*;

    /// Proves: E10, E20, E26, E27, G11
    #[tokio::test]
    async fn every_error_is_oauth_json_that_nobody_keeps() {
        let violation = |rule, claim| Violation::of(rule, claim, "some_code", "must be so");
        let refusal =
            |code| HttpError::Refused(Refusal::new(code, violation("B20", "client_name")));
        let two = Refusal::new(
            ErrorCode::InvalidRedirectUri,
            violation("B26", "redirect_uris").at(1),
        )
        .and(violation("B27", "redirect_uris"))
        .retry_after(60);
        let mut all = String::new();
        for error in [
            refusal(ErrorCode::InvalidSoftwareStatement),
            refusal(ErrorCode::UnapprovedSoftwareStatement),
            refusal(ErrorCode::InvalidClientMetadata),
            refusal(ErrorCode::InvalidCertification),
            refusal(ErrorCode::UnapprovedCertification),
            HttpError::Refused(two),
            HttpError::NotFound,
            HttpError::MethodNotAllowed,
            HttpError::RequestTooLarge,
            HttpError::UnsupportedMediaType,
            HttpError::TokenRefused(TokenRefusal::unknown_client()),
            HttpError::TokenRequestTooLarge,
            HttpError::NotAForm,
            HttpError::Upstream(UpstreamFault::Unreachable),
            HttpError::Upstream(UpstreamFault::Timeout),
            HttpError::Upstream(UpstreamFault::Failed),
            HttpError::Upstream(UpstreamFault::NotAccepted),
            HttpError::Upstream(UpstreamFault::Excess),
            HttpError::IncompleteRequest,
            HttpError::RateLimited(7),
            HttpError::TemporarilyUnavailable,
            HttpError::ServerError,
        ] {
            let response = error.into_response();
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
            assert_eq!(response.headers()[header::PRAGMA], "no-cache");
            let retry = response
                .headers()
                .get(header::RETRY_AFTER)
                .map(|value| format!(" Retry-After: {}", value.to_str().unwrap()))
                .unwrap_or_default();
            let status = response.status();
            let body = to_bytes(response.into_body(), 4096).await.unwrap();
            writeln!(all, "{status}{retry}\n{}\n", String::from_utf8_lossy(&body)).unwrap();
        }
        insta::assert_snapshot!(all);
    }
}
