//! Revocation (C19–C23, C31; decisions 21): by CRL (RFC 5280 §6.3), and by OCSP (RFC 6960) where no list is
//! of use.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::crl::Crl;
use super::crl_store::CrlStore;
use super::distrust::{Distrust, Place};
use super::fetch::{CrlNeed, OcspNeed, TrustNeed};
use super::general_name::PointName;
use super::judge::{Judge, LinearPath};
use super::list_signer::Voice;
use super::ocsp::OcspAnswer;
use super::path::{Effort, Sources};
use crate::certificate::Certificate;
use crate::limits;

/// Whether certificates must be shown unrevoked (decisions 21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RevocationMode {
    /// Every certificate below the anchor that names an address, or whose issuer's CRL is known.
    #[default]
    Required,
    /// A CRL or an answer can only refuse.
    WhenAvailable,
    /// None is looked at.
    Off,
}

/// What becomes of a certificate without an address whose issuer has no known CRL (C22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NoCrlAddress {
    /// Accepted, and noted.
    #[default]
    Accept,
    /// Refused.
    Refuse,
}

/// What stands in the audit about a path that is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathNote {
    /// The certificate names no address and no CRL of its issuer is known: accepted (C22).
    NoRevocationAddress(Place),
    /// Nothing usable says whether it is revoked: accepted by [`RevocationMode::WhenAvailable`].
    RevocationUnknown(Place),
}

/// What is known about one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Status {
    /// Somebody says so.
    Good(Voice),
    Revoked,
    /// No address, no CRL.
    Unaddressed,
    /// An address, or a CRL, but nothing usable.
    Unknown,
    /// As [`Status::Unknown`], and a list that is the issuer's is not understood: what it means no
    /// answer can outweigh.
    NotUnderstood,
}

/// What is known about a path.
pub(super) enum Verdict {
    Good(Vec<PathNote>),
    /// For the signer of a list only: good if hearsay is believed.
    Hearsay,
    /// Whether it is good depends on these, of which none was asked yet.
    Ask(Vec<TrustNeed>),
    Bad(Distrust),
}

/// Evaluates CRLs and answers for the paths of one evaluation.
#[derive(Clone, Copy)]
pub(super) struct Revocation<'a> {
    pub(super) mode: RevocationMode,
    pub(super) no_address: NoCrlAddress,
    pub(super) crls: &'a CrlStore,
    pub(super) answers: &'a [OcspAnswer],
    /// Whether responders are asked and believed.
    pub(super) ocsp: bool,
    pub(super) tried: &'a BTreeSet<String>,
    pub(super) judge: &'a dyn Judge,
    pub(super) sources: Sources<'a>,
}

