//! CRLs from distribution points: fetched once for all who wait, kept while they are in force, asked
//! for again before they lapse (C19–C21, decisions 2, 21, 22).
//!
//! A list is taken up only with the signature of the CA that the certificate's path names. Whoever
//! sits between us and a server can therefore withhold a list, which is noticed when the last one
//! lapses, but not forge one, nor bring back an older one.

mod addresses;
mod download;
mod entry;
mod no_archive;
mod room;
mod upkeep;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use udap::certificate::Certificate;
use udap::registry::CrlArchive;
use udap::trust::{Authority, Crl, CrlNeed, KnownCrls, TrustedPath};

use self::addresses::Addresses;
use self::entry::Entry;
use self::no_archive::NoArchive;
use crate::fetcher::Fetcher;
use crate::limits;
use crate::places::Places;
use crate::target::shown;

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
    addresses: Mutex<Addresses>,
    /// Entries of all lists that are held: [`limits::CRL_ENTRIES_HELD`], but for tests.
    room: usize,
    downloads: Places,
    background_downloads: Places,
    /// Decoding is work for the processor: a tenth of a second for a million entries.
    decoding: Semaphore,
    /// Stored lists that were refused, and when: reading and decoding them is work.
    refused: Mutex<HashMap<EntryKey, ([u8; 32], Instant)>>,
}

/// An address and the key of the CA that certificates with it name: a CA that names another's
/// address must not get in that one's way.
type EntryKey = (String, [u8; 32]);

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
            addresses: Mutex::default(),
            room: limits::CRL_ENTRIES_HELD,
            downloads: Places::new(limits::CRL_DOWNLOADS, limits::CRL_DOWNLOADS_PER_HOST),
            background_downloads: Places::new(
                limits::CRL_BACKGROUND_DOWNLOADS,
                limits::CRL_DOWNLOADS_PER_HOST,
            ),
            decoding: Semaphore::new(limits::CRL_DECODINGS),
            refused: Mutex::default(),
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
            let Some(entry) = (self.0).entry(url, need.issuer(), Some(need.authority())) else {
                tracing::error!(url = %shown(url), "CRL not fetched: too many distribution points are known");
                continue;
            };
            // No longer than one download: somebody may be at it in the background, who has more time.
            let until = deadline.min(Instant::now() + limits::CRL_TIME);
            match timeout_at(until, self.fresh(entry, now)).await {
                Err(_) if until == deadline => break,
                Err(_) | Ok(None) => {}
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
            let place = inner.place(&entry, &inner.downloads);
            let download = match timeout(limits::CRL_TIME, place).await {
                Ok(place) => inner.download(&entry, now, place, limits::CRL_TIME).await,
                Err(_) => Err(inner.busy(&entry)),
            };
            download.ok()
        });
        download.await.ok().flatten()
    }

    /// Learns from a trusted path who answers for the lists of its CAs, and that they are in use.
    pub fn learn(&self, path: &TrustedPath) {
        let anchor = path.anchor();
        let own = *anchor.key().fingerprint();
        let fingerprint = |ca: &Certificate| ca.key().ok().map(|key| *key.fingerprint());
        let top = path.intermediates().last().and_then(fingerprint);
        let below = std::iter::once(path.leaf()).chain(path.intermediates());
        let issuers = path.intermediates().iter().map(fingerprint);
        let mut addresses = self.0.addresses();
        for (certificate, issuer) in below.zip(issuers.chain([Some(own)])) {
            let Some(issuer) = issuer else { continue };
            let ca = top.filter(|_| issuer != own).unwrap_or(own);
            addresses.learn(&issuer, Authority { anchor: own, ca });
            for url in certificate.crl_distribution_points() {
                addresses.want(url, issuer);
            }
        }
    }
}

impl fmt::Debug for Crls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Crls")
            .field("refresh", &self.0.refresh)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
