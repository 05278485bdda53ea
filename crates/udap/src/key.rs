//! Public keys, and the one place where signatures are verified.

use std::sync::Arc;

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::signature::{self, ParsedPublicKey, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::algorithm::Algorithm;
use crate::limits;

/// The kind of a key, as far as rules on keys care (A53, C15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA with a modulus of so many bits.
    Rsa {
        /// Bits of the modulus.
        bits: usize,
    },
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a SubjectPublicKeyInfo, or one whose content does not decode.
    #[error("the public key does not decode")]
    Malformed,
    /// RSA below 2048 bits or above 8192.
    #[error("an RSA key must have 2048 to 8192 bits")]
    RsaSize,
    /// RSA with an exponent that is even or below 3.
    #[error("the RSA exponent is not usable")]
    RsaExponent,
    /// Neither RSA nor P-256 nor P-384.
    #[error("the key is neither RSA nor on P-256 or P-384")]
    Kind,
}

/// A signature that does not verify. Says no more: what failed is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// A public key of an accepted kind and size, decoded once.
#[derive(Clone, Debug)]
pub struct PublicKey(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: KeyKind,
    /// SubjectPublicKeyInfo in DER.
    spki: Vec<u8>,
    /// What the verifier wants: RSAPublicKey in DER, or an uncompressed point.
    raw: Vec<u8>,
    jwk: Jwk,
    fingerprint: [u8; 32],
}

/// A public key as a JWK (RFC 7517), as far as the thumbprint counts it (RFC 7638 §3.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kty")]
pub enum Jwk {
    /// An RSA key: exponent and modulus, base64url.
    #[serde(rename = "RSA")]
    Rsa {
        /// Public exponent.
        e: String,
        /// Modulus.
        n: String,
    },
    /// A key on an elliptic curve: curve name and coordinates, base64url.
    #[serde(rename = "EC")]
    Ec {
        /// `P-256` or `P-384`.
        crv: &'static str,
        /// X coordinate.
        x: String,
        /// Y coordinate.
        y: String,
    },
}

impl Jwk {
    /// The thumbprint of RFC 7638, base64url: our `kid`.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        // Members in lexicographic order, no white space (RFC 7638 §3).
        let canonical = match self {
            Self::Rsa { e, n } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Ec { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
        };
        URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
    }
}

/// How a certificate or CRL is signed (C15): SHA-256 or better, PKCS #1 v1.5 or ECDSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CertificateSignature {
    RsaSha256,
    RsaSha384,
    RsaSha512,
    EcdsaSha256,
    EcdsaSha384,
    EcdsaSha512,
}

impl CertificateSignature {
    /// The scheme of an AlgorithmIdentifier's OID in dotted text, `None` for anything weaker or
    /// unknown.
    #[must_use]
    pub fn from_oid(oid: &str) -> Option<Self> {
        match oid {
            "1.2.840.113549.1.1.11" => Some(Self::RsaSha256),
            "1.2.840.113549.1.1.12" => Some(Self::RsaSha384),
            "1.2.840.113549.1.1.13" => Some(Self::RsaSha512),
            "1.2.840.10045.4.3.2" => Some(Self::EcdsaSha256),
            "1.2.840.10045.4.3.3" => Some(Self::EcdsaSha384),
            "1.2.840.10045.4.3.4" => Some(Self::EcdsaSha512),
            _ => None,
        }
    }

    /// The digest that the scheme signs.
    pub(crate) fn digest(self, message: &[u8]) -> Digest {
        let algorithm = match self {
            Self::RsaSha256 | Self::EcdsaSha256 => &digest::SHA256,
            Self::RsaSha384 | Self::EcdsaSha384 => &digest::SHA384,
            Self::RsaSha512 | Self::EcdsaSha512 => &digest::SHA512,
        };
        digest::digest(algorithm, message)
    }
}

