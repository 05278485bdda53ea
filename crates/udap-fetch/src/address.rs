//! Which addresses are public.
//!
//! Source: the [IPv4] and [IPv6] special-purpose address registries of IANA, and the [IPv6 address
//! space]. What they mark as globally reachable but serves no web pages (anycast of protocols, for
//! example) is not public here: nothing is lost, and the lists stay short.
//!
//! [IPv4]: https://www.iana.org/assignments/iana-ipv4-special-registry/
//! [IPv6]: https://www.iana.org/assignments/iana-ipv6-special-registry/
//! [IPv6 address space]: https://www.iana.org/assignments/ipv6-address-space/

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

const NOT_PUBLIC_V4: [Ipv4Net; 16] = [
    v4([0, 0, 0, 0], 8),     // "this network" (RFC 791); 0.0.0.0 reaches this machine
    v4([10, 0, 0, 0], 8),    // private (RFC 1918)
    v4([100, 64, 0, 0], 10), // shared, behind carriers' NAT (RFC 6598); a cloud's metadata too
    v4([127, 0, 0, 0], 8),   // loopback
    v4([169, 254, 0, 0], 16), // link-local (RFC 3927); clouds' metadata
    v4([172, 16, 0, 0], 12), // private
    v4([192, 0, 0, 0], 24),  // protocol assignments (RFC 6890)
    v4([192, 0, 2, 0], 24),  // documentation (RFC 5737)
    v4([192, 88, 99, 0], 24), // 6to4 relays, deprecated (RFC 7526)
    v4([192, 168, 0, 0], 16), // private
    v4([198, 18, 0, 0], 15), // benchmarks (RFC 2544)
    v4([198, 51, 100, 0], 24), // documentation
    v4([203, 0, 113, 0], 24), // documentation
    v4([224, 0, 0, 0], 4),   // multicast
    v4([240, 0, 0, 0], 4),   // reserved (RFC 1112)
    v4([255, 255, 255, 255], 32), // broadcast
];

/// The only part of IPv6 from which global unicast addresses are given out (RFC 4291 §2.4). Outside
/// it lie loopback, IPv4-mapped and -compatible, unique local, link- and site-local, multicast,
/// discard-only (100::/64) and segment routing (5f00::/16).
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0], 3);

/// Inside it.
const NOT_PUBLIC_V6: [Ipv6Net; 5] = [
    v6([0x2001, 0, 0, 0], 23), // protocol assignments (RFC 2928): Teredo, benchmarks, ORCHID
    v6([0x2001, 0xdb8, 0, 0], 32), // documentation (RFC 3849)
    v6([0x2002, 0, 0, 0], 16), // 6to4 (RFC 3056): an IPv4 address inside
    v6([0x3ffe, 0, 0, 0], 16), // the former 6bone, given back (RFC 3701)
    v6([0x3fff, 0, 0, 0], 20), // documentation (RFC 9637)
];

/// NAT64 (RFC 6052): in networks without IPv4 the name server itself makes up such addresses for
/// every host that has none of IPv6, so they are as public as what they stand for.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0], 96);

/// NAT64 with a network's own translation (RFC 8215): not globally reachable.
const NAT64_LOCAL: Ipv6Net = v6([0x64, 0xff9b, 1, 0], 48);

/// Where clouds give out their machines' credentials (decisions 34).
const METADATA_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// The same by IPv6, at one of them.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6([a, b, c, d]: [u16; 4], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), length)
}

/// Whether a stranger may make us connect to an address (I08): a global unicast one, for which no
/// network of special purpose and no IPv4 address in disguise stands.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) if NAT64.contains(&address) => {
            is_public(IpAddr::V4(last_four(address)))
        }
        IpAddr::V6(address) => {
            GLOBAL_UNICAST.contains(&address)
                && !NOT_PUBLIC_V6.iter().any(|net| net.contains(&address))
        }
    }
}

/// Whether an address is that of a cloud's metadata service in any spelling: refused even for names
/// that an operator allows (decisions 34).
#[must_use]
pub fn is_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address == METADATA_V4,
        IpAddr::V6(address) => address == METADATA_V6 || embedded(address).contains(&METADATA_V4),
    }
}

/// Every IPv4 address that an IPv6 one may stand for. Reading one where there is none does no harm.
fn embedded(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let [
        b0,
        b1,
        b2,
        b3,
        b4,
        b5,
        b6,
        b7,
        b8,
        b9,
        b10,
        b11,
        b12,
        b13,
        b14,
        b15,
    ] = address.octets();
    let last = last_four(address);
    let mut found = Vec::new();
    // Compatible, mapped (RFC 4291 §2.5.5), translated (RFC 2765), NAT64.
    let prefix = address.segments();
    if matches!(
        prefix,
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..]
    ) || NAT64.contains(&address)
    {
        found.push(last);
    }
    if NAT64_LOCAL.contains(&address) {
        // The lengths of a prefix for which there is room (RFC 6052 §2.2); octet 8 is left out.
        found.extend([
            Ipv4Addr::new(b6, b7, b9, b10),
            Ipv4Addr::new(b7, b9, b10, b11),
            Ipv4Addr::new(b9, b10, b11, b12),
            last,
        ]);
    }
    if [b0, b1] == [0x20, 0x02] {
        found.push(Ipv4Addr::new(b2, b3, b4, b5)); // 6to4
    }
    if [b0, b1, b2, b3] == [0x20, 0x01, 0, 0] {
        // Teredo (RFC 4380 §4): the server, and the client with its bits inverted.
        found.push(Ipv4Addr::new(b4, b5, b6, b7));
        found.push(Ipv4Addr::new(!b12, !b13, !b14, !b15));
    }
    if [b8 & 0xfd, b9, b10, b11] == [0, 0, 0x5e, 0xfe] {
        found.push(last); // ISATAP (RFC 5214 §6.1)
    }
    found
}

fn last_four(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests;
