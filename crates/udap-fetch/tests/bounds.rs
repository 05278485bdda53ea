//! Time, size, redirects, headers.

mod support;

use std::time::Duration;

use support::{Behaviour, Server, ok};
use tokio::time::Instant;
use udap_fetch::{AllowHost, Bounds, FetchError, FetchOptions, Fetcher, Request};

const BOUNDS: Bounds = Bounds {
    bytes: 1_000,
    time: Duration::from_secs(10),
};

/// For servers that never come to an end.
const SHORT: Bounds = Bounds {
    time: Duration::from_millis(300),
    ..BOUNDS
};

fn fetcher() -> Fetcher {
    let options = FetchOptions {
        allow_hosts: vec![AllowHost::parse("127.0.0.1").unwrap()],
        ..FetchOptions::default()
    };
    Fetcher::new(&options).unwrap()
}

/// Both kinds of request, since all of this holds for both.
fn requests(url: &str) -> [Request; 2] {
    both(url, BOUNDS)
}

fn both(url: &str, bounds: Bounds) -> [Request; 2] {
    [
        Request::guarded(url, bounds),
        Request::configured(url, bounds),
    ]
}

/// Proves: C08, I09
#[tokio::test]
async fn servers_that_hang_or_drip_are_left_when_the_time_is_up() {
    let fetcher = fetcher();
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n";
    for behaviour in [
        Behaviour::Hang,
        Behaviour::Drip(b"HTTP/1.1 200 OK\r\nX-Slow: ".to_vec()),
        Behaviour::Drip(head.to_vec()),
    ] {
        let server = Server::start(behaviour).await;
        for request in both(&server.url(), SHORT) {
            let start = Instant::now();
            let error = fetcher.get(&request).await.unwrap_err();
            assert!(matches!(error, FetchError::Timeout), "{error:?}");
            assert!(start.elapsed() < Duration::from_secs(2));
        }
        assert_eq!(server.connections().await, 2, "nothing is tried again");
    }
}

/// Proves: C08, I09
#[tokio::test]
async fn an_answer_that_is_too_large_is_refused_whether_it_says_so_or_not() {
    let fetcher = fetcher();
    let close = b"HTTP/1.1 200 OK\r\n\r\n";
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let large = [b'x'; 1_001];
    let chunk = [b"3e9\r\n".as_slice(), &large, b"\r\n0\r\n\r\n"].concat();
    for answer in [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n".to_vec(),
        ok(&large),
        [close.as_slice(), &large].concat(),
        [chunked.as_slice(), &chunk].concat(),
    ] {
        let server = Server::start(Behaviour::Say(answer)).await;
        for request in requests(&server.url()) {
            let error = fetcher.get(&request).await.unwrap_err();
            assert!(
                matches!(error, FetchError::TooLarge { limit: 1_000 }),
                "{error:?}"
            );
        }
    }
    for answer in [ok(&large[1..]), [close.as_slice(), &large[1..]].concat()] {
        let server = Server::start(Behaviour::Say(answer)).await;
        for request in requests(&server.url()) {
            assert_eq!(fetcher.get(&request).await.unwrap().body, &large[1..]);
        }
    }
}

#[tokio::test]
async fn an_answer_that_ends_early_or_is_none_is_no_answer() {
    let fetcher = fetcher();
    for answer in [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort".to_vec(),
        b"HTTP/0.9 nonsense".to_vec(),
        vec![0; 100],
        Vec::new(),
    ] {
        let server = Server::start(Behaviour::Say(answer)).await;
        for request in requests(&server.url()) {
            let error = fetcher.get(&request).await.unwrap_err();
            assert!(matches!(error, FetchError::Unreachable(_)), "{error:?}");
            let text = error.to_string();
            assert!(!text.contains("127.0.0.1"), "{text}");
        }
    }
}

