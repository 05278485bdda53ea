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
        let gone = {
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
        let gone = {
            let known = self.known.now();
            let mut lists: HashMap<[u8; 32], (Arc<Crl>, Option<Arc<Entry>>)> = HashMap::new();
            let added: HashMap<_, _> = (known.added())
                .map(|crl| (*crl.fingerprint(), Arc::clone(crl)))
                .collect();
            let given: usize = (known.iter())
                .filter(|crl| !added.contains_key(crl.fingerprint()))
                .map(|crl| size(crl))
                .sum();
            lists.extend(added.into_iter().map(|(key, crl)| (key, (crl, None))));
            for entry in addresses.entries.values() {
                for crl in entry.lists() {
                    let place = lists.entry(*crl.fingerprint()).or_insert((crl, None));
                    let is_wanted_later = (place.1.as_ref())
                        .is_none_or(|other| other.wanted_at() < entry.wanted_at());
                    if is_wanted_later {
                        place.1 = Some(Arc::clone(entry));
                    }
                }
            }
            let replaced = entry.held().map(|held| held.crl);
            let may_go = !matches!(how, Admission::Stored(_));
            let items: Vec<_> = (lists.values())
                .filter(|(one, _)| {
                    let is_replaced = (replaced.as_ref())
                        .is_some_and(|old| old.fingerprint() == one.fingerprint());
                    one.fingerprint() != crl.fingerprint()
                        && !(is_replaced && crl.is_newer_than(one))
                })
                .map(|(one, holder)| {
                    let keys = match holder {
                        Some(holder) => vec![holder.key],
                        None => one.signers(),
                    };
                    let mut owners: Vec<_> = (keys.iter())
                        .flat_map(|key| addresses.owners(key))
                        .collect();
                    if owners.is_empty() {
                        owners.push(unknown(one.issuer_hash()));
                    }
                    owners.sort_unstable();
                    owners.dedup();
                    let wanted = holder.as_ref().map(|holder| holder.wanted_at());
                    room::Item {
                        id: *one.fingerprint(),
                        owners,
                        size: size(one),
                        wanted,
                        is_spare: wanted.is_none_or(|at| at.elapsed() >= limits::CRL_UNWANTED),
                        is_pinned: !may_go
                            || (holder.as_ref())
                                .is_some_and(|one| one.key == entry.key && one.url == entry.url),
                    }
                })
                .collect();
            let owners = addresses.owners(&entry.key);
            let room = limits::CRL_ENTRIES_HELD;
            match room::make(&items, given, &owners, size(crl), room) {
                Some(gone) => gone,
                None => return false,
            }
        };
        self.known.remove(&gone);
        let is_gone = |entry: &&Arc<Entry>| {
            (entry.lists().iter()).any(|crl| gone.contains(crl.fingerprint()))
        };
        let entries: Vec<_> = if gone.is_empty() {
            Vec::new()
        } else {
            addresses
                .entries
                .values()
                .filter(is_gone)
                .cloned()
                .collect()
        };
        self.drop_entries(&mut addresses, &entries);
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
