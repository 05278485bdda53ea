//! Asking a user: the address is printed, and the answer is received on this machine, or pasted.

use std::io::BufRead;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::routing::get;
use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use udap_client::{AuthorizationRequest, Discovery};
use url::{Host, Url};

use crate::commands::WrongUsage;
use crate::environment;

/// Where the user goes and comes back to.
#[derive(Args, Clone, Debug)]
pub(super) struct UserOptions {
    /// One of the app's registered redirect URIs. If it is plain http on this machine the answer is
    /// received there; otherwise you are asked for the address that the browser was sent to
    #[arg(long, value_name = "URI", help_heading = "With a user")]
    redirect_uri: Option<String>,

    /// The authorization endpoint, if the server is not asked for it
    #[arg(long, value_name = "URL", help_heading = "With a user")]
    authorization_endpoint: Option<String>,

    /// More parameters of the authorization request, such as launch=…
    #[arg(
        long,
        value_name = "NAME=VALUE",
        num_args = 1,
        help_heading = "With a user"
    )]
    parameter: Vec<String>,

    /// How long to wait for the user, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        value_parser = clap::value_parser!(u64).range(1..=3600),
        help_heading = "With a user"
    )]
    wait: u64,
}

/// What the user agreed to.
pub(super) struct Agreed {
    pub(super) request: AuthorizationRequest,
    pub(super) code: String,
}

impl UserOptions {
    pub(super) fn is_given(&self) -> bool {
        self.redirect_uri.is_some()
            || self.authorization_endpoint.is_some()
            || !self.parameter.is_empty()
    }

    /// Prints where to go, and waits for what comes back.
    pub(super) async fn ask(
        &self,
        client_id: &str,
        scope: Option<&str>,
        base_url: Option<&str>,
        discovery: Option<&Discovery>,
    ) -> anyhow::Result<Agreed> {
        let request = self.request(client_id, scope, base_url, discovery)?;
        let redirect_uri =
            Url::parse(request.redirect_uri()).context("--redirect-uri is no absolute URI")?;
        let received = match loopback(&redirect_uri) {
            Some(address) => {
                let listener = TcpListener::bind(address)
                    .await
                    .with_context(|| format!("cannot listen at {address} for --redirect-uri"))?;
                eprintln!("Open this address in a browser:\n\n  {}\n", request.url());
                let wait = Duration::from_secs(self.wait);
                tokio::time::timeout(wait, receive(listener, &redirect_uri))
                    .await
                    .map_err(|_| anyhow!("nobody came back within {} seconds", self.wait))??
            }
            None => {
                eprintln!("Open this address in a browser:\n\n  {}\n", request.url());
                eprintln!("Then paste here the address that it was sent to:");
                pasted().await?
            }
        };
        let code = request.code(&received)?;
        Ok(Agreed { request, code })
    }

    fn request(
        &self,
        client_id: &str,
        scope: Option<&str>,
        base_url: Option<&str>,
        discovery: Option<&Discovery>,
    ) -> anyhow::Result<AuthorizationRequest> {
        let needed = |option: &str| WrongUsage(format!("--for authorization_code needs {option}"));
        let endpoint = match (&self.authorization_endpoint, discovery) {
            (Some(endpoint), _) => endpoint,
            (None, Some(discovery)) => discovery.authorization_endpoint()?,
            (None, None) => return Err(needed("--authorization-endpoint, or --server").into()),
        };
        let redirect_uri =
            (self.redirect_uri.as_deref()).ok_or_else(|| needed("--redirect-uri"))?;
        let mut request = AuthorizationRequest::new(
            endpoint,
            client_id,
            redirect_uri,
            scope,
            &environment::random_id(),
            &environment::random_id(),
        )?;
        // SMART App Launch: for whom the token is.
        if let Some(base_url) = base_url {
            request = request.parameter("aud", base_url);
        }
        for parameter in &self.parameter {
            let Some((name, value)) = parameter.split_once('=') else {
                return Err(WrongUsage("--parameter is NAME=VALUE".to_owned()).into());
            };
            request = request.parameter(name, value);
        }
        Ok(request)
    }
}

/// Where on this machine a redirect URI is, if plain http gets there.
fn loopback(redirect_uri: &Url) -> Option<SocketAddr> {
    if redirect_uri.scheme() != "http" {
        return None;
    }
    let address = match redirect_uri.host()? {
        Host::Domain("localhost") => IpAddr::from([127, 0, 0, 1]),
        Host::Domain(_) => return None,
        Host::Ipv4(address) => address.into(),
        Host::Ipv6(address) => address.into(),
    };
    let port = redirect_uri.port_or_known_default()?;
    address
        .is_loopback()
        .then(|| SocketAddr::new(address, port))
}

type Sender = Arc<Mutex<Option<oneshot::Sender<Url>>>>;

/// The first request for the redirect URI's path.
async fn receive(listener: TcpListener, redirect_uri: &Url) -> anyhow::Result<Url> {
    let (sender, receiver) = oneshot::channel();
    let sender: Sender = Arc::new(Mutex::new(Some(sender)));
    let base = redirect_uri.clone();
    let came = async move |State(sender): State<Sender>, uri: Uri| {
        let mut url = base;
        url.set_query(uri.query());
        let sender = sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            // Nobody listens any more if the time is up.
            let _ = sender.send(url);
        }
        "You can close this page and go back to the command line.\n"
    };
    let router = Router::new()
        .route(redirect_uri.path(), get(came))
        .with_state(sender);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        let _ = stopped.await;
    });
    let server = tokio::spawn(server.into_future());
    let url = receiver.await.context("the listener stopped")?;
    // The page is sent before the process goes.
    drop(stop);
    let _ = tokio::time::timeout(Duration::from_secs(1), server).await;
    Ok(url)
}

async fn pasted() -> anyhow::Result<Url> {
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    })
    .await??;
    if line.trim().is_empty() {
        bail!("no address was given");
    }
    Url::parse(line.trim()).context("that is no address")
}
