//! How the anchors of several communities are related (C09, C10, decisions 24).
//!
//! Two communities whose anchors are related would both trust one leaf. Work grows with the number
//! of anchors, not of their pairs: everything is found by name.

use std::collections::{BTreeSet, HashMap, HashSet};

use time::OffsetDateTime;

use super::anchor::TrustAnchor;
use super::name::NameKey;
use super::path::{Effort, Pool, Search, Sources, same_name_and_key};
use super::store::TrustStore;
use crate::certificate::Certificate;

/// A relation between anchors of two stores, which are given by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kinship {
    /// Both have one anchor, by name and key.
    Shared(usize, usize),
    /// An anchor of the second has a path to one of the first.
    Chained(usize, usize),
    /// Whether an anchor of this one has a path to another's would take too long to find out.
    Unclear(usize),
}

/// Name and key: what makes a CA (decisions 24).
type Identity = (NameKey, [u8; 32]);

fn identity(certificate: &Certificate) -> Identity {
    (certificate.subject_key().clone(), *certificate.spki_hash())
}

/// The first relation between anchors of different stores, in the order of the stores; none: they
/// are strangers to each other. `may_share`: whether two stores may have an anchor in common.
///
/// A path may go through the intermediates of any store: whoever sends a statement can send those
/// along. Dates and constraints do not count: they change, and are no ground to build on.
pub(crate) fn kinship(
    stores: &[&TrustStore],
    may_share: impl Fn(usize, usize) -> bool,
) -> Option<Kinship> {
    Families::new(stores).kinship(may_share)
}

struct Families<'a> {
    stores: &'a [&'a TrustStore],
    /// All anchors and intermediates.
    all: TrustStore,
    owners: HashMap<Identity, BTreeSet<usize>>,
    /// Intermediates that certify an anchor's own name and key.
    cross: HashMap<Identity, Vec<&'a Certificate>>,
    signature_checks: usize,
}

