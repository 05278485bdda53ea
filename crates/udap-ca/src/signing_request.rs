//! Certificate signing requests (PKCS#10, RFC 2986).
//!
//! A request proves that whoever made it holds the key, and that is all that is believed of it. Its
//! subject and its extensions are wishes: what stands in a certificate is for the authority to say.

use x509_parser::{
    certification_request::X509CertificationRequest,
    extensions::{GeneralName, ParsedExtension},
    oid_registry::{OidRegistry, format_oid},
    prelude::FromDer as _,
};

use crate::{Error, PublicKey};

/// The labels of a request in PEM (RFC 7468 §7, and one that older tools write).
const LABELS: [&str; 2] = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];

/// A signing request whose signature is by its own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningRequest {
    key: PublicKey,
    uris: Vec<String>,
    wishes: Vec<String>,
}

impl SigningRequest {
    /// Reads a request in PEM or DER and verifies that it is signed with its own key.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if it is no request, or its key of no [`crate::KeyAlgorithm`];
    /// [`Error::NoProofOfPossession`].
    pub fn read(content: &[u8]) -> Result<Self, Error> {
        let unreadable = || Error::Unreadable {
            what: "certificate signing request",
        };
        let der = if content.starts_with(b"\x30") {
            content.to_vec()
        } else {
            let blocks = pem::parse_many(content).map_err(|_| unreadable())?;
            let block = blocks
                .into_iter()
                .find(|block| LABELS.contains(&block.tag()));
            block.ok_or_else(unreadable)?.into_contents()
        };
        let parsed = X509CertificationRequest::from_der(&der);
        let (rest, request) = parsed.map_err(|_| unreadable())?;
        if !rest.is_empty() {
            return Err(unreadable());
        }
        let info = &request.certification_request_info;
        let key = PublicKey::from_spki_der(info.subject_pki.raw)?;
        request
            .verify_signature()
            .map_err(|_| Error::NoProofOfPossession)?;

        let (mut uris, mut wishes) = (Vec::new(), Vec::new());
        let subject = info.subject.to_string();
        if !subject.is_empty() {
            wishes.push(format!("subject {subject}"));
        }
        for attribute in info.iter_attributes() {
            if attribute.oid.to_id_string() != EXTENSION_REQUEST {
                wishes.push(format!("attribute {}", name_of(&attribute.oid)));
            }
        }
        for extension in request.requested_extensions().into_iter().flatten() {
            read_extension(extension, &mut uris, &mut wishes);
        }
        Ok(Self { key, uris, wishes })
    }

    /// The key, whose holder made the request.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The URIs that it asks for, unchecked.
    #[must_use]
    pub fn uris(&self) -> &[String] {
        &self.uris
    }

    /// What else it asks for, in words.
    #[must_use]
    pub fn other_wishes(&self) -> &[String] {
        &self.wishes
    }
}

/// The attribute that holds extensions (PKCS#9).
const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";

fn read_extension(
    extension: &ParsedExtension<'_>,
    uris: &mut Vec<String>,
    wishes: &mut Vec<String>,
) {
    let name = match extension {
        ParsedExtension::SubjectAlternativeName(names) => {
            for name in &names.general_names {
                match name {
                    GeneralName::URI(uri) => uris.push((*uri).to_owned()),
                    GeneralName::DNSName(host) => wishes.push(format!("DNS name {host}")),
                    other => wishes.push(format!("name {other}")),
                }
            }
            return;
        }
        ParsedExtension::KeyUsage(usage) => format!("keyUsage ({usage})"),
        ParsedExtension::ExtendedKeyUsage(_) => "extendedKeyUsage".to_owned(),
        ParsedExtension::BasicConstraints(constraints) => {
            format!("basicConstraints (CA {})", constraints.ca)
        }
        ParsedExtension::UnsupportedExtension { oid } => name_of(oid),
        ParsedExtension::SubjectKeyIdentifier(_) => "subjectKeyIdentifier".to_owned(),
        ParsedExtension::CertificatePolicies(_) => "certificatePolicies".to_owned(),
        ParsedExtension::NameConstraints(_) => "nameConstraints".to_owned(),
        _ => "another".to_owned(),
    };
    wishes.push(format!("extension {name}"));
}

fn name_of(oid: &x509_parser::der_parser::Oid<'_>) -> String {
    format_oid(oid, &OidRegistry::default().with_all_crypto().with_x509())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, KeyUsagePurpose, SanType};

    use super::*;
    use crate::KeyAlgorithm;

    fn request() -> Vec<u8> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![
            SanType::URI("https://app.example.org".try_into().unwrap()),
            SanType::DnsName("evil.example.org".try_into().unwrap()),
        ];
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.serialize_request(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_request_gives_a_key_and_wishes() {
        let request = SigningRequest::read(&request()).unwrap();
        assert_eq!(request.key().algorithm(), KeyAlgorithm::P256);
        assert_eq!(request.uris(), ["https://app.example.org"]);
        let wishes = request.other_wishes().join("; ");
        for wish in ["subject", "DNS name evil.example.org", "keyUsage"] {
            assert!(wishes.contains(wish), "{wishes}");
        }
    }

    #[test]
    fn a_request_that_its_key_did_not_sign_is_refused() {
        let mut changed = request();
        // Within the names, which the signature covers.
        let at = changed.windows(4).position(|four| four == b"evil").unwrap();
        changed[at] = b'E';
        assert!(matches!(
            SigningRequest::read(&changed),
            Err(Error::NoProofOfPossession)
        ));
        for nonsense in [&b""[..], b"\x30", b"-----BEGIN CERTIFICATE-----"] {
            assert!(SigningRequest::read(nonsense).is_err());
        }
        let mut longer = request();
        longer.push(0);
        assert!(SigningRequest::read(&longer).is_err());
    }
}
