//! Looks at registered clients' certificates again, and switches off those whose trust has ended
//! (C30, decisions 12, 22, 23).

mod progress;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use udap::registrar::{Recheck, RecheckVerdict};
use udap::registry::{CheckResult, LiveRegistration, RecheckRegistry, RegistryError, TrustOff};
use udap::trust::CrlStore;

use crate::budget::FetchBudget;
use crate::metrics;
use crate::rules::Rules;
use crate::service::{Notice, Service};

use progress::Progress;
pub use progress::{HeldBack, PassReport};

/// Registrations read at once.
const PAGE: u32 = 100;

/// The pause between two checks of a pass: registrations that arrive meanwhile keep their latency.
/// Ten thousand clients take under two minutes.
const PAUSE: Duration = Duration::from_millis(10);

/// A pass that would switch off more than this share of a community's clients, in percent, …
const BRAKE_PERCENT: usize = 20;
/// … and more than this many, for another reason than a verified revocation or expiry, stops: a
/// fault of ours, of the configuration or of the network is likelier (decisions 23).
const BRAKE_CLIENTS: usize = 10;

/// Looks at registered clients again.
pub struct Rechecker {
    service: Arc<Service>,
    records: Arc<dyn RecheckRegistry>,
    unknown_grace: time::Duration,
    /// The CRLs that were compared with the registrations already.
    compared: Mutex<Compared>,
}

#[derive(Default)]
struct Compared {
    store: Option<CrlStore>,
    fingerprints: HashSet<[u8; 32]>,
}

impl std::fmt::Debug for Rechecker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Rechecker")
            .field("unknown_grace", &self.unknown_grace)
            .finish_non_exhaustive()
    }
}

/// What is to be done about one registration.
enum Finding {
    Now(CheckResult),
    /// To be switched off, unless too many are (decisions 23).
    AtTheEnd(TrustOff),
}

/// What a look may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// What is known already.
    Known,
    /// What can be fetched too.
    Network,
}

/// What a pass knows of one community.
#[derive(Default)]
struct Tally {
    /// Those that are on.
    clients: usize,
    to_switch_off: Vec<(LiveRegistration, TrustOff)>,
}

impl Rechecker {
    /// `unknown_grace`: how long a client stays on after its certificate's status was last known.
    #[must_use]
    pub fn new(
        service: Arc<Service>,
        records: Arc<dyn RecheckRegistry>,
        unknown_grace: time::Duration,
    ) -> Self {
        Self {
            service,
            records,
            unknown_grace,
            compared: Mutex::default(),
        }
    }

