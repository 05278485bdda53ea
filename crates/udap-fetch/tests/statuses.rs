//! Certifiers that are asked about a certification.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use axum_server::tls_rustls::RustlsConfig;
use support::Server;
use udap::certification::{StatusFetcher, StatusQuery};
use udap::trust::Authority;
use udap_fetch::{AllowHost, FetchOptions, Fetcher, Statuses};

const PLENTY: Duration = Duration::from_secs(20);
const APP: Authority = Authority {
    anchor: [1; 32],
    ca: [2; 32],
};
const VALID: &str = r#"{"valid": true}"#;

/// A certifier, with its certificate in DER.
async fn certifier() -> (SocketAddr, Vec<u8>) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let certificate = made.cert.der().to_vec();
    let key = made.signing_key.serialize_der();
    let tls = RustlsConfig::from_der(vec![certificate.clone()], key)
        .await
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let valid = async |RawQuery(query): RawQuery| {
        assert_eq!(query.as_deref(), Some("jti=a%2Fb&exp=1900000000"));
        VALID
    };
    let router = Router::new()
        .route("/valid", get(valid))
        .route(
            "/other",
            get(async || (StatusCode::NON_AUTHORITATIVE_INFORMATION, VALID)),
        )
        .route("/gone", get(async || (StatusCode::GONE, VALID)))
        .route(
            "/moved",
            get(async || Redirect::temporary("/valid?jti=a%2Fb&exp=1900000000")),
        )
        .route(
            "/long",
            get(async || VALID.to_owned() + &" ".repeat(8 * 1024)),
        )
        .route(
            "/slow",
            get(async || {
                tokio::time::sleep(PLENTY * 2).await;
                VALID
            }),
        );
    let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
    tokio::spawn(server.serve(router.into_make_service()));
    (address, certificate)
}

fn statuses(allowed: &[String], roots: Vec<Vec<u8>>) -> Statuses {
    let options = FetchOptions {
        allow_hosts: (allowed.iter())
            .map(|text| AllowHost::parse(text).unwrap())
            .collect(),
        tls_roots: roots,
        ..FetchOptions::default()
    };
    Statuses::new(Fetcher::new(&options).unwrap())
}

fn query(endpoint: &str) -> StatusQuery {
    StatusQuery::new(endpoint, "a/b", 1_900_000_000).unwrap()
}

/// Proves: F15
#[tokio::test]
async fn an_answer_of_200_counts_and_nothing_else() {
    let (address, root) = certifier().await;
    let statuses = statuses(&[address.to_string()], vec![root]);
    let pages = [
        "/gone", "/valid", "/other", "/moved", "/long", "/none", "/valid",
    ];
    let queries = pages.map(|page| query(&format!("https://{address}{page}")));
    let answers = statuses.fetch(APP, &queries, PLENTY).await;
    let valid = Some(VALID.as_bytes().to_vec());
    assert_eq!(
        answers,
        [None, valid.clone(), None, None, None, None, valid]
    );
    assert!(statuses.fetch(APP, &[], PLENTY).await.is_empty());
}

/// Proves: F15
#[tokio::test]
async fn one_that_hangs_is_left_and_the_others_are_heard() {
    let (address, root) = certifier().await;
    let statuses = statuses(&[address.to_string()], vec![root]);
    let queries = ["/slow", "/valid"].map(|page| query(&format!("https://{address}{page}")));
    let answers = statuses.fetch(APP, &queries, Duration::from_secs(2)).await;
    assert_eq!(answers, [None, Some(VALID.as_bytes().to_vec())]);
    assert_eq!(
        statuses.fetch(APP, &queries[1..], Duration::ZERO).await,
        [None]
    );
}

/// Proves: F15, N14
#[tokio::test]
async fn certifiers_are_public_and_speak_tls() {
    let (address, root) = certifier().await;
    let canary = Server::canary().await;
    let own = query(&format!("https://{address}/valid"));
    // Nobody allowed it, or nobody vouches for its certificate.
    for statuses in [
        statuses(&[], vec![root.clone()]),
        statuses(&[address.to_string()], Vec::new()),
    ] {
        assert_eq!(
            statuses
                .fetch(APP, std::slice::from_ref(&own), PLENTY)
                .await,
            [None]
        );
    }
    let inside: Vec<_> = [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "10.0.0.1",
        "169.254.169.254",
    ]
    .map(|host| query(&format!("https://{host}:{}/", canary.port())))
    .to_vec();
    let answers = statuses(&[], vec![root]).fetch(APP, &inside, PLENTY).await;
    assert!(answers.iter().all(Option::is_none));
    assert_eq!(canary.connections().await, 0);
}
