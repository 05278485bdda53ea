//! What the service needs from outside beside the network: time and chance.

use std::fmt;

use time::OffsetDateTime;

/// The clock and the source of random ids, as parameters.
#[derive(Clone, Copy)]
pub struct Environment {
    /// The time now.
    pub now: fn() -> OffsetDateTime,
    /// A fresh id of at least 128 random bits, in base64url characters, at most 80 of them.
    pub random_id: fn() -> String,
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Environment")
    }
}
