//! `--metadata` of `udap ca issue`, `sign`, `renew` and `rekey`: what servers ask, asked before a
//! certificate is issued.

use serde_json::{Value, json};

use crate::openssl::openssl_says;
use crate::ran::{Place, Ran};

const URI: &str = "https://app.example.com/client";

/// What the stricter rules let pass.
fn good() -> Value {
    json!({
        "client_name": "First App",
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["https://app.example.com/callback"],
        "contacts": ["mailto:ops@example.com"],
        "logo_uri": "https://app.example.com/logo.png",
        "client_uri": "https://www.example.com",
        "tos_uri": "https://www.example.com/terms",
        "policy_uri": "https://www.example.com/privacy",
        "scope": "patient/*.read launch offline_access",
    })
}

fn community() -> Place {
    let place = Place::new();
    place
        .run("ca init --dir ca --name Example --key p384")
        .good();
    place.write("app.json", good().to_string());
    place
}

fn issue(place: &Place, rest: &str) -> Ran {
    place.run(&format!(
        "ca issue client --dir ca --uri {URI} --name App --org Operator --key-type p256 --out app.pem {rest}"
    ))
}

fn issued_leaves(place: &Place) -> usize {
    let listed = place.run("ca list --dir ca --json").good().json();
    listed.as_array().unwrap().len() - 1
}

#[test]
fn what_was_judged_is_kept_with_the_certificate() {
    let place = community();
    let said = issue(
        &place,
        "--metadata app.json --metadata-profile emr-direct --json",
    )
    .good();
    assert_eq!(said.err, "");
    let issued = said.json();
    assert_eq!(issued["metadata_rules"], "emr-direct");
    let serial = issued["serial"].as_str().unwrap();

    let shown = place
        .run(&format!("ca show --dir ca {serial} --json"))
        .good()
        .json();
    assert_eq!(shown["serial"], serial);
    assert_eq!(shown["metadata"]["rules"], "emr-direct");
    assert!(shown["metadata"]["checked_at"].is_string());
    assert_eq!(shown["metadata"]["links_visited"], false);
    let claims = &shown["metadata"]["claims"];
    for (name, value) in good().as_object().unwrap() {
        assert_eq!(&claims[name], value);
    }
    // What `udap register` adds.
    assert_eq!(claims["response_types"], json!(["code"]));
    let listed = place.run("ca list --dir ca --json").good().json();
    assert_eq!(listed[0]["metadata"], Value::Null);
    assert_eq!(listed[1]["metadata"], shown["metadata"]);

    let text = place.run("ca show --dir ca app.pem").good().out;
    for part in [
        "kept the rules of emr-direct",
        "https://www.example.com/terms",
    ] {
        assert!(text.contains(part), "{text}");
    }
    place.run("ca show --dir ca 0123456789abcdef").refused();
}

