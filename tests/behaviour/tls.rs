//! TLS in process.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use udap_ca::profile::LeafProfile;
use udap_ca::{CaDirectory, InitOptions, KeyAlgorithm, LeafRequest, SanHost, Subject};
use udap_testkit::TestCommunity;
use udap_tests::{Server, Setup, answer, now};

/// Proves: B01
#[tokio::test]
async fn an_app_registers_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let options = InitOptions {
        root_key: KeyAlgorithm::P384,
        intermediate_key: KeyAlgorithm::P384,
        ..InitOptions::new("TLS")
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's certificates need real randomness"
    )]
    let mut rng = rand::rng();
    let mut ca = CaDirectory::init(&folder.path().join("ca"), &options, now(), &mut rng).unwrap();
    let hosts = vec!["127.0.0.1".parse::<SanHost>().unwrap()];
    let subject = Subject::new("Server", None).unwrap();
    let request = LeafRequest::new(LeafProfile::TlsServer { hosts }, subject);
    let (issued, key) = ca
        .issue_with_new_key(&request, KeyAlgorithm::P256, now(), &mut rng)
        .unwrap();
    let (certificate, key_file) = (folder.path().join("tls.pem"), folder.path().join("tls.key"));
    fs::write(&certificate, issued.chain_pem()).unwrap();
    fs::write(&key_file, key.to_pem().as_bytes()).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();

    let of = TestCommunity::new("example", now());
    let setup = Setup::new(&of).top(&format!(
        "tls_certificate = \"{}\"\ntls_key = \"{}\"",
        certificate.display(),
        key_file.display()
    ));
    let server = Server::start(&setup).await;
    let root = fs::read(folder.path().join("ca/root.pem")).unwrap();
    let client = |versions: fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder| {
        versions(reqwest::Client::builder().no_proxy())
            .tls_certs_only([reqwest::Certificate::from_pem(&root).unwrap()])
            .build()
            .unwrap()
    };
    let endpoint = format!("https://{}/udap/default/register", server.address());
    let body = of
        .client("https://app.example.org/")
        .statement(&endpoint, now())
        .request();
    let request = client(|builder| builder)
        .post(&endpoint)
        .header("content-type", "application/json")
        .body(body.to_string());
    assert_eq!(answer(request).await.status, 201);

    let metadata = format!(
        "https://{}/apis/default/fhir/.well-known/udap",
        server.address()
    );
    let strangers = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(
        strangers.get(&metadata).send().await.is_err(),
        "the certificate is verified"
    );
    let plain = server
        .http()
        .get(metadata.replace("https:", "http:"))
        .send()
        .await;
    assert!(plain.is_err(), "nothing is served in plain");
}
