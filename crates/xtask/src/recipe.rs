//! One file a recipe.

pub(crate) mod advisories;
pub(crate) mod bench;
pub(crate) mod ca_faults;
pub(crate) mod ci;
pub(crate) mod conformance;
pub(crate) mod demo;
pub(crate) mod deny;
pub(crate) mod doc;
pub(crate) mod faults;
pub(crate) mod fuzz;
pub(crate) mod interop;
pub(crate) mod lint;
pub(crate) mod pkits;
pub(crate) mod test;

/// The package whose `vendored` feature reaches every crate that links OpenSSL.
const BINARY: &str = "udap-cli";
