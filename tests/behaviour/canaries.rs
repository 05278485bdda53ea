//! What strangers cannot make the server connect to.

use std::time::Duration;

use reqwest::Url;
use time::Duration as Span;
use udap_testkit::{LeafFlaw, StatementBuilder, TestCommunity, TestKey, TestLeaf};
use udap_tests::{Member, Page, Server, Setup, Web, now, until};

const APP: &str = "https://app.example.org/";
const ISS: &str = "invalid_software_statement";
const USS: &str = "unapproved_software_statement";

/// This machine, its neighbours and a cloud's metadata service, in many spellings.
const INSIDE: [&str; 16] = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "localhost",
    "LOCALHOST.",
    "0.0.0.0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::]",
    "10.1.2.3",
    "0x0a.0x010203",
    "169.254.169.254",
    "[fd00:ec2::254]",
];

fn only_leaf(statement: StatementBuilder, leaf: &TestLeaf) -> StatementBuilder {
    statement.x5c(vec![leaf.x5c().remove(0)])
}

/// Listens where the addresses lead, on the only port that is open to strangers if we may have it,
/// and on another.
fn canaries() -> Vec<Web> {
    let usual = ["127.0.0.1:80", "[::1]:80"];
    let mut canaries: Vec<_> = usual.iter().filter_map(|at| Web::at(at).ok()).collect();
    canaries.push(Web::start());
    canaries.extend(Web::at("[::1]:0").ok());
    canaries
}

/// URLs of all addresses, at all ports where a canary sits.
fn urls(canaries: &[Web], file: &str) -> Vec<String> {
    let mut ports: Vec<_> = canaries.iter().map(Web::port).collect();
    ports.push(80);
    ports.sort_unstable();
    ports.dedup();
    let urls = ports
        .iter()
        .flat_map(|port| INSIDE.map(|host| format!("http://{host}:{port}/{file}")));
    urls.collect()
}

/// Proves: N14, C08, C20, I08
#[tokio::test]
async fn addresses_inside_are_never_connected_to() {
    let canaries = canaries();
    // That one is open opens no other port.
    let open = Web::start();
    let of = TestCommunity::new("example", now());
    let member = Member::new(&of).without_intermediate().crls(Vec::new());
    let server = Server::start(&Setup::of(vec![member]).top(&open.allowed())).await;

    for urls in urls(&canaries, "ca.cer").chunks(3) {
        let urls: Vec<_> = urls.iter().map(String::as_str).collect();
        let leaf = of.leaf(APP).issuer_addresses(&urls).build();
        let answer = server
            .post(&only_leaf(server.statement(&leaf), &leaf))
            .await;
        assert_eq!(answer.refusal(), (400, USS, vec!["C05"]));
        assert!(!answer.body.to_string().contains("127.0"));
    }
    for url in urls(&canaries, "ca.crl") {
        let leaf = of.leaf(APP).crl_addresses(&[&url]).build();
        let answer = server.post(&server.statement(&leaf)).await;
        assert_eq!(answer.refusal(), (400, USS, vec!["C21"]), "{url}");
    }
    for url in urls(&canaries, "ocsp") {
        let leaf = of.leaf(APP).responder(&url).build();
        let answer = server.post(&server.statement(&leaf)).await;
        assert_eq!(answer.refusal(), (400, USS, vec!["C21"]), "{url}");
    }
    for canary in canaries.iter().chain([&open]) {
        assert_eq!(
            canary.connections(),
            0,
            "{}: {}",
            canary.host(),
            canary.heads()
        );
    }
    let log = server.log();
    for file in ["ca.crl", "ocsp"] {
        // Where the last one leads is the resolver's affair.
        for host in INSIDE.iter().filter(|host| **host != "LOCALHOST.") {
            // As the client reads it, whatever its spelling.
            let url = Url::parse(&format!("http://{host}:80/{file}")).unwrap();
            let said = log
                .lines()
                .any(|line| line.contains(url.as_str()) && line.contains("not_public"));
            assert!(said, "{url}");
        }
    }
    assert_eq!(server.database().await.clients().await, 0);
}