/// Proves: I09, N14
#[tokio::test]
async fn redirects_are_never_followed() {
    let fetcher = fetcher();
    let canary = Server::canary().await;
    for status in [300, 301, 302, 303, 307, 308] {
        for location in [canary.url(), "http://169.254.169.254/latest/".to_owned()] {
            let answer =
                format!("HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
            let server = Server::start(Behaviour::Say(answer.into_bytes())).await;
            for request in requests(&server.url()) {
                for request in [request.clone(), request.any_status()] {
                    match fetcher.get(&request).await.unwrap_err() {
                        FetchError::Redirect {
                            status: found,
                            location: Some(to),
                        } => assert_eq!((found, to), (status, location.clone())),
                        error => panic!("{error:?}"),
                    }
                }
            }
            let posted = fetcher
                .post(&requests(&server.url())[0], "text/plain", "x")
                .await;
            assert!(matches!(posted, Err(FetchError::Redirect { .. })));
            assert_eq!(server.connections().await, 5);
        }
    }
    assert_eq!(canary.connections().await, 0);
}

#[tokio::test]
async fn another_status_is_an_error_unless_any_is_asked_for() {
    let fetcher = fetcher();
    for status in [400, 401, 404, 410, 500, 503] {
        let answer =
            format!("HTTP/1.1 {status} X\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno");
        let server = Server::start(Behaviour::Say(answer.into_bytes())).await;
        for request in requests(&server.url()) {
            match fetcher.get(&request).await.unwrap_err() {
                FetchError::Status { status: found } => assert_eq!(found, status),
                error => panic!("{error:?}"),
            }
            let answer = fetcher.get(&request.any_status()).await.unwrap();
            assert_eq!(
                (answer.status, answer.body.as_slice()),
                (status, b"no".as_slice())
            );
            assert_eq!(answer.retry_after.as_deref(), Some("7"));
        }
    }
}

#[tokio::test]
async fn what_is_not_modified_is_an_answer_only_to_a_condition() {
    let fetcher = fetcher();
    let answer = b"HTTP/1.1 304 Not Modified\r\nETag: \"two\"\r\n\r\n".to_vec();
    let server = Server::start(Behaviour::Say(answer)).await;
    let [plain, request] = requests(&server.url());
    let answer = fetcher
        .get(&request.clone().if_none_match("\"one\""))
        .await
        .unwrap();
    assert!(answer.is_not_modified() && answer.body.is_empty());
    assert_eq!(answer.entity_tag.as_deref(), Some("\"two\""));
    let since = "Sun, 22 Nov 2026 12:00:00 GMT";
    let answer = fetcher.get(&request.if_modified_since(since)).await;
    assert!(answer.unwrap().is_not_modified());
    assert!(matches!(
        fetcher.get(&plain).await,
        Err(FetchError::Redirect { status: 304, .. })
    ));
    let seen = server.seen();
    assert!(
        seen[0].contains("\r\nif-none-match: \"one\"\r\n"),
        "{}",
        seen[0]
    );
    assert!(seen[1].contains("\r\nif-modified-since: sun, 22 nov 2026 12:00:00 gmt\r\n"));
}

#[tokio::test]
async fn a_request_says_no_more_than_it_must() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\nContent-Encoding: gzip\r\n\
                Last-Modified: Sun, 22 Nov 2026 12:00:00 GMT\r\nSet-Cookie: a=b\r\n\
                Content-Length: 4\r\n\r\nbody";
    let server = Server::start(Behaviour::Say(head.as_bytes().to_vec())).await;
    let fetcher = fetcher();
    for request in requests(&format!("{}crl?a=b#fragment", server.url())) {
        let answer = fetcher
            .get(&request.accept("application/pkix-crl"))
            .await
            .unwrap();
        assert_eq!(answer.body, b"body", "nothing is decompressed");
        assert_eq!(answer.content_type.as_deref(), Some("application/pkix-crl"));
        assert_eq!(
            answer.last_modified.as_deref(),
            Some("Sun, 22 Nov 2026 12:00:00 GMT")
        );
    }
    assert_eq!(server.connections().await, 2, "one connection for each");
    for seen in server.seen() {
        let mut lines: Vec<_> = seen.trim_end().split("\r\n").map(str::to_owned).collect();
        lines.sort();
        assert_eq!(
            lines,
            [
                "accept: application/pkix-crl".to_owned(),
                "get /crl?a=b http/1.1".to_owned(),
                format!("host: {}", server.address),
                format!("user-agent: udap/{}", env!("CARGO_PKG_VERSION")),
            ]
        );
    }
}

#[tokio::test]
async fn a_body_is_posted_once_with_its_type() {
    let fetcher = fetcher();
    let server = Server::with_body(b"answer").await;
    for request in requests(&server.url()) {
        let answer = fetcher
            .post(&request, "application/ocsp-request", b"question".as_slice())
            .await
            .unwrap();
        assert_eq!(answer.body, b"answer");
    }
    for seen in server.seen() {
        assert!(seen.starts_with("post / http/1.1\r\n"));
        assert!(seen.contains("\r\ncontent-type: application/ocsp-request\r\n"));
        assert!(seen.contains("\r\ncontent-length: 8\r\n"));
    }
    let header = fetcher
        .post(&requests(&server.url())[0], "a\r\nb: c", "x")
        .await;
    assert!(header.is_err());
}

/// Proves: C08
#[tokio::test]
async fn so_many_requests_are_under_way_and_strangers_do_not_hold_up_the_operator() {
    let hanging = Server::start(Behaviour::Hang).await;
    let good = Server::with_body(b"here").await;
    let fetcher = fetcher();
    let long = Bounds {
        time: Duration::from_secs(30),
        ..BOUNDS
    };
    let mut under_way = tokio::task::JoinSet::new();
    for _ in 0..udap_fetch::limits::GUARDED_IN_FLIGHT + 8 {
        let (fetcher, request) = (fetcher.clone(), Request::guarded(hanging.url(), long));
        under_way.spawn(async move { fetcher.get(&request).await.is_ok() });
    }
    while hanging.connections().await < udap_fetch::limits::GUARDED_IN_FLIGHT {}
    let [guarded, configured] = requests(&good.url());
    let short = Request::guarded(good.url(), SHORT);
    let error = fetcher.get(&short).await.unwrap_err();
    assert!(matches!(error, FetchError::Busy), "{error:?}");
    assert_eq!(
        hanging.connections().await,
        udap_fetch::limits::GUARDED_IN_FLIGHT
    );
    assert_eq!(good.connections().await, 0);
    assert!(fetcher.get(&configured).await.is_ok());
    under_way.shutdown().await;
    assert!(fetcher.get(&guarded).await.is_ok());
}

/// Proves: N14
#[tokio::test]
async fn a_proxy_of_the_environment_is_not_asked() {
    let proxy = Server::canary().await;
    let mut again = tokio::process::Command::new(std::env::current_exe().unwrap());
    // The test that reads every line of a request, with a proxy around.
    again.args(["--exact", "a_request_says_no_more_than_it_must"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        again.env(name, proxy.url());
        again.env(name.to_lowercase(), proxy.url());
    }
    for name in ["NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
        again.env_remove(name);
    }
    let output = again.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    assert_eq!(proxy.connections().await, 0);
}
