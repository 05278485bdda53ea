//! `udap ca`.

use crate::ran::{Place, is_private};

const INIT: &str = "ca init --dir ca --name Example --key p384";
const CLIENT: &str = "ca issue client --dir ca --key-type p256 --name App --org Operator";

fn community() -> Place {
    let place = Place::new();
    place.run(INIT).good();
    place
}

#[test]
fn a_new_authority_is_described_and_never_overwritten() {
    let place = Place::new();
    let made = place
        .run(&format!(
            "{INIT} --community https://community.example.org --json"
        ))
        .good()
        .json();
    assert_eq!(made["community"], "https://community.example.org");
    assert_eq!(made["anchor"], "ca/root.pem");
    assert!(is_private(&place.path("ca/root.key")));
    let root = place.read("ca/root.pem");
    let again = place.run(INIT).refused();
    assert!(again.err.contains("never overwritten"), "{again:?}");
    assert_eq!(place.read("ca/root.pem"), root);
}

/// Proves: J01
#[test]
fn a_client_certificate_comes_with_a_private_key_file_and_its_issuer() {
    let place = community();
    let issued = place
        .run(&format!(
            "{CLIENT} --uri https://app.example.org urn:oid:2.999 --out-dir out --json"
        ))
        .good()
        .json();
    assert_eq!(
        issued["names"],
        serde_json::json!(["https://app.example.org", "urn:oid:2.999"])
    );
    assert_eq!(issued["key"], "out/client.key");
    assert!(is_private(&place.path("out/client.key")));
    assert_eq!(
        place
            .read("out/client.pem")
            .matches("BEGIN CERTIFICATE")
            .count(),
        2
    );
    place
        .run("verify --anchors ca/root.pem --crl ca --uri urn:oid:2.999 out/client.pem")
        .good();
}

#[test]
fn files_are_never_overwritten_and_nothing_is_issued_then() {
    let place = community();
    let issue = format!("{CLIENT} --uri https://app.example.org --out app.pem");
    place.run(&issue).good();
    let (chain, key) = (place.read("app.pem"), place.read("app.key"));
    place.run(&issue).refused();
    place.run(&format!("{issue} --key-out other.key")).refused();
    assert_eq!((place.read("app.pem"), place.read("app.key")), (chain, key));
    assert!(!place.path("other.key").exists());
    let listed = place.run("ca list --dir ca --json").good().json();
    assert_eq!(
        listed.as_array().unwrap().len(),
        2,
        "the issuing CA and one client"
    );
}

/// Proves: J03, J04
#[test]
fn the_communitys_rules_hold_on_the_command_line_too() {
    let place = community();
    place
        .run(&format!(
            "{CLIENT} --uri https://app.example.org --out-dir a"
        ))
        .good();
    let other = "ca issue client --dir ca --name Other --uri https://app.example.org --out-dir b";
    assert!(
        place
            .run(other)
            .refused()
            .err
            .contains("belongs to App (Operator)")
    );
    let server =
        "ca issue server --dir ca --name EMR --uri https://emr.example.org/fhir --out-dir c";
    assert!(
        place
            .run(&format!("{server} --key-type p256"))
            .refused()
            .err
            .contains("RS256")
    );
    place.run(&format!("{server} --key-type rsa2048")).good();
}

/// Proves: J03
#[test]
fn a_uri_is_issued_again_only_to_whom_an_earlier_certificate_names() {
    let place = community();
    let issue = format!("{CLIENT} --uri https://app.example.org");
    let first = place
        .run(&format!("{issue} --out-dir a --json"))
        .good()
        .json();
    let serial = first["serial"].as_str().unwrap();
    let refused = place.run(&format!("{issue} --out-dir b")).refused();
    assert!(
        refused.err.contains(&format!("--same-holder {serial}")),
        "{refused:?}"
    );
    assert!(
        !place.path("b/client.key").exists(),
        "no key without its certificate"
    );
    let again = place
        .run(&format!(
            "{issue} --out-dir b --same-holder {serial} --json"
        ))
        .good()
        .json();
    let listed = place.run("ca list --dir ca --json").good().json();
    let last = listed.as_array().unwrap().last().unwrap();
    assert_eq!(last["serial"], again["serial"]);
    assert_eq!(
        last["follows"],
        serde_json::json!([{"serial": serial, "kind": "same-holder"}])
    );
}

