//! The server itself: health, metrics, logs, TLS, stopping.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
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
        .sign_with(&udap_testkit::TestKey::stranger());
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

/// A slow request is judged when it has arrived, not when it began.
///
/// Proves: B14
#[tokio::test(flavor = "multi_thread")]
async fn sending_slowly_does_not_stretch_a_statements_life() {
    let of = TestCommunity::new("example", now());
    let setup = Setup::new(&of).top("[protocol]\nclock_skew_seconds = 0");
    let server = Server::start(&setup).await;
    let expires = now().unix_timestamp() + 3;
    let body = server
        .statement(&of.client("https://app.example.org/"))
        .claim("iat", expires - 300)
        .claim("exp", expires)
        .request()
        .to_string();
    let (early, late) = body.split_at(body.len() / 2);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(
        stream,
        "POST /udap/default/register HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{early}",
        server.address(),
        body.len()
    )
    .unwrap();
    std::thread::sleep(Duration::from_millis(4_500));
    stream.write_all(late.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("statement_expired"), "{answer}");
}

/// Proves: C19
#[tokio::test]
async fn a_revocation_list_that_changes_on_disk_counts_without_a_restart() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client("https://app.example.org/");
    assert_eq!(server.post(&server.statement(&leaf)).await.status, 201);
    let folder = server.folder().join("example/crls");
    // Half a list, as a careless copy leaves it for a moment, takes nothing away.
    std::fs::write(folder.join("half.crl"), [0x30, 0x82]).unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(server.post(&server.statement(&leaf)).await.status, 200);
    std::fs::remove_file(folder.join("half.crl")).unwrap();
    of.revoke(&leaf);
    for (index, der) in of.crls().iter().enumerate() {
        std::fs::write(folder.join(format!("{index}.crl")), der).unwrap();
    }
    for _ in 0..60 {
        let answer = server.post(&server.statement(&leaf)).await;
        if answer.status == 400 {
            assert_eq!(answer.body["errors"][0]["code"], "certificate_revoked");
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("a revoked certificate is still accepted: {}", server.log());
}
