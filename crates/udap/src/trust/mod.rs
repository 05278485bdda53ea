//! Trust: from a leaf certificate to an anchor that an operator configured (C05–C23).
//!
//! [`evaluate`] is the one entry. It does no I/O: where an issuer's certificate, a CRL or an OCSP
//! answer is missing it says so, and is called again with what was fetched. Paths are searched by our
//! own bounded walk, each is judged by RFC 5280 behind the trait [`Judge`], and revocation is
//! evaluated here.

mod anchor;
mod certval;
mod crl;
mod crl_entries;
mod crl_store;
pub(crate) mod distribution_point;
mod distrust;
mod evaluate;
mod fetch;
pub(crate) mod general_name;
mod judge;
pub(crate) mod kinship;
mod known;
mod leaf;
mod list_signer;
pub(crate) mod name;
mod ocsp;
mod path;
mod revocation;
mod revoked;
mod serials;
mod store;
#[cfg(test)]
pub(crate) mod tests;

pub use anchor::{AnchorError, TrustAnchor};
pub use certval::CertvalJudge;
pub use crl::{Crl, CrlError, Reason};
pub use crl_store::CrlStore;
pub use distrust::{Distrust, PathRule, Place};
pub use evaluate::{Evidence, Outcome, TrustPolicy, TrustedPath, evaluate};
pub(crate) use evaluate::{Purse, evaluate_from, evaluate_naming_revoked};
pub use fetch::{Authority, CrlNeed, Fetched, NoFetching, OcspNeed, TrustFetcher, TrustNeed};
pub use judge::{Judge, LinearPath};
pub use known::KnownCrls;
pub use ocsp::{DelegateFlaw, OcspAnswer, OcspError, OcspStatus, ResponderRefusal};
pub use revocation::{NoCrlAddress, PathNote, RevocationMode};
pub use revoked::{RevokedCertificate, revocation_identity};
pub use store::{StoreError, TrustStore};
