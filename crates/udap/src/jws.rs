//! JSON Web Signatures in compact form (RFC 7515), signed with the key of an X.509 certificate.
//!
//! josekit signs, serialises, and checks headers; a signature is verified by our own
//! [`PublicKey`](crate::key::PublicKey). josekit's verifiers decode the key with OpenSSL on each
//! call, which costs five times the verification, and its parser, which keeps the last of two equal
//! keys, would read a second time what ours has read.

#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use josekit::jws::{ES256, ES384, JwsContext, JwsHeader, JwsSigner, RS256, RS384};
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::certificate::{Certificate, CertificateError};
use crate::json::{self, JsonError};
use crate::x5c::{X5c, X5cError};

/// The members of a JWS header or payload.
pub type Members = Map<String, Value>;

/// Why a compact JWS is refused. All of it is `invalid_software_statement` at registration (E24),
/// except a key that is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Not three base64url parts with a JSON object as header and payload (A54).
    #[error("must be a JWT in JWS compact form")]
    NotCompact,
    /// The header or payload is no acceptable JSON object.
    #[error("the JWT's header or payload cannot be read: {0}")]
    Json(JsonError),
    /// A registered member of the header is of the wrong type.
    #[error("the JWT's header has a member of the wrong type")]
    Header,
    /// `alg` is missing, or names an algorithm that is not accepted here (A53).
    #[error("must name a signature algorithm that this server publishes")]
    Algorithm,
    /// `crit` is present: no extension is understood, and an empty list is forbidden (A54).
    #[error("may not be present: no critical header extension is supported")]
    Critical,
    /// The `x5c` header, at this entry, is refused.
    #[error("{1}")]
    X5c(Option<usize>, X5cError),
    /// The certificate's key is of a kind or size that is never accepted (C15).
    #[error("the certificate's key must be RSA of 2048 to 8192 bits, P-256 or P-384")]
    Key,
    /// `alg` does not fit the certificate's key (A53).
    #[error("does not fit the key of the certificate")]
    AlgorithmKeyMismatch,
    /// The signature does not verify with the key of `x5c[0]` (C02).
    #[error("the signature does not verify with the key of the first certificate in x5c")]
    Signature,
}

/// A JWS whose signature has been verified with the key of its own `x5c[0]`. Nothing is said yet
/// about whether that certificate is trusted.
#[derive(Clone, Debug)]
pub struct VerifiedJws {
    algorithm: Algorithm,
    x5c: X5c,
    payload: Map<String, Value>,
}

impl VerifiedJws {
    /// The signature algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The certificates that came with it.
    #[must_use]
    pub fn x5c(&self) -> &X5c {
        &self.x5c
    }

    /// The certificates alone.
    pub(crate) fn into_x5c(self) -> X5c {
        self.x5c
    }

    /// The claims. Members that are null are absent.
    #[must_use]
    pub fn payload(&self) -> &Map<String, Value> {
        &self.payload
    }
}

/// Verifies a compact JWS with the key of the first certificate of its `x5c` header (C02, A50–A55).
/// `x5u`, `jku`, `jwk` and `kid` are never followed (A55).
///
/// # Errors
/// The first check that fails, cheapest first.
pub fn verify(token: &str, accepted: &[Algorithm]) -> Result<VerifiedJws, JwsError> {
    verify_with(token, accepted, Certificate::from_der)
}

/// [`verify`] with what decodes a certificate, [`Certificate::from_der`] or an equal.
pub(crate) fn verify_with(
    token: &str,
    accepted: &[Algorithm],
    from_der: impl Fn(&[u8]) -> Result<Certificate, CertificateError>,
) -> Result<VerifiedJws, JwsError> {
    // What is signed is the first two parts as they stand (RFC 7515 §5.2).
    let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::NotCompact)?;
    let (header, payload) = signed.split_once('.').ok_or(JwsError::NotCompact)?;
    // A fourth part would lie in the payload, whose alphabet has no dot.
    let mut header = decode_part(header)?;
    let payload = decode_part(payload)?;
    let signature = decode_base64(signature)?;

    let algorithm = accepted_algorithm(&header, accepted)?;
    if header.contains_key("crit") || header.contains_key("b64") {
        return Err(JwsError::Critical);
    }
    let x5c = header.remove("x5c");
    // The types of the registered members (RFC 7515 §4.1).
    JwsHeader::from_map(header).map_err(|_| JwsError::Header)?;
    let x5c =
        X5c::decode_with(x5c.as_ref(), from_der).map_err(|(at, error)| JwsError::X5c(at, error))?;
    let key = x5c.leaf().key().map_err(|_| JwsError::Key)?;
    if !algorithm.fits(key) {
        return Err(JwsError::AlgorithmKeyMismatch);
    }
    key.verify_jws(algorithm, signed.as_bytes(), &signature)
        .map_err(|_| JwsError::Signature)?;
    Ok(VerifiedJws {
        algorithm,
        x5c,
        payload,
    })
}

