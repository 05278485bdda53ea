//! The audit log: its events, their seals, and what is found when they are verified
//! (decisions 32).
//!
//! Events are written with what they tell of, in one transaction, unnumbered. A sealer numbers
//! those that are committed, in batches, and seals each batch together with the seal before it.

mod detail;
mod event;
mod finding;
mod key;
mod seal;
mod verifier;

use async_trait::async_trait;
use time::OffsetDateTime;
use udap::registry::RegistryError;

use crate::lease::Leases;

pub(crate) use detail::{DETAIL_OCTETS, TOKEN_OCTETS, bounded};
pub use event::{AuditEvent, AuditFilter, AuditOrder};
pub use finding::{Finding, Purge, Unsealed, Verification};
pub use key::{SealKey, SealKeyError};
pub use seal::Seal;
pub(crate) use seal::{Digester, SealedEvent, seal};
pub use verifier::Expectation;
pub(crate) use verifier::Verifier;

/// The name of the sealer's lease.
pub const SEALER_LEASE: &str = "audit-sealer";

/// Events of one batch at most: a few tens of milliseconds under the store's write lock.
pub const BATCH_EVENTS: usize = 500;

/// Octets of the details of one batch at which it ends: what SQLite has to write under one lock.
pub const BATCH_OCTETS: usize = 4 * 1024 * 1024;

/// What came of an attempt to seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// Every event is sealed.
    Nothing,
    /// Another process has the sealer's lease.
    Elsewhere,
    /// A batch was sealed.
    Sealed {
        /// Its seal.
        seal: Seal,
        /// Whether the seal before it, if there is one, was made with the same key over what is
        /// recorded of its batch. If not, somebody changed it, or the key is another.
        previous_holds: bool,
    },
}

/// A purge that an operator asks for.
#[derive(Clone, Debug)]
pub struct PurgeOrder {
    /// Batches all of whose events are older go.
    pub before: OffsetDateTime,
    /// Who asks.
    pub operator: String,
    /// Why.
    pub reason: Option<String>,
    /// Now.
    pub now: OffsetDateTime,
}

/// What was purged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Batches whose events were removed.
    pub batches: u64,
    /// How many events that were.
    pub events: u64,
    /// The last batch whose events are gone, by this purge or an earlier one.
    pub through: Option<i64>,
}

/// An audit log in a store.
#[async_trait]
pub trait AuditLog: Leases {
    /// Seals one batch of events that are not sealed yet, if the holder has or gets the sealer's
    /// lease. All in one transaction, so that no two processes ever seal the same events.
    ///
    /// # Errors
    /// If the store fails.
    async fn seal(
        &self,
        key: &SealKey,
        holder: &str,
        now: OffsetDateTime,
    ) -> Result<Sealing, RegistryError>;

    /// What is not sealed yet.
    ///
    /// # Errors
    /// If the store fails.
    async fn unsealed(&self) -> Result<Unsealed, RegistryError>;

    /// Goes over the whole log, with constant memory.
    ///
    /// # Errors
    /// If the store fails. Whatever is wrong with the log is no error, but a [`Finding`].
    async fn verify(
        &self,
        key: &SealKey,
        expected: &Expectation,
        now: OffsetDateTime,
    ) -> Result<Verification, RegistryError>;

    /// The next events, at most `limit`: oldest first, after `after`.
    ///
    /// # Errors
    /// If the store fails, or an event cannot be read.
    async fn events(
        &self,
        filter: &AuditFilter,
        after: Option<&AuditOrder>,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, RegistryError>;

    /// Removes the events of the oldest batches, up to the first that holds an event which is not
    /// older than the bound; unsealed events stay. The seals stay, and the purge is an event of its
    /// own, without which the gap would be a finding.
    ///
    /// # Errors
    /// If the store fails; what was removed until then is gone and recorded.
    async fn purge(&self, order: &PurgeOrder) -> Result<Purged, RegistryError>;
}
