//! What is done with the lists in the background: taken from the archive, asked for again, forgotten.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use serde::Serialize;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::Instant;
use udap::certificate::Certificate;
use udap::registry::{CrlRecord, RegistryError};
use udap::trust::{Authority, Crl};

use super::addresses::Admission;
use super::entry::{Entry, Held};
use super::{CrlFailure, Crls, EntryKey, Inner};
use crate::limits;
use crate::places::Place;
use crate::target::shown;

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
        let held: HashMap<EntryKey, [u8; 32]> = (self.0.entries().iter())
            .filter_map(|entry| {
                let digest = *entry.held()?.crl.fingerprint();
                Some(((entry.url.clone(), entry.key), digest))
            })
            .collect();
        for version in self.0.archive.crl_versions().await? {
            let (key, digest) = ((version.url, version.issuer_key), version.digest);
            if held.get(&key) == Some(&digest) || self.0.was_refused(&key, &digest) {
                continue;
            }
            let is_taken = match self.0.archive.crl(&key.0, &key.1).await {
                Ok(Some(record)) => self.0.take_up(record, &key).await,
                Ok(None) => continue,
                Err(error @ RegistryError::Unavailable(_)) => return Err(error),
                // One that cannot be read must not keep those behind it from being taken up.
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(url = %shown(&key.0), %error, cause, "a stored revocation list cannot be read");
                    false
                }
            };
            if is_taken {
                taken += 1;
            } else {
                self.0.refuse(key, digest);
            }
        }
        Ok(taken)
    }

    /// Asks for every list again that is due. Returns at once: a server that hangs must not hold
    /// up the others.
    pub fn refresh(&self, now: OffsetDateTime) {
        for entry in self.0.entries() {
            // Where somebody has the turn, it is being fetched.
            if entry.is_due(now, self.0.refresh) && entry.turn.try_lock().is_ok() && entry.queue() {
                let inner = Arc::clone(&self.0);
                tokio::spawn(async move {
                    // Without its turn: statements that need it must not wait for a place here.
                    let place = inner.place(&entry, &inner.background_downloads).await;
                    entry.leave_queue();
                    let _turn = entry.turn.lock().await;
                    // Somebody may have fetched it meanwhile.
                    if entry.is_due(now, inner.refresh) {
                        // What went wrong is logged and noted in the entry.
                        let _ = inner.ask_in_turn(&entry, now, place).await;
                    }
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
                // Or its first download may be under way.
                if !entry.was_tried_within(limits::CRL_WANTED)
                    && entry.is_unwanted_for(limits::CRL_WANTED)
                {
                    self.0.forget(&entry);
                }
                continue;
            };
            let lapsed = held.crl.next_update().unwrap_or(held.fetched_at);
            if now - lapsed > limits::CRL_KEPT_AFTER_LAPSE {
                // Removes it from the archive too.
                self.0.forget(&entry);
            }
        }
        // Those too that were never taken up.
        for version in self.0.archive.crl_versions().await? {
            let lapsed = version.next_update.unwrap_or(version.fetched_at);
            if now - lapsed > limits::CRL_KEPT_AFTER_LAPSE {
                let (url, key) = (&version.url, &version.issuer_key);
                self.0.archive.remove_crl(url, key).await?;
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
        let place = self.place(entry, &self.background_downloads).await;
        let _turn = entry.turn.lock().await;
        let outcome = self.ask_in_turn(entry, now, place).await;
        let held = entry.held();
        CrlReport {
            url: entry.url.clone(),
            outcome: match (&outcome, &held) {
                // What came is held only if the issuer's key signed it.
                (Ok(_), Some(held)) if before == Some(*held.crl.fingerprint()) => {
                    match entry.failure() {
                        None => CrlOutcome::Unchanged,
                        Some(_) => CrlOutcome::Failed,
                    }
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
        place: (Authority, Place),
    ) -> Result<Arc<Crl>, CrlFailure> {
        self.download(entry, now, place, limits::CRL_BACKGROUND_TIME)
            .await
    }

    fn refused(&self) -> MutexGuard<'_, HashMap<EntryKey, ([u8; 32], Instant)>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn was_refused(&self, key: &EntryKey, digest: &[u8; 32]) -> bool {
        self.refused().get(key).is_some_and(|(refused, at)| {
            refused == digest && at.elapsed() < limits::CRL_REFUSAL_MEMORY
        })
    }

    fn refuse(&self, key: EntryKey, digest: [u8; 32]) {
        let mut refused = self.refused();
        if refused.len() >= limits::CRL_ADDRESSES {
            refused.retain(|_, (_, at)| at.elapsed() < limits::CRL_REFUSAL_MEMORY);
        }
        refused.insert(key, (digest, Instant::now()));
    }

    /// `key`: what it is stored under.
    async fn take_up(&self, record: CrlRecord, key: &EntryKey) -> bool {
        let url = shown(&record.url);
        let Ok(issuer) = Certificate::from_der(&record.issuer) else {
            tracing::error!(%url, "the stored issuer of a revocation list is broken");
            return false;
        };
        let crl: Crl = match self.decode(record.der).await {
            Ok((crl, _)) => crl,
            Err(error) => {
                tracing::error!(%url, %error, "a stored revocation list is broken");
                return false;
            }
        };
        // Whoever can write the database must not be able to bring back a revoked certificate.
        let is_key = issuer.key().is_ok_and(|own| *own.fingerprint() == key.1);
        if !is_key || record.url != key.0 || !crl.is_issued_by(&issuer) {
            tracing::error!(%url, "a stored revocation list has a wrong signature");
            return false;
        }
        let Some(entry) = self.entry(&record.url, &issuer, None) else {
            tracing::error!(%url, "a stored revocation list is not taken up: there are too many");
            return false;
        };
        let crl = Arc::new(crl);
        if entry
            .held()
            .is_some_and(|held| held.crl.is_newer_than(&crl))
        {
            return false;
        }
        let held = Held {
            crl: Arc::clone(&crl),
            entity_tag: record.entity_tag,
            last_modified: record.last_modified,
            fetched_at: record.fetched_at,
        };
        let is_taken = self.admit(&entry, &crl, Admission::Stored(held));
        if !is_taken {
            tracing::error!(%url, "a stored revocation list is not taken up: all have too many entries");
        }
        is_taken
    }
}
