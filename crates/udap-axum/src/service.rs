//! Everything that the routes share.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Semaphore;
use udap::certification::StatusFetcher;
use udap::registrar::LinkChecker;
use udap::registry::Registry;
use udap::statement::TrustedStatement;
use udap::trust::{KnownCrls, TrustFetcher};

use crate::client_address::TrustedProxies;
use crate::outside::{Environment, Tokens};
use crate::rate_limit::RateLimits;
use crate::rules::{Rules, RulesError};

/// How long a request may take in all. Fetching CRLs takes at most 15 s (decisions 22) and link
/// checks at most 10 s (decisions 19).
pub(crate) const DEADLINE: Duration = Duration::from_secs(40);

/// Registrations that are worked on or wait to be, in all: beyond that the server says that it is
/// busy. A core verifies some thousand statements a second, so a longer queue would only outlive
/// its deadline, at up to 256 KiB of memory each.
const IN_PROGRESS: usize = 512;

/// Token requests that are worked on or wait to be, and as many at the guards. Counted apart: a FHIR
/// server that is slow to give out tokens must not keep apps from registering.
const TOKENS_IN_PROGRESS: usize = 512;

/// Who has something to say about the server's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// The last reload was refused.
    Reload,
    /// Re-validation.
    Recheck,
    /// Fetching of CRLs.
    Crl,
    /// CRLs in files.
    CrlFiles,
    /// The gateway.
    Gateway,
}

/// Everything that the routes share.
pub struct Service {
    rules: RwLock<Arc<Rules>>,
    /// What operators have to know, by who says it.
    notices: RwLock<BTreeMap<Notice, Vec<String>>>,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) fetcher: Arc<dyn TrustFetcher>,
    pub(crate) links: Arc<dyn LinkChecker>,
    pub(crate) statuses: Arc<dyn StatusFetcher>,
    pub(crate) limits: Arc<RateLimits>,
    pub(crate) proxies: TrustedProxies,
    pub(crate) environment: Environment,
    /// Requests whose body has arrived and that are not answered yet.
    pub(crate) in_progress: Arc<Semaphore>,
    /// What token endpoints need, if there are any.
    pub(crate) tokens: Option<Tokens>,
    /// As `in_progress`, for token requests…
    pub(crate) tokens_in_progress: Arc<Semaphore>,
    /// …and for those that pass a guard.
    pub(crate) guarded_in_progress: Semaphore,
    /// What is wrong between the gateway and FHIR servers, by site.
    gateway_faults: Mutex<BTreeMap<String, String>>,
    /// Verification is work for the processor: no more at a time than there are cores.
    pub(crate) verification: Semaphore,
    /// Whether an unknown `community` parameter gets the default community's metadata (A38).
    pub(crate) default_for_unknown: bool,
    pub(crate) crls: KnownCrls,
    working_on: Mutex<HashSet<(String, String)>>,
    /// Clients that registered while CRLs arrived: judged by the ones before, and registered after
    /// those were compared with the registrations.
    hasty: Mutex<Vec<String>>,
}

impl fmt::Debug for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Service")
            .field("rules", &self.rules())
            .finish_non_exhaustive()
    }
}

/// Clients that registered while CRLs arrived, between two looks at them.
const HASTY: usize = 10_000;

/// The parts of a [`Service`].
#[expect(
    missing_debug_implementations,
    reason = "parts are moved in, not shown"
)]
pub struct ServiceParts {
    /// The rules, and the keys that sign metadata.
    pub rules: Rules,
    /// The registrations.
    pub registry: Arc<dyn Registry>,
    /// Where intermediates and CRLs come from.
    pub fetcher: Arc<dyn TrustFetcher>,
    /// Who visits links.
    pub links: Arc<dyn LinkChecker>,
    /// Who asks certifiers whether a certification still holds.
    pub statuses: Arc<dyn StatusFetcher>,
    /// The CRLs that are known.
    pub crls: KnownCrls,
    /// Rate limits.
    pub limits: RateLimits,
    /// Reverse proxies that are believed.
    pub proxies: TrustedProxies,
    /// What token endpoints need. Sites in gateway mode answer 503 without.
    pub tokens: Option<Tokens>,
    /// Clock and chance.
    pub environment: Environment,
    /// Whether an unknown `community` parameter gets the default community's metadata (A38).
    pub default_for_unknown: bool,
}

