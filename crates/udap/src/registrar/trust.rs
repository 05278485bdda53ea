//! Which community trusts the statement's certificate (C05, C10, decisions 2, 21–24).

use std::sync::Arc;

use time::OffsetDateTime;

use crate::error::{ErrorCode, Refusal, Violation};
use crate::registrar::material::Material;
use crate::registrar::verdicts::{Decision, Question};
use crate::registrar::{NeedStanding, Registrar, Step};
use crate::site::Site;
use crate::statement::{CurrentStatement, TrustedStatement};
use crate::trust::{CrlStore, Distrust, Fetched, TrustNeed};

/// Seconds after which a client whose revocation status could not be learned may try again.
const RETRY_UNKNOWN_STATUS_SECONDS: u32 = 60;

/// A statement whose certificate path cannot be judged without material from outside.
#[derive(Debug)]
pub struct NeedTrust {
    site: Arc<Site>,
    current: CurrentStatement,
    material: Material,
}

impl NeedTrust {
    /// What to fetch.
    #[must_use]
    pub fn needs(&self) -> &[TrustNeed] {
        &self.material.needs
    }

    /// Goes on with what was fetched; `crls` must hold the CRLs among it already. Every one of
    /// [`needs`](Self::needs) counts as tried, whatever came of it. Answers of responders are kept for
    /// this statement, and only those that were asked for.
    pub fn supply(
        mut self,
        registrar: &Registrar,
        fetched: Fetched,
        crls: &CrlStore,
        now: OffsetDateTime,
    ) -> Step {
        self.material.take(fetched);
        self.evaluate(registrar, crls, now)
    }

    fn evaluate(mut self, registrar: &Registrar, crls: &CrlStore, now: OffsetDateTime) -> Step {
        let site = Arc::clone(&self.site);
        let evidence = self.material.evidence(crls);
        let question = Question {
            judge: &*registrar.judge,
            leaf: self.current.leaf(),
            evidence: &evidence,
            at: now,
        };
        let verdicts = question.ask_all(&registrar.communities, &registrar.neighbours, &site.id);
        match verdicts.decide() {
            Decision::Trusted(community, path) => {
                registrar.certificates.remember(path.leaf());
                for issuer in path.intermediates() {
                    registrar.certificates.remember(issuer);
                }
                Step::NeedStanding(Box::new(NeedStanding::new(TrustedStatement::new(
                    self.current,
                    site,
                    community,
                    path,
                ))))
            }
            Decision::Need(needs) => {
                self.material.needs = needs;
                Step::NeedTrust(Box::new(self))
            }
            Decision::Refused(refusal) => Step::Refused(refusal),
        }
    }
}

/// Evaluates the certificate of a current statement.
pub(super) fn evaluate(
    registrar: &Registrar,
    site: &Arc<Site>,
    current: CurrentStatement,
    crls: &CrlStore,
    now: OffsetDateTime,
) -> Step {
    NeedTrust {
        site: Arc::clone(site),
        material: Material::of(current.candidates().to_vec()),
        current,
    }
    .evaluate(registrar, crls, now)
}

pub(super) fn refusal(distrust: &Distrust) -> Refusal {
    let refused = Refusal::new(
        ErrorCode::UnapprovedSoftwareStatement,
        Violation::of(
            requirement(distrust),
            "x5c",
            distrust.code(),
            distrust.to_string(),
        ),
    );
    if distrust.may_pass() {
        refused.retry_after(RETRY_UNKNOWN_STATUS_SECONDS)
    } else {
        refused
    }
}

/// The requirement that a distrusted certificate does not meet.
fn requirement(distrust: &Distrust) -> &'static str {
    match distrust {
        Distrust::Revoked(_) => "C19",
        Distrust::RevocationUnknown(_) => "C21",
        Distrust::NoRevocationAddress(_) => "C22",
        Distrust::LeafIsCa | Distrust::LeafSelfSigned | Distrust::LeafHasAnchorKey => "C13",
        Distrust::LeafKeyUsage => "C14",
        Distrust::Key { .. } | Distrust::SignatureAlgorithm(_) => "C15",
        Distrust::Expired(_) | Distrust::NotYetValid(_) => "C11",
        Distrust::Rule { .. } | Distrust::Flaw { .. } => "C12",
        _ => "C05",
    }
}

/// What a certificate without a path to any anchor is told; a blocked client too, so that it
/// cannot tell the one from the other (decisions 12).
pub(super) fn not_trusted() -> Refusal {
    refusal(&Distrust::UnknownIssuer)
}

/// What an app is told that the community may not bring here (C27).
pub(super) fn not_admitted() -> Refusal {
    Refusal::new(
        ErrorCode::UnapprovedSoftwareStatement,
        Violation::of(
            "C27",
            "iss",
            "client_uri_not_admitted",
            "this server does not admit apps of this client URI from the certificate's community",
        ),
    )
}
