//! Keys of every kind that a peer may show, the forbidden ones too.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use openssl::{pkey::PKey, rsa::Rsa};
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512,
    PKCS_RSA_SHA256, PublicKeyData, RsaKeySize,
};

use crate::Error;

/// How many RSA keys one process makes for [`TestKey::rsa`]; each costs a third of a second.
const POOL_SIZE: usize = 4;

/// The kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA-1024, which is forbidden (C15).
    Rsa1024,
    /// RSA-2048.
    Rsa2048,
    /// RSA-3072.
    Rsa3072,
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521, which we do not accept.
    P521,
}

impl KeyKind {
    /// Whether this is RSA.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa1024 | Self::Rsa2048 | Self::Rsa3072)
    }
}

/// A private key; cheap to clone.
#[derive(Clone)]
pub struct TestKey(Arc<Inner>);

struct Inner {
    kind: KeyKind,
    pkcs8: Vec<u8>,
    spki: Vec<u8>,
}

impl TestKey {
    /// A new key.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    #[must_use]
    pub fn generate(kind: KeyKind) -> Self {
        Self::try_generate(kind).expect("a key can be made")
    }

    /// A new key.
    ///
    /// # Errors
    /// [`Error::Certificate`], [`Error::OpenSsl`].
    pub fn try_generate(kind: KeyKind) -> Result<Self, Error> {
        let pair = match kind {
            // aws-lc makes no such key.
            KeyKind::Rsa1024 => {
                let key = PKey::from_rsa(Rsa::generate(1024)?)?;
                let (pkcs8, spki) = (key.private_key_to_pkcs8()?, key.public_key_to_der()?);
                return Ok(Self(Arc::new(Inner { kind, pkcs8, spki })));
            }
            KeyKind::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
            KeyKind::Rsa3072 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072),
            KeyKind::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            KeyKind::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
            KeyKind::P521 => KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512),
        }?;
        let (pkcs8, spki) = (pair.serialize_der(), pair.subject_public_key_info());
        Ok(Self(Arc::new(Inner { kind, pkcs8, spki })))
    }

    /// One of a few RSA-2048 keys that all tests of a process share, each in turn. Where two
    /// certificates must not have one key, use [`TestKey::generate`].
    ///
    /// # Panics
    /// If the cryptographic library fails.
    #[must_use]
    pub fn rsa() -> Self {
        Self::try_rsa().expect("a key can be made")
    }

    /// An RSA-2048 key that no certificate has, for forging signatures: one of [`TestKey::rsa`]
    /// may be the certificate's own.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    #[must_use]
    pub fn stranger() -> Self {
        static KEY: OnceLock<TestKey> = OnceLock::new();
        KEY.get_or_init(|| Self::generate(KeyKind::Rsa2048)).clone()
    }

    pub(crate) fn try_rsa() -> Result<Self, Error> {
        static POOL: [OnceLock<TestKey>; POOL_SIZE] = [const { OnceLock::new() }; POOL_SIZE];
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let turn = NEXT.fetch_add(1, Ordering::Relaxed) % POOL_SIZE;
        let Some(slot) = POOL.get(turn) else {
            return Self::try_generate(KeyKind::Rsa2048);
        };
        if let Some(key) = slot.get() {
            return Ok(key.clone());
        }
        let key = Self::try_generate(KeyKind::Rsa2048)?;
        Ok(slot.get_or_init(|| key).clone())
    }

    /// The key's kind.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.0.kind
    }

    /// DER PKCS#8.
    #[must_use]
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.0.pkcs8
    }

    /// PEM PKCS#8.
    #[must_use]
    pub fn pem(&self) -> String {
        encode_pem("PRIVATE KEY", self.pkcs8_der())
    }

    /// DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// PEM SubjectPublicKeyInfo.
    #[must_use]
    pub fn public_pem(&self) -> String {
        encode_pem("PUBLIC KEY", self.spki_der())
    }

    pub(crate) fn signer(&self) -> Result<KeyPair, Error> {
        Ok(KeyPair::try_from(self.pkcs8_der())?)
    }

    pub(crate) fn subject(&self) -> Result<rcgen::SubjectPublicKeyInfo, Error> {
        Ok(rcgen::SubjectPublicKeyInfo::from_der(self.spki_der())?)
    }
}

impl fmt::Debug for TestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestKey").field(&self.0.kind).finish()
    }
}

pub(crate) fn encode_pem(label: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}
