//! The last check: what is attested of the app (F01–F16, decisions 1, 20).
//!
//! What costs nothing comes first: signatures, claims and restrictions of all, and whether an
//! obligatory one is missing. Then the certifiers' paths, all from one budget of signatures and of
//! fetches; then, once all are trusted, the certifiers are asked whether they still stand to it.

use time::OffsetDateTime;

use crate::certification::{
    self, AcceptedCertification, Certifiers, Circumstances, Fault, Presented, StatusQuery,
};
use crate::limits;
use crate::registrar::material::Material;
use crate::registrar::{Registrar, Step};
use crate::rules::ClientMetadata;
use crate::statement::{ApprovedRegistration, TrustedStatement};
use crate::trust::{
    self, Authority, CrlStore, Distrust, Fetched, Outcome, Place, RevokedCertificate, TrustNeed,
    TrustPolicy, TrustedPath,
};

/// A registration whose certifications have to be judged.
#[derive(Debug)]
pub struct NeedCertifications {
    statement: TrustedStatement,
    metadata: ClientMetadata,
    /// `None`: none has been looked at.
    presented: Option<Vec<Attested>>,
    needs: Vec<TrustNeed>,
    /// Issuers that may still be fetched, for all of them together (decisions 20).
    issuers_left: usize,
}

/// A certification, and what is at hand to judge its certifier.
#[derive(Debug)]
struct Attested {
    presented: Presented,
    material: Material,
}

/// A registration whose certifications hold, unless a certifier has withdrawn one.
#[derive(Debug)]
pub struct NeedCertificationStatus {
    statement: TrustedStatement,
    metadata: ClientMetadata,
    accepted: Vec<AcceptedCertification>,
    /// Where in the request each that is asked about stands.
    asked: Vec<usize>,
    queries: Vec<StatusQuery>,
}

/// A registration that has passed every check before this one.
pub(super) fn check(statement: TrustedStatement, metadata: ClientMetadata) -> Step {
    let recognised = &statement.community().certifications;
    if !recognised.is_empty() && !statement.certifications().is_empty() {
        return Step::NeedCertifications(Box::new(NeedCertifications {
            statement,
            metadata,
            presented: None,
            needs: Vec::new(),
            issuers_left: limits::AIA_FETCHES,
        }));
    }
    if recognised.iter().any(|one| one.required) {
        return conclude(statement, metadata, Vec::new(), vec![Fault::missing()]);
    }
    conclude(statement, metadata, Vec::new(), Vec::new())
}

fn conclude(
    statement: TrustedStatement,
    metadata: ClientMetadata,
    accepted: Vec<AcceptedCertification>,
    faults: Vec<Fault>,
) -> Step {
    match certification::refusal(faults) {
        Some(refusal) => Step::RefusedAfterTrust(Box::new(statement), refusal),
        None => Step::Register(Box::new(ApprovedRegistration::new(
            statement, metadata, accepted,
        ))),
    }
}

impl NeedCertifications {
    /// What to fetch; empty at first, when only the processor is needed.
    #[must_use]
    pub fn needs(&self) -> &[TrustNeed] {
        &self.needs
    }

    /// Goes on with what was fetched; `crls` must hold the CRLs among it already. Every one of
    /// [`needs`](Self::needs) counts as tried, whatever came of it.
    pub fn supply(
        mut self,
        registrar: &Registrar,
        fetched: Fetched,
        crls: &CrlStore,
        now: OffsetDateTime,
    ) -> Step {
        let presented = match self.presented.take() {
            Some(mut presented) => {
                for one in &mut presented {
                    one.material.take(fetched.clone());
                }
                presented
            }
            None => match self.examine(registrar, now) {
                Ok(presented) => presented,
                Err(faults) => return conclude(self.statement, self.metadata, Vec::new(), faults),
            },
        };
        self.evaluate(presented, registrar, crls, now)
    }

    fn examine(
        &self,
        registrar: &Registrar,
        now: OffsetDateTime,
    ) -> Result<Vec<Attested>, Vec<Fault>> {
        let circumstances = Circumstances {
            statement: &self.statement,
            metadata: &self.metadata,
            clock_skew: registrar.clock_skew,
            now,
        };
        let presented =
            certification::examine(&circumstances, &|der| registrar.certificates.decode(der))?;
        let attested = presented.into_iter().map(|presented| Attested {
            material: Material::of(presented.x5c.others().to_vec()),
            presented,
        });
        Ok(attested.collect())
    }

    fn evaluate(
        mut self,
        mut presented: Vec<Attested>,
        registrar: &Registrar,
        crls: &CrlStore,
        now: OffsetDateTime,
    ) -> Step {
        loop {
            let verdicts = self.verdicts(&presented, registrar, crls, now);
            let faults: Vec<Fault> = verdicts.iter().flat_map(Verdict::faults).collect();
            if !faults.is_empty() {
                return conclude(self.statement, self.metadata, Vec::new(), faults);
            }
            let mut asked = Asked {
                needs: Vec::new(),
                issuers_left: self.issuers_left,
            };
            let mut given_up = false;
            for (one, verdict) in presented.iter_mut().zip(verdicts) {
                let (needs, too_many) = asked.take(verdict.needs);
                given_up |= !too_many.is_empty();
                one.material.give_up(&too_many);
                one.material.needs = needs;
                one.presented.accepted.paths = verdict.trusted;
            }
            // Without those there may be another path, or none.
            if given_up {
                continue;
            }
            self.issuers_left = asked.issuers_left;
            self.needs = asked.needs;
            if self.needs.is_empty() {
                return self.ask_certifiers(presented);
            }
            self.presented = Some(presented);
            return Step::NeedCertifications(Box::new(self));
        }
    }

