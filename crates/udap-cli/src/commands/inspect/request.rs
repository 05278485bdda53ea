//! Certificate signing requests.

use anyhow::bail;
use serde::Serialize;
use udap_ca::SigningRequest;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::prelude::FromDer;

use super::algorithms::{algorithm, key};
use super::extensions::Extensions;
use crate::output::Page;

/// What a request asks for, and whether whoever made it has the key.
#[derive(Serialize)]
pub(super) struct RequestReport {
    subject: String,
    key: String,
    signature_algorithm: String,
    /// Whether it is signed with its own key.
    proof_of_possession: bool,
    /// Why no authority would take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    asks_for: Extensions,
    other_attributes: Vec<String>,
}

impl RequestReport {
    /// Reads a request in DER.
    pub(super) fn new(der: &[u8]) -> anyhow::Result<Self> {
        let Ok((_, parsed)) = X509CertificationRequest::from_der(der) else {
            bail!("not a certificate signing request");
        };
        let info = &parsed.certification_request_info;
        let (mut asks_for, mut other_attributes) = (Extensions::default(), Vec::new());
        for attribute in info.iter_attributes() {
            match attribute.parsed_attribute() {
                ParsedCriAttribute::ExtensionRequest(request) => {
                    for extension in &request.extensions {
                        asks_for.add(extension);
                    }
                }
                // Its value is a secret between applicant and authority.
                ParsedCriAttribute::ChallengePassword(_) => {
                    other_attributes.push("a challenge password (not shown)".to_owned());
                }
                _ => other_attributes.push(attribute.oid.to_id_string()),
            }
        }
        // What `udap ca sign` would say.
        let read = SigningRequest::read(der);
        Ok(Self {
            subject: info.subject.to_string(),
            key: key(&info.subject_pki),
            signature_algorithm: algorithm(&parsed.signature_algorithm.algorithm.to_id_string()),
            proof_of_possession: read.is_ok(),
            problem: read.err().map(|error| error.to_string()),
            asks_for,
            other_attributes,
        })
    }

    pub(super) fn write(&self, page: &mut Page) {
        page.title("certificate signing request");
        let mut inner = Page::default();
        inner.field("key", &self.key);
        inner.field("signature", &self.signature_algorithm);
        match &self.problem {
            None => inner.judged(
                "proof",
                true,
                "signed with its own key: whoever made it has the key",
            ),
            Some(problem) => inner.judged("proof", false, format!("NOT GOOD: {problem}")),
        };
        inner
            .blank()
            .line("asks for, which is for the authority to say:");
        inner.field(
            "subject",
            if self.subject.is_empty() {
                "(none)"
            } else {
                &self.subject
            },
        );
        self.asks_for.write_names(&mut inner);
        if self.asks_for.ca {
            inner.judged("CA", false, "yes");
        }
        self.asks_for.write(&mut inner);
        inner.list("other attributes", &self.other_attributes);
        page.nested(inner);
    }
}
