//! The CRLs that a running server knows, shared between those who bring them and those who judge.

use std::sync::{Arc, PoisonError, RwLock};

use super::crl::Crl;
use super::crl_store::CrlStore;

/// A [`CrlStore`] that changes as lists arrive. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct KnownCrls(Arc<RwLock<CrlStore>>);

impl KnownCrls {
    /// Starts with these.
    #[must_use]
    pub fn new(crls: CrlStore) -> Self {
        Self(Arc::new(RwLock::new(crls)))
    }

    /// The lists as they are now; what arrives later does not change this copy.
    #[must_use]
    pub fn now(&self) -> CrlStore {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes up lists that an operator gave ([`CrlStore::with_given`]).
    pub fn give(&self, crls: impl IntoIterator<Item = Arc<Crl>>) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for crl in crls {
            if !current.is_given(&crl) {
                *current = current.with_given(crl);
            }
        }
    }

    /// Drops lists, by fingerprint; those that an operator gave stay.
    pub fn remove(&self, fingerprints: &[[u8; 32]]) {
        if fingerprints.is_empty() {
            return;
        }
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = current.without(fingerprints);
    }

    /// Takes up lists; the store keeps the newest of each ([`CrlStore::with`]).
    pub fn add(&self, crls: impl IntoIterator<Item = Arc<Crl>>) {
        let mut crls = crls.into_iter().peekable();
        if crls.peek().is_none() {
            return;
        }
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for crl in crls {
            // A list that is known already, or is not the newest, leaves the store as it is.
            if current.takes(&crl) {
                *current = current.with(crl);
            }
        }
    }
}
