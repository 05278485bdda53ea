//! Private servers: what can be done to them, and what they keep.

use std::net::TcpStream;
use std::time::Duration;

use udap_testdb::{Schema, TestServer};

#[tokio::test]
async fn a_killed_server_keeps_what_it_has_committed() {
    let server = TestServer::private();
    let schema = Schema::create(&server, None).await;
    server
        .execute(
            Some(schema.name()),
            "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)",
        )
        .await;
    let (url, port) = (server.url("mysql"), server.port());
    server.kill().await;
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    server.start().await;
    let kept: i32 = sqlx::query_scalar("SELECT n FROM kept")
        .fetch_one(&schema.pool().await)
        .await
        .unwrap();
    assert_eq!(kept, 7);
    assert_eq!((url, port), (server.url("mysql"), server.port()));
    assert!(server.is_private());
}

#[tokio::test]
async fn a_server_that_ended_in_order_can_be_started_again() {
    let server = TestServer::private();
    server.stop().await;
    server.start().await;
    server.freeze();
    server.stop().await;
    server.start().await;
    assert!(server.version().await.contains("MariaDB"));
}

#[tokio::test]
async fn a_frozen_server_answers_when_it_is_thawed() {
    let server = TestServer::private();
    server.freeze();
    let asked = tokio::time::timeout(Duration::from_millis(200), server.version()).await;
    assert!(asked.is_err(), "a frozen server answers: {asked:?}");
    server.thaw();
    server.version().await;
}

#[tokio::test]
async fn private_servers_are_apart() {
    let (one, other) = (TestServer::private(), TestServer::private());
    assert_ne!(one.port(), other.port());
    one.kill().await;
    other.version().await;
}

#[tokio::test]
async fn an_account_has_a_url() {
    let server = TestServer::private();
    let url = server.url_of("reader", "a/b:c@d%e", "mysql");
    server
        .execute(
            None,
            "CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'a/b:c@d%e';
             GRANT SELECT ON mysql.* TO reader@'127.0.0.1'",
        )
        .await;
    let pool = sqlx::MySqlPool::connect(&url).await.unwrap();
    let user: String = sqlx::query_scalar("SELECT CURRENT_USER()")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(user, "reader@127.0.0.1");
}

#[tokio::test]
#[should_panic(expected = "other tests use this server")]
async fn the_shared_server_is_not_killed() {
    TestServer::shared().kill().await;
}

#[tokio::test]
#[should_panic(expected = "SELEKT")]
async fn a_statement_that_fails_is_told() {
    TestServer::shared()
        .execute(None, "SELECT 1; SELEKT 2")
        .await;
}
