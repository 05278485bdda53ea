//! X.509 certificates, decoded once.

mod cache;
mod extensions;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use x509_parser::asn1_rs::Any;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::x509::{X509Name, X509Version};

pub(crate) use self::cache::CertificateCache;
use self::extensions::Extensions;
pub use self::extensions::KeyUsage;
pub(crate) use self::extensions::Load;
use crate::key::{BadSignature, CertificateSignature, KeyError, PublicKey};
use crate::limits;
use crate::trust::distribution_point::DistributionPoint;
use crate::trust::name::NameKey;

/// Why bytes are not a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Longer than [`limits::CERTIFICATE_BYTES`].
    #[error("the certificate is longer than 16 KB")]
    TooLong,
    /// Not one DER certificate, or something follows it.
    #[error("not a certificate in DER")]
    Malformed,
    /// Not X.509 version 3.
    #[error("the certificate is not of X.509 version 3")]
    Version,
    /// A PEM block does not decode.
    #[error("not PEM")]
    Pem,
    /// There is no certificate in the file.
    #[error("no certificate found")]
    Missing,
}

/// Why a certificate that decodes is still no part of any path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CertificateFlaw {
    /// One extension stands there twice (RFC 5280 §4.2).
    #[error("an extension is repeated")]
    DuplicateExtension,
    /// A known extension does not decode.
    #[error("an extension does not decode")]
    UndecodableExtension,
    /// A DNS name, e-mail address, URI or IP address in subjectAltName is malformed.
    #[error("a subject alternative name is malformed")]
    MalformedName,
    /// The signature algorithm inside differs from the one outside (RFC 5280 §4.1.1.2).
    #[error("the two signature algorithms differ")]
    AlgorithmMismatch,
}

/// One X.509 version 3 certificate. Cheap to clone; equal if the DER is.
///
/// That it decodes says nothing about whether it can be trusted, nor about its key: those are
/// matters of [`crate::trust`].
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    fingerprint: [u8; 32],
    /// Where the signed part lies in `der`.
    tbs: std::ops::Range<usize>,
    signature: Vec<u8>,
    scheme: Option<CertificateSignature>,
    flaw: Option<CertificateFlaw>,
    serial: Vec<u8>,
    issuer: Name,
    subject: Name,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    key: Result<PublicKey, KeyError>,
    spki_hash: [u8; 32],
    extensions: Extensions,
}

struct Name {
    der: Vec<u8>,
    text: String,
    key: NameKey,
}

