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

use super::discovered::Discovered;
use super::{build, expiry};
use crate::config::Config;
use crate::{environment, material};

/// How often the files are looked at. That costs a few calls to the system.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What tells one state of a file from another.
type State = (PathBuf, u64, Option<SystemTime>);
type Seen = Vec<State>;

/// What is served, and where it comes from.
pub(super) struct Reloader {
    config: Config,
    /// Why the last reload was refused, if it was.
    refused: Option<String>,
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

/// What SIGHUP does from now on: to be asked for before the server says that it serves.
///
/// # Errors
/// If the system refuses.
pub(super) fn hangup() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}

impl Reloader {
    pub(super) fn new(
        config: &Config,
        discovered: Discovered,
        built: &build::Built,
        tls: Option<RustlsConfig>,
        rules_changed: Arc<Notify>,
        watched: Watched,
        hangup: Signal,
    ) -> Self {
        Self {
            config: config.clone(),
            refused: None,
            discovered,
            service: Arc::clone(&built.service),
            network: built.network.clone(),
            tls,
            rules_changed,
            hangup,
            rules_seen: watched.rules,
            lists_seen: watched.lists,
        }
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
            let lists_changed = now.lists != self.lists_seen;
            self.lists_seen = now.lists;
            let rules_changed = now.rules != self.rules_seen;
            self.rules_seen = now.rules;
            // One that was refused is tried again: what it lacks may be in files that are not known
            // yet, or in a file's permissions.
            let is_reloaded = (is_asked || rules_changed || self.refused.is_some())
                && self.reload(is_asked || rules_changed).await;
            // What is revoked must not wait until everything else is in order.
            if !is_reloaded && (is_asked || lists_changed) {
                self.read_lists().await;
            }
        }
    }

    /// Whether everything was taken up. The log tells of a refusal if it `is_new` or another one.
    async fn reload(&mut self, is_new: bool) -> bool {
        let Err(error) = self.try_reload().await else {
            self.refused = None;
            self.service.set_notice(Notice::Reload, Vec::new());
            self.service.set_notice(Notice::CrlFiles, Vec::new());
            expiry::tell(&self.service.rules(), environment::now());
            tracing::info!(
                communities = self.config.communities.len(),
                "communities reloaded"
            );
            self.rules_changed.notify_one();
            return true;
        };
        let error = format!("{error:#}");
        if is_new || self.refused.as_ref() != Some(&error) {
            tracing::error!(
                error,
                "the reload is refused; what was served before goes on"
            );
        }
        self.service.set_notice(
            Notice::Reload,
            vec![format!(
                "the last reload was refused, what was served before goes on: {error}"
            )],
        );
        self.refused = Some(error);
        false
    }

    async fn try_reload(&mut self) -> anyhow::Result<()> {
        let (old, discovered) = (self.config.clone(), self.discovered.clone());
        let (config, watched, rules, crls) = tokio::task::spawn_blocking(move || {
            let before = state(&old.path);
            let new = environment::configuration(&old.path)?;
            let mut config = old.clone();
            config.communities = new.communities.clone();
            config.certifications = new.certifications.clone();
            // The new set may be in other files; before they are read, so that no change falls
            // between.
            let mut watched = Watched::of(&config);
            watched.rules.retain(|(path, ..)| *path != before.0);
            watched.rules.push(before);
            watched.rules.sort();
            let (rules, crls) = build::rules(&config, &discovered)?;
            if !new.is_same_but_for_communities(&old) {
                tracing::warn!(
                    "keys of the configuration other than [[community]] and [[certification]] \
                     have changed: they take effect when the server is started again"
                );
            }
            anyhow::Ok((config, watched, rules, crls))
        })
        .await??;
        if let (Some(tls), Some(files)) = (&self.tls, &self.config.tls) {
            tls.reload_from_pem_file(&files.certificate, &files.key)
                .await
                .context("tls_certificate and tls_key")?;
        }
        build::vouch_for(&self.network, &rules);
        // Before the rules, so that no statement is judged by new anchors without their lists.
        self.service.crls().give(crls);
        self.service.replace_rules(rules)?;
        self.rules_seen = watched.rules;
        self.lists_seen = watched.lists;
        self.config = config;
        Ok(())
    }

    async fn read_lists(&self) {
        let paths = list_files(&self.config);
        // A long list is seconds of work.
        let read = tokio::task::spawn_blocking(move || material::readable_crls(&paths)).await;
        let (lists, faults) = match read {
            Ok(read) => read,
            Err(error) => (Vec::new(), vec![error.into()]),
        };
        tracing::info!(count = lists.len(), "revocation lists read from files");
        self.service.crls().give(lists);
        // Perhaps one is being written: what is known stays, and the next change is tried.
        let problems = faults.iter().map(|fault| {
            let error = format!("{fault:#}");
            tracing::error!(error, "a revocation list cannot be read");
            format!("a revocation list is left out, what was known before is still used: {error}")
        });
        self.service
            .set_notice(Notice::CrlFiles, problems.collect());
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

fn state(path: &Path) -> State {
    let metadata = fs::metadata(path).ok();
    (
        path.to_owned(),
        metadata.as_ref().map_or(0, fs::Metadata::len),
        metadata.and_then(|metadata| metadata.modified().ok()),
    )
}
