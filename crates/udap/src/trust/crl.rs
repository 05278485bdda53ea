//! Certificate revocation lists, decoded and indexed once (RFC 5280 §5).

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::Digest;
use sha2::Digest as _;
use time::OffsetDateTime;
use x509_parser::asn1_rs::{Any, Class, FromDer, Tag};
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::pem::Pem;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AlgorithmIdentifier, X509Name};

use super::crl_entries::{Entries, optional};
use super::distribution_point::{Scope, sequence, whole_sequence};
use super::general_name::is_one_element;
use super::name::NameKey;
use super::revocation;
use super::serials::Serials;
use crate::certificate::Certificate;
use crate::key::{BadSignature, CertificateSignature, PublicKey};
use crate::limits;

/// Keys of which is remembered whether they signed a list: those of one CA, and a few strangers.
const REMEMBERED_KEYS: usize = 16;

/// The tag that DER starts with, and no PEM does.
const DER_START: u8 = 0x30;

const DELTA_CRL_INDICATOR: &str = "2.5.29.27";

/// Why bytes are not a CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// Longer than [`limits::CRL_BYTES`].
    #[error("the CRL is longer than 64 MiB")]
    TooLong,
    /// Not one CRL in DER or PEM, or part of it cannot be read.
    #[error("not a CRL, or one that cannot be read")]
    Malformed,
}

/// CRLReason (RFC 5280 §5.3.1), as far as anything depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(u8);

impl Reason {
    pub(super) const UNSPECIFIED: Self = Self(0);
    /// In a delta CRL: no longer on hold.
    pub(super) const REMOVE_FROM_CRL: Self = Self(8);

    pub(super) fn from_code(code: u8) -> Self {
        Self(code)
    }

    pub(super) fn code(self) -> u8 {
        self.0
    }

    /// Whether an entry with this reason revokes.
    pub(super) fn revokes(self) -> bool {
        self != Self::REMOVE_FROM_CRL
    }

    /// Whether the certificate is on hold, which counts as revoked (C23).
    #[must_use]
    pub fn is_hold(self) -> bool {
        self.0 == 6
    }

    /// The name in RFC 5280.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            1 => "keyCompromise",
            2 => "cACompromise",
            3 => "affiliationChanged",
            4 => "superseded",
            5 => "cessationOfOperation",
            6 => "certificateHold",
            8 => "removeFromCRL",
            9 => "privilegeWithdrawn",
            10 => "aACompromise",
            _ => "unspecified",
        }
    }
}

/// One CRL: serial numbers sorted for binary search, not the DER.
pub struct Crl {
    fingerprint: [u8; 32],
    /// Of its DER.
    octets: usize,
    issuer: NameKey,
    issuer_text: String,
    authority_key_id: Option<Vec<u8>>,
    number: Option<Vec<u8>>,
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
    scope: Option<Scope>,
    is_delta: bool,
    /// A critical extension of list or entry that is not understood.
    has_unknown_critical: bool,
    serials: Serials,
    /// Entries, those for certificates of other issuers too.
    listed: usize,
    signed: Option<(CertificateSignature, Digest)>,
    signature: Vec<u8>,
    /// Whether a key, by fingerprint, made the signature. That never changes.
    checked: Mutex<Vec<([u8; 32], bool)>>,
}

impl Crl {
    /// Decodes and indexes one CRL in DER: a good part of a second for a million entries.
    ///
    /// # Errors
    /// If it is too long, not DER, or has an entry or known extension that does not decode.
    pub fn from_der(der: &[u8]) -> Result<Self, CrlError> {
        if der.len() > limits::CRL_BYTES {
            return Err(CrlError::TooLong);
        }
        read(der).ok_or(CrlError::Malformed)
    }

    /// Decodes one CRL in DER or PEM.
    ///
    /// # Errors
    /// As [`Crl::from_der`] and [`Crl::to_der`].
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Self, CrlError> {
        if bytes.first() == Some(&DER_START) {
            return Self::from_der(bytes);
        }
        Self::from_der(&Self::to_der(bytes.to_vec())?)
    }

    /// The DER of what may be a CRL, in DER or PEM.
    ///
    /// # Errors
    /// If it is too long, or neither DER nor PEM with exactly one block `X509 CRL`.
    pub fn to_der(bytes: Vec<u8>) -> Result<Vec<u8>, CrlError> {
        if bytes.len() > 2 * limits::CRL_BYTES {
            return Err(CrlError::TooLong);
        }
        if bytes.first() == Some(&DER_START) {
            return Ok(bytes);
        }
        let mut found = None;
        for block in Pem::iter_from_buffer(&bytes) {
            let block = block.map_err(|_| CrlError::Malformed)?;
            if block.label == "X509 CRL" && found.replace(block).is_some() {
                return Err(CrlError::Malformed);
            }
        }
        Ok(found.ok_or(CrlError::Malformed)?.contents)
    }

