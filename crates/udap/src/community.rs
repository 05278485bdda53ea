//! A trust community: who is trusted, under which rules, for what.

use crate::certification::RecognisedCertification;
use crate::enable::EnablePolicy;
use crate::rules::{ContactMatch, LinkChecks, Profile};
use crate::scope::ScopePattern;
use crate::token::B2bPolicy;
use crate::trust::TrustPolicy;

/// One trust community, as configured.
#[derive(Debug)]
pub struct Community {
    /// Its name in configuration and on the command line.
    pub id: String,
    /// Its URI: the `community` parameter of discovery (A34), and what registrations are bound to
    /// (D01, decisions 24).
    pub uri: String,
    /// Anchors, intermediates, policies, revocation.
    pub trust: TrustPolicy,
    /// The rules on client metadata.
    pub profile: Profile,
    /// Which hosts an e-mail contact must belong to.
    pub contact_match: ContactMatch,
    /// Whether `client_credentials` apps may register.
    pub allow_client_credentials: bool,
    /// Whether pages about the app may be served over plain HTTP.
    pub allow_http_pages: bool,
    /// Which of its apps' links are visited (decisions 19).
    pub link_checks: LinkChecks,
    /// Who is switched on unattended (decisions 14).
    pub enable: EnablePolicy,
    /// The most that its apps are granted; `None`: what the site offers (decisions 15).
    pub ceiling: Option<Vec<ScopePattern>>,
    /// The sites that it serves; `None`: all.
    pub sites: Option<Vec<String>>,
    /// Prefixes of admitted client URIs; empty: any.
    pub client_uri_prefixes: Vec<String>,
    /// Certifications that are recognised (A14).
    pub certifications: Vec<RecognisedCertification>,
    /// What token requests say of who asks and what for (decisions 35).
    pub b2b: B2bPolicy,
}

impl Community {
    /// Whether its apps may register at the site.
    #[must_use]
    pub fn serves(&self, site: &str) -> bool {
        self.sites
            .as_ref()
            .is_none_or(|sites| sites.iter().any(|one| one == site))
    }

    /// Whether an app of this URI is admitted.
    #[must_use]
    pub fn admits(&self, client_uri: &str) -> bool {
        self.client_uri_prefixes.is_empty()
            || self
                .client_uri_prefixes
                .iter()
                .any(|prefix| client_uri.starts_with(prefix.as_str()))
    }
}
