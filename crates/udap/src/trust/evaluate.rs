//! The one entry: a leaf and evidence in, trust, distrust or needs out.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::anchor::TrustAnchor;
use super::crl_store::CrlStore;
use super::distrust::{Distrust, Place};
use super::fetch::{self, TrustNeed};
use super::judge::{Judge, LinearPath};
use super::leaf;
use super::ocsp::OcspAnswer;
use super::path::{Effort, Pool, Search, Sources};
use super::revocation::{NoCrlAddress, PathNote, Revocation, RevocationMode, Verdict};
use super::revoked::{RevokedCertificate, revocation_identity};
use super::store::TrustStore;
use crate::certificate::Certificate;

/// What is at hand besides the leaf.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Certificates that may lie on a path: the rest of `x5c`, and what was fetched by AIA. In any
    /// order; nothing is trusted for being here.
    pub candidates: &'a [Certificate],
    /// The CRLs that are known now.
    pub crls: &'a CrlStore,
    /// Answers of responders, about whatever certificates.
    pub ocsp: &'a [OcspAnswer],
    /// The [marks](TrustNeed::marks) of needs that were looked after for this statement, with success
    /// or without. They do not arise again.
    pub tried: &'a BTreeSet<String>,
}

/// How one community trusts.
#[derive(Debug)]
pub struct TrustPolicy {
    /// Its anchors and intermediates.
    pub store: TrustStore,
    /// Whether certificates must be shown unrevoked.
    pub revocation: RevocationMode,
    /// What becomes of certificates that name no address for that.
    pub no_crl_address: NoCrlAddress,
    /// Whether issuers may be fetched (C07).
    pub aia: bool,
    /// Whether responders may be asked, and believed that a certificate is good. One that revokes is
    /// always believed.
    pub ocsp: bool,
}

/// What an evaluation comes to.
#[derive(Debug)]
pub enum Outcome {
    /// The leaf is trusted.
    Trusted(TrustedPath),
    /// It is not.
    Untrusted(Distrust),
    /// It depends on these; never empty.
    Need(Vec<TrustNeed>),
}

/// A path that holds, and was valid and unrevoked when it was judged. Only [`evaluate`] makes one.
#[derive(Clone, Debug)]
pub struct TrustedPath {
    path: LinearPath,
    notes: Vec<PathNote>,
}

impl TrustedPath {
    /// The leaf.
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        self.path.target()
    }

    /// The intermediates; the leaf's issuer is the first.
    #[must_use]
    pub fn intermediates(&self) -> &[Certificate] {
        self.path.issuers()
    }

    /// The anchor.
    #[must_use]
    pub fn anchor(&self) -> &TrustAnchor {
        self.path.anchor()
    }

    /// What leaf and intermediates would be remembered by if they were revoked.
    #[must_use]
    pub fn revocation_identities(&self) -> Vec<[u8; 32]> {
        let links = self.path.links();
        links
            .map(|(_, certificate, issuer)| revocation_identity(certificate, issuer))
            .collect()
    }

    /// What the audit should say about it.
    #[must_use]
    pub fn notes(&self) -> &[PathNote] {
        &self.notes
    }
}

/// Judges `leaf` at `at` by `policy`.
///
/// The verdict does not depend on the order of candidates, CRLs, answers or anchors.
#[must_use]
pub fn evaluate(
    judge: &dyn Judge,
    policy: &TrustPolicy,
    leaf: &Certificate,
    evidence: &Evidence<'_>,
    at: OffsetDateTime,
) -> Outcome {
    evaluate_with(judge, policy, leaf, evidence, at, &mut Effort::new())
}

/// As [`evaluate`], and what was found revoked on the way, whatever the verdict: another path may be
/// waiting for its status.
pub(crate) fn evaluate_naming_revoked(
    judge: &dyn Judge,
    policy: &TrustPolicy,
    leaf: &Certificate,
    evidence: &Evidence<'_>,
    at: OffsetDateTime,
) -> (Outcome, Option<(Place, RevokedCertificate)>) {
    let mut effort = Effort::new();
    let outcome = evaluate_with(judge, policy, leaf, evidence, at, &mut effort);
    (outcome, effort.take_revoked())
}

