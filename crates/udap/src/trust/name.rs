//! Distinguished names in a form that compares equal when RFC 5280 §7.1 says they are.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// A distinguished name with case folded and white space collapsed: an index key.
///
/// Two names that differ in string type, letter case or insignificant spaces give one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NameKey(Arc<[u8]>);

impl NameKey {
    /// The key of a parsed name.
    pub(crate) fn of(name: &X509Name<'_>) -> Self {
        let mut key = Vec::with_capacity(name.as_raw().len());
        for rdn in name.iter_rdn() {
            push(&mut key, &rdn_key(rdn.iter()));
        }
        Self(key.into())
    }

    /// The name that a `nameRelativeToCRLIssuer` stands for under this issuer
    /// (RFC 5280 §4.2.1.13).
    pub(crate) fn join(&self, rdn: &[u8]) -> Self {
        let mut key = self.0.to_vec();
        push(&mut key, rdn);
        Self(key.into())
    }

    /// A digest under which equal names are found in tables.
    pub(crate) fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }

    /// The key itself.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the name has no attribute at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The key of one relative name, for [`NameKey::join`].
pub(crate) fn rdn_key<'a>(rdn: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> Vec<u8> {
    // A set: the order in which attributes stand does not count.
    let mut attributes: Vec<Vec<u8>> = rdn
        .map(|attribute| {
            let mut key = Vec::new();
            push(&mut key, attribute.attr_type().as_bytes());
            match text(attribute.attr_value()) {
                Some(text) => {
                    key.push(b'S');
                    push(&mut key, folded(&text).as_bytes());
                }
                None => {
                    key.push(b'R');
                    push(&mut key, attribute.as_slice());
                }
            }
            key
        })
        .collect();
    attributes.sort_unstable();
    let mut key = Vec::new();
    for attribute in attributes {
        push(&mut key, &attribute);
    }
    key
}

/// Appends with the length in front, so that no two sequences give one key.
fn push(key: &mut Vec<u8>, part: &[u8]) {
    key.extend_from_slice(&(part.len() as u64).to_be_bytes());
    key.extend_from_slice(part);
}

fn text(value: &Any<'_>) -> Option<String> {
    let data = value.data;
    match value.tag() {
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::NumericString
        | Tag::VisibleString => std::str::from_utf8(data).ok().map(str::to_owned),
        Tag::T61String => Some(data.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let (pairs, rest) = data.as_chunks::<2>();
            let units = pairs.iter().copied().map(u16::from_be_bytes);
            rest.is_empty()
                .then(|| char::decode_utf16(units).collect::<Result<_, _>>().ok())
                .flatten()
        }
        Tag::UniversalString => {
            let (quads, rest) = data.as_chunks::<4>();
            let points = quads.iter().copied().map(u32::from_be_bytes);
            rest.is_empty()
                .then(|| points.map(char::from_u32).collect())
                .flatten()
        }
        _ => None,
    }
}

fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(&word.to_lowercase());
    }
    folded
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer;

    use super::*;

    fn common_name(tag: u8, value: &[u8]) -> NameKey {
        let mut attribute = vec![0x06, 3, 0x55, 4, 3, tag, value.len() as u8];
        attribute.extend_from_slice(value);
        let mut der = vec![
            0x30,
            attribute.len() as u8 + 4,
            0x31,
            attribute.len() as u8 + 2,
        ];
        der.extend_from_slice(&[0x30, attribute.len() as u8]);
        der.extend_from_slice(&attribute);
        NameKey::of(&X509Name::from_der(&der).unwrap().1)
    }

    #[test]
    fn names_compare_without_case_string_type_and_spare_spaces() {
        let name = common_name(0x0c, b"Example Root");
        assert_eq!(name, common_name(0x13, b"Example Root"));
        assert_eq!(name, common_name(0x13, b" EXAMPLE   root "));
        assert_eq!(
            name,
            common_name(0x1e, b"\0E\0x\0a\0m\0p\0l\0e\0 \0R\0o\0o\0t")
        );
        assert_ne!(name, common_name(0x0c, b"ExampleRoot"));
        assert_ne!(name, common_name(0x0c, b"Example Root 2"));
        assert_ne!(name, common_name(0x1e, b"\0E\0x\0a"));
    }
}
