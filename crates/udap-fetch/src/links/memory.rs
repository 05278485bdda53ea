//! What came of each link, for a while.

use quick_cache::sync::{Cache, DefaultLifecycle, PlaceholderGuard};
use quick_cache::{DefaultHashBuilder, UnitWeighter};
use tokio::time::Instant;
use udap::registrar::LinkFault;

use super::judgement::Judgement;
use crate::limits;

/// A URL in its normal form, and how it is judged.
pub(super) type Key = (Judgement, String);

/// Bounded; which entries go first is the cache's affair.
pub(super) struct Memory(Cache<Key, Entry>);

#[derive(Clone, Copy)]
pub(super) struct Entry {
    fault: Option<LinkFault>,
    since: Instant,
}

impl Entry {
    fn is_fresh(&self) -> bool {
        let lasts = match self.fault {
            None => limits::LINK_MEMORY,
            Some(_) => limits::LINK_FAULT_MEMORY,
        };
        self.since.elapsed() < lasts
    }
}

/// The right to visit a link, while others wait. Dropped unfilled, one of those gets it.
pub(super) struct Slot<'a>(
    PlaceholderGuard<
        'a,
        Key,
        Entry,
        UnitWeighter,
        DefaultHashBuilder,
        DefaultLifecycle<Key, Entry>,
    >,
);

impl Slot<'_> {
    pub(super) fn fill(self, fault: Option<LinkFault>) {
        // It fails only if the entry was put there otherwise in the meantime.
        let _ = self.0.insert(Entry {
            fault,
            since: Instant::now(),
        });
    }
}

impl Memory {
    pub(super) fn new() -> Self {
        Self(Cache::new(limits::LINKS_REMEMBERED))
    }

    /// What is remembered of a link.
    pub(super) fn get(&self, key: &Key) -> Option<Option<LinkFault>> {
        let entry = self.0.get(key)?;
        if entry.is_fresh() {
            return Some(entry.fault);
        }
        self.0.remove_if(key, |entry| !entry.is_fresh());
        None
    }

    /// What is remembered of a link, after waiting for whoever visits it now; or else the right to
    /// visit it.
    pub(super) async fn get_or_reserve(&self, key: &Key) -> Result<Option<LinkFault>, Slot<'_>> {
        if let Some(fault) = self.get(key) {
            return Ok(fault);
        }
        match self.0.get_value_or_guard_async(key).await {
            Ok(entry) => Ok(entry.fault),
            Err(guard) => Err(Slot(guard)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    fn key(number: usize) -> Key {
        (Judgement::Page, format!("https://{number}.example/"))
    }

    async fn remember(memory: &Memory, key: &Key, fault: Option<LinkFault>) {
        match memory.get_or_reserve(key).await {
            Err(slot) => slot.fill(fault),
            Ok(known) => panic!("known already: {known:?}"),
        }
    }

    /// Proves: I24
    #[tokio::test(start_paused = true)]
    async fn a_good_outcome_lasts_ten_minutes_and_a_fault_is_forgotten_when_the_app_may_return() {
        let memory = Memory::new();
        remember(&memory, &key(1), None).await;
        remember(&memory, &key(2), Some(LinkFault::Redirects)).await;
        assert_eq!(memory.get(&key(1)), Some(None));
        assert_eq!(memory.get(&key(2)), Some(Some(LinkFault::Redirects)));
        assert_eq!(memory.get(&(Judgement::Callback, key(1).1)), None);
        let return_after = Duration::from_secs(udap::limits::LINK_RETRY_SECONDS.into());
        advance(return_after).await;
        assert_eq!(memory.get(&key(1)), Some(None));
        assert_eq!(memory.get(&key(2)), None);
        advance(Duration::from_secs(600) - return_after).await;
        assert_eq!(memory.get(&key(1)), None);
        remember(&memory, &key(1), Some(LinkFault::Unreachable)).await;
    }

    #[tokio::test]
    async fn it_does_not_grow_beyond_its_bound() {
        let memory = Memory::new();
        for number in 0..limits::LINKS_REMEMBERED * 2 {
            remember(&memory, &key(number), None).await;
        }
        assert!(memory.0.len() <= limits::LINKS_REMEMBERED);
        assert!(!memory.0.is_empty());
    }
}