/// Proves: N14, C08, C20
#[tokio::test]
async fn nothing_is_fetched_for_a_statement_that_does_not_hold() {
    let web = Web::start();
    let of = web.community("example");
    web.publish(&of);
    let member = Member::new(&of).without_intermediate().crls(Vec::new());
    let server = Server::start(&Setup::of(vec![member]).top(&web.allowed())).await;
    let leaf = of.client(APP);
    let long_ago = now() - Span::minutes(20);
    let good = || only_leaf(server.statement(&leaf), &leaf);
    for (statement, rule) in [
        (good().sign_with(&TestKey::stranger()), "C02"),
        (
            good().claim("aud", "https://other.example.org/register"),
            "B13",
        ),
        (
            only_leaf(leaf.statement(&server.endpoint(), long_ago), &leaf),
            "B14",
        ),
        (good().claim("iss", "https://other.example.org/"), "C17"),
        (good().without("jti"), "B16"),
    ] {
        for statement in [statement.clone(), statement.x5c(leaf.x5c())] {
            let answer = server.post(&statement).await;
            let (status, error, rules) = answer.refusal();
            assert_eq!((status, error), (400, ISS), "{rule}: {answer:?}");
            assert!(rules.contains(&rule), "{rules:?} {rule}");
        }
    }
    for flaw in [
        LeafFlaw::SelfSigned,
        LeafFlaw::Expired,
        LeafFlaw::NotYetValid,
        LeafFlaw::WeakKey,
        LeafFlaw::CaLeaf,
        LeafFlaw::NoDigitalSignature,
    ] {
        let flawed = of.leaf(APP).flaw(flaw).build();
        let answer = server
            .post(&only_leaf(server.statement(&flawed), &flawed))
            .await;
        assert_eq!((answer.status, answer.refusal().1), (400, USS), "{flaw:?}");
    }
    assert_eq!(web.connections(), 0, "{}", web.heads());
    // With all certificates there, no list is asked for where a path is unsound by itself.
    for flaw in LeafFlaw::ALL {
        let flawed = of.leaf(APP).flaw(flaw).build();
        let errors = flaw.registration_errors();
        if errors.is_empty() || flaw.requirements().iter().any(|id| *id >= "C19") {
            continue;
        }
        let answer = server.post(&server.statement(&flawed)).await;
        assert_eq!(answer.status, 400, "{flaw:?}");
        assert!(errors.contains(&answer.refusal().1), "{flaw:?}: {answer:?}");
        assert_eq!(answer.header("retry-after"), "", "{flaw:?}");
        assert!(!web.heads().contains(".crl"), "{flaw:?}: {}", web.heads());
    }
    assert_eq!(server.database().await.clients().await, 0);
    assert_eq!(server.post(&good()).await.status, 201);
    assert_ne!(web.connections(), 0);
}

/// Proves: N14, C05, C08, C20, C26
#[tokio::test]
async fn a_self_made_certificate_gets_three_issuers_asked_for_and_nothing_else() {
    let web = Web::start();
    let of = web.community("example");
    let stranger = web.community("stranger");
    web.publish(&of);
    web.publish(&stranger);
    let server =
        Server::start(&Setup::of(vec![Member::new(&of).crls(Vec::new())]).top(&web.allowed()))
            .await;
    let addresses: Vec<_> = (0..9).map(|n| web.url(&format!("/ca-{n}.cer"))).collect();
    for n in 0..9 {
        let page = Page::Body(stranger.intermediate().der().to_vec());
        web.set(&format!("/ca-{n}.cer"), page);
    }
    let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
    let leaf = stranger
        .leaf(APP)
        .issuer_addresses(&addresses)
        .responder(&web.url("/ocsp"))
        .build();
    let statement = server.statement(&leaf).claim("jti", "the app's own");
    for statement in [only_leaf(statement.clone(), &leaf), statement] {
        let before = web.connections();
        let answer = server.post(&statement).await;
        assert_eq!(answer.refusal(), (400, USS, vec!["C05"]));
        assert_eq!(answer.header("retry-after"), "");
        assert!(web.connections() - before <= 3, "{}", web.heads());
    }
    assert_ne!(web.connections(), 0);
    assert!(!web.heads().contains(".crl"), "{}", web.heads());
    assert_eq!(web.requests("/ocsp"), 0);
    let database = server.database().await;
    assert_eq!(database.clients().await, 0);
    assert_eq!(database.number("SELECT count(*) FROM spent_jti").await, 0);
    let own = of.client(APP);
    let statement = server.statement(&own).claim("jti", "the app's own");
    assert_eq!(server.post(&statement).await.status, 201);
    // Nor later, in the background.
    until(
        "a turn of the background",
        Duration::from_secs(20),
        async || web.requests("/example/intermediate.crl") > 0,
    )
    .await;
    assert_eq!(
        web.requests("/stranger/"),
        web.requests("/stranger/root.cer")
    );
}
