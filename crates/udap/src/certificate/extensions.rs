//! The extensions of a certificate.

use std::collections::BTreeSet;

use x509_parser::extensions::{AccessDescription, GeneralName, ParsedExtension, X509Extension};

use super::CertificateFlaw;
use crate::trust::distribution_point::DistributionPoint;
use crate::trust::general_name::{is_one_element, is_well_formed};

/// The bits of keyUsage (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// Bit 0: signatures on anything but certificates and CRLs.
    #[must_use]
    pub fn digital_signature(self) -> bool {
        self.0 & 1 != 0
    }

    /// Bit 5: signatures on certificates.
    #[must_use]
    pub fn key_cert_sign(self) -> bool {
        self.0 & (1 << 5) != 0
    }

    /// Bit 6: signatures on CRLs.
    #[must_use]
    pub fn crl_sign(self) -> bool {
        self.0 & (1 << 6) != 0
    }
}

/// What is read of a certificate's extensions.
#[derive(Default)]
pub(super) struct Extensions {
    pub(super) uri_names: Vec<String>,
    pub(super) is_ca: bool,
    pub(super) path_len: Option<u32>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) subject_key_id: Option<Vec<u8>>,
    pub(super) authority_key_id: Option<Vec<u8>>,
    pub(super) ca_issuers: Vec<String>,
    pub(super) ocsp_responders: Vec<String>,
    pub(super) points: Vec<DistributionPoint>,
    pub(super) point_urls: Vec<String>,
    pub(super) load: Load,
}

/// How many things of a certificate are compared with those of others when a path is judged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    /// Entries of subjectAltName.
    pub(crate) names: usize,
    /// Permitted subtrees of nameConstraints.
    pub(crate) permitted: usize,
    /// Excluded subtrees of nameConstraints.
    pub(crate) excluded: usize,
    /// Entries of certificatePolicies.
    pub(crate) policies: usize,
    /// Entries of policyMappings.
    pub(crate) mappings: usize,
}

impl Extensions {
    /// Reads what it can, and says what is wrong with the rest.
    pub(super) fn read(extensions: &[X509Extension<'_>]) -> (Self, Option<CertificateFlaw>) {
        let mut read = Self::default();
        let mut flaw = None;
        let mut seen = BTreeSet::new();
        for extension in extensions {
            if !seen.insert(extension.oid.as_bytes().to_vec()) {
                flaw = Some(CertificateFlaw::DuplicateExtension);
                continue;
            }
            if let Err(found) = read.take(extension) {
                flaw = flaw.or(Some(found));
            }
        }
        (read, flaw)
    }

    fn take(&mut self, extension: &X509Extension<'_>) -> Result<(), CertificateFlaw> {
        let undecodable = CertificateFlaw::UndecodableExtension;
        match extension.parsed_extension() {
            // freshestCRL and what nobody here knows: if critical, the judge refuses it.
            ParsedExtension::UnsupportedExtension { .. } => return Ok(()),
            ParsedExtension::ParseError { .. } | ParsedExtension::Unparsed => {
                return Err(undecodable);
            }
            _ if !is_one_element(extension.value) => return Err(undecodable),
            ParsedExtension::SubjectAlternativeName(names) => {
                let names = &names.general_names;
                self.uri_names = uris(names.iter());
                self.load.names = names.len();
                if names.is_empty() {
                    return Err(undecodable);
                }
                if !names.iter().all(is_well_formed) {
                    return Err(CertificateFlaw::MalformedName);
                }
            }
            ParsedExtension::BasicConstraints(constraints) => {
                self.is_ca = constraints.ca;
                self.path_len = constraints.path_len_constraint;
            }
            ParsedExtension::KeyUsage(usage) => self.key_usage = Some(KeyUsage(usage.flags)),
            ParsedExtension::SubjectKeyIdentifier(id) => {
                self.subject_key_id = Some(id.0.to_vec());
            }
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                self.authority_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            ParsedExtension::AuthorityInfoAccess(access) => {
                self.ca_issuers = locations(&access.accessdescs, "1.3.6.1.5.5.7.48.2");
                self.ocsp_responders = locations(&access.accessdescs, "1.3.6.1.5.5.7.48.1");
            }
            ParsedExtension::CRLDistributionPoints(_) => {
                self.points = DistributionPoint::read_all(extension.value).ok_or(undecodable)?;
                self.point_urls = self
                    .points
                    .iter()
                    .flat_map(DistributionPoint::urls)
                    .cloned()
                    .collect();
            }
            ParsedExtension::NameConstraints(constraints) => {
                let count = |subtrees: &Option<Vec<_>>| subtrees.as_ref().map_or(0, Vec::len);
                self.load.permitted = count(&constraints.permitted_subtrees);
                self.load.excluded = count(&constraints.excluded_subtrees);
            }
            ParsedExtension::CertificatePolicies(policies) => {
                self.load.policies = policies.len();
            }
            ParsedExtension::PolicyMappings(mappings) => {
                self.load.mappings = mappings.mappings.len();
            }
            _ => {}
        }
        Ok(())
    }
}

fn uris<'a>(names: impl Iterator<Item = &'a GeneralName<'a>>) -> Vec<String> {
    names
        .filter_map(|name| match name {
            GeneralName::URI(uri) => Some((*uri).to_owned()),
            _ => None,
        })
        .collect()
}

fn locations(descriptions: &[AccessDescription<'_>], method: &str) -> Vec<String> {
    uris(
        descriptions
            .iter()
            .filter(|description| description.access_method.to_id_string() == method)
            .map(|description| &description.access_location),
    )
}
