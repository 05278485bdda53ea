//! One configured server, over connections that are kept.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, RawQuery};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Redirect;
use axum::routing::{any, post};
use support::{Behaviour, ok};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use udap_fetch::{Bounds, FetchError, FetchOptions, SetupError, Upstream};

const BOUNDS: Bounds = Bounds {
    bytes: 1_000,
    time: Duration::from_secs(10),
};
const FORM: &str = "application/x-www-form-urlencoded";

async fn serve(routes: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

fn upstream(url: &str) -> Upstream {
    Upstream::new(&FetchOptions::default(), &url.parse().unwrap()).unwrap()
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let routes = Router::new().route(
        "/token",
        post(
            async |ConnectInfo(peer): ConnectInfo<SocketAddr>, body: String| {
                format!("{} {body}", peer.port())
            },
        ),
    );
    let address = serve(routes).await;
    let upstream = upstream(&format!("http://{address}/token"));
    let mut answers = Vec::new();
    for _ in 0..3 {
        let answer = upstream.post(FORM, "*/*", "a=b", BOUNDS).await.unwrap();
        answers.push(String::from_utf8(answer.body).unwrap());
    }
    assert!(answers[0].ends_with(" a=b"), "{answers:?}");
    assert!(answers.iter().all(|one| *one == answers[0]), "{answers:?}");
}

/// A server may close a kept connection at any time. What was not written to it is safe to send over
/// another.
#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            if stream.read(&mut request).await.unwrap_or(0) > 0 {
                seen.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(&ok(b"{}")).await;
            }
        }
    });
    let upstream = upstream(&format!("http://{address}/"));
    for sent in 1..=3 {
        let answer = upstream.post(FORM, "*/*", "a=b", BOUNDS).await.unwrap();
        assert_eq!(answer.body, b"{}");
        assert_eq!(requests.load(Ordering::SeqCst), sent);
        // It has not said that it would close.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn nothing_is_sent_twice_and_nothing_lasts_longer_than_it_may() {
    let short = Bounds {
        time: Duration::from_millis(300),
        ..BOUNDS
    };
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n";
    for (behaviour, expected) in [
        (Behaviour::Hang, "timeout"),
        (Behaviour::Drip(head.to_vec()), "timeout"),
        (Behaviour::Say(Vec::new()), "unreachable"),
        (Behaviour::Say(b"rubbish\r\n\r\n".to_vec()), "unreachable"),
        (Behaviour::KeepOpen(ok(&[b'x'; 1_001])), "too_large"),
    ] {
        let server = support::Server::start(behaviour).await;
        let upstream = upstream(&server.url());
        let error = upstream.post(FORM, "*/*", "a=b", short).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{error:?}");
        assert_eq!(server.connections().await, 1, "{expected}");
    }
    let nobody = upstream("http://127.0.0.1:1/");
    let error = nobody.post(FORM, "*/*", "a=b", BOUNDS).await.unwrap_err();
    assert!(matches!(error, FetchError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn statuses_are_answers_and_redirects_are_not_followed() {
    let routes = Router::new()
        .route("/no", post(async || (StatusCode::BAD_REQUEST, "no")))
        .route("/moved", post(async || Redirect::temporary("/no")));
    let address = serve(routes).await;
    let no = upstream(&format!("http://{address}/no"));
    let answer = no.post(FORM, "*/*", "", BOUNDS).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (400, &b"no"[..]));
    let moved = upstream(&format!("http://{address}/moved"));
    let error = moved.post(FORM, "*/*", "", BOUNDS).await.unwrap_err();
    assert!(matches!(error, FetchError::Redirect { status: 307, .. }));
}

#[test]
fn a_metadata_service_is_no_upstream() {
    for url in ["http://169.254.169.254/token", "http://user@127.0.0.1/"] {
        let made = Upstream::new(&FetchOptions::default(), &url.parse().unwrap());
        assert!(matches!(made, Err(SetupError::Address(_))), "{url}");
    }
}

#[tokio::test]
async fn a_request_of_others_is_passed_as_it_is() {
    let echo =
        async |method: Method, RawQuery(query): RawQuery, headers: HeaderMap, body: Bytes| {
            let text = |name: header::HeaderName| headers[name].to_str().unwrap().to_owned();
            let said = format!(
                "{method} {query:?} {} {} {}",
                text(header::HOST),
                text(header::AUTHORIZATION),
                String::from_utf8_lossy(&body)
            );
            (
                StatusCode::FOUND,
                [("location", "/elsewhere"), ("x-more", "1")],
                said,
            )
        };
    let address = serve(Router::new().route("/token", any(echo))).await;
    let upstream = upstream(&format!("http://{address}/token"));
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, "emr.example.org".parse().unwrap());
    headers.insert(header::AUTHORIZATION, "Basic eDp5".parse().unwrap());
    let answer = upstream
        .pass(Method::PUT, Some("a=%20b"), headers, "c=d", BOUNDS.time)
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert_eq!(answer.headers()["location"], "/elsewhere");
    let body = axum::body::to_bytes(axum::body::Body::new(answer.into_body()), 1_000).await;
    let body = String::from_utf8(body.unwrap().to_vec()).unwrap();
    assert_eq!(body, "PUT Some(\"a=%20b\") emr.example.org Basic eDp5 c=d");
}
