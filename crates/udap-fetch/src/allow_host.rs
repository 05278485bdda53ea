//! Hosts that an operator exempts from the public-address rule.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use url::Host;

/// An entry of `allow_hosts` (decisions 34): for this host, address and port are free. Nothing else
/// is lifted, and a name that leads to a cloud's metadata service is refused all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowHost {
    /// As a URL parser gives it: names in lower case.
    host: Host<String>,
    port: Option<u16>,
}

/// A text that is neither a host nor `host:port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a host nor host:port")]
pub struct AllowHostError;

impl AllowHost {
    /// Reads `host` or `host:port`; an IPv6 address may stand in brackets.
    ///
    /// # Errors
    /// If it is neither, or holds a scheme, a path or a `*`.
    pub fn parse(text: &str) -> Result<Self, AllowHostError> {
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self {
                host: Host::Ipv6(address),
                port: None,
            });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !text.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let host = Host::parse(host).map_err(|_| AllowHostError)?;
        if matches!(&host, Host::Domain(name) if name.contains('*')) {
            return Err(AllowHostError);
        }
        let port = match port {
            None => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                let port: u16 = digits.parse().map_err(|_| AllowHostError)?;
                Some(port)
                    .filter(|port| *port != 0)
                    .ok_or(AllowHostError)
                    .map(Some)?
            }
            Some(_) => return Err(AllowHostError),
        };
        Ok(Self { host, port })
    }

    /// The host, as the host of a URL is compared with it.
    #[must_use]
    pub fn host(&self) -> &Host<String> {
        &self.host
    }

    /// The only port it holds for; `None`: every port.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether it holds for a URL's host and port.
    #[must_use]
    pub fn admits(&self, host: &Host<&str>, port: u16) -> bool {
        let same = match (&self.host, host) {
            (Host::Domain(ours), Host::Domain(theirs)) => ours.eq_ignore_ascii_case(theirs),
            (Host::Ipv4(ours), Host::Ipv4(theirs)) => ours == theirs,
            (Host::Ipv6(ours), Host::Ipv6(theirs)) => ours == theirs,
            _ => false,
        };
        same && self.port.is_none_or(|only| only == port)
    }

    /// Whether it opens every port of something inside: worth a warning.
    #[must_use]
    pub fn opens_the_inside(&self) -> bool {
        self.port.is_none()
            && match &self.host {
                Host::Ipv4(address) => is_inside(IpAddr::V4(*address)),
                Host::Ipv6(address) => is_inside(address.to_canonical()),
                Host::Domain(name) => {
                    let name = name.trim_end_matches('.');
                    !name.contains('.')
                        || INSIDE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
                }
            }
    }
}

/// Names that mean the local network: RFC 6761, RFC 6762, RFC 8375, ICANN's `.internal`, and habit.
const INSIDE_SUFFIXES: [&str; 6] = [
    ".localhost",
    ".local",
    ".internal",
    ".home.arpa",
    ".lan",
    ".intranet",
];

impl fmt::Display for AllowHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.host)?;
        self.port
            .map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified()
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.is_unspecified()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_with_and_without_port() {
        for (text, shown, port) in [
            ("crl.example.org", "crl.example.org", None),
            ("CRL.Example.org:8080", "crl.example.org", Some(8080)),
            ("127.0.0.1", "127.0.0.1", None),
            ("127.0.0.1:80", "127.0.0.1", Some(80)),
            ("::1", "[::1]", None),
            ("[::1]", "[::1]", None),
            ("[::1]:8443", "[::1]", Some(8443)),
            ("169.254.169.254", "169.254.169.254", None),
        ] {
            let entry = AllowHost::parse(text).unwrap();
            assert_eq!(
                (entry.host.to_string().as_str(), entry.port),
                (shown, port),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            ":80",
            "host:",
            "host:0",
            "host:x",
            "host:+80",
            "host:99999",
            "https://host",
            "host/path",
            "*.example.org",
            "user@host",
            "a b",
        ] {
            assert!(AllowHost::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_entry_with_a_port_holds_for_that_port_only() {
        let host = Host::Domain("crl.example.org");
        let any = AllowHost::parse("CRL.example.org").unwrap();
        let one = AllowHost::parse("crl.example.org:8080").unwrap();
        assert!(any.admits(&host, 1) && any.admits(&host, 65535));
        assert!(one.admits(&host, 8080) && !one.admits(&host, 80));
        assert!(any.admits(&Host::Domain("CRL.EXAMPLE.ORG"), 80));
        assert!(!any.admits(&Host::Domain("example.org"), 80));
        assert!(!any.admits(&Host::Domain("a.crl.example.org"), 80));
    }

    #[test]
    fn entries_that_open_the_inside_are_known() {
        for (text, inside) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("169.254.169.254", true),
            ("::1", true),
            ("::ffff:10.0.0.1", true),
            ("fd00::1", true),
            ("db", true),
            ("ca.internal", true),
            ("10.1.2.3:80", false),
            ("localhost:8080", false),
            ("crl.example.org", false),
            ("8.8.8.8", false),
        ] {
            assert_eq!(
                AllowHost::parse(text).unwrap().opens_the_inside(),
                inside,
                "{text}"
            );
        }
    }
}
