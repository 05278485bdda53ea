//! Sealing the audit log while the server runs, and when it stops (decisions 32).

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use metrics::{describe_gauge, gauge};
use tokio::sync::watch;
use udap::registry::RegistryError;
use udap_store::audit::{AuditLog, SEALER_LEASE, Seal, SealKey, Sealing};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::environment;

/// How often events are sealed. Whoever can write the database can change an event unnoticed for so
/// long; without new events, a look costs one short read.
const SEAL_EVERY: Duration = Duration::from_secs(3);

/// Batches that are sealed before the process ends: thousands of events, in a second or two. More
/// are sealed after the next start.
const LAST_BATCHES: u32 = 20;

/// What is read of a key file: keys have tens of octets, and more is a wrong path.
const KEY_FILE_OCTETS: u64 = 4 * 1024;

const EVENTS: &str = "udap_audit_unsealed_events";
const AGE: &str = "udap_audit_unsealed_age_seconds";

/// The key that seals are made with, or that there is none.
///
/// # Errors
/// If the key file cannot be read, or holds too little or too much.
pub(crate) fn seal_key(config: &Config) -> anyhow::Result<SealKey> {
    match &config.audit_key_file {
        None => Ok(SealKey::plain()),
        Some(path) => key_in(path).with_context(|| format!("audit_key_file {}", path.display())),
    }
}

