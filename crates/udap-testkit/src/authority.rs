//! A certificate authority of a test community, good or deliberately odd.

use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, CustomExtension, DistinguishedName,
    DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, SerialNumber,
};
use time::{Duration, OffsetDateTime, UtcOffset};
use yasna::{Tag, models::ObjectIdentifier};

use crate::{Error, TestKey, error::random, key::encode_pem};

const AUTHORITY_INFO_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
const CA_ISSUERS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 2];
const OCSP: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1];
const NAME_CONSTRAINTS: &[u64] = &[2, 5, 29, 30];
/// GeneralName's choice uniformResourceIdentifier (RFC 5280 §4.2.1.6).
const URI_TAG: u64 = 6;

/// A certificate authority.
#[derive(Debug, Clone)]
pub struct TestCa {
    pub(crate) slug: String,
    pub(crate) params: CertificateParams,
    pub(crate) serial: Vec<u8>,
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: TestKey,
    /// This CA's certificate and those above it, without the root.
    pub(crate) chain: Vec<Vec<u8>>,
    /// Addresses that stand in what it issues.
    pub(crate) urls: Urls,
    /// Whether its revocation list is among the community's lists.
    pub(crate) lists: bool,
}

/// What an authority's certificates say of where to look.
#[derive(Debug, Clone, Default)]
pub(crate) struct Urls {
    pub(crate) crls: Vec<String>,
    pub(crate) issuers: Vec<String>,
    pub(crate) responder: Option<String>,
}

/// How a CA certificate shall look.
pub(crate) struct CaPlan {
    pub(crate) slug: String,
    pub(crate) common_name: String,
    pub(crate) key: TestKey,
    pub(crate) is_ca: IsCa,
    pub(crate) key_usages: Vec<KeyUsagePurpose>,
    pub(crate) permitted_uri: Option<&'static str>,
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
    pub(crate) urls: Urls,
    pub(crate) lists: bool,
}

impl CaPlan {
    /// A good CA: valid from two days ago for ten years, as issuing CA for leaves only.
    pub(crate) fn new(slug: &str, common_name: String, key: TestKey, now: OffsetDateTime) -> Self {
        Self {
            slug: slug.to_owned(),
            common_name,
            key,
            is_ca: IsCa::Ca(BasicConstraints::Constrained(0)),
            key_usages: vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
            permitted_uri: None,
            not_before: now - Duration::days(2),
            not_after: now + Duration::days(3650),
            urls: Urls::default(),
            lists: true,
        }
    }

    fn params(&self, serial: &[u8]) -> CertificateParams {
        let mut params = blank_params(&self.common_name, serial, self.not_before, self.not_after);
        params.is_ca = self.is_ca;
        params.key_usages = self.key_usages.clone();
        if let Some(host) = self.permitted_uri {
            params.custom_extensions.push(permitted_uri_host(host));
        }
        params
    }

    pub(crate) fn self_signed(self) -> Result<TestCa, Error> {
        let serial = random_serial()?;
        let mut params = self.params(&serial);
        params.use_authority_key_identifier_extension = false;
        let certificate = params.self_signed(&self.key.signer()?)?.der().to_vec();
        Ok(self.finish(params, serial, certificate, Vec::new()))
    }

    pub(crate) fn signed_by(self, issuer: &TestCa) -> Result<TestCa, Error> {
        let serial = random_serial()?;
        let mut params = self.params(&serial);
        issuer.urls.write_into(&mut params);
        let certificate = issuer.sign(&params, &self.key)?;
        let chain = std::iter::once(certificate.clone())
            .chain(issuer.chain.iter().cloned())
            .collect();
        Ok(self.finish(params, serial, certificate, chain))
    }

    fn finish(
        self,
        params: CertificateParams,
        serial: Vec<u8>,
        certificate: Vec<u8>,
        chain: Vec<Vec<u8>>,
    ) -> TestCa {
        let Self {
            slug,
            key,
            urls,
            lists,
            ..
        } = self;
        TestCa {
            slug,
            params,
            serial,
            certificate,
            key,
            chain,
            urls,
            lists,
        }
    }
}

impl TestCa {
    /// Its short name, which is also the stem of its published files.
    #[must_use]
    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    /// The certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        encode_pem("CERTIFICATE", &self.certificate)
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &TestKey {
        &self.key
    }

