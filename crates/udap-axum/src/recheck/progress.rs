//! How far a look at registrations has come, and what came of it.

use std::collections::BTreeMap;

use serde::Serialize;
use udap::registry::RegistryError;

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PassReport {
    /// Certificates that were looked at.
    pub checked: usize,
    /// Of these, trusted still.
    pub good: usize,
    /// Of these, without a status that could be learned: left as they are.
    pub unsettled: usize,
    /// Clients of which nothing could be recorded: a fault of ours or of their rows.
    pub unrecorded: usize,
    /// Clients switched off, by reason.
    pub switched_off: BTreeMap<&'static str, usize>,
    /// Communities for which the brake held.
    pub held_back: Vec<HeldBack>,
}

/// A community whose clients were left on, since too many would have been switched off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldBack {
    /// The community's URI.
    pub community: String,
    /// The clients that would have been switched off.
    pub clients: usize,
    /// How many of its clients are on.
    pub of: usize,
}

/// Records that fail one after the other before the registry is taken to be away.
const FAILURES: u32 = 3;

/// How far a look at registrations has come.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) report: PassReport,
    /// How many could not be recorded, since the registry was away or somebody kept their rows locked.
    pub(super) failures: u32,
    /// Why the first that could not be recorded could not.
    first_failure: Option<RegistryError>,
    pub(super) in_a_row: u32,
}

impl Progress {
    /// Goes on to the next, unless the registry is away.
    pub(super) fn failed(
        &mut self,
        client_id: &str,
        error: RegistryError,
    ) -> Result<(), RegistryError> {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::warn!(client_id, %error, cause, "a check could not be recorded now");
        self.failures += 1;
        self.in_a_row += 1;
        if self.in_a_row >= FAILURES {
            return Err(error);
        }
        self.first_failure.get_or_insert(error);
        Ok(())
    }

    /// Whether everything was recorded.
    pub(super) fn finish(&mut self) -> Result<(), RegistryError> {
        self.first_failure.take().map_or(Ok(()), Err)
    }
}
