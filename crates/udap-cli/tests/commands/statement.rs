//! `udap statement`.

use serde_json::json;
use udap::algorithm::Algorithm;

use crate::ran::Place;

const AUD: &str = "https://emr.example.org/udap/default/register";

fn app() -> Place {
    let place = Place::new();
    place
        .run("ca init --dir ca --name Example --key p384")
        .good();
    place
        .run("ca issue client --dir ca --name App --uri https://app.example.org https://second.example.org --out app.pem")
        .good();
    place
}

fn sign(place: &Place, more: &str) -> serde_json::Value {
    let line = format!("statement sign --cert app.pem --key app.key --aud {AUD} --json {more}");
    place.run(&line).good().json()
}

/// Proves: B10, B13, B14
#[test]
fn a_statement_is_printed_alone_and_verifies() {
    let place = app();
    let line = format!(
        "statement sign --cert app.pem --key app.key --aud {AUD} --client-name App --grant client_credentials --scope system/Patient.read system/Condition.read --contact mailto:a@example.org"
    );
    let printed = place.run(&line).good().out;
    let statement = printed.strip_suffix('\n').unwrap();
    let verified = udap::jws::verify(statement, &Algorithm::ALL).unwrap();
    let claims = verified.payload();
    assert_eq!(claims["aud"], AUD);
    assert_eq!(claims["scope"], "system/Patient.read system/Condition.read");
    assert_eq!(claims["grant_types"], json!(["client_credentials"]));
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        300
    );
    assert_eq!(verified.algorithm(), Algorithm::Rs256);
    // A fresh jti each time (B16).
    let again = place.run(&line).good().out;
    let (_, other) = udap::jws::peek(again.trim()).unwrap();
    assert_ne!(claims["jti"], other["jti"]);
}

#[test]
fn metadata_comes_from_a_file_and_options_win() {
    let place = app();
    place.write(
        "metadata.json",
        json!({ "client_name": "File", "scope": "a", "grant_types": ["authorization_code"], "software_id": "x" })
            .to_string(),
    );
    let signed = sign(
        &place,
        "--metadata metadata.json --client-name Option --redirect-uri https://a/ https://b/",
    );
    let claims = &signed["claims"];
    assert_eq!(claims["client_name"], "Option");
    assert_eq!(claims["scope"], "a");
    assert_eq!(claims["software_id"], "x");
    assert_eq!(claims["redirect_uris"], json!(["https://a/", "https://b/"]));
    assert_eq!(claims["response_types"], json!(["code"]));
    place.write("bad.json", r#"{"iss":"https://evil.example.net"}"#);
    let line =
        format!("statement sign --cert app.pem --key app.key --aud {AUD} --metadata bad.json");
    assert!(place.run(&line).refused().err.contains("`iss`"));
}

/// Proves: B11, D10
#[test]
fn the_uri_and_a_cancellation_can_be_chosen() {
    let place = app();
    let signed = sign(
        &place,
        "--uri https://second.example.org --cancel --alg rs384",
    );
    assert_eq!(signed["claims"]["iss"], "https://second.example.org");
    assert_eq!(signed["claims"]["grant_types"], json!([]));
    let (header, _) = udap::jws::peek(signed["software_statement"].as_str().unwrap()).unwrap();
    assert_eq!(header["alg"], "RS384");
    let foreign = format!(
        "statement sign --cert app.pem --key app.key --aud {AUD} --uri https://other.example.org"
    );
    let ran = place.run(&foreign).refused();
    assert!(
        ran.err.contains("https://second.example.org"),
        "it says what would do: {ran:?}"
    );
    place
        .run(&format!(
            "statement sign --cert app.pem --key app.key --aud {AUD} --alg es256"
        ))
        .refused();
    place
        .run(&format!(
            "statement sign --cert app.pem --key app.key --aud {AUD} --alg none"
        ))
        .misused();
}

#[test]
fn a_key_that_others_can_read_is_warned_about() {
    use std::os::unix::fs::PermissionsExt;
    let place = app();
    std::fs::set_permissions(
        place.path("app.key"),
        std::fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let ran = place
        .run(&format!(
            "statement sign --cert app.pem --key app.key --aud {AUD}"
        ))
        .good();
    assert!(ran.err.contains("chmod 600"), "{ran:?}");
    assert!(!ran.out.contains("warning"));
}

#[test]
fn a_good_statement_verifies_from_file_argument_and_standard_input() {
    let place = app();
    let line =
        format!("statement sign --cert app.pem --key app.key --aud {AUD} --out statement.jwt");
    assert_eq!(place.run(&line).good().out, "");
    let statement = place.read("statement.jwt");
    let trust = ["--anchors", "ca/root.pem", "--crl", "ca", "--aud", AUD];
    let verify = |subject: &str, input: &str| {
        let words = ["statement", "verify", subject].into_iter().chain(trust);
        place.run_with_input(words, input.as_bytes())
    };
    verify("statement.jwt", "").good();
    verify(statement.trim(), "").good();
    verify("-", &statement).good();
    let request = json!({ "software_statement": statement.trim(), "udap": "1" }).to_string();
    let judged = verify("-", &request).good();
    assert!(judged.out.contains("https://app.example.org"), "{judged:?}");
}

/// Proves: B13, B14, C02
#[test]
fn whatever_does_not_hold_is_named() {
    let place = app();
    let line =
        format!("statement sign --cert app.pem --key app.key --aud {AUD} --out statement.jwt");
    place.run(&line).good();
    place
        .run("ca init --dir stranger --name Stranger --key p384")
        .good();
    let rules = |more: &str| -> Vec<String> {
        let line =
            format!("--json statement verify statement.jwt --anchors ca/root.pem --crl ca {more}");
        let judged = place.run(&line).refused().json();
        assert_eq!(judged["valid"], false);
        let rules = judged["violations"].as_array().unwrap().iter();
        rules
            .map(|one| one["rule"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(rules("--aud https://other.example.org/"), ["B13"]);
    assert!(!rules("--at 2099-01-01T00:00:00Z").is_empty());
    let untrusted = place
        .run("--json statement verify statement.jwt --anchors stranger/root.pem --crl ca")
        .refused()
        .json();
    assert_eq!(untrusted["reason"]["code"], "issuer_unknown");

    let statement = place.read("statement.jwt");
    let (input, signature) = statement.trim().rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    place.write(
        "statement.jwt",
        format!("{input}.{flipped}{}", &signature[1..]),
    );
    assert_eq!(rules(""), ["C02"]);
    place.write("statement.jwt", "nonsense");
    assert_eq!(rules(""), ["A54"]);
}
