//! Certificates, paths and revocation lists.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::Duration;
use udap_testkit::{CommunityOptions, LeafFlaw, TestCommunity, TestKey};
use udap_tests::{Member, Server, Setup, now};

const APP: &str = "https://app.example.org/";
const ISS: &str = "invalid_software_statement";
const USS: &str = "unapproved_software_statement";

/// Proves: N11, C05, C11, C12, C13, C14, C15, C19, C21, E21
#[tokio::test]
async fn certificates() {
    let of = TestCommunity::new("example", now());
    let flawed: Vec<_> = LeafFlaw::ALL
        .into_iter()
        .map(|flaw| (flaw, of.leaf(APP).flaw(flaw).build()))
        .collect();
    // Started last, so that its CRL files list what has been revoked.
    let server = Server::start(&Setup::new(&of)).await;
    for (flaw, leaf) in &flawed {
        let answer = server.post(&server.statement(leaf)).await;
        let expected = flaw.registration_errors();
        if expected.is_empty() {
            assert_eq!(answer.status, 201, "{flaw:?}: {answer:?}");
        } else {
            let (status, error, _) = answer.refusal();
            assert_eq!(status, 400, "{flaw:?}");
            assert!(expected.contains(&error), "{flaw:?}: {error}");
        }
    }
    let database = server.database().await;
    assert_eq!(database.clients().await, 1, "the one without a CRL address");
    assert_eq!(database.number("SELECT count(*) FROM spent_jti").await, 1);
}

/// Proves: N12, C19, C20, C21, C22, C23
#[tokio::test]
async fn revocation_lists() {
    let made = |name: &str| {
        // Nothing answers there, and the address is not public: only files count.
        let options = CommunityOptions::new(name).published_at("http://127.0.0.1:9/pki");
        TestCommunity::with(options, now())
    };
    let [good, dead, expired, forged, held] =
        ["good", "dead", "expired", "forged", "held"].map(made);
    let silent = TestCommunity::new("silent", now());
    let held_leaf = held.client(APP);
    let of_root = |of: &TestCommunity| of.crl(of.root()).build();
    let with = |of, list: Vec<u8>| Member::new(of).crls(vec![of_root(of), list]);
    let server = Server::start(&Setup::of(vec![
        Member::new(&good),
        Member::new(&dead).crls(Vec::new()),
        with(
            &expired,
            expired
                .crl(expired.intermediate())
                .this_update(now() - Duration::days(8))
                .next_update(now() - Duration::hours(1))
                .build(),
        ),
        with(
            &forged,
            forged
                .crl(forged.intermediate())
                .signed_by(&TestKey::stranger())
                .build(),
        ),
        with(
            &held,
            held.crl(held.intermediate())
                .revoke(held_leaf.serial())
                .on_hold()
                .build(),
        ),
        Member::new(&silent).crls(Vec::new()),
    ]))
    .await;
    for of in [&good, &silent] {
        let answer = server.post(&server.statement(&of.client(APP))).await;
        assert_eq!(answer.status, 201, "{}: {answer:?}", of.name());
    }
    for of in [&dead, &expired, &forged] {
        let answer = server.post(&server.statement(&of.client(APP))).await;
        assert_eq!(answer.refusal(), (400, USS, vec!["C21"]), "{}", of.name());
        assert_eq!(answer.body["errors"][0]["code"], "revocation_unknown");
        assert!(!answer.header("retry-after").is_empty());
    }
    let answer = server.post(&server.statement(&held_leaf)).await;
    assert_eq!(answer.refusal(), (400, USS, vec!["C19"]));
    assert_eq!(server.database().await.clients().await, 2);
}

/// Proves: N13, C03, C04, C06
#[tokio::test]
async fn x5c() {
    let of = TestCommunity::new("example", now());
    let stored = TestCommunity::new("stored", now());
    let stranger = TestCommunity::new("stranger", now());
    let server = Server::start(&Setup::of(vec![
        Member::new(&of).without_intermediate(),
        Member::new(&stored),
    ]))
    .await;
    let leaf = of.client(APP);
    let x5c = leaf.x5c();
    let post = async |list: Vec<String>| server.post(&server.statement(&leaf).x5c(list)).await;
    assert_eq!(
        post(vec![x5c[0].clone()]).await.refusal(),
        (400, USS, vec!["C05"]),
        "the intermediate is nowhere"
    );
    assert_eq!(
        post(x5c.iter().rev().cloned().collect()).await.refusal().1,
        ISS,
        "the first certificate is not the signer's"
    );
    assert_eq!(
        post(vec![x5c[0].clone(); 11]).await.refusal(),
        (400, ISS, vec!["C04"])
    );
    let url: Vec<_> = x5c
        .iter()
        .map(|text| text.replace('+', "-").replace('/', "_").replace('=', ""))
        .collect();
    assert_eq!(post(url).await.refusal(), (400, ISS, vec!["C03"]));
    let foreign = stranger.client(APP);
    let mut with_its_root = foreign.x5c();
    with_its_root.push(STANDARD.encode(stranger.root().der()));
    let statement = server.statement(&foreign).x5c(with_its_root);
    assert_eq!(
        server.post(&statement).await.refusal(),
        (400, USS, vec!["C05"]),
        "a root is not trusted for being there"
    );
    assert_eq!(server.database().await.clients().await, 0);

    let mut with_root = x5c.clone();
    with_root.push(STANDARD.encode(of.root().der()));
    assert_eq!(post(with_root).await.status, 201);
    assert_eq!(post(x5c).await.status, 200, "the intermediate in x5c");
    let leaf = stored.client(APP);
    let alone = server.statement(&leaf).x5c(vec![leaf.x5c()[0].clone()]);
    assert_eq!(server.post(&alone).await.status, 201, "in the store");
}
