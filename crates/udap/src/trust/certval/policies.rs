//! Policy extensions that break their own rules (RFC 5280 §4.2.1.4, .5, .11). certval makes what it
//! can of them; OpenSSL refuses them, and so do we.

use std::collections::HashSet;

use certval::PDVCertificate;
use der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::{CertificatePolicies, PolicyConstraints, PolicyMappings};

use super::constraints::extension;
use crate::trust::distrust::PathRule;

const CERTIFICATE_POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");
const POLICY_MAPPINGS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.33");
const POLICY_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.36");

/// Refuses a leaf that maps policies: the extension is for CAs only (§4.2.1.5), and OpenSSL, unlike
/// certval, lets it change what the leaf itself is valid for.
pub(super) fn none_mapped_in(leaf: &PDVCertificate) -> Result<(), PathRule> {
    match extension::<PolicyMappings>(leaf, POLICY_MAPPINGS)? {
        Some(_) => Err(PathRule::Policy),
        None => Ok(()),
    }
}

/// Checks that policies are there once each, and that no extension says nothing.
pub(super) fn check(certificate: &PDVCertificate) -> Result<(), PathRule> {
    if let Some(policies) = extension::<CertificatePolicies>(certificate, CERTIFICATE_POLICIES)? {
        let mut seen = HashSet::new();
        let mut once = policies
            .0
            .iter()
            .map(|one| seen.insert(one.policy_identifier));
        if policies.0.is_empty() || !once.all(|is_new| is_new) {
            return Err(PathRule::Encoding);
        }
    }
    if let Some(mappings) = extension::<PolicyMappings>(certificate, POLICY_MAPPINGS)?
        && mappings.0.is_empty()
    {
        return Err(PathRule::Encoding);
    }
    if let Some(constraints) = extension::<PolicyConstraints>(certificate, POLICY_CONSTRAINTS)?
        && constraints.require_explicit_policy.is_none()
        && constraints.inhibit_policy_mapping.is_none()
    {
        return Err(PathRule::Encoding);
    }
    Ok(())
}
