//! What the version of OpenEMR behind the server decides. On MariaDB, whatever the other tests run on.

use serde_json::{Value, json};
use udap_testdb::{Generation, TestServer};
use udap_testkit::TestCommunity;
use udap_tests::{MariaDb, Server, Setup, now};

const APP: &str = "https://app.example.org/";

async fn start(of: &TestCommunity, generation: Generation, token_mode: &str) -> Server {
    let store = MariaDb::create(TestServer::shared(), generation, &["default"]).await;
    let mode = format!("token_mode = \"{token_mode}\"");
    let setup = Setup::new(of).site(&mode).with_openemrs_own_version();
    Server::start_on(store, &setup).await
}

async fn grant_types(server: &Server) -> Value {
    let metadata = server.get("/apis/default/fhir/.well-known/udap").await;
    metadata.body["grant_types_supported"].clone()
}

async fn is_refused(server: &Server, of: &TestCommunity) {
    assert_eq!(grant_types(server).await, json!(["client_credentials"]));
    let leaf = of.client(APP);
    let refused = server
        .post(&server.statement(&leaf).authorization_code())
        .await;
    let (status, error, _) = refused.refusal();
    assert_eq!((status, error), (400, "invalid_client_metadata"));
    assert_eq!(refused.body["errors"][0]["claim"], "grant_types");
    assert_eq!(server.database().await.clients().await, 0);
    assert_eq!(server.post(&server.statement(&leaf)).await.status, 201);
}

/// Decisions 28, 29.
#[tokio::test]
async fn codes_are_for_versions_that_verify_assertions_for_them() {
    let of = TestCommunity::new("example", now());
    for generation in [Generation::Columns23, Generation::Columns24] {
        let server = start(&of, generation, "direct").await;
        is_refused(&server, &of).await;
    }
    // 8.1.1 does, but behind a gateway its own token endpoint is a way around.
    let server = start(&of, Generation::Columns25, "gateway").await;
    is_refused(&server, &of).await;

    let server = start(&of, Generation::Columns25, "direct").await;
    let both = json!(["authorization_code", "refresh_token", "client_credentials"]);
    assert_eq!(grant_types(&server).await, both);
    let app = server.statement(&of.client(APP)).authorization_code();
    let registered = server.post(&app).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let database = server.database().await;
    assert!(database.is_enabled(&registered.client_id()).await);
}
