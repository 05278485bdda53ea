//! What a killed server has answered is still there.

use udap_testkit::TestCommunity;
use udap_tests::{Server, Setup, now};

/// Proves: C26, E27
#[tokio::test]
async fn kill_9_right_after_an_answer_loses_nothing() {
    let of = TestCommunity::new("example", now());
    let mut server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client("https://app.example.org/");
    let mut statement = server.statement(&leaf);
    let first = server.post(&statement).await;
    assert_eq!(first.status, 201);
    for _ in 0..3 {
        server.kill_and_restart().await;
        let replayed = server.post(&statement).await;
        assert_eq!(replayed.refusal().2, ["C24"]);
        statement = server.statement(&leaf);
        let again = server.post(&statement).await;
        assert_eq!((again.status, again.client_id()), (200, first.client_id()));
        assert!(server.database().await.is_enabled(&first.client_id()).await);
    }
}
