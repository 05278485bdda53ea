//! Token requests under UDAP's rules (G01–G18, decisions 23, 27).
//!
//! A request climbs as a registration does: [`TokenForm`] (the form is one) → [`SignedAssertion`]
//! (its client assertion is signed by the key it brings) → [`CurrentAssertion`] (its claims hold) →
//! [`AuthorizedRequest`] (it is from a registered app, whose certificate is trusted now, and asks for no
//! more than was registered). Only the last can be recorded, and only what is recorded is forwarded.
//!
//! [`Registrar::start_token`](crate::registrar::Registrar::start_token) takes it along, and says what it
//! needs on the way.

mod assertion;
mod authorized;
mod client;
mod error;
mod extension;
mod form;
mod scope;

pub use assertion::{CurrentAssertion, SignedAssertion};
pub use authorized::AuthorizedRequest;
pub use client::TokenClient;
pub use error::{TokenErrorCode, TokenRefusal};
pub use extension::B2bPolicy;
pub(crate) use extension::check as check_extensions;
pub use form::{TokenForm, TokenGrant};
pub(crate) use scope::ask as ask_for_scopes;
