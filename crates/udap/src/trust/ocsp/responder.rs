//! Whether whoever signed a response may speak for the issuer (RFC 6960 §4.2.2.2).

use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

use super::error::{DelegateFlaw, OcspError};
use super::id::IdHash;
use super::response::{BasicResponse, ResponderId};
use crate::certificate::Certificate;
use crate::key::PublicKey;

/// id-pkix-ocsp-nocheck (RFC 6960 §4.2.2.2.1); its value is NULL.
const NO_CHECK: &str = "1.3.6.1.5.5.7.48.1.5";
const NULL: &[u8] = &[5, 0];

/// Verifies that the issuer signed the response, or a responder whose certificate the issuer's own
/// key signed for that purpose, which is given.
///
/// keyUsage of the issuer is not asked for digitalSignature: a key that signs certificates could
/// make itself a responder at any time.
pub(super) fn authorise(
    response: &BasicResponse<'_>,
    certificate: &Certificate,
    issuer: &Certificate,
    key: &PublicKey,
    at: OffsetDateTime,
) -> Result<Option<Certificate>, OcspError> {
    let mut reason = OcspError::Responder;
    if response.responder.is(issuer, key) {
        if response.verify(key).is_ok() {
            return Ok(None);
        }
        // A responder may bear its issuer's name.
        reason = OcspError::Signature;
    }
    for der in &response.certificates {
        // Whatever else a response brings is no concern of ours.
        let Ok(delegate) = Certificate::from_der(der) else {
            continue;
        };
        let delegate_key = match delegate.key() {
            Ok(delegate_key) => delegate_key,
            Err(error) => {
                if response.responder.is_name_of(&delegate) {
                    reason = OcspError::Delegate(DelegateFlaw::Key(error));
                }
                continue;
            }
        };
        if !response.responder.is(&delegate, delegate_key) {
            continue;
        }
        // The issuer itself, sent along.
        if delegate_key == key {
            continue;
        }
        if let Err(flaw) = check(&delegate, certificate, issuer, key, at) {
            reason = OcspError::Delegate(flaw);
        } else if response.verify(delegate_key).is_ok() {
            return Ok(Some(delegate));
        } else {
            reason = OcspError::Signature;
        }
    }
    Err(reason)
}

impl ResponderId<'_> {
    fn is(&self, certificate: &Certificate, key: &PublicKey) -> bool {
        match self {
            Self::Name(_) => self.is_name_of(certificate),
            Self::Key(hash) => IdHash::Sha1.of(key.bit_string()).as_ref() == *hash,
        }
    }

    fn is_name_of(&self, certificate: &Certificate) -> bool {
        matches!(self, Self::Name(name) if name == certificate.subject_key())
    }
}

/// Whether the issuer authorised this certificate to answer for it now.
fn check(
    delegate: &Certificate,
    certificate: &Certificate,
    issuer: &Certificate,
    key: &PublicKey,
    at: OffsetDateTime,
) -> Result<(), DelegateFlaw> {
    if delegate.issuer_key() != issuer.subject_key() || delegate.verify_issued_by(key).is_err() {
        return Err(DelegateFlaw::NotIssued);
    }
    delegate
        .well_formed()
        .map_err(|_| DelegateFlaw::Malformed)?;
    if delegate.is_ca() {
        return Err(DelegateFlaw::Ca);
    }
    if delegate.spki_hash() == certificate.spki_hash() {
        return Err(DelegateFlaw::Own);
    }
    if !delegate.is_valid_at(at) {
        return Err(DelegateFlaw::Validity);
    }
    if delegate
        .key_usage()
        .is_some_and(|usage| !usage.digital_signature())
    {
        return Err(DelegateFlaw::KeyUsage);
    }
    rights(delegate)
}

/// What its extensions say of OCSP.
fn rights(delegate: &Certificate) -> Result<(), DelegateFlaw> {
    let (_, parsed) =
        X509Certificate::from_der(delegate.der()).map_err(|_| DelegateFlaw::Malformed)?;
    let mut may_sign = false;
    let mut is_unchecked = false;
    let mut is_understood = true;
    for extension in parsed.extensions() {
        if extension.oid.to_id_string() == NO_CHECK {
            is_unchecked = extension.value == NULL;
            continue;
        }
        match extension.parsed_extension() {
            // Not anyExtendedKeyUsage: it must be named.
            ParsedExtension::ExtendedKeyUsage(usage) => may_sign = usage.ocsp_signing,
            ParsedExtension::KeyUsage(_) | ParsedExtension::BasicConstraints(_) => {}
            _ => is_understood &= !extension.critical,
        }
    }
    if !may_sign {
        Err(DelegateFlaw::Purpose)
    } else if !is_unchecked {
        Err(DelegateFlaw::Revocable)
    } else if !is_understood {
        Err(DelegateFlaw::CriticalExtension)
    } else {
        Ok(())
    }
}
