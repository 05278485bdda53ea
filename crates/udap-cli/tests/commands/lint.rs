//! `udap lint`.

use serde_json::Value;

use crate::openssl::openssl_says;
use crate::ran::Place;

/// The names of the rules that the first certificate of a file breaks at a level.
fn broken(report: &Value, level: &str) -> Vec<String> {
    let findings = report[0]["findings"].as_array().unwrap();
    findings
        .iter()
        .filter(|finding| finding["level"] == level)
        .map(|finding| finding["rule"].as_str().unwrap().to_owned())
        .collect()
}

/// Proves: J01, J07, J08, J09
#[test]
fn what_we_issue_breaks_no_rule() {
    let place = Place::new();
    place
        .run(
            "ca init --dir ca --name Example --key p384 --crl-url http://pki.example.org --aia-url http://pki.example.org",
        )
        .good();
    for line in [
        "client --uri https://app.example.org urn:oid:2.999#T-TREAT",
        "server --uri https://emr.example.org/fhir",
        "tls --dns emr.example.org",
    ] {
        place
            .run(&format!(
                "ca issue {line} --dir ca --name X --org Y --out-dir out"
            ))
            .good();
    }
    let seen = place.run("lint out ca/root.pem --json").good().json();
    let kinds: Vec<_> = seen
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["client", "ca", "server", "ca", "tls", "ca", "ca"]);
    for one in seen.as_array().unwrap() {
        assert_eq!(one["findings"], serde_json::json!([]), "{one}");
    }
    assert!(place.run("lint out").good().out.contains("no findings"));
}

/// Proves: J01, J07, J08, J13
#[test]
fn flawed_certificates_are_told_apart_by_their_flaws() {
    let place = Place::new();
    place
        .run("testpki --out pki --base-url http://pki.example.org")
        .good();
    let lint = |name: &str| place.run(&format!("lint pki/certificates/{name}/chain.pem --json"));
    for name in [
        "client-rsa",
        "client-p256",
        "client-p384",
        "client-two-uris",
        "server",
    ] {
        let report = lint(name).good().json();
        assert_eq!(broken(&report, "error"), [""; 0], "{name}");
    }
    for (name, rule) in FLAWED {
        let report = lint(name).refused().json();
        assert_eq!(broken(&report, "error"), [*rule], "{name}: {report:#}");
    }
}

/// Proves: J08, J09
#[test]
fn authorities_in_a_chain_and_missing_addresses_are_seen() {
    let place = Place::new();
    place
        .run("testpki --out pki --base-url http://pki.example.org")
        .good();
    let lint = |name: &str| place.run(&format!("lint pki/certificates/{name}/chain.pem --json"));
    let report = lint("no-crl-address").good().json();
    assert_eq!(broken(&report, "warning"), ["no-revocation-address"]);
    let report = lint("intermediate-without-key-cert-sign").refused().json();
    assert_eq!(report[1]["findings"][0]["rule"], "ca-key-usage");
    let report = lint("intermediate-expired").refused().json();
    assert_eq!(report[1]["findings"][0]["rule"], "expired");
}

/// Cases of `udap testpki`, and the rule that each breaks. What lies in the path or in the lists, not
/// in the certificate, is for `udap verify`.
const FLAWED: &[(&str, &str)] = &[
    ("ca-leaf", "leaf-is-ca"),
    ("dns-san-only", "no-uri"),
    ("duplicate-extension", "duplicate-extension"),
    ("expired", "expired"),
    ("no-digital-signature", "no-digital-signature"),
    ("no-san", "no-uri"),
    ("not-yet-valid", "not-yet-valid"),
    ("p521-key", "weak-key"),
    ("self-signed", "self-signed"),
    ("sha1-signature", "weak-signature"),
    ("unknown-critical-extension", "unknown-critical-extension"),
    ("weak-key", "weak-key"),
];

#[test]
fn certificates_of_others_are_judged_too() {
    let place = Place::new();
    let make = |options: &str| {
        let line =
            format!("req -x509 -nodes -keyout k.key -subj /CN=App -out c.pem -days 30 {options}");
        openssl_says(&place, &line);
        place.run("lint c.pem --json")
    };
    let small = make("-newkey rsa:1024 -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=URI:https://app.example.org").refused().json();
    assert_eq!(broken(&small, "error"), ["weak-key", "self-signed"]);
    let named = make("-newkey rsa:2048 -addext subjectAltName=URI:https://nodots/,URI:urn:a:b -addext keyUsage=keyCertSign").refused().json();
    let errors = broken(&named, "error");
    for rule in ["bad-uri", "leaf-is-ca", "no-digital-signature"] {
        assert!(errors.iter().any(|one| one == rule), "{errors:?}");
    }
    let authority = make("-newkey rsa:2048 -addext keyUsage=critical,keyCertSign,cRLSign")
        .good()
        .json();
    assert_eq!(authority[0]["kind"], "ca");
    assert_eq!(broken(&authority, "warning"), ["small-root-key"]);
    let as_client = place.run("lint --as client c.pem --json").refused().json();
    assert!(broken(&as_client, "error").contains(&"no-uri".to_owned()));
    let text = place.run("lint c.pem").good().out;
    assert!(text.contains("why") && text.contains("do "), "{text}");
}

#[test]
fn the_rules_can_be_listed_and_wrong_files_are_no_verdict() {
    let place = Place::new();
    let rules = place.run("lint --rules --json").good().json();
    assert!(rules.as_array().unwrap().len() > 35);
    place.write("empty.pem", "");
    place.write(
        "k.pem",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    );
    std::fs::create_dir(place.path("none")).unwrap();
    for file in ["empty.pem", "k.pem", "none", "missing"] {
        assert!(
            place
                .run(&format!("lint {file}"))
                .refused()
                .err
                .contains(file),
            "{file}"
        );
    }
    place.run("lint").misused();
    place.run("lint --as cat x.pem").misused();
}
