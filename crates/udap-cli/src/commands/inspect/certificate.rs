//! X.509 certificates, good and bad ones.

use anyhow::bail;
use serde::Serialize;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use udap::certificate::Certificate;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{
    ExtendedKeyUsage, GeneralName, GeneralSubtree, NameConstraints, ParsedExtension, X509Extension,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use crate::output::{Page, moment};

/// What a certificate says, and what a UDAP server would not like about it.
#[derive(Serialize)]
pub(super) struct CertificateReport {
    subject: String,
    issuer: String,
    serial: String,
    #[serde(with = "time::serde::rfc3339")]
    not_before: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    key: String,
    signature_algorithm: String,
    self_issued: bool,
    /// Whether the next certificate in the file signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_by_next: Option<bool>,
    #[serde(flatten)]
    extensions: Extensions,
    sha256: String,
    problems: Vec<String>,
    #[serde(skip)]
    decoded: Option<Certificate>,
}

#[derive(Default, Serialize)]
struct Extensions {
    names: Vec<Name>,
    ca: bool,
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
struct Name {
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
}

impl CertificateReport {
    /// Reads a certificate in DER, as leniently as can be: bad ones shall be looked at too.
    pub(super) fn new(der: &[u8]) -> anyhow::Result<Self> {
        let Ok((_, parsed)) = X509Certificate::from_der(der) else {
            bail!("not a certificate");
        };
        let tbs = &parsed.tbs_certificate;
        let decoded = Certificate::from_der(der);
        let mut extensions = Extensions::default();
        for extension in tbs.extensions() {
            extensions.add(extension);
        }
        Ok(Self {
            subject: tbs.subject.to_string(),
            issuer: tbs.issuer.to_string(),
            serial: hex::encode(tbs.raw_serial()),
            not_before: tbs.validity.not_before.to_datetime(),
            not_after: tbs.validity.not_after.to_datetime(),
            key: key(&parsed),
            signature_algorithm: algorithm(&parsed.signature_algorithm.algorithm.to_id_string()),
            self_issued: tbs.subject.as_raw() == tbs.issuer.as_raw(),
            issued_by_next: None,
            extensions,
            sha256: hex::encode(Sha256::digest(der)),
            problems: match &decoded {
                Ok(certificate) => problems(certificate),
                Err(error) => vec![error.to_string()],
            },
            decoded: decoded.ok(),
        })
    }

    /// Says whether the certificate that follows in the file signed this one.
    pub(super) fn set_issuer(&mut self, issuer: &[u8]) {
        let (Some(certificate), Ok(issuer)) = (&self.decoded, Certificate::from_der(issuer)) else {
            return;
        };
        let signed = issuer
            .key()
            .is_ok_and(|key| certificate.verify_issued_by(key).is_ok());
        self.issued_by_next = Some(signed && certificate.issuer_der() == issuer.subject_der());
    }

    pub(super) fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    pub(super) fn uri_names(&self) -> impl Iterator<Item = &str> {
        let names = self.extensions.names.iter();
        names
            .filter(|name| name.kind == "URI")
            .map(|name| name.value.as_str())
    }

    /// The certificate in one line.
    pub(super) fn summary(&self, now: OffsetDateTime) -> String {
        let role = if self.extensions.ca { ", CA" } else { "" };
        let key = &self.key;
        format!(
            "{} ({key}{role}, until {})",
            self.subject,
            moment(self.not_after, now)
        )
    }

    pub(super) fn write(&self, page: &mut Page, now: OffsetDateTime) {
        let extensions = &self.extensions;
        page.line(if extensions.ca {
            "CA certificate"
        } else {
            "certificate"
        });
        let mut inner = Page::default();
        inner.field("subject", &self.subject);
        inner.field("issuer", &self.issuer);
        inner.list(
            "names",
            extensions
                .names
                .iter()
                .map(|name| format!("{} {}", name.kind, name.value)),
        );
        inner.field("valid from", moment(self.not_before, now));
        let state = if now > self.not_after {
            ": EXPIRED"
        } else if now < self.not_before {
            ": NOT YET VALID"
        } else {
            ""
        };
        inner.field(
            "valid until",
            format!("{}{state}", moment(self.not_after, now)),
        );
        inner.field("key", &self.key);
        inner.field("signature", &self.signature_algorithm);
        inner.field("serial number", &self.serial);
        inner.optional(
            "path length",
            extensions.path_length.map(|length| length.to_string()),
        );
        inner.list("key usage", joined(&extensions.key_usage));
        inner.list("extended key usage", joined(&extensions.extended_key_usage));
        inner.list("policies", &extensions.policies);
        inner.list("name constraints", &extensions.name_constraints);
        inner.list("revocation list", &extensions.crl_urls);
        inner.list("issuer's certificate", &extensions.ca_issuer_urls);
        inner.list("OCSP", &extensions.ocsp_urls);
        inner.optional("subject key id", extensions.subject_key_id.as_deref());
        inner.optional("authority key id", extensions.authority_key_id.as_deref());
        inner.list("other extensions", &extensions.others);
        inner.field("SHA-256", &self.sha256);
        inner.optional(
            "chain",
            self.issued_by_next.map(|signed| match signed {
                true => "signed by the next certificate",
                false => "NOT signed by the next certificate",
            }),
        );
        inner.list("problem", &self.problems);
        page.nested(inner);
    }
}

fn joined(values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| values.join(", "))
}

impl Extensions {
    fn add(&mut self, extension: &X509Extension<'_>) {
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
}

fn name(name: &GeneralName<'_>) -> Name {
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

fn key(certificate: &X509Certificate<'_>) -> String {
    let info = certificate.public_key();
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA-{}", key.key_size()),
        Ok(PublicKey::EC(_)) => {
            let parameters = info.algorithm.parameters.as_ref();
            let curve = parameters
                .and_then(|any| any.as_oid().ok())
                .map(|oid| oid.to_id_string());
            match curve.as_deref() {
                Some("1.2.840.10045.3.1.7") => "EC P-256".to_owned(),
                Some("1.3.132.0.34") => "EC P-384".to_owned(),
                Some("1.3.132.0.35") => "EC P-521".to_owned(),
                other => format!("EC {}", other.unwrap_or("without a named curve")),
            }
        }
        _ => match info.algorithm.algorithm.to_id_string().as_str() {
            "1.3.101.112" => "Ed25519".to_owned(),
            other => other.to_owned(),
        },
    }
}

fn algorithm(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.1.5" => "SHA-1 with RSA",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.113549.1.1.11" => "SHA-256 with RSA",
        "1.2.840.113549.1.1.12" => "SHA-384 with RSA",
        "1.2.840.113549.1.1.13" => "SHA-512 with RSA",
        "1.2.840.10045.4.1" => "ECDSA with SHA-1",
        "1.2.840.10045.4.3.2" => "ECDSA with SHA-256",
        "1.2.840.10045.4.3.3" => "ECDSA with SHA-384",
        "1.2.840.10045.4.3.4" => "ECDSA with SHA-512",
        "1.3.101.112" => "Ed25519",
        other => other,
    }
    .to_owned()
}

/// What no UDAP server accepts, whoever issued the certificate.
fn problems(certificate: &Certificate) -> Vec<String> {
    let mut problems = Vec::new();
    if let Err(flaw) = certificate.well_formed() {
        problems.push(flaw.to_string());
    }
    if let Err(error) = certificate.key() {
        problems.push(error.to_string());
    }
    if certificate.signature_scheme().is_none() {
        problems.push("the signature algorithm is not accepted (C15)".to_owned());
    }
    let is_leaf = !certificate.is_ca();
    if is_leaf && certificate.uri_names().is_empty() {
        problems.push("it names no URI, so it identifies no UDAP app or server (J01)".to_owned());
    }
    if is_leaf
        && certificate
            .key_usage()
            .is_some_and(|usage| !usage.digital_signature())
    {
        problems.push("its key usage lacks digitalSignature (C14)".to_owned());
    }
    if is_leaf && certificate.is_self_signed() {
        problems.push("it is self-signed".to_owned());
    }
    problems
}
