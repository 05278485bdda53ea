//! Scopes: OpenEMR's grammar, a community's ceiling, and what a registration is granted
//! (B40–B46, decisions 15).

mod grammar;
mod granted;
mod pattern;
mod policy;

pub use grammar::{Level, Scope, ScopeError};
pub use granted::{DropReason, GrantedScopes};
pub use pattern::{PatternError, ScopePattern};
pub use policy::ScopePolicy;
pub(crate) use policy::check_form;
