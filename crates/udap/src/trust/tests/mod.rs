//! Tests of the evaluation as a whole, on certificates made for them.

mod heavy;
mod leaves;
mod names;
mod order;
mod paths;
pub(super) mod pki;
mod policies;
mod requests;
mod revocation;
mod rules;
mod signers;
