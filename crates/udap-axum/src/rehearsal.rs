//! A request taken through every check and to no end: what would be answered, and why.
//!
//! The judgement is the registrar's, as for a request that is posted; what differs is that nothing
//! follows from it. No row is written, no `jti` is spent, no rate is counted, no event is recorded.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};
use udap::catalogue::{RULES, Stage};
use udap::certification::StatusFetcher;
use udap::error::Refusal;
use udap::registrar::{LinkChecker, LinkReport, Registrar, Step, refusal_of};
use udap::registry::{Block, Earlier, Foreseen, Foresight, Registry, RegistryError, Standing};
use udap::rules::Link;
use udap::site::Site;
use udap::statement::{
    ApprovedRegistration, Cancellation, CurrentStatement, RegistrationRequest, SignedStatement,
    TrustedStatement,
};
use udap::trust::{Authority, Fetched, KnownCrls, TrustFetcher, TrustNeed};

use crate::budget::FetchBudget;

/// What a rehearsal goes by.
#[expect(missing_debug_implementations, reason = "parts are lent, not shown")]
pub struct Stagehands<'a> {
    /// The rules.
    pub registrar: &'a Registrar,
    /// The clock skew that the registrar was given.
    pub clock_skew: Duration,
    /// The CRLs that are known; what is fetched is added.
    pub crls: &'a KnownCrls,
    /// What brings material from the network; `None`: nothing does.
    pub outside: Option<Outside<'a>>,
    /// The registrations; `None`: they cannot be looked at.
    pub records: Option<Records<'a>>,
}

/// The network.
#[expect(missing_debug_implementations, reason = "parts are lent, not shown")]
pub struct Outside<'a> {
    /// Intermediates and revocation.
    pub fetcher: &'a dyn TrustFetcher,
    /// The app's links.
    pub links: &'a dyn LinkChecker,
    /// Certifiers.
    pub statuses: &'a dyn StatusFetcher,
}

/// The registrations, for looking.
#[expect(missing_debug_implementations, reason = "parts are lent, not shown")]
pub struct Records<'a> {
    /// What they hold against a client.
    pub registry: &'a dyn Registry,
    /// What they would make of a statement.
    pub foresight: &'a dyn Foresight,
}

/// What was found out on the way.
#[derive(Debug, Default)]
pub struct Notes {
    /// The request, once its envelope holds.
    pub request: Option<RegistrationRequest>,
    /// The statement, once its signature and claims hold.
    pub current: Option<CurrentStatement>,
    /// The statement, once its certificate is trusted.
    pub trusted: Option<TrustedStatement>,
    /// What the registry holds against it, if it was asked and did answer.
    pub standing: Option<Standing>,
    /// Whoever blocked it.
    pub blocks: Vec<Block>,
    /// The app's links, if they have to be live.
    pub links: Vec<Link>,
    /// What came of visiting them.
    pub visits: Vec<LinkReport>,
    /// Stages that were passed without being looked at.
    pub unchecked: Vec<Stage>,
    /// Why the registry could not be asked.
    pub registry_failed: Option<RegistryError>,
}

/// How it ends.
#[derive(Debug)]
pub enum Ending {
    /// Refused in this stage.
    Refused(Stage, Refusal),
    /// Registered; with what the registry would do, if it could be asked.
    Register(Box<ApprovedRegistration>, Option<Foreseen>),
    /// Cancelled; with the registration that ends, if the registry could be asked.
    Cancel(Box<Cancellation>, Option<Earlier>),
    /// In this stage something is needed that only the network has.
    Undecided(Stage, Vec<TrustNeed>),
}

/// Takes a request as far as it goes. Verification is done on the caller's own thread.
pub async fn rehearse(
    hands: &Stagehands<'_>,
    site: &Arc<Site>,
    body: &[u8],
    now: OffsetDateTime,
) -> (Notes, Ending) {
    let mut rehearsal = Rehearsal {
        hands,
        now,
        notes: Notes::default(),
        budget: FetchBudget::new(),
    };
    let ending = rehearsal.run(site, body).await;
    (rehearsal.notes, ending)
}

struct Rehearsal<'a> {
    hands: &'a Stagehands<'a>,
    now: OffsetDateTime,
    notes: Notes,
    budget: FetchBudget,
}

