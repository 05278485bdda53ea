//! The contract that every store has to keep, as tests over [`udap::registry::Registry`]
//! and [`udap::registry::RecheckRegistry`].
//!
//! A store's tests implement [`Harness`] and name it in [`contract_tests!`](crate::contract_tests).
//! Statements are real: signed, and taken through every check by a registrar.

pub mod details;
mod fault;
pub mod foresight;
mod harness;
pub mod lifecycle;
pub mod operators;
pub mod races;
pub mod rechecks;
pub mod replays;
mod suite;
mod world;

pub use fault::FaultyClients;
pub use harness::{Harness, Row};
pub use world::World;
