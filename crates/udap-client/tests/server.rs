//! The client against a small server on this machine.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use udap_client::{Client, ClientOptions, DiscoveryError, HttpError, RegistrationError};

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn client() -> Client {
    let options = ClientOptions {
        timeout: Duration::from_millis(500),
        ..ClientOptions::default()
    };
    Client::new(&options).unwrap()
}

fn discovery_server<F>(
    answer: impl Fn(Option<String>) -> F + Clone + Send + Sync + 'static,
) -> Router
where
    F: Future + Send + 'static,
    F::Output: IntoResponse,
{
    let handler = move |RawQuery(query): RawQuery| answer(query);
    Router::new().route("/fhir/.well-known/udap", get(handler))
}

/// Proves: A34
#[tokio::test]
async fn discovery_asks_below_the_base_url_for_the_community() {
    let router = discovery_server(async |query| {
        Json(json!({ "registration_endpoint": "https://x/", "query": query }))
    });
    let base = format!("{}/fhir", serve(router).await);
    let community = "urn:oid:2.999?a=b&c#d ü";
    for spelling in [
        base.clone(),
        format!("{base}/"),
        format!("{base}/.well-known/udap"),
    ] {
        let discovery = client().discover(&spelling, Some(community)).await.unwrap();
        assert_eq!(discovery.base_url(), base);
        let query = discovery.document()["query"].as_str().unwrap();
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
        assert_eq!(pairs, [("community".into(), community.into())]);
        assert_eq!(discovery.registration_endpoint().unwrap(), "https://x/");
        assert!(matches!(
            discovery.token_endpoint(),
            Err(DiscoveryError::Missing("token_endpoint"))
        ));
    }
    let discovery = client().discover(&base, None).await.unwrap();
    assert!(!discovery.document().contains_key("query"));
}

/// Proves: A05, A37
#[tokio::test]
async fn the_statuses_of_discovery_are_told_apart() {
    async fn asked(status: StatusCode, body: &'static str) -> DiscoveryError {
        let router = discovery_server(move |_| async move { (status, body) });
        let base = format!("{}/fhir", serve(router).await);
        client().discover(&base, None).await.unwrap_err()
    }
    assert!(matches!(
        asked(StatusCode::NOT_FOUND, "").await,
        DiscoveryError::NotOffered { .. }
    ));
    assert!(matches!(
        asked(StatusCode::NO_CONTENT, "").await,
        DiscoveryError::UnknownCommunity { .. }
    ));
    assert!(matches!(
        asked(StatusCode::INTERNAL_SERVER_ERROR, "{}").await,
        DiscoveryError::Status { status: 500, .. }
    ));
    assert!(matches!(
        asked(StatusCode::OK, "<html>").await,
        DiscoveryError::Json(_)
    ));
    assert!(matches!(
        asked(StatusCode::OK, "[]").await,
        DiscoveryError::Json(_)
    ));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let router = discovery_server(async |_| {
        (
            StatusCode::FOUND,
            [(header::LOCATION, "https://evil.example.net/udap")],
        )
    });
    let base = format!("{}/fhir", serve(router).await);
    let error = client().discover(&base, None).await.unwrap_err();
    let DiscoveryError::Http(HttpError::Redirect { location, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(location, "https://evil.example.net/udap");
}

#[tokio::test]
async fn slow_huge_and_absent_servers_end_in_errors() {
    let slow = discovery_server(async |_| {
        tokio::time::sleep(Duration::from_secs(60)).await;
        "{}"
    });
    let base = format!("{}/fhir", serve(slow).await);
    assert!(matches!(
        client().discover(&base, None).await,
        Err(DiscoveryError::Http(HttpError::Timeout { .. }))
    ));
    let huge = discovery_server(async |_| vec![b' '; 1024 * 1024 + 1]);
    let base = format!("{}/fhir", serve(huge).await);
    assert!(matches!(
        client().discover(&base, None).await,
        Err(DiscoveryError::Http(HttpError::TooLarge { .. }))
    ));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/fhir", listener.local_addr().unwrap());
    drop(listener);
    assert!(matches!(
        client().discover(&base, None).await,
        Err(DiscoveryError::Http(HttpError::Unreachable { .. }))
    ));
    assert!(matches!(
        client().discover("http://emr.example.org/fhir", None).await,
        Err(DiscoveryError::Http(HttpError::Address { .. }))
    ));
}

type Seen = Arc<Mutex<Vec<(HeaderMap, Value)>>>;

async fn registrar(status: StatusCode, answer: Value) -> (String, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let handler = post(async move |headers: HeaderMap, body: Bytes| {
        let body = serde_json::from_slice(&body).unwrap();
        log.lock().unwrap().push((headers, body));
        (status, [(header::RETRY_AFTER, "60")], Json(answer))
    });
    let address = serve(Router::new().route("/register", handler)).await;
    (format!("{address}/register"), seen)
}

/// Proves: B01, B03, B04, B05
#[tokio::test]
async fn a_registration_is_posted_as_the_profile_says() {
    let answer =
        json!({ "client_id": "abc", "scope": "a b", "grant_types": ["client_credentials"] });
    let (endpoint, seen) = registrar(StatusCode::CREATED, answer.clone()).await;
    let registered = client().register(&endpoint, "a.b.c").await.unwrap();
    assert_eq!(registered.client_id(), "abc");
    assert_eq!(registered.scope(), Some("a b"));
    assert!(registered.is_new() && !registered.is_cancelled());
    assert_eq!(Value::Object(registered.document().clone()), answer);

    let certifications = ["d.e.f".to_owned()];
    client()
        .register_with(&endpoint, "a.b.c", &certifications)
        .await
        .unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].0[header::CONTENT_TYPE], "application/json");
    assert!(!seen[0].0.contains_key(header::AUTHORIZATION));
    assert_eq!(
        seen[0].1,
        json!({ "software_statement": "a.b.c", "udap": "1" })
    );
    assert_eq!(seen[1].1["certifications"], json!(["d.e.f"]));
}

