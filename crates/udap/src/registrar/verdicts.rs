//! What all communities of a site say about a certificate (C10, decisions 24).
//!
//! Every community in which the certificate may have a path is asked, to the end: it may be trusted
//! by several, or revoked in one. In all others, however many there are, the search meets none of
//! their own certificates, so that what the first of them says holds for all.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use time::OffsetDateTime;

use super::trust::{not_trusted, refusal};
use crate::certificate::Certificate;
use crate::community::Community;
use crate::error::{ErrorCode, Refusal, Violation};
use crate::limits;
use crate::trust::name::NameKey;
use crate::trust::{
    self, Distrust, Evidence, Judge, Outcome, Place, RevokedCertificate, TrustNeed, TrustedPath,
};

/// Communities by what their anchors and intermediates can be met by.
pub(super) struct Neighbours {
    by_name: HashMap<NameKey, Vec<usize>>,
    by_anchor_key: HashMap<[u8; 32], Vec<usize>>,
}

impl Neighbours {
    pub(super) fn new(communities: &[Arc<Community>]) -> Self {
        let mut neighbours = Self {
            by_name: HashMap::new(),
            by_anchor_key: HashMap::new(),
        };
        for (position, community) in communities.iter().enumerate() {
            let store = &community.trust.store;
            let anchors = || store.anchors().iter().map(trust::TrustAnchor::certificate);
            for certificate in anchors().chain(store.intermediates()) {
                let name = certificate.subject_key().clone();
                neighbours.by_name.entry(name).or_default().push(position);
            }
            for anchor in anchors() {
                let key = *anchor.spki_hash();
                neighbours
                    .by_anchor_key
                    .entry(key)
                    .or_default()
                    .push(position);
            }
        }
        neighbours
    }

    /// The positions of all communities whose verdict may depend on a certificate of their own: one
    /// that bears the name of an issuer of the leaf or of a candidate, so that a search can step onto
    /// it; or an anchor with the leaf's key.
    fn of(&self, leaf: &Certificate, candidates: &[Certificate]) -> BTreeSet<usize> {
        let issued = std::iter::once(leaf).chain(candidates);
        let named = issued.filter_map(|certificate| self.by_name.get(certificate.issuer_key()));
        named
            .chain(self.by_anchor_key.get(leaf.spki_hash()))
            .flatten()
            .copied()
            .collect()
    }
}

/// What communities are asked.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) judge: &'a dyn Judge,
    pub(super) leaf: &'a Certificate,
    pub(super) evidence: &'a Evidence<'a>,
    pub(super) at: OffsetDateTime,
}

impl Question<'_> {
    /// What the communities that serve a site say, as if each were asked.
    pub(super) fn ask_all(
        &self,
        communities: &[Arc<Community>],
        neighbours: &Neighbours,
        site: &str,
    ) -> Verdicts {
        let near = neighbours.of(self.leaf, self.evidence.candidates);
        let mut said: Vec<(usize, &Arc<Community>, Said)> = near
            .iter()
            .filter_map(|position| Some((*position, communities.get(*position)?)))
            .filter(|(_, community)| community.serves(site))
            .map(|(position, community)| (position, community, self.ask(community)))
            .collect();
        // Those that are not near know no path and ask for no status: where one is trusted, revoked
        // or asked about, nothing that they say counts.
        if !said.iter().any(|(.., said)| said.settles()) {
            let far = || {
                let all = communities.iter().enumerate();
                all.filter(|(position, community)| {
                    !near.contains(position) && community.serves(site)
                })
            };
            // They differ only in whether they ask for issuers.
            for aia in [false, true] {
                if let Some((position, community)) =
                    far().find(|(_, community)| community.trust.aia == aia)
                {
                    said.push((position, community, self.ask(community)));
                }
            }
            // As configured: of two like reasons the first is told.
            said.sort_unstable_by_key(|(position, ..)| *position);
        }
        let mut verdicts = Verdicts::default();
        for (_, community, said) in said {
            verdicts.add(community, said);
        }
        verdicts
    }

    fn ask(&self, community: &Community) -> Said {
        let Self {
            judge,
            leaf,
            evidence,
            at,
        } = *self;
        let (outcome, revoked) =
            trust::evaluate_naming_revoked(judge, &community.trust, leaf, evidence, at);
        Said { outcome, revoked }
    }
}

