//! The server against programs that are not ours. Run by `cargo xtask interop`.

mod guide;
mod keystore;
mod other_server;
mod proxies;
mod proxy;

use std::path::Path;
use std::process::Command;

use udap_testkit::TestCommunity;
use udap_tests::{Server, Setup, now};

const APP: &str = "https://app.example.org/";

/// The client in `docs/`: Python's standard library, and the openssl command for the signature.
///
/// Proves: B10, C02
#[tokio::test]
#[ignore = "needs python3 and openssl: cargo xtask interop"]
async fn a_client_in_forty_lines_of_python_registers() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client(APP);
    let (chain, key) = (
        server.folder().join("app.pem"),
        server.folder().join("app.key"),
    );
    std::fs::write(&chain, leaf.chain_pem()).unwrap();
    std::fs::write(&key, leaf.key().pem()).unwrap();
    let run = |client_uri: &str| {
        Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/client.py"))
            .arg(server.url("/apis/default/fhir"))
            .args([&chain, &key])
            .arg(client_uri)
            .env("no_proxy", "*")
            .output()
            .unwrap()
    };
    let registered = run(APP);
    let text = String::from_utf8_lossy(&registered.stdout);
    assert!(
        registered.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&registered.stderr)
    );
    assert!(text.starts_with("201 "), "{text}");
    let (_, json) = text.split_once(' ').unwrap();
    let answer: serde_json::Value = serde_json::from_str(json).unwrap();
    let client_id = answer["client_id"].as_str().unwrap();
    assert!(server.database().await.is_enabled(client_id).await);

    let refused = run("https://other.example.org/");
    let text = String::from_utf8_lossy(&refused.stdout);
    assert!(!refused.status.success());
    assert!(text.contains("C17"), "{text}");
}
