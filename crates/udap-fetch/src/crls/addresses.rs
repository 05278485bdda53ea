//! The addresses that are known, who answers for them, and what may be held.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, MutexGuard, PoisonError};

use udap::certificate::Certificate;
use udap::trust::{Authority, Crl};

use super::entry::{Entry, Held};
use super::{EntryKey, Inner, room};
use crate::limits;

/// See the module.
#[derive(Default)]
pub(super) struct Addresses {
    entries: HashMap<EntryKey, Arc<Entry>>,
    /// Who answers for what an issuer, by its key, has signed, as needs and trusted paths tell.
    owners: HashMap<[u8; 32], Vec<Authority>>,
}

/// A list that takes memory.
struct List {
    crl: Arc<Crl>,
    /// The address that holds it and was wanted last.
    holder: Option<Arc<Entry>>,
}

/// How a list comes in.
pub(super) enum Admission {
    /// It was fetched. Others may have to go.
    Fetched(Held),
    /// It was stored: nothing goes for it.
    Stored(Held),
    /// It is only to be judged.
    Unproven,
}

/// Of what comes from the archive it is known who signed it, not who answers for that: until a need
/// tells, all such issuers are as if below one anchor.
fn unknown(key: [u8; 32]) -> Authority {
    Authority {
        anchor: [0; 32],
        ca: key,
    }
}

impl Addresses {
    /// Who answers for what an issuer has signed; never empty.
    pub(super) fn owners(&self, key: &[u8; 32]) -> Vec<Authority> {
        match self.owners.get(key) {
            Some(owners) if !owners.is_empty() => owners.clone(),
            _ => vec![unknown(*key)],
        }
    }

    /// Notes who answers for an issuer some of whose addresses are known.
    pub(super) fn learn(&mut self, key: &[u8; 32], authority: Authority) {
        let Some(owners) = self.owners.get_mut(key) else {
            return;
        };
        if owners.contains(&authority) {
            return;
        }
        owners.push(authority);
        if owners.len() > limits::OWNERS {
            // Whoever cross-certifies it again and again does not keep out the others.
            let count = |one: &Authority| owners.iter().filter(|o| o.anchor == one.anchor).count();
            let most = owners.iter().map(count).max();
            if let Some(place) = owners.iter().position(|one| Some(count(one)) == most) {
                owners.remove(place);
            }
        }
    }

    /// Notes that the list of an address, if it is known, is in use.
    pub(super) fn want(&self, url: &str, issuer: [u8; 32]) {
        if let Some(entry) = self.entries.get(&(url.to_owned(), issuer)) {
            entry.want();
        }
    }

    /// Every list that takes memory, by fingerprint: those that are known, and those that are held.
    fn lists<'a>(&self, known: impl Iterator<Item = &'a Arc<Crl>>) -> HashMap<[u8; 32], List> {
        let list = |crl: &Arc<Crl>| List {
            crl: Arc::clone(crl),
            holder: None,
        };
        let mut lists: HashMap<_, _> = known.map(|crl| (*crl.fingerprint(), list(crl))).collect();
        for entry in self.entries.values() {
            for crl in entry.lists() {
                let place = (lists.entry(*crl.fingerprint())).or_insert_with(|| list(&crl));
                let is_later = (place.holder.as_ref())
                    .is_none_or(|other| other.wanted_at() < entry.wanted_at());
                if is_later {
                    place.holder = Some(Arc::clone(entry));
                }
            }
        }
        lists
    }

    /// Who answers for a list: whoever does for its issuer, or, if it is held no more, for those who
    /// signed it.
    fn owners_of(&self, list: &List) -> Vec<Authority> {
        let keys = match &list.holder {
            Some(holder) => vec![holder.key],
            None => list.crl.signers(),
        };
        let mut owners: Vec<_> = keys.iter().flat_map(|key| self.owners(key)).collect();
        if owners.is_empty() {
            owners.push(unknown(list.crl.issuer_hash()));
        }
        owners.sort_unstable();
        owners.dedup();
        owners
    }

    fn add(&mut self, entry: &Arc<Entry>) {
        if self.owners.len() > 2 * limits::CRL_ADDRESSES {
            let used: HashSet<_> = self.entries.values().map(|entry| entry.key).collect();
            self.owners.retain(|key, _| used.contains(key));
        }
        self.owners.entry(entry.key).or_default();
        let key = (entry.url.clone(), entry.key);
        self.entries.insert(key, Arc::clone(entry));
    }

    fn has(&self, entry: &Entry) -> bool {
        let key = (entry.url.clone(), entry.key);
        (self.entries.get(&key)).is_some_and(|known| std::ptr::eq(Arc::as_ptr(known), entry))
    }
}

