//! `emr-direct`: an e-mail contact belongs to the app (I16–I21).

use serde_json::{Map, Value};
use url::{Host, Url};

use super::contacts::Contacts;
use super::grant_types::Grant;
use super::profile::ContactMatch;
use super::registrable_domain::{normal, registrable};
use crate::error::Violation;
use crate::limits;

/// One address at least has a domain that matches a host of `redirect_uris` or `client_uri`.
///
/// Hosts are read from the claims, faulty URIs included: what is wrong with a URI is told by its
/// own rule, and does not make a matching contact wrong. Without any host there is nothing to
/// compare with; the missing `client_uri` is then a violation by itself.
pub(super) fn check(
    claims: &Map<String, Value>,
    contacts: &Contacts,
    grant: Option<&Grant>,
    matching: ContactMatch,
) -> Result<(), Vec<Violation>> {
    let hosts = hosts(claims, grant);
    let belongs = hosts.is_empty()
        || contacts
            .mail_domains
            .iter()
            .any(|domain| hosts.iter().any(|host| matches(host, domain, matching)));
    if belongs {
        return Ok(());
    }
    Err(vec![Violation::of(
        "I16",
        "contacts",
        "contacts_foreign_domain",
        match matching {
            ContactMatch::Registrable => {
                "At least one e-mail contact must belong to the registrable domain of a redirect \
                 URI or of the client URI."
            }
            ContactMatch::Host => {
                "At least one e-mail contact must have the host of a redirect URI or of the client \
                 URI as its domain."
            }
        },
    )])
}

fn hosts(claims: &Map<String, Value>, grant: Option<&Grant>) -> Vec<String> {
    // I21: an app for client_credentials has no redirect URIs that could speak for it.
    let redirects = match grant {
        Some(Grant::ClientCredentials) => None,
        _ => claims.get("redirect_uris").and_then(Value::as_array),
    };
    redirects
        .into_iter()
        .flatten()
        .take(limits::REDIRECT_URIS)
        .chain(claims.get("client_uri"))
        .filter_map(|value| host(value.as_str()?))
        .collect()
}

fn host(uri: &str) -> Option<String> {
    if uri.len() > limits::URI_BYTES {
        return None;
    }
    let url = Url::parse(uri).ok()?;
    match url.host()? {
        Host::Domain(name) if url.is_special() => Some(normal(name)),
        Host::Domain(_) => None,
        // Kept so that an app known by address alone fails to match instead of going unjudged.
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

fn matches(host: &str, mail_domain: &str, matching: ContactMatch) -> bool {
    // A public suffix, an address and a single label belong to nobody in particular (I18).
    let Some(domain) = registrable(host) else {
        return false;
    };
    match matching {
        ContactMatch::Registrable => registrable(mail_domain) == Some(domain),
        ContactMatch::Host => mail_domain == host,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rules::Profile::{EmrDirect, Hl7};
    use crate::rules::fixtures::{app, codes, with};

    fn judged(contacts: Value) -> Vec<&'static str> {
        codes(EmrDirect, &with(app(), "contacts", contacts))
    }

    /// Proves: I16, I18, I19
    #[test]
    fn one_address_of_the_apps_domain_is_enough() {
        for contacts in [
            json!(["mailto:ops@example.org"]),
            json!(["mailto:ops@mail.EXAMPLE.org"]),
            json!(["mailto:me@gmail.com", "mailto:ops@example.org"]),
            json!(["mailto:me@gmail.com,ops@example.org"]),
            json!(["mailto:ops%40example.org"]),
        ] {
            assert!(judged(contacts.clone()).is_empty(), "{contacts}");
        }
        for contacts in [
            json!(["mailto:me@gmail.com"]),
            json!(["mailto:ops@example.net"]),
            json!(["mailto:ops@badexample.org"]),
        ] {
            assert_eq!(
                judged(contacts.clone()),
                ["contacts_foreign_domain"],
                "{contacts}"
            );
            assert!(codes(Hl7, &with(app(), "contacts", contacts)).is_empty());
        }
    }

    /// Proves: I18
    #[test]
    fn international_domains_are_compared_by_a_label() {
        let claims = with(app(), "client_uri", json!("https://xn--bcher-kva.de/"));
        let claims = with(
            claims,
            "contacts",
            json!(["mailto:ops@mail.b%C3%BCcher.de"]),
        );
        assert!(codes(EmrDirect, &claims).is_empty());
    }

    /// Proves: I21
    #[test]
    fn redirect_uris_and_client_uri_both_speak_for_an_app_with_a_person() {
        let contacts = json!(["mailto:ops@vendor.com"]);
        let claims = with(app(), "contacts", contacts);
        let by_client = with(
            claims.clone(),
            "client_uri",
            json!("https://vendor.com/app"),
        );
        assert!(codes(EmrDirect, &by_client).is_empty());
        let by_redirect = with(claims, "redirect_uris", json!(["https://go.vendor.com/cb"]));
        assert!(codes(EmrDirect, &by_redirect).is_empty());
    }

    /// Proves: I21
    #[test]
    fn for_client_credentials_the_client_uri_alone_speaks() {
        let mut claims = app();
        claims.remove("response_types");
        claims.remove("redirect_uris");
        let claims = with(claims, "grant_types", json!(["client_credentials"]));
        let claims = with(claims, "scope", json!("system/Patient.read"));
        assert!(codes(EmrDirect, &claims).is_empty());
        let foreign = with(claims, "client_uri", json!("https://vendor.com/app"));
        assert_eq!(codes(EmrDirect, &foreign), ["contacts_foreign_domain"]);
        let redirects = json!(["https://app.example.org/cb"]);
        assert_eq!(
            codes(EmrDirect, &with(foreign, "redirect_uris", redirects)),
            ["redirect_uris_forbidden", "contacts_foreign_domain"]
        );
    }

    #[test]
    fn an_app_known_by_address_alone_matches_no_contact() {
        let claims = with(app(), "redirect_uris", json!(["https://127.0.0.1/cb"]));
        let claims = with(claims, "client_uri", json!("https://127.0.0.1/"));
        assert!(codes(EmrDirect, &claims).contains(&"contacts_foreign_domain"));
    }

    /// Proves: I17, I18
    #[test]
    fn domains_match_by_registrable_domain_with_private_suffixes() {
        let by_domain = |host: &str, domain: &str| matches(host, domain, ContactMatch::Registrable);
        assert!(by_domain("app.example.org", "example.org"));
        assert!(by_domain("example.org", "mail.example.org"));
        assert!(by_domain("me.github.io", "me.github.io"));
        assert!(!by_domain("you.github.io", "me.github.io"));
        assert!(!by_domain("github.io", "github.io"));
        assert!(!by_domain("app.example.org", "example.net"));
        assert!(!by_domain("app.example.org", "notexample.org"));
        assert!(!by_domain("app.example.co.uk", "other.co.uk"));
        assert!(!by_domain("127.0.0.1", "127.0.0.1"));
        assert!(!by_domain("intranet", "intranet"));
    }

    /// Proves: I17
    #[test]
    fn domains_match_by_host_where_the_community_says_so() {
        let by_host = |host: &str, domain: &str| matches(host, domain, ContactMatch::Host);
        assert!(by_host("app.example.org", "app.example.org"));
        assert!(!by_host("app.example.org", "example.org"));
        assert!(!by_host("github.io", "github.io"));
    }
}
