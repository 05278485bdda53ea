//! Key pairs of certificate authorities and of certificate holders.

use std::{fmt, str::FromStr};

use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, PublicKeyData as _,
    RsaKeySize,
};
use serde::{Deserialize, Serialize};
use x509_parser::{
    certificate::X509Certificate,
    oid_registry::{OID_EC_P256, OID_NIST_EC_P384},
    prelude::FromDer as _,
    public_key::PublicKey as ParsedKey,
    x509::SubjectPublicKeyInfo,
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{Error, Passphrase, passphrase};

/// The label of PKCS#8 in PEM (RFC 7468 §10).
/// The first octet of a point of an elliptic curve that is written out (SEC 1 §2.3.3).
const UNCOMPRESSED: u8 = 4;
const PKCS8_LABEL: &str = "PRIVATE KEY";

/// The kinds of keys that a community uses (J04, J07, J09).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyAlgorithm {
    /// RSA with 2,048 bits: the least that UDAP peers accept, and what all of them support.
    Rsa2048,
    /// RSA with 3,072 bits.
    Rsa3072,
    /// RSA with 4,096 bits.
    Rsa4096,
    /// ECDSA on NIST P-256.
    P256,
    /// ECDSA on NIST P-384.
    P384,
}

impl KeyAlgorithm {
    /// Whether this is RSA, which RS256 and so every signed metadata document needs (J04).
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::P256 => "p256",
            Self::P384 => "p384",
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for KeyAlgorithm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        [
            Self::Rsa2048,
            Self::Rsa3072,
            Self::Rsa4096,
            Self::P256,
            Self::P384,
        ]
        .into_iter()
        .find(|algorithm| algorithm.name() == name)
        .ok_or_else(|| Error::UnknownKeyAlgorithm {
            name: name.to_owned(),
        })
    }
}

/// A public key of a [`KeyAlgorithm`], as DER SubjectPublicKeyInfo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    spki: Vec<u8>,
    algorithm: KeyAlgorithm,
}

impl PublicKey {
    /// Reads a DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// [`Error::Unreadable`] if it cannot be parsed or is of no [`KeyAlgorithm`].
    pub fn from_spki_der(der: &[u8]) -> Result<Self, Error> {
        let unreadable = || Error::Unreadable {
            what: "public key (RSA with 2048, 3072 or 4096 bits, P-256 or P-384)",
        };
        let (rest, spki) = SubjectPublicKeyInfo::from_der(der).map_err(|_| unreadable())?;
        if !rest.is_empty() {
            return Err(unreadable());
        }
        let algorithm = match spki.parsed().map_err(|_| unreadable())? {
            ParsedKey::RSA(key) => match key.key_size() {
                2048 => KeyAlgorithm::Rsa2048,
                3072 => KeyAlgorithm::Rsa3072,
                4096 => KeyAlgorithm::Rsa4096,
                _ => return Err(unreadable()),
            },
            ParsedKey::EC(point) => {
                // A key has one form here, so that it is known again; UDAP servers read no other.
                if point.data().first() != Some(&UNCOMPRESSED) {
                    return Err(Error::Unreadable {
                        what: "public key: a point of an elliptic curve must not be compressed",
                    });
                }
                let curve = spki
                    .algorithm
                    .parameters
                    .as_ref()
                    .and_then(|parameters| parameters.as_oid().ok())
                    .ok_or_else(unreadable)?;
                if curve == OID_EC_P256 {
                    KeyAlgorithm::P256
                } else if curve == OID_NIST_EC_P384 {
                    KeyAlgorithm::P384
                } else {
                    return Err(unreadable());
                }
            }
            _ => return Err(unreadable()),
        };
        Ok(Self {
            spki: der.to_vec(),
            algorithm,
        })
    }

    /// The key that a certificate (DER) is for.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn of_certificate(der: &[u8]) -> Result<Self, Error> {
        let parsed = X509Certificate::from_der(der);
        let (_, certificate) = parsed.map_err(|_| Error::Unreadable {
            what: "certificate",
        })?;
        Self::from_spki_der(certificate.public_key().raw)
    }

    /// The DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The key's kind.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    pub(crate) fn for_signing(&self) -> Result<rcgen::SubjectPublicKeyInfo, Error> {
        Ok(rcgen::SubjectPublicKeyInfo::from_der(&self.spki)?)
    }
}

/// A private key. Its encoding is wiped from memory when it is dropped.
pub struct PrivateKey {
    signer: Signer,
    public: PublicKey,
}

