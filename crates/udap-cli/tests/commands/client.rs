//! `udap discover`, `udap register`, `udap update`, `udap cancel`.

use serde_json::{Value, json};
use udap::algorithm::Algorithm;

use crate::ran::{Place, Ran};
use crate::server::Server;

fn register(place: &Place, server: &Server, verb: &str, more: &str) -> Ran {
    let base = &server.base_url;
    place.run(&format!(
        "{verb} --server {base} --anchors root.pem --cert app.pem --key app.key {more}"
    ))
}

const METADATA: &str = "--client-name App --grant client_credentials --scope system/Patient.read --contact mailto:a@example.org";

/// Proves: A44
#[test]
fn metadata_is_shown_and_judged() {
    let server = Server::start();
    let place = server.place();
    let base = &server.base_url;
    let shown = place
        .run(&format!("discover {base} --anchors root.pem"))
        .good();
    assert!(shown.out.contains("signed metadata  trusted"), "{shown:?}");
    assert!(shown.out.contains(&server.endpoint()));
    assert!(!shown.out.contains("problem"));
    let told = place
        .run(&format!("discover --json --anchors root.pem {base}/"))
        .good()
        .json();
    assert_eq!(told["trusted"], true);
    assert_eq!(told["metadata"]["registration_endpoint"], server.endpoint());
    let unjudged = place.run(&format!("discover {base} --json")).good().json();
    assert_eq!(unjudged["trusted"], Value::Null);

    let stranger = place.run(&format!("discover {base} --anchors stranger.pem --json"));
    assert_eq!(stranger.refused().json()["trusted"], false);
}

/// Proves: A28, A33, A44
#[test]
fn metadata_that_does_not_hold_is_refused_with_or_without_anchors() {
    let server = Server::start();
    let place = server.place();
    let base = &server.base_url;
    for anchors in ["", "--anchors root.pem"] {
        let refused = |said: &str| {
            let ran = place.run(&format!("discover {base} {anchors}")).refused();
            assert!(ran.out.contains(said), "{ran:?}");
        };
        server.sign(|document, _| {
            document["registration_endpoint"] = json!("https://evil.example.net/")
        });
        refused("registration_endpoint");
        server.sign(|_, claims| claims["iss"] = json!("https://other.example.org/fhir"));
        refused("https://other.example.org/fhir");
    }
}

/// Proves: A44
#[test]
fn a_revoked_server_certificate_is_refused_by_the_fetched_list() {
    let server = Server::start();
    let place = server.place();
    let leaf = server.sign(|_, _| {});
    let line = format!("discover {} --anchors root.pem", server.base_url);
    place.run(&line).good();
    server.community.revoke(&leaf);
    server.publish();
    let refused = place.run(&line).refused();
    assert!(refused.out.contains("revoked"), "{refused:?}");
    // Without any list nothing is known of it.
    server.hide();
    let refused = place.run(&line).refused();
    assert!(refused.out.contains("cannot be established"), "{refused:?}");
}

/// Proves: A05, A37
#[test]
fn servers_without_udap_are_told_from_those_without_the_community() {
    let server = Server::start();
    let place = server.place();
    let line = format!("discover {}", server.base_url);
    for (status, said) in [(404, "no UDAP"), (204, "trust community"), (500, "500")] {
        server.show(status, "");
        let ran = place.run(&line).refused();
        assert!(ran.err.contains(said), "{ran:?}");
        assert_eq!(ran.out, "");
    }
    server.show(200, "<html>");
    place.run(&line).refused();
}

#[test]
fn broken_rules_of_metadata_are_named() {
    let server = Server::start();
    let place = server.place();
    server.sign(|document, _| document["udap_versions_supported"] = json!(["2"]));
    let told = place
        .run(&format!("discover {} --json", server.base_url))
        .good()
        .json();
    assert_eq!(told["problems"][0]["rule"], "A08");
}

/// Proves: B01, B03, B04, B13
#[test]
fn an_app_registers_with_what_was_asked() {
    let server = Server::start();
    let place = server.place();
    server.answer(
        201,
        json!({ "client_id": "the-id", "scope": "system/Patient.read" }),
    );
    let ran = register(&place, &server, "register", METADATA).good();
    assert!(ran.out.starts_with("registered\n"), "{ran:?}");
    assert!(ran.out.contains("client_id  the-id"), "{ran:?}");
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0]["udap"], "1");
    let statement = requests[0]["software_statement"].as_str().unwrap();
    let verified = udap::jws::verify(statement, &Algorithm::ALL).unwrap();
    assert_eq!(verified.payload()["aud"], server.endpoint());
    assert_eq!(verified.payload()["iss"], "https://app.example.org");
    assert_eq!(verified.payload()["client_name"], "App");

    let told = register(&place, &server, "update", &format!("--json {METADATA}"))
        .good()
        .json();
    assert_eq!(told["client_id"], "the-id");
    server.answer(200, json!({ "client_id": "the-id" }));
    let told = register(&place, &server, "update", &format!("--json {METADATA}"))
        .good()
        .json();
    assert_eq!(told["outcome"], "updated");
    assert_eq!(told["status"], 200);
}