impl<'a> Families<'a> {
    fn new(stores: &'a [&'a TrustStore]) -> Self {
        let mut owners: HashMap<_, BTreeSet<_>> = HashMap::new();
        for (number, store) in stores.iter().enumerate() {
            for anchor in store.anchors() {
                let owners = owners.entry(identity(anchor.certificate())).or_default();
                owners.insert(number);
            }
        }
        let mut cross: HashMap<_, Vec<_>> = HashMap::new();
        let mut seen = HashSet::new();
        for intermediate in stores.iter().flat_map(|store| store.intermediates()) {
            if owners.contains_key(&identity(intermediate))
                && seen.insert(intermediate.fingerprint())
            {
                let known = cross.entry(identity(intermediate)).or_default();
                known.push(intermediate);
            }
        }
        Self {
            stores,
            all: TrustStore::union(stores),
            owners,
            cross,
            signature_checks: 0,
        }
    }

    fn kinship(&mut self, may_share: impl Fn(usize, usize) -> bool) -> Option<Kinship> {
        for (number, store) in self.stores.iter().enumerate() {
            for anchor in store.anchors() {
                let owners = self.owners(anchor);
                if let Some(other) = owners
                    .iter()
                    .find(|other| **other > number && !may_share(number, **other))
                {
                    return Some(Kinship::Shared(number, *other));
                }
                if let Some(found) = self.above(number, anchor) {
                    return Some(found);
                }
            }
        }
        None
    }

    fn owners(&self, anchor: &TrustAnchor) -> &BTreeSet<usize> {
        const NONE: &BTreeSet<usize> = &BTreeSet::new();
        self.owners
            .get(&identity(anchor.certificate()))
            .unwrap_or(NONE)
    }

    /// Whether an anchor of store `number` has a path to one of another.
    fn above(&mut self, number: usize, anchor: &'a TrustAnchor) -> Option<Kinship> {
        let certificate = anchor.certificate();
        let cross = self
            .cross
            .get(&identity(certificate))
            .cloned()
            .unwrap_or_default();
        for start in std::iter::once(certificate).chain(cross) {
            // What its own key signed, no other CA did.
            if start.is_self_issued() {
                self.signature_checks += 1;
                if start.is_self_signed() {
                    continue;
                }
            }
            let found = self.above_certificate(number, start);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn above_certificate(&mut self, number: usize, start: &Certificate) -> Option<Kinship> {
        let pool = Pool::new(&[]);
        let sources = Sources {
            store: &self.all,
            pool: &pool,
            // Before any anchor was valid, none stands in the way of a longer path.
            at: OffsetDateTime::UNIX_EPOCH,
        };
        let mut effort = Effort::new();
        let mut search = Search::new(sources, start, None);
        let mut found = None;
        while let Some(path) = search.next(&mut effort) {
            if same_name_and_key(path.anchor().certificate(), start) {
                continue;
            }
            let mut owners = self.owners(path.anchor()).iter();
            if let Some(owner) = owners.find(|owner| **owner != number) {
                found = Some(Kinship::Chained(*owner, number));
                break;
            }
        }
        self.signature_checks += effort.signature_checks();
        found.or_else(|| effort.is_spent().then_some(Kinship::Unclear(number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::tests::pki::{Ca, unchanged};

    fn store(anchors: &[&Ca], intermediates: &[&Certificate]) -> TrustStore {
        let anchors = anchors.iter().map(|ca| ca.certificate.clone()).collect();
        let intermediates = intermediates.iter().copied().cloned().collect();
        TrustStore::new(anchors, intermediates, Vec::new()).unwrap()
    }

    fn related(stores: &[&TrustStore]) -> Option<Kinship> {
        kinship(stores, |_, _| false)
    }

    /// Proves: C10
    #[test]
    fn anchors_of_which_one_issued_the_other_are_found() {
        let root = Ca::root("Root");
        let ca = root.ca("CA");
        let (above, below) = (store(&[&root], &[]), store(&[&ca], &[]));
        assert_eq!(related(&[&above, &below]), Some(Kinship::Chained(0, 1)));
        assert_eq!(related(&[&below, &above]), Some(Kinship::Chained(1, 0)));
        // Of one community they may be.
        assert_eq!(related(&[&store(&[&root, &ca], &[])]), None);
        let namesake = store(&[&Ca::root("Root")], &[]);
        assert_eq!(related(&[&namesake, &below]), None);
        assert_eq!(related(&[&namesake, &above]), None);
    }

    /// Proves: C10
    #[test]
    fn anchors_are_related_through_intermediates_of_either() {
        let root = Ca::root("Root");
        let upper = root.ca("Upper");
        let lower = upper.ca("Lower");
        let anchor = lower.ca("Anchor");
        let (a, b) = (&upper.certificate, &lower.certificate);
        let chained = Some(Kinship::Chained(0, 1));
        for (above, below, expected) in [
            (vec![a, b], vec![], chained),
            (vec![], vec![a, b], chained),
            (vec![b], vec![a], chained),
            (vec![a], vec![], None),
            (vec![], vec![b], None),
        ] {
            let stores = [store(&[&root], &above), store(&[&anchor], &below)];
            assert_eq!(related(&[&stores[0], &stores[1]]), expected);
        }
        // A third's are as good: they are no secret.
        let third = store(&[&Ca::root("Third")], &[a, b]);
        let stores = [store(&[&root], &[]), store(&[&anchor], &[]), third];
        assert_eq!(related(&[&stores[0], &stores[1], &stores[2]]), chained);
        // A namesake of the intermediate leads nowhere.
        let namesake = root.ca("Lower");
        let stores = [
            store(&[&root], &[&namesake.certificate]),
            store(&[&anchor], &[]),
        ];
        assert_eq!(related(&[&stores[0], &stores[1]]), None);
    }

    /// A root is an anchor of its own until somebody cross-certifies it.
    ///
    /// Proves: C10
    #[test]
    fn anchors_are_related_through_a_cross_certificate() {
        let (one, two) = (Ca::root("One"), Ca::root("Two"));
        let cross = one.certify(&two, unchanged);
        for stores in [
            [store(&[&one], &[&cross]), store(&[&two], &[])],
            [store(&[&one], &[]), store(&[&two], &[&cross])],
        ] {
            let found = related(&[&stores[0], &stores[1]]);
            assert_eq!(found, Some(Kinship::Chained(0, 1)));
        }
        let stores = [store(&[&one], &[]), store(&[&two], &[])];
        assert_eq!(related(&[&stores[0], &stores[1]]), None);
    }

    /// Proves: C09
    #[test]
    fn one_ca_in_two_certificates_is_one_anchor() {
        let mut root = Ca::root("Root");
        let first = store(&[&root], &[]);
        root.certificate = root.certify(&root, unchanged);
        let renewed = store(&[&root], &[]);
        assert_ne!(first.anchors(), renewed.anchors());
        let both = [&first, &renewed];
        assert_eq!(related(&both), Some(Kinship::Shared(0, 1)));
        assert_eq!(kinship(&both, |_, _| true), None);
    }

    #[test]
    fn what_takes_too_long_to_find_out_is_unclear() {
        // Below one of many namesakes, and not the first.
        let namesakes: Vec<_> = (0..250).map(|_| Ca::root("Root")).collect();
        let all: Vec<_> = namesakes.iter().collect();
        let anchor = Ca::root("Root").ca("CA");
        let stores = [store(&all, &[]), store(&[&anchor], &[])];
        assert_eq!(
            related(&[&stores[0], &stores[1]]),
            Some(Kinship::Unclear(1))
        );
    }

    /// A hundred communities of ten anchors: half a million pairs.
    #[test]
    fn work_grows_with_the_anchors_not_with_their_pairs() {
        let checks = |name: &dyn Fn(usize) -> String, below: bool| {
            let stores: Vec<_> = (0..100)
                .map(|number| {
                    let roots: Vec<_> = (0..10)
                        .map(|one| Ca::root(&name(10 * number + one)))
                        .collect();
                    let cas: Vec<_> = roots
                        .iter()
                        .map(|root| root.ca(&format!("CA of {number}")))
                        .collect();
                    let anchors: Vec<_> = if below { &cas } else { &roots }.iter().collect();
                    let intermediates: Vec<_> = cas.iter().map(|ca| &ca.certificate).collect();
                    store(&anchors, &intermediates)
                })
                .collect();
            let stores: Vec<_> = stores.iter().collect();
            let mut families = Families::new(&stores);
            assert_eq!(families.kinship(|_, _| false), None);
            families.signature_checks
        };
        let named = |number: usize| format!("Root {number}");
        assert_eq!(checks(&named, false), 1_000);
        // Even if all have one name.
        assert_eq!(checks(&|_| "Root".to_owned(), false), 1_000);
        // Anchors whose issuers nobody configured.
        assert_eq!(checks(&named, true), 0);
    }
}
