//! The registered claims of a JWT (RFC 7519 §4.1), as statements and certifications share them.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::limits;

/// A NumericDate that is an integer (B17), within the years that the calendar knows.
pub(crate) fn instant(claims: &Map<String, Value>, claim: &str) -> Option<OffsetDateTime> {
    let seconds = claims.get(claim)?.as_i64()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

/// Whether `aud`, one text or an array of texts, names an endpoint, octet by octet (B13).
pub(crate) fn is_for(claims: &Map<String, Value>, endpoint: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(aud)) => aud == endpoint,
        Some(Value::Array(all)) => {
            all.iter().all(Value::is_string) && all.iter().any(|aud| aud == endpoint)
        }
        _ => false,
    }
}

/// `jti`, if it is one: 1 to [`limits::JTI_CHARS`] characters, none of control (B16, decisions 3).
pub(crate) fn token_id(claims: &Map<String, Value>) -> Option<&str> {
    let jti = claims.get("jti")?.as_str()?;
    let fits = !jti.is_empty()
        && jti.chars().count() <= limits::JTI_CHARS
        && !jti.chars().any(char::is_control);
    fits.then_some(jti)
}