#[test]
fn the_endpoint_can_be_given_without_discovery() {
    let server = Server::start();
    let place = server.place();
    server.show(404, "");
    server.answer(201, json!({ "client_id": "the-id" }));
    let line = format!(
        "register --endpoint {} --cert app.pem --key app.key {METADATA}",
        server.endpoint()
    );
    place.run(&line).good();
    assert_eq!(server.requests().len(), 1);
}

/// Proves: A44
#[test]
fn nothing_is_sent_to_a_server_whose_metadata_does_not_hold() {
    let server = Server::start();
    let place = server.place();
    server.answer(201, json!({ "client_id": "the-id" }));
    let base = &server.base_url;
    let app = format!("--cert app.pem --key app.key {METADATA}");
    let ran = place
        .run(&format!(
            "register --server {base} --anchors stranger.pem {app}"
        ))
        .refused();
    assert!(ran.err.contains("nothing was sent"), "{ran:?}");
    server.sign(|_, claims| claims["exp"] = json!(1));
    place
        .run(&format!(
            "register --server {base} --anchors root.pem {app}"
        ))
        .refused();
    place
        .run(&format!("register --server {base} {app}"))
        .refused();
    assert!(server.requests().is_empty());
    // Consistent, but by a certificate that nobody judges: sent, with a warning.
    server.sign(|_, _| {});
    let ran = place.run(&format!("register --server {base} {app}")).good();
    assert!(ran.err.contains("--anchors"), "{ran:?}");
}

#[test]
fn a_refusal_is_shown_with_every_violation_and_what_to_do() {
    let server = Server::start();
    let place = server.place();
    server.answer(
        400,
        json!({
            "error": "invalid_client_metadata",
            "error_description": "two things",
            "errors": [
                { "code": "a", "claim": "scope", "pointer": "/scope", "rule": "B32", "message": "is required" },
                { "code": "b", "claim": "client_name", "pointer": "", "rule": "B20", "message": "has \u{1b}[31mcolour" },
            ],
        }),
    );
    let ran = register(&place, &server, "register", METADATA).refused();
    assert_eq!(ran.out, "");
    for said in [
        "invalid_client_metadata",
        "/scope is required (B32)",
        "client_name has",
        "correct the metadata",
    ] {
        assert!(ran.err.contains(said), "{said}: {ran:?}");
    }
    assert!(!ran.err.contains('\u{1b}'), "{ran:?}");
    let told = register(&place, &server, "register", &format!("--json {METADATA}"))
        .refused()
        .json();
    assert_eq!(told["errors"][1]["rule"], "B20");
    assert_eq!(told["status"], 400);

    server.answer(400, json!({ "error": "unapproved_software_statement" }));
    let ran = register(&place, &server, "register", METADATA).refused();
    assert!(ran.err.contains("udap verify"), "{ran:?}");
}

/// Proves: D10, D13
#[test]
fn a_cancellation_counts_only_if_it_is_confirmed() {
    let server = Server::start();
    let place = server.place();
    server.answer(200, json!({ "client_id": "the-id", "grant_types": [] }));
    let ran = register(&place, &server, "cancel", "").good();
    assert!(ran.out.starts_with("cancelled\n"), "{ran:?}");
    let requests = server.requests();
    let statement = requests[0]["software_statement"].as_str().unwrap();
    let (_, claims) = udap::jws::peek(statement).unwrap();
    assert_eq!(claims["grant_types"], json!([]));
    assert!(!claims.contains_key("client_name"));

    server.answer(
        201,
        json!({ "client_id": "another", "grant_types": ["client_credentials"] }),
    );
    let ran = register(&place, &server, "cancel", "").refused();
    assert!(ran.err.contains("another"), "{ran:?}");
    assert_eq!(ran.out, "");
}

#[test]
fn plain_http_leaves_this_machine_only_when_told() {
    let server = Server::start();
    let place = server.place();
    let ran = place.run("discover http://emr.example.org/fhir").refused();
    assert!(ran.err.contains("https"), "{ran:?}");
    let line = "register --endpoint http://emr.example.org/register --cert app.pem --key app.key";
    assert!(place.run(line).refused().err.contains("https"));
}

#[test]
fn wrong_usage_is_told() {
    let server = Server::start();
    let place = server.place();
    for line in [
        "register --cert app.pem --key app.key",
        "register --server https://a/ --endpoint https://b/ --cert app.pem --key app.key",
        "register --endpoint https://b/ --community urn:a --cert app.pem --key app.key",
        "register --endpoint https://b/ --cert app.pem",
        "register --endpoint https://b/ --anchors root.pem --cert app.pem --key app.key",
        "cancel --endpoint https://b/ --cert app.pem --key app.key --scope x",
        "discover",
        "discover --anchors root.pem",
    ] {
        place.run(line).misused();
    }
}
