//! Leaf certificates, good ones and ones with a flaw.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

use crate::{
    CertificationBuilder, CommunityOptions, Error, KeyKind, LeafFlaw, StatementBuilder, TestCa,
    TestCommunity, TestKey,
    authority::{Urls, blank_params, random_serial},
    key::encode_pem,
    sha1,
};

/// Nothing listens on the discard port.
const DEAD_CRL_URL: &str = "http://127.0.0.1:9/dead.crl";
const SUBJECT_KEY_IDENTIFIER: &[u64] = &[2, 5, 29, 14];
/// Below the arc of examples (RFC 5612), so nobody's.
const UNKNOWN_EXTENSION: &[u64] = &[1, 3, 6, 1, 4, 1, 32473, 1];
const DER_NULL: &[u8] = &[5, 0];

/// A leaf in the making; as it begins, a good client certificate with an RSA-2048 key, valid from
/// yesterday for a year.
#[derive(Debug, Clone)]
#[must_use = "call build()"]
pub struct LeafBuilder<'a> {
    community: &'a TestCommunity,
    common_name: String,
    uris: Vec<String>,
    leading_uris: Vec<String>,
    key: Option<TestKey>,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    usages: Vec<ExtendedKeyUsagePurpose>,
    crl_addresses: Option<Vec<String>>,
    issuer_addresses: Option<Vec<String>>,
    responder: Option<String>,
    flaw: Option<LeafFlaw>,
}

impl<'a> LeafBuilder<'a> {
    pub(crate) fn new(community: &'a TestCommunity, uri: &str) -> Self {
        Self {
            community,
            common_name: "Example App".to_owned(),
            uris: vec![uri.to_owned()],
            leading_uris: Vec::new(),
            key: None,
            not_before: community.now() - Duration::days(1),
            not_after: community.now() + Duration::days(365),
            usages: vec![ExtendedKeyUsagePurpose::ClientAuth],
            crl_addresses: None,
            issuer_addresses: None,
            responder: None,
            flaw: None,
        }
    }

    /// Adds a URI to the subject alternative name.
    pub fn and_uri(mut self, uri: &str) -> Self {
        self.uris.push(uri.to_owned());
        self
    }

    /// Puts a URI before the others in the subject alternative name; [`TestLeaf::uri`], and so the
    /// statement, stays as it is.
    pub fn before_uri(mut self, uri: &str) -> Self {
        self.leading_uris.push(uri.to_owned());
        self
    }

