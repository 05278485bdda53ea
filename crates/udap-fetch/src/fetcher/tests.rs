//! Who is connected to, and who is not. These need other ports than the usual ones.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::request::Bounds;
use crate::support::{self, Server};

const BOUNDS: Bounds = Bounds {
    bytes: 1_000,
    time: Duration::from_secs(2),
};

/// Public by its number, but given to nobody: nothing answers there.
const NOWHERE: &str = "2d00::1";

/// Answers in turn; the last one again and again.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    lookups: AtomicUsize,
}

#[async_trait]
impl Resolver for Script {
    async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let next = answers.pop_front().unwrap_or_default();
        if answers.is_empty() {
            answers.push_back(next.clone());
        }
        Ok(next)
    }
}

fn script(answers: &[&[&str]]) -> Arc<Script> {
    let answers = answers
        .iter()
        .map(|answer| answer.iter().map(|text| text.parse().unwrap()).collect())
        .collect();
    Arc::new(Script {
        answers: Mutex::new(answers),
        lookups: AtomicUsize::new(0),
    })
}

/// A fetcher to which a canary's port is the usual one, so that nothing but the address guards it.
fn fetcher(port: u16, resolver: Arc<dyn Resolver>, allow: &[&str]) -> Fetcher {
    let options = FetchOptions {
        allow_hosts: allow
            .iter()
            .map(|text| AllowHost::parse(text).unwrap())
            .collect(),
        ..FetchOptions::default()
    };
    let ports = Ports {
        http: port,
        https: port,
    };
    Fetcher::build(&options, resolver, ports).unwrap()
}

fn is_not_public(result: &Result<Answer, FetchError>) -> bool {
    matches!(
        result,
        Err(FetchError::NotPublic(NotPublic::Address { .. }))
    )
}

/// Proves: C08, N14
#[tokio::test]
async fn no_spelling_of_this_machine_is_connected_to() {
    let canary = Server::canary().await;
    let port = canary.port();
    let fetcher = fetcher(port, Arc::new(SystemResolver), &[]);
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "%31%32%37.0.0.1",
        "①②⑦.⓪.⓪.①",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[::]",
        "localhost",
        "LOCALHOST",
        "localhost.",
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/");
            let result = fetcher.get(&Request::guarded(&url, BOUNDS)).await;
            // Not every machine knows `localhost.`.
            let unknown = host.ends_with("t.") && matches!(result, Err(FetchError::Unreachable(_)));
            assert!(is_not_public(&result) || unknown, "{url}: {result:?}");
            let result = fetcher
                .post(&Request::guarded(&url, BOUNDS), "text/plain", "x")
                .await;
            assert!(result.is_err());
        }
    }
    assert_eq!(canary.connections().await, 0);
    let configured = Request::configured(canary.url(), BOUNDS);
    assert!(fetcher.get(&configured).await.is_ok(), "it is alive");
}

/// Proves: C08, I08, N14
#[tokio::test]
async fn one_address_inside_refuses_all_of_a_name() {
    let canary = Server::canary().await;
    let url = format!("http://ca.example:{}/", canary.port());
    for answer in [
        ["127.0.0.1"].as_slice(),
        &[NOWHERE, "127.0.0.1"],
        &["127.0.0.1", NOWHERE],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::127.0.0.1"],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["0.0.0.0"],
    ] {
        let resolver = script(&[answer]);
        let fetcher = fetcher(canary.port(), resolver, &[]);
        let result = fetcher.get(&Request::guarded(&url, BOUNDS)).await;
        assert!(is_not_public(&result), "{answer:?}: {result:?}");
    }
    assert_eq!(canary.connections().await, 0);
}

/// Proves: I09, N14
#[tokio::test]
async fn a_name_that_changes_while_it_is_used_leads_nowhere_else() {
    let canary = Server::canary().await;
    let url = format!("http://ca.example:{}/", canary.port());
    let resolver = script(&[&[NOWHERE], &["127.0.0.1"]]);
    let fetcher = fetcher(canary.port(), resolver.clone(), &[]);
    let first = fetcher.get(&Request::guarded(&url, BOUNDS)).await;
    assert!(
        matches!(first, Err(FetchError::Unreachable(_) | FetchError::Timeout)),
        "{first:?}"
    );
    assert_eq!(resolver.lookups.load(Ordering::SeqCst), 1);
    let second = fetcher.get(&Request::guarded(&url, BOUNDS)).await;
    assert!(is_not_public(&second), "{second:?}");
    assert_eq!(canary.connections().await, 0);
}

