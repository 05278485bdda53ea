//! Whether a host can be public at all, as far as that can be told without asking the DNS (I06,
//! I08). Whether its addresses are public is for the link checks.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::registrable_domain::{is_dns_name, normal, registrable};

/// Why a host is not public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostFault {
    /// The machine of whoever asks.
    Loopback,
    /// An IP address instead of a name.
    Address,
    /// A name that no public registry gives out.
    Name,
}

/// Top level domains that are not part of the public DNS (RFC 6761, RFC 7686, RFC 9476, ICANN's
/// `internal`), besides all that the public suffix list does not know. `arpa` holds `home.arpa` and
/// no applications.
const SPECIAL_USE: [&str; 9] = [
    "alt",
    "arpa",
    "example",
    "internal",
    "invalid",
    "local",
    "localhost",
    "onion",
    "test",
];

pub(super) fn check(url: &Url) -> Result<(), HostFault> {
    match url.host() {
        Some(Host::Domain(name)) => check_name(&normal(name)),
        Some(Host::Ipv4(address)) => Err(v4(address)),
        Some(Host::Ipv6(address)) => Err(v6(address)),
        None => Err(HostFault::Name),
    }
}

fn check_name(name: &str) -> Result<(), HostFault> {
    let top = name.rsplit('.').next().unwrap_or_default();
    if top == "localhost" {
        return Err(HostFault::Loopback);
    }
    if !is_dns_name(name) || SPECIAL_USE.contains(&top) || registrable(name).is_none() {
        return Err(HostFault::Name);
    }
    Ok(())
}

fn v4(address: Ipv4Addr) -> HostFault {
    if address.is_loopback() {
        HostFault::Loopback
    } else {
        HostFault::Address
    }
}

fn v6(address: Ipv6Addr) -> HostFault {
    match address.to_ipv4_mapped() {
        Some(mapped) => v4(mapped),
        None if address.is_loopback() => HostFault::Loopback,
        None => HostFault::Address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(host: &str) -> Option<HostFault> {
        check(&Url::parse(&format!("https://{host}/cb")).unwrap()).err()
    }

    /// Proves: I06
    #[test]
    fn loopback_is_found_in_every_spelling() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "app.localhost",
            "127.0.0.1",
            "127.8.8.8",
            "127.1",
            "0x7f000001",
            "2130706433",
            "0177.0.0.1",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
        ] {
            assert_eq!(fault(host), Some(HostFault::Loopback), "{host}");
        }
    }

    /// Proves: I08
    #[test]
    fn only_names_under_a_public_suffix_are_public() {
        for host in ["192.0.2.1", "8.8.8.8", "0", "[2001:db8::1]", "[fd00::1]"] {
            assert_eq!(fault(host), Some(HostFault::Address), "{host}");
        }
        for host in [
            "intranet",
            "org",
            "co.uk",
            "github.io",
            "app.local",
            "app.internal",
            "app.test",
            "app.invalid",
            "app.example",
            "app.home.arpa",
            "abc.onion",
            "emr.hospital.lan",
            "a_b.example.org",
        ] {
            assert_eq!(fault(host), Some(HostFault::Name), "{host}");
        }
        for host in [
            "example.org",
            "app.example.org",
            "App.Example.org.",
            "me.github.io",
            "app.example.co.uk:8443",
            "xn--bcher-kva.de",
        ] {
            assert_eq!(fault(host), None, "{host}");
        }
    }
}
