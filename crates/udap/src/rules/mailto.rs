//! `mailto:` URIs (RFC 6068), read for the domains of their addresses (I18–I20, decisions 17).

use idna::AsciiDenyList;
use percent_encoding::percent_decode_str;

use super::registrable_domain::is_dns_name;

/// Octets of an address's local part (RFC 5321 §4.5.3.1.1).
const LOCAL_PART_BYTES: usize = 64;

/// The domains of all addresses, as A-labels in lower case; `None` unless there is an address and
/// each is valid. `addresses` is what follows `mailto:`. Header fields are ignored.
pub(super) fn domains(addresses: &str) -> Option<Vec<String>> {
    let to = addresses.split('?').next().unwrap_or_default();
    // Commas within an address are percent-encoded (RFC 6068 §2), so they are split off first.
    to.split(',').map(domain).collect()
}

fn domain(address: &str) -> Option<String> {
    let decoded = percent_decode_str(address).decode_utf8().ok()?;
    let (local, domain) = decoded.split_once('@')?;
    is_local_part(local).then_some(())?;
    // A second `@` is no part of a name.
    let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::URL).ok()?;
    is_dns_name(&ascii).then(|| ascii.into_owned())
}

/// A dot-atom (RFC 5322 §3.2.3, RFC 6532 §3.2), but for `|`, which separates contacts in OpenEMR's
/// table.
fn is_local_part(text: &str) -> bool {
    text.len() <= LOCAL_PART_BYTES
        && text.split('.').all(|atom| {
            !atom.is_empty()
                && atom.chars().all(|character| {
                    character.is_alphanumeric() || "!#$%&'*+-/=?^_`{}~".contains(character)
                })
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(addresses: &str) -> Option<Vec<String>> {
        domains(addresses)
    }

    /// Proves: I18, I19
    #[test]
    fn addresses_are_decoded_split_and_reduced_to_a_label_domains() {
        for (addresses, expected) in [
            ("ops@example.org", vec!["example.org"]),
            ("ops@Example.ORG?subject=a@b,c@d", vec!["example.org"]),
            (
                "a@example.org,b@example.net",
                vec!["example.org", "example.net"],
            ),
            ("o%70s%40example.org", vec!["example.org"]),
            ("ops@b%C3%BCcher.de", vec!["xn--bcher-kva.de"]),
            ("ops@xn--bcher-kva.de", vec!["xn--bcher-kva.de"]),
            ("first.last+tag@mail.example.org", vec!["mail.example.org"]),
        ] {
            assert_eq!(found(addresses).unwrap(), expected, "{addresses}");
        }
    }

    /// Proves: I19
    #[test]
    fn what_is_no_address_is_refused() {
        for addresses in [
            "",
            "?to=ops@example.org",
            "ops",
            "@example.org",
            "ops@",
            "ops@localhost",
            "ops@example.org.",
            "ops@example..org",
            "ops@10.0.0.1",
            "ops@[10.0.0.1]",
            "a@b@example.org",
            "a%40b@example.org",
            "a@example.org,",
            "a@example.org,b",
            ".a@example.org",
            "a%20b@example.org",
            "a%00@example.org",
            "a%0A@example.org",
            "a%7Cb@example.org",
            "a@exa%7Cmple.org",
            "%FF@example.org",
            "a@-example.org",
            "a@exa_mple.org",
        ] {
            assert_eq!(found(addresses), None, "{addresses}");
        }
        assert_eq!(found(&format!("{}@example.org", "a".repeat(65))), None);
        assert_eq!(found(&format!("a@{}org", "abc.".repeat(63))), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_every_domain_found_is_a_name(text in "\\PC{0,50}|[a-z%0-9A-F.@,?]{0,50}") {
            for domain in domains(&text).unwrap_or_default() {
                prop_assert!(domain.is_ascii() && is_dns_name(&domain) && domain == domain.to_ascii_lowercase());
            }
        }
    }
}
