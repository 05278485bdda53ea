//! Mistakes of other UDAP servers, each as a test. Those that a test elsewhere is about already:
//! intermediates in `x5c` ignored (`trust`), a failed write answered as a success (`http_errors`),
//! two clients of one app made at once (`races`).

use serde_json::{Value, json};
use udap_testkit::{LeafFlaw, TestCommunity, request_body};
use udap_tests::{Server, Setup, answer, now};

const APP: &str = "https://app.example.org/";
const ISS: &str = "invalid_software_statement";
const USS: &str = "unapproved_software_statement";
const ICM: &str = "invalid_client_metadata";
const IRU: &str = "invalid_redirect_uri";

/// Proves: C01, C26, A53, C15, E21, E22, E24
#[tokio::test]
async fn peers_let_strangers_spend_ids_and_choose_algorithms_and_fail_on_what_is_malformed() {
    let of = TestCommunity::new("example", now());
    let stranger = TestCommunity::new("stranger", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client(APP);

    // Anyone can make a certificate for any URI: the app's jti must not be spent by it.
    let foreign = server.statement(&stranger.client(APP)).claim("jti", "one");
    let refused = server.post(&foreign).await;
    assert_eq!(refused.refusal(), (400, USS, vec!["C05"]));
    let forged = server
        .statement(&leaf)
        .claim("jti", "one")
        .sign_with(&udap_testkit::TestKey::stranger());
    assert_eq!(
        server.post(&forged).await.refusal(),
        (400, ISS, vec!["C02"])
    );
    let own = server.statement(&leaf).claim("jti", "one");
    assert_eq!(server.post(&own).await.status, 201);

    // The token must not choose the algorithm, nor the certificate a weak key.
    for name in ["none", "HS256", "PS256", "RS512", "rs256", ""] {
        let statement = server.statement(&leaf).header("alg", name);
        let refused = server.post(&statement).await;
        assert_eq!(refused.refusal(), (400, ISS, vec!["A53"]), "{name}");
    }
    let weak = of.leaf(APP).flaw(LeafFlaw::WeakKey).build();
    let refused = server.post(&server.statement(&weak)).await;
    assert_eq!(refused.refusal(), (400, USS, vec!["C15"]));

    // What is malformed is refused like anything else, with its own code, never as a failure of
    // the server.
    for token in ["", "a", "a.b.c", "..", "e30.e30.e30", "\u{0}", "é.é.é"] {
        let refused = server.post_body(&request_body(token)).await;
        assert_eq!((refused.status, refused.refusal().1), (400, ISS), "{token}");
    }
    let app = || server.statement(&leaf).authorization_code();
    for uri in [
        "https://",
        "https://[::1",
        "https://a:99999/",
        "://",
        "\u{0}",
        "https://%/",
    ] {
        let statement = app().claim("redirect_uris", json!([uri]));
        let refused = server.post(&statement).await;
        assert_eq!(refused.refusal(), (400, IRU, vec!["B27"]), "{uri}");
        for (claim, rule) in [("logo_uri", "B29"), ("client_uri", "B34")] {
            let refused = server.post(&app().claim(claim, uri)).await;
            assert_eq!(refused.refusal(), (400, ICM, vec![rule]), "{claim} {uri}");
        }
    }
    let wrong: [Value; 5] = [json!(7), json!({}), json!([[]]), json!(true), json!([null])];
    for claim in [
        "client_name",
        "grant_types",
        "contacts",
        "scope",
        "response_types",
    ] {
        for value in &wrong {
            let refused = server.post(&app().claim(claim, value.clone())).await;
            let (status, error, _) = refused.refusal();
            assert_eq!((status, error), (400, ICM), "{claim} {value}");
        }
    }
    assert_eq!(server.database().await.clients().await, 1);
}

/// Proves: D02, D11, E05
#[tokio::test]
async fn peers_read_a_name_as_a_cancellation_keep_old_metadata_and_echo_claims() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client(APP);
    let name = "\"grant_types\":[]";
    let statement = server
        .statement(&leaf)
        .authorization_code()
        .emr_direct()
        .claim("client_name", name);
    let first = server.post(&statement).await;
    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(first.body["client_name"], name);
    let database = server.database().await;
    assert!(database.is_enabled(&first.client_id()).await);
    let missing = server
        .statement(&leaf)
        .without("grant_types")
        .claim("client_name", name);
    let refused = server.post(&missing).await;
    assert_eq!(refused.refusal(), (400, ICM, vec!["B21"]));
    assert!(database.is_enabled(&first.client_id()).await);

    // Everything is replaced, what is left out goes.
    let changed = server
        .statement(&leaf)
        .authorization_code()
        .claim("client_name", "Renamed")
        .claim(
            "contacts",
            json!(["mailto:new@example.org", "tel:+1-555-0100"]),
        )
        .claim("logo_uri", "https://app.example.org/new.png")
        .claim("tos_uri", "https://app.example.org/new-terms");
    let second = server.post(&changed).await;
    assert_eq!(
        (second.status, second.client_id()),
        (200, first.client_id())
    );
    for member in ["client_name", "contacts", "logo_uri", "tos_uri"] {
        assert_eq!(&second.body[member], changed.claim_value(member).unwrap());
    }
    for gone in ["client_uri", "policy_uri"] {
        assert!(second.body.get(gone).is_none(), "{gone}");
    }
    for claim in ["iss", "sub", "aud", "exp", "iat", "jti"] {
        assert!(second.body.get(claim).is_none(), "{claim}");
    }
    let row = database.client(&first.client_id()).await;
    let text = |column: &str| row.get::<Option<String>, _>(column);
    assert_eq!(text("client_name").as_deref(), Some("Renamed"));
    assert_eq!(
        text("contacts").as_deref(),
        Some("mailto:new@example.org|tel:+1-555-0100")
    );
    assert_eq!(text("policy_uri"), None);
    let recorded = database.row("SELECT metadata FROM registration").await;
    let recorded: Value = serde_json::from_str(&recorded.get::<String, _>("metadata")).unwrap();
    assert_eq!(recorded["tos_uri"], "https://app.example.org/new-terms");
    assert_eq!(recorded["logo_uri"], "https://app.example.org/new.png");
    assert!(recorded.get("client_uri").is_none());
}

