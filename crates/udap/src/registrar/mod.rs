//! The registration flow: from a request's body to what may be written, without I/O.
//!
//! [`Registrar::start`] takes a body as far as it can. Where it needs something that only I/O can
//! bring it stops and says what: intermediates and CRLs ([`NeedTrust`]), what the registry holds
//! against the client ([`NeedStanding`]), the outcome of visiting the app's links ([`NeedLinks`]), what
//! certifiers' paths and statuses depend on ([`NeedCertifications`], [`NeedCertificationStatus`]). A
//! driver brings it and calls `supply`, until the step is one of the last four of [`Step`].
//!
//! The order is that of decisions 1: signature, claims, path and revocation, block, metadata rules
//! and scopes together, links, certifications.

mod anchors;
mod certifications;
mod links;
mod material;
mod recheck;
mod standing;
mod token;
mod trust;
mod verdicts;

use std::fmt;
use std::sync::Arc;

use time::{Duration, OffsetDateTime};

pub use anchors::AnchorConflict;
pub use certifications::{NeedCertificationStatus, NeedCertifications};
pub use links::{LinkChecker, LinkFault, LinkReport, NeedLinks, NoLinkChecks};
pub use recheck::{NeedRecheck, Recheck, RecheckVerdict};
pub use standing::{NeedStanding, refusal_of, replayed};
pub use token::{NeedClient, NeedTokenTrust, TokenStep};
pub use trust::NeedTrust;

use self::verdicts::Neighbours;
use crate::certificate::CertificateCache;
use crate::community::Community;
use crate::error::Refusal;
use crate::limits;
use crate::rules::MetadataPolicy;
use crate::scope::ScopePolicy;
use crate::site::Site;
use crate::statement::{
    ApprovedRegistration, Cancellation, CurrentStatement, RegistrationRequest, SignedStatement,
    TrustedStatement,
};
use crate::trust::{CrlStore, Judge};

/// The configured rules of all sites and communities. Immutable: a change of configuration is
/// another registrar.
pub struct Registrar {
    sites: Vec<Arc<Site>>,
    communities: Vec<Arc<Community>>,
    neighbours: Neighbours,
    offers: Vec<Offer>,
    judge: Arc<dyn Judge>,
    certificates: CertificateCache,
    clock_skew: Duration,
}

impl fmt::Debug for Registrar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Registrar")
            .field("sites", &self.sites)
            .field("communities", &self.communities)
            .field("clock_skew", &self.clock_skew)
            .finish_non_exhaustive()
    }
}

/// What a community's apps may register for at a site.
#[derive(Debug)]
pub(crate) struct Offer {
    site: String,
    community: String,
    pub(crate) metadata: MetadataPolicy,
    pub(crate) scopes: ScopePolicy,
}

/// Why sites and communities do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrarError {
    /// Two communities share an anchor, or one's anchor was issued by another's (C09, C10,
    /// decisions 24).
    #[error("{0}")]
    Anchors(#[from] AnchorConflict),
    /// Two sites or two communities have one id, URI or endpoint.
    #[error("{0} stands twice")]
    Duplicate(String),
    /// A clock skew outside 0 to 300 seconds.
    #[error("the clock skew must be 0 to 300 seconds")]
    ClockSkew,
}

/// Where a request stands.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Path building or revocation needs material.
    NeedTrust(Box<NeedTrust>),
    /// The statement is trusted; what does the registry hold against it?
    NeedStanding(Box<NeedStanding>),
    /// The metadata is clean; are its links live?
    NeedLinks(Box<NeedLinks>),
    /// Its links are live, where that is asked; do its certifications hold?
    NeedCertifications(Box<NeedCertifications>),
    /// They hold; do their certifiers still stand to them?
    NeedCertificationStatus(Box<NeedCertificationStatus>),
    /// Refused before trust: nothing is spent, nothing is recorded but logs and metrics.
    Refused(Refusal),
    /// Refused after trust: the `jti` is spent and the refusal recorded (decisions 3).
    RefusedAfterTrust(Box<TrustedStatement>, Refusal),
    /// To be registered.
    Register(Box<ApprovedRegistration>),
    /// To be cancelled.
    Cancel(Box<Cancellation>),
}

