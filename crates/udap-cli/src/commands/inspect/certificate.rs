//! X.509 certificates, good and bad ones.

use anyhow::bail;
use serde::Serialize;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use udap::certificate::Certificate;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::algorithms::{algorithm, key};
use super::extensions::Extensions;
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
            key: key(parsed.public_key()),
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

    /// The certificate itself, unless it is too bad.
    pub(super) fn decoded(&self) -> Option<&Certificate> {
        self.decoded.as_ref()
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

    pub(super) fn subject(&self) -> &str {
        &self.subject
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
        page.title(if extensions.ca {
            "CA certificate"
        } else {
            "certificate"
        });
        let mut inner = Page::default();
        inner.field("subject", &self.subject);
        inner.field("issuer", &self.issuer);
        extensions.write_names(&mut inner);
        inner.field("valid from", moment(self.not_before, now));
        let until = moment(self.not_after, now);
        if now > self.not_after {
            inner.judged("valid until", false, format!("{until}: EXPIRED"));
        } else if now < self.not_before {
            inner.judged("valid until", false, format!("{until}: NOT YET VALID"));
        } else {
            inner.field("valid until", until);
        }
        inner.field("key", &self.key);
        inner.field("signature", &self.signature_algorithm);
        inner.field("serial number", &self.serial);
        extensions.write(&mut inner);
        inner.field("SHA-256", &self.sha256);
        inner.faults("problem", &self.problems);
        page.nested(inner);
    }
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