/// Proves: D13
#[tokio::test]
async fn an_empty_list_of_grant_types_confirms_a_cancellation() {
    let answer = json!({ "client_id": "abc", "grant_types": [] });
    let (endpoint, _) = registrar(StatusCode::OK, answer).await;
    let registered = client().register(&endpoint, "a.b.c").await.unwrap();
    assert!(registered.is_cancelled() && !registered.is_new());
    assert_eq!(registered.status(), 200);
}

#[tokio::test]
async fn a_refusal_is_told_with_all_its_reasons() {
    let answer = json!({
        "error": "invalid_client_metadata",
        "error_description": "scope: B32",
        "errors": [{ "code": "missing", "claim": "scope", "pointer": "/scope", "rule": "B32", "message": "is required", "more": 1 }, "odd"],
    });
    let (endpoint, _) = registrar(StatusCode::BAD_REQUEST, answer).await;
    let error = client().register(&endpoint, "a.b.c").await.unwrap_err();
    let RegistrationError::Failed(failed) = error else {
        panic!("{error:?}")
    };
    assert_eq!(failed.status, 400);
    assert_eq!(failed.error.as_deref(), Some("invalid_client_metadata"));
    assert_eq!(failed.description.as_deref(), Some("scope: B32"));
    assert_eq!(failed.errors.len(), 1);
    assert_eq!(failed.errors[0].rule.as_deref(), Some("B32"));
    assert_eq!(failed.retry_after.as_deref(), Some("60"));
    assert!(!failed.is_distrust());
}

#[tokio::test]
async fn answers_that_are_none_are_never_taken_for_a_registration() {
    for (status, answer) in [
        (StatusCode::OK, json!([])),
        (StatusCode::CREATED, json!({})),
        (StatusCode::CREATED, json!({ "client_id": "" })),
        (StatusCode::CREATED, json!({ "client_id": 7 })),
    ] {
        let (endpoint, _) = registrar(status, answer).await;
        assert!(matches!(
            client().register(&endpoint, "a.b.c").await,
            Err(RegistrationError::Answer { .. })
        ));
    }
    for status in [
        StatusCode::ACCEPTED,
        StatusCode::NOT_FOUND,
        StatusCode::BAD_GATEWAY,
    ] {
        let (endpoint, _) = registrar(status, json!({ "client_id": "abc" })).await;
        let error = client().register(&endpoint, "a.b.c").await.unwrap_err();
        let RegistrationError::Failed(failed) = error else {
            panic!("{error:?}")
        };
        assert_eq!((failed.status, failed.error), (status.as_u16(), None));
    }
}