fn key_in(path: &Path) -> anyhow::Result<SealKey> {
    // As long as it can get, so that no copy is left behind where it grew.
    let mut content = Zeroizing::new(Vec::with_capacity(KEY_FILE_OCTETS as usize + 64));
    File::open(path)?
        .take(KEY_FILE_OCTETS + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > KEY_FILE_OCTETS {
        bail!("it is longer than {KEY_FILE_OCTETS} octets: is it a key?");
    }
    let key = content.strip_suffix(b"\n").unwrap_or(&content);
    let key = key.strip_suffix(b"\r").unwrap_or(key);
    SealKey::keyed(key).context("make one with: (umask 077; openssl rand -hex 32 > audit.key)")
}

/// Seals, for as long as it is the one among several processes that does.
pub(crate) struct Sealer {
    log: Arc<dyn AuditLog>,
    key: SealKey,
    holder: String,
    /// The last batch that this process sealed: a later one has a greater number.
    last: AtomicI64,
}

impl Sealer {
    /// A sealer under a lease of its own.
    pub(crate) fn new(log: Arc<dyn AuditLog>, key: SealKey) -> Self {
        Self {
            log,
            key,
            holder: environment::random_id(),
            last: AtomicI64::new(0),
        }
    }

    /// Runs until the server stops. What fails is logged, and tried again.
    pub(super) async fn run(
        self: Arc<Self>,
        mut stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        describe_gauge!(EVENTS, "Audit events that are not sealed yet");
        describe_gauge!(AGE, "Seconds since the oldest of them happened, or 0");
        let mut ticks = tokio::time::interval(SEAL_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return Ok(()),
                _ = ticks.tick() => {}
            }
            while !*stopped.borrow() && self.try_batch().await {}
            self.measure().await;
        }
    }

    /// Seals what is left, and lets another process go on.
    pub(super) async fn finish(&self) {
        for _ in 0..LAST_BATCHES {
            if !self.try_batch().await {
                break;
            }
        }
        if let Err(error) = self.log.release_lease(SEALER_LEASE, &self.holder).await {
            tracing::warn!(%error, "the audit sealer's lease could not be given back");
        }
    }

    /// Seals everything. Returns the seals, and whether nothing is left: otherwise another process
    /// seals.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn seal_all(&self) -> Result<(Vec<Seal>, bool), RegistryError> {
        let mut seals = Vec::new();
        let done = loop {
            match self.batch().await? {
                Sealing::Sealed { seal, .. } => seals.push(seal),
                Sealing::Nothing => break true,
                Sealing::Elsewhere => break false,
            }
        };
        self.log.release_lease(SEALER_LEASE, &self.holder).await?;
        Ok((seals, done))
    }

    /// Seals a batch. Returns whether there may be another.
    async fn try_batch(&self) -> bool {
        match self.batch().await {
            Ok(Sealing::Sealed { .. }) => true,
            Ok(_) => false,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "audit events could not be sealed");
                false
            }
        }
    }

    async fn batch(&self) -> Result<Sealing, RegistryError> {
        let sealing = self
            .log
            .seal(&self.key, &self.holder, environment::now())
            .await?;
        if let Sealing::Sealed {
            seal,
            previous_holds,
        } = &sealing
        {
            self.tell(seal, *previous_holds);
        }
        Ok(sealing)
    }

    /// The log is the copy of the seals that nobody can change with the database alone.
    fn tell(&self, seal: &Seal, previous_holds: bool) {
        tracing::info!(
            batch = seal.batch,
            events = seal.events,
            seal = seal.to_hex(),
            keyed = seal.keyed,
            "audit events sealed"
        );
        let last = self.last.swap(seal.batch, Ordering::SeqCst);
        if seal.batch <= last {
            tracing::error!(
                batch = seal.batch,
                last,
                "the audit log is shorter than it was: seals have been removed"
            );
        }
        if !previous_holds {
            tracing::error!(
                batch = seal.batch,
                "the audit log's seal before this one was changed, or made with another key: run \
                 `udap audit verify`"
            );
        }
    }

    async fn measure(&self) {
        match self.log.unsealed().await {
            Ok(unsealed) => {
                gauge!(EVENTS).set(unsealed.events as f64);
                let age = unsealed
                    .oldest
                    .map_or(0.0, |oldest| (environment::now() - oldest).as_seconds_f64());
                gauge!(AGE).set(age.max(0.0));
            }
            Err(error) => tracing::warn!(%error, "unsealed audit events could not be counted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log in a file, with one event in it.
    async fn log(folder: &Path) -> Arc<dyn AuditLog> {
        use sqlx::ConnectOptions;
        let path = folder.join("udap.db");
        let log = udap_store::SqliteRegistry::open(&path, Vec::new()).await;
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
        sqlx::query(
            "INSERT INTO audit_event (id, occurred_at, kind, detail) \
             VALUES (randomblob(16), 1, 'registered', '{}')",
        )
        .execute(&mut options.connect().await.unwrap())
        .await
        .unwrap();
        Arc::new(log.unwrap())
    }

    #[tokio::test]
    async fn events_are_sealed_while_the_server_runs_and_the_task_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path()).await;
        let sealer = Arc::new(Sealer::new(Arc::clone(&log), SealKey::plain()));
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(Arc::clone(&sealer).run(stopped));
        for _ in 0..200 {
            if log.unsealed().await.unwrap().events == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(log.unsealed().await.unwrap().events, 0);
        stop.send(true).unwrap();
        task.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn the_lease_is_given_back_at_the_end_so_that_another_server_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let first = log(folder.path()).await;
        Sealer::new(first, SealKey::plain()).finish().await;
        let second = Sealer::new(log(folder.path()).await, SealKey::plain());
        let (seals, done) = second.seal_all().await.unwrap();
        assert!(done);
        assert_eq!(seals.iter().map(|seal| seal.batch).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_key_has_at_least_32_octets_without_its_line_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (content, accepted) in [
            ("x".repeat(32), true),
            (format!("{}\n", "x".repeat(32)), true),
            (format!("{}\r\n", "x".repeat(31)), false),
            (format!("{}\n", "x".repeat(31)), false),
            (String::new(), false),
            ("x".repeat(4_096), true),
            ("x".repeat(4_097), false),
        ] {
            std::fs::write(file.path(), &content).unwrap();
            let key = key_in(file.path());
            assert_eq!(key.is_ok(), accepted, "{}", content.len());
            assert!(!format!("{key:?}").contains("xx"));
        }
    }
}
