//! Client metadata that breaks a rule: refused, with no client left behind.

use serde_json::{Value, json};
use udap_testkit::TestCommunity;
use udap_tests::{Member, Server, Setup, now};

const APP: &str = "https://app.example.org/";
const ISS: &str = "invalid_software_statement";
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
    let with = |grants: Value| server.statement(&leaf).claim("grant_types", grants);
    for (statement, rule) in [
        (server.statement(&leaf).without("grant_types"), "B21"),
        (with(json!(null)), "B21"),
        (with(json!("")), "B21"),
        (with(json!("client_credentials")), "B21"),
        (with(json!([""])), "B21"),
        (with(json!(["password"])), "B21"),
        (with(json!(["client_credentials", "password"])), "B21"),
        (
            with(json!(["client_credentials", "authorization_code"])),
            "B22",
        ),
        (
            with(json!(["client_credentials", "client_credentials"])),
            "B22",
        ),
        (with(json!(["refresh_token"])), "B23"),
        (with(json!(["client_credentials", "refresh_token"])), "B23"),
    ] {
        let answer = server.post(&statement).await;
        let grant_types = statement.claim_value("grant_types");
        assert_eq!(answer.refusal(), (400, ICM, vec![rule]), "{grant_types:?}");
    }
    assert_eq!(server.database().await.clients().await, 0);
}

/// Proves: N15, B26, B27, I05, I06, I08
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
    for (uri, rule) in [
        ("http://app.example.org/cb", "B26"),
        ("http://localhost/cb", "B26"),
        ("com.example.app:/cb", "B26"),
        ("https://app.example.org/cb#x", "B27"),
        ("https://user@app.example.org/cb", "B27"),
        ("/cb", "B27"),
        ("app.example.org/cb", "B27"),
        ("https://*.example.org/cb", "B27"),
        ("https://app.example.org/a|b", "B27"),
        ("https://app.example.org/c d", "B27"),
    ] {
        let statement = server
            .statement(&plain)
            .authorization_code()
            .claim("redirect_uris", json!([uri]));
        let answer = server.post(&statement).await;
        assert_eq!(answer.refusal(), (400, IRU, vec![rule]), "{uri}");
    }
    let good = "https://app.example.org/cb";
    let both = server
        .statement(&plain)
        .authorization_code()
        .claim("redirect_uris", json!([good, "http://app.example.org/cb"]));
    let answer = server.post(&both).await;
    assert_eq!(answer.refusal(), (400, IRU, vec!["B26"]));
    assert_eq!(answer.body["errors"][0]["pointer"], "/redirect_uris/1");

    let strict = strict.client(APP);
    for (uri, rule) in [
        ("https://localhost/cb", "I06"),
        ("https://app.localhost/cb", "I06"),
        ("https://127.0.0.1/cb", "I06"),
        ("https://[::1]/cb", "I06"),
        ("https://0x7f000001/cb", "I06"),
        ("https://2130706433/cb", "I06"),
        ("https://app.local/cb", "I08"),
        ("https://192.0.2.1/cb", "I08"),
        ("x-argonaut-app://cb", "I05"),
    ] {
        let statement = server
            .statement(&strict)
            .authorization_code()
            .emr_direct()
            .claim("redirect_uris", json!([uri]))
            .claim("client_uri", "https://app.example.org/about");
        let answer = server.post(&statement).await;
        assert_eq!(answer.refusal(), (400, IRU, vec![rule]), "{uri}");
    }
    assert_eq!(server.database().await.clients().await, 0);
}

/// Proves: N16, B25, B30
#[tokio::test]
async fn redirect_uris_response_types_and_grants() {
    let (of, server) = example().await;
    let leaf = of.client(APP);
    let service = || server.statement(&leaf);
    let app = || server.statement(&leaf).authorization_code();
    let uris = json!(["https://app.example.org/cb"]);
    for (what, statement, rule) in [
        (
            "a service with redirect URIs",
            service().claim("redirect_uris", uris),
            "B25",
        ),
        (
            "a service with an empty list",
            service().claim("redirect_uris", json!([])),
            "B25",
        ),
        (
            "an app without redirect URIs",
            app().without("redirect_uris"),
            "B25",
        ),
        (
            "an app with an empty list",
            app().claim("redirect_uris", json!([])),
            "B25",
        ),
        (
            "a service with response types",
            service().claim("response_types", json!(["code"])),
            "B30",
        ),
        (
            "an app without response types",
            app().without("response_types"),
            "B30",
        ),
        (
            "an app with tokens as response",
            app().claim("response_types", json!(["code", "token"])),
            "B30",
        ),
    ] {
        let answer = server.post(&statement).await;
        assert_eq!(answer.refusal(), (400, ICM, vec![rule]), "{what}");
    }
    assert_eq!(server.database().await.clients().await, 0);
}