/// Proves: I09
#[tokio::test]
async fn the_connection_goes_to_the_addresses_that_were_checked() {
    let good = Server::with_body(b"good").await;
    let port = good.port();
    let other = Server::at(
        &format!("127.0.0.2:{port}"),
        support::Behaviour::Say(support::ok(b"other")),
    )
    .await;
    let resolver = script(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let fetcher = fetcher(1, resolver.clone(), &[&format!("ca.internal:{port}")]);
    let request = Request::guarded(format!("http://ca.internal:{port}/"), BOUNDS);
    assert_eq!(fetcher.get(&request).await.unwrap().body, b"good");
    assert_eq!(resolver.lookups.load(Ordering::SeqCst), 1);
    assert_eq!(other.connections().await, 0);
    assert!(good.seen()[0].contains(&format!("\r\nhost: ca.internal:{port}\r\n")));
    // Nothing is left over of the first connection.
    assert_eq!(fetcher.get(&request).await.unwrap().body, b"other");
    assert_eq!(resolver.lookups.load(Ordering::SeqCst), 2);
}

/// Proves: N14
#[tokio::test]
async fn a_name_is_never_a_way_to_a_metadata_service() {
    for answer in ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"] {
        let resolver = script(&[&[answer]]);
        let fetcher = fetcher(80, resolver, &["ca.internal", "169.254.169.254"]);
        for request in [
            Request::guarded("http://ca.internal/", BOUNDS),
            Request::configured("http://ca.internal/", BOUNDS),
            Request::configured("http://other.internal/", BOUNDS),
        ] {
            let result = fetcher.get(&request).await;
            assert!(is_not_public(&result), "{result:?}");
        }
    }
}

#[tokio::test]
async fn a_name_without_addresses_is_unreachable() {
    let fetcher = fetcher(80, script(&[&[]]), &[]);
    let result = fetcher
        .get(&Request::guarded("http://ca.example/", BOUNDS))
        .await;
    assert!(matches!(result, Err(FetchError::Unreachable(_))));
}

/// Counts lookups that never end.
#[derive(Default)]
struct Stuck(AtomicUsize);

