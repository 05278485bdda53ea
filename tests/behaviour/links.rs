//! Live checks of the links in client metadata.
//!
//! `emr-direct` takes public names only, and none leads to this machine. The checks are the same under
//! `hl7`, where an operator switches them on; its rules on form let addresses of this machine pass.

use std::time::{Duration, Instant};

use serde_json::json;
use udap_testkit::{StatementBuilder, TestCommunity, TestLeaf};
use udap_tests::{Member, Page, Server, Setup, Web, now};

const APP: &str = "https://app.example.org/";
const ICM: &str = "invalid_client_metadata";
const IRU: &str = "invalid_redirect_uri";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

/// The most that a logo may have (I09).
const LARGEST: usize = 2 * 1024 * 1024;

/// A site with a good logo, page and two good callbacks, one of which asks for a sign-in.
fn web() -> Web {
    let web = Web::start_tls();
    web.set("/logo.png", Page::Of("image/png", PNG.to_vec()));
    web.set("/about", Page::Of("text/html", b"<p>An app.".to_vec()));
    web.set("/cb?tenant=1", Page::Status(401));
    web.set("/other", Page::Body(Vec::new()));
    web
}

/// A server that visits links, to which `web` alone is open.
async fn server(of: &TestCommunity, web: &Web, checks: &str) -> Server {
    let member = Member::new(of).with(checks);
    Server::start(&Setup::of(vec![member]).top(&web.allowed())).await
}

/// An app all of whose links are good ones of `web`.
fn app(server: &Server, leaf: &TestLeaf, web: &Web) -> StatementBuilder {
    server
        .statement(leaf)
        .authorization_code()
        .claim("logo_uri", web.url("/logo.png"))
        .claim("client_uri", web.url("/about"))
        .claim(
            "redirect_uris",
            json!([web.url("/cb?tenant=1"), web.url("/other")]),
        )
}

