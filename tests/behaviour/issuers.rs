//! Intermediates: configured, sent along, or by AIA.

use std::time::{Duration, Instant};

use udap_testkit::{TestCommunity, TestLeaf};
use udap_tests::{Answer, Member, Page, Server, Setup, Web, now};
use yasna::models::ObjectIdentifier;

const APP: &str = "https://app.example.org/";
const USS: &str = "unapproved_software_statement";

/// Registers with the leaf alone in `x5c`.
async fn alone(server: &Server, leaf: &TestLeaf) -> Answer {
    let first = leaf.x5c().remove(0);
    server.post(&server.statement(leaf).x5c(vec![first])).await
}

/// A "certs-only" message (RFC 5652 §5.1).
fn certs_only(certificates: &[&[u8]]) -> Vec<u8> {
    let kind = |last| ObjectIdentifier::from_slice(&[1, 2, 840, 113_549, 1, 7, last]);
    yasna::construct_der(|writer| {
        writer.write_sequence(|content| {
            content.next().write_oid(&kind(2));
            content
                .next()
                .write_tagged(yasna::Tag::context(0), |writer| {
                    writer.write_sequence(|signed| {
                        signed.next().write_u8(1);
                        signed.next().write_set(|_| {});
                        signed
                            .next()
                            .write_sequence(|data| data.next().write_oid(&kind(1)));
                        let set = signed.next();
                        set.write_tagged_implicit(yasna::Tag::context(0), |writer| {
                            writer.write_sequence(|all| {
                                for certificate in certificates {
                                    all.next().write_der(certificate);
                                }
                            });
                        });
                        signed.next().write_set(|_| {});
                    });
                });
        });
    })
}

/// Proves: N13, C06, C07
#[tokio::test]
async fn a_leaf_alone_is_enough_where_its_issuer_can_be_found() {
    let web = Web::start();
    let stored = TestCommunity::new("stored", now());
    let [der, pkcs7, nowhere, sent] =
        ["der", "pkcs7", "nowhere", "sent"].map(|name| web.community(name));
    for of in [&der, &pkcs7, &sent] {
        web.publish(of);
    }
    let both = [pkcs7.root().der(), pkcs7.intermediate().der()];
    web.set("/pkcs7/intermediate.cer", Page::Body(certs_only(&both)));
    let mut members = vec![Member::new(&stored)];
    for of in [&der, &pkcs7, &nowhere, &sent] {
        members.push(Member::new(of).without_intermediate().crls(Vec::new()));
    }
    let server = Server::start(&Setup::of(members).top(&web.allowed())).await;

    let refused = alone(&server, &nowhere.client(APP)).await;
    assert_eq!(refused.refusal(), (400, USS, vec!["C05"]), "nowhere");
    assert_eq!(web.requests("/nowhere/"), 1, "{}", web.heads());
    assert_eq!(server.database().await.clients().await, 0);
    for of in [&stored, &der, &pkcs7] {
        let leaf = of.client(APP);
        let answer = alone(&server, &leaf).await;
        assert_eq!(answer.status, 201, "{}: {answer:?}", of.name());
        assert_eq!(alone(&server, &leaf).await.status, 200);
    }
    for name in ["der", "pkcs7"] {
        assert_eq!(web.requests(&format!("/{name}/intermediate.cer")), 1);
        assert_eq!(web.requests(&format!("/{name}/root.cer")), 0);
    }
    // Peers ignore what the client sends along, and ask.
    let leaf = sent.client(APP);
    assert_eq!(server.post(&server.statement(&leaf)).await.status, 201);
    assert_eq!(web.requests("/sent/intermediate.cer"), 0);
}

/// Proves: C07
#[tokio::test]
async fn issuers_are_not_fetched_where_that_is_switched_off() {
    let web = Web::start();
    let of = web.community("example");
    web.publish(&of);
    let member = Member::new(&of).without_intermediate().crls(Vec::new());
    let off = web.allowed() + "\naia = false";
    let server = Server::start(&Setup::of(vec![member]).top(&off)).await;
    let leaf = of.client(APP);
    let refused = alone(&server, &leaf).await;
    assert_eq!(refused.refusal(), (400, USS, vec!["C05"]));
    assert_eq!(web.connections(), 0);
    assert_eq!(server.database().await.clients().await, 0);
    assert_eq!(server.post(&server.statement(&leaf)).await.status, 201);
}

/// Proves: C08
#[tokio::test]
async fn addresses_that_hang_or_miss_are_asked_once_and_left_in_time() {
    let web = Web::start();
    let of = web.community("example");
    let member = Member::new(&of).without_intermediate().crls(Vec::new());
    let server = Server::start(&Setup::of(vec![member]).top(&web.allowed())).await;
    let slow = Page::Zeros {
        bytes: 100 << 20,
        declared: false,
    };
    let pages = [
        ("/hang.cer", Page::Hang),
        ("/drip.cer", Page::Drip),
        ("/large.cer", slow),
    ];
    let urls = pages.map(|(path, page)| {
        web.set(path, page);
        web.url(path)
    });
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    let leaf = of.leaf(APP).issuer_addresses(&urls).build();
    let begun = Instant::now();
    for _ in 0..2 {
        let refused = alone(&server, &leaf).await;
        assert_eq!(refused.refusal(), (400, USS, vec!["C05"]));
    }
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(web.connections(), 3, "{}", web.heads());
    assert_eq!(server.database().await.clients().await, 0);
}
