//! Ten certificates as tangled or as heavy as can be, below a CA that an anchor did certify: the
//! worst that a member of a community could send.

use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P384_SHA384, SanType, SerialNumber,
};
use time::Duration;
use udap::certificate::Certificate;

use crate::pki::AT;

/// Octets of a bomb: the cap is 16 KB with everything else in the certificate.
const BOMB: usize = 15_000;

pub(crate) struct Hostile {
    pub(crate) name: &'static str,
    pub(crate) anchor: Certificate,
    /// At most nine: the leaf is the tenth.
    pub(crate) candidates: Vec<Certificate>,
    pub(crate) leaf: Certificate,
}

struct Ca {
    params: CertificateParams,
    key: KeyPair,
}

fn tlv(tag: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let length = u16::try_from(content.len()).expect("short");
    let mut der = vec![tag];
    match length {
        0..=127 => der.push(length as u8),
        _ => der.extend([&[0x82][..], &length.to_be_bytes()].concat()),
    }
    der.extend_from_slice(content);
    der
}

fn params(name: &str) -> CertificateParams {
    static SERIAL: AtomicU64 = AtomicU64::new(1);
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(SERIAL.fetch_add(1, Ordering::Relaxed)));
    (params.not_before, params.not_after) = (AT - Duration::DAY, AT + Duration::DAY);
    params
}

impl Ca {
    fn new(name: &str) -> Self {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("keys can be made");
        Self { params, key }
    }

    fn with(mut self, extensions: Vec<CustomExtension>) -> Self {
        self.params.custom_extensions = extensions;
        self
    }

    fn root(&self) -> Certificate {
        decode(
            self.params
                .self_signed(&self.key)
                .expect("it can be made")
                .der(),
        )
    }

    fn certify(&self, other: &Self) -> Certificate {
        let mut params = other.params.clone();
        params.serial_number = self::params("").serial_number;
        self.sign(&params, &other.key)
    }

    fn leaf(&self, extensions: Vec<CustomExtension>) -> Certificate {
        let mut params = params("Leaf");
        if extensions.is_empty() {
            let uri = "https://app.example.org/".try_into().expect("ASCII");
            params.subject_alt_names = vec![SanType::URI(uri)];
        }
        params.custom_extensions = extensions;
        self.sign(&params, &KeyPair::generate().expect("keys can be made"))
    }

    fn sign(&self, params: &CertificateParams, key: &KeyPair) -> Certificate {
        let issuer = Issuer::from_params(&self.params, &self.key);
        decode(
            params
                .signed_by(key, &issuer)
                .expect("it can be made")
                .der(),
        )
    }
}

fn decode(der: &[u8]) -> Certificate {
    Certificate::from_der(der).expect("it decodes")
}

fn extension(id: u64, value: Vec<u8>) -> CustomExtension {
    CustomExtension::from_oid_content(&[2, 5, 29, id], value)
}

/// As many as fit.
fn fill(size: usize, one: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let mut all = Vec::new();
    for number in 0.. {
        let next = one(number);
        if all.len() + next.len() > size {
            break;
        }
        all.extend(next);
    }
    all
}

/// Three letters for a number: "aaa", "aab", …
fn letters(number: usize) -> [u8; 3] {
    [number / 676, number / 26, number].map(|digit| b'a' + (digit % 26) as u8)
}

fn dns(number: usize) -> Vec<u8> {
    tlv(0x82, letters(number))
}

fn directory(number: usize) -> Vec<u8> {
    let attribute = [tlv(0x06, [0x55, 4, 10]), tlv(0x13, letters(number))].concat();
    tlv(0xa4, tlv(0x30, tlv(0x31, tlv(0x30, attribute))))
}

fn address(number: usize) -> Vec<u8> {
    let [high, low] = (number as u16).to_be_bytes();
    tlv(0x87, [10, high, low, 0, 255, 255, 255, 0])
}

fn mail(number: usize) -> Vec<u8> {
    tlv(0x81, letters(number))
}

fn subtrees(tag: u8, size: usize, base: fn(usize) -> Vec<u8>) -> Vec<u8> {
    tlv(tag, fill(size, |number| tlv(0x30, base(number))))
}

fn permitted(base: fn(usize) -> Vec<u8>) -> CustomExtension {
    extension(30, tlv(0x30, subtrees(0xa0, BOMB, base)))
}

fn excluded(base: fn(usize) -> Vec<u8>) -> CustomExtension {
    extension(30, tlv(0x30, subtrees(0xa1, BOMB, base)))
}

/// What is just light enough to be judged.
fn light(base: fn(usize) -> Vec<u8>) -> CustomExtension {
    extension(30, tlv(0x30, subtrees(0xa0, 900, base)))
}

fn names(base: fn(usize) -> Vec<u8>) -> CustomExtension {
    extension(17, tlv(0x30, fill(BOMB, |number| base(number + 3_000))))
}

fn policy(number: usize) -> Vec<u8> {
    tlv(
        0x06,
        [0x2a, 0x80 | (number / 128) as u8, (number % 128) as u8],
    )
}