impl Certificate {
    /// Decodes one certificate.
    ///
    /// # Errors
    /// If it is longer than [`limits::CERTIFICATE_BYTES`], not DER, followed by anything, or not of
    /// version 3 (C03, C04).
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > limits::CERTIFICATE_BYTES {
            return Err(CertificateError::TooLong);
        }
        // The parser does not look at a tag's class, and this one is not signed: one certificate
        // would have several fingerprints.
        if der.first() != Some(&0x30) {
            return Err(CertificateError::Malformed);
        }
        let (rest, parsed) =
            X509Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        if !rest.is_empty() || parsed.signature_value.unused_bits != 0 {
            return Err(CertificateError::Malformed);
        }
        let [inner_algorithm, outer_algorithm] =
            algorithms(der).ok_or(CertificateError::Malformed)?;
        let tbs = &parsed.tbs_certificate;
        if tbs.version != X509Version::V3 {
            return Err(CertificateError::Version);
        }
        // The signed part is the first element inside the outer SEQUENCE.
        let signed: &[u8] = tbs.as_ref();
        let start = (signed.as_ptr() as usize)
            .checked_sub(der.as_ptr() as usize)
            .ok_or(CertificateError::Malformed)?;
        let mut flaw =
            (inner_algorithm != outer_algorithm).then_some(CertificateFlaw::AlgorithmMismatch);
        let extensions = match Extensions::read(tbs.extensions()) {
            (extensions, None) => extensions,
            (extensions, found) => {
                flaw = found;
                extensions
            }
        };
        Ok(Self(Arc::new(Inner {
            fingerprint: Sha256::digest(der).into(),
            tbs: start..start + signed.len(),
            signature: parsed.signature_value.data.to_vec(),
            scheme: CertificateSignature::from_oid(
                &parsed.signature_algorithm.algorithm.to_id_string(),
            ),
            flaw,
            serial: tbs.raw_serial().to_vec(),
            issuer: Name::of(tbs.issuer()),
            subject: Name::of(tbs.subject()),
            not_before: tbs.validity().not_before.to_datetime(),
            not_after: tbs.validity().not_after.to_datetime(),
            key: PublicKey::from_spki(tbs.subject_pki.raw),
            spki_hash: Sha256::digest(tbs.subject_pki.raw).into(),
            extensions,
            der: der.to_vec(),
        })))
    }

    /// Decodes the certificates of a PEM file, in order; blocks of other kinds are passed over. One
    /// certificate in DER is taken too.
    ///
    /// # Errors
    /// If a block is broken, a certificate does not decode, or there is none.
    pub fn from_pem_bundle(bytes: &[u8]) -> Result<Vec<Self>, CertificateError> {
        if bytes.first() == Some(&0x30)
            && let Ok(certificate) = Self::from_der(bytes)
        {
            return Ok(vec![certificate]);
        }
        let mut certificates = Vec::new();
        for block in Pem::iter_from_buffer(bytes) {
            let block = block.map_err(|_| CertificateError::Pem)?;
            if matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE") {
                certificates.push(Self::from_der(&block.contents)?);
            }
        }
        if certificates.is_empty() {
            // Bytes that look like DER are explained as such.
            return match bytes.first() {
                Some(0x30) => Self::from_der(bytes).map(|certificate| vec![certificate]),
                _ => Err(CertificateError::Missing),
            };
        }
        Ok(certificates)
    }

    /// Decodes certificates in DER, back to back.
    ///
    /// # Errors
    /// If anything among them is no certificate.
    pub fn from_der_sequence(mut bytes: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let mut certificates = Vec::new();
        while !bytes.is_empty() {
            let (rest, _) = Any::from_der(bytes).map_err(|_| CertificateError::Malformed)?;
            let (der, _) = bytes.split_at(bytes.len().saturating_sub(rest.len()));
            certificates.push(Self::from_der(der)?);
            bytes = rest;
        }
        Ok(certificates)
    }

    /// The certificate as it was given.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// SHA-256 of the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.0.fingerprint
    }

    /// The subject's distinguished name in DER.
    #[must_use]
    pub fn subject_der(&self) -> &[u8] {
        &self.0.subject.der
    }

    /// The issuer's distinguished name in DER.
    #[must_use]
    pub fn issuer_der(&self) -> &[u8] {
        &self.0.issuer.der
    }

    /// The subject for people; never to be compared.
    #[must_use]
    pub fn subject_text(&self) -> &str {
        &self.0.subject.text
    }

    /// The issuer for people; never to be compared.
    #[must_use]
    pub fn issuer_text(&self) -> &str {
        &self.0.issuer.text
    }

    /// The serial number: the content octets of the INTEGER, sign octet included.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.0.serial
    }

    /// The serial number in lower-case hexadecimal.
    #[must_use]
    pub fn serial_hex(&self) -> String {
        hex::encode(&self.0.serial)
    }

    /// SHA-256 of the issuer's name in a form that is equal for equal names (RFC 5280 §7.1): a key
    /// for tables, as [`Crl::issuer_hash`](crate::trust::Crl::issuer_hash).
    #[must_use]
    pub fn issuer_hash(&self) -> [u8; 32] {
        self.0.issuer.key.digest()
    }

    /// The first instant of its validity.
    #[must_use]
    pub fn not_before(&self) -> OffsetDateTime {
        self.0.not_before
    }

    /// The last instant of its validity.
    #[must_use]
    pub fn not_after(&self) -> OffsetDateTime {
        self.0.not_after
    }

    /// The subject's key.
    ///
    /// # Errors
    /// If the key is of a kind or size that is not accepted (C15).
    pub fn key(&self) -> Result<&PublicKey, KeyError> {
        self.0.key.as_ref().map_err(|error| *error)
    }

    /// Every subjectAltName entry of type URI, in order (C17).
    #[must_use]
    pub fn uri_names(&self) -> &[String] {
        &self.0.extensions.uri_names
    }

    /// Whether basicConstraints says that it is a CA's.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        self.0.extensions.is_ca
    }

    /// pathLenConstraint of basicConstraints.
    #[must_use]
    pub fn path_len(&self) -> Option<u32> {
        self.0.extensions.path_len
    }

    /// keyUsage, if there is one.
    #[must_use]
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.extensions.key_usage
    }

    /// subjectKeyIdentifier.
    #[must_use]
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.0.extensions.subject_key_id.as_deref()
    }

    /// keyIdentifier of authorityKeyIdentifier.
    #[must_use]
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.0.extensions.authority_key_id.as_deref()
    }

    /// Where its issuer's certificate can be fetched (caIssuers of authorityInfoAccess).
    #[must_use]
    pub fn ca_issuers(&self) -> &[String] {
        &self.0.extensions.ca_issuers
    }

    /// The OCSP responders that it names.
    #[must_use]
    pub fn ocsp_responders(&self) -> &[String] {
        &self.0.extensions.ocsp_responders
    }

    /// The URLs of its CRL distribution points, in order.
    #[must_use]
    pub fn crl_distribution_points(&self) -> &[String] {
        &self.0.extensions.point_urls
    }

    /// Whether subject and issuer are one name (RFC 5280 §3.2).
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.0.subject.key == self.0.issuer.key
    }

    /// Whether it is self-issued and signed with its own key.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued()
            && self
                .key()
                .is_ok_and(|key| self.verify_issued_by(key).is_ok())
    }

    /// How it is signed; `None` for a scheme that is not accepted (C15).
    #[must_use]
    pub fn signature_scheme(&self) -> Option<CertificateSignature> {
        self.0.scheme
    }

    /// The bytes that are signed.
    #[must_use]
    pub fn tbs(&self) -> &[u8] {
        self.0.der.get(self.0.tbs.clone()).unwrap_or_default()
    }

    /// The signature's octets.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.0.signature
    }

    /// Verifies that `key` signed it. Says nothing about names, validity or rights.
    ///
    /// # Errors
    /// If the scheme is not accepted or the signature is not that key's.
    pub fn verify_issued_by(&self, key: &PublicKey) -> Result<(), BadSignature> {
        let scheme = self.0.scheme.ok_or(BadSignature)?;
        key.verify_certificate(scheme, self.tbs(), &self.0.signature)
    }

    /// Whether it can stand in a path at all, wherever it stands.
    ///
    /// # Errors
    /// What is wrong with its encoding.
    pub fn well_formed(&self) -> Result<(), CertificateFlaw> {
        self.0.flaw.map_or(Ok(()), Err)
    }

    /// Whether `at` lies within its validity, both ends included (C11: no skew).
    #[must_use]
    pub fn is_valid_at(&self, at: OffsetDateTime) -> bool {
        self.0.not_before <= at && at <= self.0.not_after
    }

    pub(crate) fn subject_key(&self) -> &NameKey {
        &self.0.subject.key
    }

    pub(crate) fn issuer_key(&self) -> &NameKey {
        &self.0.issuer.key
    }

    /// SHA-256 of the SubjectPublicKeyInfo, whatever key it holds.
    pub(crate) fn spki_hash(&self) -> &[u8; 32] {
        &self.0.spki_hash
    }

    pub(crate) fn load(&self) -> Load {
        self.0.extensions.load
    }

    pub(crate) fn distribution_points(&self) -> &[DistributionPoint] {
        &self.0.extensions.points
    }
}