impl PublicKey {
    /// Decodes a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) and checks kind and size (C15).
    ///
    /// # Errors
    /// If it does not decode, or the key is of a kind or size that is not accepted.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let (rest, info) = SubjectPublicKeyInfo::from_der(der).map_err(|_| KeyError::Malformed)?;
        if !rest.is_empty() || info.subject_public_key.unused_bits != 0 {
            return Err(KeyError::Malformed);
        }
        let raw = info.subject_public_key.data.as_ref();
        let (kind, jwk) = match info.parsed().map_err(|_| KeyError::Malformed)? {
            Parsed::RSA(rsa) => {
                let modulus = strip_zeros(rsa.modulus);
                let exponent = strip_zeros(rsa.exponent);
                let bits = bit_length(modulus);
                if !(limits::RSA_MIN_BITS..=limits::RSA_MAX_BITS).contains(&bits) {
                    return Err(KeyError::RsaSize);
                }
                match exponent {
                    [] | [1] => return Err(KeyError::RsaExponent),
                    [.., last] if last % 2 == 0 => return Err(KeyError::RsaExponent),
                    _ => {}
                }
                let jwk = Jwk::Rsa {
                    e: URL_SAFE_NO_PAD.encode(exponent),
                    n: URL_SAFE_NO_PAD.encode(modulus),
                };
                (KeyKind::Rsa { bits }, jwk)
            }
            Parsed::EC(_) => {
                let curve = info
                    .algorithm
                    .parameters
                    .as_ref()
                    .and_then(|any| any.as_oid().ok())
                    .map(|oid| oid.to_id_string());
                let (kind, crv, size) = match curve.as_deref() {
                    Some("1.2.840.10045.3.1.7") => (KeyKind::P256, "P-256", 32),
                    Some("1.3.132.0.34") => (KeyKind::P384, "P-384", 48),
                    _ => return Err(KeyError::Kind),
                };
                let coordinates = match raw.split_first() {
                    Some((4, coordinates)) if coordinates.len() == 2 * size => coordinates,
                    _ => return Err(KeyError::Malformed),
                };
                let (x, y) = coordinates.split_at(size);
                let jwk = Jwk::Ec {
                    crv,
                    x: URL_SAFE_NO_PAD.encode(x),
                    y: URL_SAFE_NO_PAD.encode(y),
                };
                (kind, jwk)
            }
            _ => return Err(KeyError::Kind),
        };
        // The verifier's own, strict reading: among other things that a point lies on its curve.
        match kind {
            KeyKind::Rsa { .. } => {
                ParsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, der)
            }
            KeyKind::P256 => ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, der),
            KeyKind::P384 => ParsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, der),
        }
        .map_err(|_| KeyError::Malformed)?;
        Ok(Self(Arc::new(Inner {
            kind,
            spki: der.to_vec(),
            raw: raw.to_vec(),
            jwk,
            fingerprint: Sha256::digest(der).into(),
        })))
    }

    /// Kind and size.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.0.kind
    }

    /// SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.0.spki
    }

    /// subjectPublicKey without tag, length and count of unused bits: what a key hash of OCSP is
    /// over (RFC 6960 §4.1.1).
    pub(crate) fn bit_string(&self) -> &[u8] {
        &self.0.raw
    }

    /// SHA-256 of the SubjectPublicKeyInfo.
    #[must_use]
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.0.fingerprint
    }

    /// The key as a JWK, without `kid`, `use` and `alg`.
    #[must_use]
    pub fn jwk(&self) -> &Jwk {
        &self.0.jwk
    }

    /// Verifies a JWS signature (RFC 7515 §5.2; an ECDSA signature is raw R‖S, RFC 7518 §3.4).
    ///
    /// # Errors
    /// If the algorithm does not fit the key, or the signature is not its own (A53, C02).
    pub fn verify_jws(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        if !algorithm.fits(self) {
            return Err(BadSignature);
        }
        self.verify(
            match algorithm {
                Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
                Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            },
            message,
            signature,
        )
    }

    /// Verifies the signature of a certificate or CRL (RFC 5280 §4.1.1.3; C15).
    ///
    /// # Errors
    /// If the scheme does not fit the key, or the signature is not its own.
    pub fn verify_certificate(
        &self,
        scheme: CertificateSignature,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let algorithm = self.certificate_algorithm(scheme).ok_or(BadSignature)?;
        self.verify(algorithm, message, signature)
    }

    /// [`PublicKey::verify_certificate`] for what is too long to be kept: by the digest that
    /// [`CertificateSignature::digest`] made of it.
    pub(crate) fn verify_digest(
        &self,
        scheme: CertificateSignature,
        digest: &Digest,
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        self.certificate_algorithm(scheme)
            .ok_or(BadSignature)?
            .verify_digest_sig(&self.0.raw, digest, signature)
            .map_err(|_| BadSignature)
    }

    fn certificate_algorithm(
        &self,
        scheme: CertificateSignature,
    ) -> Option<&'static dyn VerificationAlgorithm> {
        use CertificateSignature as Scheme;
        Some(match (self.kind(), scheme) {
            (KeyKind::Rsa { .. }, Scheme::RsaSha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (KeyKind::Rsa { .. }, Scheme::RsaSha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (KeyKind::Rsa { .. }, Scheme::RsaSha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (KeyKind::P256, Scheme::EcdsaSha256) => &signature::ECDSA_P256_SHA256_ASN1,
            (KeyKind::P256, Scheme::EcdsaSha384) => &signature::ECDSA_P256_SHA384_ASN1,
            (KeyKind::P256, Scheme::EcdsaSha512) => &signature::ECDSA_P256_SHA512_ASN1,
            (KeyKind::P384, Scheme::EcdsaSha256) => &signature::ECDSA_P384_SHA256_ASN1,
            (KeyKind::P384, Scheme::EcdsaSha384) => &signature::ECDSA_P384_SHA384_ASN1,
            (KeyKind::P384, Scheme::EcdsaSha512) => &signature::ECDSA_P384_SHA512_ASN1,
            _ => return None,
        })
    }

    fn verify(
        &self,
        algorithm: &'static dyn VerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        UnparsedPublicKey::new(algorithm, &self.0.raw)
            .verify(message, signature)
            .map_err(|_| BadSignature)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.spki == other.0.spki
    }
}

impl Eq for PublicKey {}

fn strip_zeros(mut bytes: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

fn bit_length(bytes: &[u8]) -> usize {
    match bytes {
        [] => 0,
        [first, rest @ ..] => rest.len() * 8 + (8 - first.leading_zeros() as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_that_of_rfc_7638() {
        // RFC 7638 §3.1
        let jwk = Jwk::Rsa {
            e: "AQAB".to_owned(),
            n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw".to_owned(),
        };
        assert_eq!(
            jwk.thumbprint(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }

    #[test]
    fn bit_lengths_count_from_the_first_set_bit() {
        assert_eq!(bit_length(strip_zeros(&[0, 0, 1, 0])), 9);
        assert_eq!(bit_length(strip_zeros(&[0x80])), 8);
        assert_eq!(bit_length(strip_zeros(&[0, 0])), 0);
    }

    /// Proves: C15
    #[test]
    fn a_point_off_its_curve_is_no_key() {
        for kind in [udap_testkit::KeyKind::P256, udap_testkit::KeyKind::P384] {
            let mut spki = udap_testkit::TestKey::generate(kind).spki_der().to_vec();
            assert!(PublicKey::from_spki(&spki).is_ok(), "{kind:?}");
            *spki.last_mut().unwrap() ^= 1;
            assert_eq!(
                PublicKey::from_spki(&spki),
                Err(KeyError::Malformed),
                "{kind:?}"
            );
            *spki.last_mut().unwrap() ^= 1;
            spki[0] = 0x70;
            assert_eq!(
                PublicKey::from_spki(&spki),
                Err(KeyError::Malformed),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn rubbish_is_no_key() {
        for rubbish in [&b""[..], b"\x30\x00", b"\x30\x80", &[0xff; 300]] {
            assert_eq!(PublicKey::from_spki(rubbish), Err(KeyError::Malformed));
        }
    }
}