    /// The subject's common name.
    pub fn common_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.common_name);
        self
    }

    /// The leaf's key, for instance that of an earlier leaf.
    pub fn key(mut self, key: &TestKey) -> Self {
        self.key = Some(key.clone());
        self
    }

    /// A new key of this kind.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    pub fn key_kind(self, kind: KeyKind) -> Self {
        let key = TestKey::generate(kind);
        self.key(&key)
    }

    /// First and last second of validity.
    pub fn validity(mut self, not_before: OffsetDateTime, not_after: OffsetDateTime) -> Self {
        self.not_before = not_before;
        self.not_after = not_after;
        self
    }

    /// A server's certificate, for signing metadata.
    pub fn server(mut self) -> Self {
        self.usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        self.common_name = "Example Server".to_owned();
        self
    }

    /// Without extended key usage, which many communities leave out (C14).
    pub fn without_extended_key_usage(mut self) -> Self {
        self.usages.clear();
        self
    }

    /// Names these distribution points of revocation lists, in place of the issuer's.
    pub fn crl_addresses(mut self, urls: &[&str]) -> Self {
        self.crl_addresses = Some(urls.iter().map(|&url| url.to_owned()).collect());
        self
    }

    /// Names these addresses of the issuer's certificate, in place of the issuer's own.
    pub fn issuer_addresses(mut self, urls: &[&str]) -> Self {
        self.issuer_addresses = Some(urls.iter().map(|&url| url.to_owned()).collect());
        self
    }

    /// Names an OCSP responder, besides whatever the community's certificates name.
    pub fn responder(mut self, url: &str) -> Self {
        self.responder = Some(url.to_owned());
        self
    }

    /// The one thing that is wrong.
    pub fn flaw(mut self, flaw: LeafFlaw) -> Self {
        self.flaw = Some(flaw);
        self
    }

    /// The leaf. A flaw of revocation is entered in the community's lists made from now on.
    ///
    /// # Panics
    /// If the cryptographic library fails, or a URI is not ASCII.
    #[must_use]
    pub fn build(self) -> TestLeaf {
        self.try_build().expect("a leaf can be made")
    }

    /// The leaf, or why it cannot be made.
    ///
    /// # Errors
    /// [`Error::Certificate`] and others if the cryptographic library fails.
    pub fn try_build(mut self) -> Result<TestLeaf, Error> {
        let community = self.community;
        let now = community.now();
        match self.flaw {
            Some(LeafFlaw::Expired) => self.not_after = now - Duration::hours(1),
            Some(LeafFlaw::NotYetValid) => self.not_before = now + Duration::hours(1),
            _ => {}
        }
        let key = self.choose_key()?;
        let issuer = self.choose_issuer()?;
        let serial = random_serial()?;
        let params = self.params(&serial, &issuer)?;
        let (certificate, chain) = match self.flaw {
            Some(LeafFlaw::SelfSigned) => (
                params.self_signed(&key.signer()?)?.der().to_vec(),
                Vec::new(),
            ),
            Some(LeafFlaw::ForgedSignature) => {
                let stranger = TestKey::try_generate(community.ca_key_kind())?;
                (
                    issuer.sign_with(&params, &key, &stranger)?,
                    issuer.chain.clone(),
                )
            }
            Some(LeafFlaw::Sha1Signature) => {
                let good = issuer.sign(&params, &key)?;
                (sha1::resign(&good, &issuer.key)?, issuer.chain.clone())
            }
            _ => (issuer.sign(&params, &key)?, issuer.chain.clone()),
        };
        match self.flaw {
            Some(LeafFlaw::Revoked) => community.add_revoked(issuer.slug(), &serial)?,
            Some(LeafFlaw::IntermediateRevoked) => {
                community.add_revoked(community.root().slug(), issuer.serial())?;
            }
            _ => {}
        }
        Ok(TestLeaf {
            certificate,
            chain,
            key,
            serial,
            issuer: issuer.slug().to_owned(),
            uris: self.uris,
            not_before: self.not_before,
            not_after: self.not_after,
        })
    }

    fn choose_key(&self) -> Result<TestKey, Error> {
        match self.flaw {
            Some(LeafFlaw::WeakKey) => TestKey::try_generate(KeyKind::Rsa1024),
            Some(LeafFlaw::P521Key) => TestKey::try_generate(KeyKind::P521),
            Some(LeafFlaw::AnchorKey) => Ok(self.community.root().key().clone()),
            _ => self.key.clone().map_or_else(TestKey::try_rsa, Ok),
        }
    }

    fn choose_issuer(&self) -> Result<Arc<TestCa>, Error> {
        let community = self.community;
        let now = community.now();
        let Some(flaw) = self.flaw else {
            return Ok(community.issuing_ca());
        };
        let (slug, root) = (flaw.name(), community.root());
        match flaw {
            LeafFlaw::IntermediateRevoked => community.add_authority(slug, root, |_| {}),
            LeafFlaw::IntermediateExpired => community.add_authority(slug, root, |plan| {
                plan.not_after = now - Duration::hours(1);
            }),
            LeafFlaw::WrongRoot => {
                let stranger = CommunityOptions::new("Stranger");
                Ok(TestCommunity::try_with(stranger, now)?.issuing_ca())
            }
            LeafFlaw::NameConstraintViolation => community.add_authority(slug, root, |plan| {
                plan.permitted_uri = Some(".permitted.example.net");
            }),
            LeafFlaw::PathLengthExceeded => {
                // The community's issuing CA has path length 0.
                community.add_authority(slug, community.intermediate(), |_| {})
            }
            LeafFlaw::IntermediateNotCa => community.add_authority(slug, root, |plan| {
                plan.is_ca = IsCa::ExplicitNoCa;
                // Without key usage, for keyCertSign without CA=true were a second flaw.
                plan.key_usages.clear();
            }),
            LeafFlaw::IntermediateWithoutKeyCertSign => {
                community.add_authority(slug, root, |plan| {
                    // A path length without keyCertSign were a second flaw (RFC 5280 §4.2.1.9).
                    plan.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                    plan.key_usages =
                        vec![KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
                })
            }
            // Issuers of their own, for nobody shall know a list of theirs.
            LeafFlaw::DeadCrlAddress => community.add_authority(slug, root, |plan| {
                plan.urls.crls = vec![DEAD_CRL_URL.to_owned()];
                plan.lists = false;
            }),
            LeafFlaw::NoCrlAddress => community.add_authority(slug, root, |plan| {
                plan.urls.crls.clear();
                plan.lists = false;
            }),
            _ => Ok(community.issuing_ca()),
        }
    }

    fn params(&self, serial: &[u8], issuer: &TestCa) -> Result<CertificateParams, Error> {
        let mut params = blank_params(&self.common_name, serial, self.not_before, self.not_after);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = self.usages.clone();
        let uris = self.leading_uris.iter().chain(&self.uris);
        let names = uris.map(|uri| Ok(SanType::URI(uri.as_str().try_into()?)));
        params.subject_alt_names = names.collect::<Result<_, rcgen::Error>>()?;
        let named = issuer.urls.clone();
        let urls = Urls {
            responder: self.responder.clone(),
            crls: self.crl_addresses.clone().unwrap_or(named.crls),
            issuers: self.issuer_addresses.clone().unwrap_or(named.issuers),
        };
        urls.write_into(&mut params);
        match self.flaw {
            Some(LeafFlaw::NoSan) => params.subject_alt_names.clear(),
            Some(LeafFlaw::DnsSanOnly) => {
                let names = self
                    .uris
                    .iter()
                    .map(|uri| Ok(SanType::DnsName(uri.as_str().try_into()?)));
                params.subject_alt_names = names.collect::<Result<_, rcgen::Error>>()?;
            }
            Some(LeafFlaw::CaLeaf) => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            Some(LeafFlaw::NoDigitalSignature) => {
                params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
            }
            Some(LeafFlaw::UnknownCriticalExtension) => {
                let mut unknown =
                    CustomExtension::from_oid_content(UNKNOWN_EXTENSION, DER_NULL.to_vec());
                unknown.set_criticality(true);
                params.custom_extensions.push(unknown);
            }
            Some(LeafFlaw::DuplicateExtension) => {
                let content = yasna::construct_der(|writer| writer.write_bytes(&[7; 20]));
                let again = CustomExtension::from_oid_content(SUBJECT_KEY_IDENTIFIER, content);
                params.custom_extensions.push(again);
            }
            _ => {}
        }
        Ok(params)
    }
}

