//! Tests of the evaluation as a whole, on certificates made for them.

mod heavy;
mod leaves;
mod names;
mod ocsp;
mod ocsp_plan;
mod ocsp_status;
mod order;
mod paths;
pub(crate) mod pki;
mod policies;
mod requests;
mod responders;
mod revocation;
mod rules;
mod signers;
mod unsettled;
