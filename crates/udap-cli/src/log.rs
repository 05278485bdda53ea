//! The log: JSON lines on standard error, plain lines on a terminal.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// What is logged without `UDAP_LOG`.
const DEFAULT: &str = "info";

/// Starts logging, by the filter in `UDAP_LOG`.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("UDAP_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // It fails only if a log was started already, which is as good.
    let _ = if std::io::stderr().is_terminal() {
        builder.try_init()
    } else {
        builder.json().try_init()
    };
}