    /// SHA-256 of the CRL in DER.
    #[must_use]
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// Octets of the CRL in DER.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// The issuer for people; never to be compared.
    #[must_use]
    pub fn issuer_text(&self) -> &str {
        &self.issuer_text
    }

    /// SHA-256 of the issuer's name in a form that is equal for equal names (RFC 5280 §7.1): a key
    /// for tables, as [`Certificate::issuer_hash`].
    #[must_use]
    pub fn issuer_hash(&self) -> [u8; 32] {
        self.issuer.digest()
    }

    /// When it was issued.
    #[must_use]
    pub fn this_update(&self) -> OffsetDateTime {
        self.this_update
    }

    /// Until when it can be used; `None` (against RFC 5280 §5.1.2.5): not at all.
    #[must_use]
    pub fn next_update(&self) -> Option<OffsetDateTime> {
        self.next_update
    }

    /// The CRL number as a big-endian integer.
    #[must_use]
    pub fn number(&self) -> Option<&[u8]> {
        self.number.as_deref()
    }

    /// keyIdentifier of authorityKeyIdentifier.
    #[must_use]
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.as_deref()
    }

    /// Entries for certificates of its own issuer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.serials.len()
    }

    /// Entries for certificates of any issuer.
    #[must_use]
    pub fn listed(&self) -> usize {
        self.listed
    }

    /// Whether it lists nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is of use at `at`: issued, with the usual skew, and not past nextUpdate (C20).
    #[must_use]
    pub fn is_current(&self, at: OffsetDateTime) -> bool {
        self.this_update <= at + limits::CLOCK_SKEW
            && self.next_update.is_some_and(|next| at < next)
    }

    /// Whether it bears the name of the certificate's issuer. Says nothing about its signature.
    #[must_use]
    pub fn names_issuer_of(&self, certificate: &Certificate) -> bool {
        self.issuer == *certificate.issuer_key()
    }

    /// Whether it bears the name of a CA. Says nothing about its signature.
    #[must_use]
    pub fn names(&self, issuer: &Certificate) -> bool {
        self.issuer == *issuer.subject_key()
    }

    /// Whether a CA's own key, which may sign CRLs, signed it.
    #[must_use]
    pub fn is_issued_by(&self, issuer: &Certificate) -> bool {
        self.names(issuer)
            && revocation::may_sign_crls(issuer)
            && issuer.key().is_ok_and(|key| self.verify(key).is_ok())
    }

    /// Whether, and why, it lists the certificate's serial number. Of weight only if the CRL is the
    /// issuer's own: [`Crl::names_issuer_of`] and [`Crl::verify`].
    #[must_use]
    pub fn entry(&self, certificate: &Certificate) -> Option<Reason> {
        self.serials.find(certificate.serial())
    }

    /// Whether a certificate of this serial number (content octets of the INTEGER) and of the list's
    /// issuer is listed as revoked. Of the same weight as [`Crl::entry`].
    #[must_use]
    pub fn revokes_serial(&self, serial: &[u8]) -> bool {
        self.serials.find(serial).is_some_and(Reason::revokes)
    }

    /// Verifies that `key` signed it; remembered, so that a long list is checked once.
    ///
    /// # Errors
    /// If the scheme is not accepted or the signature is not that key's.
    pub fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        let verdict = |holds: bool| if holds { Ok(()) } else { Err(BadSignature) };
        let known = self
            .checked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .find(|(fingerprint, _)| fingerprint == key.fingerprint())
            .map(|(_, holds)| *holds);
        if let Some(holds) = known {
            return verdict(holds);
        }
        let (scheme, digest) = self.signed.as_ref().ok_or(BadSignature)?;
        let holds = key.verify_digest(*scheme, digest, &self.signature).is_ok();
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if checked.len() < REMEMBERED_KEYS {
            checked.push((*key.fingerprint(), holds));
        }
        verdict(holds)
    }

    /// Whether `other` is an older list of the same key about the same certificates.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.replaces(other) && !other.replaces(self)
    }

    /// Whether it replaces `other`: one key signed both, for the same scope, and this one is not
    /// older by number or date.
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        self.issuer == other.issuer
            && self.scope == other.scope
            && self.is_delta == other.is_delta
            && self.number_key() >= other.number_key()
            && self.this_update >= other.this_update
            && self.shares_signer_with(other)
    }

    fn number_key(&self) -> (usize, &[u8]) {
        let number = self.number().unwrap_or_default();
        (number.len(), number)
    }

    fn shares_signer_with(&self, other: &Self) -> bool {
        let signers = self.signers();
        other
            .signers()
            .iter()
            .any(|signer| signers.contains(signer))
    }

    /// Fingerprints of keys that are known to have signed it.
    #[must_use]
    pub fn signers(&self) -> Vec<[u8; 32]> {
        self.checked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|(_, holds)| *holds)
            .map(|(fingerprint, _)| *fingerprint)
            .collect()
    }

    pub(crate) fn issuer(&self) -> &NameKey {
        &self.issuer
    }

    pub(crate) fn scope(&self) -> Option<&Scope> {
        self.scope.as_ref()
    }

    /// Whether it says anything at all about certificates that it does not list.
    pub(crate) fn is_understood(&self) -> bool {
        !self.is_delta && !self.has_unknown_critical
    }
}

