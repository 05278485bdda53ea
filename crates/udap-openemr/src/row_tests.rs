use proptest::prelude::*;
use time::macros::datetime;
use udap_testkit::{KeyKind, TestKey};

use super::*;
use crate::ClientSecret;

fn key(kind: KeyKind) -> PublicKey {
    let key = match kind {
        KeyKind::Rsa2048 => TestKey::rsa(),
        other => TestKey::generate(other),
    };
    PublicKey::from_spki(key.spki_der()).unwrap()
}

fn client(metadata: Value) -> Client {
    let mut members = json!({
        "client_name": "Example App",
        "grant_types": ["client_credentials"],
        "contacts": ["mailto:ops@example.org", "https://example.org/support"],
        "scope": "system/Patient.read system/Observation.rs?category=laboratory",
    });
    if let (Value::Object(members), Value::Object(changes)) = (&mut members, metadata) {
        for (name, value) in changes {
            match value {
                Value::Null => members.remove(&name),
                value => members.insert(name, value),
            };
        }
    }
    Client {
        client_id: "mJ-_0123456789".to_owned(),
        site: "default".to_owned(),
        client_uri: "https://app.example.org/client".to_owned(),
        metadata: members.as_object().unwrap().clone(),
        key: key(KeyKind::Rsa2048),
        enabled: true,
        now: datetime!(2026-11-22 12:00 UTC),
    }
}

fn row(metadata: Value) -> Result<ClientRow, RowError> {
    ClientRow::new(&client(metadata), &RowKey::Leaf)
}

fn code(redirects: Value) -> Value {
    json!({
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": redirects,
        "scope": "openid fhirUser patient/Patient.read",
    })
}

fn column<'a>(row: &'a ClientRow, secret: &'a ClientSecret, name: &str) -> ColumnValue<'a> {
    let columns = row.insert_columns(secret);
    let found = columns.iter().find(|(column, _)| *column == name);
    found.expect("there is such a column").1
}

#[test]
fn a_row_has_openemrs_25_columns() {
    let secret = ClientSecret::generate().unwrap();
    let one = client(json!({}));
    let row = ClientRow::new(&one, &RowKey::Leaf).unwrap();
    let Jwk::Rsa { e, n } = one.key.jwk() else {
        panic!("an RSA key");
    };
    let jwks = json!({"keys": [{
        "kty": "RSA", "use": "sig", "alg": "RS384",
        "kid": one.key.jwk().thumbprint(), "n": n, "e": e,
    }]})
    .to_string();
    use ColumnValue::{Null, Number, Text, Time};
    assert_eq!(
        row.insert_columns(&secret),
        [
            ("client_id", Text("mJ-_0123456789")),
            ("client_role", Text("user")),
            ("client_name", Text("Example App")),
            ("client_secret", Text(secret.as_str())),
            ("registration_token", Null),
            ("registration_uri_path", Null),
            ("register_date", Time(datetime!(2026-11-22 12:00 UTC))),
            ("revoke_date", Null),
            (
                "contacts",
                Text("mailto:ops@example.org|https://example.org/support")
            ),
            ("redirect_uri", Text("https://app.example.org/client")),
            ("grant_types", Text("client_credentials")),
            (
                "scope",
                Text("system/Patient.read system/Observation.rs?category=laboratory")
            ),
            ("user_id", Null),
            ("site_id", Text("default")),
            ("is_confidential", Number(1)),
            ("logout_redirect_uris", Null),
            ("jwks_uri", Null),
            ("jwks", Text(&jwks)),
            ("initiate_login_uri", Null),
            ("endorsements", Null),
            ("policy_uri", Null),
            ("tos_uri", Null),
            ("is_enabled", Number(1)),
            ("skip_ehr_launch_authorization_flow", Number(0)),
            ("dsi_type", Number(0)),
        ]
    );
}

#[test]
fn a_modification_replaces_what_statements_say_and_nothing_else() {
    let secret = ClientSecret::generate().unwrap();
    let row = row(json!({"policy_uri": "https://example.org/privacy"})).unwrap();
    let inserted = row.insert_columns(&secret);
    let kept = [
        "client_id",
        "client_role",
        "client_secret",
        "registration_token",
        "registration_uri_path",
        "register_date",
        "user_id",
        "site_id",
        "is_confidential",
        "endorsements",
        "skip_ehr_launch_authorization_flow",
        "dsi_type",
    ];
    let replaced: Vec<_> = inserted
        .into_iter()
        .filter(|(name, _)| !kept.contains(name))
        .collect();
    assert_eq!(row.update_columns().to_vec(), replaced);
}

