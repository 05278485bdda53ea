//! Options that say which server is meant, and what it says of itself.

use anyhow::Context;
use clap::Args;
use udap::trust::Distrust;
use udap_client::{Client, Discovery, MetadataError};

use super::server_options::ServerOptions;
use super::trust_options::TrustOptions;
use crate::commands::WrongUsage;
use crate::environment;
use crate::output::Output;

/// Which server, and whether it is believed.
#[derive(Args, Debug)]
pub(crate) struct Target {
    #[command(flatten)]
    place: Place,

    /// With --server: the trust community as whose member you come
    #[arg(long, value_name = "URI", conflicts_with = "endpoint")]
    community: Option<String>,

    #[command(flatten)]
    trust: TrustOptions,

    #[command(flatten)]
    connection: ServerOptions,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Place {
    /// The server's FHIR base URL, where its endpoints are asked for
    #[arg(long, value_name = "URL")]
    server: Option<String>,

    /// The endpoint itself
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
}

/// Where to go.
pub(crate) enum Found {
    /// The endpoint that was named.
    Endpoint(String),
    /// What the server shows, and signed.
    Discovery(Box<Discovery>),
}

impl Target {
    /// A client for this connection.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        self.connection.client()
    }

    /// The server's FHIR base URL, if it is known.
    pub(crate) fn base_url(&self) -> Option<&str> {
        self.place.server.as_deref()
    }

    /// Asks the server, unless the endpoint itself was named. What discovery says is believed only if
    /// the server signed it; by whose certificate is judged if there are anchors (A44).
    pub(crate) async fn find(&self, client: &Client, output: Output) -> anyhow::Result<Found> {
        if let Some(endpoint) = &self.place.endpoint {
            if self.trust.has_anchors() {
                let message =
                    "--anchors judges the metadata of --server; with --endpoint none is asked for";
                return Err(WrongUsage(message.to_owned()).into());
            }
            return Ok(Found::Endpoint(endpoint.clone()));
        }
        let server = self.place.server.as_deref().unwrap_or_default();
        let discovery = client.discover(server, self.community.as_deref()).await?;
        let now = environment::now();
        let refused = "the server's metadata is not to be believed, so nothing was sent";
        if self.trust.has_anchors() {
            discovery
                .verify_with(client, &self.trust.read()?, now)
                .await
                .inspect_err(|error| {
                    if matches!(
                        error,
                        MetadataError::Distrust(Distrust::RevocationUnknown(_))
                    ) {
                        output.warn(
                            "give the server's CA's current revocation lists with --crl; if they \
                             are not on the public internet, --allow-host lets them be fetched",
                        );
                    }
                })
                .context(refused)?;
        } else {
            discovery.signer(now).context(refused)?;
            output.warn("the server's certificate was not judged: give --anchors to do so");
        }
        Ok(Found::Discovery(Box::new(discovery)))
    }
}
