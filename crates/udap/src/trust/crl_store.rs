//! The CRLs that are known at one moment.

use std::collections::HashMap;
use std::sync::Arc;

use super::crl::Crl;
use super::name::NameKey;
use crate::certificate::Certificate;

/// CRLs under one issuer's name whose signature nobody has verified yet. More than that are no
/// CA's work, so the oldest go.
const UNVERIFIED_PER_ISSUER: usize = 16;

/// An immutable set of CRLs, found by issuer. Cheap to clone and to swap in whole.
#[derive(Clone, Debug, Default)]
pub struct CrlStore(Arc<HashMap<NameKey, Vec<Arc<Crl>>>>);

impl CrlStore {
    /// A store of these CRLs.
    #[must_use]
    pub fn new(crls: Vec<Arc<Crl>>) -> Self {
        let mut by_issuer = HashMap::new();
        for crl in crls {
            add(&mut by_issuer, crl);
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
        add(&mut by_issuer, crl);
        Self(Arc::new(by_issuer))
    }

    /// Whether both are one and the same, with nothing added in between.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether [`CrlStore::with`] this list would be another store.
    pub(super) fn takes(&self, crl: &Crl) -> bool {
        let known = self.0.get(crl.issuer()).map(Vec::as_slice);
        !has(known.unwrap_or_default(), crl)
    }

    /// All CRLs, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Crl>> {
        self.0.values().flatten()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The CRLs that bear the name of the certificate's issuer, whoever signed them.
    pub fn of_issuer(&self, certificate: &Certificate) -> impl Iterator<Item = &Arc<Crl>> {
        self.0.get(certificate.issuer_key()).into_iter().flatten()
    }
}

/// Whether one of these makes a list superfluous: it is known already, or an older one.
fn has(crls: &[Arc<Crl>], crl: &Crl) -> bool {
    crls.iter().any(|known| {
        known.fingerprint() == crl.fingerprint() || (known.replaces(crl) && !crl.replaces(known))
    })
}

fn add(by_issuer: &mut HashMap<NameKey, Vec<Arc<Crl>>>, crl: Arc<Crl>) {
    let crls = by_issuer.entry(crl.issuer().clone()).or_default();
    if has(crls, &crl) {
        return;
    }
    crls.retain(|known| !crl.replaces(known));
    crls.push(crl);
    let unverified = crls.iter().filter(|crl| crl.signers().is_empty()).count();
    if unverified > UNVERIFIED_PER_ISSUER
        && let Some(oldest) = crls.iter().position(|crl| crl.signers().is_empty())
    {
        crls.remove(oldest);
    }
}
