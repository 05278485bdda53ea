//! Whatever the rules on metadata let pass makes a row: an app never meets an internal error for
//! what it wrote.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Map, Value, json};
use time::macros::datetime;
use udap::key::PublicKey;
use udap::rules::{self, ContactMatch, GrantsOffered, MetadataPolicy, Profile};
use udap::scope::ScopePolicy;
use udap_openemr::{ClientRow, RowKey};
use udap_store::Client;
use udap_testkit::TestKey;

/// Text that is mostly plain, now and then anything that JSON can hold.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        40 => "[a-zA-Z0-9][a-zA-Z0-9._~-]{0,11}",
        2 => "[ -~]{0,12}",
        1 => "\\PC{0,6}",
        1 => any::<String>().prop_map(|text| text.chars().take(6).collect()),
    ]
}

fn uri() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        30 => Just("app.example.org".to_owned()),
        1 => Just("bücher.example.org".to_owned()),
        1 => text(),
    ];
    let scheme = prop_oneof![30 => Just("https"), 1 => Just("http"), 1 => Just("mailto")];
    (scheme, host, text(), text())
        .prop_map(|(scheme, host, path, query)| format!("{scheme}://{host}/{path}?{query}"))
}

fn contact() -> impl Strategy<Value = String> {
    prop_oneof![
        (text(), text())
            .prop_map(|(local, query)| format!("mailto:{local}@app.example.org?{query}")),
        Just("mailto:ops@app.example.org".to_owned()),
        uri(),
    ]
}

fn claims() -> impl Strategy<Value = Map<String, Value>> {
    let maybe = |strategy: BoxedStrategy<String>| proptest::option::of(strategy);
    (
        text(),
        any::<bool>(),
        proptest::collection::vec(uri(), 1..4),
        proptest::collection::vec(contact(), 1..3),
        (
            maybe(uri().boxed()),
            maybe(uri().boxed()),
            maybe(uri().boxed()),
        ),
        (maybe(uri().boxed()), maybe(uri().boxed())),
        prop_oneof![3 => Just(String::new()), 1 => text()],
    )
        .prop_map(|(name, code, redirects, contacts, pages, launch, scope)| {
            let mut claims = json!({
                "client_name": name,
                "contacts": contacts,
                "token_endpoint_auth_method": "private_key_jwt",
                "client_uri": pages.0,
                "tos_uri": pages.1,
                "policy_uri": pages.2,
                "initiate_login_uri": launch.0,
                "logo_uri": "https://app.example.org/logo.png",
            });
            if let Some(uri) = launch.1 {
                claims["post_logout_redirect_uris"] = json!([uri]);
            }
            if code {
                claims["grant_types"] = json!(["authorization_code", "refresh_token"]);
                claims["response_types"] = json!(["code"]);
                claims["redirect_uris"] = json!(redirects);
                claims["scope"] = json!(format!("openid patient/Patient.read {scope}"));
            } else {
                claims["grant_types"] = json!(["client_credentials"]);
                claims["scope"] = json!(format!("system/Patient.read {scope}"));
            }
            let Value::Object(mut claims) = claims else {
                return Map::new();
            };
            claims.retain(|_, value| !value.is_null());
            claims
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn metadata_that_the_rules_accept_makes_a_row(claims in claims()) {
        let policy = MetadataPolicy {
            profile: Profile::Hl7,
            contact_match: ContactMatch::Registrable,
            allow_client_credentials: true,
            allow_http_pages: true,
            grants: GrantsOffered { authorization_code: true, client_credentials: true },
        };
        let scopes = ScopePolicy::new(
            &["openid", "patient/Patient.read", "system/Patient.read"],
            None,
        );
        if let Ok(metadata) = rules::check(&claims, &policy, &scopes) {
            let client = Client {
                client_id: "mJ-_0123456789".to_owned(),
                site: "default".to_owned(),
                client_uri: "urn:example:app".to_owned(),
                metadata: metadata.to_response_members(),
                key: PublicKey::from_spki(TestKey::rsa().spki_der()).unwrap(),
                enabled: true,
                now: datetime!(2026-11-22 12:00 UTC),
            };
            let row = ClientRow::new(&client, &RowKey::Leaf);
            prop_assert!(row.is_ok(), "{:?}: {:?}", row.err(), claims);
        }
    }
}

/// The strategy reaches both grants, or the property above would say nothing.
#[test]
fn plain_metadata_is_accepted() {
    let policy = MetadataPolicy {
        profile: Profile::Hl7,
        contact_match: ContactMatch::Registrable,
        allow_client_credentials: true,
        allow_http_pages: true,
        grants: GrantsOffered {
            authorization_code: true,
            client_credentials: true,
        },
    };
    let scopes = ScopePolicy::new(
        &["openid", "patient/Patient.read", "system/Patient.read"],
        None,
    );
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let accepted = (0..500)
        .filter(|_| {
            let claims = claims().new_tree(&mut runner).unwrap().current();
            rules::check(&claims, &policy, &scopes).is_ok()
        })
        .count();
    assert!(accepted > 50, "{accepted} of 500");
}