#[test]
fn encrypted_keys_need_their_passphrase() {
    let place = Place::new();
    place.write_private("word", "open sesame\n");
    place.write("open", "open sesame\n");
    let made = place
        .run(&format!("{INIT} --password-file word --json"))
        .good()
        .json();
    assert_eq!(made["encrypted"], true);
    assert!(place.read("ca/root.key").contains("ENCRYPTED PRIVATE KEY"));
    let issue = format!("{CLIENT} --uri https://app.example.org --out-dir out");
    let asked = place.run(&issue).refused();
    assert!(asked.err.contains("--password-file"), "{asked:?}");
    let careless = place
        .run(&format!("{issue} --password-file open"))
        .refused();
    assert!(careless.err.contains("chmod 600"), "{careless:?}");
    place.run(&format!("{issue} --password-file word")).good();
    let wrong = ["ca", "crl", "--dir", "ca", "--password-file", "-"];
    let wrong = place.run_with_input(wrong, b"open barley").refused();
    assert!(wrong.err.contains("does not open"), "{wrong:?}");
    place.run("ca list --dir ca").good();
    place
        .run("ca init --dir other --name X --key p384 --encrypt")
        .refused();
}

/// Proves: C19
#[test]
fn a_revoked_certificate_is_no_longer_trusted() {
    let place = community();
    place
        .run(&format!(
            "{CLIENT} --uri https://app.example.org --out-dir out"
        ))
        .good();
    let verify = "verify --anchors ca/root.pem --crl ca -- out/client.pem";
    place.run(verify).good();
    place
        .run("ca revoke --dir ca out/client.pem --reason keycompromise")
        .good();
    let judged = place.run(&format!("--json {verify}")).refused().json();
    assert_eq!(judged["reason"]["code"], "certificate_revoked");
    assert!(
        place
            .run("ca list --dir ca")
            .good()
            .out
            .contains("(keyCompromise)")
    );
    place.run("ca revoke --dir ca out/client.pem").refused();
    place.run("ca revoke --dir ca 00ff").refused();
    place.run("ca revoke --dir ca nonsense").refused();
}

/// Proves: J08
#[test]
fn published_files_are_those_that_the_certificates_name() {
    let place = Place::new();
    place
        .run(&format!(
            "{INIT} --crl-url http://pki.example.org/a --aia-url http://pki.example.org/b"
        ))
        .good();
    place
        .run(&format!(
            "{CLIENT} --uri https://app.example.org --out app.pem"
        ))
        .good();
    place.run("ca crl --dir ca --out public").good();
    for name in [
        "root.crl",
        "root.cer",
        "intermediate.crl",
        "intermediate.cer",
    ] {
        assert!(place.path("public").join(name).is_file(), "{name}");
    }
    let seen = place.run("inspect app.pem --json").good().json();
    let leaf = &seen["items"][0];
    assert_eq!(
        leaf["crl_urls"][0],
        "http://pki.example.org/a/intermediate.crl"
    );
    assert_eq!(
        leaf["ca_issuer_urls"][0],
        "http://pki.example.org/b/intermediate.cer"
    );
    place
        .run("verify --anchors ca/root.pem --crl public -- app.pem")
        .good();
}

#[test]
fn wrong_usage_is_told_apart_from_refusals() {
    let place = community();
    for line in [
        "ca",
        "ca init --dir x",
        "ca init --dir x --name X --key p521",
        "ca issue client --dir ca --name X --out-dir out",
        "ca issue client --dir ca --name X --uri https://a.example.org",
        "ca issue client --dir ca --name X --uri not-a-uri --out-dir out",
        "ca issue client --dir ca --name X --uri urn:a:b --out-dir out --out x.pem",
        "ca issue client --dir ca --name X --uri urn:a:b --out-dir out --days 732",
        "ca issue tls --dir ca --name X --dns a_b --out-dir out",
        "ca revoke --dir ca 00ff --reason because",
        "nonsense",
    ] {
        place.run(line).misused();
    }
    place.run("ca list --dir missing").refused();
}
