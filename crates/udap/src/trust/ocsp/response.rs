//! The response as it stands, before anything of it is believed (RFC 6960 §4.2.1).

use time::OffsetDateTime;
use x509_parser::asn1_rs::{FromDer, Oid, Tag};
use x509_parser::x509::{AlgorithmIdentifier, X509Name};

use super::error::{OcspError, ResponderRefusal};
use super::fields::Fields;
use super::id::CertId;
use crate::key::{BadSignature, CertificateSignature, PublicKey};
use crate::limits;
use crate::trust::crl::Reason;
use crate::trust::name::NameKey;

const BASIC: &str = "1.3.6.1.5.5.7.48.1.1";

/// Who says that it signed.
pub(super) enum ResponderId<'a> {
    Name(NameKey),
    /// SHA-1 of the key.
    Key(&'a [u8]),
}

/// CertStatus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CertStatus {
    Good,
    Revoked(Reason),
    Unknown,
}

/// SingleResponse.
pub(super) struct Single<'a> {
    pub(super) id: CertId<'a>,
    pub(super) status: CertStatus,
    pub(super) this_update: OffsetDateTime,
    pub(super) next_update: Option<OffsetDateTime>,
    pub(super) is_understood: bool,
}

/// BasicOCSPResponse, decoded and not verified.
pub(super) struct BasicResponse<'a> {
    signed: &'a [u8],
    scheme: Option<CertificateSignature>,
    signature: &'a [u8],
    /// In DER, not decoded: most responses need none.
    pub(super) certificates: Vec<&'a [u8]>,
    pub(super) responder: ResponderId<'a>,
    pub(super) produced_at: OffsetDateTime,
    pub(super) singles: Vec<Single<'a>>,
    pub(super) is_understood: bool,
}

impl<'a> BasicResponse<'a> {
    /// Reads an OCSPResponse that nothing follows.
    pub(super) fn read(der: &'a [u8]) -> Result<Self, OcspError> {
        if der.len() > limits::OCSP_BYTES {
            return Err(OcspError::TooLong);
        }
        let (kind, basic) = envelope(der)?;
        if kind.to_id_string() != BASIC {
            return Err(OcspError::Type);
        }
        let (response, certificates) = signed(basic).ok_or(OcspError::Malformed)?;
        let is_too_many = response.singles.len() > limits::OCSP_STATUSES
            || certificates.len() > limits::OCSP_CERTIFICATES;
        if is_too_many {
            return Err(OcspError::TooMany);
        }
        Ok(Self {
            certificates,
            ..response
        })
    }

    /// Whether `key` signed it, in a way that is accepted (C15).
    pub(super) fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        let scheme = self.scheme.ok_or(BadSignature)?;
        key.verify_certificate(scheme, self.signed, self.signature)
    }
}

/// OCSPResponse: type and content of the response in it.
fn envelope(der: &[u8]) -> Result<(Oid<'_>, &[u8]), OcspError> {
    let mut fields = Fields::of_whole(der).ok_or(OcspError::Malformed)?;
    match fields.universal(Tag::Enumerated) {
        Some([0]) => {}
        Some([code]) => return Err(OcspError::Refused(ResponderRefusal::from_code(*code))),
        _ => return Err(OcspError::Malformed),
    }
    response_bytes(fields).ok_or(OcspError::Malformed)
}

fn response_bytes(mut fields: Fields<'_>) -> Option<(Oid<'_>, &[u8])> {
    let mut wrapped = fields.explicit(0)??;
    fields.end()?;
    let mut bytes = wrapped.sequence()?;
    wrapped.end()?;
    let (rest, kind) = Oid::from_der(bytes.0).ok()?;
    bytes.0 = rest;
    let content = bytes.universal(Tag::OctetString)?;
    bytes.end()?;
    Some((kind, content))
}

/// BasicOCSPResponse, and the certificates that it brings.
fn signed(der: &[u8]) -> Option<(BasicResponse<'_>, Vec<&[u8]>)> {
    let mut fields = Fields::of_whole(der)?;
    let signed = fields.raw()?;
    let (rest, algorithm) = AlgorithmIdentifier::from_der(fields.0).ok()?;
    fields.0 = rest;
    let (unused_bits, signature) = fields.universal(Tag::BitString)?.split_first()?;
    if *unused_bits != 0 {
        return None;
    }
    let mut certificates = Vec::new();
    if let Some(mut wrapped) = fields.explicit(0)? {
        let mut list = wrapped.sequence()?;
        wrapped.end()?;
        while !list.is_empty() {
            certificates.push(list.raw()?);
        }
    }
    fields.end()?;
    let scheme = CertificateSignature::from_oid(&algorithm.algorithm.to_id_string());
    Some((data(signed, scheme, signature)?, certificates))
}

/// ResponseData.
fn data<'a>(
    signed: &'a [u8],
    scheme: Option<CertificateSignature>,
    signature: &'a [u8],
) -> Option<BasicResponse<'a>> {
    let mut fields = Fields::of_whole(signed)?;
    if let Some(mut version) = fields.explicit(0)? {
        // v1 is the default and the only one; some write it out all the same.
        if version.universal(Tag::Integer)? != [0] {
            return None;
        }
        version.end()?;
    }
    let responder = match fields.choice()? {
        (1, true, name) => {
            let (rest, name) = X509Name::from_der(name).ok()?;
            rest.is_empty()
                .then(|| ResponderId::Name(NameKey::of(&name)))?
        }
        (2, true, key) => {
            let mut key = Fields(key);
            let hash = key.universal(Tag::OctetString)?;
            key.end()?;
            ResponderId::Key(hash)
        }
        _ => return None,
    };
    let produced_at = fields.time()?;
    let mut list = fields.sequence()?;
    let mut singles = Vec::new();
    while !list.is_empty() {
        singles.push(single(list.sequence()?)?);
    }
    let is_understood = fields.extensions(1)?;
    fields.end()?;
    Some(BasicResponse {
        signed,
        scheme,
        signature,
        certificates: Vec::new(),
        responder,
        produced_at,
        singles,
        is_understood,
    })
}

fn single(mut fields: Fields<'_>) -> Option<Single<'_>> {
    let single = Single {
        id: CertId::read(fields.sequence()?)?,
        status: status(&mut fields)?,
        this_update: fields.time()?,
        next_update: match fields.explicit(0)? {
            None => None,
            Some(mut wrapped) => {
                let time = wrapped.time()?;
                wrapped.end()?;
                Some(time)
            }
        },
        is_understood: fields.extensions(1)?,
    };
    fields.end()?;
    Some(single)
}

fn status(fields: &mut Fields<'_>) -> Option<CertStatus> {
    match fields.choice()? {
        (0, false, []) => Some(CertStatus::Good),
        (1, true, revoked) => {
            let mut revoked = Fields(revoked);
            // Since when does not matter (C23).
            revoked.time()?;
            let mut reason = Reason::UNSPECIFIED;
            if let Some(mut wrapped) = revoked.explicit(0)? {
                match wrapped.universal(Tag::Enumerated)? {
                    [code] => reason = Reason::from_code(*code),
                    _ => return None,
                }
                wrapped.end()?;
            }
            revoked.end()?;
            Some(CertStatus::Revoked(reason))
        }
        (2, false, []) => Some(CertStatus::Unknown),
        _ => None,
    }
}
