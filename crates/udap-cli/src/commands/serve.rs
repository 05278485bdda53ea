//! `udap serve`

use std::path::PathBuf;

use clap::Args;

use crate::commands::Verdict;
use crate::environment;
use crate::serve::Server;

/// Serve discovery and registration
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The configuration file
    #[arg(
        long,
        value_name = "FILE",
        default_value = "udap.toml",
        env = "UDAP_CONFIG"
    )]
    pub(crate) config: PathBuf,
}

impl Serve {
    pub(crate) async fn run(self) -> anyhow::Result<Verdict> {
        crate::log::start();
        let config = environment::configuration(&self.config)?;
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        let mut server = Server::start(&config).await?;
        tracing::info!(
            address = %server.address,
            admin_address = %server.admin_address,
            public_url = %config.public_url,
            version = env!("CARGO_PKG_VERSION"),
            "serving"
        );
        tokio::select! {
            ended = server.failed() => ended?,
            signal = stop_signal() => {
                tracing::info!(signal = signal?, "stopping: requests in flight are answered");
            }
        }
        server.stop().await?;
        Ok(Verdict::Good)
    }
}

/// Waits for Ctrl-C or SIGTERM.
pub(crate) async fn stop_signal() -> anyhow::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}
