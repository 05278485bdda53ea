//! Prometheus metrics on the admin listener.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the duration histograms, in seconds: verification takes a millisecond, a live
/// link check up to ten seconds.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 40.0,
];

/// Installs the recorder of this process.
///
/// # Errors
/// If one is installed already.
pub(super) fn install() -> anyhow::Result<PrometheusHandle> {
    Ok(PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?
        .install_recorder()?)
}

/// `/metrics`, in the text format.
pub(super) fn router(recorder: PrometheusHandle) -> Router {
    Router::new().route(
        "/metrics",
        get(move || {
            recorder.run_upkeep();
            let text = recorder.render();
            async move {
                (
                    [(
                        header::CONTENT_TYPE,
                        "text/plain; version=0.0.4; charset=utf-8",
                    )],
                    text,
                )
            }
        }),
    )
}