impl PrivateKey {
    /// Makes a new key; the randomness is the cryptographic library's own.
    ///
    /// # Errors
    /// [`Error::Crypto`] if the library fails.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, Error> {
        let pair = match algorithm {
            KeyAlgorithm::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
            KeyAlgorithm::Rsa3072 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072),
            KeyAlgorithm::Rsa4096 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_4096),
            KeyAlgorithm::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            KeyAlgorithm::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
        }?;
        Self::from_pair(pair)
    }

    /// Reads an unencrypted PKCS#8 key in PEM.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if it is something else or of no [`KeyAlgorithm`].
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        let unreadable = || Error::Unreadable {
            what: "private key (PKCS#8 in PEM)",
        };
        let block = pem::parse(text).map_err(|_| unreadable())?;
        let label_fits = block.tag() == PKCS8_LABEL;
        let der = Zeroizing::new(block.into_contents());
        if !label_fits {
            return Err(unreadable());
        }
        Self::from_pair(KeyPair::try_from(der.as_slice()).map_err(|_| unreadable())?)
    }

    /// Reads a PKCS#8 key in PEM, encrypted (RFC 5958 §3) or not.
    ///
    /// # Errors
    /// [`Error::PassphraseNeeded`] (without a path) if it is encrypted and there is no passphrase;
    /// [`Error::WrongPassphrase`]; [`Error::Unreadable`].
    pub fn from_pem_with(text: &str, secret: Option<&Passphrase>) -> Result<Self, Error> {
        if !passphrase::is_encrypted(text) {
            return Self::from_pem(text);
        }
        let secret = secret.ok_or_else(|| Error::PassphraseNeeded {
            path: std::path::PathBuf::new(),
        })?;
        let der = passphrase::decrypt(text, secret)?;
        let pair = KeyPair::try_from(der.as_slice()).map_err(|_| Error::Unreadable {
            what: "private key (PKCS#8 in PEM)",
        })?;
        Self::from_pair(pair)
    }

    /// The key in PEM, as PKCS#8 encrypted with a passphrase.
    ///
    /// # Errors
    /// [`Error::Crypto`] if the library fails.
    pub fn to_encrypted_pem(
        &self,
        secret: &Passphrase,
        rng: &mut impl rand::Rng,
    ) -> Result<String, Error> {
        passphrase::encrypt(self.pkcs8_der(), secret, rng)
    }

    fn from_pair(pair: KeyPair) -> Result<Self, Error> {
        let signer = Signer(pair);
        let public = PublicKey::from_spki_der(&signer.0.subject_public_key_info())?;
        Ok(Self { signer, public })
    }

    /// The key in PEM PKCS#8.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.signer.0.serialize_pem())
    }

    /// The key in DER PKCS#8.
    #[must_use]
    pub fn pkcs8_der(&self) -> &[u8] {
        self.signer.0.serialized_der()
    }

    /// The key's kind.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.public.algorithm
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn into_signer(self) -> Signer {
        self.signer
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("algorithm", &self.public.algorithm)
            .finish_non_exhaustive()
    }
}

/// rcgen's key pair, wiped on drop, which rcgen leaves to its users.
pub(crate) struct Signer(KeyPair);

impl Drop for Signer {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl rcgen::PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl rcgen::SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_survives_the_way_through_pem() {
        for algorithm in [
            KeyAlgorithm::Rsa2048,
            KeyAlgorithm::P256,
            KeyAlgorithm::P384,
        ] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let again = PrivateKey::from_pem(&key.to_pem()).unwrap();
            assert_eq!(again.public_key(), key.public_key());
            assert_eq!(again.algorithm(), algorithm);
            assert_eq!(
                algorithm.to_string().parse::<KeyAlgorithm>().unwrap(),
                algorithm
            );
        }
    }

    #[test]
    fn a_key_of_another_kind_or_format_is_refused() {
        let p521 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
        assert!(PrivateKey::from_pem(&p521.serialize_pem()).is_err());
        let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let mislabelled = key.to_pem().replace("PRIVATE KEY", "EC PRIVATE KEY");
        assert!(PrivateKey::from_pem(&mislabelled).is_err());
        assert!(PrivateKey::from_pem("").is_err());
    }

    /// One key is one key, however it is written.
    #[test]
    fn a_compressed_point_is_refused() {
        let private = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let spki = private.public_key().spki_der();
        assert!(PublicKey::from_spki_der(spki).is_ok());
        let (head, point) = spki.split_at(spki.len() - 65);
        let y_is_odd = point[64] & 1;
        let mut compressed = head.to_vec();
        // SEQUENCE and BIT STRING are 32 octets shorter.
        compressed[1] -= 32;
        let bits = head.len() - 2;
        compressed[bits] -= 32;
        compressed.push(2 + y_is_odd);
        compressed.extend_from_slice(&point[1..33]);
        let refused = PublicKey::from_spki_der(&compressed).unwrap_err();
        assert!(
            refused.to_string().contains("must not be compressed"),
            "{refused}"
        );
    }

    #[test]
    fn debug_output_shows_no_key() {
        let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        assert_eq!(format!("{key:?}"), "PrivateKey { algorithm: P256, .. }");
    }
}
