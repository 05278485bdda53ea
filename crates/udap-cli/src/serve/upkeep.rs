//! What keeps trust current while the server runs: revocation lists are asked for again, and
//! registered clients are looked at again (decisions 22, 23).

use std::sync::Arc;
use std::time::Duration;

use metrics::{describe_gauge, gauge};
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;
use udap::registry::RegistryError;
use udap_axum::{Notice, PassReport, Rechecker, Service};
use udap_fetch::Network;
use udap_fetch::crls::{CrlStanding, Crls};
use udap_store::Leases;
use url::Url;

use super::build::Built;
use super::store::Store;
use crate::config::Config;
use crate::environment;

/// How often lists that became known are compared with the registrations, and expiry is looked for.
/// Costs nothing where there is no new list, and one read of an index.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often lists are looked up that are due, or that another instance or `udap crl refresh` has
/// fetched.
const LISTS_EVERY: Duration = Duration::from_secs(5);

/// Looks at lists between two removals of those that lapsed long ago: an hour.
const FORGET_EVERY: u32 = 720;

/// After the start, until registrations are looked at: those that are due have waited already, and
/// stored lists should be there first.
const FIRST_PASS_AFTER: Duration = Duration::from_secs(10);

/// Until a pass is tried again that another process is at: perhaps that one has other rules, or its
/// lease is left over from a server that was stopped in the middle.
const BUSY_AGAIN: Duration = Duration::from_secs(10);

/// Until a pass is tried again that failed.
const FAILED_AGAIN: Duration = Duration::from_secs(5 * 60);

/// How long the lease on passes is taken for, and how often it is renewed while one runs.
const LEASE: time::Duration = time::Duration::minutes(5);
const RENEW_EVERY: Duration = Duration::from_secs(60);

/// Missing lists that are named in `/health/ready`; of the others only the number is told.
const LISTS_NAMED: usize = 5;

/// The lease's name.
pub(crate) const RECHECK_LEASE: &str = "recheck";

const LISTS: &str = "udap_crl_addresses";
const LAPSED: &str = "udap_crl_lapsed";
const FAILING: &str = "udap_crl_failing";

/// Looks at registrations again; one process at a time.
pub(crate) struct Passes {
    rechecker: Rechecker,
    leases: Arc<dyn Leases>,
    holder: String,
    /// Registrations looked at within this time are passed over.
    interval: time::Duration,
}

impl Passes {
    pub(crate) fn new(config: &Config, built: &Built, store: &Store) -> anyhow::Result<Self> {
        Ok(Self {
            rechecker: Rechecker::new(
                Arc::clone(&built.service),
                Arc::clone(&store.records),
                config.recheck.unknown_grace.try_into()?,
            ),
            leases: Arc::clone(&store.leases),
            holder: environment::random_id(),
            interval: config.recheck.interval.try_into()?,
        })
    }

    /// A pass over the registrations that were not looked at for `at_least`. `None`: another
    /// process is at it.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn pass(
        &self,
        at_least: time::Duration,
        force: bool,
    ) -> Result<Option<PassReport>, RegistryError> {
        if !self.lease().await? {
            return Ok(None);
        }
        let due_before = environment::now() - at_least;
        // Side by side, never one within the other's pause: a pass that stands still may hold the
        // connection that the lease needs.
        let renew = async {
            loop {
                tokio::time::sleep(RENEW_EVERY).await;
                if let Err(error) = self.lease().await {
                    failed(&error, "the lease on looking at clients was not renewed");
                }
            }
        };
        let report = tokio::select! {
            report = self.rechecker.pass(due_before, force) => report,
            never = renew => never,
        };
        self.leases
            .release_lease(RECHECK_LEASE, &self.holder)
            .await?;
        report.map(Some)
    }

    /// Switches off the clients that newly known lists name. Returns how many.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn take_up_crls(&self) -> Result<usize, RegistryError> {
        self.rechecker.take_up_crls().await
    }

    async fn release(&self) {
        let released = self.leases.release_lease(RECHECK_LEASE, &self.holder).await;
        if let Err(error) = released {
            failed(&error, "the lease on looking at clients was not given back");
        }
    }

    async fn lease(&self) -> Result<bool, RegistryError> {
        let now = environment::now();
        self.leases
            .take_lease(RECHECK_LEASE, &self.holder, now, LEASE)
            .await
    }
}

/// Passes at their interval, and whenever the rules have changed.
pub(super) async fn passes(
    passes: Arc<Passes>,
    rules_changed: Arc<Notify>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let interval = passes.interval.unsigned_abs();
    let mut wait = FIRST_PASS_AFTER;
    // Those that a pass before a restart has looked at are not looked at again at once.
    let mut at_least = passes.interval / 2;
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
            () = tokio::time::sleep(wait) => {}
            () = rules_changed.notified() => at_least = time::Duration::ZERO,
        }
        let done = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => None,
            done = passes.pass(at_least, false) => Some(done),
        };
        match done {
            None => {
                // The next process need not wait for it to run out.
                passes.release().await;
                return Ok(());
            }
            Some(Ok(Some(report))) => {
                tracing::info!(
                    checked = report.checked,
                    good = report.good,
                    unsettled = report.unsettled,
                    switched_off = report.switched_off.values().sum::<usize>(),
                    held_back = report.held_back.len(),
                    "registered clients looked at again"
                );
                wait = interval;
                at_least = passes.interval / 2;
            }
            Some(Ok(None)) => {
                tracing::debug!("another process looks at the registrations");
                wait = BUSY_AGAIN;
            }
            Some(Err(error)) => {
                failed(&error, "registered clients could not be looked at again");
                wait = interval.min(FAILED_AGAIN);
            }
        }
    }
}

