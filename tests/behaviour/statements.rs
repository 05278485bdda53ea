//! Envelopes, signatures and JWT claims of software statements.

use serde_json::{Value, json};
use time::Duration;
use udap_testkit::{KeyKind, LeafFlaw, SigningAlgorithm, TestCommunity, TestKey};
use udap_tests::{Server, Setup, now};

const APP: &str = "https://app.example.org/";
const ISS: &str = "invalid_software_statement";
const ICM: &str = "invalid_client_metadata";

async fn example() -> (TestCommunity, Server) {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    (of, server)
}

/// Proves: N20, B03, B04, B05
#[tokio::test]
async fn envelopes() {
    let (of, server) = example().await;
    let good = server.statement(&of.client(APP)).request();
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let mut silent = good.clone();
    silent.as_object_mut().unwrap().remove("udap");
    for (body, error) in [
        (silent, ICM),
        (with("udap", json!(null)), ICM),
        (with("udap", json!("2")), ICM),
        (with("udap", json!(1)), ICM),
        (with("certifications", json!("x")), ICM),
        (with("software_statement", json!(null)), ISS),
        (with("software_statement", json!("")), ISS),
        (with("software_statement", json!(7)), ISS),
        (json!([]), ICM),
    ] {
        let answer = server.post_body(&body).await;
        assert_eq!(
            (answer.refusal().0, answer.refusal().1),
            (400, error),
            "{body}"
        );
    }
    let endpoint = server.endpoint();
    for text in ["", "{", "null", "{\"udap\":\"1\",\"udap\":\"1\"}"] {
        let answer = server.post_to(&endpoint, text, "application/json").await;
        assert_eq!(answer.refusal().1, ICM, "{text}");
    }
}