/// A leaf certificate with its key and the certificates above it.
#[derive(Debug, Clone)]
pub struct TestLeaf {
    certificate: Vec<u8>,
    chain: Vec<Vec<u8>>,
    key: TestKey,
    serial: Vec<u8>,
    issuer: String,
    uris: Vec<String>,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl TestLeaf {
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

    /// The intermediates above it in DER, lowest first, without the root.
    #[must_use]
    pub fn intermediates(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// Leaf and intermediates in DER.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.der()).chain(self.chain.iter().map(Vec::as_slice))
    }

    /// Leaf and intermediates in PEM.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        self.certificates()
            .map(|der| encode_pem("CERTIFICATE", der))
            .collect()
    }

    /// Leaf and intermediates for a JOSE header (RFC 7515 §4.1.6).
    #[must_use]
    pub fn x5c(&self) -> Vec<String> {
        self.certificates()
            .map(|der| BASE64_STANDARD.encode(der))
            .collect()
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &TestKey {
        &self.key
    }

    /// Big-endian octets of the serial number.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The slug of the CA that signed it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The first URI asked for, whether or not the flaw left it in the certificate.
    #[must_use]
    pub fn uri(&self) -> &str {
        self.uris.first().map_or("", String::as_str)
    }

    /// All URIs asked for.
    #[must_use]
    pub fn uris(&self) -> &[String] {
        &self.uris
    }

    /// First second of validity.
    #[must_use]
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// Last second of validity.
    #[must_use]
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// Begins a good software statement for the registration endpoint `audience`.
    ///
    /// # Panics
    /// If the operating system gives no random bytes.
    pub fn statement(&self, audience: &str, now: OffsetDateTime) -> StatementBuilder {
        StatementBuilder::new(self, audience, now)
    }

    /// Begins a good certification of the app `client_uri` under the certification `uri`.
    ///
    /// # Panics
    /// If the operating system gives no random bytes.
    pub fn certify(
        &self,
        client_uri: &str,
        uri: &str,
        now: OffsetDateTime,
    ) -> CertificationBuilder {
        CertificationBuilder::new(self, client_uri, uri, now)
    }
}