/// Other asymmetric algorithms (RFC 7518 §3.1, RFC 8037 §3.1): never accepted, but whoever names
/// one may have to be told that the key behind it is at fault.
const OTHER_ASYMMETRIC: [&str; 6] = ["RS512", "ES512", "PS256", "PS384", "PS512", "EdDSA"];

fn accepted_algorithm(
    header: &Map<String, Value>,
    accepted: &[Algorithm],
) -> Result<Algorithm, JwsError> {
    let name = header
        .get("alg")
        .and_then(Value::as_str)
        .ok_or(JwsError::Algorithm)?;
    if let Some(algorithm) = Algorithm::from_name(name).filter(|one| accepted.contains(one)) {
        return Ok(algorithm);
    }
    // A key that is never accepted needs another certificate, not another algorithm
    // (decisions 9).
    if OTHER_ASYMMETRIC.contains(&name)
        && X5c::decode(header.get("x5c")).is_ok_and(|x5c| x5c.leaf().key().is_err())
    {
        return Err(JwsError::Key);
    }
    Err(JwsError::Algorithm)
}

/// The header and payload of a compact JWS, **unverified**: for showing to a person, and for a
/// client that reads back what it signed itself.
///
/// # Errors
/// If it is not in compact form.
pub fn peek(token: &str) -> Result<(Members, Members), JwsError> {
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(_), None) => {
            Ok((decode_part(header)?, decode_part(payload)?))
        }
        _ => Err(JwsError::NotCompact),
    }
}

fn decode_part(part: &str) -> Result<Map<String, Value>, JwsError> {
    json::object(&decode_base64(part)?).map_err(JwsError::Json)
}

fn decode_base64(part: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| JwsError::NotCompact)
}

/// A private key with its certificates, for signing metadata, statements and assertions.
pub struct Signer {
    algorithm: Algorithm,
    signer: Box<dyn JwsSigner + Send + Sync>,
    chain: Vec<Vec<u8>>,
}

/// Why a private key cannot sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// Not a private key in PEM (PKCS #8) of the kind that the algorithm needs.
    #[error("the private key is not a PEM key of the kind that the algorithm needs")]
    Key,
    /// The key is not that of the certificate.
    #[error("the private key does not belong to the certificate")]
    NotTheCertificates,
    /// Signing failed.
    #[error("signing failed")]
    Signing,
}

impl Signer {
    /// A signer with the key `pem` for the certificates `chain` (DER, leaf first; may be empty for
    /// a key that no certificate names). That key and leaf belong together is checked by signing
    /// once.
    ///
    /// # Errors
    /// If the key is unusable for the algorithm, or not the leaf's.
    pub fn from_pem(
        algorithm: Algorithm,
        pem: &[u8],
        chain: &[Certificate],
    ) -> Result<Self, SignerError> {
        let signer: Box<dyn JwsSigner + Send + Sync> = match algorithm {
            Algorithm::Rs256 => Box::new(RS256.signer_from_pem(pem).map_err(|_| SignerError::Key)?),
            Algorithm::Rs384 => Box::new(RS384.signer_from_pem(pem).map_err(|_| SignerError::Key)?),
            Algorithm::Es256 => Box::new(ES256.signer_from_pem(pem).map_err(|_| SignerError::Key)?),
            Algorithm::Es384 => Box::new(ES384.signer_from_pem(pem).map_err(|_| SignerError::Key)?),
        };
        if let Some(leaf) = chain.first() {
            let probe = b"key check";
            let signature = signer.sign(probe).map_err(|_| SignerError::Signing)?;
            leaf.key()
                .map_err(|_| SignerError::NotTheCertificates)?
                .verify_jws(algorithm, probe, &signature)
                .map_err(|_| SignerError::NotTheCertificates)?;
        }
        Ok(Self {
            algorithm,
            signer,
            chain: chain.iter().map(|one| one.der().to_vec()).collect(),
        })
    }

    /// The algorithm it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Signs claims as a compact JWS whose header holds `alg` and `x5c` (A27, B10), and `kid`
    /// where one is given. Without certificates `typ` says what it is.
    ///
    /// # Errors
    /// If signing fails.
    pub fn sign(
        &self,
        claims: &Map<String, Value>,
        kid: Option<&str>,
    ) -> Result<String, SignerError> {
        let mut header = JwsHeader::new();
        header.set_algorithm(self.algorithm.name());
        if self.chain.is_empty() {
            header.set_token_type("JWT");
        } else {
            let chain = self
                .chain
                .iter()
                .map(|der| Value::String(STANDARD.encode(der)))
                .collect();
            header
                .set_claim("x5c", Some(Value::Array(chain)))
                .map_err(|_| SignerError::Signing)?;
        }
        if let Some(kid) = kid {
            header.set_key_id(kid);
        }
        let payload = serde_json::to_vec(claims).map_err(|_| SignerError::Signing)?;
        JwsContext::new()
            .serialize_compact(&payload, &header, &*self.signer)
            .map_err(|_| SignerError::Signing)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Signer")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
