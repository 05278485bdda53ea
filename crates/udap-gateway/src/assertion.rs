//! The gateway's own client assertion (decisions 27): what OpenEMR takes, and no more.

use serde_json::json;
use time::OffsetDateTime;
use udap::jws::Members;

use crate::limits;

/// The claims of an assertion for a client at OpenEMR's token endpoint.
pub(crate) fn claims(
    client_id: &str,
    token_endpoint: &str,
    jti: &str,
    now: OffsetDateTime,
) -> Members {
    let issued = now.unix_timestamp();
    [
        ("iss", json!(client_id)),
        ("sub", json!(client_id)),
        ("aud", json!(token_endpoint)),
        ("iat", json!(issued)),
        ("exp", json!(issued + limits::ASSERTION_SECONDS)),
        ("jti", json!(jti)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
