//! `redirect_uris`: where a person comes back with a code (B25–B27, I03–I06, decisions 16, 18).

use std::collections::HashSet;

use serde_json::{Map, Value};
use url::Url;

use super::grant_types::Grant;
use super::profile::ProfileRules;
use super::public_host::{self, HostFault};
use super::unless;
use super::uri::{UriClaim, uri_claim};
use crate::error::Violation;

static REDIRECT: UriClaim = uri_claim!("redirect_uris", "redirect_uri", "B27");

pub(super) fn check(
    claims: &Map<String, Value>,
    grant: Option<&Grant>,
    profile: &ProfileRules,
) -> Result<Vec<String>, Vec<Violation>> {
    // Codes of the claim as a whole must not start like those of single URIs: they ask for another
    // error code.
    let fault = |code, message| Err(vec![Violation::of("B25", "redirect_uris", code, message)]);
    let array = match (grant, claims.get("redirect_uris")) {
        (Some(Grant::ClientCredentials), Some(_)) => {
            return fault(
                "redirect_uris_forbidden",
                "With client_credentials the redirect URIs must be left out.",
            );
        }
        (Some(Grant::AuthorizationCode { .. }), None) => {
            return fault(
                "redirect_uris_missing",
                "With authorization_code at least one redirect URI is required.",
            );
        }
        (_, None) => return Ok(Vec::new()),
        (_, Some(Value::Array(array))) => array,
        (_, Some(_)) => {
            return fault(
                "redirect_uris_not_array",
                "The redirect URIs must be an array of strings.",
            );
        }
    };
    if array.is_empty() {
        return fault(
            "redirect_uris_empty",
            "With authorization_code at least one redirect URI is required.",
        );
    }
    if array.len() > profile.redirect_uris {
        return Err(vec![Violation::of(
            "B27",
            "redirect_uris",
            "redirect_uri_too_many",
            format!(
                "There must be at most {} redirect URIs.",
                profile.redirect_uris
            ),
        )]);
    }

    let mut violations = Vec::new();
    let mut uris = Vec::new();
    let mut seen = HashSet::new();
    for (index, value) in array.iter().enumerate() {
        match value.as_str() {
            None => violations.push(
                Violation::of(
                    "B25",
                    "redirect_uris",
                    "redirect_uris_not_string",
                    "A redirect URI must be a string.",
                )
                .at(index),
            ),
            Some(text) if !seen.insert(text) => violations.push(
                REDIRECT
                    .violation(
                        "redirect_uri_duplicate",
                        "Each redirect URI must be given once.",
                    )
                    .at(index),
            ),
            Some(text) => {
                violations.extend(judge(text, value, profile).map(|violation| violation.at(index)));
                uris.push(text.to_owned());
            }
        }
    }
    unless(violations, uris)
}

/// All that is wrong with one redirect URI.
fn judge(text: &str, value: &Value, profile: &ProfileRules) -> impl Iterator<Item = Violation> {
    let mut violations = Vec::new();
    if text.contains('|') {
        violations.push(REDIRECT.violation(
            "redirect_uri_pipe",
            "A redirect URI must not hold a vertical bar.",
        ));
    } else {
        match REDIRECT.parse(value) {
            Err(violation) => violations.push(violation),
            Ok((_, url)) => violations.extend(judge_parts(text, &url, profile)),
        }
    }
    violations.into_iter()
}

