//! `initiate_login_uri` and `post_logout_redirect_uris`, which end in columns of OpenEMR with
//! limits of their own (B33, decisions 16).

use serde_json::{Map, Value};
use url::Url;

use super::unless;
use super::uri::{UriClaim, uri_claim};
use crate::error::Violation;

static LOGIN: UriClaim = uri_claim!("initiate_login_uri", "initiate_login_uri", "B33");
static LOGOUT: UriClaim = uri_claim!(
    "post_logout_redirect_uris",
    "post_logout_redirect_uri",
    "B33"
);

/// What an EHR calls to start the app and where it leads after logging out, if given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LaunchUris {
    pub(super) initiate_login_uri: Option<String>,
    pub(super) post_logout_redirect_uri: Option<String>,
}

pub(super) fn check(claims: &Map<String, Value>) -> Result<LaunchUris, Vec<Violation>> {
    let mut violations = Vec::new();
    let mut keep = |outcome: Result<Option<String>, Vec<Violation>>| {
        outcome.unwrap_or_else(|found| {
            violations.extend(found);
            None
        })
    };
    let uris = LaunchUris {
        initiate_login_uri: keep(login(claims)),
        post_logout_redirect_uri: keep(logout(claims)),
    };
    unless(violations, uris)
}

fn login(claims: &Map<String, Value>) -> Result<Option<String>, Vec<Violation>> {
    let Some(value) = claims.get(LOGIN.claim) else {
        return Ok(None);
    };
    let (text, url) = LOGIN.parse(value).map_err(|violation| vec![violation])?;
    let mut violations = front_channel(&LOGIN, &url, "initiate_login_uri_fragment");
    // OpenEMR appends `?launch=…` to the text as it stands.
    if text.contains('?') {
        violations
            .push(LOGIN.violation("initiate_login_uri_query", "The URI must not have a query."));
    }
    unless(violations, Some(text.to_owned()))
}

fn logout(claims: &Map<String, Value>) -> Result<Option<String>, Vec<Violation>> {
    let Some(value) = claims.get(LOGOUT.claim) else {
        return Ok(None);
    };
    // OpenEMR compares the URI with the whole column, so that a second one would disable both.
    let Some([value]) = value.as_array().map(Vec::as_slice) else {
        return Err(vec![LOGOUT.violation(
            "post_logout_redirect_uris_count",
            "The claim must be an array of exactly one URI.",
        )]);
    };
    let (text, url) = LOGOUT
        .parse(value)
        .map_err(|violation| vec![violation.at(0)])?;
    let violations = front_channel(&LOGOUT, &url, "post_logout_redirect_uri_fragment")
        .into_iter()
        .map(|violation| violation.at(0))
        .collect();
    unless(violations, Some(text.to_owned()))
}

/// Rules for URIs that a browser is sent to.
fn front_channel(claim: &UriClaim, url: &Url, fragment: &'static str) -> Vec<Violation> {
    let mut violations = Vec::new();
    violations.extend(claim.https(url).err());
    if url.fragment().is_some() {
        violations.push(claim.violation(fragment, "The URI must not have a fragment."));
    }
    violations
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(claim: &str, value: Value) -> Vec<&'static str> {
        let claims = Map::from_iter([(claim.to_owned(), value)]);
        check(&claims)
            .err()
            .unwrap_or_default()
            .iter()
            .map(|violation| violation.code)
            .collect()
    }

    /// Proves: B33
    #[test]
    fn a_launch_uri_is_https_without_query_and_fragment() {
        let judged = |uri: &str| codes("initiate_login_uri", json!(uri));
        assert!(judged("https://app.example.org/launch").is_empty());
        assert_eq!(
            judged("http://app.example.org/launch"),
            ["initiate_login_uri_not_https"]
        );
        assert_eq!(
            judged("https://app.example.org/launch?"),
            ["initiate_login_uri_query"]
        );
        assert_eq!(
            judged("https://app.example.org/#x"),
            ["initiate_login_uri_fragment"]
        );
        assert_eq!(judged("launch"), ["initiate_login_uri_not_absolute"]);
        assert_eq!(
            codes("initiate_login_uri", json!(["x"])),
            ["initiate_login_uri_not_string"]
        );
    }

    /// Proves: B33
    #[test]
    fn there_is_at_most_one_logout_uri() {
        let judged = |value: Value| codes("post_logout_redirect_uris", value);
        let uri = "https://app.example.org/bye?x=1";
        assert!(judged(json!([uri])).is_empty());
        for wrong in [
            json!([]),
            json!([uri, "https://app.example.org/b"]),
            json!(uri),
        ] {
            assert_eq!(judged(wrong), ["post_logout_redirect_uris_count"]);
        }
        assert_eq!(
            judged(json!(["http://app.example.org/bye"])),
            ["post_logout_redirect_uri_not_https"]
        );
        assert_eq!(
            judged(json!(["https://app.example.org/a|b"])),
            ["post_logout_redirect_uri_characters"]
        );
    }
}
