//! Status by OCSP (RFC 6960, in the narrow form of RFC 5019), for certificates that no usable list
//! speaks of (C31, decisions 21).
//!
//! [`OcspNeed`](super::OcspNeed) holds the request; [`OcspAnswer::read`] decodes what a responder
//! said and verifies it, so that an answer which exists is one that the certificate's issuer, or a
//! responder that it named, has signed. Answers are bound to certificate and issuer key, and judged
//! by the current time at each use.
//!
//! Formats are read here, element by element as CRLs are. The crate `x509-ocsp` of the generation of
//! `der` that is in use exists as a release candidate only, and 0.2 would bring in the generation
//! before; besides, its types do not keep the octets that were signed.

mod answer;
mod error;
mod fields;
mod id;
mod request;
mod responder;
mod response;

pub use answer::{OcspAnswer, OcspStatus};
pub use error::{DelegateFlaw, OcspError, ResponderRefusal};
pub(super) use request::request;
