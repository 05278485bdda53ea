//! Revocation lists from files, taken up again when a file changes: a certificate that its CA has
//! revoked must not be accepted until somebody restarts the server.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use udap_axum::Service;

use crate::config::Config;
use crate::material;

/// How often the files are looked at. That costs a few calls to the system.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The configured files and folders of one community.
pub(super) struct Watched {
    community: String,
    paths: Vec<PathBuf>,
    seen: Vec<Seen>,
}

/// What tells one state of a file from another.
type Seen = (PathBuf, u64, Option<SystemTime>);

/// What there is to watch.
pub(super) fn of(config: &Config) -> Vec<Watched> {
    config
        .communities
        .iter()
        .filter(|community| !community.crls.is_empty())
        .map(|community| Watched {
            community: community.id.clone(),
            paths: community.crls.clone(),
            seen: seen(&community.crls),
        })
        .collect()
}

/// Runs until the server stops.
pub(super) async fn run(
    mut watched: Vec<Watched>,
    service: Arc<Service>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
            _ = ticks.tick() => {}
        }
        let service = Arc::clone(&service);
        // A long list is seconds of work.
        watched = tokio::task::spawn_blocking(move || {
            for one in &mut watched {
                one.look(&service);
            }
            watched
        })
        .await?;
    }
}

impl Watched {
    fn look(&mut self, service: &Service) {
        let seen = seen(&self.paths);
        if seen == self.seen {
            return;
        }
        match material::crls(&self.paths) {
            Ok(lists) => {
                tracing::debug!(community = %self.community, count = lists.len(),
                    "revocation lists read");
                service.crls().add(lists.iter().cloned());
            }
            // Perhaps it is being written: what is known stays, and the next change is tried.
            Err(error) => {
                tracing::error!(community = %self.community, error = format!("{error:#}"),
                "the revocation lists cannot be read; those known before are still used")
            }
        }
        self.seen = seen;
    }
}

/// Every file, with its length and the time of its last change.
fn seen(paths: &[PathBuf]) -> Vec<Seen> {
    let mut files = Vec::new();
    for path in paths {
        match fs::read_dir(path) {
            Ok(entries) => files.extend(entries.flatten().map(|entry| entry.path())),
            Err(_) => files.push(path.clone()),
        }
    }
    files.sort();
    files.into_iter().map(|path| state(&path)).collect()
}

fn state(path: &Path) -> Seen {
    let metadata = fs::metadata(path).ok();
    (
        path.to_owned(),
        metadata.as_ref().map_or(0, fs::Metadata::len),
        metadata.and_then(|metadata| metadata.modified().ok()),
    )
}
