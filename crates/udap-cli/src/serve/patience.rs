//! At the start others may be starting, too: the database, OpenEMR.

use std::time::Duration;

use anyhow::Context;
use tokio::time::Instant;
use udap_store::{ClientTableError, OpenError};

/// How long the start waits for them. Whatever started us starts us again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Does something that needs another program, again and again while that cannot be reached.
///
/// # Errors
/// If it fails otherwise, or the other cannot be reached for half a minute.
pub(super) async fn patiently<T>(
    whom: &str,
    work: impl AsyncFn() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        match work().await {
            Err(error) if is_absence(&error) && Instant::now() < end => {
                tracing::warn!("{whom} cannot be reached, and is tried again: {error:#}");
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return outcome.with_context(|| whom.to_owned()),
        }
    }
}

fn is_absence(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let sql = match cause.downcast_ref::<OpenError>() {
            Some(OpenError::Sql(error)) => Some(error),
            Some(OpenError::Busy) => return true,
            Some(OpenError::ClientTable { source, .. }) => {
                match source.downcast_ref::<ClientTableError>() {
                    Some(ClientTableError::Sql(error)) => Some(error),
                    _ => None,
                }
            }
            _ => cause.downcast_ref::<sqlx::Error>(),
        };
        sql.is_some_and(udap_store::is_passing)
    })
}
