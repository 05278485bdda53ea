//! What verification finds.

use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;

/// The whole result of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Whether nothing was found.
    pub whole: bool,
    /// Whether seals were checked with a key. Without one, whoever can write the database could
    /// have made the whole chain anew.
    pub keyed: bool,
    /// How many seals there are.
    pub batches: u64,
    /// How many sealed events are still there.
    pub events: u64,
    /// The newest seal's batch.
    pub last_batch: Option<i64>,
    /// The newest seal, in hexadecimal: to be compared with the log.
    pub last_seal: Option<String>,
    /// How many of the seals were made without a key.
    pub plain_batches: u64,
    /// The last recorded purge.
    pub purge: Option<Purge>,
    /// What is not sealed yet.
    pub unsealed: Unsealed,
    /// What is wrong, in the order of the log.
    pub findings: Vec<Finding>,
    /// How many more findings there are than are listed.
    pub more_findings: u64,
}

/// A purge, as its event records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Purge {
    /// The last batch whose events may be gone.
    pub through: i64,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// By whom.
    pub operator: String,
}

/// Events that are not sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unsealed {
    /// How many.
    pub events: u64,
    /// When the oldest of them happened.
    #[serde(with = "time::serde::rfc3339::option")]
    pub oldest: Option<OffsetDateTime>,
}

/// Something that is wrong with the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// Batches without a seal, between others.
    SealsMissing {
        /// The first such batch.
        first: i64,
        /// The last.
        last: i64,
    },
    /// Seals that were not made with this key over what is recorded of their batches.
    SealsWrong {
        /// The first such batch.
        first: i64,
        /// The last.
        last: i64,
    },
    /// Seals that do not follow the one before.
    ChainBroken {
        /// The first such batch.
        first: i64,
        /// The last.
        last: i64,
    },
    /// Seals without a key, though there is one.
    SealsPlain {
        /// The first such batch.
        first: i64,
        /// The last.
        last: i64,
    },
    /// Seals with a key, which is not at hand.
    KeyMissing {
        /// The first such batch.
        first: i64,
        /// The last.
        last: i64,
    },
    /// Events of a batch are not those that were sealed, or not in that order.
    EventsAltered {
        /// The first such batch.
        first: i64,
        /// The last.
        last: i64,
    },
    /// A batch has another number of events than were sealed.
    EventsMissing {
        /// The batch.
        batch: i64,
        /// How many were sealed.
        sealed: i64,
        /// How many are there.
        found: i64,
    },
    /// All events of batches are gone, and no purge accounts for it.
    NotPurged {
        /// The first such batch.
        first: i64,
        /// The last.
        last: i64,
    },
    /// Events that have a place in a batch which has no seal.
    EventsWithoutSeal {
        /// How many.
        events: u64,
    },
    /// The log ends before the batch that an operator knows was sealed.
    EndCut {
        /// The batch.
        expected: i64,
        /// The last that is there.
        last: Option<i64>,
    },
    /// The seal that an operator knows is not there.
    SealNotFound {
        /// The seal, in hexadecimal.
        expected: String,
    },
    /// Events have waited for a seal for too long.
    SealOverdue {
        /// How many wait.
        events: u64,
        /// When the oldest happened.
        #[serde(with = "time::serde::rfc3339")]
        oldest: OffsetDateTime,
    },
}

impl Finding {
    /// Takes in another finding that continues this one. Returns whether it does.
    pub(super) fn extend(&mut self, other: &Self) -> bool {
        use Finding::{
            ChainBroken, EventsAltered, KeyMissing, SealsMissing, SealsPlain, SealsWrong,
        };
        match (self, other) {
            (SealsMissing { last, .. }, SealsMissing { first, last: to })
            | (SealsWrong { last, .. }, SealsWrong { first, last: to })
            | (ChainBroken { last, .. }, ChainBroken { first, last: to })
            | (SealsPlain { last, .. }, SealsPlain { first, last: to })
            | (KeyMissing { last, .. }, KeyMissing { first, last: to })
            | (EventsAltered { last, .. }, EventsAltered { first, last: to })
                if last.checked_add(1) == Some(*first) =>
            {
                *last = *to;
                true
            }
            _ => false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SealsMissing { first, last } => {
                write!(formatter, "{}: no seal is there", Batches(*first, *last))
            }
            Self::SealsWrong { first, last } => write!(
                formatter,
                "{}: the seal was changed, or made with another key",
                Batches(*first, *last)
            ),
            Self::ChainBroken { first, last } => write!(
                formatter,
                "{}: the seal does not follow the one before",
                Batches(*first, *last)
            ),
            Self::SealsPlain { first, last } => write!(
                formatter,
                "{}: sealed without a key, so that anybody who can write the database could have \
                 rewritten it",
                Batches(*first, *last)
            ),
            Self::KeyMissing { first, last } => write!(
                formatter,
                "{}: sealed with a key, and without it the seal cannot be checked",
                Batches(*first, *last)
            ),
            Self::EventsAltered { first, last } => write!(
                formatter,
                "{}: the events are not those that were sealed",
                Batches(*first, *last)
            ),
            Self::EventsMissing {
                batch,
                sealed,
                found,
            } => write!(
                formatter,
                "batch {batch}: {sealed} events were sealed, {found} are there"
            ),
            Self::NotPurged { first, last } => write!(
                formatter,
                "{}: all events are gone, and no sealed purge accounts for it",
                Batches(*first, *last)
            ),
            Self::EventsWithoutSeal { events } => {
                write!(
                    formatter,
                    "{events} events stand in batches that have no seal"
                )
            }
            Self::EndCut {
                expected,
                last: Some(last),
            } => write!(
                formatter,
                "the log ends with batch {last}: batch {expected} and what followed was cut off"
            ),
            Self::EndCut { expected, .. } => {
                write!(
                    formatter,
                    "no batch is sealed: batch {expected} was cut off"
                )
            }
            Self::SealNotFound { expected } => {
                write!(formatter, "the expected seal {expected} is not there")
            }
            Self::SealOverdue { events, oldest } => write!(
                formatter,
                "{events} events are not sealed, the oldest of {oldest}: nothing proves that they \
                 are unchanged or complete"
            ),
        }
    }
}

/// "batch 3", "batches 3 to 5".
struct Batches(i64, i64);

impl fmt::Display for Batches {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(first, last) = self;
        if first == last {
            write!(formatter, "batch {first}")
        } else {
            write!(formatter, "batches {first} to {last}")
        }
    }
}