impl std::fmt::Debug for Crl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Crl")
            .field("issuer", &self.issuer_text)
            .field("this_update", &self.this_update)
            .field("entries", &self.len())
            .finish_non_exhaustive()
    }
}

/// Reads element by element: `x509-parser`'s own reader of the whole would take a list with one
/// broken entry for an empty one.
fn read(der: &[u8]) -> Option<Crl> {
    let outer = whole_sequence(der)?;
    let (after, list) = sequence(outer)?;
    let signed = outer.get(..outer.len() - after.len())?;
    let (after, algorithm) = AlgorithmIdentifier::from_der(after).ok()?;
    let (after, signature) = Any::from_der(after).ok()?;
    let (unused_bits, signature) = signature.data.split_first()?;
    if !after.is_empty() || *unused_bits != 0 {
        return None;
    }

    let (mut rest, version) = optional(list, Tag::Integer)?;
    if version.is_some_and(|version| version != [1]) {
        return None;
    }
    let inner_algorithm;
    (rest, inner_algorithm) = AlgorithmIdentifier::from_der(rest).ok()?;
    if inner_algorithm != algorithm {
        return None;
    }
    let (rest, issuer) = X509Name::from_der(rest).ok()?;
    let (mut rest, this_update) = ASN1Time::from_der(rest).ok()?;
    let mut next_update = None;
    if let Ok((after, element)) = Any::from_der(rest)
        && matches!(element.tag(), Tag::UtcTime | Tag::GeneralizedTime)
    {
        let (_, time) = ASN1Time::from_der(rest).ok()?;
        next_update = Some(time.to_datetime());
        rest = after;
    }
    let (rest, entries) = optional(rest, Tag::Sequence)?;

    let scheme = CertificateSignature::from_oid(&algorithm.algorithm.to_id_string());
    let mut crl = Crl {
        fingerprint: sha2::Sha256::digest(der).into(),
        octets: der.len(),
        issuer: NameKey::of(&issuer),
        issuer_text: issuer.to_string(),
        authority_key_id: None,
        number: None,
        this_update: this_update.to_datetime(),
        next_update,
        scope: None,
        is_delta: false,
        has_unknown_critical: false,
        serials: Serials::default(),
        listed: 0,
        signed: scheme.map(|scheme| (scheme, scheme.digest(signed))),
        signature: signature.to_vec(),
        checked: Mutex::default(),
    };
    if !rest.is_empty() {
        crl.read_extensions(rest)?;
    }
    let entries = Entries::read(entries.unwrap_or_default(), &crl.issuer)?;
    crl.has_unknown_critical |= entries.has_unknown_critical;
    crl.serials = entries.serials;
    crl.listed = entries.listed;
    Some(crl)
}

impl Crl {
    fn read_extensions(&mut self, wrapped: &[u8]) -> Option<()> {
        let (rest, explicit) = Any::from_der(wrapped).ok()?;
        if !rest.is_empty()
            || explicit.class() != Class::ContextSpecific
            || explicit.tag() != Tag(0)
        {
            return None;
        }
        let mut rest = whole_sequence(explicit.data)?;
        let mut seen = Vec::new();
        while !rest.is_empty() {
            let extension;
            (rest, extension) = X509Extension::from_der(rest).ok()?;
            if seen.contains(&extension.oid) {
                return None;
            }
            seen.push(extension.oid.clone());
            self.take_extension(&extension)?;
        }
        Some(())
    }

    fn take_extension(&mut self, extension: &X509Extension<'_>) -> Option<()> {
        match extension.parsed_extension() {
            ParsedExtension::ParseError { .. } => return None,
            ParsedExtension::UnsupportedExtension { oid } => {
                if oid.to_id_string() == DELTA_CRL_INDICATOR {
                    self.is_delta = true;
                } else if extension.critical {
                    self.has_unknown_critical = true;
                }
                return Some(());
            }
            _ if !is_one_element(extension.value) => return None,
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                self.authority_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            ParsedExtension::CRLNumber(number) => self.number = Some(number.to_bytes_be()),
            ParsedExtension::IssuingDistributionPoint(_) => {
                self.scope = Some(Scope::read(extension.value)?);
            }
            _ => self.has_unknown_critical |= extension.critical,
        }
        Some(())
    }
}
