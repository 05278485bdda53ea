//! Equal requests at once.

use std::sync::Arc;

use udap_testkit::TestCommunity;
use udap_tests::{Server, Setup, now};

const AT_ONCE: usize = 16;

async fn at_once(
    server: &Arc<Server>,
    bodies: Vec<serde_json::Value>,
) -> Vec<(u16, Option<String>)> {
    let tasks: Vec<_> = bodies
        .into_iter()
        .map(|body| {
            let server = Arc::clone(server);
            tokio::spawn(async move {
                let answer = server.post_body(&body).await;
                let id = answer.body["client_id"].as_str().map(str::to_owned);
                (answer.status, id)
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers.sort();
    answers
}

/// Proves: N24, D20
#[tokio::test(flavor = "multi_thread")]
async fn sixteen_first_registrations_at_once_make_one_client() {
    let of = TestCommunity::new("example", now());
    let server = Arc::new(Server::start(&Setup::new(&of)).await);
    let leaf = of.client("https://app.example.org/");
    let bodies = (0..AT_ONCE)
        .map(|_| server.statement(&leaf).request())
        .collect();
    let answers = at_once(&server, bodies).await;
    let statuses: Vec<_> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [vec![200; AT_ONCE - 1], vec![201]].concat());
    assert!(
        answers
            .iter()
            .all(|(_, id)| *id == answers[0].1 && id.is_some())
    );
    assert_eq!(server.database().await.clients().await, 1);
}

/// Proves: C24, C26
#[tokio::test(flavor = "multi_thread")]
async fn one_statement_sent_sixteen_times_counts_once() {
    let of = TestCommunity::new("example", now());
    let server = Arc::new(Server::start(&Setup::new(&of)).await);
    let body = server
        .statement(&of.client("https://app.example.org/"))
        .request();
    let answers = at_once(&server, vec![body; AT_ONCE]).await;
    let statuses: Vec<_> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [vec![201], vec![400; AT_ONCE - 1]].concat());
    assert_eq!(server.database().await.clients().await, 1);
}
