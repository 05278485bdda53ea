//! Why an OCSP response is not taken for an answer.

use crate::key::KeyError;

/// What a responder says that gives no answer (RFC 6960 §4.2.1, OCSPResponseStatus).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponderRefusal {
    /// It could not read the request.
    #[error("the responder could not read the request")]
    MalformedRequest,
    /// It is out of order.
    #[error("the responder failed")]
    InternalError,
    /// It asks to come back later.
    #[error("the responder asks to try later")]
    TryLater,
    /// It wants requests to be signed.
    #[error("the responder wants signed requests")]
    SignatureRequired,
    /// It does not speak for this issuer, or not to us.
    #[error("the responder does not answer this request")]
    Unauthorized,
    /// Something that RFC 6960 does not know.
    #[error("the responder refused for an unknown reason")]
    Other,
}

impl ResponderRefusal {
    pub(super) fn from_code(code: u8) -> Self {
        match code {
            1 => Self::MalformedRequest,
            2 => Self::InternalError,
            3 => Self::TryLater,
            5 => Self::SignatureRequired,
            6 => Self::Unauthorized,
            _ => Self::Other,
        }
    }
}

/// Why a certificate cannot be that of a responder which the issuer authorised
/// (RFC 6960 §4.2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DelegateFlaw {
    /// The issuer of the certificate that is asked about did not issue it with the same key.
    #[error("it is not issued by the CA whose certificate is asked about")]
    NotIssued,
    /// Its encoding is at fault.
    #[error("it is malformed")]
    Malformed,
    /// It is a CA's. One that may answer for its own issuer is a mistake of that issuer's: whoever
    /// holds its key could vouch for it for ever.
    #[error("it is a CA certificate")]
    Ca,
    /// It is the certificate that is asked about, or has the same key: nobody vouches for himself.
    #[error("it has the key that is asked about")]
    Own,
    /// It is not valid at the time of judging.
    #[error("it is not valid now")]
    Validity,
    /// keyUsage without digitalSignature.
    #[error("it must not sign (keyUsage lacks digitalSignature)")]
    KeyUsage,
    /// extendedKeyUsage without id-kp-OCSPSigning.
    #[error("it may not sign OCSP responses (extendedKeyUsage)")]
    Purpose,
    /// No id-pkix-ocsp-nocheck: its own status would have to be shown, which we do not go after. (With
    /// it, a list that happens to be known still counts against the responder.)
    #[error("it lacks id-pkix-ocsp-nocheck")]
    Revocable,
    /// A critical extension that is not understood.
    #[error("it has a critical extension that is not understood")]
    CriticalExtension,
    /// A key that is not accepted (C15).
    #[error("{0}")]
    Key(KeyError),
}

/// Why a response is not taken for an answer. It never holds anything from the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OcspError {
    /// Longer than [`crate::limits::OCSP_BYTES`].
    #[error("the OCSP response is longer than 64 KiB")]
    TooLong,
    /// Not one OCSPResponse in DER, or part of it cannot be read.
    #[error("not an OCSP response, or one that cannot be read")]
    Malformed,
    /// The responder gives no answer.
    #[error("{0}")]
    Refused(ResponderRefusal),
    /// A response of another type than id-pkix-ocsp-basic.
    #[error("an OCSP response of an unknown type")]
    Type,
    /// More than [`crate::limits::OCSP_STATUSES`] or [`crate::limits::OCSP_CERTIFICATES`].
    #[error("too many certificates or statuses in one OCSP response")]
    TooMany,
    /// The issuer's key is of a kind that is not accepted (C15).
    #[error("the issuer's key: {0}")]
    IssuerKey(KeyError),
    /// It names a responder that is neither the issuer nor in a certificate that it brought.
    #[error("the responder is neither the issuer nor shown to be authorised by it")]
    Responder,
    /// The responder's certificate does not authorise it.
    #[error("the responder's certificate: {0}")]
    Delegate(DelegateFlaw),
    /// Not signed by the responder that it names, or in a way that is not accepted (C15).
    #[error("the signature of the OCSP response does not verify")]
    Signature,
    /// It says nothing about the certificate.
    #[error("the OCSP response is about other certificates")]
    OtherCertificate,
    /// A critical extension that is not understood, in an answer that would not revoke.
    #[error("the OCSP response has a critical extension that is not understood")]
    CriticalExtension,
}