impl Inner {
    pub(super) fn addresses(&self) -> MutexGuard<'_, Addresses> {
        (self.addresses.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry of an address, made if there is none; `None` if there are too many. `authority`: who
    /// answers for it, if that is known.
    pub(super) fn entry(
        &self,
        url: &str,
        issuer: &Certificate,
        authority: Option<Authority>,
    ) -> Option<Arc<Entry>> {
        let issuer_key = *issuer.key().ok()?.fingerprint();
        let key = (url.to_owned(), issuer_key);
        let mut addresses = self.addresses();
        if let Some(authority) = authority {
            addresses.learn(&issuer_key, authority);
        }
        if let Some(entry) = addresses.entries.get(&key) {
            return Some(Arc::clone(entry));
        }
        let mut owners = addresses.owners(&issuer_key);
        if let Some(authority) = authority
            && !owners.contains(&authority)
        {
            owners = vec![authority];
        }
        // So few that they are nobody's share: nothing need be counted.
        let gone = if addresses.entries.len() < limits::CRL_ADDRESSES / limits::SHARE_OF_CA {
            Vec::new()
        } else {
            let entries: Vec<_> = addresses.entries.values().collect();
            let spare = |entry: &Entry| {
                entry.held().is_none() || entry.wanted_at().elapsed() >= limits::CRL_UNWANTED
            };
            // Nothing goes for what was only stored.
            let may_go = authority.is_some();
            let items: Vec<_> = (entries.iter().enumerate())
                .map(|(id, entry)| room::Item {
                    id,
                    owners: addresses.owners(&entry.key),
                    size: 1,
                    wanted: Some(entry.wanted_at()),
                    is_spare: spare(entry),
                    is_pinned: !may_go || entry.turn.try_lock().is_err(),
                })
                .collect();
            let gone = room::make(&items, 0, &owners, 1, limits::CRL_ADDRESSES)?;
            let gone = gone.into_iter().filter_map(|id| entries.get(id));
            gone.map(|entry| Arc::clone(entry)).collect::<Vec<_>>()
        };
        self.drop_entries(&mut addresses, &gone);
        let entry = Arc::new(Entry::new(url, issuer.clone(), issuer_key));
        addresses.add(&entry);
        if let Some(authority) = authority {
            addresses.learn(&issuer_key, authority);
        }
        Some(entry)
    }

    pub(super) fn entries(&self) -> Vec<Arc<Entry>> {
        self.addresses().entries.values().cloned().collect()
    }

    pub(super) fn forget(&self, entry: &Arc<Entry>) {
        self.drop_entries(&mut self.addresses(), std::slice::from_ref(entry));
    }

    /// Whether there is room for a list, and if so takes it up: it counts, and is held.
    pub(super) fn admit(&self, entry: &Entry, crl: &Arc<Crl>, how: Admission) -> bool {
        let mut addresses = self.addresses();
        // It had to make room meanwhile.
        if !addresses.has(entry) {
            return false;
        }
        let known = self.known.now();
        let used = known.given().map(|crl| size(crl)).sum();
        let replaced = (entry.held())
            .filter(|held| crl.is_newer_than(&held.crl))
            .map(|held| *held.crl.fingerprint());
        let may_go = !matches!(how, Admission::Stored(_));
        let items: Vec<_> = (addresses.lists(known.added()).values())
            .filter(|list| {
                let fingerprint = *list.crl.fingerprint();
                fingerprint != *crl.fingerprint() && Some(fingerprint) != replaced
            })
            .map(|list| {
                let holder = list.holder.as_deref();
                // What is only to be judged goes before what is in force.
                let is_proven = |entry: &&Entry| {
                    (entry.held())
                        .is_some_and(|held| held.crl.fingerprint() == list.crl.fingerprint())
                };
                let wanted = holder.filter(is_proven).map(Entry::wanted_at);
                let is_own = holder.is_some_and(|holder| std::ptr::eq(holder, entry));
                room::Item {
                    id: *list.crl.fingerprint(),
                    owners: addresses.owners_of(list),
                    size: size(&list.crl),
                    wanted,
                    is_spare: wanted.is_none_or(|at| at.elapsed() >= limits::CRL_UNWANTED),
                    is_pinned: !may_go || is_own,
                }
            })
            .collect();
        let owners = addresses.owners(&entry.key);
        let Some(gone) = room::make(&items, used, &owners, size(crl), self.room) else {
            return false;
        };
        if !gone.is_empty() {
            self.known.remove(&gone);
            let has_gone = |entry: &&Arc<Entry>| {
                // One that is only to be judged does not take the list in force along.
                entry.drop_unproven(&gone);
                (entry.lists().iter()).any(|crl| gone.contains(crl.fingerprint()))
            };
            let entries: Vec<_> = (addresses.entries.values())
                .filter(has_gone)
                .cloned()
                .collect();
            self.drop_entries(&mut addresses, &entries);
        }
        match how {
            Admission::Unproven => {}
            Admission::Fetched(held) => {
                self.known.add([Arc::clone(crl)]);
                entry.hold(held);
            }
            Admission::Stored(held) => {
                self.known.add([Arc::clone(crl)]);
                entry.adopt(held);
            }
        }
        true
    }

    /// Forgets addresses with their lists, here and in the archive.
    fn drop_entries(&self, addresses: &mut Addresses, gone: &[Arc<Entry>]) {
        let mut stored = Vec::new();
        for entry in gone {
            let key = (entry.url.clone(), entry.key);
            addresses.entries.remove(&key);
            if entry.held().is_some() {
                tracing::warn!(url = %crate::target::shown(&entry.url), "a revocation list is no longer held");
                stored.push(key);
            }
        }
        if stored.is_empty() {
            return;
        }
        let kept: HashSet<_> = (addresses.entries.values())
            .flat_map(|entry| entry.lists())
            .map(|crl| *crl.fingerprint())
            .collect();
        let lists: Vec<_> = (gone.iter())
            .flat_map(|entry| entry.lists())
            .map(|crl| *crl.fingerprint())
            .filter(|fingerprint| !kept.contains(fingerprint))
            .collect();
        self.known.remove(&lists);
        let archive = Arc::clone(&self.archive);
        tokio::spawn(async move {
            for (url, key) in stored {
                if let Err(error) = archive.remove_crl(&url, &key).await {
                    tracing::error!(%error, "a stored revocation list could not be removed");
                }
            }
        });
    }
}

/// What a list takes, in entries.
fn size(crl: &Crl) -> usize {
    crl.len()
        .max(crl.octets() / limits::CRL_OCTETS_COUNTED)
        .max(1)
}
