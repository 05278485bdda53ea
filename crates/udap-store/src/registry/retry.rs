//! Beginning again after a conflict with another transaction, and ending what takes too long.

use std::time::Duration;

use crate::client_table::ClientTableError;
use crate::error::StoreError;
use crate::sql;

/// How long one transaction may take. One that the database does not answer is given up, so that
/// its request is.
pub(super) const TRANSACTION: Duration = Duration::from_secs(10);

/// How long work may take that reads much, or writes in many transactions.
pub(super) const LONG: Duration = Duration::from_secs(120);

/// Times that a transaction is begun. Of sixteen that race for one row each round lets one through
/// at least.
const TRIES: u32 = 20;

/// The pause after the first conflict, which grows with each.
const PAUSE: Duration = Duration::from_millis(1);

/// The tries of one piece of work.
#[derive(Debug, Default)]
pub(super) struct Tries(u32);

impl Tries {
    /// Whether to begin again after this error; returns after a pause.
    ///
    /// Only if the transaction was rolled back for certain: its work is not there.
    pub(super) async fn again(&mut self, error: &StoreError) -> bool {
        let is_conflict = match error {
            StoreError::Sql(error) => sql::is_conflict(error),
            StoreError::Client(ClientTableError::Changed) => true,
            _ => false,
        };
        self.0 += 1;
        if !is_conflict || self.0 >= TRIES {
            return false;
        }
        tracing::debug!(%error, tries = self.0, "a transaction begins again");
        tokio::time::sleep(PAUSE * self.0).await;
        true
    }
}

/// Runs a piece of work that is one transaction, as often as it takes.
macro_rules! transact {
    ($work:expr) => {{
        let mut tries = $crate::registry::retry::Tries::default();
        let outcome: Result<_, $crate::error::StoreError> = loop {
            let work =
                tokio::time::timeout($crate::registry::retry::TRANSACTION, async { $work.await });
            match work.await {
                Err(_) => break Err($crate::error::StoreError::TimedOut),
                Ok(Err(error)) if tries.again(&error).await => {}
                Ok(outcome) => break outcome,
            }
        };
        outcome
    }};
}

/// Ends a piece of work that the database does not answer.
pub(super) async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(time, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(StoreError::TimedOut),
    }
}

pub(super) use transact;
