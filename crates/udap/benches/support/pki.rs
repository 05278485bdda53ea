//! Communities, statements and registrars to measure.

use std::sync::Arc;

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use udap::certificate::Certificate;
use udap::community::Community;
use udap::enable::EnablePolicy;
use udap::key::{KeyKind as Kind, PublicKey};
use udap::registrar::Registrar;
use udap::rules::{ContactMatch, LinkChecks, Profile};
use udap::site::{Site, TokenMode};
use udap::trust::{
    CertvalJudge, Crl, CrlStore, NoCrlAddress, RevocationMode, TrustPolicy, TrustStore,
};
use udap_testkit::{CommunityOptions, KeyKind, TestCommunity, TestLeaf};
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

pub(crate) const AT: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
pub(crate) const APP: &str = "https://app.example.org/";
pub(crate) const ENDPOINT: &str = "https://emr.example.org/udap/default/register";

/// Kinds of keys of a leaf and of the CAs above it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) leaf: KeyKind,
    pub(crate) authorities: KeyKind,
}

impl Case {
    pub(crate) const fn new(name: &'static str, leaf: KeyKind, authorities: KeyKind) -> Self {
        Self {
            name,
            leaf,
            authorities,
        }
    }

    /// A community whose certificates name addresses, as real ones do.
    pub(crate) fn community(&self) -> TestCommunity {
        let mut options =
            CommunityOptions::new("example").published_at("http://pki.example.org/udap");
        options.ca_key = self.authorities;
        TestCommunity::with(options, AT)
    }

    pub(crate) fn leaf(&self, community: &TestCommunity) -> TestLeaf {
        community.leaf(APP).key_kind(self.leaf).build()
    }
}

/// Its root as an anchor, its intermediate not configured, revocation required.
pub(crate) fn policy(community: &TestCommunity) -> TrustPolicy {
    policy_of(vec![decode(community.root().der())])
}

/// As [`policy`], with these anchors.
pub(crate) fn policy_of(anchors: Vec<Certificate>) -> TrustPolicy {
    TrustPolicy {
        store: TrustStore::new(anchors, Vec::new(), Vec::new()).expect("roots are anchors"),
        revocation: RevocationMode::Required,
        no_crl_address: NoCrlAddress::Refuse,
        aia: true,
        ocsp: true,
    }
}

/// A registrar of one site and one community that remembers nothing yet.
pub(crate) fn registrar(community: &TestCommunity) -> Registrar {
    registrar_of(vec![policy(community)])
}

/// A registrar of one site and a community for each policy, which remembers nothing yet.
pub(crate) fn registrar_of(policies: Vec<TrustPolicy>) -> Registrar {
    let site = Site {
        id: "default".to_owned(),
        fhir_base_url: "https://emr.example.org/apis/default/fhir".to_owned(),
        registration_endpoint: ENDPOINT.to_owned(),
        authorization_endpoint: Some("https://emr.example.org/oauth2/default/authorize".to_owned()),
        token_endpoint: "https://emr.example.org/oauth2/default/token".to_owned(),
        token_mode: TokenMode::Gateway,
        scopes: vec!["system/Patient.read".to_owned()],
        verifies_code_assertions: true,
        require_pkce: false,
    };
    let communities = policies
        .into_iter()
        .enumerate()
        .map(|(id, trust)| Community {
            id: format!("community-{id}"),
            uri: format!("https://community-{id}.example.net/udap"),
            trust,
            profile: Profile::Hl7,
            contact_match: ContactMatch::Registrable,
            allow_client_credentials: true,
            allow_http_pages: false,
            link_checks: LinkChecks::Off,
            enable: EnablePolicy::All,
            ceiling: None,
            sites: None,
            client_uri_prefixes: Vec::new(),
            certifications: Vec::new(),
            b2b: udap::token::B2bPolicy::default(),
        });
    let judge = Arc::new(CertvalJudge::new());
    Registrar::new(
        vec![site],
        communities.collect(),
        judge,
        Duration::seconds(60),
    )
    .expect("site and communities go together")
}

/// The community's own lists, as small as lists are.
pub(crate) fn crls(community: &TestCommunity) -> CrlStore {
    let lists = community.crls();
    CrlStore::new(lists.iter().map(|der| Arc::new(crl(der))).collect())
}

pub(crate) fn crl(der: &[u8]) -> Crl {
    Crl::from_der(der).expect("a CRL decodes")
}

pub(crate) fn decode(der: &[u8]) -> Certificate {
    Certificate::from_der(der).expect("a certificate decodes")
}

/// A signature, to be verified with nothing around it: the floor.
pub(crate) struct Bare {
    key: UnparsedPublicKey<Vec<u8>>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Bare {
    /// A certificate's, by its issuer's key.
    pub(crate) fn certificate(certificate: &Certificate, issuer: &Certificate) -> Self {
        let key = issuer.key().expect("a good key");
        let algorithm: &'static dyn VerificationAlgorithm = match key.kind() {
            Kind::Rsa { .. } => &signature::RSA_PKCS1_2048_8192_SHA256,
            Kind::P256 => &signature::ECDSA_P256_SHA256_ASN1,
            Kind::P384 => &signature::ECDSA_P384_SHA384_ASN1,
        };
        Self::new(algorithm, key, certificate.tbs(), certificate.signature())
    }

    /// A statement's, by the leaf's key.
    pub(crate) fn statement(jws: &str, leaf: &Certificate) -> Self {
        use base64::Engine;
        let key = leaf.key().expect("a good key");
        let algorithm: &'static dyn VerificationAlgorithm = match key.kind() {
            Kind::Rsa { .. } => &signature::RSA_PKCS1_2048_8192_SHA256,
            Kind::P256 => &signature::ECDSA_P256_SHA256_FIXED,
            Kind::P384 => &signature::ECDSA_P384_SHA384_FIXED,
        };
        let (message, signature) = jws.rsplit_once('.').expect("three parts");
        let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(signature)
            .expect("base64url");
        Self::new(algorithm, key, message.as_bytes(), &signature)
    }

    fn new(
        algorithm: &'static dyn VerificationAlgorithm,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Self {
        let (_, info) = SubjectPublicKeyInfo::from_der(key.spki()).expect("a key decodes");
        let raw = info.subject_public_key.data.to_vec();
        Self {
            key: UnparsedPublicKey::new(algorithm, raw),
            message: message.to_vec(),
            signature: signature.to_vec(),
        }
    }

    pub(crate) fn verify(&self) {
        self.key
            .verify(&self.message, &self.signature)
            .expect("the signature is good");
    }
}
