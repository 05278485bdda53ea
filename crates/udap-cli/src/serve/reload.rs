//! Taking up changed files while the server runs: communities with their certificates and keys, and
//! revocation lists (decisions 24). A set that is not sound as a whole is refused, and what was
//! served before goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use axum_server::tls_rustls::RustlsConfig;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;
use udap_axum::{Notice, Service};
use udap_fetch::Network;

use super::scopes::Discovered;
use super::{build, expiry};
use crate::config::Config;
use crate::{environment, material};

/// How often the files are looked at. That costs a few calls to the system.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What tells one state of a file from another.
type Seen = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// What is served, and where it comes from.
pub(super) struct Reloader {
    config: Config,
    discovered: Discovered,
    service: Arc<Service>,
    network: Network,
    tls: Option<RustlsConfig>,
    rules_changed: Arc<Notify>,
    hangup: Signal,
    rules_seen: Seen,
    lists_seen: Seen,
}

/// What to watch, taken before the files are read, so that no change falls between.
pub(super) struct Watched {
    rules: Seen,
    lists: Seen,
}

impl Watched {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            rules: seen(rule_files(config)),
            lists: seen(list_files(config)),
        }
    }
}

impl Reloader {
    /// Must be made before the server says that it serves: from then on SIGHUP does not end it.
    pub(super) fn new(
        config: &Config,
        discovered: Discovered,
        built: &build::Built,
        tls: Option<RustlsConfig>,
        rules_changed: Arc<Notify>,
        watched: Watched,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            config: config.clone(),
            discovered,
            service: Arc::clone(&built.service),
            network: built.network.clone(),
            tls,
            rules_changed,
            hangup: signal(SignalKind::hangup())?,
            rules_seen: watched.rules,
            lists_seen: watched.lists,
        })
    }

    /// Runs until the server stops.
    pub(super) async fn run(mut self, mut stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_asked = tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return Ok(()),
                _ = ticks.tick() => false,
                hangup = self.hangup.recv() => hangup.is_some(),
            };
            let now = Watched::of(&self.config);
            if is_asked || now.rules != self.rules_seen {
                self.rules_seen = now.rules;
                self.reload().await;
            } else if now.lists != self.lists_seen {
                self.read_lists().await;
            }
            self.lists_seen = now.lists;
        }
    }

    async fn reload(&mut self) {
        match self.try_reload().await {
            Ok(()) => {
                self.service.set_notice(Notice::Reload, Vec::new());
                expiry::tell(&self.service.rules(), environment::now());
                tracing::info!(
                    communities = self.config.communities.len(),
                    "communities reloaded"
                );
                self.rules_changed.notify_one();
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(
                    error,
                    "the reload is refused; what was served before goes on"
                );
                self.service.set_notice(
                    Notice::Reload,
                    vec![format!(
                        "the last reload was refused, what was served before goes on: {error}"
                    )],
                );
            }
        }
    }

    async fn try_reload(&mut self) -> anyhow::Result<()> {
        let (old, discovered) = (self.config.clone(), self.discovered.clone());
        let (config, rules, crls) = tokio::task::spawn_blocking(move || {
            let new = environment::configuration(&old.path)?;
            let mut config = old.clone();
            config.communities = new.communities.clone();
            config.certifications = new.certifications.clone();
            if !new.is_same_but_for_communities(&old) {
                tracing::warn!(
                    "keys of the configuration other than [[community]] and [[certification]] \
                     have changed: they take effect when the server is started again"
                );
            }
            let (rules, crls) = build::rules(&config, &discovered)?;
            anyhow::Ok((config, rules, crls))
        })
        .await??;
        if let (Some(tls), Some(files)) = (&self.tls, &self.config.tls) {
            tls.reload_from_pem_file(&files.certificate, &files.key)
                .await
                .context("tls_certificate and tls_key")?;
        }
        build::vouch_for(&self.network, &rules);
        // Before the rules, so that no statement is judged by new anchors without their lists.
        self.service.crls().add(crls);
        self.service.replace_rules(rules)?;
        self.config = config;
        // The new set may be in other files.
        self.rules_seen = seen(rule_files(&self.config));
        Ok(())
    }

    async fn read_lists(&self) {
        let paths: Vec<PathBuf> = list_files(&self.config).into_iter().collect();
        // A long list is seconds of work.
        let read = tokio::task::spawn_blocking(move || material::crls(&paths)).await;
        match read {
            Ok(Ok(lists)) => {
                tracing::info!(count = lists.len(), "revocation lists read from files");
                self.service.crls().add(lists.iter().cloned());
            }
            // Perhaps one is being written: what is known stays, and the next change is tried.
            Ok(Err(error)) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the revocation lists cannot be read; those known before are still used"
                );
            }
            Err(error) => tracing::error!(%error, "reading revocation lists ended abnormally"),
        }
    }
}

/// Everything that the communities' rules are made of.
fn rule_files(config: &Config) -> Vec<PathBuf> {
    let mut files = vec![config.path.clone()];
    for community in &config.communities {
        files.extend(community.anchors.iter().cloned());
        files.extend(community.intermediates.iter().cloned());
        files.push(community.server_certificate.clone());
        files.push(community.server_key.clone());
    }
    if let Some(tls) = &config.tls {
        files.push(tls.certificate.clone());
        files.push(tls.key.clone());
    }
    files
}

fn list_files(config: &Config) -> Vec<PathBuf> {
    let communities = config.communities.iter();
    communities
        .flat_map(|community| community.crls.iter().cloned())
        .collect()
}

/// Every file, with its length and the time of its last change.
fn seen(paths: Vec<PathBuf>) -> Seen {
    let mut files = Vec::new();
    for path in paths {
        match fs::read_dir(&path) {
            Ok(entries) => files.extend(entries.flatten().map(|entry| entry.path())),
            Err(_) => files.push(path),
        }
    }
    files.sort();
    files.dedup();
    files.into_iter().map(|path| state(&path)).collect()
}

fn state(path: &Path) -> (PathBuf, u64, Option<SystemTime>) {
    let metadata = fs::metadata(path).ok();
    (
        path.to_owned(),
        metadata.as_ref().map_or(0, fs::Metadata::len),
        metadata.and_then(|metadata| metadata.modified().ok()),
    )
}