/// Proves: A43, B13, D01
#[tokio::test]
async fn peers_believe_the_query_and_the_host_header() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client(APP);
    let post = async |query: &str, host: &str, statement: &udap_testkit::StatementBuilder| {
        let request = server
            .http()
            .post(format!("{}{query}", server.endpoint()))
            .header("host", host)
            .header("x-forwarded-host", host)
            .header("x-forwarded-proto", "https")
            .header("content-type", "application/json")
            .body(statement.request().to_string());
        answer(request).await
    };
    let good = || server.statement(&leaf);
    let first = post("", "evil.example.org", &good()).await;
    assert_eq!(first.status, 201, "{first:?}");
    for query in [
        "?organization=https%3A%2F%2Fother.example.org",
        "?community=https%3A%2F%2Fother.example.net",
        "?client_id=other&grant_types=",
    ] {
        let again = post(query, "evil.example.org", &good()).await;
        assert_eq!(
            (again.status, again.client_id()),
            (200, first.client_id()),
            "{query}"
        );
    }
    for aud in [
        "https://evil.example.org/udap/default/register".to_owned(),
        "http://evil.example.org/udap/default/register".to_owned(),
        format!("{}?community=x", server.endpoint()),
    ] {
        let statement = good().claim("aud", aud.as_str());
        let refused = post("?community=x", "evil.example.org", &statement).await;
        assert_eq!(refused.refusal(), (400, ISS, vec!["B13"]), "{aud}");
    }
    assert_eq!(server.database().await.clients().await, 1);
}
