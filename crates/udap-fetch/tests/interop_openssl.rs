//! What OpenSSL writes as a message of certificates.

mod support;

use std::process::Command;

use support::Server;
use time::macros::datetime;
use udap::certificate::Certificate;
use udap_fetch::aia::Issuers;
use udap_fetch::{AllowHost, FetchOptions, Fetcher};
use udap_testkit::TestCommunity;

/// Proves: C07
#[tokio::test]
#[ignore = "needs openssl: cargo xtask interop"]
async fn a_message_of_openssl_is_read() {
    let of = TestCommunity::new("example", datetime!(2026-11-22 12:00 UTC));
    let folder = tempfile::tempdir().unwrap();
    let (chain, message) = (
        folder.path().join("chain.pem"),
        folder.path().join("chain.p7c"),
    );
    std::fs::write(&chain, of.intermediate().pem() + &of.root().pem()).unwrap();
    let made = Command::new("openssl")
        .args(["crl2pkcs7", "-nocrl", "-outform", "DER", "-certfile"])
        .arg(&chain)
        .arg("-out")
        .arg(&message)
        .status()
        .unwrap();
    assert!(made.success());
    let server = Server::with_body(&std::fs::read(&message).unwrap()).await;
    let options = FetchOptions {
        allow_hosts: vec![AllowHost::parse("127.0.0.1").unwrap()],
        ..FetchOptions::default()
    };
    let issuers = Issuers::new(Fetcher::new(&options).unwrap());
    let found = issuers.fetch(&[server.url()]).await;
    let ders: Vec<_> = found.iter().map(Certificate::der).collect();
    assert_eq!(ders, [of.intermediate().der(), of.root().der()]);
}
