//! What a running server does by itself.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use udap_axum::Service;

use super::expiry;
use crate::environment;

/// How often rate limits and metrics are tidied and expiry metrics set.
const MINUTE: Duration = Duration::from_secs(60);

/// Ticks of a minute between two purges of spent `jti`s.
const PURGE_EVERY: u32 = 10;

/// Ticks of a minute between two warnings of certificates that expire: a day. The first comes at
/// the start.
const WARN_EVERY: u32 = 24 * 60;

/// How long spent `jti`s are kept once they have expired: longer than any request is worked on,
/// since it is judged at the time when it came.
const PURGE_AFTER: Duration = Duration::from_secs(3600);

/// Runs until the server stops.
pub(super) async fn run(
    service: Arc<Service>,
    recorder: PrometheusHandle,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(MINUTE);
    let mut count: u32 = 0;
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
            _ = ticks.tick() => {}
        }
        let now = environment::now();
        service.limits().forget_quiet();
        // Otherwise every measurement since the last scrape is kept one by one.
        recorder.run_upkeep();
        udap_axum::metrics::certificates(&service, now);
        if count.is_multiple_of(WARN_EVERY) {
            expiry::tell(&service.rules(), now);
        }
        if count.is_multiple_of(PURGE_EVERY) {
            match service.registry().purge(now - PURGE_AFTER).await {
                Ok(0) => {}
                Ok(purged) => tracing::debug!(purged, "forgot spent statements that have expired"),
                Err(error) => tracing::warn!(%error, "spent statements could not be purged"),
            }
        }
        count = count.wrapping_add(1);
    }
}
