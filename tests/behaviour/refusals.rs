//! What is refused leaves no client behind.

use serde_json::{Value, json};
use time::Duration;
use udap_testkit::{LeafFlaw, SigningAlgorithm, TestCommunity, TestKey};
use udap_tests::{Member, Server, Setup, now};

const APP: &str = "https://app.example.org/";
const ISS: &str = "invalid_software_statement";
const USS: &str = "unapproved_software_statement";
const ICM: &str = "invalid_client_metadata";
const IRU: &str = "invalid_redirect_uri";

async fn example() -> (TestCommunity, Server) {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    (of, server)
}

/// Proves: N06, B21, B22, B23, D11
#[tokio::test]
async fn grant_types_that_do_not_fit() {
    let (of, server) = example().await;
    let leaf = of.client(APP);
    for grant_types in [
        json!(null),
        json!(""),
        json!(["client_credentials", "authorization_code"]),
        json!(["refresh_token"]),
        json!(["password"]),
        json!(["client_credentials", "refresh_token"]),
        json!(["client_credentials", "client_credentials"]),
    ] {
        let statement = server
            .statement(&leaf)
            .claim("grant_types", grant_types.clone());
        let answer = server.post(&statement).await;
        assert_eq!(answer.refusal().0, 400, "{grant_types}");
        assert_eq!(answer.refusal().1, ICM, "{grant_types}");
    }
    assert_eq!(server.database().await.clients().await, 0);
}