impl Service {
    /// A service of these parts.
    #[must_use]
    pub fn new(parts: ServiceParts) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            rules: RwLock::new(Arc::new(parts.rules)),
            notices: RwLock::default(),
            registry: parts.registry,
            fetcher: parts.fetcher,
            links: parts.links,
            statuses: parts.statuses,
            limits: Arc::new(parts.limits),
            proxies: parts.proxies,
            environment: parts.environment,
            in_progress: Arc::new(Semaphore::new(IN_PROGRESS)),
            tokens: parts.tokens,
            tokens_in_progress: Arc::new(Semaphore::new(TOKENS_IN_PROGRESS)),
            guarded_in_progress: Semaphore::new(TOKENS_IN_PROGRESS),
            gateway_faults: Mutex::default(),
            verification: Semaphore::new(cores),
            default_for_unknown: parts.default_for_unknown,
            crls: parts.crls,
            working_on: Mutex::default(),
            hasty: Mutex::default(),
        }
    }

    /// The rules as they are now. A request takes them once.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other rules in the place of those that are served. Requests that have begun go on by
    /// the old ones.
    ///
    /// # Errors
    /// If the sites are not those that are served.
    pub fn replace_rules(&self, rules: Rules) -> Result<(), RulesError> {
        if !rules
            .registrar()
            .sites()
            .iter()
            .eq(self.rules().registrar().sites())
        {
            return Err(RulesError::SitesChanged);
        }
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        Ok(())
    }

    /// Says what is wrong, in the place of what was said under the same heading before; nothing if
    /// all is well again. Shown by `/health/ready` (decisions 23, 24).
    pub fn set_notice(&self, notice: Notice, problems: Vec<String>) {
        self.notices
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(notice, problems);
    }

    pub(crate) fn notices(&self) -> Vec<String> {
        let notices = self.notices.read().unwrap_or_else(PoisonError::into_inner);
        notices.values().flatten().cloned().collect()
    }

    /// Says what keeps a site's gateway from getting tokens, or that nothing does any more.
    pub(crate) fn set_gateway_fault(&self, site: &str, fault: Option<&str>) {
        let mut faults = (self.gateway_faults.lock()).unwrap_or_else(PoisonError::into_inner);
        let changed = match fault {
            Some(fault) => {
                let fault = format!("tokens of site {site}: {fault}");
                faults.insert(site.to_owned(), fault.clone()) != Some(fault)
            }
            None => faults.remove(site).is_some(),
        };
        if changed {
            self.set_notice(Notice::Gateway, faults.values().cloned().collect());
        }
    }

    /// Notes that a client registered while CRLs arrived: [`Rechecker::take_up_crls`] looks at it.
    ///
    /// [`Rechecker::take_up_crls`]: crate::Rechecker::take_up_crls
    pub fn note_hasty(&self, client_id: &str) {
        let mut hasty = self.hasty.lock().unwrap_or_else(PoisonError::into_inner);
        // Full only where nobody re-validates.
        if hasty.len() < HASTY {
            hasty.push(client_id.to_owned());
        }
    }

    pub(crate) fn take_hasty(&self) -> Vec<String> {
        std::mem::take(&mut self.hasty.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        (self.environment.now)()
    }

    /// The rate limits, for the task that tidies them.
    #[must_use]
    pub fn limits(&self) -> &Arc<RateLimits> {
        &self.limits
    }

    /// The registrations.
    #[must_use]
    pub fn registry(&self) -> &Arc<dyn Registry> {
        &self.registry
    }

    /// The CRLs that are known.
    #[must_use]
    pub fn crls(&self) -> &KnownCrls {
        &self.crls
    }

    /// Marks a trusted statement as being worked on, `None` if it already is (decisions 3).
    pub(crate) fn work_on(self: &Arc<Self>, statement: &TrustedStatement) -> Option<InWork> {
        let key = (
            statement.client_uri().to_owned(),
            statement.jti().to_owned(),
        );
        self.working_on
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key.clone())
            .then(|| InWork {
                service: Arc::clone(self),
                key,
            })
    }
}

/// A statement that is being worked on, until this is dropped.
pub(crate) struct InWork {
    service: Arc<Service>,
    key: (String, String),
}

impl Drop for InWork {
    fn drop(&mut self) {
        self.service
            .working_on
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
    }
}