    /// Looks at every live registration that was not looked at since `due_before`, one after the
    /// other. A pass that was interrupted is so resumed by the next. `force`: whatever the number,
    /// clients that are no longer trusted are switched off.
    ///
    /// # Errors
    /// If the registry fails; what was found before is recorded.
    pub async fn pass(
        &self,
        due_before: OffsetDateTime,
        force: bool,
    ) -> Result<PassReport, RegistryError> {
        let rules = self.service.rules();
        let mut progress = Progress::default();
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        let mut after = None;
        loop {
            let page = self.records.live(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.position);
            for registration in page {
                let tally = tallies
                    .entry(registration.community_uri.clone())
                    .or_default();
                tally.clients += usize::from(registration.enabled);
                if registration.checked_at > due_before {
                    continue;
                }
                progress.report.checked += 1;
                match self.look_at(&registration, Means::Network).await {
                    Finding::Now(result) => {
                        self.record(&registration, &result, &mut progress).await?;
                    }
                    Finding::AtTheEnd(reason) => tally.to_switch_off.push((registration, reason)),
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        // What was found by rules that have changed since is found again, by the pass that follows.
        if !Arc::ptr_eq(&rules, &self.service.rules()) {
            tallies.clear();
        }
        for (community, tally) in tallies {
            self.conclude(community, tally, force, &mut progress)
                .await?;
        }
        self.tell(&progress.report);
        progress.finish()?;
        Ok(progress.report)
    }

    /// Switches off every client whose certificate has expired by now. Returns how many.
    ///
    /// # Errors
    /// If the registry fails.
    pub async fn expire(&self) -> Result<usize, RegistryError> {
        let mut progress = Progress::default();
        let mut done = HashSet::new();
        loop {
            let now = self.service.now();
            let expired = self.records.expired(now, PAGE).await?;
            let mut is_new = false;
            for registration in expired {
                if done.insert(registration.client_id.clone()) {
                    is_new = true;
                    let result = CheckResult::Off(TrustOff::Expired);
                    self.record(&registration, &result, &mut progress).await?;
                }
            }
            if !is_new {
                progress.finish()?;
                return Ok(progress.report.switched_off.values().sum());
            }
        }
    }

    /// Looks at the clients that newly known CRLs name (decisions 22), and at those that registered
    /// while one arrived. Cheap if there is neither. Nothing is fetched: a list that names a client
    /// is known, or counts for nothing. Returns how many were switched off.
    ///
    /// # Errors
    /// If the registry fails; the lists are compared again then.
    pub async fn take_up_crls(&self) -> Result<usize, RegistryError> {
        let mut progress = Progress::default();
        let mut hasty = self.service.take_hasty();
        let mut again = Vec::new();
        while let Some(client_id) = hasty.pop() {
            let failures = progress.failures;
            let looked = self.look_at_hasty(&client_id, &mut progress).await;
            if looked.is_err() || progress.failures > failures {
                again.push(client_id);
            }
            if let Err(error) = looked {
                self.note_again(hasty.iter().chain(&again));
                return Err(error);
            }
        }
        self.note_again(&again);
        let store = self.service.crls().now();
        let (is_same, known) = {
            let compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
            let is_same = compared
                .store
                .as_ref()
                .is_some_and(|known| known.is_same(&store));
            (is_same, compared.fingerprints.clone())
        };
        if is_same {
            progress.finish()?;
            return Ok(progress.report.switched_off.values().sum());
        }
        for crl in store.iter() {
            if known.contains(crl.fingerprint()) {
                continue;
            }
            for registration in self.records.listed(crl).await? {
                self.switch_off_if_revoked(&registration, &mut progress)
                    .await?;
            }
        }
        // Otherwise they are compared again.
        progress.finish()?;
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        compared.fingerprints = store.iter().map(|crl| *crl.fingerprint()).collect();
        compared.store = Some(store);
        Ok(progress.report.switched_off.values().sum())
    }

    /// They are looked at next time.
    fn note_again<'a>(&self, hasty: impl IntoIterator<Item = &'a String>) {
        for client_id in hasty {
            self.service.note_hasty(client_id);
        }
    }

    async fn look_at_hasty(
        &self,
        client_id: &str,
        progress: &mut Progress,
    ) -> Result<(), RegistryError> {
        match self.records.live_client(client_id).await {
            Ok(Some(registration)) => self.switch_off_if_revoked(&registration, progress).await,
            Ok(None) => Ok(()),
            Err(error @ RegistryError::Unavailable(_)) => Err(error),
            Err(error) => {
                tracing::error!(client_id, %error, "a registration cannot be looked at");
                Ok(())
            }
        }
    }

    async fn switch_off_if_revoked(
        &self,
        registration: &LiveRegistration,
        progress: &mut Progress,
    ) -> Result<(), RegistryError> {
        match self.look_at(registration, Means::Known).await {
            Finding::Now(result @ CheckResult::Revoked(_)) => {
                self.record(registration, &result, progress).await
            }
            _ => Ok(()),
        }
    }

    async fn look_at(&self, registration: &LiveRegistration, means: Means) -> Finding {
        if is_off_for_good(registration) {
            // Only a statement brings it back: what remains is whether its row is still off.
            return Finding::Now(CheckResult::Unsettled);
        }
        let now = self.service.now();
        let Some(verdict) = self.judge(registration, now, means).await else {
            return Finding::Now(CheckResult::Unsettled);
        };
        if let RecheckVerdict::Distrusted { distrust, .. } = &verdict {
            tracing::info!(client_id = %registration.client_id, site = %registration.site,
                reason = %distrust, "a registered client's certificate is not trusted now");
        }
        match verdict.result() {
            CheckResult::Unsettled if now - registration.good_at > self.unknown_grace => {
                Finding::AtTheEnd(TrustOff::Unknown)
            }
            CheckResult::Off(reason @ (TrustOff::Untrusted | TrustOff::Unknown)) => {
                Finding::AtTheEnd(reason)
            }
            result => Finding::Now(result),
        }
    }

    /// `None` if the judgement itself failed, which says nothing about the certificate.
    async fn judge(
        &self,
        registration: &LiveRegistration,
        now: OffsetDateTime,
        means: Means,
    ) -> Option<RecheckVerdict> {
        let service = &self.service;
        let rules = service.rules();
        let mut budget = FetchBudget::new();
        let mut step = {
            let (registration, crls) = (registration.clone(), service.crls().now());
            self.compute(&rules, move |rules| {
                rules.registrar().recheck(&registration, &crls, now)
            })
            .await?
        };
        loop {
            match step {
                Recheck::Done(verdict) => {
                    if let RecheckVerdict::Trusted(path) = &verdict {
                        service.fetcher.trusted(path);
                    }
                    return Some(verdict);
                }
                Recheck::Need(_) if means == Means::Known => return None,
                Recheck::Need(need) => {
                    // Without anything, it is judged by what is there: it must not stay on because
                    // it asks for ever more.
                    let fetched = budget.fetch(&*service.fetcher, need.needs(), now).await;
                    let fetched = fetched.unwrap_or_default();
                    service.crls().add(fetched.crls.iter().cloned());
                    let crls = service.crls().now();
                    step = self
                        .compute(&rules, move |rules| {
                            need.supply(rules.registrar(), fetched, &crls, now)
                        })
                        .await?;
                }
            }
        }
    }

    async fn compute(
        &self,
        rules: &Arc<Rules>,
        work: impl FnOnce(&Rules) -> Recheck + Send + 'static,
    ) -> Option<Recheck> {
        let rules = Arc::clone(rules);
        let done = tokio::task::spawn_blocking(move || work(&rules)).await;
        done.inspect_err(|error| tracing::error!(%error, "a check ended abnormally"))
            .ok()
    }

    async fn record(
        &self,
        registration: &LiveRegistration,
        result: &CheckResult,
        progress: &mut Progress,
    ) -> Result<(), RegistryError> {
        let now = self.service.now();
        let on = match self.records.record_check(registration, result, now).await {
            Ok(on) => on,
            // Cancelled meanwhile.
            Err(RegistryError::NotRegistered) => return Ok(()),
            // Perhaps somebody keeps this one locked: that must not keep the others on.
            Err(error @ RegistryError::Unavailable(_)) => {
                return progress.failed(&registration.client_id, error);
            }
            // What is wrong with one must not keep the others from being looked at.
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(client_id = %registration.client_id, %error, cause,
                    "a check could not be recorded");
                progress.report.unrecorded += 1;
                return Ok(());
            }
        };
        progress.in_a_row = 0;
        metrics::recheck(result);
        match result {
            CheckResult::Good => progress.report.good += 1,
            CheckResult::Unsettled if is_off_for_good(registration) => {}
            CheckResult::Unsettled => progress.report.unsettled += 1,
            CheckResult::Revoked(_) | CheckResult::Off(_) => {
                let reason = match result {
                    CheckResult::Off(reason) => *reason,
                    _ => TrustOff::Revoked,
                };
                if registration.enabled && !on {
                    *progress
                        .report
                        .switched_off
                        .entry(reason.as_str())
                        .or_default() += 1;
                    tracing::warn!(client_id = %registration.client_id,
                        site = %registration.site, community = %registration.community_uri,
                        reason = reason.as_str(), "client switched off: its certificate is no longer trusted");
                }
            }
        }
        Ok(())
    }

    /// Switches off what a pass found untrusted, if that is credible.
    async fn conclude(
        &self,
        community: String,
        tally: Tally,
        force: bool,
        progress: &mut Progress,
    ) -> Result<(), RegistryError> {
        let on = tally
            .to_switch_off
            .iter()
            .filter(|(registration, _)| registration.enabled)
            .count();
        if !force && on > BRAKE_CLIENTS && on * 100 > tally.clients * BRAKE_PERCENT {
            tracing::error!(%community, clients = on, of = tally.clients,
                "so many clients would be switched off that none is: look at the community's \
                 anchors and at its revocation lists, then run `udap clients recheck --force`");
            progress.report.held_back.push(HeldBack {
                community,
                clients: on,
                of: tally.clients,
            });
            return Ok(());
        }
        for (registration, reason) in tally.to_switch_off {
            self.record(&registration, &CheckResult::Off(reason), progress)
                .await?;
        }
        Ok(())
    }

    /// Shows on `/health/ready` what an operator has to know.
    fn tell(&self, report: &PassReport) {
        let mut problems: Vec<String> = report
            .held_back
            .iter()
            .map(|one| {
                format!(
                    "re-validation would switch off {} of the {} clients of community {} and was \
                     stopped: run `udap clients recheck --force` if that is right",
                    one.clients, one.of, one.community
                )
            })
            .collect();
        if report.unsettled > 0 {
            problems.push(format!(
                "the revocation status of {} registered clients could not be learned",
                report.unsettled
            ));
        }
        if report.unrecorded > 0 {
            problems.push(format!(
                "{} registered clients could not be looked at: the log says why",
                report.unrecorded
            ));
        }
        self.service.set_notice(Notice::Recheck, problems);
        metrics::recheck_pass(report);
    }
}

/// Whether only a statement brings it back, so that no check need be made (decisions 12).
fn is_off_for_good(registration: &LiveRegistration) -> bool {
    matches!(
        registration.trust_off,
        Some(TrustOff::Expired | TrustOff::Revoked | TrustOff::Untrusted)
    )
}
