//! The server itself: health, metrics, logs, TLS, stopping.

use std::process::Command;
use std::time::Duration;

use udap_testkit::TestCommunity;
use udap_tests::{Server, Setup, now};

/// Proves: E26
#[tokio::test]
async fn logs_hold_one_line_a_request_and_no_statement() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client("https://app.example.org/");
    let statement = server.statement(&leaf);
    let answer = server.post(&statement).await;
    let forged = server
        .statement(&leaf)
        .sign_with(&udap_testkit::TestKey::rsa());
    server.post(&forged).await;
    let id = answer.header("x-request-id").to_owned();
    let log = server.log();
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains(&id) && line.contains("answered"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    let line: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(line["fields"]["status"], 201);
    assert_eq!(line["fields"]["client_uri"], "https://app.example.org/");
    assert_eq!(line["fields"]["remote_address"], "127.0.0.1");
    for secret in [statement.build(), forged.build()] {
        let payload = secret.split('.').nth(1).unwrap().to_owned();
        assert!(!log.contains(&payload));
    }
    assert!(log.contains("C02:signature_invalid"), "{log}");
}

#[tokio::test]
async fn metrics_and_health_are_on_the_admin_listener_only() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let before = server.admin("/metrics").await;
    assert!(
        before.contains(
            "udap_registrations_total{site=\"default\",outcome=\"registered\",error=\"\"} 0"
        ),
        "{before}"
    );
    server
        .post(&server.statement(&of.client("https://app.example.org/")))
        .await;
    server.post_body(&serde_json::json!({})).await;
    let after = server.admin("/metrics").await;
    for line in [
        "udap_registrations_total{site=\"default\",outcome=\"registered\",error=\"\"} 1",
        "udap_registrations_total{site=\"default\",outcome=\"refused\",error=\"invalid_client_metadata\"} 1",
    ] {
        assert!(after.contains(line), "{line}\n{after}");
    }
    assert!(after.contains("udap_registration_seconds_bucket"));
    assert!(after.contains("udap_certificate_expires_in_seconds"));
    assert!(server.admin("/health/live").await.contains("live"));
    assert!(server.admin("/health/ready").await.contains("ready"));
    for path in ["/metrics", "/health/live", "/health/ready"] {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn sigterm_ends_the_server_in_good_order() {
    let of = TestCommunity::new("example", now());
    let mut server = Server::start(&Setup::new(&of)).await;
    let kill = Command::new("kill")
        .arg(server.process_id().to_string())
        .status()
        .unwrap();
    assert!(kill.success());
    let status = server.ended(Duration::from_secs(20)).await;
    assert!(status.success(), "{status}\n{}", server.log());
}

#[tokio::test]
async fn a_hostile_storm_leaves_the_server_standing() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let good = server
        .statement(&of.client("https://app.example.org/"))
        .request()
        .to_string();
    let endpoint = server.endpoint();
    for cut in (0..good.len()).step_by(97) {
        let answer = server
            .post_to(&endpoint, good[..cut].to_owned(), "application/json")
            .await;
        assert_eq!(answer.status, 400);
    }
    let mut bytes = good.clone().into_bytes();
    for position in (0..bytes.len()).step_by(61) {
        let kept = bytes[position];
        bytes[position] = kept.wrapping_add(1);
        let answer = server
            .post_to(&endpoint, bytes.clone(), "application/json")
            .await;
        assert_eq!(answer.status, 400, "at {position}: {answer:?}");
        bytes[position] = kept;
    }
    assert!(!server.log().contains("panicked"));
    assert_eq!(
        server
            .post_to(&endpoint, good, "application/json")
            .await
            .status,
        201
    );
}