    /// Big-endian octets of the certificate's serial number.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// A certificate for another CA's name and key, in DER: a second way up for what that CA has
    /// issued.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    #[must_use]
    pub fn cross_certify(&self, other: &Self) -> Vec<u8> {
        self.try_cross_certify(other)
            .expect("a certificate can be made")
    }

    fn try_cross_certify(&self, other: &Self) -> Result<Vec<u8>, Error> {
        let mut params = other.params.clone();
        params.serial_number = Some(SerialNumber::from_slice(&random_serial()?));
        self.sign(&params, &other.key)
    }

    pub(crate) fn sign(&self, params: &CertificateParams, key: &TestKey) -> Result<Vec<u8>, Error> {
        self.sign_with(params, key, &self.key)
    }

    /// Signs under this CA's name and key identifier, with whatever key.
    pub(crate) fn sign_with(
        &self,
        params: &CertificateParams,
        subject: &TestKey,
        signing_key: &TestKey,
    ) -> Result<Vec<u8>, Error> {
        let mut named = self.params.clone();
        named.key_identifier_method = KeyIdMethod::PreSpecified(self.key_identifier()?);
        let issuer: Issuer<'_, KeyPair> = Issuer::from_params(&named, signing_key.signer()?);
        Ok(params
            .signed_by(&subject.subject()?, &issuer)?
            .der()
            .to_vec())
    }

    pub(crate) fn key_identifier(&self) -> Result<Vec<u8>, Error> {
        Ok(self.params.key_identifier(&self.key.subject()?))
    }
}

impl Urls {
    pub(crate) fn write_into(&self, params: &mut CertificateParams) {
        params.crl_distribution_points = self
            .crls
            .iter()
            .map(|url| CrlDistributionPoint {
                uris: vec![url.clone()],
            })
            .collect();
        let issuers = self.issuers.iter().map(|url| (CA_ISSUERS, url));
        let responder = self.responder.iter().map(|url| (OCSP, url));
        let access: Vec<_> = issuers.chain(responder).collect();
        if !access.is_empty() {
            params
                .custom_extensions
                .push(authority_info_access(&access));
        }
    }
}

/// Parameters with name, number, dates and key identifiers, and nothing else.
pub(crate) fn blank_params(
    common_name: &str,
    serial: &[u8],
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "UDAP test NOT FOR USE WITH PHI");
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.serial_number = Some(SerialNumber::from_slice(serial));
    params.not_before = whole_seconds(not_before);
    params.not_after = whole_seconds(not_after);
    params.use_authority_key_identifier_extension = true;
    params
}

pub(crate) fn whole_seconds(date: OffsetDateTime) -> OffsetDateTime {
    let date = date.to_offset(UtcOffset::UTC);
    date.replace_nanosecond(0).unwrap_or(date)
}

pub(crate) fn random_serial() -> Result<Vec<u8>, Error> {
    let mut serial: [u8; 16] = random()?;
    serial[0] = (serial[0] & 0x7f) | 0x40;
    Ok(serial.to_vec())
}

/// Access methods, each with an address.
fn authority_info_access(access: &[(&[u64], &String)]) -> CustomExtension {
    let content = yasna::construct_der(|writer| {
        writer.write_sequence(|descriptions| {
            for (method, url) in access {
                descriptions.next().write_sequence(|description| {
                    description
                        .next()
                        .write_oid(&ObjectIdentifier::from_slice(method));
                    let name = description.next();
                    name.write_tagged_implicit(Tag::context(URI_TAG), |w| w.write_ia5_string(url));
                });
            }
        });
    });
    CustomExtension::from_oid_content(AUTHORITY_INFO_ACCESS, content)
}

/// Name constraints that permit URIs of one domain only (RFC 5280 §4.2.1.10).
fn permitted_uri_host(host: &str) -> CustomExtension {
    let content = yasna::construct_der(|writer| {
        writer.write_sequence(|constraints| {
            constraints
                .next()
                .write_tagged_implicit(Tag::context(0), |permitted| {
                    permitted.write_sequence(|subtrees| {
                        subtrees.next().write_sequence(|subtree| {
                            let base = subtree.next();
                            base.write_tagged_implicit(Tag::context(URI_TAG), |w| {
                                w.write_ia5_string(host);
                            });
                        });
                    });
                });
        });
    });
    let mut extension = CustomExtension::from_oid_content(NAME_CONSTRAINTS, content);
    extension.set_criticality(true);
    extension
}