/// Acts at once on certificates that expire.
pub(super) async fn expiry(
    passes: Arc<Passes>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
            _ = ticks.tick() => {}
        }
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
            done = passes.rechecker.expire() => if let Err(error) = done {
                failed(&error, "expired certificates could not be looked for");
            }
        }
    }
}

/// Acts at once on lists that became known.
pub(super) async fn at_once(
    passes: Arc<Passes>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
            _ = ticks.tick() => {}
        }
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
            done = passes.take_up_crls() => if let Err(error) = done {
                failed(&error, "new revocation lists could not be compared with the registrations");
            }
        }
    }
}

/// Takes up the lists that were fetched before, so that no statement is judged without them because
/// it came first, and their servers cannot be reached.
pub(super) async fn take_stored_lists(network: &Network) {
    match network.crls().synchronise().await {
        Ok(0) => {}
        Ok(taken) => tracing::info!(taken, "revocation lists taken from the store"),
        Err(error) => failed(&error, "stored revocation lists could not be read"),
    }
}

/// Keeps revocation lists current.
pub(super) async fn lists(
    network: Network,
    service: Arc<Service>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    describe_gauge!(
        LISTS,
        "Distribution points of revocation lists that are known"
    );
    describe_gauge!(
        LAPSED,
        "Of these, those whose list has lapsed or was never had"
    );
    describe_gauge!(
        FAILING,
        "Of these, those that did not give a list when last asked"
    );
    let crls = network.crls();
    let mut ticks = tokio::time::interval(LISTS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count: u32 = 0;
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
            _ = ticks.tick() => {}
        }
        let now = environment::now();
        take_stored_lists(&network).await;
        crls.refresh(now);
        if count % FORGET_EVERY == FORGET_EVERY - 1
            && let Err(error) = crls.forget_lapsed(now).await
        {
            failed(&error, "lapsed revocation lists could not be removed");
        }
        tell(crls, &service);
        count = count.wrapping_add(1);
    }
}

/// Says which lists are missing, for `/health/ready` and metrics.
fn tell(crls: &Crls, service: &Service) {
    let now = environment::now();
    let standing = crls.standing();
    let lapsed: Vec<_> = standing
        .iter()
        .filter(|one| one.next_update.is_none_or(|next| next <= now))
        .collect();
    let failing = standing.iter().filter(|one| one.failure.is_some()).count();
    gauge!(LISTS).set(standing.len() as f64);
    gauge!(LAPSED).set(lapsed.len() as f64);
    gauge!(FAILING).set(failing as f64);
    service.set_notice(Notice::Crl, problems(&lapsed));
}

/// The first few lists that are missing and could not be fetched, and how many there are beyond.
fn problems(lapsed: &[&CrlStanding]) -> Vec<String> {
    let mut missing: Vec<_> = lapsed
        .iter()
        .filter_map(|one| Some((&one.url, one.failure?)))
        .collect();
    missing.sort_unstable();
    let beyond = missing.len().saturating_sub(LISTS_NAMED);
    let named = missing.iter().take(LISTS_NAMED).map(|(url, failure)| {
        // Its escaped form: a certificate may have anything there.
        let url = Url::parse(url).map_or_else(|_| "(no URL)".to_owned(), String::from);
        format!(
            "no revocation list in force from {url} ({failure}): statements that depend on it are \
             refused"
        )
    });
    let rest =
        (beyond > 0).then(|| format!("no revocation list in force from {beyond} more addresses"));
    named.chain(rest).collect()
}

fn failed(error: &RegistryError, what: &'static str) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, "{what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_names_a_few_missing_lists_and_counts_the_others() {
        let missing: Vec<_> = (0..100)
            .map(|number| CrlStanding {
                url: format!("http://ca.example/{number:03}\u{1b}[2J"),
                next_update: None,
                failure: (number < 50).then_some("timeout"),
            })
            .collect();
        let told = problems(&missing.iter().collect::<Vec<_>>());
        assert_eq!(told.len(), LISTS_NAMED + 1);
        assert!(told[0].contains("http://ca.example/000%1B[2J (timeout)"));
        assert_eq!(
            told[5],
            "no revocation list in force from 45 more addresses"
        );
        assert_eq!(
            problems(&missing.iter().take(2).collect::<Vec<_>>()).len(),
            2
        );
        assert!(problems(&[]).is_empty());
    }
}
