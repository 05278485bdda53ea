//! Modification and cancellation.

use serde_json::json;
use udap_testkit::{KeyKind, TestCommunity, TestKey};
use udap_tests::{Server, Setup, now};

const APP: &str = "https://app.example.org/";

/// Proves: N03, D02, D03, D04, D05, D07, D09
#[tokio::test]
async fn a_second_statement_replaces_everything_and_keeps_the_client_id() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client(APP);
    let code = |leaf| server.statement(leaf).authorization_code();
    let first = server
        .post(&code(&leaf).claim("policy_uri", "https://app.example.org/policy"))
        .await;
    assert_eq!(first.status, 201, "{first:?}");

    let again = server.post(&code(&leaf)).await;
    assert_eq!((again.status, again.client_id()), (200, first.client_id()));
    assert!(again.body.get("policy_uri").is_none());

    let changed = code(&leaf)
        .claim("client_name", "Renamed")
        .claim("redirect_uris", json!(["https://app.example.org/new"]));
    let changed = server.post(&changed).await;
    assert_eq!(
        (changed.status, changed.client_id()),
        (200, first.client_id())
    );

    let database = server.database().await;
    let row = database.client(&first.client_id()).await;
    assert_eq!(row.get::<String, _>("client_name"), "Renamed");
    assert_eq!(
        row.get::<String, _>("redirect_uri"),
        "https://app.example.org/new"
    );
    assert_eq!(row.get::<Option<String>, _>("policy_uri"), None);

    let renewed = of.leaf(APP).key(&TestKey::generate(KeyKind::P256)).build();
    let renewed = server.post(&code(&renewed)).await;
    assert_eq!(
        (renewed.status, renewed.client_id()),
        (200, first.client_id())
    );
    assert_eq!(database.clients().await, 1);
}

/// Proves: N05, D10, D12, D13, D14, D15, D16
#[tokio::test]
async fn a_cancelled_client_is_off_and_its_id_never_comes_back() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client(APP);
    let nothing = server.post(&server.statement(&leaf).cancellation()).await;
    assert_eq!(
        nothing.refusal(),
        (400, "invalid_client_metadata", vec!["D14"])
    );

    let first = server.post(&server.statement(&leaf)).await.client_id();
    let cancellation = server.statement(&leaf).cancellation();
    let cancelled = server.post(&cancellation).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(
        cancelled.body,
        json!({"client_id": first, "grant_types": [], "software_statement": cancellation.build()})
    );
    let database = server.database().await;
    assert!(!database.is_enabled(&first).await);
    let row = database.client(&first).await;
    assert!(!row.is_null("revoke_date"));

    let again = server.post(&server.statement(&leaf).cancellation()).await;
    assert_eq!(
        again.refusal(),
        (400, "invalid_client_metadata", vec!["D14"])
    );
    let anew = server.post(&server.statement(&leaf)).await;
    assert_eq!(anew.status, 201);
    assert_ne!(anew.client_id(), first);
    assert!(database.is_enabled(&anew.client_id()).await);
    assert!(!database.is_enabled(&first).await);
}

/// Proves: D06, D08, D23
#[tokio::test]
async fn a_new_client_id_is_told_by_201_and_ends_the_one_before() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let database = server.database().await;
    let leaf = of.client(APP);
    let rekeyed = of.leaf(APP).key(&TestKey::generate(KeyKind::P256)).build();
    let mut known = Vec::new();
    for (what, statement) in [
        ("first", server.statement(&leaf)),
        ("again", server.statement(&leaf)),
        ("other grant", server.statement(&leaf).authorization_code()),
        ("other key", server.statement(&rekeyed).authorization_code()),
        ("cancelled", server.statement(&leaf).cancellation()),
        ("anew", server.statement(&leaf)),
        (
            "other scope",
            server.statement(&leaf).claim("scope", "system/*.read"),
        ),
    ] {
        let answer = server.post(&statement).await;
        let client_id = answer.client_id();
        let is_new = !known.contains(&client_id);
        assert_eq!(answer.status, if is_new { 201 } else { 200 }, "{what}");
        if is_new {
            known.push(client_id.clone());
        }
        for id in &known {
            let current = *id == client_id && what != "cancelled";
            assert_eq!(database.is_enabled(id).await, current, "{what}");
        }
    }
    assert_eq!(known.len(), 2, "only a cancellation makes room for another");
}

/// Proves: D17
#[tokio::test]
async fn the_grant_type_may_change() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client(APP);
    let first = server.post(&server.statement(&leaf)).await;
    let second = server
        .post(&server.statement(&leaf).authorization_code())
        .await;
    assert_eq!(
        (second.status, second.client_id()),
        (200, first.client_id())
    );
    let row = server.database().await.client(&first.client_id()).await;
    assert!(
        row.get::<String, _>("grant_types")
            .starts_with("authorization_code")
    );
}

/// Proves: D18, D19
#[tokio::test]
async fn one_certificate_may_carry_two_apps() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let two = of.leaf(APP).and_uri("https://second.example.org/").build();
    let first = server.post(&server.statement(&two)).await;
    let second = server
        .statement(&two)
        .claim("iss", "https://second.example.org/")
        .claim("sub", "https://second.example.org/")
        .authorization_code();
    let second = server.post(&second).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_ne!(first.client_id(), second.client_id());
    let database = server.database().await;
    assert!(database.is_enabled(&first.client_id()).await);
    assert!(database.is_enabled(&second.client_id()).await);
}

/// Proves: D21
#[tokio::test]
async fn a_client_that_was_registered_by_hand_is_never_taken_over() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let database = server.database().await;
    database
        .execute(
            "INSERT INTO oauth_clients (client_id, client_name, redirect_uri, is_confidential, \
             is_enabled) VALUES ('by-hand', 'Example App', 'https://app.example.org/', 1, 1)",
        )
        .await;
    let answer = server.post(&server.statement(&of.client(APP))).await;
    assert_eq!(answer.status, 201);
    assert_ne!(answer.client_id(), "by-hand");
    assert_eq!(database.clients().await, 2);
    assert!(database.is_enabled("by-hand").await);
}
