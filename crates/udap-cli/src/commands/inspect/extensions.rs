//! Extensions of certificates and of requests for them.

use serde::Serialize;
use x509_parser::extensions::{
    ExtendedKeyUsage, GeneralName, GeneralSubtree, NameConstraints, ParsedExtension, X509Extension,
};

use crate::output::Page;

/// What the extensions say, as far as they are known.
#[derive(Default, Serialize)]
pub(super) struct Extensions {
    pub(super) names: Vec<Name>,
    pub(super) ca: bool,
    path_length: Option<u32>,
    key_usage: Vec<String>,
    extended_key_usage: Vec<String>,
    policies: Vec<String>,
    name_constraints: Vec<String>,
    crl_urls: Vec<String>,
    ca_issuer_urls: Vec<String>,
    ocsp_urls: Vec<String>,
    subject_key_id: Option<String>,
    authority_key_id: Option<String>,
    others: Vec<String>,
}

/// An entry of subjectAltName.
#[derive(Serialize)]
pub(super) struct Name {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) value: String,
}

impl Extensions {
    /// One more.
    pub(super) fn add(&mut self, extension: &X509Extension<'_>) {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                self.names = names.general_names.iter().map(name).collect();
            }
            ParsedExtension::BasicConstraints(constraints) => {
                self.ca = constraints.ca;
                self.path_length = constraints.path_len_constraint;
            }
            ParsedExtension::KeyUsage(usage) => {
                let text = usage.to_string();
                self.key_usage = text.split(", ").map(str::to_owned).collect();
            }
            ParsedExtension::ExtendedKeyUsage(usage) => self.extended_key_usage = usages(usage),
            ParsedExtension::CertificatePolicies(policies) => {
                let ids = policies
                    .iter()
                    .map(|policy| policy.policy_id.to_id_string());
                self.policies = ids.collect();
            }
            ParsedExtension::NameConstraints(constraints) => {
                self.name_constraints = constrained(constraints);
            }
            ParsedExtension::CRLDistributionPoints(points) => {
                use x509_parser::extensions::DistributionPointName::FullName;
                for point in points.iter() {
                    if let Some(FullName(names)) = &point.distribution_point {
                        self.crl_urls
                            .extend(names.iter().map(|one| name(one).value));
                    }
                }
            }
            ParsedExtension::AuthorityInfoAccess(access) => {
                for description in &access.accessdescs {
                    let url = name(&description.access_location).value;
                    match description.access_method.to_id_string().as_str() {
                        "1.3.6.1.5.5.7.48.1" => self.ocsp_urls.push(url),
                        "1.3.6.1.5.5.7.48.2" => self.ca_issuer_urls.push(url),
                        other => self.others.push(format!("{other} {url}")),
                    }
                }
            }
            ParsedExtension::SubjectKeyIdentifier(id) => {
                self.subject_key_id = Some(hex::encode(id.0));
            }
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                self.authority_key_id = id.key_identifier.as_ref().map(|id| hex::encode(id.0));
            }
            _ => {
                let critical = if extension.critical {
                    " (critical)"
                } else {
                    ""
                };
                self.others
                    .push(format!("{}{critical}", extension.oid.to_id_string()));
            }
        }
    }

    /// What they name.
    pub(super) fn write_names(&self, page: &mut Page) {
        page.list(
            "names",
            self.names
                .iter()
                .map(|name| format!("{} {}", name.kind, name.value)),
        );
    }

    /// The others.
    pub(super) fn write(&self, page: &mut Page) {
        page.optional(
            "path length",
            self.path_length.map(|length| length.to_string()),
        );
        page.list("key usage", joined(&self.key_usage));
        page.list("extended key usage", joined(&self.extended_key_usage));
        page.list("policies", &self.policies);
        page.list("name constraints", &self.name_constraints);
        page.list("revocation list", &self.crl_urls);
        page.list("issuer's certificate", &self.ca_issuer_urls);
        page.list("OCSP", &self.ocsp_urls);
        page.optional("subject key id", self.subject_key_id.as_deref());
        page.optional("authority key id", self.authority_key_id.as_deref());
        page.list("other extensions", &self.others);
    }
}

fn joined(values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| values.join(", "))
}

/// One name.
pub(super) fn name(name: &GeneralName<'_>) -> Name {
    let (kind, value) = match name {
        GeneralName::URI(uri) => ("URI", (*uri).to_owned()),
        GeneralName::DNSName(host) => ("DNS", (*host).to_owned()),
        GeneralName::RFC822Name(address) => ("email", (*address).to_owned()),
        GeneralName::DirectoryName(name) => ("directory", name.to_string()),
        GeneralName::IPAddress(octets) => ("IP", address(octets)),
        GeneralName::RegisteredID(oid) => ("id", oid.to_id_string()),
        GeneralName::OtherName(oid, _) => ("other", oid.to_id_string()),
        GeneralName::Invalid(_, octets) => ("malformed", hex::encode(octets)),
        _ => ("other", "not shown".to_owned()),
    };
    Name { kind, value }
}

fn address(octets: &[u8]) -> String {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return std::net::Ipv4Addr::from(octets).to_string();
    }
    match <[u8; 16]>::try_from(octets) {
        Ok(octets) => std::net::Ipv6Addr::from(octets).to_string(),
        Err(_) => hex::encode(octets),
    }
}

fn usages(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let known = [
        (usage.any, "any"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    let known = known.into_iter().filter(|(set, _)| *set);
    let others = usage.other.iter().map(|oid| oid.to_id_string());
    known
        .map(|(_, name)| name.to_owned())
        .chain(others)
        .collect()
}

fn constrained(constraints: &NameConstraints<'_>) -> Vec<String> {
    let lines = |word: &'static str, trees: &Option<Vec<GeneralSubtree<'_>>>| {
        let trees = trees.iter().flatten();
        let named = trees.map(|tree| name(&tree.base));
        let lines = named.map(|name| format!("{word} {} {}", name.kind, name.value));
        lines.collect::<Vec<_>>()
    };
    let mut all = lines("permitted", &constraints.permitted_subtrees);
    all.extend(lines("excluded", &constraints.excluded_subtrees));
    all
}
