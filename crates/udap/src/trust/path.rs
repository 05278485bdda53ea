//! The walk: every path from a certificate to an anchor whose names match and signatures hold.
//!
//! What it finds and in which order depends on certificates alone, never on the order in which
//! they are given.

use std::collections::{HashMap, HashSet};

use time::OffsetDateTime;

use super::anchor::TrustAnchor;
use super::distrust::{Distrust, PathRule, Place};
use super::fetch::is_http;
use super::judge::LinearPath;
use super::name::NameKey;
use super::revoked::RevokedCertificate;
use super::store::{SignatureMemo, TrustStore};
use crate::certificate::Certificate;
use crate::key::PublicKey;
use crate::limits;

/// Supplied certificates by subject, each once.
pub(super) struct Pool<'a>(HashMap<&'a NameKey, Vec<&'a Certificate>>);

impl<'a> Pool<'a> {
    pub(super) fn new(candidates: &'a [Certificate]) -> Self {
        let mut seen = HashSet::new();
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for candidate in candidates {
            if seen.insert(candidate.fingerprint()) {
                by_name
                    .entry(candidate.subject_key())
                    .or_default()
                    .push(candidate);
            }
        }
        Self(by_name)
    }

    pub(super) fn named(&self, name: &NameKey) -> impl Iterator<Item = &'a Certificate> {
        self.0.get(name).into_iter().flatten().copied()
    }
}

/// What one evaluation may still spend, and what it learned on the way.
pub(super) struct Effort {
    signature_checks: usize,
    steps: usize,
    judgements: usize,
    octets: usize,
    comparisons: usize,
    /// Signatures that do not hold; those that do are remembered by the store.
    refuted: HashSet<[u8; 32]>,
    distrust: Option<Distrust>,
    /// Certificates that were found revoked.
    revoked: Vec<(Place, RevokedCertificate)>,
    /// Addresses of issuers that no path got past, nearest to the leaf first: each once, and at most
    /// [`limits::ISSUER_ADDRESSES`].
    issuer_urls: Vec<String>,
    /// Certificates whose addresses are among these already.
    addressed: HashSet<[u8; 32]>,
}

impl Effort {
    pub(super) fn new() -> Self {
        Self {
            signature_checks: limits::PATH_SIGNATURE_CHECKS,
            steps: limits::PATH_STEPS,
            judgements: limits::PATH_JUDGEMENTS,
            octets: limits::PATH_JUDGED_BYTES,
            comparisons: limits::PATH_COMPARISONS,
            refuted: HashSet::new(),
            distrust: None,
            revoked: Vec::new(),
            issuer_urls: Vec::new(),
            addressed: HashSet::new(),
        }
    }

    /// Notes that a certificate of a path is revoked.
    pub(super) fn note_revoked(&mut self, path: &LinearPath, place: Place) {
        let found = path.links().find(|(at, ..)| *at == place);
        if let Some((_, certificate, issuer)) = found {
            let revoked = RevokedCertificate::new(certificate, issuer);
            self.revoked.push((place, revoked));
        }
    }

    /// The revoked certificate that [`Effort::distrust`] speaks of.
    pub(super) fn take_revoked(&mut self) -> Option<(Place, RevokedCertificate)> {
        let Some(Distrust::Revoked(place)) = self.distrust else {
            return None;
        };
        let position = self.revoked.iter().position(|(at, _)| *at == place)?;
        Some(self.revoked.swap_remove(position))
    }

    /// Keeps the most specific reason.
    pub(super) fn note(&mut self, distrust: Distrust) {
        self.distrust = Some(match self.distrust {
            Some(known) => known.or(distrust),
            None => distrust,
        });
    }

    pub(super) fn distrust(&self) -> Distrust {
        self.distrust.unwrap_or(Distrust::UnknownIssuer)
    }

    pub(super) fn issuer_urls(&self) -> &[String] {
        &self.issuer_urls
    }

    /// Keeps where an issuer's own issuer may be found. A search may come by the same certificate
    /// thousands of times.
    fn note_addresses(&mut self, issuer: &Certificate) {
        let is_full = |urls: &[String]| urls.len() >= limits::ISSUER_ADDRESSES;
        if is_full(&self.issuer_urls) || !self.addressed.insert(*issuer.fingerprint()) {
            return;
        }
        for url in issuer.ca_issuers() {
            if is_full(&self.issuer_urls) {
                return;
            }
            if !self.issuer_urls.contains(url) && is_http(url) {
                self.issuer_urls.push(url.clone());
            }
        }
    }

