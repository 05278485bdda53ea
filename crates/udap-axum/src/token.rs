//! `POST {public_url}/udap/{site}/token`: the token endpoint of sites in gateway mode.

use axum::response::IntoResponse;

use crate::error::HttpError;

/// This version forwards no token requests: whoever asks is told to come back.
pub(crate) async fn token() -> impl IntoResponse {
    HttpError::TemporarilyUnavailable
}
