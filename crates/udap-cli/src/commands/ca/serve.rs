//! `udap ca serve`: revocation lists and CA certificates over plain HTTP, which RFC 5280 §8 wants.

mod files;
mod routes;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use time::OffsetDateTime;
use tokio::sync::watch;
use udap::trust::Crl;
use udap_ca::{CaDirectory, IssuerRole, Passphrase};

use super::folder::{SigningFolder, wait_for};
use crate::commands::{Verdict, stop_signal};
use crate::environment;
use crate::serve::listen::{Parts, plain};

/// Between two looks at when the lists lapse, which reads them: a large one takes seconds.
const LOOK: time::Duration = time::Duration::hours(1);
/// Between two glances at the clock; after a failure also between two attempts.
const PAUSE: Duration = Duration::from_secs(30);

/// What to serve.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: SigningFolder,

    /// The address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8088")]
    listen: SocketAddr,

    /// Only serve the files as they are; without this the lists are signed anew before they lapse,
    /// if the issuing CA's key is in the folder
    #[arg(long)]
    no_sign: bool,
}

/// Serves until it is told to stop.
pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Verdict> {
    crate::log::start();
    let folder = arguments.folder.dir().to_owned();
    let settings = CaDirectory::read_index(&folder)?.settings().clone();
    let signs = !arguments.no_sign && folder.join("intermediate.key").exists();
    // Asks now, while somebody may be at the terminal.
    let passphrase = if signs {
        arguments.folder.unlock()?
    } else {
        None
    };

    let (stop, stopped) = watch::channel(false);
    let mut parts = Parts::new();
    let routes = routes::routes(&folder, &settings);
    let address = plain(&mut parts, arguments.listen, routes, stopped)
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    tracing::info!(%address, signs, "serving revocation lists and CA certificates");
    let signing = async {
        if signs {
            keep_fresh(folder, passphrase).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        Some(ended) = parts.join_next() => ended??,
        () = signing => {}
        signal = stop_signal() => {
            tracing::info!(signal = signal?, "stopping: requests in flight are answered");
        }
    }
    stop.send_replace(true);
    while let Some(ended) = parts.join_next().await {
        ended??;
    }
    Ok(Verdict::Good)
}

/// Signs the lists when a quarter of their time is left. Never ends.
async fn keep_fresh(folder: PathBuf, passphrase: Option<Passphrase>) {
    let mut next = None;
    loop {
        if next.is_none_or(|next| next <= environment::now()) {
            let (folder, passphrase) = (folder.clone(), passphrase.clone());
            // Reading and signing a large list takes a while.
            let looked =
                tokio::task::spawn_blocking(move || sign_if_due(&folder, passphrase)).await;
            next = match looked
                .map_err(anyhow::Error::from)
                .and_then(|looked| looked)
            {
                Ok(next) => Some(next),
                Err(error) => {
                    tracing::error!(
                        error = format!("{error:#}"),
                        "the revocation lists could not be signed: once they lapse, every certificate is refused"
                    );
                    None
                }
            };
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Signs the lists if that is due. Returns when to look again.
fn sign_if_due(folder: &Path, passphrase: Option<Passphrase>) -> anyhow::Result<OffsetDateTime> {
    let now = environment::now();
    let mut due_at = now + LOOK;
    for issuer in IssuerRole::ALL {
        let path = folder.join(format!("{}.crl", issuer.as_str()));
        let content = fs::read(&path).with_context(|| path.display().to_string())?;
        let list = Crl::from_der(&content).with_context(|| path.display().to_string())?;
        let lapses = list.next_update().unwrap_or(now);
        let due = lapses - (lapses - list.this_update()) / 4;
        if folder.join(format!("{}.key", issuer.as_str())).exists() {
            due_at = due_at.min(due);
        } else if due <= now {
            tracing::warn!(
                list = %path.display(),
                %lapses,
                "the list is to be signed anew, and its key is not here: `udap ca crl` where it is"
            );
        }
    }
    if due_at > now {
        return Ok(due_at);
    }
    wait_for(folder, passphrase)?.sign_crls(now)?;
    tracing::info!("the revocation lists are signed anew");
    // The new lists say when they are due.
    Ok(now)
}
