//! `client_uri`, `tos_uri`, `policy_uri`: pages about the app (B33, B34, I01, I14, I15, decisions
//! 18).

use serde_json::{Map, Value};
use url::Url;

use super::profile::ProfileRules;
use super::public_host;
use super::unless;
use super::uri::{UriClaim, uri_claim};
use crate::error::Violation;

static CLIENT: Page = Page {
    uri: uri_claim!("client_uri", "client_uri", "B34"),
    not_page: "client_uri_not_page",
    https_rule: "I15",
    public_rule: "I08",
    required: "The URI of a page about the app and who runs it is required.",
};
static TOS: Page = Page {
    uri: uri_claim!("tos_uri", "tos_uri", "B34"),
    not_page: "tos_uri_not_page",
    https_rule: "I14",
    public_rule: "I14",
    required: "The URI of the app's terms of service is required.",
};
static POLICY: Page = Page {
    uri: uri_claim!("policy_uri", "policy_uri", "B34"),
    not_page: "policy_uri_not_page",
    https_rule: "I14",
    public_rule: "I14",
    required: "The URI of the app's privacy policy is required.",
};

struct Page {
    uri: UriClaim,
    not_page: &'static str,
    https_rule: &'static str,
    public_rule: &'static str,
    required: &'static str,
}

/// The pages that are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WebPages {
    pub(super) client_uri: Option<String>,
    pub(super) tos_uri: Option<String>,
    pub(super) policy_uri: Option<String>,
}

pub(super) fn check(
    claims: &Map<String, Value>,
    profile: &ProfileRules,
    allow_http: bool,
) -> Result<WebPages, Vec<Violation>> {
    let mut violations = Vec::new();
    let mut judge = |page: &Page| match page.check(claims, profile, allow_http) {
        Ok(text) => text,
        Err(found) => {
            violations.extend(found);
            None
        }
    };
    let pages = WebPages {
        client_uri: judge(&CLIENT),
        tos_uri: judge(&TOS),
        policy_uri: judge(&POLICY),
    };
    unless(violations, pages)
}

impl Page {
    fn check(
        &self,
        claims: &Map<String, Value>,
        profile: &ProfileRules,
        allow_http: bool,
    ) -> Result<Option<String>, Vec<Violation>> {
        let claim = self.uri.claim;
        let Some(value) = claims.get(claim) else {
            return if profile.pages_required {
                Err(vec![Violation::of(
                    "I01",
                    claim,
                    self.uri.missing,
                    self.required,
                )])
            } else {
                Ok(None)
            };
        };
        let (text, url) = self.uri.parse(value).map_err(|violation| vec![violation])?;
        self.judge(&url, profile, allow_http)?;
        Ok(Some(text.to_owned()))
    }

    fn judge(
        &self,
        url: &Url,
        profile: &ProfileRules,
        allow_http: bool,
    ) -> Result<(), Vec<Violation>> {
        let claim = self.uri.claim;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(vec![self.uri.violation(
                self.not_page,
                "The URI must be that of a web page, with https.",
            )]);
        }
        let mut violations = Vec::new();
        if profile.public_hosts {
            if url.scheme() == "http" && !allow_http {
                violations.push(Violation::of(
                    self.https_rule,
                    claim,
                    self.uri.not_https,
                    "The URI must use https.",
                ));
            }
            if public_host::check(url).is_err() {
                violations.push(Violation::of(
                    self.public_rule,
                    claim,
                    self.uri.not_public,
                    "The host must be a public DNS name, no address.",
                ));
            }
        }
        unless(violations, ())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rules::Profile::{EmrDirect, Hl7};
    use crate::rules::fixtures::{app, codes, open_scopes, policy, service, with};

    const CLAIMS: [&str; 3] = ["client_uri", "tos_uri", "policy_uri"];

    /// Proves: B34
    #[test]
    fn hl7_asks_for_no_page_but_for_a_web_address_where_one_is_given() {
        assert!(codes(Hl7, &service()).is_empty());
        for claim in CLAIMS {
            for (uri, code) in [
                ("https://example.org/x#y", None),
                ("http://intranet/x", None),
                ("", Some("not_absolute")),
                ("/tos", Some("not_absolute")),
                ("ftp://example.org/x", Some("not_page")),
                ("javascript:alert(1)", Some("not_page")),
                ("https://u:p@example.org/", Some("userinfo")),
            ] {
                let expected: Vec<String> =
                    code.iter().map(|code| format!("{claim}_{code}")).collect();
                assert_eq!(
                    codes(Hl7, &with(app(), claim, json!(uri))),
                    expected,
                    "{uri}"
                );
            }
        }
    }

    /// Proves: I01, I02
    #[test]
    fn emr_direct_asks_for_each_page_whatever_the_grant() {
        assert!(codes(EmrDirect, &app()).is_empty());
        for claim in CLAIMS {
            assert_eq!(
                codes(EmrDirect, &with(app(), claim, Value::Null)),
                [format!("{claim}_missing")]
            );
        }
        assert_eq!(
            codes(EmrDirect, &service()),
            [
                "logo_uri_missing",
                "client_uri_missing",
                "tos_uri_missing",
                "policy_uri_missing"
            ]
        );
    }

    /// Proves: I08, I14, I15
    #[test]
    fn emr_direct_asks_for_https_and_public_hosts() {
        for claim in CLAIMS {
            for (uri, code) in [
                ("http://app.example.org/x", "not_https"),
                ("https://app.local/x", "not_public"),
                ("https://10.0.0.1/x", "not_public"),
            ] {
                assert_eq!(
                    codes(EmrDirect, &with(app(), claim, json!(uri))),
                    [format!("{claim}_{code}")],
                    "{uri}"
                );
            }
        }
    }

    /// Proves: I15
    #[test]
    fn emr_direct_takes_plain_http_pages_where_the_community_says_so() {
        let mut policy = policy(EmrDirect);
        policy.allow_http_pages = true;
        let claims = with(app(), "tos_uri", json!("http://app.example.org/tos"));
        assert!(crate::rules::check(&claims, &policy, &open_scopes()).is_ok());
        let private = with(app(), "tos_uri", json!("http://app.local/tos"));
        assert!(crate::rules::check(&private, &policy, &open_scopes()).is_err());
    }
}
