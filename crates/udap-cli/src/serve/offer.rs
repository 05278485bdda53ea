//! What apps get with no person looking: for `udap config check` (decisions 14, 15).

use serde::Serialize;
use udap::community::Community;
use udap::enable::EnablePolicy;
use udap::registrar::Registrar;
use udap::site::Site;

use super::audit;
use super::build::rules;
use super::discovered::Discovered;
use crate::config::Config;

/// Scopes of this level go with client_credentials, all others with authorization_code (B44).
const OF_SERVICES: &str = "system/";

/// What a community's new apps get at a site, unattended.
#[derive(Debug, Serialize)]
pub(crate) struct Offer {
    pub(crate) site: String,
    pub(crate) community: String,
    pub(crate) community_uri: String,
    /// When a new app is switched on without a person.
    pub(crate) enabled: &'static str,
    /// What it can be granted at most; nothing if OpenEMR is asked at the start.
    pub(crate) scopes: Vec<String>,
    /// The same for each grant type that is offered.
    pub(crate) grants: Vec<GrantOffer>,
}

/// What apps of one grant type get.
#[derive(Debug, Serialize)]
pub(crate) struct GrantOffer {
    pub(crate) grant_type: &'static str,
    pub(crate) enabled: &'static str,
    pub(crate) scopes: Vec<String>,
}

/// Builds everything that serving needs but the store, and says what apps are offered.
///
/// # Errors
/// As [`rules`].
pub(crate) fn check(config: &Config) -> anyhow::Result<Vec<Offer>> {
    audit::seal_key(config)?;
    let (rules, _crls) = rules(config, &Discovered::configured(config)?)?;
    let registrar = rules.registrar();
    let mut offers = Vec::new();
    for site in registrar.sites() {
        for community in registrar.communities_of(site) {
            offers.push(Offer::new(registrar, site, community));
        }
    }
    Ok(offers)
}

const AT_ONCE: &str = "at once";
const BY_HAND: &str = "only by an administrator";
const FOR_PATIENTS: &str = "at once if it asks for patient scopes only";

impl Offer {
    fn new(registrar: &Registrar, site: &Site, community: &Community) -> Self {
        let scopes: Vec<String> = registrar
            .scopes_offered(site, community)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let offered = site.grants(community.allow_client_credentials);
        let (services, persons): (Vec<_>, Vec<_>) = scopes
            .iter()
            .cloned()
            .partition(|scope| scope.starts_with(OF_SERVICES));
        let (for_services, for_persons) = match community.enable {
            EnablePolicy::All => (AT_ONCE, AT_ONCE),
            EnablePolicy::Patient => (BY_HAND, FOR_PATIENTS),
            EnablePolicy::Never => (BY_HAND, BY_HAND),
        };
        let grants = [
            (
                offered.client_credentials,
                "client_credentials",
                for_services,
                services,
            ),
            (
                offered.authorization_code,
                "authorization_code",
                for_persons,
                persons,
            ),
        ];
        Self {
            site: site.id.clone(),
            community: community.id.clone(),
            community_uri: community.uri.clone(),
            enabled: for_persons,
            scopes,
            grants: grants
                .into_iter()
                .filter(|(is_offered, ..)| *is_offered)
                .map(|(_, grant_type, enabled, scopes)| GrantOffer {
                    grant_type,
                    enabled,
                    scopes,
                })
                .collect(),
        }
    }
}
