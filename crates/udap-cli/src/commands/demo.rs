//! `udap demo`

use std::path::PathBuf;

use clap::Args;

use crate::commands::Verdict;
use crate::demo;

/// Show the whole of it: a trust community, a server, and an app that registers
///
/// Makes a certificate authority, a server certificate and an app's certificate, starts the server
/// on its embedded store, and registers the app over HTTP as a real client would. What it makes
/// stays in DIR, and the server keeps serving until Ctrl-C.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Where the community, the configuration and the database are put; used again if they are there
    #[arg(long, value_name = "DIR", default_value = "udap-demo")]
    pub(crate) dir: PathBuf,

    /// The port to serve on, on this machine only; the next one is for health and metrics
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 8480,
        value_parser = clap::value_parser!(u16).range(1..=65534)
    )]
    pub(crate) port: u16,

    /// Exit when the app is registered
    #[arg(long)]
    pub(crate) once: bool,
}

impl Demo {
    pub(crate) async fn run(self) -> anyhow::Result<Verdict> {
        demo::run(&self.dir, self.port, self.once).await?;
        Ok(Verdict::Good)
    }
}