fn judge_parts(text: &str, url: &Url, profile: &ProfileRules) -> Vec<Violation> {
    let mut violations = Vec::new();
    // A scheme of the app's own has no host to judge.
    let web = matches!(url.scheme(), "https" | "http");
    if url.scheme() != "https" {
        violations.push(if web || !profile.public_hosts {
            Violation::of(
                "B26",
                REDIRECT.claim,
                REDIRECT.not_https,
                "A redirect URI must use https.",
            )
        } else {
            Violation::of(
                "I05",
                REDIRECT.claim,
                "redirect_uri_custom_scheme",
                "A redirect URI must use https: schemes of the app's own are not accepted.",
            )
        });
    }
    if url.fragment().is_some() {
        violations.push(REDIRECT.violation(
            "redirect_uri_fragment",
            "A redirect URI must not have a fragment.",
        ));
    }
    if text.contains('*') {
        violations.push(REDIRECT.violation(
            "redirect_uri_wildcard",
            "A redirect URI must be complete, without a wildcard.",
        ));
    }
    if profile.public_hosts && web {
        match public_host::check(url) {
            Ok(()) => {}
            Err(HostFault::Loopback) => violations.push(Violation::of(
                "I06",
                REDIRECT.claim,
                "redirect_uri_loopback",
                "A redirect URI must not lead to the person's own machine.",
            )),
            Err(HostFault::Address | HostFault::Name) => violations.push(Violation::of(
                "I08",
                REDIRECT.claim,
                REDIRECT.not_public,
                "The host of a redirect URI must be a public DNS name, no address.",
            )),
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::{ErrorCode, REDIRECT_URI_CODE_PREFIX, Refusal};
    use crate::rules::Profile::{self, EmrDirect, Hl7};
    use crate::rules::fixtures::{app, codes, service, violations, with};

    fn uri_codes(profile: Profile, uri: &str) -> Vec<&'static str> {
        codes(profile, &with(app(), "redirect_uris", json!([uri])))
    }

    /// Proves: B25
    #[test]
    fn they_are_present_iff_the_grant_is_authorization_code() {
        for (value, code) in [
            (Value::Null, "redirect_uris_missing"),
            (json!([]), "redirect_uris_empty"),
            (
                json!("https://app.example.org/cb"),
                "redirect_uris_not_array",
            ),
            (json!([7]), "redirect_uris_not_string"),
        ] {
            let found = violations(Hl7, &with(app(), "redirect_uris", value));
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].code, code);
            assert_eq!(
                Refusal::metadata(found).unwrap().code(),
                ErrorCode::InvalidClientMetadata
            );
        }
        for value in [json!([]), json!(["https://app.example.org/cb"])] {
            assert_eq!(
                codes(Hl7, &with(service(), "redirect_uris", value)),
                ["redirect_uris_forbidden"]
            );
        }
    }

    /// Proves: B26, B27
    #[test]
    fn each_fault_of_a_uri_is_found_and_asks_for_invalid_redirect_uri() {
        for (uri, code) in [
            ("http://app.example.org/cb", "redirect_uri_not_https"),
            ("com.example.app:/cb", "redirect_uri_not_https"),
            ("https://app.example.org/cb#x", "redirect_uri_fragment"),
            ("https://app.example.org/cb#", "redirect_uri_fragment"),
            ("https://u@app.example.org/cb", "redirect_uri_userinfo"),
            ("https://*.example.org/cb", "redirect_uri_wildcard"),
            ("https://app.example.org/*", "redirect_uri_wildcard"),
            ("/cb", "redirect_uri_not_absolute"),
            ("https://", "redirect_uri_not_absolute"),
            ("", "redirect_uri_not_absolute"),
            ("https://app.example.org/c b", "redirect_uri_characters"),
            ("https://app.example.org/a|b", "redirect_uri_pipe"),
        ] {
            let found = violations(Hl7, &with(app(), "redirect_uris", json!([uri])));
            assert_eq!(found.len(), 1, "{uri}: {found:?}");
            assert_eq!(found[0].code, code, "{uri}");
            assert!(code.starts_with(REDIRECT_URI_CODE_PREFIX));
            assert_eq!(found[0].pointer, "/redirect_uris/0");
        }
    }

    /// Proves: B27
    #[test]
    fn duplicates_and_more_than_the_cap_are_refused() {
        let uri = "https://app.example.org/cb";
        let found = violations(Hl7, &with(app(), "redirect_uris", json!([uri, uri])));
        assert_eq!(found[0].code, "redirect_uri_duplicate");
        assert_eq!(found[0].pointer, "/redirect_uris/1");
        let many = |count: usize| {
            let uris: Vec<String> = (0..count).map(|index| format!("{uri}{index}")).collect();
            with(app(), "redirect_uris", json!(uris))
        };
        assert!(codes(Hl7, &many(20)).is_empty());
        assert_eq!(codes(Hl7, &many(21)), ["redirect_uri_too_many"]);
        assert!(codes(EmrDirect, &many(10)).is_empty());
        assert_eq!(codes(EmrDirect, &many(11)), ["redirect_uri_too_many"]);
    }

    /// Proves: I05, I06, I08
    #[test]
    fn emr_direct_refuses_own_schemes_loopback_and_hosts_that_are_not_public() {
        for (uri, code) in [
            ("com.example.app:/cb", "redirect_uri_custom_scheme"),
            ("https://localhost/cb", "redirect_uri_loopback"),
            ("https://127.1/cb", "redirect_uri_loopback"),
            ("https://[::1]:8443/cb", "redirect_uri_loopback"),
            ("https://192.0.2.7/cb", "redirect_uri_not_public"),
            ("https://0xC0000207/cb", "redirect_uri_not_public"),
            ("https://app.internal/cb", "redirect_uri_not_public"),
            ("https://intranet/cb", "redirect_uri_not_public"),
        ] {
            assert_eq!(uri_codes(EmrDirect, uri), [code], "{uri}");
        }
        assert!(uri_codes(EmrDirect, "https://app.example.org:8443/cb").is_empty());
    }

    #[test]
    fn hl7_takes_https_on_loopback_and_addresses() {
        for uri in [
            "https://localhost/cb",
            "https://127.0.0.1:8443/cb",
            "https://[::1]/cb",
        ] {
            assert!(uri_codes(Hl7, uri).is_empty(), "{uri}");
        }
    }
}
