//! The rate as a whole. Nothing is connected to: every name leads inside.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::fetcher::FetchOptions;
use crate::resolver::Resolver;

#[derive(Default)]
struct Inside(Mutex<Vec<String>>);

#[async_trait]
impl Resolver for Inside {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.0.lock().unwrap().push(name.to_owned());
        Ok(vec![Ipv4Addr::LOCALHOST.into()])
    }
}

impl Inside {
    fn lookups(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

fn issuers() -> (Issuers, Arc<Inside>) {
    let resolver = Arc::new(Inside::default());
    let fetcher = Fetcher::with_resolver(&FetchOptions::default(), resolver.clone()).unwrap();
    (Issuers::new(fetcher), resolver)
}

async fn ask(issuers: &Issuers, host: &str, addresses: std::ops::Range<usize>) {
    for number in addresses {
        let url = format!("http://{host}/{number}.cer");
        assert!(issuers.fetch(&[url]).await.is_empty());
    }
}

/// Proves: C08
#[tokio::test(start_paused = true)]
async fn an_address_that_failed_is_not_asked_again_for_ten_minutes() {
    let (issuers, resolver) = issuers();
    for _ in 0..3 {
        ask(&issuers, "a.example", 0..3).await;
    }
    assert_eq!(resolver.lookups(), 3);
    tokio::time::advance(limits::AIA_MEMORY - Duration::from_secs(1)).await;
    ask(&issuers, "a.example", 0..3).await;
    assert_eq!(resolver.lookups(), 3);
    tokio::time::advance(Duration::from_secs(1)).await;
    ask(&issuers, "a.example", 0..3).await;
    assert_eq!(resolver.lookups(), 6);
}

/// Proves: C08
#[tokio::test(start_paused = true)]
async fn what_the_rate_held_back_is_not_remembered_as_missing() {
    let (issuers, resolver) = issuers();
    ask(&issuers, "a.example", 0..15).await;
    assert_eq!(resolver.lookups(), 10);
    tokio::time::advance(Duration::from_secs(60)).await;
    ask(&issuers, "a.example", 0..15).await;
    assert_eq!(resolver.lookups(), 15);
}

/// Proves: C08
#[tokio::test(start_paused = true)]
async fn hosts_of_trusted_certificates_are_not_rationed() {
    let now = time::macros::datetime!(2026-11-22 12:00 UTC);
    let options =
        udap_testkit::CommunityOptions::new("example").published_at("http://pki.example/example");
    let of = udap_testkit::TestCommunity::with(options, now);
    let leaf = Certificate::from_der(of.client("https://app.example/").der()).unwrap();
    assert!(leaf.ca_issuers()[0].starts_with("http://pki.example/"));
    let (issuers, resolver) = issuers();
    issuers.trust_hosts_of(&leaf);
    issuers.trust_hosts(["https://CA.example:8443/x", "nonsense"]);
    ask(&issuers, "pki.example", 0..40).await;
    ask(&issuers, "ca.example", 0..40).await;
    assert_eq!(resolver.lookups(), 80);
    ask(&issuers, "app.example", 0..40).await;
    assert_eq!(resolver.lookups(), 90);
}

/// Proves: C08
#[tokio::test(start_paused = true)]
async fn at_most_three_addresses_are_asked_at_once_and_each_one_time() {
    let (issuers, resolver) = issuers();
    let url = |number: usize| format!("http://{number}.example/");
    let mut urls = vec![url(0), url(0), "http://0.example/#other".to_owned()];
    urls.extend(["ldap://0.example/".to_owned(), "nonsense".to_owned()]);
    urls.extend((1..10).map(url));
    assert!(issuers.fetch(&urls).await.is_empty());
    assert_eq!(resolver.lookups(), udap::limits::AIA_FETCHES);
    issuers.fetch(&urls).await;
    assert_eq!(resolver.lookups(), 2 * udap::limits::AIA_FETCHES);
}

#[tokio::test]
async fn a_certificate_of_a_path_vouches_for_few_hosts() {
    let (issuers, _) = issuers();
    let urls: Vec<_> = (0..30)
        .map(|number| format!("http://{number}.example/a.crl"))
        .collect();
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    let now = time::macros::datetime!(2026-11-22 12:00 UTC);
    let options = udap_testkit::CommunityOptions::new("one");
    let community = udap_testkit::TestCommunity::with(options, now);
    let leaf = (community.leaf("https://app.example.org/"))
        .crl_addresses(&urls)
        .build();
    let leaf = Certificate::from_der(leaf.der()).unwrap();
    let vouched_for = || {
        let is_exempt = |url: &&&str| issuers.0.rate.vouched(&Url::parse(url).unwrap()).is_some();
        urls.iter().filter(is_exempt).count()
    };
    issuers.trust_hosts_on_path(&leaf);
    assert_eq!(vouched_for(), limits::AIA_HOSTS_OF_CERTIFICATE);
    issuers.trust_hosts_of(&leaf);
    assert_eq!(vouched_for(), urls.len());
}
