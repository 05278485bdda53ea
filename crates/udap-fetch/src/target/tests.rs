//! URLs of every spelling.

use std::time::Duration;

use super::*;
use crate::request::Bounds;

const BOUNDS: Bounds = Bounds {
    bytes: 1,
    time: Duration::ZERO,
};

fn judge(request: &Request, allowed: &[&str]) -> Result<Target, FetchError> {
    let entries: Vec<_> = allowed
        .iter()
        .map(|text| AllowHost::parse(text).unwrap())
        .collect();
    Target::judge(request, &entries, Ports::USUAL)
}

fn guarded(url: &str, allowed: &[&str]) -> Result<Target, FetchError> {
    judge(&Request::guarded(url, BOUNDS), allowed)
}

fn configured(url: &str) -> Result<Target, FetchError> {
    judge(&Request::configured(url, BOUNDS), &[])
}

/// Addresses inside in every spelling that some parser takes for one.
const INSIDE: [&str; 37] = [
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0x7F.1/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http:///127.0.0.1/",
    "http:127.0.0.1/",
    "http://%31%32%37.0.0.1/",
    "http://127.0.0.1%2e/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://１２７.0.0.1/",
    "http://10.0.0.1/",
    "http://0xa9fea9fe/",
    "http://169.254.169.254/latest/meta-data/",
    "http://192.168.1.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:0:0:0:0:80ff:fffe]/",
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/",
    "https://[fec0::1]/",
];

/// Proves: C08, I08, N14
#[test]
fn addresses_inside_are_refused_in_every_spelling() {
    for url in INSIDE {
        let error = guarded(url, &[]).unwrap_err();
        assert!(
            matches!(error, FetchError::NotPublic(NotPublic::Address { .. })),
            "{url}: {error:?}"
        );
        assert_eq!(error.to_string(), "the address is not public");
    }
}

#[test]
fn urls_that_are_none_are_refused() {
    use UrlFault::{Character, Credentials, Malformed, Scheme, TooLong};
    let long = format!("http://a.example/{}", "x".repeat(limits::URL_BYTES));
    for (url, fault) in [
        ("", Malformed),
        ("a.example", Malformed),
        ("//a.example/", Malformed),
        ("http://", Malformed),
        ("http:///", Malformed),
        ("http://:80/", Malformed),
        ("http://a.example:99999/", Malformed),
        ("http://1.2.3.4.5/", Malformed),
        ("http://256.0.0.1/", Malformed),
        ("http://[::1", Malformed),
        ("http://[fe80::1%25eth0]/", Malformed),
        ("http://[fe80::1%eth0]/", Malformed),
        ("http://[v1.x]/", Malformed),
        ("http://a%00.example/", Malformed),
        ("http://a<b.example/", Malformed),
        ("ftp://a.example/", Scheme),
        ("ldap://a.example/", Scheme),
        ("file:///etc/passwd", Scheme),
        ("data:,x", Scheme),
        ("gopher://a.example/", Scheme),
        ("unix:/run/x", Scheme),
        ("http://user@a.example/", Credentials),
        ("http://user:password@a.example/", Credentials),
        ("http://:password@a.example/", Credentials),
        ("http://a.example@127.0.0.1/", Credentials),
        ("http://a.example:80@127.0.0.1/", Credentials),
        (" http://a.example/", Character),
        ("http://a.example/ ", Character),
        ("http://a.example/\r\nX: y", Character),
        ("ht\ttp://a.example/", Character),
        ("http:\\\\a.example\\", Character),
        ("http://a.example\\@127.0.0.1/", Character),
        ("http://a.example/\u{a0}", Character),
        ("http://a.example/\u{7f}", Character),
        (&long, TooLong),
    ] {
        for result in [guarded(url, &[]), configured(url)] {
            match result.unwrap_err() {
                FetchError::BadUrl(found) => assert_eq!(found, fault, "{url}"),
                error => panic!("{url}: {error:?}"),
            }
        }
    }
}

/// Proves: C08, I09
#[test]
fn strangers_may_name_the_usual_ports_only() {
    for url in [
        "http://a.example/",
        "http://a.example:80/",
        "https://a.example/",
        "https://a.example:443/",
        "http://8.8.8.8/",
        "http://[2606:4700::1111]/",
        "http://a.example./",
        "http://münchen.example/",
        "http://@a.example/",
    ] {
        let target = guarded(url, &[]).unwrap();
        assert_eq!(target.rule, Rule::Public, "{url}");
    }
    for url in [
        "http://a.example:443/",
        "http://a.example:8080/",
        "https://a.example:80/",
        "https://a.example:8443/",
        "http://8.8.8.8:22/",
    ] {
        let error = guarded(url, &[]).unwrap_err();
        assert!(
            matches!(error, FetchError::NotPublic(NotPublic::Port { .. })),
            "{url}: {error:?}"
        );
        assert!(configured(url).is_ok());
    }
}

#[test]
fn http_is_refused_where_https_is_asked_for() {
    let https = |url| judge(&Request::guarded(url, BOUNDS).https_only(), &["a.example"]);
    assert!(https("https://a.example/").is_ok());
    assert!(matches!(
        https("http://a.example/"),
        Err(FetchError::BadUrl(UrlFault::Scheme))
    ));
}

#[test]
fn the_fragment_is_not_sent() {
    let target = guarded("http://a.example/x?y#z", &[]).unwrap();
    assert_eq!(target.url.as_str(), "http://a.example/x?y");
}

/// Proves: N14
#[test]
fn what_an_operator_allows_is_free_in_address_and_port_and_nothing_else() {
    let free =
        |url, entry: &str| guarded(url, &[entry]).is_ok_and(|target| target.rule == Rule::Anywhere);
    assert!(free("http://10.0.0.1:8080/", "10.0.0.1"));
    assert!(free("http://0xa.1:8080/", "10.0.0.1"), "the same address");
    assert!(free("http://10.0.0.1:8080/", "10.0.0.1:8080"));
    assert!(!free("http://10.0.0.1:8081/", "10.0.0.1:8080"));
    assert!(free("https://CA.internal:8443/", "ca.INTERNAL"));
    assert!(!free("https://x.ca.internal/", "ca.internal"));
    assert!(!free("https://ca.internal.evil.example/", "ca.internal"));
    assert!(free("http://[::1]:1/", "[::1]"));
    assert!(!free("http://[::ffff:10.0.0.1]/", "10.0.0.1"));
    assert!(!free("http://user@10.0.0.1/", "10.0.0.1"));
    assert!(!free("ftp://10.0.0.1/", "10.0.0.1"));
}

/// Proves: N14
#[test]
fn metadata_services_need_their_address_in_the_list() {
    for url in [
        "http://169.254.169.254/",
        "http://0xa9fea9fe/",
        "http://[fd00:ec2::254]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
    ] {
        assert!(configured(url).is_err(), "{url}");
        assert!(guarded(url, &["10.0.0.1"]).is_err(), "{url}");
    }
    assert!(guarded("http://169.254.169.254/", &["169.254.169.254"]).is_ok());
    assert!(guarded("http://0xa9fea9fe:8080/", &["169.254.169.254"]).is_ok());
    assert!(guarded("http://[::ffff:169.254.169.254]/", &["169.254.169.254"]).is_err());
    assert!(guarded("http://[fd00:ec2::254]/", &["fd00:ec2::254"]).is_ok());
    let metadata = ["169.254.169.254".parse().unwrap()];
    assert!(Rule::Anywhere.check("ca.internal", metadata).is_err());
}
