//! `udap certification`, and certifications that are sent along.

use serde_json::{Value, json};
use udap::algorithm::Algorithm;

use crate::ran::Place;
use crate::server::Server;

const BASIC: &str = "https://community.example.org/certifications/basic";
const APP: &str = "https://app.example.org";

fn certifier() -> Place {
    let place = Place::new();
    place
        .run("ca init --dir ca --name Certifiers --key p384")
        .good();
    place
        .run("ca issue client --dir ca --name Certifier --uri https://certifier.example.org --out certifier.pem")
        .good();
    place
}

fn sign(more: &str) -> String {
    format!(
        "certification sign --cert certifier.pem --key certifier.key --uri {BASIC} --name Basic {more}"
    )
}

/// Proves: F05, F06, F13
#[test]
fn a_certification_is_printed_alone_and_holds_what_it_was_told() {
    let place = certifier();
    place.write(
        "limits.json",
        json!({"scope": "system/*.read", "ip_allowed": ["192.0.2.7"], "client_name": "App"})
            .to_string(),
    );
    let line = sign(&format!(
        "--sub {APP} --issuer-name Certifiers --days 30 --aud https://emr.example.org/register \
         --status-endpoint https://certifier.example.org/status --endorsement \
         --restrict limits.json --scope system/Patient.read system/Condition.read \
         --redirect-uri https://app.example.org/* --grant-type client_credentials"
    ));
    let ran = place.run(&line).good();
    let token = ran.out.strip_suffix('\n').unwrap();
    let verified = udap::jws::verify(token, &Algorithm::ALL).unwrap();
    let claims = verified.payload();
    assert_eq!(claims["iss"], "https://certifier.example.org");
    assert_eq!(claims["sub"], APP);
    assert_eq!(claims["certification_uris"], json!([BASIC]));
    assert_eq!(claims["certification_issuer"], "Certifiers");
    assert_eq!(claims["is_endorsement"], true);
    let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(life, 30 * 86_400);
    // Options win over the file.
    assert_eq!(claims["scope"], "system/Patient.read system/Condition.read");
    assert_eq!(claims["client_name"], "App");
    assert_eq!(claims["ip_allowed"], json!(["192.0.2.7"]));
    // What a server would not take is said, and signed all the same.
    assert!(ran.err.contains("redirect URIs have no place"), "{ran:?}");

    let json = place.run(&format!("{line} --json")).good().json();
    assert_ne!(json["claims"]["jti"], claims["jti"]);
    place.run(&format!("{line} --out basic.jwt")).good();
    let shown = place.run("inspect basic.jwt").good();
    assert!(shown.out.starts_with("endorsement\n"), "{shown:?}");
    assert!(!shown.out.contains("sub is not iss"), "{shown:?}");
    assert!(!shown.out.contains("300 seconds"), "{shown:?}");
}

/// Proves: F06, F13
#[test]
fn what_no_server_would_accept_is_refused_and_a_short_certificate_told() {
    let place = certifier();
    let with_sub = format!("--sub {APP} --issuer-name Certifiers");
    for (more, said) in [
        (format!("--sub {APP}"), "certification_issuer"),
        (format!("{with_sub} --status-endpoint http://x/"), "https"),
        (
            format!("{with_sub} --iss https://other.example.org"),
            "does not name",
        ),
    ] {
        let refused = place.run(&sign(&more)).refused();
        assert!(refused.err.contains(said), "{refused:?}");
    }
    place.write(
        "keys.json",
        r#"{"jwks_uri": "https://app.example.org/jwks"}"#,
    );
    let keys = place.run(&sign(&format!("{with_sub} --restrict keys.json")));
    assert!(keys.refused().err.contains("jwks_uri"));
    place.write(
        "typo.json",
        r#"{"redirect_uri": "https://app.example.org/cb"}"#,
    );
    let typo = place.run(&sign(&format!("{with_sub} --restrict typo.json")));
    assert!(typo.refused().err.contains("redirect_uri"));
    place
        .run(&sign(&format!("{with_sub} --days 1096")))
        .misused();

    let long = place.run(&sign(&format!("{with_sub} --days 1095"))).good();
    assert!(long.err.contains("ends with the certificate"), "{long:?}");
    let stars = place.run(&sign(&format!(
        "{with_sub} --redirect-uri https://*.example.org/cb"
    )));
    assert!(stars.good().err.contains("whole path component"));
    // An app that certifies itself names nobody.
    let own = place.run(&sign("--json")).good().json();
    assert_eq!(own["claims"]["sub"], own["claims"]["iss"]);
}

/// Proves: B05
#[test]
fn certifications_are_sent_beside_the_statement() {
    let server = Server::start();
    let place = server.place();
    let line = format!(
        "certification sign --cert app.pem --key app.key --uri {BASIC} --name Seal --out seal.jwt"
    );
    place.run(&line).good();
    let seal = place.read("seal.jwt").trim().to_owned();
    server.answer(201, json!({"client_id": "abc", "certifications": [seal]}));
    let metadata = "--client-name App --grant client_credentials --scope system/Patient.read --contact mailto:a@example.org";
    let base = &server.base_url;
    let register = |verb: &str, more: &str| {
        place.run(&format!(
            "{verb} --server {base} --anchors root.pem --cert app.pem --key app.key {metadata} {more}"
        ))
    };
    register("register", "--certification seal.jwt").good();
    register("update", "--certification seal.jwt seal.jwt").good();
    register("update", "").good();
    let sent: Vec<Value> = server
        .requests()
        .iter()
        .map(|request| request["certifications"].clone())
        .collect();
    assert_eq!(sent, [json!([seal]), json!([seal, seal]), Value::Null]);
    let wrong = register("register", "--certification root.pem").refused();
    assert!(wrong.err.contains("no certification"), "{wrong:?}");
    assert_eq!(server.requests().len(), 3);

    let whole = format!(
        "statement sign --cert app.pem --key app.key --aud {} {metadata} --request --certification seal.jwt",
        server.endpoint()
    );
    let printed = place.run(&whole).good();
    let request: Value = serde_json::from_str(&printed.out).unwrap();
    assert_eq!(request["udap"], "1");
    assert_eq!(request["certifications"], json!([seal]));
    let statement = request["software_statement"].as_str().unwrap();
    assert!(udap::jws::verify(statement, &Algorithm::ALL).is_ok());
    let alone = place.run(&whole.replace("--request", "")).good();
    assert!(udap::jws::peek(alone.out.trim()).is_ok());
    assert!(alone.err.contains("--request"), "{alone:?}");
    place.write("request.json", &printed.out);
    let shown = place.run("inspect request.json").good();
    assert!(shown.out.contains("software statement"), "{shown:?}");
    assert!(shown.out.contains("certification\n"), "{shown:?}");
    assert!(shown.out.contains("the app certifies itself"), "{shown:?}");
}
