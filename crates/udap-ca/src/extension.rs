//! Certificate extensions that rcgen does not write by itself.

use std::{fmt, str::FromStr};

use rcgen::CustomExtension;
use yasna::{Tag, models::ObjectIdentifier};

use crate::Error;

const AUTHORITY_INFO_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
const CA_ISSUERS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 2];
const CERTIFICATE_POLICIES: &[u64] = &[2, 5, 29, 32];
/// GeneralName's choice uniformResourceIdentifier (RFC 5280 §4.2.1.6).
const URI_TAG: u64 = 6;

/// A certificate policy's object identifier (RFC 5280 §4.2.1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyOid(Vec<u64>);

impl FromStr for PolicyOid {
    type Err = Error;

    /// Dotted decimal numbers, for example `2.16.840.1.113883.3.7204.1.1`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::InvalidPolicyOid {
            oid: text.to_owned(),
        };
        let arcs = text
            .split('.')
            .map(|arc| {
                let is_number = !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit());
                // The encoder adds up to 80 to an arc, which must not overflow.
                let number = arc
                    .parse::<u64>()
                    .ok()
                    .filter(|&number| number <= u64::MAX - 80);
                number.filter(|_| is_number).ok_or_else(invalid)
            })
            .collect::<Result<Vec<_>, _>>()?;
        // X.660: the first arc is 0, 1 or 2; below 0 and 1 the second is under 40.
        match arcs.as_slice() {
            [0 | 1, second, ..] if *second < 40 => Ok(Self(arcs)),
            [2, _, ..] => Ok(Self(arcs)),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for PolicyOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arcs: Vec<String> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&arcs.join("."))
    }
}

/// Authority information access with one caIssuers address (RFC 5280 §4.2.2.1).
pub(crate) fn ca_issuers(url: &str) -> CustomExtension {
    let content = yasna::construct_der(|writer| {
        writer.write_sequence(|descriptions| {
            descriptions.next().write_sequence(|description| {
                description
                    .next()
                    .write_oid(&ObjectIdentifier::from_slice(CA_ISSUERS));
                description
                    .next()
                    .write_tagged_implicit(Tag::context(URI_TAG), |name| {
                        name.write_ia5_string(url)
                    });
            });
        });
    });
    CustomExtension::from_oid_content(AUTHORITY_INFO_ACCESS, content)
}

/// Certificate policies without qualifiers (RFC 5280 §4.2.1.4).
pub(crate) fn certificate_policies(policies: &[PolicyOid]) -> CustomExtension {
    let content = yasna::construct_der(|writer| {
        writer.write_sequence(|list| {
            for policy in policies {
                list.next().write_sequence(|information| {
                    information
                        .next()
                        .write_oid(&ObjectIdentifier::from_slice(&policy.0));
                });
            }
        });
    });
    CustomExtension::from_oid_content(CERTIFICATE_POLICIES, content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn object_identifiers_are_checked() {
        for good in ["2.16.840.1.113883.3.7204.1.1", "1.3.6.1", "0.9", "2.999"] {
            assert_eq!(good.parse::<PolicyOid>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "1",
            "3.1",
            "1.40",
            "1..2",
            "1.+2",
            "1.2.",
            "a.b",
            "2.18446744073709551615",
        ] {
            assert!(bad.parse::<PolicyOid>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_accepted_object_identifier_can_be_encoded(text in "[0-9.]{1,40}") {
            if let Ok(policy) = text.parse::<PolicyOid>() {
                prop_assert!(!certificate_policies(&[policy]).content().is_empty());
            }
        }
    }
}
