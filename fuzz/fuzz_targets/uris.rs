//! URIs and contacts, one a line, in claims that are otherwise good.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use udap::rules::{self, ContactMatch, GrantsOffered, MetadataPolicy, Profile};
use udap::scope::ScopePolicy;
use udap_fuzz::invariants;
use udap_fuzz::world::SCOPES;

static POLICY: LazyLock<ScopePolicy> = LazyLock::new(|| ScopePolicy::new(&SCOPES, None));

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for line in text.lines().take(4) {
        // The same text wherever a URI may stand; the rest as it should be.
        check("redirect_uris", json!([line]));
        check("contacts", json!([line]));
        check("contacts", json!(["mailto:ops@example.org", line]));
        for claim in [
            "logo_uri",
            "client_uri",
            "tos_uri",
            "policy_uri",
            "initiate_login_uri",
        ] {
            check(claim, json!(line));
        }
        check("post_logout_redirect_uris", json!([line]));
    }
    let lines: Vec<&str> = text.lines().collect();
    check("redirect_uris", json!(lines));
    check("contacts", json!(lines));
});

fn check(claim: &str, value: Value) {
    let mut claims = json!({
        "client_name": "Example App",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "redirect_uris": ["https://app.example.org/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": "openid patient/Patient.read",
        "contacts": ["mailto:ops@example.org"],
        "logo_uri": "https://app.example.org/logo.png",
        "client_uri": "https://app.example.org/",
        "tos_uri": "https://app.example.org/tos",
        "policy_uri": "https://app.example.org/privacy",
    });
    claims[claim] = value;
    let claims = claims.as_object().expect("claims are an object");
    let mut accepted = [false; 2];
    for (profile, accepted) in [Profile::EmrDirect, Profile::Hl7]
        .into_iter()
        .zip(&mut accepted)
    {
        let policy = MetadataPolicy {
            profile,
            contact_match: ContactMatch::Registrable,
            allow_client_credentials: false,
            allow_http_pages: false,
            grants: GrantsOffered {
                authorization_code: true,
                client_credentials: false,
            },
        };
        match rules::check(claims, &policy, &POLICY) {
            Ok(metadata) => {
                *accepted = true;
                invariants::metadata(claims, profile, &metadata);
            }
            Err(violations) => {
                // A single fault is told as what it is.
                assert!(
                    violations
                        .iter()
                        .any(|one| one.claim == claim || one.claim == "contacts")
                );
                invariants::violations(&violations);
            }
        }
    }
    assert!(accepted[1] || !accepted[0]);
}
