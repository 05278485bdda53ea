//! Starts the built `udap` binary with test communities, on the embedded store or on MariaDB, and talks
//! to it.
#![expect(
    clippy::disallowed_methods,
    reason = "a black-box test lives in real time and has no configuration of its own"
)]

mod answer;
mod binary;
mod database;
pub mod openemr;
mod proxy;
mod server;
mod setup;
mod store;
mod web;

pub use answer::{Answer, answer};
pub use binary::udap;
pub use database::{Database, Readable, Row};
pub use proxy::{Cut, Proxy};
pub use server::Server;
pub use setup::{Member, Setup};
pub use store::{MariaDb, STORE_VARIABLE, Store};
pub use web::{Page, Web};

/// Asks until the answer is yes, at most so long.
///
/// # Panics
/// If it does not get yes.
pub async fn until(what: &str, within: std::time::Duration, mut asked: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + within;
    while !asked().await {
        assert!(std::time::Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// The time, as the server under test sees it.
#[must_use]
pub fn now() -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc()
}
