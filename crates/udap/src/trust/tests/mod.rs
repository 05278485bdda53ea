//! Tests of the evaluation as a whole, on certificates made for them.

mod heavy;
mod leaves;
mod order;
mod paths;
pub(super) mod pki;
mod requests;
mod revocation;
mod rules;
mod signers;