/// Proves: I07, I12, I24
#[tokio::test]
async fn an_app_whose_links_are_live_is_registered_and_they_are_visited_once() {
    let (web, of) = (web(), TestCommunity::new("example", now()));
    let server = server(&of, &web, "link_checks = true").await;
    let leaf = of.client(APP);
    let answer = server.post(&app(&server, &leaf, &web)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(web.connections(), 4);
    for path in ["/logo.png", "/about", "/cb?tenant=1", "/other"] {
        assert_eq!(web.requests(path), 1, "{path}");
    }
    let heads = web.heads();
    assert!(!heads.contains("cookie") && !heads.contains("authorization"));
    // Another statement within ten minutes, another app too.
    assert_eq!(server.post(&app(&server, &leaf, &web)).await.status, 200);
    let other = of.client("https://other.example.org/");
    assert_eq!(server.post(&app(&server, &other, &web)).await.status, 201);
    assert_eq!(web.connections(), 4);
    let metrics = server.admin("/metrics").await;
    assert!(metrics.contains("udap_link_checks_total{result=\"live\"} 12"));
    assert!(metrics.contains("udap_link_checks_total{result=\"redirects\"} 0"));
}

/// Proves: I07, I09, I10, I11, I12, I13, B34, N17
#[tokio::test]
async fn links_that_are_not_what_they_should_be_are_refused() {
    let (web, of) = (web(), TestCommunity::new("example", now()));
    let server = server(&of, &web, "link_checks = true").await;
    let leaf = of.client(APP);
    let picture = |kind, bytes: &[u8]| Page::Of(kind, bytes.to_vec());
    let mut too_large = PNG.to_vec();
    too_large.resize(LARGEST + 1, 0);
    let to_a_good_one = Page::Redirect(web.url("/about"));
    let to_itself = Page::Redirect(web.url("/loop"));
    for (number, (claim, page, rule)) in [
        ("logo_uri", picture("text/html", PNG), "I10"),
        ("logo_uri", picture("image/png", b"<html>"), "I10"),
        ("logo_uri", picture("image/png", b"<svg xmlns="), "I10"),
        ("logo_uri", picture("image/svg+xml", b"<svg xmlns="), "I10"),
        ("logo_uri", picture("image/jpeg", PNG), "I10"),
        ("logo_uri", picture("image/png", &too_large), "I10"),
        ("logo_uri", Page::Status(404), "I07"),
        ("logo_uri", Page::Status(500), "I07"),
        ("logo_uri", Page::Redirect(web.url("/logo.png")), "I13"),
        ("client_uri", Page::Status(401), "I07"),
        ("client_uri", Page::Status(404), "I07"),
        ("client_uri", Page::Status(503), "I07"),
        ("client_uri", to_a_good_one.clone(), "I13"),
        ("client_uri", to_itself.clone(), "I13"),
        ("redirect_uris", Page::Status(404), "I07"),
        ("redirect_uris", Page::Status(410), "I07"),
        ("redirect_uris", Page::Status(500), "I07"),
        ("redirect_uris", to_a_good_one, "I13"),
        ("redirect_uris", to_itself, "I13"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = match page {
            Page::Redirect(ref to) if to.ends_with("/loop") => "/loop".to_owned(),
            _ => format!("/page-{number}"),
        };
        let what = format!("{claim} {rule} {path}");
        let comes_back = matches!(page, Page::Status(_));
        web.set(&path, page);
        let (url, error) = match claim {
            "redirect_uris" => (json!([web.url("/other"), web.url(&path)]), IRU),
            _ => (json!(web.url(&path)), ICM),
        };
        let answer = server
            .post(&app(&server, &leaf, &web).claim(claim, url))
            .await;
        assert_eq!(answer.refusal(), (400, error, vec![rule]), "{what}");
        assert_eq!(!answer.header("retry-after").is_empty(), comes_back);
        // Neither where it is nor what it said.
        let text = answer.body.to_string();
        assert!(!text.contains("127.0.0.1") && !text.contains("page-"));
        assert!(web.requests(&path) == 1 || path == "/loop", "{what}");
    }
    let both = app(&server, &leaf, &web)
        .claim("logo_uri", web.url("/page-1"))
        .claim("redirect_uris", json!([web.url("/loop")]));
    let answer = server.post(&both).await;
    assert_eq!(answer.refusal(), (400, ICM, vec!["I10", "I13"]));
    assert_eq!(server.database().await.clients().await, 0);
    // What the app is not told stands in the log.
    let log = server.log();
    let of_logo = log.lines().find(|line| line.contains("/page-6"));
    let of_logo = of_logo.expect("it is logged");
    for part in ["\"status\":404", "logo_uri", "request_id"] {
        assert!(of_logo.contains(part), "{of_logo}");
    }
}

/// Proves: I14
#[tokio::test]
async fn terms_and_privacy_policy_are_visited_where_all_are() {
    let (web, of) = (web(), TestCommunity::new("example", now()));
    web.set("/terms", Page::Redirect(web.url("/about")));
    web.set("/privacy", Page::Body(Vec::new()));
    let on = server(&of, &web, "link_checks = true").await;
    let all = server(&of, &web, "link_checks = \"all\"").await;
    let leaf = of.client(APP);
    let with = |server, terms: &str, policy: &str| {
        app(server, &leaf, &web)
            .claim("tos_uri", web.url(terms))
            .claim("policy_uri", web.url(policy))
    };
    let unvisited = on.post(&with(&on, "/missing", "/missing")).await;
    assert_eq!(unvisited.status, 201);
    assert_eq!(web.requests("/missing"), 0);
    let missing = all.post(&with(&all, "/missing", "/privacy")).await;
    assert_eq!(missing.refusal(), (400, ICM, vec!["I14"]));
    assert_eq!(missing.body["errors"][0]["pointer"], "/tos_uri");
    let missing = all.post(&with(&all, "/terms", "/gone")).await;
    assert_eq!(missing.refusal(), (400, ICM, vec!["I14"]));
    assert_eq!(missing.body["errors"][0]["pointer"], "/policy_uri");
    let live = all.post(&with(&all, "/terms", "/privacy")).await;
    assert_eq!(live.status, 201);
}

/// Proves: I07, I09
#[tokio::test]
async fn hosts_that_hang_cost_an_app_a_few_seconds_and_it_may_come_back() {
    let (web, of) = (web(), TestCommunity::new("example", now()));
    let server = server(&of, &web, "link_checks = true").await;
    let leaf = of.client(APP);
    let urls: Vec<String> = (0..20).map(|number| format!("/hang-{number}")).collect();
    for path in &urls {
        web.set(path, Page::Hang);
    }
    let urls: Vec<String> = urls.iter().map(|path| web.url(path)).collect();
    let statement = app(&server, &leaf, &web).claim("redirect_uris", json!(urls));
    let started = Instant::now();
    let answer = server.post(&statement).await;
    let taken = started.elapsed();
    assert!(taken < Duration::from_secs(12), "{taken:?}");
    let (status, error, rules) = answer.refusal();
    assert_eq!((status, error, rules.len()), (400, IRU, 20));
    assert_eq!(answer.header("retry-after"), "300");
    let codes: Vec<_> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"redirect_uri_unreachable"), "{codes:?}");
    assert!(codes.contains(&"redirect_uri_not_checked"), "{codes:?}");
    assert_eq!(server.post(&app(&server, &leaf, &web)).await.status, 201);
}

