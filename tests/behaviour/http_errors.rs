//! Every error is OAuth JSON and is never cached.

use serde_json::json;
use udap_testkit::TestCommunity;
use udap_tests::{Answer, Server, Setup, answer, now};

fn is_error(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.refusal().0, answer.refusal().1),
        (status, code),
        "{answer:?}"
    );
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.body["error_description"].is_string());
    assert_eq!(answer.header("x-request-id").len(), 36);
}

/// Proves: B02, D24, E20
#[tokio::test]
async fn paths_methods_types_and_sizes() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let endpoint = server.endpoint();
    let http = server.http();
    is_error(&server.get("/nothing").await, 404, "not_found");
    let slash = server
        .post_to(&format!("{endpoint}/"), "{}", "application/json")
        .await;
    is_error(&slash, 404, "not_found");
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let refused = answer(http.request(method, &endpoint)).await;
        is_error(&refused, 405, "method_not_allowed");
        assert_eq!(refused.header("allow"), "POST");
        assert_eq!(refused.header("access-control-allow-origin"), "");
    }
    for kind in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/jsonx",
        "",
    ] {
        let refused = server.post_to(&endpoint, "{}", kind).await;
        is_error(&refused, 415, "unsupported_media_type");
    }
    is_error(
        &answer(http.post(&endpoint).body("{}")).await,
        415,
        "unsupported_media_type",
    );

    let large = |bytes: usize| json!({"udap": "1", "x": "a".repeat(bytes)}).to_string();
    let fits = server
        .post_to(&endpoint, large(200_000), "application/json")
        .await;
    is_error(&fits, 400, "invalid_software_statement");
    let refused = server
        .post_to(&endpoint, large(300_000), "application/json")
        .await;
    is_error(&refused, 413, "request_too_large");
}

/// Proves: E28
#[tokio::test]
async fn too_many_requests_of_one_address_are_told_to_wait() {
    let of = TestCommunity::new("example", now());
    let setup = Setup::new(&of).limits(
        "registrations_per_minute = 3\nstatements_per_client_per_minute = 0\n\
         trusted_proxies = [\"127.0.0.0/8\"]",
    );
    let server = Server::start(&setup).await;
    let from = async |address: &str| {
        let request = server
            .http()
            .post(server.endpoint())
            .header("content-type", "application/json")
            .header("x-forwarded-for", address)
            .body("{}");
        answer(request).await
    };
    for _ in 0..3 {
        is_error(&from("203.0.113.9").await, 400, "invalid_client_metadata");
    }
    let refused = from("10.0.0.1, 203.0.113.9").await;
    is_error(&refused, 429, "rate_limited");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    is_error(&from("203.0.113.10").await, 400, "invalid_client_metadata");
}

/// Proves: E28
#[tokio::test]
async fn too_many_statements_of_one_client_are_told_to_wait() {
    let of = TestCommunity::new("example", now());
    let setup = Setup::new(&of)
        .limits("registrations_per_minute = 0\nstatements_per_client_per_minute = 2");
    let server = Server::start(&setup).await;
    let leaf = of.client("https://app.example.org/");
    assert_eq!(server.post(&server.statement(&leaf)).await.status, 201);
    assert_eq!(server.post(&server.statement(&leaf)).await.status, 200);
    let third = server.statement(&leaf);
    is_error(&server.post(&third).await, 429, "rate_limited");
    let other = of.client("https://other.example.org/");
    assert_eq!(server.post(&server.statement(&other)).await.status, 201);
}

/// Proves: E27, N25
#[tokio::test]
async fn a_store_that_fails_gives_no_false_success_and_nothing_half_done() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let database = server.database().await;
    // OpenEMR's table refuses every insert: the transaction must fail as a whole.
    database
        .refuse_inserts("oauth_clients", "no space for SELECT secrets")
        .await;
    let leaf = of.client("https://app.example.org/");
    let statement = server.statement(&leaf);
    let failed = server.post(&statement).await;
    is_error(&failed, 500, "server_error");
    assert!(!failed.body.to_string().contains("secrets"));
    for table in [
        "SELECT count(*) FROM oauth_clients",
        "SELECT count(*) FROM registration",
        "SELECT count(*) FROM spent_jti",
        "SELECT count(*) FROM audit_event",
    ] {
        assert_eq!(database.number(table).await, 0, "{table}");
    }
    database.take_inserts("oauth_clients").await;
    let answer = server.post(&statement).await;
    assert_eq!(
        answer.status, 201,
        "the statement was not spent: {answer:?}"
    );
}

/// Proves: E27, N25
#[tokio::test]
async fn a_fault_at_any_step_of_the_transaction_takes_back_all_of_it() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let database = server.database().await;
    let old = of.client("https://old.example.org/");
    let old_id = server.post(&server.statement(&old)).await.client_id();
    let state = async || {
        let mut counts = Vec::new();
        for query in [
            "SELECT count(*) FROM oauth_clients",
            "SELECT count(*) FROM registration",
            "SELECT count(*) FROM spent_jti",
            "SELECT count(*) FROM audit_event",
            "SELECT count(*) FROM registration WHERE live = 1 AND client_name = 'Example App'",
            "SELECT count(*) FROM oauth_clients WHERE is_enabled = 1 AND client_name = 'Example App'",
        ] {
            counts.push(database.number(query).await);
        }
        counts
    };
    let before = state().await;
    for table in ["spent_jti", "audit_event"] {
        database.refuse_inserts(table, "x").await;
        let new = server.statement(&of.client("https://new.example.org/"));
        let changed = server.statement(&old).claim("client_name", "Renamed");
        let cancelled = server.statement(&old).cancellation();
        let refused = server.statement(&old).without("client_name");
        for statement in [&new, &changed, &cancelled, &refused] {
            is_error(&server.post(statement).await, 500, "server_error");
            assert_eq!(state().await, before, "{table}");
        }
        database.take_inserts(table).await;
    }
    database.refuse_inserts("registration", "x").await;
    let new = server.statement(&of.client("https://new.example.org/"));
    is_error(&server.post(&new).await, 500, "server_error");
    assert_eq!(state().await, before);
    database.take_inserts("registration").await;
    assert_eq!(server.post(&new).await.status, 201);
    assert!(database.is_enabled(&old_id).await);
}

/// Proves: G02, G11
#[tokio::test]
async fn the_token_endpoint_takes_forms_of_udap_only() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let url = server.url("/udap/default/token");
    let form = "application/x-www-form-urlencoded";
    let long = format!("x={}", "x".repeat(192 * 1024));
    for (body, kind, status, code) in [
        (
            "grant_type=client_credentials",
            form,
            400,
            "invalid_request",
        ),
        (
            "udap=1&grant_type=password",
            form,
            400,
            "unsupported_grant_type",
        ),
        (
            "udap=1&grant_type=client_credentials",
            form,
            401,
            "invalid_client",
        ),
        ("{}", "application/json", 415, "unsupported_media_type"),
        (&long, form, 413, "request_too_large"),
    ] {
        let answer = server.post_to(&url, body.to_owned(), kind).await;
        is_error(&answer, status, code);
        assert_eq!(answer.header("pragma"), "no-cache");
    }
    let got = answer(server.http().get(&url)).await;
    is_error(&got, 405, "method_not_allowed");
    // A site in direct mode has none.
    let direct = Setup::new(&of).site("token_mode = \"direct\"");
    let server = Server::start(&direct).await;
    let url = server.url("/udap/default/token");
    is_error(
        &server.post_to(&url, "udap=1", form).await,
        404,
        "not_found",
    );
}
