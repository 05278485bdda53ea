//! OpenEMR's token endpoint under UDAP's rules (decisions 26–28).
//!
//! OpenEMR verifies client assertions with RS384 only, by the first RSA key of the client's row, and looks
//! at no certificate. [`Gateway`] stands before it: for a token request that has passed every check and is
//! recorded ([`AuthorizedRequest`](udap::token::AuthorizedRequest)) it signs an assertion with a key of
//! its own, which the client's row carries, and sends that with what the request asks for. Nothing else
//! of the caller reaches OpenEMR.

mod answer;
mod assertion;
mod form;
mod gateway;
mod keys;
pub mod limits;
mod passing;

pub use gateway::{Gateway, GatewaySite};
pub use keys::{KeyError, SigningKey, SigningKeys};
