//! CRLs from distribution points: fetched once for all who wait, kept while they are in force, asked
//! for again before they lapse (C19–C21, decisions 2, 21, 22).
//!
//! A list is taken up only with the signature of the CA that the certificate's path names. Whoever
//! sits between us and a server can therefore withhold a list, which is noticed when the last one
//! lapses, but not forge one, nor bring back an older one.

mod download;
mod entry;
mod no_archive;
mod upkeep;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use udap::certificate::Certificate;
use udap::registry::CrlArchive;
use udap::trust::{Crl, CrlNeed, KnownCrls};

use self::entry::Entry;
use self::no_archive::NoArchive;
use crate::fetcher::Fetcher;
use crate::limits;

pub use self::download::CrlFailure;
pub use self::upkeep::{CrlOutcome, CrlReport, CrlStanding};

/// The CRLs of one process. Cheap to clone; clones are one.
#[derive(Clone)]
pub struct Crls(Arc<Inner>);

struct Inner {
    fetcher: Fetcher,
    archive: Arc<dyn CrlArchive>,
    known: KnownCrls,
    /// How often a list is asked for again.
    refresh: time::Duration,
    entries: Mutex<HashMap<EntryKey, Arc<Entry>>>,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
    downloads: Semaphore,
    background_downloads: Semaphore,
    /// Decoding is work for the processor: a tenth of a second for a million entries.
    decoding: Semaphore,
}

/// An address and the key of the CA that certificates with it name: a CA that names another's
/// address must not get in that one's way.
type EntryKey = (String, Option<[u8; 32]>);

impl Crls {
    /// `known`: where lists are put as they arrive. `archive`: where they outlive the process and
    /// meet those of other instances. `refresh`: how often each is asked for again.
    #[must_use]
    pub fn new(
        fetcher: Fetcher,
        archive: Arc<dyn CrlArchive>,
        known: KnownCrls,
        refresh: Duration,
    ) -> Self {
        Self(Arc::new(Inner {
            fetcher,
            archive,
            known,
            refresh: time::Duration::try_from(refresh).unwrap_or(time::Duration::DAY),
            entries: Mutex::default(),
            hosts: Mutex::default(),
            downloads: Semaphore::new(limits::CRL_DOWNLOADS),
            background_downloads: Semaphore::new(limits::CRL_BACKGROUND_DOWNLOADS),
            decoding: Semaphore::new(limits::CRL_DECODINGS),
        }))
    }

    /// Keeps nothing beyond the process: for a single judgement.
    #[must_use]
    pub fn unkept(fetcher: Fetcher) -> Self {
        Self::new(
            fetcher,
            Arc::new(NoArchive),
            KnownCrls::default(),
            Duration::from_secs(60 * 60),
        )
    }

    /// Lists that may answer a need, until `deadline`: its addresses in turn, until one does. A
    /// download that takes longer goes on, for the next who asks.
    pub async fn obtain(
        &self,
        need: &CrlNeed,
        now: OffsetDateTime,
        deadline: Instant,
    ) -> Vec<Arc<Crl>> {
        let mut found = Vec::new();
        for url in need.urls() {
            let Some(entry) = self.entry(url, need.issuer()) else {
                tracing::error!(%url, "CRL not fetched: too many distribution points are known");
                continue;
            };
            match timeout_at(deadline, self.fresh(entry, now)).await {
                Err(_) => break,
                Ok(None) => {}
                Ok(Some(crl)) => {
                    let is_answered = need.is_answered_by(&crl, now);
                    found.push(crl);
                    if is_answered {
                        break;
                    }
                }
            }
        }
        found
    }

    /// The list of an address, fetched now unless somebody just has, with success or without.
    async fn fresh(&self, entry: Arc<Entry>, now: OffsetDateTime) -> Option<Arc<Crl>> {
        entry.want();
        let turn = Arc::clone(&entry.turn).lock_owned().await;
        if entry.was_tried_within(limits::CRL_FAILURE_MEMORY) {
            return entry.last_found();
        }
        let inner = Arc::clone(&self.0);
        // Spawned, so that one who stops waiting does not stop it for the others.
        let download = tokio::spawn(async move {
            let _turn = turn;
            let download = inner.download(&entry, now, &inner.downloads, limits::CRL_TIME);
            download.await.ok()
        });
        download.await.ok().flatten()
    }

    fn entry(&self, url: &str, issuer: &Certificate) -> Option<Arc<Entry>> {
        self.0.entry(url, issuer)
    }
}

impl Inner {
    /// The entry of an address, made if there is none; `None` if there are too many.
    fn entry(&self, url: &str, issuer: &Certificate) -> Option<Arc<Entry>> {
        let key = entry_key(url, issuer);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(&key) {
            return Some(Arc::clone(entry));
        }
        if entries.len() >= limits::CRL_ADDRESSES {
            return None;
        }
        let entry = Arc::new(Entry::new(url, issuer.clone()));
        entries.insert(key, Arc::clone(&entry));
        Some(entry)
    }

    fn entries(&self) -> Vec<Arc<Entry>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.values().cloned().collect()
    }

    fn forget(&self, entry: &Entry) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(&entry_key(&entry.url, &entry.issuer));
    }

    /// Entries of all lists that are held.
    fn entries_held(&self) -> usize {
        let held = self.entries().into_iter().filter_map(|entry| entry.held());
        held.map(|held| held.crl.len()).sum()
    }

    /// The places for downloads from a URL's host: one that hangs must not take them all.
    fn host(&self, url: &str) -> Arc<Semaphore> {
        let host = url::Url::parse(url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_default();
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() > limits::CRL_ADDRESSES {
            // Those that nobody uses now can be made again.
            hosts.retain(|_, places| Arc::strong_count(places) > 1);
        }
        let places = hosts
            .entry(host)
            .or_insert_with(|| Arc::new(Semaphore::new(limits::CRL_DOWNLOADS_PER_HOST)));
        Arc::clone(places)
    }
}

fn entry_key(url: &str, issuer: &Certificate) -> EntryKey {
    (
        url.to_owned(),
        issuer.key().ok().map(|key| *key.fingerprint()),
    )
}

impl fmt::Debug for Crls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Crls")
            .field("refresh", &self.0.refresh)
            .finish_non_exhaustive()
    }
}