    /// Whether a limit ended the search, or was just reached.
    pub(super) fn is_spent(&self) -> bool {
        self.signature_checks == 0 || self.steps == 0
    }

    /// Signatures that were verified.
    pub(super) fn signature_checks(&self) -> usize {
        limits::PATH_SIGNATURE_CHECKS - self.signature_checks
    }

    fn step(&mut self) -> bool {
        let left = self.steps.checked_sub(1);
        self.steps = left.unwrap_or_default();
        left.is_some()
    }

    /// Whether this path may be judged. One that is too heavy for what is left costs nothing, and a
    /// lighter one may still be judged.
    pub(super) fn judgement(&mut self, path: &LinearPath) -> bool {
        let weight = path.weight();
        let left = (
            self.judgements.checked_sub(1),
            self.octets.checked_sub(weight.octets),
            self.comparisons.checked_sub(weight.comparisons),
        );
        let (Some(judgements), Some(octets), Some(comparisons)) = left else {
            return false;
        };
        self.judgements = judgements;
        self.octets = octets;
        self.comparisons = comparisons;
        true
    }

    /// An effort on something else that spends from the same purse; to be given back to
    /// [`Effort::join`].
    pub(super) fn split(&mut self) -> Self {
        Self {
            distrust: None,
            revoked: Vec::new(),
            issuer_urls: Vec::new(),
            addressed: HashSet::new(),
            refuted: std::mem::take(&mut self.refuted),
            ..*self
        }
    }

    /// Takes back what was not spent.
    pub(super) fn join(&mut self, other: Self) {
        self.signature_checks = other.signature_checks;
        self.steps = other.steps;
        self.judgements = other.judgements;
        self.octets = other.octets;
        self.comparisons = other.comparisons;
        self.refuted = other.refuted;
    }

    /// Whether `key` signed the certificate. Paid for only if it is not known. `None`: no more is
    /// spent.
    pub(super) fn is_signed_by(
        &mut self,
        memo: &SignatureMemo,
        certificate: &Certificate,
        key: &PublicKey,
    ) -> Option<bool> {
        let entry = SignatureMemo::entry(certificate, key);
        if memo.holds(&entry) {
            return Some(true);
        }
        if self.refuted.contains(&entry) {
            return Some(false);
        }
        self.signature_checks = self.signature_checks.checked_sub(1)?;
        let holds = certificate.verify_issued_by(key).is_ok();
        if holds {
            memo.remember(entry);
        } else {
            self.refuted.insert(entry);
        }
        Some(holds)
    }
}

/// Where certificates may come from.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) store: &'a TrustStore,
    pub(super) pool: &'a Pool<'a>,
    pub(super) at: OffsetDateTime,
}

enum Edge<'a> {
    Anchor(&'a TrustAnchor),
    Issuer(&'a Certificate),
}

struct Frame<'a> {
    certificate: &'a Certificate,
    edges: std::vec::IntoIter<Edge<'a>>,
}

