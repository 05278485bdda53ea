//! Client metadata that was judged before a certificate was issued.

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// What an app wants to register with, and by which rules that was good. A community may ask of an
/// app before it gets a certificate what servers ask before they register it; whoever issues judges,
/// and the index keeps what was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedMetadata {
    /// The name of the rules that it kept.
    pub rules: String,
    /// Whether its links were visited, too.
    pub links_visited: bool,
    /// When it was judged; kept in whole seconds.
    #[serde(with = "time::serde::rfc3339")]
    pub checked_at: OffsetDateTime,
    /// The metadata, as members of a software statement.
    pub claims: Map<String, Value>,
}

/// What a renewed certificate has of its own; everything else is as in the earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renewal {
    /// How long it is valid, if not for [`crate::profile::LEAF_LIFETIME`].
    pub lifetime: Option<time::Duration>,
    /// The app's metadata as of now, if it was judged.
    pub metadata: Option<CheckedMetadata>,
}
