//! `udap inspect`.

use serde_json::{Value, json};

use crate::ran::{Place, now};
use crate::server::Server;

fn items(place: &Place, subject: &str) -> Vec<Value> {
    let seen = place
        .run_words(["inspect", "--json", subject])
        .good()
        .json();
    seen["items"].as_array().unwrap().clone()
}

#[test]
fn certificates_keys_and_lists_are_recognised_in_pem_and_der() {
    let server = Server::start();
    let place = server.place();
    let app = server.community.client("https://app.example.org");
    server.community.revoke(&app);
    let list = server
        .community
        .crl(server.community.intermediate())
        .build();
    let all = format!("{}{}", app.chain_pem(), app.key().pem());
    place.write("all.pem", &all);
    place.write("app.der", app.der());
    place.write("list.crl", &list);

    let found = items(&place, "all.pem");
    let kinds: Vec<&str> = found
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["certificate", "certificate", "private-key", "chain"]
    );
    assert_eq!(
        found[0]["names"],
        json!([{ "type": "URI", "value": "https://app.example.org" }])
    );
    assert_eq!(found[0]["issued_by_next"], true);
    assert_eq!(found[0]["problems"], json!([]));
    assert_eq!(found[1]["ca"], true);
    let secret = all.lines().rev().nth(2).unwrap();
    assert!(
        !place.run("inspect all.pem").good().out.contains(secret),
        "a key is never shown"
    );

    assert_eq!(items(&place, "app.der")[0]["sha256"], found[0]["sha256"]);
    let list = &items(&place, "list.crl")[0];
    assert_eq!(list["kind"], "revocation-list");
    assert_eq!(list["revoked"][0]["serial"], found[0]["serial"]);
    let shown = place.run("inspect list.crl").good().out;
    assert!(
        shown.contains(found[0]["serial"].as_str().unwrap()),
        "{shown}"
    );
}

#[test]
fn bad_certificates_can_be_looked_at_too() {
    let place = Place::new();
    let tree = place.run("testpki --out tree --json").good().json();
    for case in tree["cases"].as_array().unwrap() {
        let chain = format!("tree/{}", case["files"]["chain"].as_str().unwrap());
        let leaf = &items(&place, &chain)[0];
        let problems = leaf["problems"].as_array().unwrap();
        let name = case["name"].as_str().unwrap();
        let is_bad_by_itself = [
            "weak-key",
            "p521-key",
            "sha1-signature",
            "no-san",
            "dns-san-only",
            "self-signed",
            "no-digital-signature",
            "duplicate-extension",
        ]
        .contains(&name);
        let is_good = case["expected"]["status"] == 201;
        if is_bad_by_itself {
            assert!(!problems.is_empty(), "{name}");
        }
        if is_good {
            assert!(problems.is_empty(), "{name}: {problems:?}");
        }
    }
}

#[test]
fn statements_and_requests_are_taken_apart() {
    let server = Server::start();
    let place = server.place();
    let app = server.community.client("https://app.example.org");
    let now = now();
    let good = app.statement("https://emr.example.org/register", now);
    let request = good.request();
    let statement = request["software_statement"].as_str().unwrap();
    place.write("request.json", request.to_string());
    place.write("statement.jwt", statement);

    let token = &items(&place, statement)[0];
    assert_eq!(token["kind"], "token");
    assert_eq!(token["signature_valid"], true);
    assert_eq!(token["claims"]["aud"], "https://emr.example.org/register");
    assert_eq!(token["x5c"].as_array().unwrap().len(), 2);
    assert_eq!(token["notes"], json!([]));
    assert!(token["header"].get("x5c").is_none());
    assert_eq!(&items(&place, "statement.jwt")[0], token);
    let found = items(&place, "request.json");
    assert_eq!(found[0]["members"], json!({ "udap": "1" }));
    assert_eq!(&found[1], token);

    let piped = place
        .run_with_input(["inspect", "-"], statement.as_bytes())
        .good()
        .out;
    assert!(
        piped.contains("software statement") && piped.contains("(in 4 minutes)"),
        "{piped}"
    );
}

#[test]
fn a_token_that_does_not_hold_is_shown_with_what_is_wrong() {
    let server = Server::start();
    let place = server.place();
    let app = server.community.client("https://app.example.org");
    let long_ago = now() - time::Duration::DAY;
    let bad = app
        .statement("https://emr.example.org/register", long_ago)
        .claim("iss", "https://other.example.org\u{1b}[2J")
        .sign_with(&udap_testkit::TestKey::generate(
            udap_testkit::KeyKind::Rsa2048,
        ));
    let request = bad.request();
    let statement = request["software_statement"].as_str().unwrap();
    let shown = place.run_words(["inspect", statement]).good().out;
    for said in ["NOT GOOD", "iss is no URI", "sub is not iss", "expired"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert!(!shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn addresses_are_fetched() {
    let server = Server::start();
    let place = server.place();
    let address = server.address();
    assert_eq!(
        items(&place, &format!("{address}/pki/root.crl"))[0]["kind"],
        "revocation-list"
    );
    assert_eq!(
        items(&place, &format!("{address}/pki/intermediate.cer"))[0]["ca"],
        true
    );
    for url in [
        server.base_url.clone(),
        format!("{}/.well-known/udap", server.base_url),
    ] {
        let metadata = &items(&place, &url)[0];
        assert_eq!(metadata["kind"], "metadata");
        assert_eq!(
            metadata["members"]["registration_endpoint"],
            server.endpoint()
        );
        assert_eq!(metadata["signed_metadata"]["signature_valid"], true);
    }
    place.run(&format!("inspect {address}/nothing")).refused();
}

#[test]
fn what_is_nothing_known_is_refused() {
    let place = Place::new();
    place.write("text", "hello");
    place.write("object.json", "{}");
    place.write("zeros", [0x30, 0x82, 0xff, 0xff, 0]);
    place.write(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    for subject in [
        "text",
        "object.json",
        "zeros",
        "broken.pem",
        "missing",
        "a.b.c",
        "ftp://a/",
    ] {
        let ran = place.run(&format!("inspect {subject}")).refused();
        assert!(!ran.err.is_empty() && ran.out.is_empty(), "{ran:?}");
    }
    place.run("inspect").misused();
}