#[async_trait]
impl Resolver for Stuck {
    async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn lookups_that_nobody_waits_for_any_more_are_counted_still() {
    let resolver = Arc::new(Stuck::default());
    let fetcher = fetcher(80, resolver.clone(), &[]);
    for _ in 0..limits::LOOKUPS_IN_FLIGHT * 2 {
        let result = fetcher
            .get(&Request::guarded("http://ca.example/", BOUNDS))
            .await;
        assert!(matches!(result, Err(FetchError::Timeout)), "{result:?}");
    }
    assert_eq!(resolver.0.load(Ordering::SeqCst), limits::LOOKUPS_IN_FLIGHT);
}

/// Proves: I09
#[tokio::test]
async fn no_more_of_a_body_is_kept_than_is_wanted_and_all_of_it_counts() {
    let said = |length: usize, is_announced: bool| {
        let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
        if is_announced {
            answer.extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes());
        }
        answer.extend_from_slice(b"\r\n");
        answer.resize(answer.len() + length, b'x');
        answer
    };
    for is_announced in [true, false] {
        for (length, wanted, kept) in [
            (1_000, Wanted::All, Some(1_000)),
            (1_000, Wanted::Beginning(8), Some(8)),
            (3, Wanted::Beginning(8), Some(3)),
            (1_000, Wanted::None, Some(0)),
            (1_001, Wanted::All, None),
            (1_001, Wanted::Beginning(8), None),
            (1_001, Wanted::None, Some(0)),
        ] {
            let answer = said(length, is_announced);
            let server = Server::start(support::Behaviour::Say(answer)).await;
            let mut request = Request::configured(server.url(), BOUNDS);
            request.wanted = wanted;
            let fetcher = fetcher(80, Arc::new(SystemResolver), &[]);
            match (fetcher.get(&request).await, kept) {
                (Ok(answer), Some(kept)) => assert_eq!(answer.body.len(), kept),
                (Err(FetchError::TooLarge { limit: 1_000 }), None) => {}
                (other, _) => panic!("{length} {wanted:?} {is_announced}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_header_that_is_said_twice_says_nothing() {
    for (lines, media_type) in [
        ("Content-Type: image/png\r\n", Some("image/png")),
        (
            "Content-Type: image/png\r\nContent-Type: text/html\r\n",
            None,
        ),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n");
        let server = Server::start(support::Behaviour::Say(answer.into_bytes())).await;
        let fetcher = fetcher(80, Arc::new(SystemResolver), &[]);
        let request = Request::configured(server.url(), BOUNDS);
        let answer = fetcher.get(&request).await.unwrap();
        assert_eq!(answer.content_type.as_deref(), media_type);
    }
}

#[test]
fn root_certificates_that_are_none_are_refused() {
    for file in [b"".as_slice(), b"nonsense", b"0nonsense"] {
        let options = FetchOptions {
            tls_roots: vec![file.to_vec()],
            ..FetchOptions::default()
        };
        assert!(Fetcher::new(&options).is_err(), "{file:?}");
    }
}

/// Names that begin with `slow` are looked up for ever; the others lead inside.
#[derive(Default)]
struct Slow(AtomicUsize);

#[async_trait]
impl Resolver for Slow {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if name.starts_with("slow") {
            self.0.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        Ok(vec!["127.0.0.1".parse().unwrap()])
    }
}

/// Neither whoever sends statements nor a CA that turned malicious, with as many names as they like.
#[tokio::test(start_paused = true)]
async fn slow_name_servers_of_a_stranger_or_a_ca_do_not_hold_up_the_others() {
    let resolver = Arc::new(Slow::default());
    let fetcher = fetcher(80, resolver.clone(), &[]);
    let authority = |ca| udap::trust::Authority {
        anchor: [1; 32],
        ca: [ca; 32],
    };
    let ask = async |request: Request| fetcher.get(&request).await;
    for number in 0..20 {
        let url = format!("http://slow{number}.example/");
        assert!(ask(Request::stranger(&url, BOUNDS)).await.is_err());
    }
    assert_eq!(resolver.0.load(Ordering::SeqCst), limits::STRANGERS_LOOKUPS);
    let inside = || Request::guarded("http://inside.example/", BOUNDS);
    assert!(is_not_public(&ask(inside()).await));
    for number in 0..20 {
        let url = format!("http://slow{number}.example/");
        let request = Request::guarded(&url, BOUNDS).on_behalf_of(authority(1));
        assert!(ask(request).await.is_err());
    }
    let both = limits::STRANGERS_LOOKUPS + limits::LOOKUPS_OF_AUTHORITY;
    assert_eq!(resolver.0.load(Ordering::SeqCst), both);
    assert!(is_not_public(
        &ask(inside().on_behalf_of(authority(2))).await
    ));
    assert!(is_not_public(&ask(inside()).await));
    // Nor does an anchor that makes any number of CAs.
    for number in 0..100 {
        let url = format!("http://slow{number}.example/");
        let request = Request::guarded(&url, BOUNDS).on_behalf_of(authority(number));
        assert!(ask(request).await.is_err());
    }
    let both = limits::STRANGERS_LOOKUPS + limits::LOOKUPS_IN_FLIGHT / limits::SHARE_OF_ANCHOR;
    assert_eq!(resolver.0.load(Ordering::SeqCst), both);
    let other = udap::trust::Authority {
        anchor: [2; 32],
        ca: [2; 32],
    };
    assert!(is_not_public(&ask(inside().on_behalf_of(other)).await));
    let stranger = Request::stranger("http://inside.example/", BOUNDS);
    assert!(
        ask(stranger).await.is_err(),
        "strangers are in each other's way"
    );
}

/// Nor do those of apps' links, of which no app and no anchor take all.
#[tokio::test(start_paused = true)]
async fn slow_name_servers_of_links_hold_up_no_others() {
    let resolver = Arc::new(Slow::default());
    let fetcher = fetcher(443, resolver.clone(), &[]);
    let authority = |anchor, app| udap::trust::Authority {
        anchor: [anchor; 32],
        ca: [app; 32],
    };
    let ask = async |name: &str, authority| {
        let url = format!("https://{name}.example/");
        let request = Request::link(url, BOUNDS, authority, Wanted::None);
        fetcher.get(&request).await
    };
    for number in 0..20 {
        let slow = ask(&format!("slow{number}"), authority(1, 1)).await;
        assert!(slow.is_err());
    }
    let of_app = limits::LINK_LOOKUPS_OF_APP;
    assert_eq!(resolver.0.load(Ordering::SeqCst), of_app);
    assert!(is_not_public(&ask("inside", authority(1, 2)).await));
    for app in 3..60 {
        let slow = ask(&format!("slow{app}"), authority(1, app)).await;
        assert!(slow.is_err());
    }
    let of_anchor = limits::LINK_LOOKUPS / limits::SHARE_OF_ANCHOR;
    assert_eq!(resolver.0.load(Ordering::SeqCst), of_anchor);
    assert!(is_not_public(&ask("inside", authority(2, 2)).await));
    for anchor in 2..10 {
        let slow = ask("slow", authority(anchor, anchor)).await;
        assert!(slow.is_err());
    }
    for app in 10..40 {
        assert!(ask("slow", authority(app, app)).await.is_err());
    }
    assert_eq!(resolver.0.load(Ordering::SeqCst), limits::LINK_LOOKUPS);
    let list = Request::guarded("https://inside.example/", BOUNDS);
    assert!(is_not_public(&fetcher.get(&list).await));
}
