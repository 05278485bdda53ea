//! Server metadata over HTTP.

use serde_json::json;
use udap::algorithm::Algorithm;
use udap::jws;
use udap_testkit::TestCommunity;
use udap_tests::{Member, Server, Setup, answer, now};

const METADATA: &str = "/apis/default/fhir/.well-known/udap";

/// Proves: N22, N23, A01, A02, A04, A22, A24, A26, A27, A28, A29, A30, A31, A32, A33, A41, A42, A43
#[tokio::test]
async fn metadata_is_served_signed_and_kept() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of).sites(&["default", "clinic"])).await;
    for site in ["default", "clinic"] {
        let path = format!("/apis/{site}/fhir/.well-known/udap");
        let request = server
            .http()
            .get(server.url(&path))
            .header("accept", "text/html")
            .header("host", "evil.example.org")
            .header("x-forwarded-host", "evil.example.org");
        let answer = answer(request).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        assert_eq!(
            answer.body["registration_endpoint"],
            json!(server.endpoint_of(site))
        );
        let token = answer.body["signed_metadata"].as_str().unwrap();
        let verified = jws::verify(token, &[Algorithm::Rs256]).unwrap();
        let base = server.url(&format!("/apis/{site}/fhir"));
        assert_eq!(verified.payload()["iss"], json!(base));
        assert!(verified.x5c().leaf().uri_names().contains(&base));
        let claims = verified.payload();
        assert_eq!(claims["sub"], claims["iss"]);
        assert!(!claims["jti"].as_str().unwrap().is_empty());
        let (iat, exp) = (
            claims["iat"].as_i64().unwrap(),
            claims["exp"].as_i64().unwrap(),
        );
        assert_eq!(exp - iat, 24 * 3600);
        assert!((now().unix_timestamp() - 60 - iat).abs() < 60);
        let others: Vec<_> = verified
            .x5c()
            .others()
            .iter()
            .map(|one| one.der().to_vec())
            .collect();
        assert_eq!(others, [of.intermediate().der()], "without the root");
        for endpoint in [
            "authorization_endpoint",
            "token_endpoint",
            "registration_endpoint",
        ] {
            assert_eq!(verified.payload()[endpoint], answer.body[endpoint]);
        }
        let again = server.get(&path).await;
        assert_eq!(
            again.body, answer.body,
            "the same signature is served again"
        );
    }
}

/// Proves: N22, A34, A35, A37, A38
#[tokio::test]
async fn each_community_has_its_own_metadata() {
    let one = TestCommunity::new("one", now());
    let two = TestCommunity::new("two", now());
    let server = Server::start(&Setup::of(vec![
        Member::new(&one),
        Member::new(&two).with("scopes = [\"system/Patient.read\"]"),
    ]))
    .await;
    let default = server.get(METADATA).await;
    let first = server
        .get(&format!(
            "{METADATA}?community=https://one.example.net/udap"
        ))
        .await;
    let second = server
        .get(&format!(
            "{METADATA}?x=1&community=https%3A%2F%2Ftwo.example.net%2Fudap"
        ))
        .await;
    assert_eq!(default.body, first.body);
    assert_eq!(second.status, 200);
    assert_eq!(
        second.body["scopes_supported"],
        json!(["system/Patient.read", "system/*.read", "system/*.rs"])
    );
    let leaf = |body: &serde_json::Value| {
        let token = body["signed_metadata"].as_str().unwrap().to_owned();
        jws::verify(&token, &[Algorithm::Rs256])
            .unwrap()
            .x5c()
            .leaf()
            .clone()
    };
    assert_ne!(leaf(&default.body), leaf(&second.body));
    for query in [
        "community=https://unknown.example.net/udap",
        "community=https://one.example.net/udap/",
        "community=HTTPS://one.example.net/udap",
        "community=https://one.example.net/udap&community=https://one.example.net/udap",
        "community=",
    ] {
        let answer = server.get(&format!("{METADATA}?{query}")).await;
        assert_eq!(answer.status, 204, "{query}");
        assert!(answer.body.is_null());
    }
}

/// Proves: A38
#[tokio::test]
async fn an_unknown_community_may_get_the_default() {
    let of = TestCommunity::new("example", now());
    let setup = Setup::new(&of).top("[protocol]\nunknown_community = \"default\"");
    let server = Server::start(&setup).await;
    let default = server.get(METADATA).await;
    let unknown = server.get(&format!("{METADATA}?community=urn:x")).await;
    assert_eq!(unknown.status, 200);
    assert_eq!(unknown.body, default.body);
}

/// Proves: A05, A42, N22
#[tokio::test]
async fn only_get_and_head_at_the_exact_path() {
    let of = TestCommunity::new("example", now());
    let other = TestCommunity::new("other", now());
    let server = Server::start(
        &Setup::of(vec![
            Member::new(&of).with("sites = [\"default\"]"),
            Member::new(&other).with("sites = [\"default\"]"),
        ])
        .sites(&["default", "unserved"]),
    )
    .await;
    let head = server
        .http()
        .head(server.url(METADATA))
        .send()
        .await
        .unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-type"], "application/json");
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let refused = answer(server.http().request(method.clone(), server.url(METADATA))).await;
        assert_eq!(refused.refusal().0, 405, "{method}");
        assert_eq!(refused.refusal().1, "method_not_allowed");
    }
    for path in [
        "/apis/default/fhir/.well-known/udap/",
        "/.well-known/udap",
        "/apis/unserved/fhir/.well-known/udap",
    ] {
        assert_eq!(server.get(path).await.refusal().1, "not_found", "{path}");
    }
}
