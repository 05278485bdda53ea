//! The CRLs that are known at one moment.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::crl::Crl;
use super::name::NameKey;
use crate::certificate::Certificate;

/// CRLs under one issuer's name that were added later and whose signature nobody has verified yet.
/// They are verified within the evaluation that asked for them. More than that are no CA's work, so
/// the oldest go.
const UNVERIFIED_PER_ISSUER: usize = 4;

/// CRLs of one issuer's name and key that were added later. A CA that divides its list has one for
/// each part; whoever has more would keep every list for ever by naming ever other parts. The least
/// recently issued go.
const VERIFIED_PER_SIGNER: usize = 256;

/// An immutable set of CRLs, found by issuer. Cheap to clone and to swap in whole.
#[derive(Clone, Debug, Default)]
pub struct CrlStore(Arc<HashMap<NameKey, Lists>>);

/// The CRLs under one issuer's name.
#[derive(Clone, Debug, Default)]
struct Lists {
    /// Those that an operator gave. None is dropped but for a newer one by the same key.
    given: Vec<Arc<Crl>>,
    /// Those that were added since.
    added: Vec<Arc<Crl>>,
}

impl CrlStore {
    /// A store of these CRLs, all of which it keeps: which of them counts must not depend on their
    /// order.
    #[must_use]
    pub fn new(crls: Vec<Arc<Crl>>) -> Self {
        let mut by_issuer: HashMap<_, Lists> = HashMap::new();
        for crl in crls {
            let lists = by_issuer.entry(crl.issuer().clone()).or_default();
            if lists.make_room_for(&crl) {
                lists.given.push(crl);
            }
        }
        Self(Arc::new(by_issuer))
    }

    /// The same store with one CRL more.
    ///
    /// It takes the place of an older one only if one key is known to have signed both: a list that
    /// nobody vouches for never displaces another, and an older one never a newer (decisions 22).
    #[must_use]
    pub fn with(&self, crl: Arc<Crl>) -> Self {
        let mut by_issuer = (*self.0).clone();
        let lists = by_issuer.entry(crl.issuer().clone()).or_default();
        if lists.make_room_for(&crl) {
            lists.add(crl);
        }
        Self(Arc::new(by_issuer))
    }

    /// The same store with one CRL more that an operator gave: it is kept, whoever else brings lists of
    /// its issuer.
    #[must_use]
    pub fn with_given(&self, crl: Arc<Crl>) -> Self {
        let mut by_issuer = (*self.0).clone();
        let lists = by_issuer.entry(crl.issuer().clone()).or_default();
        // It may have been brought by somebody else before.
        lists
            .added
            .retain(|known| known.fingerprint() != crl.fingerprint());
        if lists.make_room_for(&crl) {
            lists.given.push(crl);
        }
        Self(Arc::new(by_issuer))
    }

    /// The same store without some CRLs, by fingerprint. Those that an operator gave stay.
    #[must_use]
    pub fn without(&self, fingerprints: &[[u8; 32]]) -> Self {
        let mut by_issuer = (*self.0).clone();
        by_issuer.retain(|_, lists| {
            let added = &mut lists.added;
            added.retain(|crl| !fingerprints.contains(crl.fingerprint()));
            !(lists.given.is_empty() && lists.added.is_empty())
        });
        Self(Arc::new(by_issuer))
    }

    /// The CRLs that the store was made with and that none has replaced, in no order.
    pub fn given(&self) -> impl Iterator<Item = &Arc<Crl>> {
        self.0.values().flat_map(|lists| &lists.given)
    }

    /// The CRLs that were added since the store was made, in no order.
    pub fn added(&self) -> impl Iterator<Item = &Arc<Crl>> {
        self.0.values().flat_map(|lists| &lists.added)
    }

    /// Whether both are one and the same, with nothing added in between.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether an operator gave this very list.
    pub(super) fn is_given(&self, crl: &Crl) -> bool {
        self.0.get(crl.issuer()).is_some_and(|lists| {
            let mut given = lists.given.iter();
            given.any(|known| known.fingerprint() == crl.fingerprint())
        })
    }

    /// Whether [`CrlStore::with`] this list would be another store.
    pub(super) fn takes(&self, crl: &Crl) -> bool {
        !self.0.get(crl.issuer()).is_some_and(|lists| lists.has(crl))
    }

    /// All CRLs, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Crl>> {
        self.0.values().flat_map(Lists::iter)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The CRLs that bear the name of the certificate's issuer, whoever signed them.
    pub fn of_issuer(&self, certificate: &Certificate) -> impl Iterator<Item = &Arc<Crl>> {
        let lists = self.0.get(certificate.issuer_key());
        lists.into_iter().flat_map(Lists::iter)
    }
}

impl Lists {
    fn iter(&self) -> impl Iterator<Item = &Arc<Crl>> {
        self.given.iter().chain(&self.added)
    }

    /// Whether one of these makes a list superfluous: it is known already, or an older one.
    fn has(&self, crl: &Crl) -> bool {
        self.iter().any(|known| {
            known.fingerprint() == crl.fingerprint()
                || (known.replaces(crl) && !crl.replaces(known))
        })
    }

    /// Drops what the CRL replaces; false if it is there already, or has been replaced itself.
    fn make_room_for(&mut self, crl: &Crl) -> bool {
        if self.has(crl) {
            return false;
        }
        for lists in [&mut self.given, &mut self.added] {
            lists.retain(|known| !crl.replaces(known));
        }
        true
    }

    fn add(&mut self, crl: Arc<Crl>) {
        let is_unverified = |crl: &Arc<Crl>| crl.signers().is_empty();
        self.added.push(crl);
        if self.added.iter().filter(|crl| is_unverified(crl)).count() > UNVERIFIED_PER_ISSUER
            && let Some(oldest) = self.added.iter().position(is_unverified)
        {
            self.added.remove(oldest);
        }
        // All signers, not only this list's: a signature may have been verified since.
        let signers: BTreeSet<_> = self.added.iter().flat_map(|crl| crl.signers()).collect();
        for signer in signers {
            self.bound(&signer);
        }
    }

    fn bound(&mut self, signer: &[u8; 32]) {
        let is_of = |crl: &Arc<Crl>| crl.signers().contains(signer);
        while self.added.iter().filter(|crl| is_of(crl)).count() > VERIFIED_PER_SIGNER {
            let of_signer = self.added.iter().filter(|crl| is_of(crl));
            let Some(oldest) = of_signer.min_by_key(|crl| (crl.this_update(), *crl.fingerprint()))
            else {
                return;
            };
            let oldest = *oldest.fingerprint();
            self.added.retain(|crl| *crl.fingerprint() != oldest);
        }
    }
}
