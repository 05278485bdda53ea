//! Everything that the routes share.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Semaphore;
use udap::community::Community;
use udap::discovery::{MetadataError, MetadataSigner, SignedMetadata};
use udap::registrar::Registrar;
use udap::registry::Registry;
use udap::site::Site;
use udap::statement::TrustedStatement;
use udap::trust::{KnownCrls, TrustFetcher};

use crate::client_address::TrustedProxies;
use crate::outside::{Environment, LinkChecker};
use crate::rate_limit::RateLimits;

/// How long a request may take in all. Fetching CRLs takes at most 15 s (decisions 22) and link
/// checks at most 10 s (decisions 19).
pub(crate) const DEADLINE: Duration = Duration::from_secs(40);

/// Registrations that are worked on or wait to be, in all: beyond that the server says that it is
/// busy. A core verifies some thousand statements a second, so a longer queue would only outlive
/// its deadline, at up to 256 KiB of memory each.
const IN_PROGRESS: usize = 512;

/// The key that signs a site's metadata for a community.
#[derive(Debug)]
pub struct SiteSigner {
    /// The site's id.
    pub site: String,
    /// The community's id.
    pub community: String,
    /// The server certificate and its key.
    pub signer: Arc<MetadataSigner>,
}

/// Why a service cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// A community serves a site that no server certificate of its speaks for (decisions 24).
    #[error(
        "community \"{community}\": the server certificate names no base URL of a site that the \
         community serves; site \"{site}\" needs a certificate with its fhir_base_url as a URI name"
    )]
    NoSigner {
        /// The site.
        site: String,
        /// The community.
        community: String,
    },
}

/// Everything that the routes share.
pub struct Service {
    pub(crate) registrar: Arc<Registrar>,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) fetcher: Arc<dyn TrustFetcher>,
    pub(crate) links: Arc<dyn LinkChecker>,
    pub(crate) limits: Arc<RateLimits>,
    pub(crate) proxies: TrustedProxies,
    pub(crate) environment: Environment,
    /// Requests whose body has arrived and that are not answered yet.
    pub(crate) in_progress: Arc<Semaphore>,
    /// Verification is work for the processor: no more at a time than there are cores.
    pub(crate) verification: Semaphore,
    /// Whether an unknown `community` parameter gets the default community's metadata (A38).
    pub(crate) default_for_unknown: bool,
    signers: HashMap<(String, String), Arc<MetadataSigner>>,
    pub(crate) crls: KnownCrls,
    metadata: RwLock<HashMap<(String, String), Arc<SignedMetadata>>>,
    working_on: Mutex<HashSet<(String, String)>>,
}

impl fmt::Debug for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Service")
            .field("sites", &self.registrar.sites().len())
            .field("communities", &self.registrar.communities().len())
            .finish_non_exhaustive()
    }
}

/// The parts of a [`Service`].
#[expect(
    missing_debug_implementations,
    reason = "parts are moved in, not shown"
)]
pub struct ServiceParts {
    /// The rules.
    pub registrar: Arc<Registrar>,
    /// The registrations.
    pub registry: Arc<dyn Registry>,
    /// Where intermediates and CRLs come from.
    pub fetcher: Arc<dyn TrustFetcher>,
    /// Who visits links.
    pub links: Arc<dyn LinkChecker>,
    /// The keys that sign metadata.
    pub signers: Vec<SiteSigner>,
    /// The CRLs that are known.
    pub crls: KnownCrls,
    /// Rate limits.
    pub limits: RateLimits,
    /// Reverse proxies that are believed.
    pub proxies: TrustedProxies,
    /// Clock and chance.
    pub environment: Environment,
    /// Whether an unknown `community` parameter gets the default community's metadata (A38).
    pub default_for_unknown: bool,
}

/// Checks that each community has, for each site that it serves, a signer whose certificate names
/// the site (A28, decisions 24).
///
/// # Errors
/// The first site and community without one.
pub fn check_signers(registrar: &Registrar, signers: &[SiteSigner]) -> Result<(), ServiceError> {
    for site in registrar.sites() {
        for community in registrar.communities_of(site) {
            let spoken_for = signers.iter().any(|one| {
                one.site == site.id && one.community == community.id && one.signer.names(site)
            });
            if !spoken_for {
                return Err(ServiceError::NoSigner {
                    site: site.id.clone(),
                    community: community.id.clone(),
                });
            }
        }
    }
    Ok(())
}

impl Service {
    /// A service of these parts.
    ///
    /// # Errors
    /// If a community that serves a site has no signer whose certificate names the site.
    pub fn new(parts: ServiceParts) -> Result<Self, ServiceError> {
        check_signers(&parts.registrar, &parts.signers)?;
        let signers = parts
            .signers
            .into_iter()
            .map(|one| ((one.site, one.community), one.signer))
            .collect();
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            registrar: parts.registrar,
            registry: parts.registry,
            fetcher: parts.fetcher,
            links: parts.links,
            limits: Arc::new(parts.limits),
            proxies: parts.proxies,
            environment: parts.environment,
            in_progress: Arc::new(Semaphore::new(IN_PROGRESS)),
            verification: Semaphore::new(cores),
            default_for_unknown: parts.default_for_unknown,
            signers,
            crls: parts.crls,
            metadata: RwLock::default(),
            working_on: Mutex::default(),
        })
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

    /// The server certificates, by site and community.
    pub fn signers(&self) -> impl Iterator<Item = (&str, &str, &MetadataSigner)> {
        self.signers
            .iter()
            .map(|((site, community), signer)| (site.as_str(), community.as_str(), &**signer))
    }

    /// The CRLs that are known.
    #[must_use]
    pub fn crls(&self) -> &KnownCrls {
        &self.crls
    }

    /// A site's metadata for a community: signed once, kept until half its life, and as long as it
    /// is valid if signing anew fails (A31, A32).
    pub(crate) fn metadata(
        &self,
        site: &Arc<Site>,
        community: &Arc<Community>,
    ) -> Result<Arc<SignedMetadata>, MetadataError> {
        let now = (self.environment.now)();
        let key = (site.id.clone(), community.id.clone());
        let kept = self
            .metadata
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if let Some(kept) = &kept
            && now < kept.renew_at
        {
            return Ok(Arc::clone(kept));
        }
        let signer = self.signers.get(&key).ok_or(MetadataError::NotServed)?;
        let jti = (self.environment.random_id)();
        match signer.sign(&self.registrar, site, community, &jti, now) {
            Ok(signed) => {
                let signed = Arc::new(signed);
                self.metadata
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(key, Arc::clone(&signed));
                Ok(signed)
            }
            Err(error) => match kept {
                Some(kept) if now < kept.expires_at => {
                    tracing::error!(site = %site.id, community = %community.id, %error,
                        "metadata could not be signed anew; the old one still serves");
                    Ok(kept)
                }
                _ => Err(error),
            },
        }
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
