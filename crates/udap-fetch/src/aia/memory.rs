//! What each address gave, for a while.

use quick_cache::Weighter;
use quick_cache::sync::{Cache, PlaceholderGuard};
use tokio::time::Instant;

use super::Found;
use crate::limits;

/// Answers of that many octets, URL included, are expected in the memory: one certificate.
const USUAL_BYTES: usize = 2 * 1024;

/// Beside the certificates, an entry takes about that much.
const ENTRY_BYTES: usize = 256;

type Entries = Cache<String, Entry, Octets>;

/// Bounded; which entries go first is the cache's affair.
pub(super) struct Memory(Entries);

#[derive(Clone)]
struct Entry {
    found: Found,
    since: Instant,
}

impl Entry {
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < limits::AIA_MEMORY
    }
}

#[derive(Clone)]
struct Octets;

impl Weighter<String, Entry> for Octets {
    fn weight(&self, url: &String, entry: &Entry) -> u64 {
        let certificates = entry.found.iter().map(|one| one.der().len()).sum::<usize>();
        (ENTRY_BYTES + url.len() + certificates) as u64
    }
}

/// The right to fetch an address, while others wait. Dropped unfilled, one of those gets it.
pub(super) struct Slot<'a>(
    PlaceholderGuard<
        'a,
        String,
        Entry,
        Octets,
        quick_cache::DefaultHashBuilder,
        quick_cache::sync::DefaultLifecycle<String, Entry>,
    >,
);

impl Slot<'_> {
    pub(super) fn fill(self, found: Found) {
        // It fails only if the entry was put there otherwise in the meantime.
        let _ = self.0.insert(Entry {
            found,
            since: Instant::now(),
        });
    }
}

impl Memory {
    pub(super) fn new() -> Self {
        let usual = limits::AIA_MEMORY_BYTES / USUAL_BYTES as u64;
        Self(Cache::with_weighter(
            usize::try_from(usual).unwrap_or(usize::MAX),
            limits::AIA_MEMORY_BYTES,
            Octets,
        ))
    }

    /// What is remembered of an address.
    pub(super) fn get(&self, url: &str) -> Option<Found> {
        let entry = self.0.get(url)?;
        if entry.is_fresh() {
            return Some(entry.found);
        }
        self.0.remove_if(url, |entry| !entry.is_fresh());
        None
    }

    /// What is remembered of an address, after waiting for whoever fetches it now; or else the
    /// right to fetch it.
    pub(super) async fn get_or_reserve(&self, url: &str) -> Result<Found, Slot<'_>> {
        if let Some(found) = self.get(url) {
            return Ok(found);
        }
        match self.0.get_value_or_guard_async(url).await {
            Ok(entry) => Ok(entry.found),
            Err(guard) => Err(Slot(guard)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn it_does_not_grow_beyond_its_bound() {
        let memory = Memory::new();
        for number in 0..40_000 {
            let url = format!("http://{number}.example/{}", "x".repeat(1_024));
            let entry = Entry {
                found: Arc::default(),
                since: Instant::now(),
            };
            memory.0.insert(url, entry);
        }
        assert!(memory.0.weight() <= limits::AIA_MEMORY_BYTES);
        assert!(!memory.0.is_empty());
    }
}
