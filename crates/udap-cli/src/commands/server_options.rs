//! Options about the connection to a server.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use udap_client::{Client, ClientOptions};
use udap_fetch::AllowHost;

use crate::material;

/// How to talk to the server.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServerOptions {
    /// Root certificates (PEM) for TLS, besides the system's
    #[arg(long, value_name = "FILE", num_args = 1, help_heading = "Connection")]
    tls_root: Vec<PathBuf>,

    /// Speak plain http with other machines too: what is sent can be read and changed on the way
    #[arg(long, help_heading = "Connection")]
    allow_plain_http: bool,

    /// A host, or host:port, that certificates may name for their revocation lists and issuers though
    /// it is not on the public internet
    #[arg(
        long,
        value_name = "HOST",
        num_args = 1,
        value_parser = AllowHost::parse,
        help_heading = "Connection"
    )]
    allow_host: Vec<AllowHost>,

    /// How long to wait for an answer, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=3600),
        help_heading = "Connection"
    )]
    timeout: u64,
}

impl ServerOptions {
    /// A client that is set up so.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let tls_roots = self
            .tls_root
            .iter()
            .map(|path| material::read(path))
            .collect::<anyhow::Result<_>>()?;
        let options = ClientOptions {
            user_agent: concat!("udap/", env!("CARGO_PKG_VERSION")).to_owned(),
            timeout: Duration::from_secs(self.timeout),
            tls_roots,
            allow_plain_http: self.allow_plain_http,
            allow_hosts: self.allow_host.clone(),
            ..ClientOptions::default()
        };
        Ok(Client::new(&options)?)
    }
}
