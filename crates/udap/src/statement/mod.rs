//! A software statement's way through the checks (B, C).
//!
//! Each type can only be made by passing the step before it, so that no check can be forgotten:
//!
//! [`RegistrationRequest`] → [`SignedStatement`] (signature) → [`CurrentStatement`] (claims) →
//! [`TrustedStatement`] (path, revocation, community) → [`ApprovedRegistration`] or
//! [`Cancellation`]. Only the last two create, change or end a client.

mod approved;
mod current;
mod request;
mod signed;
mod trusted;

pub use approved::{ApprovedRegistration, Cancellation};
pub use current::CurrentStatement;
pub use request::RegistrationRequest;
pub use signed::SignedStatement;
pub use trusted::TrustedStatement;