    /// What the certifiers' paths come to, all judged from one budget (decisions 20).
    fn verdicts(
        &self,
        presented: &[Attested],
        registrar: &Registrar,
        crls: &CrlStore,
        now: OffsetDateTime,
    ) -> Vec<Verdict> {
        let mut purse = trust::Purse::new();
        let judge = &*registrar.judge;
        presented
            .iter()
            .map(|one| {
                let evidence = one.material.evidence(crls);
                let leaf = one.presented.x5c.leaf();
                let mut verdict = Verdict::of(one.presented.index);
                for policy in self.policies(&one.presented) {
                    verdict.add(trust::evaluate_from(
                        &mut purse, judge, policy, leaf, &evidence, now,
                    ));
                }
                verdict
            })
            .collect()
    }

    /// By which anchors a certification's certifier has to be trusted: by those of each that it
    /// names, as each has its own (F07). The app's own certificate is trusted already.
    fn policies<'a>(&'a self, presented: &'a Presented) -> Vec<&'a TrustPolicy> {
        let own = self.statement.leaf().fingerprint();
        let is_own = presented.x5c.leaf().fingerprint() == own;
        let mut policies: Vec<&TrustPolicy> = Vec::new();
        for program in &presented.programs {
            let policy = match &program.certifiers {
                Certifiers::App if is_own => continue,
                Certifiers::App => &self.statement.community().trust,
                Certifiers::Recognised { trust, .. } => trust,
            };
            if !policies.iter().any(|known| std::ptr::eq(*known, policy)) {
                policies.push(policy);
            }
        }
        policies
    }

    fn ask_certifiers(self, presented: Vec<Attested>) -> Step {
        let (mut accepted, mut asked, mut queries) = (Vec::new(), Vec::new(), Vec::new());
        for one in presented {
            if let Some(query) = one.presented.status {
                asked.push(one.presented.index);
                queries.push(query);
            }
            accepted.push(one.presented.accepted);
        }
        if queries.is_empty() {
            return conclude(self.statement, self.metadata, accepted, Vec::new());
        }
        Step::NeedCertificationStatus(Box::new(NeedCertificationStatus {
            statement: self.statement,
            metadata: self.metadata,
            accepted,
            asked,
            queries,
        }))
    }
}

/// What is asked for in one round.
struct Asked {
    needs: Vec<TrustNeed>,
    issuers_left: usize,
}

impl Asked {
    /// Adds what one certification needs: what is asked for, and the issuers that are too many.
    fn take(&mut self, needs: Vec<TrustNeed>) -> (Vec<TrustNeed>, Vec<TrustNeed>) {
        let (mut kept, mut too_many) = (Vec::new(), Vec::new());
        for need in needs {
            if !self.needs.contains(&need) {
                if matches!(need, TrustNeed::Issuer { .. }) {
                    let Some(left) = self.issuers_left.checked_sub(1) else {
                        too_many.push(need);
                        continue;
                    };
                    self.issuers_left = left;
                }
                self.needs.push(need.clone());
            }
            kept.push(need);
        }
        (kept, too_many)
    }
}

/// What the paths of one certifier come to, by all anchors that count.
struct Verdict {
    index: usize,
    trusted: Vec<TrustedPath>,
    untrusted: Vec<Fault>,
    needs: Vec<TrustNeed>,
}

impl Verdict {
    fn of(index: usize) -> Self {
        Self {
            index,
            trusted: Vec::new(),
            untrusted: Vec::new(),
            needs: Vec::new(),
        }
    }

    fn add(&mut self, (outcome, revoked): (Outcome, Option<(Place, RevokedCertificate)>)) {
        match outcome {
            Outcome::Trusted(path) => self.trusted.push(path),
            Outcome::Untrusted(distrust) => {
                let fault = Fault::untrusted(self.index, distrust.code(), distrust.to_string());
                let revoked = revoked.filter(|(place, _)| distrust == Distrust::Revoked(*place));
                self.untrusted.push(match revoked {
                    Some((_, certificate)) => fault.because_of(certificate),
                    None if distrust.may_pass() => fault.passing(),
                    None => fault,
                });
            }
            Outcome::Need(needs) => {
                for need in needs {
                    if !self.needs.contains(&need) {
                        self.needs.push(need);
                    }
                }
            }
        }
    }

    fn faults(&self) -> impl Iterator<Item = Fault> {
        self.untrusted.iter().cloned()
    }
}

impl NeedCertificationStatus {
    /// Who answers for the questions: the app, as for its links.
    #[must_use]
    pub fn authority(&self) -> Authority {
        self.statement.authority()
    }

    /// What to ask.
    #[must_use]
    pub fn queries(&self) -> &[StatusQuery] {
        &self.queries
    }

    /// Goes on with the answers, in the order of the questions: the body of each answer of status
    /// 200, `None` for every other outcome. One that is missing counts as `None`.
    pub fn supply(self, answers: &[Option<Vec<u8>>]) -> Step {
        let mut faults = Vec::new();
        for (position, index) in self.asked.iter().enumerate() {
            let body = answers.get(position).and_then(Option::as_deref);
            faults.extend(match body.and_then(certification::is_valid) {
                Some(true) => None,
                Some(false) => Some(Fault::withdrawn(*index)),
                None => Some(Fault::of_unknown_status(*index).passing()),
            });
        }
        conclude(self.statement, self.metadata, self.accepted, faults)
    }
}