/// Proves: N07, C02, A53, E22, E29
#[tokio::test]
async fn signatures() {
    let (of, server) = example().await;
    let leaf = of.client(APP);
    for statement in [
        server.statement(&leaf).sign_with(&TestKey::rsa()),
        server.statement(&leaf).algorithm(SigningAlgorithm::None),
        server
            .statement(&leaf)
            .algorithm(SigningAlgorithm::Hs256WithPublicKey),
        server.statement(&leaf).header("alg", "ES256"),
        server.statement(&leaf).claim("iss", "invalid_iss"),
    ] {
        let answer = server.post(&statement).await;
        assert_eq!((answer.refusal().0, answer.refusal().1), (400, ISS));
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let database = server.database().await;
    assert_eq!(database.clients().await, 0);
    assert_eq!(database.number("SELECT count(*) FROM spent_jti").await, 0);
}

/// Proves: N08, C17, C18
#[tokio::test]
async fn issuers() {
    let (of, server) = example().await;
    for (uri, iss, status) in [
        (
            "https://app.example.org/",
            "https://other.example.org/",
            400,
        ),
        ("https://app.example.org/", "https://app.example.org", 400),
        (
            "https://app.example.org/",
            "https://app.example.org:443/",
            400,
        ),
        ("https://app.example.org/", "https://App.example.org/", 400),
    ] {
        let statement = server
            .statement(&of.client(uri))
            .claim("iss", iss)
            .claim("sub", iss);
        assert_eq!(server.post(&statement).await.status, status, "{iss}");
    }
    let dns = of.leaf(APP).flaw(LeafFlaw::DnsSanOnly).build();
    assert_eq!(server.post(&server.statement(&dns)).await.refusal().1, ISS);
    let second = of
        .leaf(APP)
        .before_uri("https://first.example.org/")
        .build();
    assert_eq!(server.post(&server.statement(&second)).await.status, 201);
}

/// Proves: N09, B12, B13
#[tokio::test]
async fn subjects_and_audiences() {
    let (of, server) = example().await;
    let leaf = of.client(APP);
    let endpoint = server.endpoint();
    for (claim, value, status) in [
        ("sub", json!("https://other.example.org/"), 400),
        ("aud", json!("https://other.example.org/"), 400),
        ("aud", json!(endpoint.replace("http:", "https:")), 400),
        ("aud", json!(["https://other.example.org/", endpoint]), 201),
    ] {
        let answer = server
            .post(&server.statement(&leaf).claim(claim, value.clone()))
            .await;
        assert_eq!(answer.status, status, "{claim} {value}");
        if status == 400 {
            assert_eq!(answer.refusal().1, ISS);
        }
    }
}

/// Proves: N10, B14, B15, B16, B17, C24, C25
#[tokio::test]
async fn times_and_replays() {
    let (of, server) = example().await;
    let leaf = of.client(APP);
    let at = |offset: i64| json!((now() + Duration::seconds(offset)).unix_timestamp());
    let timed =
        |iat: Value, exp: Value| server.statement(&leaf).claim("iat", iat).claim("exp", exp);
    for statement in [
        timed(at(-400), at(-100)),
        timed(at(-10), at(291)),
        timed(at(100), at(200)),
        timed(json!("1"), json!("2")),
        server.statement(&leaf).without("jti"),
    ] {
        assert_eq!(server.post(&statement).await.refusal().1, ISS);
    }
    assert_eq!(server.post(&timed(at(-10), at(290))).await.status, 201);

    let statement = server.statement(&leaf).claim("jti", "one");
    assert_eq!(server.post(&statement).await.status, 200);
    let replayed = server.post(&statement).await;
    assert_eq!(replayed.refusal(), (400, ISS, vec!["C24"]));
    let another = of.client("https://another.example.org/");
    let statement = server.statement(&another).claim("jti", "one");
    assert_eq!(server.post(&statement).await.status, 201);
}

/// Proves: N11, N12, N13, C05, C11, C12, C13, C14, C15, C19, C21, E21
#[tokio::test]
async fn certificates() {
    let of = TestCommunity::new("example", now());
    let flawed: Vec<_> = LeafFlaw::ALL
        .into_iter()
        .map(|flaw| (flaw, of.leaf(APP).flaw(flaw).build()))
        .collect();
    // Started last, so that its CRL files list what has been revoked.
    let server = Server::start(&Setup::new(&of)).await;
    for (flaw, leaf) in &flawed {
        let answer = server.post(&server.statement(leaf)).await;
        let expected = flaw.registration_errors();
        if expected.is_empty() {
            assert_eq!(answer.status, 201, "{flaw:?}: {answer:?}");
        } else {
            let (status, error, _) = answer.refusal();
            assert_eq!(status, 400, "{flaw:?}");
            assert!(expected.contains(&error), "{flaw:?}: {error}");
        }
    }
    let database = server.database().await;
    assert_eq!(database.clients().await, 1, "the one without a CRL address");
    assert_eq!(database.number("SELECT count(*) FROM spent_jti").await, 1);
}

/// Proves: N13, C03, C04
#[tokio::test]
async fn x5c() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::of(vec![Member::new(&of).without_intermediate()])).await;
    let leaf = of.client(APP);
    let x5c = leaf.x5c();
    let post = async |list: Vec<String>| server.post(&server.statement(&leaf).x5c(list)).await;
    assert_eq!(post(vec![x5c[0].clone()]).await.refusal().1, USS);
    assert_eq!(
        post(x5c.iter().rev().cloned().collect()).await.refusal().1,
        ISS
    );
    assert_eq!(post(vec![x5c[0].clone(); 11]).await.refusal().1, ISS);
    let url: Vec<_> = x5c
        .iter()
        .map(|text| text.replace('+', "-").replace('/', "_"))
        .collect();
    assert_eq!(post(url).await.refusal().1, ISS);
    assert_eq!(post(x5c).await.status, 201);
}

/// Proves: N15, B26, B27, I05, I06
#[tokio::test]
async fn redirect_uris() {
    let of = TestCommunity::new("example", now());
    let strict = TestCommunity::new("strict", now());
    let server = Server::start(&Setup::of(vec![
        Member::new(&of),
        Member::new(&strict).with("profile = \"emr-direct\"\nlink_checks = false"),
    ]))
    .await;
    let plain = of.client(APP);
    for uri in [
        "http://app.example.org/cb",
        "com.example.app:/cb",
        "https://app.example.org/cb#x",
        "https://user@app.example.org/cb",
        "/cb",
        "https://*.example.org/cb",
        "https://app.example.org/a|b",
        "https://app.example.org/c d",
    ] {
        let statement = server
            .statement(&plain)
            .authorization_code()
            .claim("redirect_uris", json!([uri]));
        let answer = server.post(&statement).await;
        assert_eq!(
            (answer.refusal().0, answer.refusal().1),
            (400, IRU),
            "{uri}"
        );
    }
    let strict = strict.client(APP);
    for uri in [
        "https://localhost/cb",
        "https://127.0.0.1/cb",
        "https://[::1]/cb",
        "https://0x7f000001/cb",
        "https://2130706433/cb",
        "https://app.local/cb",
        "x-argonaut-app://cb",
    ] {
        let statement = server
            .statement(&strict)
            .authorization_code()
            .emr_direct()
            .claim("redirect_uris", json!([uri]))
            .claim("client_uri", "https://app.example.org/about");
        let answer = server.post(&statement).await;
        assert_eq!(
            (answer.refusal().0, answer.refusal().1),
            (400, IRU),
            "{uri}"
        );
    }
}

