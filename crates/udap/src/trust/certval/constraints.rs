//! Name constraints that certval takes too lightly (RFC 5280 §4.2.1.10), judged by failing closed.
//!
//! - A URI without a host by name, for example a URN, is outside every URI constraint for certval;
//!   the RFC has such a certificate refused wherever a URI constraint applies.
//! - An excluded dNSName of no characters excludes every DNS name; for certval it excludes none.
//! - An excluded directoryName with an RDN of no attributes matches nothing; it is malformed.
//! - A base that is no name of its kind ("*.example.org") matches nothing, so it excludes nothing.
//! - Of an anchor's constraints certval drops minimum and maximum.

use certval::PDVCertificate;
use der::Decode;
use der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{NameConstraints, SubjectAltName};

use crate::trust::distrust::PathRule;

const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// What the CAs so far on the way down ask of names below them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Constraints {
    uris_need_a_host: bool,
    no_dns_names: bool,
}

impl Constraints {
    /// Adds those of the next CA on the way down.
    pub(super) fn and_those_of(self, ca: &PDVCertificate) -> Result<Self, PathRule> {
        let Some(constraints) = extension::<NameConstraints>(ca, NAME_CONSTRAINTS)? else {
            return Ok(self);
        };
        let mut all = self;
        let permitted = constraints.permitted_subtrees.iter().flatten();
        let excluded = constraints.excluded_subtrees.iter().flatten();
        for subtree in permitted.clone().chain(excluded.clone()) {
            // Anything but 0 and absent is forbidden (RFC 5280 §4.2.1.10).
            if subtree.minimum != 0 || subtree.maximum.is_some() || !is_base(&subtree.base) {
                return Err(PathRule::NameConstraints);
            }
            match &subtree.base {
                GeneralName::UniformResourceIdentifier(_) => all.uris_need_a_host = true,
                GeneralName::DirectoryName(name)
                    if name.as_ref().iter().any(|rdn| rdn.as_ref().is_empty()) =>
                {
                    return Err(PathRule::Encoding);
                }
                _ => {}
            }
        }
        for subtree in excluded {
            if let GeneralName::DnsName(name) = &subtree.base
                && name.as_bytes().is_empty()
            {
                all.no_dns_names = true;
            }
        }
        Ok(all)
    }

    /// Refuses a leaf that constrains names: the extension is for CAs only.
    pub(super) fn none_in(leaf: &PDVCertificate) -> Result<(), PathRule> {
        match extension::<NameConstraints>(leaf, NAME_CONSTRAINTS)? {
            Some(_) => Err(PathRule::NameConstraints),
            None => Ok(()),
        }
    }

    /// Whether the names of a certificate below keep them.
    pub(super) fn check(self, certificate: &PDVCertificate) -> Result<(), PathRule> {
        if !self.uris_need_a_host && !self.no_dns_names {
            return Ok(());
        }
        let names = extension::<SubjectAltName>(certificate, SUBJECT_ALT_NAME)?;
        let keeps = names
            .iter()
            .flat_map(|names| &names.0)
            .all(|name| match name {
                GeneralName::UniformResourceIdentifier(uri) => {
                    !self.uris_need_a_host || has_host_name(uri.as_str())
                }
                GeneralName::DnsName(_) => !self.no_dns_names,
                _ => true,
            });
        if keeps {
            Ok(())
        } else {
            Err(PathRule::NameConstraints)
        }
    }
}

pub(super) fn extension<'a, T: Decode<'a>>(
    certificate: &'a PDVCertificate,
    id: ObjectIdentifier,
) -> Result<Option<T>, PathRule> {
    let extensions = certificate.decoded().tbs_certificate().extensions();
    extensions
        .into_iter()
        .flatten()
        .find(|extension| extension.extn_id == id)
        .map(|extension| T::from_der(extension.extn_value.as_bytes()))
        .transpose()
        .map_err(|_| PathRule::Encoding)
}

/// Whether a constraint on DNS, e-mail or URI names has a form that RFC 5280 §4.2.1.10 knows.
fn is_base(base: &GeneralName) -> bool {
    let is_domain = |name: &str| is_host(name.strip_prefix('.').unwrap_or(name));
    match base {
        // A period in front is no form of it, common as it is.
        GeneralName::DnsName(name) => name.as_str().is_empty() || is_host(name.as_str()),
        GeneralName::UniformResourceIdentifier(name) => is_domain(name.as_str()),
        GeneralName::Rfc822Name(name) => match name.as_str().rsplit_once('@') {
            Some((local, host)) => !local.is_empty() && is_host(host),
            None => is_domain(name.as_str()),
        },
        _ => true,
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
}

fn is_host(name: &str) -> bool {
    name.split('.').all(is_label)
}

/// Whether a URI has an authority whose host is a fully qualified domain name.
fn has_host_name(uri: &str) -> bool {
    let Some((_, rest)) = uri.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_and_port = authority.rsplit('@').next().unwrap_or_default();
    let host = match host_and_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => host,
        _ => host_and_port,
    };
    let labels = host.split('.');
    // The last label of a name is never all digits; that of an IPv4 address is.
    let is_address = labels
        .clone()
        .next_back()
        .is_none_or(|last| last.bytes().all(|octet| octet.is_ascii_digit()));
    !is_address && labels.count() > 1 && is_host(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_told_from_all_else() {
        for uri in [
            "https://app.example.org",
            "https://app.example.org:8443/x?y#z",
            "https://user:pw@app.example.org/",
            "udap://a-b.example.org?x",
        ] {
            assert!(has_host_name(uri), "{uri}");
        }
        for uri in [
            "urn:oid:2.999",
            "mailto:a@example.org",
            "https:evil.example.net",
            "https:/evil.example.net/",
            "https:///evil.example.net",
            "https://192.0.2.1/",
            "https://[2001:db8::1]/",
            "https://localhost/",
            "https://",
            "https://.example.org",
            "https://a..b",
            "https://example.org./",
        ] {
            assert!(!has_host_name(uri), "{uri}");
        }
    }
}