/// Proves: N07, A53, A54, C02, E22, E29
#[tokio::test]
async fn signatures() {
    let (of, server) = example().await;
    let leaf = of.client(APP);
    let elliptic = of.leaf(APP).key_kind(KeyKind::P256).build();
    let good = || server.statement(&leaf);
    for (what, statement, rules) in [
        (
            "another key",
            good().sign_with(&TestKey::stranger()),
            vec!["C02"],
        ),
        (
            "none",
            good().algorithm(SigningAlgorithm::None),
            vec!["A53"],
        ),
        (
            "the public key as HMAC secret",
            good().algorithm(SigningAlgorithm::Hs256WithPublicKey),
            vec!["A53"],
        ),
        (
            "ES256 over an RSA key",
            good().header("alg", "ES256"),
            vec!["A53"],
        ),
        (
            "RS256 over an EC key",
            server.statement(&elliptic).header("alg", "RS256"),
            vec!["A53"],
        ),
        ("crit", good().header("crit", json!(["exp"])), vec!["A54"]),
        (
            "an issuer of no certificate",
            good().claim("iss", "invalid_iss"),
            vec!["C17", "B12"],
        ),
    ] {
        let answer = server.post(&statement).await;
        assert_eq!(answer.refusal(), (400, ISS, rules), "{what}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let database = server.database().await;
    assert_eq!(database.clients().await, 0);
    assert_eq!(database.number("SELECT count(*) FROM spent_jti").await, 0);
    // The same certificates are good for statements that they did sign.
    assert_eq!(server.post(&server.statement(&elliptic)).await.status, 201);
    assert_eq!(server.post(&good()).await.status, 200);
}

/// Proves: N08, B11, C17, C18
#[tokio::test]
async fn issuers() {
    let (of, server) = example().await;
    let leaf = of.client(APP);
    for iss in [
        "https://other.example.org/",
        "https://app.example.org",
        "https://app.example.org:443/",
        "https://App.example.org/",
        "HTTPS://app.example.org/",
    ] {
        let statement = server.statement(&leaf).claim("iss", iss).claim("sub", iss);
        let answer = server.post(&statement).await;
        assert_eq!(answer.refusal(), (400, ISS, vec!["C17"]), "{iss}");
    }
    let dns = of.leaf(APP).flaw(LeafFlaw::DnsSanOnly).build();
    let answer = server.post(&server.statement(&dns)).await;
    assert_eq!(answer.refusal(), (400, ISS, vec!["C17"]));
    let second = of
        .leaf(APP)
        .before_uri("https://first.example.org/")
        .build();
    assert_eq!(server.post(&server.statement(&second)).await.status, 201);
    let urn = of.client("urn:uuid:5b6a4e0e-4a2c-4a53-9d5a-6a8f4f6f0b7e");
    assert_eq!(server.post(&server.statement(&urn)).await.status, 201);
}

/// Proves: N09, B12, B13
#[tokio::test]
async fn subjects_and_audiences() {
    let (of, server) = example().await;
    let leaf = of.client(APP);
    let endpoint = server.endpoint();
    for (claim, value, rule) in [
        ("sub", json!("https://other.example.org/"), "B12"),
        ("sub", json!(null), "B12"),
        ("aud", json!("https://other.example.org/"), "B13"),
        ("aud", json!(endpoint.replace("http:", "https:")), "B13"),
        ("aud", json!(format!("{endpoint}/")), "B13"),
        ("aud", json!(format!("{endpoint}?community=x")), "B13"),
        ("aud", json!(["https://other.example.org/"]), "B13"),
    ] {
        let answer = server
            .post(&server.statement(&leaf).claim(claim, value.clone()))
            .await;
        assert_eq!(answer.refusal(), (400, ISS, vec![rule]), "{claim} {value}");
    }
    let among_others = json!(["https://other.example.org/", endpoint]);
    let statement = server.statement(&leaf).claim("aud", among_others);
    assert_eq!(server.post(&statement).await.status, 201);
}

/// Proves: N10, B14, B15, B16, B17, C24, C25
#[tokio::test]
async fn times_and_replays() {
    let (of, server) = example().await;
    let leaf = of.client(APP);
    let at = |offset: i64| json!((now() + Duration::seconds(offset)).unix_timestamp());
    let timed =
        |iat: Value, exp: Value| server.statement(&leaf).claim("iat", iat).claim("exp", exp);
    // Seconds may pass between making and judging: not at the very edge of the skew.
    for (what, statement, rule) in [
        ("expired", timed(at(-200), at(-61)), "B14"),
        ("301 s", timed(at(-10), at(291)), "B14"),
        ("from the future", timed(at(100), at(200)), "B15"),
        ("backwards", timed(at(10), at(9)), "B15"),
        (
            "not yet valid",
            server.statement(&leaf).claim("nbf", at(100)),
            "B15",
        ),
        ("iat a string", timed(json!("1"), at(100)), "B17"),
        (
            "exp a string",
            timed(at(0), json!(at(100).to_string())),
            "B17",
        ),
        ("exp missing", server.statement(&leaf).without("exp"), "B17"),
        ("iat missing", server.statement(&leaf).without("iat"), "B17"),
        ("no jti", server.statement(&leaf).without("jti"), "B16"),
        (
            "an empty jti",
            server.statement(&leaf).claim("jti", ""),
            "B16",
        ),
    ] {
        let answer = server.post(&statement).await;
        assert_eq!(answer.refusal(), (400, ISS, vec![rule]), "{what}");
    }
    assert_eq!(server.post(&timed(at(-10), at(290))).await.status, 201);
    assert_eq!(server.post(&timed(at(-200), at(-20))).await.status, 200);
    assert_eq!(server.post(&timed(at(30), at(40))).await.status, 200);

    let statement = server.statement(&leaf).claim("jti", "one");
    assert_eq!(server.post(&statement).await.status, 200);
    let replayed = server.post(&statement).await;
    assert_eq!(replayed.refusal(), (400, ISS, vec!["C24"]));
    let later = server.statement(&leaf).claim("jti", "one");
    assert_eq!(server.post(&later).await.refusal().2, ["C24"]);
    let another = of.client("https://another.example.org/");
    let statement = server.statement(&another).claim("jti", "one");
    assert_eq!(server.post(&statement).await.status, 201);
}

/// Proves: C25
#[tokio::test]
async fn a_jti_can_be_used_again_when_its_statement_has_expired() {
    let of = TestCommunity::new("example", now());
    let setup = Setup::new(&of).top("[protocol]\nclock_skew_seconds = 0");
    let server = Server::start(&setup).await;
    let leaf = of.client(APP);
    let until = now() + Duration::seconds(4);
    let statement = |exp: i64| {
        server
            .statement(&leaf)
            .claim("jti", "one")
            .claim("exp", exp)
    };
    let first = statement(until.unix_timestamp());
    assert_eq!(server.post(&first).await.status, 201);
    let second = statement((until + Duration::seconds(200)).unix_timestamp());
    assert_eq!(server.post(&second).await.refusal().2, ["C24"]);
    while now() <= until + Duration::seconds(1) {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(server.post(&second).await.status, 200);
}