/// Proves: N16, B25
#[tokio::test]
async fn redirect_uris_and_grants() {
    let (of, server) = example().await;
    let leaf = of.client(APP);
    let unwanted = server
        .statement(&leaf)
        .claim("redirect_uris", json!(["https://app.example.org/cb"]));
    assert_eq!(server.post(&unwanted).await.refusal().1, ICM);
    let missing = server
        .statement(&leaf)
        .authorization_code()
        .without("redirect_uris");
    assert_eq!(server.post(&missing).await.refusal().1, ICM);
}

/// Proves: N17, B29
#[tokio::test]
async fn logos() {
    let (of, server) = example().await;
    let leaf = of.client(APP);
    let with = |logo: Value| {
        server
            .statement(&leaf)
            .authorization_code()
            .claim("logo_uri", logo)
    };
    for logo in [
        json!(null),
        json!("http://app.example.org/logo.png"),
        json!("https://app.example.org/logo.svg"),
        json!("https://app.example.org/logo.webp"),
        json!(["https://app.example.org/logo.png"]),
    ] {
        assert_eq!(
            server.post(&with(logo.clone())).await.refusal().1,
            ICM,
            "{logo}"
        );
    }
    assert_eq!(
        server
            .post(&with(json!("https://app.example.org/logo.png")))
            .await
            .status,
        201
    );
}

/// Proves: I07, I24
#[tokio::test]
async fn links_that_cannot_be_checked_are_no_pass() {
    let of = TestCommunity::new("example", now());
    let member = Member::new(&of).with("profile = \"emr-direct\"");
    let server = Server::start(&Setup::of(vec![member])).await;
    let statement = server
        .statement(&of.client(APP))
        .authorization_code()
        .emr_direct();
    let answer = server.post(&statement).await;
    let (status, error, rules) = answer.refusal();
    assert_eq!((status, error), (400, ICM));
    assert!(rules.iter().all(|rule| *rule == "I07"));
    assert!(
        answer.body["error_description"]
            .as_str()
            .unwrap()
            .contains("cannot be checked yet")
    );
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(server.database().await.clients().await, 0);
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
    for (body, error) in [
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

/// Proves: E20, E26, C26
#[tokio::test]
async fn all_faults_are_told_at_once_and_the_statement_is_spent() {
    let (of, server) = example().await;
    let statement = server
        .statement(&of.client(APP))
        .without("client_name")
        .claim("contacts", json!([]))
        .claim("scope", "<script>\"nothing\\")
        .claim("token_endpoint_auth_method", "client_secret_basic");
    let answer = server.post(&statement).await;
    let (status, error, mut rules) = answer.refusal();
    rules.sort_unstable();
    assert_eq!((status, error), (400, ICM));
    assert_eq!(rules, ["B20", "B28", "B31", "B32"]);
    for one in answer.body["errors"].as_array().unwrap() {
        for member in ["code", "claim", "pointer", "rule", "message"] {
            assert!(one[member].is_string(), "{one}");
        }
    }
    let description = answer.body["error_description"].as_str().unwrap();
    assert!(
        description.contains("client_name") && description.contains("B31"),
        "{description}"
    );
    assert!(!answer.body.to_string().contains("<script>"));
    let replayed = server.post(&statement).await;
    assert_eq!(replayed.refusal(), (400, ISS, vec!["C24"]));
    let database = server.database().await;
    assert_eq!(database.clients().await, 0);
    assert_eq!(database.number("SELECT count(*) FROM spent_jti").await, 1);
}
