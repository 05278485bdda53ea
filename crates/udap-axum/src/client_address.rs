//! The address that a request really comes from, behind trusted proxies or not (decisions 35).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// Addresses of reverse proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(pub Vec<IpNet>);

/// The remote address of a request, as the log, the audit and rate limits see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl TrustedProxies {
    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The right-most address that is no trusted proxy: the peer itself, unless it is one, then
    /// what the proxies' `X-Forwarded-For` headers say. Entries further left were written by
    /// whoever came before, and prove nothing.
    #[must_use]
    pub fn client_address(&self, peer: SocketAddr, headers: &HeaderMap) -> ClientAddress {
        let mut address = peer.ip().to_canonical();
        if !self.contains(address) {
            return ClientAddress(address);
        }
        let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
        // Octet by octet: a line that is no text ends in what the proxy wrote all the same.
        let entries = lines
            .iter()
            .rev()
            .flat_map(|line| line.as_bytes().rsplit(|octet| *octet == b','));
        for entry in entries {
            // What is no address ends the chain: the nearest one that can be believed counts.
            let Some(next) = std::str::from_utf8(entry)
                .ok()
                .and_then(|entry| parse(entry.trim()))
            else {
                break;
            };
            address = next;
            if !self.contains(address) {
                break;
            }
        }
        ClientAddress(address)
    }
}

/// An address, with or without a port, with or without brackets.
fn parse(entry: &str) -> Option<IpAddr> {
    entry
        .parse::<IpAddr>()
        .ok()
        .or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| {
            entry
                .strip_prefix('[')?
                .strip_suffix(']')?
                .parse::<Ipv6Addr>()
                .ok()
                .map(IpAddr::V6)
        })
        .map(|address| address.to_canonical())
}

impl ClientAddress {
    /// What a rate limit counts: the address, IPv6 by its /64, which is what one subscriber has.
    #[must_use]
    pub fn rate_limit_key(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn address(peer: &str, forwarded: &[&str]) -> String {
        let proxies = TrustedProxies(vec![
            "127.0.0.0/8".parse().unwrap(),
            "10.0.0.0/8".parse().unwrap(),
        ]);
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 1234);
        proxies.client_address(peer, &headers).0.to_string()
    }

    /// Proves: E28
    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(address("198.51.100.7", &["203.0.113.9"]), "198.51.100.7");
        assert_eq!(address("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(address("127.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(
            address("127.0.0.1", &["1.1.1.1, 203.0.113.9, 10.1.1.1"]),
            "203.0.113.9"
        );
        assert_eq!(
            address("127.0.0.1", &["1.1.1.1", "203.0.113.9"]),
            "203.0.113.9"
        );
        assert_eq!(address("127.0.0.1", &["203.0.113.9, rubbish"]), "127.0.0.1");
        assert_eq!(
            address("::ffff:127.0.0.1", &["[2001:db8::1]:443"]),
            "2001:db8::1"
        );
    }

    /// A proxy that appends to the caller's own line must not lose what it appended, and with it
    /// let another of the caller's lines count.
    ///
    /// Proves: E28
    #[test]
    fn octets_that_are_no_text_do_not_hide_the_nearest_address() {
        let proxies = TrustedProxies(vec!["127.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for line in [&b"203.0.113.9"[..], b"\xff, 198.51.100.7"] {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
        let peer = SocketAddr::from(([127, 0, 0, 1], 1234));
        let address = proxies.client_address(peer, &headers);
        assert_eq!(address.0.to_string(), "198.51.100.7");
        headers.append("x-forwarded-for", HeaderValue::from_bytes(b"\xff").unwrap());
        let address = proxies.client_address(peer, &headers);
        assert_eq!(address.0.to_string(), "127.0.0.1");
    }

    #[test]
    fn an_ipv6_subscriber_is_one_key() {
        let key = |text: &str| ClientAddress(text.parse().unwrap()).rate_limit_key();
        assert_eq!(key("2001:db8:1:2:3::4"), key("2001:db8:1:2:ffff::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    }
}
