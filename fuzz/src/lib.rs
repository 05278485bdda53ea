//! What the fuzz targets share: mutators that know DER and JSON, a community in which mutated
//! certificates and statements are signed anew, and what must hold of everything that is accepted.
#![forbid(unsafe_code)]

pub mod der;
pub mod desk;
pub mod invariants;
pub mod json;
pub mod mutation;
pub mod world;