/// What evaluations of several leaves may spend together.
pub(crate) struct Purse(Effort);

impl Purse {
    /// As much as one evaluation may spend by itself.
    pub(crate) fn new() -> Self {
        Self(Effort::new())
    }
}

/// As [`evaluate_naming_revoked`], from a purse that others spend from as well.
pub(crate) fn evaluate_from(
    purse: &mut Purse,
    judge: &dyn Judge,
    policy: &TrustPolicy,
    leaf: &Certificate,
    evidence: &Evidence<'_>,
    at: OffsetDateTime,
) -> (Outcome, Option<(Place, RevokedCertificate)>) {
    let mut effort = purse.0.split();
    let outcome = evaluate_with(judge, policy, leaf, evidence, at, &mut effort);
    let revoked = effort.take_revoked();
    purse.0.join(effort);
    (outcome, revoked)
}

pub(super) fn evaluate_with(
    judge: &dyn Judge,
    policy: &TrustPolicy,
    leaf: &Certificate,
    evidence: &Evidence<'_>,
    at: OffsetDateTime,
    effort: &mut Effort,
) -> Outcome {
    if let Err(distrust) = leaf::check(leaf, &policy.store, at) {
        return Outcome::Untrusted(distrust);
    }
    let pool = Pool::new(evidence.candidates);
    let sources = Sources {
        store: &policy.store,
        pool: &pool,
        at,
    };
    let revocation = Revocation {
        mode: policy.revocation,
        no_address: policy.no_crl_address,
        crls: evidence.crls,
        answers: evidence.ocsp,
        ocsp: policy.ocsp,
        tried: evidence.tried,
        judge,
        sources,
    };
    let mut search = Search::new(sources, leaf, None);
    let mut reached_an_anchor = false;
    let mut pending = None;
    let mut unsettled: Option<Distrust> = None;
    while let Some(path) = search.next(effort) {
        reached_an_anchor = true;
        if !effort.judgement(&path) {
            effort.note(Distrust::SearchLimit);
            continue;
        }
        if let Err(distrust) = judge.judge(&path, policy.store.policies(), at) {
            effort.note(distrust);
            continue;
        }
        match revocation.of_path(&path, effort) {
            Verdict::Good(notes) => return Outcome::Trusted(TrustedPath { path, notes }),
            // Its issuer's key is the same on every path.
            Verdict::Bad(distrust @ Distrust::Revoked(place)) => {
                effort.note(distrust);
                effort.note_revoked(&path, place);
                if place == Place::Leaf {
                    return Outcome::Untrusted(distrust);
                }
            }
            Verdict::Bad(distrust) if distrust.may_pass() => {
                unsettled = Some(unsettled.map_or(distrust, |known| known.or(distrust)));
            }
            Verdict::Bad(distrust) => effort.note(distrust),
            // Not of a leaf's path.
            Verdict::Hearsay => {}
            Verdict::Ask(needs) => {
                pending.get_or_insert(needs);
            }
        }
    }
    if let Some(needs) = pending {
        return Outcome::Need(needs);
    }
    // This path holds but for its status, which may yet be learned: faults of other paths, such as a
    // CA's former certificate that has expired, end nothing as long as that is open (decisions 23).
    if let Some(unsettled) = unsettled {
        return Outcome::Untrusted(unsettled);
    }
    if policy.aia && !reached_an_anchor && !leaf.uri_names().is_empty() {
        let needs = fetch::issuers(leaf, evidence.candidates, effort, evidence.tried);
        if !needs.is_empty() {
            return Outcome::Need(needs);
        }
    }
    Outcome::Untrusted(effort.distrust())
}
