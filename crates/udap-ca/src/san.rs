//! Names that stand in a certificate's subject alternative name.

use std::{fmt, net::IpAddr, str::FromStr};

use rcgen::SanType;
use url::{Host, Url};

use crate::Error;

/// The longest client URI that the registrar accepts, so nothing longer is issued.
const MAX_URI_BYTES: usize = 2048;
/// RFC 1035 §2.3.4: 255 octets on the wire are 253 characters of text.
const MAX_DNS_NAME: usize = 253;
/// RFC 1035 §2.3.4.
const MAX_DNS_LABEL: usize = 63;

/// A URI fit for a subject alternative name (J02): absolute, RFC 3986 syntax, ASCII, and with a
/// full host name or an address where it has an authority.
///
/// It is kept character for character, since UDAP compares it so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SanUri(String);

impl SanUri {
    /// The URI as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_http(&self) -> bool {
        let scheme = self.0.split(':').next().unwrap_or_default();
        scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
    }

    /// What two URIs have in common that some UDAP server takes for one (K04, K06): letter case,
    /// a default port, a trailing slash and needless percent-encoding (RFC 3986 §6.2.2) are left
    /// out. It stands in the index: another way of reckoning needs another version of that.
    pub(crate) fn likeness(&self) -> String {
        let plain = without_needless_encoding(&self.0);
        let normal = Url::parse(&plain).map_or(plain, String::from);
        normal.trim_end_matches('/').to_ascii_lowercase()
    }

    pub(crate) fn for_signing(&self) -> Result<SanType, Error> {
        Ok(SanType::URI(self.0.as_str().try_into()?))
    }
}

impl fmt::Display for SanUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SanUri {
    type Err = Error;

    fn from_str(uri: &str) -> Result<Self, Error> {
        match fault(uri) {
            None => Ok(Self(uri.to_owned())),
            Some(reason) => Err(Error::InvalidUri {
                uri: uri.to_owned(),
                reason,
            }),
        }
    }
}

fn fault(uri: &str) -> Option<&'static str> {
    if uri.len() > MAX_URI_BYTES {
        return Some("it is longer than 2048 characters");
    }
    let Some((scheme, rest)) = uri.split_once(':') else {
        return Some("it is not absolute (no scheme)");
    };
    let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !scheme_fits {
        return Some("it is not absolute (no scheme)");
    }
    if rest.is_empty() {
        return Some("it has nothing after the scheme");
    }
    if !has_only_uri_characters(rest) {
        return Some("it holds characters that RFC 3986 does not allow (use percent-encoding)");
    }
    let Ok(url) = Url::parse(uri) else {
        return Some("it cannot be parsed");
    };
    let http = matches!(url.scheme(), "http" | "https");
    if !rest.starts_with("//") {
        return http.then_some("an http or https URI needs `//` and a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("it names a user");
    }
    match url.host() {
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => None,
        Some(Host::Domain("localhost")) => None,
        Some(Host::Domain(name)) if name.contains('.') && is_dns_name(name) => None,
        _ => Some("its host is neither a full host name nor an address (RFC 5280 §4.2.1.6)"),
    }
}

/// Percent-encoded letters, digits, `-`, `.`, `_` and `~` as themselves (RFC 3986 §6.2.2.2).
fn without_needless_encoding(uri: &str) -> String {
    let mut parts = uri.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let octet = part
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match octet {
            Some(octet) if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) => {
                plain.push(char::from(octet));
                plain.push_str(part.get(2..).unwrap_or_default());
            }
            _ => {
                plain.push('%');
                plain.push_str(part);
            }
        }
    }
    plain
}

/// RFC 3986 §2, without judging where a reserved character may stand.
fn has_only_uri_characters(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => {
                let digits = [bytes.next(), bytes.next()];
                digits
                    .iter()
                    .all(|digit| digit.is_some_and(|d| d.is_ascii_hexdigit()))
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte),
        };
        if !fits {
            return false;
        }
    }
    true
}

fn is_dns_name(name: &str) -> bool {
    name.len() <= MAX_DNS_NAME
        && name.split('.').all(|label| {
            (1..=MAX_DNS_LABEL).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// A host that a TLS certificate names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SanHost {
    /// A DNS name, in ASCII.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
}

impl SanHost {
    pub(crate) fn for_signing(&self) -> Result<SanType, Error> {
        Ok(match self {
            Self::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
            Self::Ip(address) => SanType::IpAddress(*address),
        })
    }
}

impl fmt::Display for SanHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

impl FromStr for SanHost {
    type Err = Error;

    fn from_str(host: &str) -> Result<Self, Error> {
        if let Ok(address) = host.parse() {
            return Ok(Self::Ip(address));
        }
        let numeric = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if numeric || !is_dns_name(host) {
            return Err(Error::InvalidHost {
                host: host.to_owned(),
            });
        }
        Ok(Self::Dns(host.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Proves: J02
    #[test]
    fn absolute_ascii_uris_with_full_hosts_are_accepted_as_they_are() {
        for good in [
            "https://app.example.org/udap/client",
            "https://App.Example.org/",
            "http://localhost:8080/apis/default/fhir",
            "https://192.0.2.1/fhir",
            "https://[2001:db8::1]/fhir",
            "urn:oid:2.999#T-TREAT",
            "did:web:example.org",
            "udap://community.example.org/app?a=%20b",
        ] {
            assert_eq!(good.parse::<SanUri>().unwrap().as_str(), good);
        }
    }

    /// Proves: J02
    #[test]
    fn relative_non_ascii_or_malformed_uris_are_refused() {
        for bad in [
            "",
            "app.example.org",
            "/udap/client",
            "//example.org/a",
            "https:",
            "https:example.org",
            "https://",
            "https://host/path",
            "https://user@app.example.org/",
            "https://app.example.org/a b",
            "https://app.example.org/ü",
            "https://app.example.org/%zz",
            "https://app.example.org/%2",
            "https://-bad.example.org/",
            "1http://app.example.org/",
            "https://app.example.org\\evil",
            "https://app.example.org/\n",
        ] {
            assert!(bad.parse::<SanUri>().is_err(), "{bad}");
        }
        assert!(
            format!("https://e.org/{}", "a".repeat(2048))
                .parse::<SanUri>()
                .is_err()
        );
    }

    #[test]
    fn uris_that_some_server_takes_for_one_are_alike() {
        let likeness = |uri: &str| uri.parse::<SanUri>().unwrap().likeness();
        let one = likeness("https://app.example.org/udap");
        for alike in [
            "HTTPS://APP.example.org:443/udap/",
            "https://app.example.org/%75dap",
            "https://app.example.org/a/../%55DAP",
        ] {
            assert_eq!(likeness(alike), one, "{alike}");
        }
        for other in [
            "https://app.example.org/udap%2f",
            "https://app.example.org/udap?",
            "http://app.example.org/udap",
        ] {
            assert_ne!(likeness(other), one, "{other}");
        }
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        assert_eq!(
            "EMR.example.org".parse::<SanHost>().unwrap().to_string(),
            "emr.example.org"
        );
        assert!(matches!("::1".parse::<SanHost>().unwrap(), SanHost::Ip(_)));
        for bad in [
            "",
            "a..b",
            "-a.org",
            "a_b.org",
            "*.example.org",
            "1.2.3",
            "ä.org",
        ] {
            assert!(bad.parse::<SanHost>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_accepted_uri_can_be_encoded(text in "\\PC{0,60}") {
            if let Ok(uri) = format!("https://app.example.org/{text}").parse::<SanUri>() {
                prop_assert!(uri.for_signing().is_ok());
            }
        }
    }
}
