//! What is counted while apps send statements.

use std::fmt;

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) created: u64,
    pub(crate) modified: u64,
    pub(crate) cancelled: u64,
    /// Refused as used: the first sending was committed.
    pub(crate) used: u64,
    pub(crate) server_errors: u64,
    pub(crate) unavailable: u64,
    pub(crate) broken: u64,
    /// The same statement sent again.
    pub(crate) sent_again: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.created += other.created;
        self.modified += other.modified;
        self.cancelled += other.cancelled;
        self.used += other.used;
        self.server_errors += other.server_errors;
        self.unavailable += other.unavailable;
        self.broken += other.broken;
        self.sent_again += other.sent_again;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} registered, {} modified, {} cancelled; answers 503: {}, 500: {}, none: {}; the same statement \
             sent again: {}, of which used already: {}",
            self.created,
            self.modified,
            self.cancelled,
            self.unavailable,
            self.server_errors,
            self.broken,
            self.sent_again,
            self.used
        )
    }
}