impl Registrar {
    /// A registrar for these sites and communities.
    ///
    /// # Errors
    /// If two of them cannot be told apart, or anchors are shared between communities.
    pub fn new(
        sites: Vec<Site>,
        communities: Vec<Community>,
        judge: Arc<dyn Judge>,
        clock_skew: Duration,
    ) -> Result<Self, RegistrarError> {
        if clock_skew.is_negative() || clock_skew > limits::MAX_CLOCK_SKEW {
            return Err(RegistrarError::ClockSkew);
        }
        distinct(sites.iter().map(|site| &site.id))?;
        distinct(sites.iter().map(|site| &site.registration_endpoint))?;
        distinct(sites.iter().map(|site| &site.fhir_base_url))?;
        distinct(communities.iter().map(|community| &community.id))?;
        distinct(communities.iter().map(|community| &community.uri))?;
        anchors::check(&communities)?;
        let offers = sites
            .iter()
            .flat_map(|site| communities.iter().map(move |community| (site, community)))
            .filter(|(site, community)| community.serves(&site.id))
            .map(|(site, community)| Offer::new(site, community))
            .collect();
        let communities: Vec<_> = communities.into_iter().map(Arc::new).collect();
        Ok(Self {
            sites: sites.into_iter().map(Arc::new).collect(),
            neighbours: Neighbours::new(&communities),
            communities,
            offers,
            judge,
            certificates: CertificateCache::new(),
            clock_skew,
        })
    }

    /// The site of this id.
    #[must_use]
    pub fn site(&self, id: &str) -> Option<&Arc<Site>> {
        self.sites.iter().find(|site| site.id == id)
    }

    /// All sites.
    #[must_use]
    pub fn sites(&self) -> &[Arc<Site>] {
        &self.sites
    }

    /// The communities that serve a site, in configured order.
    pub fn communities_of<'a>(
        &'a self,
        site: &'a Site,
    ) -> impl Iterator<Item = &'a Arc<Community>> + 'a {
        self.communities
            .iter()
            .filter(|community| community.serves(&site.id))
    }

    /// All communities.
    #[must_use]
    pub fn communities(&self) -> &[Arc<Community>] {
        &self.communities
    }

    /// Takes a request's body through envelope, signature, claims and trust.
    pub fn start(
        &self,
        site: &Arc<Site>,
        body: &[u8],
        crls: &CrlStore,
        now: OffsetDateTime,
    ) -> Step {
        let current = RegistrationRequest::parse(body)
            .and_then(|request| {
                SignedStatement::verify_with(request, site, |der| self.certificates.decode(der))
            })
            .and_then(|signed| CurrentStatement::check(signed, site, self.clock_skew, now));
        match current {
            Ok(current) => trust::evaluate(self, site, current, crls, now),
            Err(refusal) => Step::Refused(refusal),
        }
    }

    /// The scopes that a community's apps can be granted at a site, for discovery and for operators.
    #[must_use]
    pub fn scopes_offered(&self, site: &Site, community: &Community) -> Vec<&str> {
        self.offer(site, community)
            .map(|offer| offer.scopes.supported_for(offer.metadata.grants))
            .unwrap_or_default()
    }

    /// What a community's apps are offered at a site, `None` if it does not serve the site.
    pub(crate) fn offer(&self, site: &Site, community: &Community) -> Option<&Offer> {
        self.offers
            .iter()
            .find(|offer| offer.site == site.id && offer.community == community.id)
    }
}

impl Offer {
    fn new(site: &Site, community: &Community) -> Self {
        Self {
            site: site.id.clone(),
            community: community.id.clone(),
            metadata: MetadataPolicy {
                profile: community.profile,
                contact_match: community.contact_match,
                allow_client_credentials: community.allow_client_credentials,
                allow_http_pages: community.allow_http_pages,
                grants: site.grants(community.allow_client_credentials),
            },
            scopes: ScopePolicy::new(&site.scopes, community.ceiling.as_deref()),
        }
    }
}

fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), RegistrarError> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(RegistrarError::Duplicate(name.clone()));
        }
    }
    Ok(())
}
