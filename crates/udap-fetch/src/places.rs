//! Places for requests under way, of which nobody gets more than a share.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use udap::trust::Authority;
use url::Url;

use crate::limits;

/// Semaphores that are kept for later use. Those beyond that nobody uses are forgotten.
const KEPT: usize = 1_024;

/// As many as [`limits`] say for all, and a share for each anchor, each CA below one, and each host
/// of such a CA: neither a host that hangs nor a CA with any number of such hosts takes all.
pub(crate) struct Places {
    all: Arc<Semaphore>,
    of_anchor: Keyed<[u8; 32]>,
    of_ca: Keyed<Authority>,
    of_host: Keyed<(Authority, String)>,
}

/// A place, until it is dropped.
pub(crate) struct Place {
    _permits: [Option<OwnedSemaphorePermit>; 4],
}

impl Places {
    pub(crate) fn new(all: usize, per_host: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            of_anchor: Keyed::new((all / limits::SHARE_OF_ANCHOR).max(1)),
            of_ca: Keyed::new((all / limits::SHARE_OF_CA).max(1)),
            of_host: Keyed::new(per_host),
        }
    }

    /// Waits for a place for a request to a URL. What is for all is taken last, so that nobody who
    /// waits for his own share is in the way of others.
    pub(crate) async fn take(&self, authority: Authority, url: &str) -> Place {
        let host = Url::parse(url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_default();
        let of_host = self.of_host.get((authority, host));
        let of_ca = self.of_ca.get(authority);
        let of_anchor = self.of_anchor.get(authority.anchor);
        // They are never closed.
        Place {
            _permits: [
                of_host.acquire_owned().await.ok(),
                of_ca.acquire_owned().await.ok(),
                of_anchor.acquire_owned().await.ok(),
                Arc::clone(&self.all).acquire_owned().await.ok(),
            ],
        }
    }

    /// Of some that may bring about one request, the one with most places left.
    pub(crate) fn freest(&self, authorities: &[Authority]) -> Option<Authority> {
        let left = |authority: &Authority| {
            let of_ca = self.of_ca.get(*authority).available_permits();
            of_ca.min(self.of_anchor.get(authority.anchor).available_permits())
        };
        authorities.iter().copied().max_by_key(left)
    }
}

/// A semaphore for each key.
pub(crate) struct Keyed<K> {
    places: usize,
    semaphores: Mutex<HashMap<K, Arc<Semaphore>>>,
}

impl<K: Hash + Eq> Keyed<K> {
    pub(crate) fn new(places: usize) -> Self {
        Self {
            places,
            semaphores: Mutex::default(),
        }
    }

    pub(crate) fn get(&self, key: K) -> Arc<Semaphore> {
        let mut semaphores = (self.semaphores.lock()).unwrap_or_else(PoisonError::into_inner);
        if semaphores.len() >= KEPT {
            // Those that nobody uses now can be made again.
            semaphores.retain(|_, one| Arc::strong_count(one) > 1);
        }
        let one = semaphores
            .entry(key)
            .or_insert_with(|| Arc::new(Semaphore::new(self.places)));
        Arc::clone(one)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn authority(anchor: u8, ca: u8) -> Authority {
        Authority {
            anchor: [anchor; 32],
            ca: [ca; 32],
        }
    }

    /// A rogue with wildcard names and any number of CAs.
    #[tokio::test(start_paused = true)]
    async fn neither_a_host_nor_a_ca_nor_an_anchor_takes_all_places() {
        let places = Places::new(16, 2);
        let taken = async |authority, host: &str| {
            let url = format!("http://{host}/list.crl");
            let place = places.take(authority, &url);
            timeout(Duration::from_secs(1), place).await.ok()
        };
        let mut held = Vec::new();
        for _ in 0..3 {
            held.extend(taken(authority(1, 1), "a.example").await);
        }
        assert_eq!(held.len(), 2, "a host");
        for number in 0..10 {
            held.extend(taken(authority(1, 1), &format!("{number}.example")).await);
        }
        assert_eq!(held.len(), 4, "a CA");
        for number in 2..20 {
            held.extend(taken(authority(1, number), "b.example").await);
        }
        assert_eq!(held.len(), 8, "an anchor");
        let other = authority(2, 2);
        assert!(taken(other, "a.example").await.is_some());
        assert_eq!(places.freest(&[authority(1, 1), other]), Some(other));
        held.clear();
        assert!(taken(authority(1, 1), "a.example").await.is_some());
    }
}
