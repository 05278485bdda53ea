//! What is known of one distribution point.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;
use udap::certificate::Certificate;
use udap::trust::Crl;

use crate::limits;

/// Why a list is of no use that is past its nextUpdate.
pub(super) const LAPSED: &str = "lapsed";

/// One address.
pub(super) struct Entry {
    pub(super) url: String,
    /// The CA that certificates with this address name.
    pub(super) issuer: Certificate,
    /// Held while it is fetched: whoever comes meanwhile waits for the same answer.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    /// The key of `issuer`.
    pub(super) key: [u8; 32],
    made_at: Instant,
    is_queued: AtomicBool,
    state: Mutex<State>,
}

/// What came of fetching.
#[derive(Clone)]
pub(super) struct Held {
    /// The list. Its issuer's signature holds.
    pub(super) crl: Arc<Crl>,
    pub(super) entity_tag: Option<String>,
    pub(super) last_modified: Option<String>,
    /// When it was fetched, or confirmed to be the newest.
    pub(super) fetched_at: OffsetDateTime,
}

struct State {
    held: Option<Held>,
    /// A list that another key of the CA may have signed: it is judged with the path, and is kept
    /// as long as a failure.
    unproven: Option<Arc<Crl>>,
    tried_at: Option<Instant>,
    wanted_at: Option<Instant>,
    failure: Option<&'static str>,
}

impl Entry {
    pub(super) fn new(url: &str, issuer: Certificate, key: [u8; 32]) -> Self {
        Self {
            url: url.to_owned(),
            turn: Arc::default(),
            issuer,
            key,
            made_at: Instant::now(),
            is_queued: AtomicBool::new(false),
            state: Mutex::new(State {
                held: None,
                unproven: None,
                tried_at: None,
                wanted_at: None,
                failure: None,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that somebody needs it now.
    pub(super) fn want(&self) {
        self.state().wanted_at = Some(Instant::now());
    }

    /// When somebody last needed it; nobody did before it was made.
    pub(super) fn wanted_at(&self) -> Instant {
        self.state().wanted_at.unwrap_or(self.made_at)
    }

    /// Forgets the list that is only to be judged, if it is one of these.
    pub(super) fn drop_unproven(&self, fingerprints: &[[u8; 32]]) {
        let mut state = self.state();
        if (state.unproven.as_ref()).is_some_and(|crl| fingerprints.contains(crl.fingerprint())) {
            state.unproven = None;
        }
    }

    /// Whether nobody has needed it for so long.
    pub(super) fn is_unwanted_for(&self, time: Duration) -> bool {
        self.wanted_at().elapsed() >= time
    }

    /// Notes that it waits for its place in the background; false if it does already.
    pub(super) fn queue(&self) -> bool {
        !self.is_queued.swap(true, Ordering::AcqRel)
    }

    /// It waits no longer.
    pub(super) fn leave_queue(&self) {
        self.is_queued.store(false, Ordering::Release);
    }

    /// The lists that take memory.
    pub(super) fn lists(&self) -> Vec<Arc<Crl>> {
        let state = self.state();
        let held = state.held.as_ref().map(|held| Arc::clone(&held.crl));
        held.into_iter().chain(state.unproven.clone()).collect()
    }

    pub(super) fn held(&self) -> Option<Held> {
        self.state().held.clone()
    }

    pub(super) fn was_tried_within(&self, time: Duration) -> bool {
        self.state()
            .tried_at
            .is_some_and(|tried| tried.elapsed() < time)
    }

    /// What the last attempt found, if anything.
    pub(super) fn last_found(&self) -> Option<Arc<Crl>> {
        let state = self.state();
        let held = || state.held.as_ref().map(|held| Arc::clone(&held.crl));
        state.unproven.clone().or_else(held)
    }

    pub(super) fn failure(&self) -> Option<&'static str> {
        self.state().failure
    }

    pub(super) fn hold(&self, held: Held) {
        let mut state = self.state();
        state.held = Some(held);
        state.unproven = None;
        state.failure = None;
        state.tried_at = Some(Instant::now());
    }

    /// Takes over a list that was fetched earlier, or by somebody else. That says nothing about what
    /// the address would answer now.
    pub(super) fn adopt(&self, held: Held) {
        let mut state = self.state();
        state.held = Some(held);
        state.unproven = None;
        state.failure = None;
    }

    /// The list that is held is still the newest.
    pub(super) fn confirm(&self, at: OffsetDateTime) {
        let mut state = self.state();
        if let Some(held) = &mut state.held {
            held.fetched_at = at;
        }
        state.unproven = None;
        state.failure = None;
        state.tried_at = Some(Instant::now());
    }

    pub(super) fn fail(&self, failure: &'static str, unproven: Option<Arc<Crl>>) {
        let mut state = self.state();
        state.failure = Some(failure);
        state.unproven = unproven;
        state.tried_at = Some(Instant::now());
    }

    /// Notes that the list has lapsed, though it is what the address has.
    pub(super) fn lapse(&self) {
        self.state().failure = Some(LAPSED);
    }

    /// Whether it is time to ask again (decisions 22): once a while, sooner if the list is about to
    /// lapse, and if there is none, as long as somebody needs it.
    pub(super) fn is_due(&self, now: OffsetDateTime, refresh: time::Duration) -> bool {
        let state = self.state();
        let tried_lately = state
            .tried_at
            .is_some_and(|tried| tried.elapsed() < limits::CRL_RETRY);
        if tried_lately {
            return false;
        }
        match &state.held {
            None => state
                .wanted_at
                .is_some_and(|wanted| wanted.elapsed() < limits::CRL_WANTED),
            Some(held) => now >= due_at(held, refresh),
        }
    }
}

impl Held {
    /// Whether it is past nextUpdate, or has none.
    pub(super) fn has_lapsed(&self, now: OffsetDateTime) -> bool {
        self.crl.next_update().is_none_or(|next| next <= now)
    }
}

/// When a list is asked for again: `refresh` after it was, but while a quarter of its life is left.
fn due_at(held: &Held, refresh: time::Duration) -> OffsetDateTime {
    let usual = held.fetched_at + refresh;
    match held.crl.next_update() {
        Some(next_update) => {
            let life = next_update - held.crl.this_update();
            usual.min(next_update - life / 4)
        }
        None => usual,
    }
}
