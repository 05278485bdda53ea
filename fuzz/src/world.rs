//! A community whose keys are at hand, so that what was mutated can be signed in earnest.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;
use udap::certificate::Certificate;
use udap::trust::{Crl, CrlStore, NoCrlAddress, RevocationMode, TrustPolicy, TrustStore};
use udap_testkit::{CommunityOptions, KeyKind, TestCommunity, TestKey, TestLeaf};

use crate::der::tlv;

/// The instant at which everything is judged.
pub const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
/// The registration endpoint.
pub const ENDPOINT: &str = "https://emr.example.org/udap/default/register";
/// The client URI.
pub const APP: &str = "https://app.example.org/";
/// Where certificates say that lists and issuers are.
pub const PKI: &str = "http://pki.example.org/";

/// A cut from OpenEMR 8's catalogue.
pub const SCOPES: [&str; 24] = [
    "openid",
    "profile",
    "fhirUser",
    "offline_access",
    "launch",
    "launch/patient",
    "api:oemr",
    "api:fhir",
    "api:port",
    "patient/Patient.read",
    "patient/Patient.rs",
    "patient/Observation.rs",
    "patient/Observation.rs?category=http://example.org/codes|laboratory",
    "user/Patient.read",
    "user/Patient.write",
    "user/patient.crus",
    "system/Patient.read",
    "system/Patient.rs",
    "system/Observation.read",
    "system/MedicationDispense.rs",
    "system/Patient.$export",
    "system/*.$export",
    "system/Patient.write",
    "udap",
];

/// ecdsa-with-SHA256 as an AlgorithmIdentifier.
const ECDSA_WITH_SHA256: [u8; 12] = *b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";

/// id-pkix-ocsp-basic.
const BASIC_OCSP: [u8; 11] = *b"\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x01";

/// The community, its leaf and their keys, all P-256, new in each process.
#[derive(Debug)]
pub struct World {
    /// The community.
    pub community: TestCommunity,
    /// A good client.
    pub leaf: TestLeaf,
    /// The client's certificate.
    pub client: Certificate,
    /// The anchor.
    pub root: Certificate,
    /// The issuing CA.
    pub intermediate: Certificate,
    /// SHA-1 of the issuing CA's key, by which OCSP names it.
    key_hash: digest::Digest,
    keys: Keys,
}

/// The keys, decoded once.
#[derive(Debug)]
struct Keys {
    client: EcdsaKeyPair,
    intermediate: EcdsaKeyPair,
    root: EcdsaKeyPair,
}

/// The one world of this process.
pub fn world() -> &'static World {
    static WORLD: LazyLock<World> = LazyLock::new(|| {
        let community = TestCommunity::with(CommunityOptions::new("fuzz").published_at(PKI), NOW);
        let leaf = community.leaf(APP).key_kind(KeyKind::P256).build();
        World {
            client: certificate(leaf.der()),
            root: certificate(community.root().der()),
            key_hash: digest::digest(
                &digest::SHA1_FOR_LEGACY_USE_ONLY,
                // The point, uncompressed.
                community
                    .intermediate()
                    .key()
                    .spki_der()
                    .last_chunk::<65>()
                    .expect("P-256"),
            ),
            intermediate: certificate(community.intermediate().der()),
            keys: Keys {
                client: key(&ECDSA_P256_SHA256_FIXED_SIGNING, leaf.key()),
                intermediate: key(
                    &ECDSA_P256_SHA256_ASN1_SIGNING,
                    community.intermediate().key(),
                ),
                root: key(&ECDSA_P256_SHA256_ASN1_SIGNING, community.root().key()),
            },
            community,
            leaf,
        }
    });
    &WORLD
}

impl World {
    /// `signed` as a certificate or list that the root signed.
    #[must_use]
    pub fn by_root(&self, signed: &[u8]) -> Vec<u8> {
        sign(signed, &self.keys.root)
    }

    /// `signed` as a certificate or list that the issuing CA signed.
    #[must_use]
    pub fn by_intermediate(&self, signed: &[u8]) -> Vec<u8> {
        sign(signed, &self.keys.intermediate)
    }

    /// ResponseData as an OCSP response that the issuing CA signed.
    #[must_use]
    pub fn ocsp_by_intermediate(&self, data: &[u8]) -> Vec<u8> {
        ocsp_response(&self.by_intermediate(data))
    }

    /// ResponseData as an OCSP response that the root signed.
    #[must_use]
    pub fn ocsp_by_root(&self, data: &[u8]) -> Vec<u8> {
        ocsp_response(&self.by_root(data))
    }