/// Proves: I24
#[tokio::test]
async fn nothing_is_visited_for_a_statement_that_is_refused_anyway_or_where_checks_are_off() {
    let (web, of) = (web(), TestCommunity::new("example", now()));
    let stranger = TestCommunity::new("stranger", now());
    let checking = server(&of, &web, "link_checks = true").await;
    let leaf = of.client(APP);
    let good = || app(&checking, &leaf, &web);
    for (what, statement) in [
        ("not trusted", app(&checking, &stranger.client(APP), &web)),
        ("a fault", good().without("client_name")),
        ("no scope", good().claim("scope", "nothing/Here.read")),
        (
            "another audience",
            good().claim("aud", "https://else.example.org/"),
        ),
        ("a cancellation", good().cancellation()),
    ] {
        let answer = checking.post(&statement).await;
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
    }
    assert_eq!(web.connections(), 0);
    let off = server(&of, &web, "").await;
    let explicitly_off = server(&of, &web, "link_checks = false").await;
    for server in [&off, &explicitly_off] {
        let answer = server.post(&app(server, &leaf, &web)).await;
        assert_eq!(answer.status, 201);
    }
    assert_eq!(web.connections(), 0, "off unless asked for under hl7");
    let statement = good();
    assert_eq!(checking.post(&statement).await.status, 201);
    assert_eq!(web.connections(), 4);
    assert_eq!(checking.post(&statement).await.status, 400, "a replay");
    assert_eq!(web.connections(), 4);
}

/// Proves: N14, I08, I09, I13
#[tokio::test]
async fn links_never_lead_inside() {
    let usual = ["127.0.0.1:443", "[::1]:443", "127.0.0.1:0", "[::1]:0"];
    let canaries: Vec<_> = usual.iter().filter_map(|at| Web::at(at).ok()).collect();
    let web = web();
    let of = TestCommunity::new("example", now());
    let server = server(&of, &web, "link_checks = \"all\"").await;
    let leaf = of.client(APP);
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "localhost",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
        "10.1.2.3",
        "0x0a.0x010203",
        "169.254.169.254",
        "[fd00:ec2::254]",
    ] {
        let ports = canaries.iter().map(Web::port).chain([443, 80]);
        for port in ports {
            let to = |path: &str| format!("https://{host}:{port}{path}");
            let statement = app(&server, &leaf, &web)
                .claim("logo_uri", to("/logo.png"))
                .claim("client_uri", to("/"))
                .claim("tos_uri", to("/terms"))
                .claim("policy_uri", to("/privacy"))
                .claim("redirect_uris", json!([to("/cb")]));
            let answer = server.post(&statement).await;
            let expected = vec!["I08", "I08", "I14", "I14", "I08"];
            assert_eq!(answer.refusal(), (400, ICM, expected), "{host}:{port}");
            let description = answer.body["error_description"].to_string();
            assert!(!description.contains(host), "{description}");
        }
    }
    let mut targets: Vec<_> = canaries.iter().map(|canary| canary.url("/")).collect();
    targets.push("http://169.254.169.254/latest/meta-data/".to_owned());
    for (number, to) in targets.into_iter().enumerate() {
        let path = format!("/away-{number}");
        web.set(&path, Page::Redirect(to));
        let statement = app(&server, &leaf, &web)
            .claim("client_uri", web.url(&path))
            .claim("tos_uri", web.url(&path));
        let answer = server.post(&statement).await;
        assert_eq!(answer.refusal(), (400, ICM, vec!["I13"]));
    }
    for canary in &canaries {
        assert_eq!(canary.connections(), 0, "{}", canary.heads());
    }
    assert!(server.log().contains("not_public"));
    assert_eq!(server.database().await.clients().await, 0);
}
