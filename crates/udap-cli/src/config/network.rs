//! `allow_hosts`, `trusted_proxies` and the listening addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use udap_fetch::AllowHost;

use super::problem::Fault;

/// An entry of `allow_hosts`.
pub(crate) fn allow_host(text: &str) -> Result<AllowHost, Fault> {
    AllowHost::parse(text).map_err(|_| {
        Fault::new(
            "is neither a host nor host:port",
            "write names, IP addresses or [IPv6]:port, without scheme, path or *",
        )
    })
}

/// A network or a single address.
pub(crate) fn proxy(text: &str) -> Result<IpNet, Fault> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| {
            Fault::new(
                "is neither an address nor a network",
                "write IP addresses or networks such as \"10.0.0.0/8\"",
            )
        })
}

/// The proxies trusted unless configured: those on this machine, if only they can reach us.
pub(crate) fn default_proxies(listen: SocketAddr) -> Vec<IpNet> {
    if !is_loopback_address(listen) {
        return Vec::new();
    }
    [
        Ipv4Net::new(Ipv4Addr::new(127, 0, 0, 0), 8).map(IpNet::V4),
        Ipv6Net::new(Ipv6Addr::LOCALHOST, 128).map(IpNet::V6),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether only this machine can reach an address.
pub(crate) fn is_loopback_address(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// An IP address and port.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, Fault> {
    text.parse().map_err(|_| {
        Fault::new(
            "is not an IP address and port",
            "write for example \"127.0.0.1:8080\" or \"[::1]:8080\"",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_addresses_or_networks() {
        assert_eq!(proxy("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(proxy("10.0.0.1").unwrap().to_string(), "10.0.0.1/32");
        assert_eq!(proxy("::1").unwrap().to_string(), "::1/128");
        assert!(proxy("proxy.example.org").is_err());
        assert!(default_proxies("0.0.0.0:80".parse().unwrap()).is_empty());
        let default = default_proxies("127.0.0.1:80".parse().unwrap());
        let holds = |address: &str| {
            default
                .iter()
                .any(|net| net.contains(&address.parse::<IpAddr>().unwrap()))
        };
        assert!(holds("127.0.0.1") && holds("127.1.2.3") && holds("::1") && !holds("10.0.0.1"));
    }
}
