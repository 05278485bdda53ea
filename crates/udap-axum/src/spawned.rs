//! Work that a caller who hangs up must not stop halfway.

use std::future::Future;

use tokio::sync::OwnedSemaphorePermit;

use crate::driver::{Facts, Failure};
use crate::error::HttpError;
use crate::service::DEADLINE;

/// Has the work done in a task of its own, which keeps the place until it ends, and waits for it until
/// [`DEADLINE`]. `what` it is, for the log.
pub(crate) async fn spawned<T: Send + 'static>(
    what: &'static str,
    place: OwnedSemaphorePermit,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    // What is logged on the way carries the request's id.
    let task = tokio::spawn(tracing::Instrument::in_current_span(async move {
        let _place = place;
        work.await
    }));
    let error = match tokio::time::timeout(DEADLINE, task).await {
        Ok(Ok(outcome)) => return outcome,
        Ok(Err(error)) => {
            tracing::error!(%error, "{what} ended abnormally");
            HttpError::ServerError
        }
        Err(_) => HttpError::TemporarilyUnavailable,
    };
    Err(Failure {
        error,
        facts: Facts::default(),
    })
}