/// What one community says.
struct Said {
    outcome: Outcome,
    /// What is revoked on one of its paths.
    revoked: Option<(Place, RevokedCertificate)>,
}

impl Said {
    /// Whether no distrust and no issuer of another community matters beside it: see
    /// [`Verdicts::decide`].
    fn settles(&self) -> bool {
        match &self.outcome {
            Outcome::Trusted(_) | Outcome::Untrusted(Distrust::Revoked(_)) => true,
            Outcome::Untrusted(_) => false,
            Outcome::Need(needs) => needs
                .iter()
                .any(|need| matches!(need, TrustNeed::Crl(_) | TrustNeed::Ocsp(_))),
        }
    }
}

/// What all communities of the site say. All are asked, to the end (decisions 24).
#[derive(Default)]
pub(super) struct Verdicts {
    trusted: Vec<(Arc<Community>, TrustedPath)>,
    needs_status: Vec<TrustNeed>,
    needs_issuer: Vec<TrustNeed>,
    distrust: Option<Distrust>,
    revoked: Option<RevokedCertificate>,
    /// The distrust of a community that may yet trust the certificate: its path holds but for the
    /// status.
    unsettled: Option<Distrust>,
    /// What such a community found revoked on another of its paths.
    revoked_beside: Option<Distrust>,
}

#[derive(Debug)]
pub(super) enum Decision {
    Trusted(Arc<Community>, TrustedPath),
    Need(Vec<TrustNeed>),
    Refused(Refusal),
}

impl Verdicts {
    fn add(&mut self, community: &Arc<Community>, said: Said) {
        let keep = |kept: &mut Option<Distrust>, distrust: Distrust| {
            *kept = Some(kept.map_or(distrust, |known| known.or(distrust)));
        };
        match said.outcome {
            Outcome::Trusted(path) => self.trusted.push((Arc::clone(community), path)),
            Outcome::Untrusted(distrust) if distrust.may_pass() => {
                keep(&mut self.unsettled, distrust);
                if let Some((place, _)) = said.revoked {
                    keep(&mut self.revoked_beside, Distrust::Revoked(place));
                }
            }
            Outcome::Untrusted(distrust) => {
                keep(&mut self.distrust, distrust);
                if self.revoked.is_none() {
                    self.revoked = said.revoked.map(|(_, revoked)| revoked);
                }
            }
            Outcome::Need(needs) => {
                for need in needs {
                    let list = match &need {
                        TrustNeed::Crl(_) | TrustNeed::Ocsp(_) => &mut self.needs_status,
                        TrustNeed::Issuer { .. } => &mut self.needs_issuer,
                    };
                    if !list.contains(&need) {
                        list.push(need);
                    }
                }
            }
        }
    }

    pub(super) fn decide(self) -> Decision {
        // What revokes the certificate in one community counts in all: an issuer that two
        // communities trust has revoked it.
        if let Some(distrust @ Distrust::Revoked(_)) = &self.distrust {
            let mut refused = refusal(distrust);
            if let Some(revoked) = self.revoked {
                refused = refused.because_of(revoked);
            }
            return Decision::Refused(refused);
        }
        // That it has a path besides, of unknown status, lets no other community trust it.
        if let Some(revoked) = &self.revoked_beside
            && !self.trusted.is_empty()
        {
            return Decision::Refused(refusal(revoked));
        }
        if self.trusted.len() > 1 {
            return Decision::Refused(Refusal::new(
                ErrorCode::UnapprovedSoftwareStatement,
                Violation::of(
                    "C10",
                    "x5c",
                    "community_ambiguous",
                    "the certificate is trusted by more than one community of this server",
                ),
            ));
        }
        // A path exists there already: whether it holds must be known before anything else.
        if !self.needs_status.is_empty() {
            return Decision::Need(self.needs_status);
        }
        if let Some((community, path)) = self.trusted.into_iter().next() {
            return Decision::Trusted(community, path);
        }
        if !self.needs_issuer.is_empty() {
            let mut needs = self.needs_issuer;
            needs.truncate(limits::AIA_FETCHES);
            return Decision::Need(needs);
        }
        // What one community may yet trust is not lost by what other communities find wrong with it.
        Decision::Refused(match &self.unsettled.or(self.distrust) {
            Some(distrust) => refusal(distrust),
            None => not_trusted(),
        })
    }
}

#[cfg(test)]
mod tests;
