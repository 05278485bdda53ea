//! TLS: always verified.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum_server::tls_rustls::RustlsConfig;
use udap_fetch::{AllowHost, Bounds, FetchError, FetchOptions, Fetcher, Request, Upstream};

const BOUNDS: Bounds = Bounds {
    bytes: 1_000,
    time: Duration::from_secs(5),
};

fn fetcher(tls_roots: Vec<Vec<u8>>) -> Fetcher {
    let allow_hosts = ["127.0.0.1", "localhost"];
    let options = FetchOptions {
        allow_hosts: allow_hosts
            .map(|text| AllowHost::parse(text).unwrap())
            .to_vec(),
        tls_roots,
        ..FetchOptions::default()
    };
    Fetcher::new(&options).unwrap()
}

/// A server with a certificate for a name that signs itself, and that certificate in DER.
async fn serve(name: &str) -> (SocketAddr, Vec<u8>) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let certificate = made.cert.der().to_vec();
    let key = made.signing_key.serialize_der();
    let tls = RustlsConfig::from_der(vec![certificate.clone()], key)
        .await
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(async || "hello"));
    let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
    tokio::spawn(server.serve(router.into_make_service()));
    (address, certificate)
}

/// Proves: I09
#[tokio::test]
async fn a_certificate_is_verified_whoever_chose_the_address() {
    let (address, certificate) = serve("127.0.0.1").await;
    let url = format!("https://{address}/");
    let pem = pem::encode(&pem::Pem::new("CERTIFICATE", certificate.clone()));
    for (roots, good) in [
        (Vec::new(), false),
        (vec![certificate], true),
        (vec![pem.into_bytes()], true),
    ] {
        let fetcher = fetcher(roots);
        for request in [
            Request::guarded(&url, BOUNDS).https_only(),
            Request::configured(&url, BOUNDS),
        ] {
            match fetcher.get(&request).await {
                Ok(answer) => assert!(good && answer.body == b"hello"),
                Err(FetchError::Unreachable(_)) => assert!(!good),
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

/// Proves: I09
#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let (address, certificate) = serve("other.example").await;
    let fetcher = fetcher(vec![certificate]);
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("https://{host}:{}/", address.port());
        let error = fetcher
            .get(&Request::guarded(&url, BOUNDS))
            .await
            .unwrap_err();
        assert!(matches!(error, FetchError::Unreachable(_)), "{error:?}");
    }
}

/// Decisions 37: what is configured is verified like anything else.
#[tokio::test]
async fn an_upstreams_certificate_is_verified() {
    let (address, certificate) = serve("localhost").await;
    let (other, others) = serve("other.example").await;
    for (port, roots, good) in [
        (address.port(), Vec::new(), false),
        (address.port(), vec![certificate], true),
        (other.port(), vec![others], false),
    ] {
        let options = FetchOptions {
            tls_roots: roots,
            ..FetchOptions::default()
        };
        let url = format!("https://localhost:{port}/").parse().unwrap();
        let upstream = Upstream::new(&options, &url).unwrap();
        match upstream.post("text/plain", "*/*", "", BOUNDS).await {
            // It takes GET alone.
            Ok(answer) => assert!(good && answer.status == 405),
            Err(FetchError::Unreachable(_)) => assert!(!good),
            Err(error) => panic!("{error:?}"),
        }
    }
}