/// A depth-first search with backtracking, one path at a time.
pub(super) struct Search<'a> {
    sources: Sources<'a>,
    /// If set, the only anchor that counts.
    anchor: Option<&'a TrustAnchor>,
    stack: Vec<Frame<'a>>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        sources: Sources<'a>,
        target: &'a Certificate,
        anchor: Option<&'a TrustAnchor>,
    ) -> Self {
        let mut search = Self {
            sources,
            anchor,
            stack: Vec::new(),
        };
        search.push(target);
        search
    }

    /// The next path whose signatures all hold, or `None` if there is no more.
    pub(super) fn next(&mut self, effort: &mut Effort) -> Option<LinearPath> {
        while let Some(frame) = self.stack.last_mut() {
            let certificate = frame.certificate;
            let Some(edge) = frame.edges.next() else {
                self.stack.pop();
                continue;
            };
            if !effort.step() {
                effort.note(Distrust::SearchLimit);
                return None;
            }
            let memo = self.sources.store.signatures();
            let (place, issuer_place) = match self.stack.len() {
                0 | 1 => (Place::Leaf, Place::Issuer(1)),
                depth => (Place::Issuer(depth - 1), Place::Issuer(depth)),
            };
            let key = match edge {
                Edge::Anchor(anchor) => anchor.key(),
                Edge::Issuer(issuer) => {
                    if self.is_on_path(issuer) {
                        continue;
                    }
                    match issuer.key() {
                        Ok(key) => key,
                        Err(error) => {
                            effort.note(Distrust::Key {
                                place: issuer_place,
                                error,
                            });
                            continue;
                        }
                    }
                }
            };
            match effort.is_signed_by(memo, certificate, key) {
                None => {
                    effort.note(Distrust::SearchLimit);
                    return None;
                }
                Some(false) => {
                    effort.note(Distrust::WrongIssuer(place));
                    continue;
                }
                Some(true) => {}
            }
            match edge {
                Edge::Anchor(anchor) => return Some(self.path_to(anchor)),
                Edge::Issuer(issuer) => {
                    if let Some(reason) = self.refuse(issuer, issuer_place) {
                        effort.note(reason);
                    } else {
                        self.push(issuer);
                        effort.note_addresses(issuer);
                    }
                }
            }
        }
        None
    }

    /// Why a certificate that did issue the one below is still no issuer.
    fn refuse(&self, issuer: &Certificate, place: Place) -> Option<Distrust> {
        if let Err(flaw) = issuer.well_formed() {
            return Some(Distrust::Flaw { place, flaw });
        }
        if !issuer.is_ca() {
            return Some(Distrust::Rule {
                place,
                rule: PathRule::NotCa,
            });
        }
        if issuer.signature_scheme().is_none() {
            return Some(Distrust::SignatureAlgorithm(place));
        }
        // It and an anchor are still to come.
        (self.stack.len() + 2 > limits::PATH_CERTIFICATES).then_some(Distrust::PathTooLong)
    }

    fn is_on_path(&self, issuer: &Certificate) -> bool {
        self.stack
            .iter()
            .any(|frame| same_name_and_key(frame.certificate, issuer))
    }

    fn path_to(&self, anchor: &TrustAnchor) -> LinearPath {
        let mut certificates = self.stack.iter().map(|frame| frame.certificate.clone());
        let target = certificates.next();
        // The target lies at the bottom of the stack for as long as the search lasts.
        let target = target.unwrap_or_else(|| anchor.certificate().clone());
        LinearPath::new(target, certificates.collect(), anchor.clone())
    }

    fn push(&mut self, certificate: &'a Certificate) {
        let edges = self.edges(certificate).into_iter();
        self.stack.push(Frame { certificate, edges });
    }

    /// Possible issuers by name, the likeliest first: anchors, then by key id, validity, and
    /// fingerprint. A key id is a hint only.
    fn edges(&self, certificate: &'a Certificate) -> Vec<Edge<'a>> {
        let Sources { store, pool, at } = self.sources;
        let name = certificate.issuer_key();
        let likelihood = |issuer: &Certificate| {
            let by_key_id = match (certificate.authority_key_id(), issuer.subject_key_id()) {
                (Some(wanted), Some(given)) if wanted == given => 0,
                (Some(_), Some(_)) => 2,
                _ => 1,
            };
            (by_key_id, !issuer.is_valid_at(at), *issuer.fingerprint())
        };
        let mut anchors: Vec<_> = store
            .anchors_named(name)
            .filter(|anchor| {
                self.anchor
                    .is_none_or(|only| only.same_name_and_key(anchor))
            })
            .collect();
        anchors.sort_by_cached_key(|anchor| likelihood(anchor.certificate()));
        anchors.dedup();

        let mut issuers: Vec<_> = store
            .intermediates_named(name)
            .chain(pool.named(name))
            .collect();
        // A certificate of an anchor's own name and key leads nowhere that the anchor does not,
        // but for an anchor out of date.
        issuers.retain(|issuer| {
            !anchors.iter().any(|anchor| {
                same_name_and_key(anchor.certificate(), issuer)
                    && (issuer.is_self_issued() || anchor.valid_at(at).is_ok())
            })
        });
        issuers.sort_by_cached_key(|issuer| likelihood(issuer));
        issuers.dedup();
        let anchors = anchors.into_iter().map(Edge::Anchor);
        anchors
            .chain(issuers.into_iter().map(Edge::Issuer))
            .collect()
    }
}

pub(super) fn same_name_and_key(a: &Certificate, b: &Certificate) -> bool {
    a.spki_hash() == b.spki_hash() && a.subject_key() == b.subject_key()
}
