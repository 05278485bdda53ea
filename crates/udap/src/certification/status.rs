//! Asking a certifier whether its certification still holds (F15, UDAP Certifications §8).

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use url::Url;

use crate::json;
use crate::trust::Authority;

/// A question to a certifier's status endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusQuery {
    url: String,
}

impl StatusQuery {
    /// The question about the certification of this `jti` and `exp`, `None` if the endpoint is not an
    /// https URL.
    #[must_use]
    pub fn new(endpoint: &str, jti: &str, exp: i64) -> Option<Self> {
        let mut url = Url::parse(endpoint).ok()?;
        let is_sound = url.scheme() == "https"
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none();
        if !is_sound {
            return None;
        }
        url.query_pairs_mut()
            .append_pair("jti", jti)
            .append_pair("exp", &exp.to_string());
        Some(Self { url: url.into() })
    }

    /// The URL to GET: https only, at a public host, with no redirect followed.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Asks certifiers.
#[async_trait]
pub trait StatusFetcher: Send + Sync {
    /// The body of each answer of status 200, in the order of the questions; `None` for everything
    /// else, within `time_left` in all. `authority` is the app that brought the certifications: no one
    /// app, and not all apps of one anchor, may take what others need.
    async fn fetch(
        &self,
        authority: Authority,
        queries: &[StatusQuery],
        time_left: Duration,
    ) -> Vec<Option<Vec<u8>>>;
}

/// Asks nobody: no certification with a status endpoint is accepted.
#[derive(Clone, Copy, Debug)]
pub struct NoStatuses;

#[async_trait]
impl StatusFetcher for NoStatuses {
    async fn fetch(
        &self,
        _: Authority,
        queries: &[StatusQuery],
        _: Duration,
    ) -> Vec<Option<Vec<u8>>> {
        vec![None; queries.len()]
    }
}

/// What a certifier said: `{"valid": true}`, `{"valid": false}`, or nothing that counts.
pub(crate) fn is_valid(body: &[u8]) -> Option<bool> {
    match json::object(body).ok()?.get("valid")? {
        Value::Bool(valid) => Some(*valid),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves: F15
    #[test]
    fn the_question_names_the_certification_in_the_form_of_a_query() {
        let query = |endpoint: &str| StatusQuery::new(endpoint, "C0/3+ &x", 1_562_961_473);
        assert_eq!(
            query("https://certifier.example.org/status").unwrap().url(),
            "https://certifier.example.org/status?jti=C0%2F3%2B+%26x&exp=1562961473"
        );
        assert_eq!(
            query("https://certifier.example.org/?a=b").unwrap().url(),
            "https://certifier.example.org/?a=b&jti=C0%2F3%2B+%26x&exp=1562961473"
        );
        for endpoint in [
            "http://certifier.example.org/status",
            "https://user@certifier.example.org/status",
            "https://certifier.example.org/status#part",
            "/status",
            "",
        ] {
            assert_eq!(query(endpoint), None, "{endpoint}");
        }
    }

    /// Proves: F15
    #[test]
    fn only_a_boolean_says_something() {
        assert_eq!(is_valid(br#"{"valid": true}"#), Some(true));
        assert_eq!(is_valid(br#"{"valid": false}"#), Some(false));
        for body in [
            &b""[..],
            b"true",
            b"{}",
            br#"{"valid": "true"}"#,
            br#"{"valid": 1}"#,
            br#"{"valid": null}"#,
            br#"{"valid": true, "valid": false}"#,
            b"\xff",
        ] {
            assert_eq!(is_valid(body), None, "{body:?}");
        }
    }
}