#[test]
fn a_broken_rule_prevents_the_certificate_and_all_are_told() {
    let place = community();
    let mut bad = good();
    bad["contacts"] = json!(["mailto:ops@example.org"]);
    bad["logo_uri"] = json!("http://app.example.com/logo.png");
    bad["client_name"] = json!("");
    place.write("bad.json", bad.to_string());
    let refused = issue(
        &place,
        "--metadata bad.json --metadata-profile emr-direct --json",
    )
    .refused()
    .json();
    let rules: Vec<&str> = refused["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["rule"].as_str().unwrap())
        .collect();
    for rule in ["B20", "I16", "B29"] {
        assert!(rules.contains(&rule), "{rule}: {rules:?}");
    }
    let told = issue(&place, "--metadata bad.json --metadata-profile emr-direct").refused();
    for part in [
        "/client_name",
        "/logo_uri",
        "/contacts",
        "nothing was issued",
    ] {
        assert!(told.err.contains(part), "{}", told.err);
    }
    assert_eq!(issued_leaves(&place), 0);
    for file in ["app.pem", "app.key"] {
        assert!(!place.path(file).exists(), "{file}");
    }
}

#[test]
fn each_profile_asks_its_own_and_scopes_are_for_servers_to_say() {
    let place = community();
    let little = |scope: &str| {
        json!({
            "client_name": "First App",
            "grant_types": ["client_credentials"],
            "contacts": ["mailto:ops@example.com"],
            "scope": scope,
        })
        .to_string()
    };
    place.write("little.json", little("system/*.* system/Any.cruds"));
    issue(
        &place,
        "--metadata little.json --metadata-profile emr-direct",
    )
    .refused();
    // No server grants an app of this kind a patient's scopes.
    place.write("useless.json", little("patient/*.read"));
    let refused = issue(&place, "--metadata useless.json").refused();
    assert!(refused.err.contains("B41"), "{}", refused.err);
    issue(&place, "--metadata little.json").good();
    assert_eq!(issued_leaves(&place), 1);
}

#[test]
fn metadata_of_another_domain_is_warned_about() {
    let place = community();
    let mut elsewhere = good();
    elsewhere["client_uri"] = json!("https://www.example.org");
    elsewhere["redirect_uris"] = json!(["https://example.org/callback"]);
    place.write("elsewhere.json", elsewhere.to_string());
    let said = issue(&place, "--metadata elsewhere.json").good();
    assert!(said.err.contains("other domains"), "{}", said.err);
}

#[test]
fn requests_renewals_and_new_keys_are_judged_too() {
    let place = community();
    place.write("bad.json", "{}");
    openssl_says(
        &place,
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -subj /CN=a -out own.csr",
    );
    let sign =
        format!("ca sign --dir ca --csr own.csr --uri {URI} --name App --out app.pem --metadata");
    place.run(&format!("{sign} bad.json")).refused();
    place
        .run(&format!("{sign} app.json --profile server"))
        .misused();
    assert_eq!(issued_leaves(&place), 0);
    place.run(&format!("{sign} app.json")).good();
    for (number, verb) in ["renew", "rekey"].into_iter().enumerate() {
        let again = format!("ca {verb} --dir ca app.pem --out {verb}.pem --metadata");
        place.run(&format!("{again} bad.json")).refused();
        assert_eq!(issued_leaves(&place), number + 1);
        assert!(!place.path(&format!("{verb}.key")).exists());
        place.run(&format!("{again} app.json")).good();
        let shown = place.run(&format!("ca show --dir ca {verb}.pem --json"));
        assert_eq!(shown.good().json()["metadata"]["rules"], "hl7");
    }
}

#[test]
fn a_file_that_is_no_metadata_is_refused() {
    let place = community();
    for (name, content) in [
        ("array.json", "[]"),
        ("twice.json", r#"{"client_name":"a","client_name":"b"}"#),
        ("iss.json", r#"{"iss":"https://app.example.com/client"}"#),
    ] {
        place.write(name, content);
        issue(&place, &format!("--metadata {name}")).refused();
    }
    let large = format!("{{\"x\":\"{}\"}}", "a".repeat(1 << 20));
    place.write("large.json", large);
    let refused = issue(&place, "--metadata large.json").refused();
    assert!(refused.err.contains("larger"), "{}", refused.err);
    issue(&place, "--metadata-profile hl7").misused();
    assert_eq!(issued_leaves(&place), 0);
}

#[test]
fn links_are_visited_where_that_is_asked_for() {
    let place = community();
    let inside = json!({
        "client_name": "First App",
        "grant_types": ["authorization_code"],
        "redirect_uris": ["https://127.0.0.1/callback"],
        "contacts": ["mailto:ops@example.com"],
        "logo_uri": "https://[::1]/logo.png",
        "scope": "openid",
    });
    place.write("inside.json", inside.to_string());
    let refused = issue(&place, "--metadata inside.json --check-links --json")
        .refused()
        .json();
    let told: Vec<_> = refused["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["pointer"].as_str().unwrap(),
                one["rule"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("/logo_uri", "I08"), ("/redirect_uris/0", "I08")]);
    assert_eq!(issued_leaves(&place), 0);
    issue(&place, "--check-links").misused();
    issue(&place, "--metadata inside.json").good();
}
