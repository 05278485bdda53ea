//! Who speaks by a CRL that bears the issuer's name, and how much that counts (C20).
//!
//! Several keys may sign for one CA: it rolls its key over, or has one for certificates and one for
//! lists. But the name alone makes nobody that CA. Any other CA below the same anchor can certify a
//! key of its own under that name; and a revoked client can send that certificate along, with a list
//! that does not know it. So whatever revokes is heard from any signer whose certificate holds below
//! the anchor, but that a certificate is good is believed only of those for whom the operator, the
//! issuer, or a CA above it on the path vouches.
//!
//! A rogue gains nothing by standing on the path itself, as by certifying the issuer's key anew: the
//! path's constraints on names and policies then bind it, so that it could as well have issued the
//! client another certificate. Off the path it may be constrained to quite other names than the
//! client's. And the issuer itself is always asked first.

use super::anchor::TrustAnchor;
use super::crl::Crl;
use super::judge::LinearPath;
use super::path::{Effort, Search, same_name_and_key};
use super::revocation::{Revocation, Verdict, may_sign_crls};
use crate::certificate::Certificate;

/// Who speaks by a list; the weightiest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Voice {
    /// The issuer, with its key on the path.
    Issuer,
    /// Another key of the same CA: that of the anchor; one that the operator configured; or one that
    /// was certified under the CA's name by the issuer's key or that of a CA above it on the path.
    SameCa,
    /// A key that somebody else below the same anchor certified under the CA's name. It can only
    /// revoke.
    Hearsay,
}

impl Revocation<'_> {
    /// Who signed the list: the issuer with the key that is on the path, or another key of that name
    /// whose certificate leads to the same anchor and is itself not revoked; `None`: neither.
    pub(super) fn voice(
        &self,
        crl: &Crl,
        issuer: &Certificate,
        path: &LinearPath,
        depth: usize,
        effort: &mut Effort,
    ) -> Option<Voice> {
        if may_sign_crls(issuer) && issuer.key().is_ok_and(|key| crl.verify(key).is_ok()) {
            return Some(Voice::Issuer);
        }
        let depth = depth.checked_sub(1)?;
        let anchor = path.anchor();
        if same_name(anchor.certificate(), crl)
            && may_sign_crls(anchor.certificate())
            && crl.verify(anchor.key()).is_ok()
        {
            return Some(Voice::SameCa);
        }
        let configured = self.sources.store.intermediates_named(crl.issuer());
        let on_path = path.issuers().iter();
        let mut signers: Vec<_> = on_path
            .chain(configured)
            .chain(self.sources.pool.named(crl.issuer()))
            .filter(|signer| {
                same_name(signer, crl)
                    && !same_name_and_key(signer, issuer)
                    && signer.key_usage().is_some_and(|usage| usage.crl_sign())
                    && signer.well_formed().is_ok()
                    && signer.key().is_ok_and(|key| crl.verify(key).is_ok())
            })
            .collect();
        signers.sort_by_key(|signer| *signer.fingerprint());
        signers.dedup();
        let mut best = None;
        for signer in signers {
            let is_vouched_for = self.is_vouched_for(signer, issuer, path, effort);
            if best.is_some() && !is_vouched_for {
                continue;
            }
            match self.of_signer(signer, anchor, depth, effort) {
                Some(Voice::Hearsay) => best = Some(Voice::Hearsay),
                Some(_) if !is_vouched_for => best = Some(Voice::Hearsay),
                Some(voice) => return Some(voice),
                None => {}
            }
        }
        best
    }

    /// Whether the operator, the issuer, or a CA above it on the path stands for a signer. Not one
    /// below it: its status is what is asked for.
    fn is_vouched_for(
        &self,
        signer: &Certificate,
        issuer: &Certificate,
        path: &LinearPath,
        effort: &mut Effort,
    ) -> bool {
        let store = self.sources.store;
        let mut configured = store.intermediates_named(signer.subject_key());
        if configured.any(|configured| configured == signer) {
            return true;
        }
        path.issuers()
            .iter()
            .chain(std::iter::once(path.anchor().certificate()))
            .skip_while(|certificate| *certificate != issuer)
            .filter(|voucher| voucher.subject_key() == signer.issuer_key())
            .filter_map(|voucher| voucher.key().ok())
            .any(|key| effort.is_signed_by(store.signatures(), signer, key) == Some(true))
    }

    /// Whether a signer's certificate leads to this anchor and is not revoked: never
    /// [`Voice::Issuer`], and [`Voice::Hearsay`] if that rests on hearsay.
    fn of_signer(
        &self,
        target: &Certificate,
        anchor: &TrustAnchor,
        depth: usize,
        effort: &mut Effort,
    ) -> Option<Voice> {
        // What is found here says nothing about the leaf: reasons go to an effort of their own.
        let mut own = effort.split();
        let mut search = Search::new(self.sources, target, Some(anchor));
        let mut best = None;
        while let Some(path) = search.next(&mut own) {
            let policies = self.sources.store.policies();
            if !own.judgement(&path) || self.judge.judge(&path, policies, self.sources.at).is_err()
            {
                continue;
            }
            match self.of_path_to(&path, depth, &mut own) {
                Verdict::Good(_) => {
                    best = Some(Voice::SameCa);
                    break;
                }
                Verdict::Hearsay => best = Some(Voice::Hearsay),
                Verdict::Ask(_) | Verdict::Bad(_) => {}
            }
        }
        effort.join(own);
        best
    }
}

fn same_name(signer: &Certificate, crl: &Crl) -> bool {
    signer.subject_key() == crl.issuer()
}
