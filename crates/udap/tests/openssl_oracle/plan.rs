//! A certificate in the making, of any content.

use std::sync::OnceLock;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PublicKeyData, SigningKey};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::der::{generalized_time, oid, rdn, sequence, tlv, utc_time};

pub(crate) const AT: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

const ECDSA_WITH_SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const ECDSA_WITH_SHA384: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];

/// Keys to choose from; making them anew for each case would take most of the time.
pub(crate) struct Keys(Vec<(KeyPair, Vec<u8>)>);

/// How many there are; the last is P-384.
pub(crate) const KEYS: usize = 14;

impl Keys {
    pub(crate) fn all() -> &'static Self {
        static KEYS_MADE: OnceLock<Keys> = OnceLock::new();
        KEYS_MADE.get_or_init(|| {
            let key = |number| {
                let kind = if number + 1 == KEYS {
                    &PKCS_ECDSA_P384_SHA384
                } else {
                    &PKCS_ECDSA_P256_SHA256
                };
                let key = KeyPair::generate_for(kind).expect("keys can be made");
                let spki = key.subject_public_key_info();
                (key, spki)
            };
            Self((0..KEYS).map(key).collect())
        })
    }

    pub(crate) fn spki(&self, number: usize) -> &[u8] {
        &self.0[number].1
    }

    /// AlgorithmIdentifier of its signatures.
    pub(crate) fn algorithm(&self, number: usize) -> Vec<u8> {
        sequence(oid(if number + 1 == KEYS {
            &ECDSA_WITH_SHA384
        } else {
            &ECDSA_WITH_SHA256
        }))
    }

    pub(crate) fn sign(&self, number: usize, message: &[u8]) -> Vec<u8> {
        self.0[number].0.sign(message).expect("keys sign")
    }

    /// A key identifier: as good as a hash.
    pub(crate) fn id(number: usize) -> Vec<u8> {
        vec![u8::try_from(number).expect("there are few keys") + 1; 20]
    }
}

/// Name in DER, from its RDNs.
pub(crate) fn name(rdns: &[Vec<u8>]) -> Vec<u8> {
    sequence(rdns.concat())
}

/// "O=Example, CN=…" as UTF8String.
pub(crate) fn named(common_name: &str) -> Vec<u8> {
    name(&[
        rdn(&[10], 0x0c, b"Example"),
        rdn(&[3], 0x0c, common_name.as_bytes()),
    ])
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) serial: u8,
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) not_before: Vec<u8>,
    pub(crate) not_after: Vec<u8>,
    /// The subject's key.
    pub(crate) key: usize,
    /// The key that signs, which may be the wrong one.
    pub(crate) signer: usize,
    /// Each in DER.
    pub(crate) extensions: Vec<Vec<u8>>,
    /// What was made odd, for people.
    pub(crate) oddities: Vec<&'static str>,
    /// Changes to the octets of the signed part, made before it is signed: (where, kind, octet).
    pub(crate) mutations: Vec<(usize, u8, u8)>,
}

impl Plan {
    pub(crate) fn new(
        serial: u8,
        issuer: Vec<u8>,
        subject: Vec<u8>,
        key: usize,
        signer: usize,
    ) -> Self {
        Self {
            serial,
            issuer,
            subject,
            not_before: utc_time(AT - Duration::days(1)),
            not_after: generalized_time(datetime!(2060-01-01 00:00 UTC)),
            key,
            signer,
            extensions: Vec::new(),
            oddities: Vec::new(),
            mutations: Vec::new(),
        }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let keys = Keys::all();
        let algorithm = keys.algorithm(self.signer);
        let mut tbs = sequence(
            [
                tlv(0xa0, tlv(0x02, [2])),
                tlv(0x02, [self.serial]),
                algorithm.clone(),
                self.issuer.clone(),
                sequence([self.not_before.clone(), self.not_after.clone()].concat()),
                self.subject.clone(),
                keys.spki(self.key).to_vec(),
                tlv(0xa3, sequence(self.extensions.concat())),
            ]
            .concat(),
        );
        for (place, kind, octet) in &self.mutations {
            let at = place % tbs.len();
            match kind {
                0 => tbs[at] ^= 1 << (octet % 8),
                1 => tbs[at] = *octet,
                2 => tbs.insert(at, *octet),
                _ => {
                    tbs.remove(at);
                }
            }
        }
        let signature = keys.sign(self.signer, &tbs);
        let signature = tlv(0x03, [vec![0], signature].concat());
        sequence([tbs, algorithm, signature].concat())
    }
}
