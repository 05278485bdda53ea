//! Issuers from a server on this machine.

mod support;

use std::time::Duration;

use support::{Behaviour, Server};
use time::macros::datetime;
use udap::certificate::Certificate;
use udap_fetch::aia::Issuers;
use udap_fetch::{AllowHost, Bounds, FetchOptions, Fetcher, Request, limits};
use udap_testkit::TestCommunity;

fn issuers(allow: &[&str]) -> Issuers {
    Issuers::new(fetcher(allow))
}

fn fetcher(allow: &[&str]) -> Fetcher {
    let options = FetchOptions {
        allow_hosts: allow
            .iter()
            .map(|text| AllowHost::parse(text).unwrap())
            .collect(),
        ..FetchOptions::default()
    };
    Fetcher::new(&options).unwrap()
}

fn community() -> TestCommunity {
    TestCommunity::new("example", datetime!(2026-11-22 12:00 UTC))
}

/// Proves: C07, C08
#[tokio::test]
async fn an_issuer_is_fetched_once_and_remembered_for_ten_minutes() {
    let of = community();
    let server = Server::with_body(of.intermediate().der()).await;
    let issuers = issuers(&["127.0.0.1"]);
    let urls = [server.url(), format!("{}#again", server.url())];
    let wanted = [Certificate::from_der(of.intermediate().der()).unwrap()];
    for _ in 0..3 {
        assert_eq!(issuers.fetch(&urls).await, wanted);
    }
    assert_eq!(server.connections().await, 1);
    tokio::time::pause();
    tokio::time::advance(limits::AIA_MEMORY).await;
    tokio::time::resume();
    assert_eq!(issuers.fetch(&urls).await, wanted);
    assert_eq!(server.connections().await, 2);
}

/// Proves: C08
#[tokio::test]
async fn many_that_want_one_issuer_wait_for_one_fetch() {
    let of = community();
    let server = Server::with_body(of.root().der()).await;
    let issuers = issuers(&["127.0.0.1"]);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (issuers, url) = (issuers.clone(), server.url());
        waiting.spawn(async move { issuers.fetch(&[url]).await.len() });
    }
    assert_eq!(waiting.join_all().await, [1; 50]);
    assert_eq!(server.connections().await, 1);
}

/// Proves: C08
#[tokio::test]
async fn answers_come_in_the_order_of_the_addresses_and_bad_ones_are_passed_over() {
    let of = community();
    let good = Server::with_body(of.intermediate().der()).await;
    let pem = Server::with_body((of.intermediate().pem() + &of.root().pem()).as_bytes()).await;
    let html = Server::with_body(b"<html>").await;
    let issuers = issuers(&["127.0.0.1"]);
    let found = issuers.fetch(&[html.url(), good.url(), pem.url()]).await;
    let ders: Vec<_> = found.iter().map(Certificate::der).collect();
    assert_eq!(ders, [of.intermediate().der(), of.root().der()]);
    issuers.fetch(&[html.url()]).await;
    assert_eq!(html.connections().await, 1, "a miss is remembered");
}

/// Proves: C08
#[tokio::test]
async fn an_answer_of_more_than_64_kilobytes_is_none() {
    let of = community();
    let mut body = of.root().pem().into_bytes();
    body.resize(limits::AIA_BYTES, b'\n');
    let fits = Server::with_body(&body).await;
    body.push(b'\n');
    let large = Server::with_body(&body).await;
    let issuers = issuers(&["127.0.0.1"]);
    assert_eq!(issuers.fetch(&[fits.url()]).await.len(), 1);
    assert!(issuers.fetch(&[large.url()]).await.is_empty());
}

/// Proves: C08
#[tokio::test]
async fn a_server_that_hangs_is_left_and_remembered_as_missing() {
    let server = Server::start(Behaviour::Hang).await;
    let issuers = issuers(&["127.0.0.1"]);
    let url = server.url();
    let asking = tokio::spawn({
        let (issuers, url) = (issuers.clone(), url.clone());
        async move { issuers.fetch(&[url]).await }
    });
    while server.connections().await < 1 {}
    tokio::time::pause();
    tokio::time::advance(limits::AIA_TIME + Duration::from_millis(1)).await;
    assert!(asking.await.unwrap().is_empty());
    tokio::time::resume();
    assert!(issuers.fetch(&[url]).await.is_empty());
    assert_eq!(server.connections().await, 1);
}

#[tokio::test]
async fn an_address_that_was_not_asked_for_want_of_room_is_not_remembered() {
    let of = community();
    let (hanging, good) = (
        Server::start(Behaviour::Hang).await,
        Server::with_body(of.root().der()).await,
    );
    let fetcher = fetcher(&["127.0.0.1"]);
    let issuers = Issuers::new(fetcher.clone());
    let mut others = tokio::task::JoinSet::new();
    for _ in 0..limits::GUARDED_IN_FLIGHT {
        let bounds = Bounds {
            bytes: 1,
            time: limits::LONGEST,
        };
        let (fetcher, request) = (fetcher.clone(), Request::guarded(hanging.url(), bounds));
        others.spawn(async move { fetcher.get(&request).await.is_ok() });
    }
    while hanging.connections().await < limits::GUARDED_IN_FLIGHT {}
    tokio::time::pause();
    assert!(issuers.fetch(&[good.url()]).await.is_empty());
    tokio::time::resume();
    others.shutdown().await;
    assert_eq!(issuers.fetch(&[good.url()]).await.len(), 1);
    assert_eq!(good.connections().await, 1);
}

/// Proves: C08, N14
#[tokio::test]
async fn an_address_inside_is_not_connected_to() {
    let canary = Server::canary().await;
    let port = canary.port();
    let issuers = issuers(&["127.0.0.1:1"]);
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1"] {
        let url = format!("http://{host}:{port}/ca.cer");
        assert!(issuers.fetch(&[url]).await.is_empty());
    }
    assert_eq!(canary.connections().await, 0);
}