/// Proves: N18, B28, I16, I17, I18, I19, I20, I21
#[tokio::test]
async fn contacts() {
    let of = TestCommunity::new("example", now());
    let strict = TestCommunity::new("strict", now());
    let server = Server::start(&Setup::of(vec![
        Member::new(&of),
        Member::new(&strict).with("profile = \"emr-direct\"\nlink_checks = false"),
    ]))
    .await;
    let plain = of.client(APP);
    for contacts in [
        json!(null),
        json!([]),
        json!("mailto:ops@example.org"),
        json!(["https://app.example.org/help"]),
        json!(["ops@example.org"]),
        json!(["ops@example.org", "mailto:ops@example.org"]),
        json!(["mailto:ops"]),
        json!(["mailto:a|b@example.org"]),
    ] {
        let statement = server.statement(&plain).claim("contacts", contacts.clone());
        let answer = server.post(&statement).await;
        assert_eq!(answer.refusal(), (400, ICM, vec!["B28"]), "{contacts}");
    }
    let strict = strict.client(APP);
    let with = |contacts: Value, page: &str, redirect: &str| {
        server
            .statement(&strict)
            .authorization_code()
            .emr_direct()
            .claim("contacts", contacts)
            .claim("client_uri", page)
            .claim("redirect_uris", json!([redirect]))
    };
    let (page, redirect) = ("https://app.example.org/", "https://app.example.org/cb");
    for contacts in [
        json!(["mailto:ops@example.com"]),
        json!(["mailto:ops@gmail.com"]),
        json!(["mailto:ops@org"]),
        json!(["mailto:ops@notexample.org"]),
    ] {
        let answer = server.post(&with(contacts.clone(), page, redirect)).await;
        let (status, error, rules) = answer.refusal();
        assert_eq!((status, error), (400, ICM), "{contacts}");
        assert!(
            rules.iter().all(|rule| ["I16", "B28"].contains(rule)),
            "{contacts}: {rules:?}"
        );
    }
    for (contacts, page, redirect) in [
        (json!(["mailto:ops@mail.example.org"]), page, redirect),
        (
            json!(["mailto:ops@EXAMPLE.org?subject=app"]),
            page,
            redirect,
        ),
        (
            json!(["mailto:ops@gmail.com,ops@example.org"]),
            page,
            redirect,
        ),
        (
            json!([
                "tel:+1-555-0100",
                "mailto:ops@gmail.com",
                "mailto:ops@example.org"
            ]),
            page,
            redirect,
        ),
        // The page's domain counts as well as a redirect URI's.
        (
            json!(["mailto:ops@example.org"]),
            page,
            "https://app.example.com/cb",
        ),
        (
            json!(["mailto:ops@example.com"]),
            page,
            "https://app.example.com/cb",
        ),
        (
            json!(["mailto:ops@b%C3%BCcher.example.org"]),
            page,
            redirect,
        ),
        (
            json!(["mailto:ops@b%C3%BCcher.de"]),
            "https://xn--bcher-kva.de/",
            redirect,
        ),
    ] {
        let answer = server.post(&with(contacts.clone(), page, redirect)).await;
        assert!(matches!(answer.status, 200 | 201), "{contacts}: {answer:?}");
    }
    let service = server
        .statement(&strict)
        .emr_direct()
        .claim("contacts", json!(["mailto:ops@example.com"]));
    let answer = server.post(&service).await;
    assert_eq!(answer.refusal(), (400, ICM, vec!["I16"]), "a service too");
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
        json!(""),
        json!("http://app.example.org/logo.png"),
        json!("https://app.example.org/logo.svg"),
        json!("https://app.example.org/logo.webp"),
        json!(["https://app.example.org/logo.png"]),
    ] {
        let answer = server.post(&with(logo.clone())).await;
        assert_eq!(answer.refusal(), (400, ICM, vec!["B29"]), "{logo}");
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
    // A host of that name is nowhere.
    let description = answer.body["error_description"].as_str().unwrap();
    assert!(
        description.contains("could not be reached"),
        "{description}"
    );
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(server.database().await.clients().await, 0);
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
