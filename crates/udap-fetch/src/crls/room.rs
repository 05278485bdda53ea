//! Who has to go so that something new has room.
//!
//! What is bounded for all is shared: a CA directly below an anchor has a part of it at most, and once
//! all is used up, whoever has most gives way to whoever has less. So a CA that turned malicious can
//! use up its own share only, and one anchor of several never more than what the others leave.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;
use udap::trust::Authority;

use crate::limits;

/// Something that takes room.
pub(super) struct Item<T> {
    pub(super) id: T,
    /// Who answers for it. It counts for each.
    pub(super) owners: Vec<Authority>,
    pub(super) size: usize,
    /// When it was last wanted; `None`: nobody can want it.
    pub(super) wanted: Option<Instant>,
    /// Whether its own CA can do without it.
    pub(super) is_spare: bool,
    /// Whether it must stay.
    pub(super) is_pinned: bool,
}

#[derive(Default)]
struct Load {
    all: usize,
    anchors: BTreeMap<[u8; 32], usize>,
    cas: BTreeMap<Authority, usize>,
}

impl Load {
    fn change(&mut self, owners: &[Authority], change: impl Fn(usize) -> usize) {
        self.all = change(self.all);
        let anchors: BTreeSet<_> = owners.iter().map(|owner| owner.anchor).collect();
        for anchor in anchors {
            let load = self.anchors.entry(anchor).or_default();
            *load = change(*load);
        }
        for owner in owners {
            let load = self.cas.entry(*owner).or_default();
            *load = change(*load);
        }
    }

    /// What the anchor and the CA have.
    fn of(&self, owner: &Authority) -> (usize, usize) {
        let of_anchor = self.anchors.get(&owner.anchor).copied();
        let of_ca = self.cas.get(owner).copied();
        (of_anchor.unwrap_or_default(), of_ca.unwrap_or_default())
    }

    /// The owner that has least: who is cross-certified by one that has much does not pay for that.
    fn lightest(&self, owners: &[Authority]) -> Option<Authority> {
        owners.iter().copied().min_by_key(|owner| self.of(owner))
    }
}

/// What has to go so that something of this size, for which `owners` answer, fits into `room` beside
/// `used` that cannot go and the items. `None`: it does not fit.
pub(super) fn make<T: Copy>(
    items: &[Item<T>],
    used: usize,
    owners: &[Authority],
    size: usize,
    room: usize,
) -> Option<Vec<T>> {
    let mut load = Load::default();
    for item in items {
        load.change(&item.owners, |load| load + item.size);
    }
    load.all += used;
    let asker = load.lightest(owners)?;
    let share = room / limits::SHARE_OF_CA;
    let is_within_share = |load: &Load| load.of(&asker).1 + size <= share;
    let fits = |load: &Load| load.all + size <= room;
    if is_within_share(&load) && fits(&load) {
        return Some(Vec::new());
    }
    let mut gone = Vec::new();
    let mut others = Vec::new();
    let mut own: Vec<_> = Vec::new();
    for item in items.iter().filter(|item| !item.is_pinned) {
        match load.lightest(&item.owners) {
            Some(owner) if owner == asker => own.push(item),
            Some(owner) => others.push((Reverse(load.of(&owner)), item.wanted, item)),
            None => {}
        }
    }
    own.retain(|item| item.is_spare);
    own.sort_by_key(|item| item.wanted);
    for item in own {
        if is_within_share(&load) && fits(&load) {
            break;
        }
        load.change(&item.owners, |load| load - item.size);
        gone.push(item.id);
    }
    if !is_within_share(&load) {
        return None;
    }
    others.sort_by_key(|(has, wanted, _)| (*has, *wanted));
    for (_, _, item) in others {
        if fits(&load) {
            break;
        }
        let Some(owner) = load.lightest(&item.owners) else {
            continue;
        };
        let ((of_anchor, of_ca), (own_anchor, own_ca)) = (load.of(&owner), load.of(&asker));
        // So that those who have about the same do not push each other out by turns.
        let has_more = if owner.anchor == asker.anchor {
            of_ca > own_ca + size
        } else {
            of_anchor > own_anchor + size
        };
        if has_more {
            load.change(&item.owners, |load| load - item.size);
            gone.push(item.id);
        }
    }
    fits(&load).then_some(gone)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ROOM: usize = 1_000;

    fn authority(anchor: u8, ca: u8) -> Authority {
        Authority {
            anchor: [anchor; 32],
            ca: [ca; 32],
        }
    }

    fn item(id: usize, owner: Authority, size: usize, age: u64) -> Item<usize> {
        let now = Instant::now() + Duration::from_secs(1_000_000);
        Item {
            id,
            owners: vec![owner],
            size,
            wanted: Some(now - Duration::from_secs(age)),
            is_spare: false,
            is_pinned: false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ca_has_its_share_and_makes_room_with_what_it_can_spare() {
        let rogue = authority(1, 1);
        let mut items = vec![item(0, rogue, 100, 5), item(1, rogue, 100, 9)];
        assert_eq!(make(&items, 0, &[rogue], 50, ROOM), Some(vec![]));
        assert_eq!(make(&items, 0, &[rogue], 51, ROOM), None);
        items[0].is_spare = true;
        assert_eq!(make(&items, 0, &[rogue], 51, ROOM), Some(vec![0]));
        items[0].is_pinned = true;
        assert_eq!(make(&items, 0, &[rogue], 51, ROOM), None);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_most_gives_way_unwanted_longest_first() {
        // Of one anchor, with as many CAs as it likes.
        let items: Vec<_> = (0..100)
            .map(|id| item(id, authority(1, id as u8), 10, id as u64))
            .collect();
        let honest = authority(2, 2);
        let gone = make(&items, 0, &[honest], 15, ROOM).unwrap();
        assert_eq!(gone, [99, 98]);
        // Another CA of that anchor has no more than the others.
        assert_eq!(make(&items, 0, &[authority(1, 200)], 15, ROOM), None);
        let of_one: Vec<_> = (0..100)
            .map(|id| item(id, authority(1, (id / 25) as u8), 10, id as u64))
            .collect();
        assert!(make(&of_one, 0, &[authority(1, 200)], 15, ROOM).is_some());
        // Up to what would be its part if all had the same.
        let mut items: Vec<_> = (0..75)
            .map(|id| item(id, authority(1, id as u8), 10, 1))
            .collect();
        items.push(item(100, honest, 240, 1_000_000));
        assert_eq!(make(&items, 0, &[honest], 10, ROOM).unwrap().len(), 0);
        let third = authority(3, 3);
        let gone = make(&items, 0, &[third], 200, ROOM).unwrap();
        assert_eq!(gone.len(), 19);
        assert!(
            !gone.contains(&100),
            "who has less stays, however long unwanted"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn whom_a_rogue_cross_certifies_is_not_counted_with_it() {
        let (rogue, victim) = (authority(1, 1), authority(2, 2));
        let mut items: Vec<_> = (0..24).map(|id| item(id, rogue, 10, 1)).collect();
        items.push(item(99, victim, 10, 1_000));
        items[24].owners.push(rogue);
        assert_eq!(make(&items, 0, &[rogue], 10, ROOM), None);
        assert_eq!(make(&items, 0, &[victim, rogue], 10, ROOM), Some(vec![]));
        let gone = make(&items, 745, &[authority(3, 3)], 10, ROOM).unwrap();
        assert_eq!(gone.len(), 1);
        assert_ne!(gone, [99]);
    }
}
