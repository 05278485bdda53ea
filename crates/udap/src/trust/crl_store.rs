//! The CRLs that are known at one moment.

use std::collections::HashMap;
use std::sync::Arc;

use super::crl::Crl;
use super::name::NameKey;
use crate::certificate::Certificate;

/// CRLs under one issuer's name that were added later and whose signature nobody has verified yet.
/// More than that are no CA's work, so the oldest go.
const UNVERIFIED_PER_ISSUER: usize = 16;

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
    }
}
