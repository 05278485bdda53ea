//! Every error as OAuth JSON, never cached (E20, E26, E27, decisions 6, 8).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use udap::error::Refusal;
use udap::response;

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
    /// The body did not arrive whole.
    IncompleteRequest,
    /// Too many requests; come back after so many seconds.
    RateLimited(u32),
    /// The store, or a part that is needed, is unavailable.
    TemporarilyUnavailable,
    /// We failed.
    ServerError,
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
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::IncompleteRequest => "invalid_request",
            Self::RateLimited(_) => "rate_limited",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Refused(_) | Self::IncompleteRequest => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn description(&self) -> &'static str {
        match self {
            Self::Refused(_) => "The registration was refused.",
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
            Self::RateLimited(seconds) => Some(*seconds),
            Self::TemporarilyUnavailable => Some(RETRY_SECONDS),
            _ => None,
        }
    }

    fn body(&self) -> Map<String, Value> {
        match self {
            Self::Refused(refusal) => response::refused(refusal),
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
        response.extensions_mut().insert(ErrorLabel(self.code()));
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

    /// Proves: E10, E20, E26, E27
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
