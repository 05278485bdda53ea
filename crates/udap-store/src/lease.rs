//! Leases: of several processes on one database, one at a time does a job (decisions 32).

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};
use udap::registry::RegistryError;

/// The longest that a lease can be taken for. One that seems to run for longer was taken by a clock
/// that was wrong, and may be taken over: otherwise its job would rest until then.
pub const LONGEST_LEASE: Duration = Duration::hours(1);

/// Leases on jobs, by name: `audit-sealer`, `recheck`.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes a lease that is free or has expired, or renews it for the same holder. Returns whether
    /// the holder has it now, until `now + ttl`; a `ttl` over [`LONGEST_LEASE`] counts as that.
    ///
    /// `holder`: a random id of this process.
    ///
    /// # Errors
    /// If the store fails.
    async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        now: OffsetDateTime,
        ttl: Duration,
    ) -> Result<bool, RegistryError>;

    /// Gives a lease back before it expires. One that another holder has stays as it is.
    ///
    /// # Errors
    /// If the store fails.
    async fn release_lease(&self, name: &str, holder: &str) -> Result<(), RegistryError>;
}