impl Revocation<'_> {
    /// The status of every certificate below the anchor.
    pub(super) fn of_path(&self, path: &LinearPath, effort: &mut Effort) -> Verdict {
        self.of_path_to(path, limits::CRL_SIGNER_DEPTH, effort)
    }

    /// As [`Self::of_path`]; below the full depth, of the path of a list's signer.
    pub(super) fn of_path_to(
        &self,
        path: &LinearPath,
        depth: usize,
        effort: &mut Effort,
    ) -> Verdict {
        let is_signer = depth < limits::CRL_SIGNER_DEPTH;
        let mut notes = Vec::new();
        let mut ask = Vec::new();
        let mut bad = None;
        let mut is_hearsay = false;
        if self.mode == RevocationMode::Off {
            return Verdict::Good(notes);
        }
        for (place, certificate, issuer) in path.links() {
            match self.of_certificate(path, certificate, issuer, depth, effort) {
                Status::Good(Voice::Issuer) => {}
                // Nobody is asked about a signer that passes for good: a list of his that revokes
                // must be heard. What it may show beyond that is for the caller.
                Status::Good(voice) if is_signer => is_hearsay |= voice == Voice::Hearsay,
                // The issuer itself is asked before its other keys are believed: their lists need
                // not tell of what this key issued.
                Status::Good(Voice::SameCa) => {
                    ask.extend(self.need(path, certificate, issuer, is_signer));
                }
                // Nothing can be worse.
                Status::Revoked => return Verdict::Bad(Distrust::Revoked(place)),
                Status::Unaddressed => match self.no_address {
                    NoCrlAddress::Refuse if self.mode == RevocationMode::Required => {
                        bad = bad.or(Some(Distrust::NoRevocationAddress(place)));
                    }
                    _ => notes.push(PathNote::NoRevocationAddress(place)),
                },
                status @ (Status::Good(Voice::Hearsay)
                | Status::Unknown
                | Status::NotUnderstood) => {
                    let lists_only = is_signer || status == Status::NotUnderstood;
                    if let Some(need) = self.need(path, certificate, issuer, lists_only) {
                        ask.push(need);
                    } else if self.mode == RevocationMode::Required {
                        bad = bad.or(Some(Distrust::RevocationUnknown(place)));
                    } else {
                        notes.push(PathNote::RevocationUnknown(place));
                    }
                }
            }
        }
        match (bad, ask.is_empty()) {
            // What is lost already is not asked about.
            (Some(bad), _) => Verdict::Bad(bad),
            (None, false) => Verdict::Ask(ask),
            (None, true) if is_hearsay => Verdict::Hearsay,
            (None, true) => Verdict::Good(notes),
        }
    }

    /// What could be asked about a certificate of which its issuer has not spoken: lists first, then
    /// responders. `lists_only`: where no answer can change anything; and about the signer of a list
    /// nobody is asked, which must not keep the list from being heard.
    fn need(
        &self,
        path: &LinearPath,
        certificate: &Certificate,
        issuer: &Certificate,
        lists_only: bool,
    ) -> Option<TrustNeed> {
        let urls = self.untried(certificate);
        if !urls.is_empty() {
            let need = CrlNeed::new(certificate, issuer, path.authority(issuer), urls);
            return Some(TrustNeed::Crl(need));
        }
        if !self.ocsp || lists_only {
            return None;
        }
        let authority = path.authority(issuer);
        OcspNeed::new(certificate, issuer, authority, self.tried).map(TrustNeed::Ocsp)
    }

    fn of_certificate(
        &self,
        path: &LinearPath,
        certificate: &Certificate,
        issuer: &Certificate,
        depth: usize,
        effort: &mut Effort,
    ) -> Status {
        let answers = || {
            let all = self.answers.iter();
            all.filter(|answer| answer.is_about(certificate, issuer))
        };
        if answers().any(OcspAnswer::revokes) {
            return Status::Revoked;
        }
        let status = self.by_lists(path, certificate, issuer, depth, effort);
        let is_open = matches!(
            status,
            Status::Unknown | Status::Good(Voice::SameCa | Voice::Hearsay)
        );
        if !is_open || !self.ocsp {
            return status;
        }
        // A responder whose certificate says that it need not be checked is not asked about, but a
        // list that is here already may say that its issuer has withdrawn it.
        let is_withdrawn = |responder: &Certificate, effort: &mut Effort| {
            self.by_lists(path, responder, issuer, depth, effort) == Status::Revoked
        };
        let mut good = answers().filter(|answer| answer.shows_good(self.sources.at));
        if good.any(|answer| {
            answer
                .responder()
                .is_none_or(|responder| !is_withdrawn(responder, effort))
        }) {
            // It, or a responder whose certificate it signed.
            Status::Good(Voice::Issuer)
        } else {
            status
        }
    }

    fn by_lists(
        &self,
        path: &LinearPath,
        certificate: &Certificate,
        issuer: &Certificate,
        depth: usize,
        effort: &mut Effort,
    ) -> Status {
        let mut is_known = false;
        let mut good: Option<Voice> = None;
        let mut is_refused = false;
        // Every list of the issuer is consulted: what any of them revokes is revoked, stale or not.
        for crl in self.crls.of_issuer(certificate) {
            let Some(voice) = self.voice(crl, issuer, path, depth, effort) else {
                continue;
            };
            is_known = true;
            if crl
                .entry(certificate)
                .is_some_and(|reason| reason.revokes())
            {
                return Status::Revoked;
            }
            if !crl.is_understood() {
                is_refused = true;
            } else if crl.is_current(self.sources.at) && covers(crl, certificate) {
                good = Some(good.map_or(voice, |best| best.min(voice)));
            }
        }
        if is_refused {
            Status::NotUnderstood
        } else if let Some(voice) = good {
            Status::Good(voice)
        } else if is_known
            || !certificate.distribution_points().is_empty()
            || !certificate.ocsp_responders().is_empty()
        {
            Status::Unknown
        } else {
            Status::Unaddressed
        }
    }

    fn untried(&self, certificate: &Certificate) -> Vec<String> {
        let urls = certificate.crl_distribution_points().iter();
        urls.filter(|url| super::fetch::is_http(url) && !self.tried.contains(*url))
            .take(limits::CRL_ADDRESSES)
            .cloned()
            .collect()
    }
}

/// Whether a list tells by itself whether the certificate is revoked: its issuer's own key signed it,
/// it is in force, and it is about this certificate.
pub(super) fn settles(
    crl: &Crl,
    certificate: &Certificate,
    issuer: &Certificate,
    at: OffsetDateTime,
) -> bool {
    crl.names_issuer_of(certificate)
        && crl.is_issued_by(issuer)
        && crl.is_understood()
        && crl.is_current(at)
        && covers(crl, certificate)
}

/// keyUsage, where there is one, must allow it (RFC 5280 §6.3.3 (f)).
pub(super) fn may_sign_crls(certificate: &Certificate) -> bool {
    certificate.key_usage().is_none_or(|usage| usage.crl_sign())
}

/// Whether a list that does not name the certificate thereby says that it is not revoked, for any
/// reason (RFC 5280 §6.3.3 (b), (d)).
fn covers(crl: &Crl, certificate: &Certificate) -> bool {
    let Some(scope) = crl.scope() else {
        return true;
    };
    if scope.indirect
        || scope.some_reasons
        || scope.only_attributes
        || (scope.only_users && certificate.is_ca())
        || (scope.only_cas && !certificate.is_ca())
    {
        return false;
    }
    let Some(point) = &scope.point else {
        return true;
    };
    let issuer = certificate.issuer_key();
    let served = point.names(issuer);
    let by_issuer = PointName::Directory(issuer.clone());
    if certificate.distribution_points().is_empty() {
        return served.contains(&by_issuer);
    }
    certificate.distribution_points().iter().any(|asked| {
        // Whoever else signs for a point is an indirect issuer.
        let is_own = asked.crl_issuer.is_empty() || asked.crl_issuer.contains(&by_issuer);
        let names = match &asked.point {
            Some(point) => point.names(issuer),
            None => asked.crl_issuer.clone(),
        };
        is_own && !asked.some_reasons && names.iter().any(|name| served.contains(name))
    })
}
