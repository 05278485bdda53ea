//! The proxies' configurations in `docs/proxies.md`, as they stand there.

use std::time::Duration;

use udap_testkit::TestCommunity;
use udap_tests::{Page, Server, Setup, Web, answer, now, until};

use crate::proxy::{Proxy, free_address};

const APP: &str = "https://app.example.org/";

async fn works_behind(proxy: impl Fn(&str, &str, &str) -> Proxy) {
    let of = TestCommunity::new("example", now());
    let setup = Setup::new(&of).limits("registrations_per_minute = 60\n");
    let server = Server::start(&setup).await;
    let openemr = Web::start();
    let path = "/oauth2/default/registration";
    openemr.set(path, Page::Body(b"open".to_vec()));
    openemr.set("/apis/default/fhir/metadata", Page::Body(b"fhir".to_vec()));
    let proxy = proxy(
        &free_address(),
        server.address(),
        &format!("127.0.0.1:{}", openemr.port()),
    );
    let url = |path: &str| format!("http://{}{path}", proxy.address);
    let get = async |path: &str| server.http().get(url(path)).send().await;
    until("the proxy answers", Duration::from_secs(20), async || {
        get("/apis/default/fhir/metadata").await.is_ok()
    })
    .await;

    let fhir = get("/apis/default/fhir/metadata").await.unwrap();
    assert_eq!(fhir.text().await.unwrap(), "fhir");
    let metadata = answer(
        server
            .http()
            .get(url("/apis/default/fhir/.well-known/udap")),
    )
    .await;
    assert_eq!(metadata.status, 200);
    assert_eq!(metadata.body["registration_endpoint"], server.endpoint());
    let leaf = of.client(APP);
    let post = async |body: String| {
        let request = server
            .http()
            .post(url("/udap/default/register"))
            .header("content-type", "application/json")
            // Who pretends to come from elsewhere is seen through.
            .header("x-forwarded-for", "203.0.113.7");
        answer(request.body(body)).await
    };
    let registered = post(server.statement(&leaf).request().to_string()).await;
    assert_eq!(registered.status, 201);
    let event = server.run(&["audit", "export"]);
    assert_eq!(event.0, Some(0));
    assert!(!event.1.to_string().contains("203.0.113.7"));
    let open = get(path).await.unwrap();
    assert_eq!(open.status(), 403);
    assert_eq!(openemr.requests(path), 0);
    // Whatever OpenEMR could take for its token path is answered by the registrar.
    for path in [
        "/oauth2/default/token",
        "/oauth2/default/token/",
        "/oauth2/default/token/more",
        "/oauth2/default//token",
        "/oauth2/default/TOKEN",
        "/oauth2/default/%74oken",
    ] {
        let request = server.http().post(url(path)).body("");
        let answer = request.send().await.unwrap();
        assert!(answer.headers().contains_key("x-request-id"), "{path}");
    }
    let authorize = get("/oauth2/default/authorize").await.unwrap();
    assert!(!authorize.headers().contains_key("x-request-id"));
    // Neither lets through what the registrar would not read.
    let long = format!("{{\"software_statement\":\"{}\"}}", "x".repeat(300 * 1024));
    let request = server
        .http()
        .post(url("/udap/default/register"))
        .header("content-type", "application/json");
    let refused = request.body(long).send().await.unwrap();
    assert_eq!(refused.status(), 413);
}

#[tokio::test]
#[ignore = "needs nginx: cargo xtask interop"]
async fn nginx_routes_as_documented() {
    works_behind(Proxy::nginx).await;
}

#[tokio::test]
#[ignore = "needs apache2: cargo xtask interop"]
async fn apache_routes_as_documented() {
    works_behind(Proxy::apache).await;
}