impl Rehearsal<'_> {
    async fn run(&mut self, site: &Arc<Site>, body: &[u8]) -> Ending {
        let registrar = self.hands.registrar;
        let early = self.read(site, body);
        let mut stage = Stage::Trust;
        let mut step = registrar.start(site, body, &self.hands.crls.now(), self.now);
        loop {
            step = match step {
                Step::NeedTrust(need) => match self.fetch(need.needs()).await {
                    None => return Ending::Undecided(Stage::Trust, need.needs().to_vec()),
                    Some(fetched) => {
                        need.supply(registrar, fetched, &self.hands.crls.now(), self.now)
                    }
                },
                Step::NeedStanding(need) => {
                    stage = Stage::Standing;
                    self.notes.trusted = Some(need.statement().clone());
                    let standing = self.standing(need.statement()).await;
                    need.supply(registrar, standing)
                }
                Step::NeedLinks(need) => {
                    stage = Stage::Links;
                    self.notes.links = need.links().to_vec();
                    let visits = self.visit(need.authority(), need.links()).await;
                    need.supply(&visits)
                }
                Step::NeedCertifications(need) => {
                    stage = Stage::Certifications;
                    match self.fetch(need.needs()).await {
                        None => return Ending::Undecided(stage, need.needs().to_vec()),
                        Some(fetched) => {
                            need.supply(registrar, fetched, &self.hands.crls.now(), self.now)
                        }
                    }
                }
                Step::NeedCertificationStatus(need) => {
                    stage = Stage::Certifications;
                    let Some(outside) = &self.hands.outside else {
                        return Ending::Undecided(stage, Vec::new());
                    };
                    let (authority, queries) = (need.authority(), need.queries());
                    let asked = |time_left| outside.statuses.fetch(authority, queries, time_left);
                    let answers = self.budget.spend(asked).await;
                    need.supply(&answers)
                }
                Step::Refused(refusal) => {
                    return Ending::Refused(early.unwrap_or(stage), refusal);
                }
                Step::RefusedAfterTrust(_, refusal) => {
                    return Ending::Refused(self.after_trust(stage, &refusal), refusal);
                }
                Step::Register(approved) => return self.register(approved).await,
                Step::Cancel(cancellation) => return self.cancel(cancellation).await,
            };
        }
    }

    /// How far a request comes before its certificate matters: the stage in which it is refused, `None`
    /// if in none of these.
    fn read(&mut self, site: &Site, body: &[u8]) -> Option<Stage> {
        let Ok(request) = RegistrationRequest::parse(body) else {
            return Some(Stage::Envelope);
        };
        self.notes.request = Some(request.clone());
        let Ok(signed) = SignedStatement::verify(request, site) else {
            return Some(Stage::Signature);
        };
        match CurrentStatement::check(signed, site, self.hands.clock_skew, self.now) {
            Ok(current) => self.notes.current = Some(current),
            Err(_) => return Some(Stage::Claims),
        }
        None
    }

    /// `None`: it takes the network, and there is none, or too much of it.
    async fn fetch(&mut self, needs: &[TrustNeed]) -> Option<Fetched> {
        if needs.is_empty() {
            return Some(Fetched::default());
        }
        let outside = self.hands.outside.as_ref()?;
        // Asked so often that the server would give up, and say that it is not able to now.
        let fetched = self.budget.fetch(outside.fetcher, needs, self.now).await?;
        self.hands.crls.add(fetched.crls.iter().cloned());
        Some(fetched)
    }

    async fn standing(&mut self, statement: &TrustedStatement) -> Standing {
        let Some(records) = &self.hands.records else {
            return self.unasked(None);
        };
        let standing = match records.registry.standing(statement, self.now).await {
            Ok(standing) => standing,
            Err(error) => return self.unasked(Some(error)),
        };
        if standing == Standing::Blocked {
            match records.foresight.blocks(statement).await {
                Ok(blocks) => self.notes.blocks = blocks,
                Err(error) => self.notes.registry_failed = Some(error),
            }
        }
        self.notes.standing = Some(standing);
        standing
    }

    /// The rest is judged all the same, as if nothing were held against the client.
    fn unasked(&mut self, error: Option<RegistryError>) -> Standing {
        self.notes.unchecked.push(Stage::Standing);
        self.notes.registry_failed = error;
        Standing::Clear
    }

    async fn visit(&mut self, authority: Authority, links: &[Link]) -> Vec<LinkReport> {
        let reports = match &self.hands.outside {
            Some(outside) => outside.links.check(authority, links).await,
            None => {
                self.notes.unchecked.push(Stage::Links);
                let unvisited = links.iter().map(|link| LinkReport {
                    link: link.clone(),
                    fault: None,
                });
                return unvisited.collect();
            }
        };
        self.notes.visits.clone_from(&reports);
        reports
    }

    /// Rules, links and certifications follow one another in a step: which of them refused is told by
    /// what it says.
    fn after_trust(&self, stage: Stage, refusal: &Refusal) -> Stage {
        if self.notes.standing == Some(Standing::Blocked) {
            return Stage::Standing;
        }
        let told = |from: Stage| {
            let violation = refusal.violations().first()?;
            let mut rules = RULES.iter().filter(|rule| rule.stage >= from);
            rules.find(|rule| rule.is_broken_by(violation))
        };
        told(stage).map_or(Stage::Metadata.max(stage), |rule| rule.stage)
    }

    async fn register(&mut self, approved: Box<ApprovedRegistration>) -> Ending {
        let Some(records) = self.records() else {
            return Ending::Register(approved, None);
        };
        match records.foresight.foresee(&approved).await {
            Ok(foreseen) => Ending::Register(approved, Some(foreseen)),
            Err(error) => match refusal_of(&error) {
                Some(refusal) => Ending::Refused(Stage::Registry, refusal),
                None => {
                    self.unforeseen(error);
                    Ending::Register(approved, None)
                }
            },
        }
    }

    async fn cancel(&mut self, cancellation: Box<Cancellation>) -> Ending {
        let Some(records) = self.records() else {
            return Ending::Cancel(cancellation, None);
        };
        match records.foresight.foresee_end(&cancellation).await {
            Ok(earlier) => Ending::Cancel(cancellation, Some(earlier)),
            Err(error) => match refusal_of(&error) {
                Some(refusal) => Ending::Refused(Stage::Registry, refusal),
                None => {
                    self.unforeseen(error);
                    Ending::Cancel(cancellation, None)
                }
            },
        }
    }

    /// A registry that failed once is not asked again.
    fn records(&mut self) -> Option<&Records<'_>> {
        let records = self.hands.records.as_ref();
        let records = records.filter(|_| self.notes.registry_failed.is_none());
        if records.is_none() {
            self.notes.unchecked.push(Stage::Registry);
        }
        records
    }

    fn unforeseen(&mut self, error: RegistryError) {
        self.notes.unchecked.push(Stage::Registry);
        self.notes.registry_failed = Some(error);
    }
}