/// The signed and the unsigned algorithm identifier, octet by octet. `None` if the certificate is not
/// made of SEQUENCE, SEQUENCE and BIT STRING by their plain tags. The parser takes what is not signed
/// under other tags too, and one certificate would have several fingerprints.
fn algorithms(der: &[u8]) -> Option<[&[u8]; 2]> {
    let [signed, algorithm, signature] = elements(Any::from_der(der).ok()?.1.data)?;
    if signed.first() != Some(&0x30)
        || algorithm.first() != Some(&0x30)
        || signature.first() != Some(&0x03)
    {
        return None;
    }
    let inside = Any::from_der(signed).ok()?.1.data;
    // version, serialNumber, signature
    let (rest, _) = Any::from_der(inside).ok()?;
    let (rest, _) = Any::from_der(rest).ok()?;
    let (after, _) = Any::from_der(rest).ok()?;
    let (inner, _) = rest.split_at(rest.len().saturating_sub(after.len()));
    Some([inner, algorithm])
}

/// Exactly three elements, each with its tag.
fn elements(mut rest: &[u8]) -> Option<[&[u8]; 3]> {
    let mut next = || {
        let (after, _) = Any::from_der(rest).ok()?;
        let (element, _) = rest.split_at(rest.len().saturating_sub(after.len()));
        rest = after;
        Some(element)
    };
    let elements = [next()?, next()?, next()?];
    rest.is_empty().then_some(elements)
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl std::hash::Hash for Certificate {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.fingerprint.hash(state);
    }
}

/// Subject and fingerprint: enough to recognise it in a log.
impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Certificate")
            .field("subject", &self.subject_text())
            .field("fingerprint", &hex::encode(self.fingerprint()))
            .finish_non_exhaustive()
    }
}

impl Name {
    fn of(name: &X509Name<'_>) -> Self {
        Self {
            der: name.as_raw().to_vec(),
            text: name
                .to_string()
                .chars()
                .map(|character| {
                    if character.is_control() {
                        '?'
                    } else {
                        character
                    }
                })
                .collect(),
            key: NameKey::of(name),
        }
    }
}
