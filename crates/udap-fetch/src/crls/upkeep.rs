//! What is done with the lists in the background: taken from the archive, asked for again, forgotten.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use udap::certificate::Certificate;
use udap::registry::{CrlRecord, RegistryError};
use udap::trust::Crl;

use super::entry::{Entry, Held};
use super::{CrlFailure, Crls, Inner};
use crate::limits;

/// What came of asking for a list again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CrlReport {
    /// Where.
    pub url: String,
    /// What.
    pub outcome: CrlOutcome,
    /// Until when the list that is known now can be used.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_update: Option<OffsetDateTime>,
    /// How many certificates it revokes.
    pub entries: Option<usize>,
    /// Why there is no newer one, if it failed.
    pub failure: Option<&'static str>,
}

/// See [`CrlReport`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CrlOutcome {
    /// A newer list was fetched.
    New,
    /// The list that was known is the newest.
    Unchanged,
    /// It could not be fetched; the one that was known is still used while it is in force.
    Failed,
}

/// How a list stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlStanding {
    /// Where it is fetched.
    pub url: String,
    /// nextUpdate of the list that is held; `None`: there is none.
    pub next_update: Option<OffsetDateTime>,
    /// Why the last attempt failed, if it did.
    pub failure: Option<&'static str>,
}

impl Crls {
    /// Takes up what the archive holds and is not known here: at the start, and what other
    /// instances have fetched since. Returns how many lists.
    ///
    /// # Errors
    /// If the archive fails.
    pub async fn synchronise(&self) -> Result<usize, RegistryError> {
        let mut taken = 0;
        let held: HashSet<(String, [u8; 32])> = self
            .0
            .entries()
            .iter()
            .filter_map(|entry| Some((entry.url.clone(), *entry.held()?.crl.fingerprint())))
            .collect();
        for version in self.0.archive.crl_versions().await? {
            if !held.contains(&(version.url.clone(), version.digest))
                && let Some(record) = self.0.archive.crl(&version.url).await?
            {
                taken += usize::from(self.0.take_up(record).await);
            }
        }
        Ok(taken)
    }

    /// Asks for every list again that is due. Returns at once: a server that hangs must not hold
    /// up the others.
    pub fn refresh(&self, now: OffsetDateTime) {
        for entry in self.0.entries() {
            // Where somebody has the turn, it is being fetched.
            if entry.is_due(now, self.0.refresh)
                && let Ok(turn) = Arc::clone(&entry.turn).try_lock_owned()
            {
                let inner = Arc::clone(&self.0);
                tokio::spawn(async move {
                    // What went wrong is logged and noted in the entry.
                    let _ = inner.ask_in_turn(&entry, now).await;
                    drop(turn);
                });
            }
        }
    }

    /// Asks for every known list now, in an emergency (decisions 38).
    pub async fn refresh_all(&self, now: OffsetDateTime) -> Vec<CrlReport> {
        let mut asked = JoinSet::new();
        for entry in self.0.entries() {
            let inner = Arc::clone(&self.0);
            asked.spawn(async move { inner.ask_again(&entry, now).await });
        }
        let mut reports = Vec::new();
        while let Some(done) = asked.join_next().await {
            reports.extend(done.ok());
        }
        reports.sort_by(|a, b| a.url.cmp(&b.url));
        reports
    }

    /// Forgets lists that lapsed long ago, and addresses that nobody asked about since.
    ///
    /// # Errors
    /// If the archive fails.
    pub async fn forget_lapsed(&self, now: OffsetDateTime) -> Result<(), RegistryError> {
        for entry in self.0.entries() {
            let Some(held) = entry.held() else {
                if !entry.was_tried_within(limits::CRL_WANTED) {
                    self.0.forget(&entry);
                }
                continue;
            };
            let lapsed = held.crl.next_update().unwrap_or(held.fetched_at);
            if now - lapsed > limits::CRL_KEPT_AFTER_LAPSE {
                self.0.archive.remove_crl(&entry.url).await?;
                self.0.forget(&entry);
            }
        }
        Ok(())
    }

    /// How the lists stand, for health and metrics.
    #[must_use]
    pub fn standing(&self) -> Vec<CrlStanding> {
        let entries = self.0.entries();
        entries
            .iter()
            .map(|entry| CrlStanding {
                url: entry.url.clone(),
                next_update: entry.held().and_then(|held| held.crl.next_update()),
                failure: entry.failure(),
            })
            .collect()
    }
}

impl Inner {
    async fn ask_again(&self, entry: &Entry, now: OffsetDateTime) -> CrlReport {
        let before = entry.held().map(|held| *held.crl.fingerprint());
        let _turn = entry.turn.lock().await;
        let outcome = self.ask_in_turn(entry, now).await;
        let held = entry.held();
        CrlReport {
            url: entry.url.clone(),
            outcome: match (&outcome, &held) {
                (Ok(_), Some(held)) if before == Some(*held.crl.fingerprint()) => {
                    CrlOutcome::Unchanged
                }
                (Ok(_), Some(_)) => CrlOutcome::New,
                _ => CrlOutcome::Failed,
            },
            next_update: held.as_ref().and_then(|held| held.crl.next_update()),
            entries: held.as_ref().map(|held| held.crl.len()),
            failure: entry.failure(),
        }
    }

    async fn ask_in_turn(
        &self,
        entry: &Entry,
        now: OffsetDateTime,
    ) -> Result<Arc<Crl>, CrlFailure> {
        let places = &self.background_downloads;
        self.download(entry, now, places, limits::CRL_BACKGROUND_TIME)
            .await
    }

    async fn take_up(&self, record: CrlRecord) -> bool {
        let Ok(issuer) = Certificate::from_der(&record.issuer) else {
            tracing::error!(url = %record.url, "the stored issuer of a revocation list is broken");
            return false;
        };
        let crl: Crl = match self.decode(record.der).await {
            Ok((crl, _)) => crl,
            Err(error) => {
                tracing::error!(url = %record.url, %error, "a stored revocation list is broken");
                return false;
            }
        };
        // Whoever can write the database must not be able to bring back a revoked certificate.
        if !crl.is_issued_by(&issuer) {
            tracing::error!(url = %record.url, "a stored revocation list has a wrong signature");
            return false;
        }
        let Some(entry) = self.entry(&record.url, &issuer) else {
            return false;
        };
        let crl = Arc::new(crl);
        if entry
            .held()
            .is_some_and(|held| held.crl.is_newer_than(&crl))
        {
            return false;
        }
        self.known.add([Arc::clone(&crl)]);
        entry.adopt(Held {
            crl,
            entity_tag: record.entity_tag,
            last_modified: record.last_modified,
            fetched_at: record.fetched_at,
        });
        true
    }
}
