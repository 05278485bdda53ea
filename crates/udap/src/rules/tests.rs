//! All rules together.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Profile::{EmrDirect, Hl7};
use super::fixtures::{app, claims, codes, open_scopes, policy, service, violations, with};
use super::{Grant, LinkChecks, LinkKind, check, is_cancellation};
use crate::error::{ErrorCode, Refusal};

/// Proves: D10, D11
#[test]
fn only_an_empty_array_of_grant_types_cancels() {
    assert!(is_cancellation(&claims(json!({"grant_types": []}))));
    for other in [
        json!({}),
        json!({"grant_types": ""}),
        json!({"grant_types": null}),
        json!({"grant_types": {}}),
        json!({"grant_types": [""]}),
        json!({"grant_types": ["client_credentials"]}),
    ] {
        assert!(!is_cancellation(&claims(other)));
    }
}

/// Proves: B20, B21, B28, B29, B31, B32, B34
#[test]
fn a_statement_with_seven_faults_is_told_all_seven() {
    let faulty = claims(json!({
        "client_name": "",
        "grant_types": ["authorization_code", "password"],
        "redirect_uris": ["http://app.example.org/cb"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "contacts": ["ops@example.org"],
        "logo_uri": "https://app.example.org/logo.svg",
        "policy_uri": "privacy",
        "scope": "patient/Patient.read",
    }));
    let found = violations(Hl7, &faulty);
    insta::assert_json_snapshot!("seven_faults", found);
    assert_eq!(found.len(), 7);
    assert_eq!(
        Refusal::metadata(found).unwrap().code(),
        ErrorCode::InvalidClientMetadata
    );
}

/// Proves: B41
#[test]
fn violations_of_rules_and_scope_policy_come_together() {
    let faulty = with(
        with(app(), "scope", json!("system/Patient.read")),
        "client_name",
        json!(1),
    );
    assert_eq!(
        codes(Hl7, &faulty),
        ["client_name_not_string", "scope_none_granted"]
    );
}

/// Proves: B32
#[test]
fn a_scope_claim_is_required_and_a_string_of_scopes() {
    for (scope, code) in [
        (Value::Null, "scope_missing"),
        (json!(["openid"]), "scope_not_string"),
        (json!(""), "scope_empty"),
        (json!("  "), "scope_empty"),
        (json!("openid\tprofile"), "scope_characters"),
        (json!("ö"), "scope_characters"),
    ] {
        assert_eq!(codes(Hl7, &with(app(), "scope", scope.clone())), [code]);
        // A fault in the grant type hides none in the form of the scope.
        let both = with(with(app(), "scope", scope), "grant_types", json!("x"));
        assert_eq!(codes(Hl7, &both), ["grant_types_not_array", code]);
    }
}

/// Proves: B07, B35, E03, E05, E06, E07, E12
#[test]
fn an_app_with_a_person_is_answered_what_is_registered_and_nothing_else() {
    let mut claims = app();
    claims.insert("jwks".to_owned(), json!({"keys": []}));
    claims.insert("jwks_uri".to_owned(), json!("http://10.0.0.1/jwks"));
    claims.insert("software_id".to_owned(), json!(7));
    claims.insert("client_name#de".to_owned(), json!("Beispiel"));
    claims.insert("surprise".to_owned(), json!({"x": [1]}));
    claims.insert(
        "initiate_login_uri".to_owned(),
        json!("https://app.example.org/launch"),
    );
    claims.insert(
        "post_logout_redirect_uris".to_owned(),
        json!(["https://app.example.org/bye"]),
    );
    let metadata = check(&claims, &policy(EmrDirect), &open_scopes()).unwrap();
    assert_eq!(metadata.grant(), Grant::AuthorizationCode { refresh: true });
    insta::assert_json_snapshot!("app_response", metadata.to_response_members());
}

/// Proves: B33, E03, E06
#[test]
fn a_service_is_answered_without_empty_members() {
    let metadata = check(&service(), &policy(Hl7), &open_scopes()).unwrap();
    insta::assert_json_snapshot!("service_response", metadata.to_response_members());
}

/// Proves: I07, I14
#[test]
fn logo_client_page_and_each_redirect_uri_are_visited() {
    let metadata = check(&app(), &policy(EmrDirect), &open_scopes()).unwrap();
    let links = |checks| {
        let links = metadata.links(checks).into_iter();
        links.map(|link| (link.kind, link.url)).collect::<Vec<_>>()
    };
    let url = |path: &str| format!("https://app.example.org/{path}");
    assert_eq!(links(LinkChecks::Off), []);
    assert_eq!(
        links(LinkChecks::All)[2..4],
        [
            (LinkKind::Terms, url("tos")),
            (LinkKind::Policy, url("privacy")),
        ]
    );
    assert_eq!(
        links(LinkChecks::On),
        [
            (LinkKind::Logo, url("logo.png")),
            (LinkKind::Client, url("")),
            (LinkKind::Redirect(0), url("cb")),
            (LinkKind::Redirect(1), url("cb?x=1")),
        ]
    );
    let bare = check(&service(), &policy(Hl7), &open_scopes()).unwrap();
    assert!(bare.links(LinkChecks::All).is_empty());
}

/// Messages are ours alone: a value of the request in one would let a caller write into answers and
/// logs.
#[test]
fn no_value_of_the_request_is_in_a_message() {
    let marker = "zzmarkerzz";
    let mut faulty = app();
    for value in faulty.values_mut() {
        *value = match value {
            Value::Array(_) => json!([marker, format!("ftp://{marker}@x/#|*")]),
            _ => json!(format!("{marker}:\n")),
        };
    }
    for profile in [Hl7, EmrDirect] {
        let found = violations(profile, &faulty);
        assert!(found.len() >= 9, "{found:?}");
        assert!(!serde_json::to_string(&found).unwrap().contains(marker));
    }
}

/// A value for a claim: well-formed ones, near misses and anything at all.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "(https?|mailto|app):(//)?(ops@)?(app\\.)?(example\\.org|localhost|127\\.1|github\\.io|\\[::1\\])(:8443)?(/[a-z.*|#?@%]{0,6})?",
        "mailto:[a-z.]{1,4}@(app\\.)?(example\\.org|gmail\\.com|b%C3%BCcher\\.de)(\\?x=1)?",
        "(authorization_code|refresh_token|client_credentials|code|private_key_jwt)",
        "((openid|launch|udap|(system|patient|user)/(\\*|Patient)\\.(read|rs|write|\\*|\\$export)) ?){0,4}",
        "\\PC{0,12}",
    ]
    .prop_map(Value::from);
    let leaf =
        prop_oneof![8 => text, 1 => any::<i64>().prop_map(Value::from), 1 => Just(json!({}))];
    prop_oneof![
        leaf.clone(),
        prop::collection::vec(leaf, 0..4).prop_map(Value::from)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Proves: B25, B26, B30, B31
    #[test]
    fn nothing_panics_and_whatever_is_accepted_keeps_the_invariants(
        changes in prop::collection::vec((0..12_usize, value()), 0..3),
        person: bool,
        strict: bool,
    ) {
        let names = [
            "client_name", "grant_types", "response_types", "redirect_uris", "scope", "contacts",
            "token_endpoint_auth_method", "logo_uri", "client_uri", "tos_uri", "policy_uri",
            "initiate_login_uri",
        ];
        let mut claims = if person { app() } else { service() };
        for (name, value) in changes {
            claims.insert(names[name].to_owned(), value);
        }
        let profile = if strict { EmrDirect } else { Hl7 };
        match check(&claims, &policy(profile), &open_scopes()) {
            Err(found) => {
                prop_assert!(!found.is_empty());
                for violation in found {
                    let claim = format!("/{}", violation.claim);
                    prop_assert!(violation.pointer.starts_with(&claim));
                    prop_assert!(violation.message.ends_with('.'));
                }
            }
            Ok(metadata) => {
                let code = metadata.grant() != Grant::ClientCredentials;
                prop_assert_eq!(code, !metadata.redirect_uris().is_empty());
                prop_assert_eq!(code, !metadata.response_types().is_empty());
                for uri in metadata.redirect_uris() {
                    prop_assert!(uri.starts_with("https://"));
                    prop_assert!(!uri.contains(['|', '#', '*', ' ']));
                    prop_assert!(!strict || !uri.contains("localhost") && !uri.contains("127."));
                }
                prop_assert!(metadata.contacts().iter().any(|contact| contact.starts_with("mailto:")));
                prop_assert!(!metadata.scopes().granted().is_empty());
                let members = metadata.to_response_members();
                for (name, value) in &members {
                    prop_assert!(!value.is_null() && value != "" && value != &json!([]));
                    if name != "scope" {
                        prop_assert_eq!(Some(value), claims.get(name));
                    }
                }
            }
        }
    }
}
