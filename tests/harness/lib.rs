//! Starts the built `udap` binary on an embedded store with test communities, and talks to it.
#![expect(
    clippy::disallowed_methods,
    reason = "a black-box test lives in real time and has no configuration of its own"
)]

mod binary;
mod database;
mod server;
mod setup;

pub use binary::udap;
pub use database::Database;
pub use server::{Answer, Server, answer};
pub use setup::{Member, Setup};

/// The time, as the server under test sees it.
#[must_use]
pub fn now() -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc()
}