fn policies(size: usize) -> CustomExtension {
    extension(
        32,
        tlv(0x30, fill(size, |number| tlv(0x30, policy(number + 128)))),
    )
}

fn mappings(size: usize) -> CustomExtension {
    let pair = |number| [policy(number + 128), policy(number * 7 % 900 + 128)].concat();
    extension(33, tlv(0x30, fill(size, |number| tlv(0x30, pair(number)))))
}

/// A path that asks for a policy which is not there, so that no path holds and all are tried.
fn explicit_policy() -> CustomExtension {
    extension(36, tlv(0x30, tlv(0x80, [0])))
}

/// The bombs one below the other, and the rest of nine certificates for as many ways up to the
/// root as possible: two CAs, each certified several times.
fn below_many_paths(
    name: &'static str,
    bombs: Vec<Vec<CustomExtension>>,
    leaf: Vec<CustomExtension>,
) -> Hostile {
    let root = Ca::new("Root");
    let (upper, lower) = (
        Ca::new("Upper").with(vec![explicit_policy()]),
        Ca::new("Lower"),
    );
    let spare = 9 - bombs.len();
    let mut candidates: Vec<_> = (0..spare / 2).map(|_| root.certify(&upper)).collect();
    candidates.extend((spare / 2..spare).map(|_| upper.certify(&lower)));
    let mut above = lower;
    for (number, bomb) in bombs.into_iter().enumerate() {
        let ca = Ca::new(&format!("Bomb {number}")).with(bomb);
        candidates.push(above.certify(&ca));
        above = ca;
    }
    Hostile {
        name,
        anchor: root.root(),
        leaf: above.leaf(leaf),
        candidates,
    }
}

/// CAs of one name, whose keys certify each other.
fn tangle() -> Hostile {
    let root = Ca::new("Root");
    let mesh = [(); 3].map(|()| Ca::new("Mesh").with(vec![explicit_policy()]));
    let mut candidates: Vec<_> = mesh.iter().map(|ca| root.certify(ca)).collect();
    for issuer in 0..3 {
        for subject in 0..3 {
            if issuer != subject {
                candidates.push(mesh[issuer].certify(&mesh[subject]));
            }
        }
    }
    Hostile {
        name: "tangle",
        anchor: root.root(),
        leaf: mesh[0].leaf(Vec::new()),
        candidates,
    }
}

/// CAs of one name that nothing connects: every key is tried on every signature.
fn namesakes() -> Hostile {
    let root = Ca::new("Mesh");
    let candidates = (0..9).map(|_| Ca::new("Mesh").root()).collect();
    Hostile {
        name: "namesakes",
        anchor: root.root(),
        leaf: Ca::new("Mesh").leaf(Vec::new()),
        candidates,
    }
}

/// CAs of one name, each below the next, and the last below a stranger: whatever the order, most keys
/// are tried on most signatures, and these take longest.
fn ladder() -> Hostile {
    let key = || KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).expect("keys can be made");
    let rungs: Vec<Ca> = (0..10)
        .map(|_| Ca {
            key: key(),
            ..Ca::new("Mesh")
        })
        .collect();
    let candidates = rungs.windows(2).map(|pair| pair[1].certify(&pair[0]));
    Hostile {
        name: "ladder",
        anchor: Ca::new("Mesh").root(),
        candidates: candidates.collect(),
        leaf: rungs[0].leaf(Vec::new()),
    }
}

pub(crate) fn all() -> Vec<Hostile> {
    let three = |bomb: fn() -> CustomExtension| (0..3).map(|_| vec![bomb()]).collect::<Vec<_>>();
    let half = BOMB / 2;
    let mapped = || vec![policies(half), mappings(half)];
    let few_mapped = || vec![policies(1_200), mappings(6_000)];
    let under = || vec![policies(400), mappings(700)];
    vec![
        below_many_paths("just light enough, mail", three(|| light(mail)), Vec::new()),
        below_many_paths(
            "just light enough, policies",
            vec![under(), under(), under()],
            vec![policies(400)],
        ),
        tangle(),
        namesakes(),
        ladder(),
        below_many_paths("permitted dns", three(|| permitted(dns)), Vec::new()),
        below_many_paths(
            "permitted directory",
            three(|| permitted(directory)),
            Vec::new(),
        ),
        below_many_paths(
            "permitted address",
            three(|| permitted(address)),
            Vec::new(),
        ),
        below_many_paths("permitted mail", three(|| permitted(mail)), Vec::new()),
        below_many_paths(
            "excluded directory",
            three(|| excluded(directory)),
            vec![names(directory)],
        ),
        below_many_paths("excluded dns", three(|| excluded(dns)), vec![names(dns)]),
        below_many_paths("policies", three(|| policies(BOMB)), vec![policies(BOMB)]),
        below_many_paths(
            "mappings",
            vec![mapped(), mapped(), mapped()],
            vec![policies(BOMB)],
        ),
        below_many_paths(
            "few mappings",
            (0..3).map(|_| few_mapped()).collect(),
            vec![policies(1_200)],
        ),
    ]
}
