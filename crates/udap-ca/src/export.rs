//! Certificates in the forms that other programs read (J13).

use std::collections::BTreeMap;

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use openssl::{
    hash::MessageDigest, nid::Nid, pkcs12::Pkcs12, pkey::PKey, stack::Stack, x509::X509,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use x509_parser::{
    certificate::X509Certificate, prelude::FromDer as _, public_key::PublicKey as ParsedKey,
};

use crate::{Error, KeyAlgorithm, Passphrase, PrivateKey, PublicKey, authority::to_pem};

/// Rounds of PBKDF2 and of the MAC's key derivation. What OWASP asks of SHA-256 would keep Java's
/// keytool busy for seconds, twice for each key: this file travels once, under a password of its own.
const PKCS12_ROUNDS: u32 = 100_000;
/// What old programs bear.
const LEGACY_ROUNDS: u32 = 2048;

/// How a PKCS#12 file is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pkcs12Style {
    /// PBES2 with AES-256 and a SHA-256 MAC: OpenSSL, Java from 8u301, Windows from Server 2019.
    Modern,
    /// Triple DES and a SHA-1 MAC, for older ones. Anyone can try passwords fast: keep it for moments.
    Legacy,
}

/// Certificates in PEM, in their order.
#[must_use]
pub fn pem_chain(chain: &[Vec<u8>]) -> String {
    chain.iter().map(|der| to_pem(der)).collect()
}

/// The value of a JOSE header's `x5c` (RFC 7515 §4.1.6).
#[must_use]
pub fn x5c(chain: &[Vec<u8>]) -> Vec<String> {
    chain
        .iter()
        .map(|der| BASE64_STANDARD.encode(der))
        .collect()
}

/// A JSON Web Key Set (RFC 7517 §5) with the leaf's key. Its `kid` is the key's thumbprint (RFC 7638).
///
/// # Errors
/// [`Error::Unreadable`] if the first certificate is none, or its key of no [`KeyAlgorithm`].
pub fn jwks(chain: &[Vec<u8>]) -> Result<Value, Error> {
    let unreadable = || Error::Unreadable {
        what: "certificate",
    };
    let leaf = chain.first().ok_or_else(unreadable)?;
    let algorithm = PublicKey::of_certificate(leaf)?.algorithm();
    let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_| unreadable())?;
    let octets = |octets: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(octets);
    // Required members only: what the thumbprint is made of.
    let mut key = match parsed.public_key().parsed().map_err(|_| unreadable())? {
        ParsedKey::RSA(rsa) => json!({
            "e": octets(without_zeros(rsa.exponent)),
            "kty": "RSA",
            "n": octets(without_zeros(rsa.modulus)),
        }),
        ParsedKey::EC(point) => {
            let Some((4, coordinates)) =
                point.data().split_first().map(|(form, rest)| (*form, rest))
            else {
                return Err(unreadable());
            };
            let (x, y) = coordinates.split_at(coordinates.len() / 2);
            let curve = if algorithm == KeyAlgorithm::P256 {
                "P-256"
            } else {
                "P-384"
            };
            json!({ "crv": curve, "kty": "EC", "x": octets(x), "y": octets(y) })
        }
        _ => return Err(unreadable()),
    };
    let thumbprint = thumbprint(&key);
    let signs_with = match algorithm {
        KeyAlgorithm::P256 => "ES256",
        KeyAlgorithm::P384 => "ES384",
        _ => "RS256",
    };
    key["alg"] = signs_with.into();
    key["kid"] = thumbprint.into();
    key["use"] = "sig".into();
    key["x5c"] = x5c(chain).into();
    Ok(json!({ "keys": [key] }))
}

/// The thumbprint of a key with its required members only, which are taken in the order of their names
/// (RFC 7638 §3.3): `serde_json` has another if some crate of the program asks it to.
fn thumbprint(key: &Value) -> String {
    let members: BTreeMap<_, _> = key.as_object().into_iter().flatten().collect();
    let members: Vec<String> = members
        .into_iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
        .collect();
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{{{}}}", members.join(","))))
}

fn without_zeros(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
    octets.get(zeros..).unwrap_or_default()
}

/// Certificates and the first one's key as PKCS#12 (RFC 7292), under a password.
///
/// # Errors
/// [`Error::KeyMismatch`] if the key is not the first certificate's; [`Error::Unreadable`];
/// [`Error::Crypto`].
pub fn pkcs12(
    chain: &[Vec<u8>],
    key: &PrivateKey,
    name: &str,
    password: &Passphrase,
    style: Pkcs12Style,
) -> Result<Vec<u8>, Error> {
    let Some((leaf, above)) = chain.split_first() else {
        return Err(Error::Unreadable {
            what: "certificate",
        });
    };
    if PublicKey::of_certificate(leaf)? != *key.public_key() {
        return Err(Error::KeyMismatch);
    }
    let pkey = PKey::private_key_from_pkcs8(key.pkcs8_der())?;
    let mut authorities = Stack::new()?;
    for der in above {
        authorities.push(X509::from_der(der)?)?;
    }
    let leaf = X509::from_der(leaf)?;
    let mut builder = Pkcs12::builder();
    builder.name(name).pkey(&pkey).cert(&leaf).ca(authorities);
    match style {
        Pkcs12Style::Modern => builder
            .key_algorithm(Nid::AES_256_CBC)
            .cert_algorithm(Nid::AES_256_CBC)
            .key_iter(PKCS12_ROUNDS)
            .mac_iter(PKCS12_ROUNDS)
            .mac_md(MessageDigest::sha256()),
        Pkcs12Style::Legacy => builder
            .key_algorithm(Nid::PBE_WITHSHA1AND3_KEY_TRIPLEDES_CBC)
            .cert_algorithm(Nid::PBE_WITHSHA1AND3_KEY_TRIPLEDES_CBC)
            .key_iter(LEGACY_ROUNDS)
            .mac_iter(LEGACY_ROUNDS)
            .mac_md(MessageDigest::sha1()),
    };
    Ok(builder.build2(password.as_str())?.to_der()?)
}

impl From<openssl::error::ErrorStack> for Error {
    fn from(error: openssl::error::ErrorStack) -> Self {
        Self::Crypto(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7638 §3.1.
    #[test]
    fn the_thumbprint_is_over_the_required_members_in_order() {
        let key = json!({ "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
            "e": "AQAB", "kty": "RSA" });
        assert_eq!(
            thumbprint(&key),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }
}
