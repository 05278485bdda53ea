//! Names in distribution points, and the form of names in a subjectAltName.

use x509_parser::asn1_rs::Any;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::name::NameKey;

/// A GeneralName that can be compared with another (RFC 5280 §6.3.3 (b)(2)(i)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PointName {
    /// A URI, compared octet by octet.
    Uri(String),
    /// A distinguished name.
    Directory(NameKey),
    /// Any other form: tag and content.
    Other(u8, Vec<u8>),
}

/// `None` if one of them does not decode.
pub(crate) fn point_names(names: &[GeneralName<'_>]) -> Option<Vec<PointName>> {
    names
        .iter()
        .map(|name| {
            Some(match name {
                GeneralName::URI(uri) => PointName::Uri((*uri).to_owned()),
                GeneralName::DirectoryName(name) => PointName::Directory(NameKey::of(name)),
                GeneralName::OtherName(oid, value) => {
                    PointName::Other(0, [oid.as_bytes(), value].concat())
                }
                GeneralName::RFC822Name(text) => PointName::Other(1, text.as_bytes().to_vec()),
                GeneralName::DNSName(text) => PointName::Other(2, text.as_bytes().to_vec()),
                GeneralName::X400Address(any) => PointName::Other(3, any.data.to_vec()),
                GeneralName::EDIPartyName(any) => PointName::Other(5, any.data.to_vec()),
                GeneralName::IPAddress(octets) => PointName::Other(7, octets.to_vec()),
                GeneralName::RegisteredID(oid) => PointName::Other(8, oid.as_bytes().to_vec()),
                GeneralName::Invalid(..) => return None,
            })
        })
        .collect()
}

/// Whether `value` is exactly one element of DER: what stands behind it would go unread.
pub(crate) fn is_one_element(value: &[u8]) -> bool {
    matches!(Any::from_der(value), Ok((rest, _)) if rest.is_empty())
}

/// Whether a name in a subjectAltName has the form that RFC 5280 §4.2.1.6 asks for. What is not
/// well formed could slip past name constraints.
pub(crate) fn is_well_formed(name: &GeneralName<'_>) -> bool {
    match name {
        GeneralName::DNSName(name) => is_dns_name(name.strip_prefix("*.").unwrap_or(name)),
        GeneralName::RFC822Name(mailbox) => is_mailbox(mailbox),
        GeneralName::URI(uri) => is_uri(uri),
        GeneralName::IPAddress(octets) => matches!(octets.len(), 4 | 16),
        GeneralName::Invalid(..) => false,
        _ => true,
    }
}

fn is_dns_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

/// A Mailbox of RFC 2821 with a dot-atom in front: quoted local parts are refused, nobody has them.
fn is_mailbox(mailbox: &str) -> bool {
    let Some((local, domain)) = mailbox.split_once('@') else {
        return false;
    };
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.len() <= 64 && local.split('.').all(is_atom) && is_dns_name(domain)
}

/// An absolute URI in the characters of RFC 3986, as `url` takes it.
fn is_uri(uri: &str) -> bool {
    uri.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte))
        && url::Url::parse(uri).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Path validation's sixth rule.
    #[test]
    fn only_well_formed_names_stand_in_a_subject_alternative_name() {
        for good in ["example.org", "*.example.org", "a", "xn--bcher-kva.example"] {
            assert!(is_well_formed(&GeneralName::DNSName(good)), "{good}");
        }
        for bad in [
            "",
            ".",
            "example.org.",
            ".example.org",
            "a..b",
            "-a.org",
            "a-.org",
            "bücher.example",
            "a b",
            "*.*.org",
            "a\0.org",
            "http://a",
        ] {
            assert!(!is_well_formed(&GeneralName::DNSName(bad)), "{bad:?}");
        }
        assert!(is_well_formed(&GeneralName::RFC822Name(
            "a.b+c@example.org"
        )));
        for bad in [
            "", "@", "a@", "@b", "a@b@c", "a", "a..b@c", ".a@c", "a@.c", "a b@c", "é@c",
        ] {
            assert!(!is_well_formed(&GeneralName::RFC822Name(bad)), "{bad:?}");
        }
        for good in [
            "https://app.example.org/udap",
            "udap://a/b",
            "urn:oid:2.16.840",
            "http://a:8/%20?x#y",
        ] {
            assert!(is_well_formed(&GeneralName::URI(good)), "{good}");
        }
        for bad in [
            "",
            "app",
            "//a",
            "https://",
            "https://a b",
            "https://a\n",
            "https://bücher.example",
            "https://a\\b",
            ":a",
            "1http://a",
        ] {
            assert!(!is_well_formed(&GeneralName::URI(bad)), "{bad:?}");
        }
        assert!(!is_well_formed(&GeneralName::IPAddress(&[1, 2, 3])));
        assert!(is_well_formed(&GeneralName::IPAddress(&[1, 2, 3, 4])));
    }
}
