//! Whether a registered client's certificate is still trusted (C30, decisions 12, 23).

use std::sync::Arc;

use time::OffsetDateTime;

use crate::certificate::Certificate;
use crate::community::Community;
use crate::registrar::Registrar;
use crate::registrar::material::Material;
use crate::registry::{CheckResult, LiveRegistration, TrustOff};
use crate::trust::{
    self, CrlStore, Distrust, Fetched, Outcome, RevokedCertificate, TrustNeed, TrustedPath,
};

/// What became of a check.
#[derive(Debug)]
#[must_use]
pub enum Recheck {
    /// It depends on material from outside.
    Need(Box<NeedRecheck>),
    /// It is settled.
    Done(RecheckVerdict),
}

/// What a check found.
#[derive(Debug)]
pub enum RecheckVerdict {
    /// The certificate is trusted still.
    Trusted(Box<TrustedPath>),
    /// It is not.
    Distrusted {
        /// Why.
        distrust: Distrust,
        /// The revoked certificate, if that is why.
        revoked: Option<Box<RevokedCertificate>>,
    },
    /// No community of the registration's URI serves its site any more.
    CommunityGone,
}

impl RecheckVerdict {
    /// What to record. A status that cannot be learned is no reason yet: how long that may last is
    /// the caller's to decide (decisions 23).
    #[must_use]
    pub fn result(&self) -> CheckResult {
        match self {
            Self::Trusted(_) => CheckResult::Good,
            Self::CommunityGone => CheckResult::Off(TrustOff::Untrusted),
            Self::Distrusted { distrust, revoked } => match (distrust, revoked) {
                (Distrust::Revoked(_), Some(certificate)) => {
                    CheckResult::Revoked(certificate.clone())
                }
                (Distrust::Revoked(_), None) => CheckResult::Off(TrustOff::Revoked),
                (Distrust::Expired(_), _) => CheckResult::Off(TrustOff::Expired),
                (distrust, _) if distrust.may_pass() => CheckResult::Unsettled,
                _ => CheckResult::Off(TrustOff::Untrusted),
            },
        }
    }
}

/// A registration whose certificate cannot be judged without material from outside.
#[derive(Debug)]
pub struct NeedRecheck {
    community: Arc<Community>,
    leaf: Certificate,
    material: Material,
}

impl NeedRecheck {
    /// What to fetch.
    #[must_use]
    pub fn needs(&self) -> &[TrustNeed] {
        &self.material.needs
    }

    /// Goes on with what was fetched; `crls` must hold the CRLs among it already.
    pub fn supply(
        mut self,
        registrar: &Registrar,
        fetched: Fetched,
        crls: &CrlStore,
        now: OffsetDateTime,
    ) -> Recheck {
        self.material.take(fetched);
        self.evaluate(registrar, crls, now)
    }

    fn evaluate(mut self, registrar: &Registrar, crls: &CrlStore, now: OffsetDateTime) -> Recheck {
        let evidence = self.material.evidence(crls);
        let (outcome, revoked) = trust::evaluate_naming_revoked(
            &*registrar.judge,
            &self.community.trust,
            &self.leaf,
            &evidence,
            now,
        );
        Recheck::Done(match outcome {
            Outcome::Trusted(path) => RecheckVerdict::Trusted(Box::new(path)),
            Outcome::Untrusted(distrust) => RecheckVerdict::Distrusted {
                distrust,
                revoked: revoked
                    .filter(|(place, _)| distrust == Distrust::Revoked(*place))
                    .map(|(_, certificate)| Box::new(certificate)),
            },
            Outcome::Need(needs) => {
                self.material.needs = needs;
                return Recheck::Need(Box::new(self));
            }
        })
    }
}

impl Registrar {
    /// Judges the certificate of a registration again, by its own community alone (decisions 24).
    pub fn recheck(
        &self,
        registration: &LiveRegistration,
        crls: &CrlStore,
        now: OffsetDateTime,
    ) -> Recheck {
        let community = self.communities().iter().find(|community| {
            community.uri == registration.community_uri && community.serves(&registration.site)
        });
        let is_served = self.site(&registration.site).is_some();
        let Some(community) = community.filter(|_| is_served) else {
            return Recheck::Done(RecheckVerdict::CommunityGone);
        };
        NeedRecheck {
            community: Arc::clone(community),
            leaf: registration.certificate.clone(),
            material: Material::of(registration.chain.clone()),
        }
        .evaluate(self, crls, now)
    }
}

#[cfg(test)]
mod tests;
