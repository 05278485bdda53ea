//! UDAP communities, certificates and software statements with exactly one flaw each.
//!
//! Everything is made at run time; nothing here depends on a clock, a network or crate `udap`, so
//! that a refusal is judged against something that was built independently of the judge.
//!
//! ```
//! use time::macros::datetime;
//! use udap_testkit::{LeafFlaw, TestCommunity};
//!
//! let now = datetime!(2026-11-22 12:00 UTC);
//! let community = TestCommunity::new("example", now);
//! let good = community.client("https://app.example.org");
//! let request = good.statement("https://emr.example.org/udap/default/register", now).request();
//! assert_eq!(request["udap"], "1");
//!
//! let bad = community.leaf("https://app.example.org").flaw(LeafFlaw::Expired).build();
//! assert!(bad.not_after() < now);
//! ```
//!
//! Functions whose names start with `try_` return errors; their short forms panic, which is what
//! a test wants.

mod authority;
mod certification;
mod community;
mod crl;
mod error;
mod flaw;
mod key;
mod leaf;
mod ocsp;
mod sha1;
mod statement;
mod tree;

pub use authority::TestCa;
pub use certification::CertificationBuilder;
pub use community::{CommunityOptions, TestCommunity};
pub use crl::CrlBuilder;
pub use error::Error;
pub use flaw::LeafFlaw;
pub use key::{KeyKind, TestKey};
pub use leaf::{LeafBuilder, TestLeaf};
pub use ocsp::OcspBuilder;
pub use statement::{SigningAlgorithm, StatementBuilder, request_body, request_body_with};
pub use tree::{Case, CaseFiles, Expected, Manifest, TreeOptions, write_tree};