#[test]
fn an_authorization_code_row_holds_its_redirect_uris_and_pages() {
    let mut metadata = code(json!([
        "https://a.example.org/cb",
        "https://b.example.org/cb?x=1"
    ]));
    metadata["tos_uri"] = "https://example.org/terms".into();
    metadata["initiate_login_uri"] = "https://example.org/launch".into();
    metadata["post_logout_redirect_uris"] = json!(["https://example.org/bye?x=1"]);
    let row = row(metadata).unwrap();
    let secret = ClientSecret::generate().unwrap();
    let text = |name| match column(&row, &secret, name) {
        ColumnValue::Text(text) => text,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(
        text("redirect_uri"),
        "https://a.example.org/cb|https://b.example.org/cb?x=1"
    );
    assert_eq!(text("grant_types"), "authorization_code|refresh_token");
    assert_eq!(text("tos_uri"), "https://example.org/terms");
    assert_eq!(text("initiate_login_uri"), "https://example.org/launch");
    assert_eq!(text("logout_redirect_uris"), "https://example.org/bye?x=1");
}

#[test]
fn without_redirection_a_row_holds_a_harmless_uri_or_an_empty_text_but_never_null() {
    let secret = ClientSecret::generate().unwrap();
    let redirect = |metadata: Value, client_uri: &str| {
        let mut one = client(metadata);
        one.client_uri = client_uri.to_owned();
        let row = ClientRow::new(&one, &RowKey::Leaf).unwrap();
        match column(&row, &secret, "redirect_uri") {
            ColumnValue::Text(text) => text.to_owned(),
            other => panic!("{other:?}"),
        }
    };
    let page = json!({"client_uri": "https://example.org/about"});
    assert_eq!(redirect(page, "https://app/"), "https://example.org/about");
    let plain = json!({"client_uri": "http://example.org/about"});
    assert_eq!(redirect(plain, "https://app/"), "https://app/");
    for unfit in [
        "urn:uuid:1",
        "http://app/",
        "https://app/#f",
        "https://app/a|b",
        "https://é/",
    ] {
        assert_eq!(redirect(json!({}), unfit), "", "{unfit}");
    }
}

#[test]
fn what_would_break_openemr_has_no_row() {
    use RowError::{Characters, Empty, GrantTypes, NotHttps, Separator, TooLong, TooMany};
    let long = |length: usize| "x".repeat(length);
    let many = |length| format!("https://a/{}", long(length));
    for (metadata, expected) in [
        (json!({"client_name": null}), Empty("client_name")),
        (json!({"client_name": "a\u{7}b"}), Characters("client_name")),
        (
            json!({"client_name": "é".repeat(81)}),
            TooLong {
                column: "client_name",
                limit: 80,
            },
        ),
        (
            json!({"contacts": ["mailto:a|b@example.org"]}),
            Separator("contacts"),
        ),
        (
            json!({"contacts": ["mailto:é@example.org"]}),
            Characters("contacts"),
        ),
        (json!({"contacts": [""]}), Empty("contacts")),
        (json!({"grant_types": ["password"]}), GrantTypes),
        (json!({"grant_types": []}), GrantTypes),
        (json!({"grant_types": ["refresh_token"]}), GrantTypes),
        (
            json!({"grant_types": ["client_credentials", "authorization_code"]}),
            GrantTypes,
        ),
        (
            json!({"redirect_uris": ["https://a/"]}),
            TooMany("redirect_uri"),
        ),
        (code(json!([])), Empty("redirect_uri")),
        (code(json!(["http://a/"])), NotHttps("redirect_uri")),
        (
            code(json!(["https://a/", "app:/cb"])),
            NotHttps("redirect_uri"),
        ),
        (
            code(json!(["https://a/|https://b/"])),
            Separator("redirect_uri"),
        ),
        (code(json!(["https://a/#f"])), Characters("redirect_uri")),
        (code(json!(["https://a/ b"])), Characters("redirect_uri")),
        (
            code(json!([many(40_000), many(40_001)])),
            TooLong {
                column: "redirect_uri",
                limit: 65_535,
            },
        ),
        (json!({"scope": null}), Empty("scope")),
        (json!({"tos_uri": ""}), Empty("tos_uri")),
        (
            json!({"policy_uri": "https://a/é"}),
            Characters("policy_uri"),
        ),
        (
            json!({"initiate_login_uri": "https://a/?x"}),
            Characters("initiate_login_uri"),
        ),
        (
            json!({"initiate_login_uri": "http://a/"}),
            NotHttps("initiate_login_uri"),
        ),
        (
            json!({"post_logout_redirect_uris": ["https://a/", "https://b/"]}),
            TooMany("logout_redirect_uris"),
        ),
        (
            json!({"post_logout_redirect_uris": ["https://a/|"]}),
            Separator("logout_redirect_uris"),
        ),
    ] {
        assert_eq!(row(metadata.clone()), Err(expected), "{metadata}");
    }
}

#[test]
fn scopes_that_openemr_cannot_parse_have_no_row() {
    for scope in [
        " system/Patient.read",
        "system/Patient.read ",
        "system/Patient.read  system/Group.read",
        "system/Patient.read\tsystem/Group.read",
        "system/*.*",
        "system/*.read",
        "system/Patient.*",
        "system/Patient.sr",
        "system/Patient.foo",
        "https://example.org/scope",
        "a&b",
        "é",
    ] {
        assert!(
            matches!(row(json!({"scope": scope})), Err(RowError::Scope(_))),
            "{scope:?}"
        );
    }
    assert!(row(json!({"scope": "system/Patient.read system/*.$export"})).is_ok());
}

#[test]
fn ids_that_openemr_cannot_use_have_no_row() {
    for (id, site, expected) in [
        ("a/b", "default", RowError::Characters("client_id")),
        ("é", "default", RowError::Characters("client_id")),
        ("", "default", RowError::Empty("client_id")),
        ("a", "", RowError::Empty("site_id")),
    ] {
        let mut one = client(json!({}));
        one.client_id = id.to_owned();
        one.site = site.to_owned();
        assert_eq!(ClientRow::new(&one, &RowKey::Leaf), Err(expected));
    }
    let mut one = client(json!({}));
    one.client_id = "x".repeat(81);
    let limit = 80;
    let column = "client_id";
    assert_eq!(
        ClientRow::new(&one, &RowKey::Leaf),
        Err(RowError::TooLong { column, limit })
    );
}

#[test]
fn a_row_holds_the_apps_rsa_key_or_the_gateways_key_alone() {
    let mut one = client(json!({}));
    one.key = key(KeyKind::P256);
    assert_eq!(ClientRow::new(&one, &RowKey::Leaf), Err(RowError::Key));
    let gateway = key(KeyKind::Rsa3072);
    let row = ClientRow::new(&one, &RowKey::Gateway(gateway.jwk().clone())).unwrap();
    let jwks: Value = serde_json::from_str(&row.jwks).unwrap();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 1);
    assert_eq!(jwks["keys"][0]["kid"], gateway.jwk().thumbprint());
    let elliptic = RowKey::Gateway(key(KeyKind::P256).jwk().clone());
    assert_eq!(ClientRow::new(&one, &elliptic), Err(RowError::Key));
}

proptest! {
    /// Whatever a list is made of: split again, it is the same list, and nothing breaks out of it.
    #[test]
    fn a_stored_list_splits_into_its_elements(
        paths in proptest::collection::vec("[ -~é|#]{0,12}", 1..5),
    ) {
        let uris: Vec<String> = paths.iter().map(|path| format!("https://a/{path}")).collect();
        let Ok(row) = row(code(json!(uris))) else {
            return Ok(());
        };
        let split: Vec<&str> = row.redirect_uri.split('|').collect();
        prop_assert_eq!(split, uris);
        prop_assert!(row.redirect_uri.is_ascii() && !row.redirect_uri.contains([' ', '#']));
    }

    #[test]
    fn a_stored_scope_column_holds_single_spaces(scope in "[a-zP/.*$? ]{0,24}") {
        if let Ok(row) = row(json!({"scope": scope})) {
            prop_assert!(!row.scope.starts_with(' ') && !row.scope.ends_with(' '));
            prop_assert!(!row.scope.contains("  ") && !row.scope.is_empty());
        }
    }
}