    /// What is this process's own, and what stands for it in a corpus.
    fn stand_ins(&self) -> [(&[u8], Vec<u8>); 6] {
        let point = |certificate: &'static Certificate| {
            let spki = certificate.key().expect("its key is good").spki();
            &spki[spki.len() - 64..]
        };
        let key_id =
            |certificate: &'static Certificate| certificate.subject_key_id().expect("CAs have one");
        let World {
            root, intermediate, ..
        } = world();
        [
            (self.leaf.serial(), vec![0x51; self.leaf.serial().len()]),
            (point(intermediate), vec![0x52; 64]),
            (point(root), vec![0x53; 64]),
            (key_id(intermediate), vec![0x54; key_id(intermediate).len()]),
            (key_id(root), vec![0x55; key_id(root).len()]),
            (self.key_hash.as_ref(), vec![0x56; 20]),
        ]
    }

    /// DER of this process for a corpus: stand-ins for the leaf's serial number, the CAs' keys, their
    /// key identifiers and the hash of the issuing CA's key. All are as long as what they stand for.
    #[must_use]
    pub fn mark(&self, der: &[u8]) -> Vec<u8> {
        let pairs = self.stand_ins();
        let pairs = pairs
            .iter()
            .map(|(own, stand_in)| (*own, stand_in.as_slice()));
        pairs.fold(der.to_vec(), |der, (own, stand_in)| {
            replace(&der, own, stand_in)
        })
    }

    /// The inverse of [`World::mark`], in the process that reads the corpus.
    #[must_use]
    pub fn fill(&self, der: &[u8]) -> Vec<u8> {
        let pairs = self.stand_ins();
        let pairs = pairs
            .iter()
            .map(|(own, stand_in)| (*own, stand_in.as_slice()));
        pairs.fold(der.to_vec(), |der, (own, stand_in)| {
            replace(&der, stand_in, own)
        })
    }

    /// A compact JWS of these bytes, signed with the client's key (ES256).
    #[must_use]
    pub fn token(&self, header: &[u8], payload: &[u8]) -> String {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let input = format!("{}.{}", encode(header), encode(payload));
        let client = &self.keys.client;
        let signature = client
            .sign(&SystemRandom::new(), input.as_bytes())
            .expect("it signs");
        format!("{input}.{}", encode(signature.as_ref()))
    }

    /// The header that a good statement has.
    #[must_use]
    pub fn header(&self) -> Value {
        json!({ "alg": "ES256", "x5c": self.leaf.x5c() })
    }

    /// The lists of root and issuing CA, valid now.
    #[must_use]
    pub fn crls(&self) -> CrlStore {
        let lists = self.community.crls();
        let lists = lists.iter().map(|der| Arc::new(crl(der)));
        CrlStore::new(lists.collect())
    }

    /// Trust in the root, with the issuing CA configured or not.
    #[must_use]
    pub fn trust(&self, revocation: RevocationMode, intermediate: bool) -> TrustPolicy {
        let intermediates = intermediate.then(|| self.intermediate.clone());
        trust(
            self.root.clone(),
            intermediates.into_iter().collect(),
            revocation,
        )
    }
}

/// Trust in one anchor.
#[must_use]
pub fn trust(
    anchor: Certificate,
    intermediates: Vec<Certificate>,
    revocation: RevocationMode,
) -> TrustPolicy {
    TrustPolicy {
        store: TrustStore::new(vec![anchor], intermediates, Vec::new()).expect("a good anchor"),
        revocation,
        no_crl_address: NoCrlAddress::Accept,
        aia: true,
        ocsp: true,
    }
}

/// A certificate that is known to be good.
#[must_use]
pub fn certificate(der: &[u8]) -> Certificate {
    Certificate::from_der(der).expect("a good certificate decodes")
}

/// A list that is known to be good.
#[must_use]
pub fn crl(der: &[u8]) -> Crl {
    Crl::from_der(der).expect("a good list decodes")
}

/// Every occurrence of `one` replaced by `other`, which is as long.
#[must_use]
pub fn replace(bytes: &[u8], one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut start = 0;
    while let Some(found) = bytes[start..]
        .windows(one.len())
        .position(|part| part == one)
    {
        start += found;
        bytes[start..start + one.len()].copy_from_slice(other);
        start += one.len();
    }
    bytes
}

/// One of x5c's texts.
#[must_use]
pub fn x5c_entry(der: &[u8]) -> String {
    STANDARD.encode(der)
}

fn key(algorithm: &'static EcdsaSigningAlgorithm, key: &TestKey) -> EcdsaKeyPair {
    EcdsaKeyPair::from_pkcs8(algorithm, key.pkcs8_der()).expect("the key is P-256")
}

/// The signed part of a certificate or list, with algorithm and signature (RFC 5280 §4.1, §5.1).
fn sign(signed: &[u8], key: &EcdsaKeyPair) -> Vec<u8> {
    let signature = key.sign(&SystemRandom::new(), signed).expect("it signs");
    let bits = [&[0], signature.as_ref()].concat();
    tlv(
        0x30,
        &[signed, &ECDSA_WITH_SHA256, &tlv(0x03, &bits)].concat(),
    )
}

/// BasicOCSPResponse as a successful OCSPResponse (RFC 6960 §4.2.1).
fn ocsp_response(basic: &[u8]) -> Vec<u8> {
    let bytes = [&BASIC_OCSP[..], &tlv(0x04, basic)].concat();
    let bytes = tlv(0xa0, &tlv(0x30, &bytes));
    tlv(0x30, &[&[0x0a, 1, 0][..], &bytes].concat())
}

#[cfg(test)]
mod tests {
    use udap::trust::OcspAnswer;

    use super::*;

    #[test]
    fn a_committed_answer_is_good_in_every_process() {
        let world = world();
        let data = world.fill(include_bytes!("../corpus/ocsp/good"));
        let read = |der: &[u8]| OcspAnswer::read(der, &world.client, &world.intermediate, NOW);
        let answer = read(&world.ocsp_by_intermediate(&data)).unwrap();
        assert!(answer.shows_good(NOW));
        assert!(read(&world.ocsp_by_root(&data)).is_err());
    }
}
