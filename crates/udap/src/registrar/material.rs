//! What one evaluation of a certificate has gathered, and what it asks for.

use std::collections::BTreeSet;

use crate::certificate::Certificate;
use crate::limits;
use crate::trust::{CrlStore, Evidence, Fetched, OcspAnswer, TrustNeed};

/// Everything beside the leaf and the CRLs.
#[derive(Debug, Default)]
pub(super) struct Material {
    /// What is to be fetched.
    pub(super) needs: Vec<TrustNeed>,
    candidates: Vec<Certificate>,
    ocsp: Vec<OcspAnswer>,
    tried: BTreeSet<String>,
}

impl Material {
    /// With certificates that may lie on the path.
    pub(super) fn of(candidates: Vec<Certificate>) -> Self {
        Self {
            candidates,
            ..Self::default()
        }
    }

    /// Takes up what was fetched. Every one of the needs counts as tried, whatever came of it; of
    /// responders' answers only those count that were asked for.
    pub(super) fn take(&mut self, fetched: Fetched) {
        let asked = std::mem::take(&mut self.needs);
        self.tried.extend(asked.iter().flat_map(TrustNeed::marks));
        self.ocsp.extend(fetched.ocsp.into_iter().filter(|answer| {
            asked
                .iter()
                .any(|need| matches!(need, TrustNeed::Ocsp(need) if need.is_about(answer)))
        }));
        self.candidates.extend(
            fetched
                .certificates
                .into_iter()
                .filter(Certificate::is_ca)
                .take(limits::X5C_CERTIFICATES),
        );
    }

    /// Counts needs as tried that nobody will look after.
    pub(super) fn give_up(&mut self, needs: &[TrustNeed]) {
        self.tried.extend(needs.iter().flat_map(TrustNeed::marks));
    }

    /// What is at hand now.
    pub(super) fn evidence<'a>(&'a self, crls: &'a CrlStore) -> Evidence<'a> {
        Evidence {
            candidates: &self.candidates,
            crls,
            ocsp: &self.ocsp,
            tried: &self.tried,
        }
    }
}
