//! The contract that every store has to keep, as tests over [`udap::registry::Registry`],
//! [`udap::registry::RecheckRegistry`], [`udap::registry::TokenRegistry`] and [`crate::KeyRegistry`].
//!
//! A store's tests implement [`Harness`] and name it in [`contract_tests!`](crate::contract_tests).
//! Statements are real: signed, and taken through every check by a registrar.

pub mod details;
mod fault;
pub mod foresight;
mod harness;
pub mod keys;
pub mod lifecycle;
pub mod operators;
pub mod races;
pub mod rechecks;
pub mod replays;
mod suite;
pub mod tokens;
mod world;

pub use fault::FaultyClients;
pub use harness::{Harness, Row};
pub use world::World;
