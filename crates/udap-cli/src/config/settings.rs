//! The configuration as the rest of the program sees it: checked, resolved, typed.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};

use ipnet::IpNet;
use udap_fetch::AllowHost;
use url::Url;

pub(crate) use super::{
    database::Backend,
    file::{
        B2b, ContactMatch, Enable, LinkChecks, NoCrlAddress, Profile, Revocation, Scopes,
        TokenMode, UnknownCommunity,
    },
};

/// A whole configuration. `Debug` shows no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// The configuration file, absolute.
    pub(crate) path: PathBuf,
    /// As configured, without trailing slashes: what the world sees, and what our own addresses begin with.
    pub(crate) public_url: String,
    /// The path in `public_url`: empty, or `/…` without a trailing slash.
    pub(crate) public_path: String,
    /// Where the public routes listen.
    pub(crate) listen: SocketAddr,
    /// TLS in this process; `None`: plain HTTP.
    pub(crate) tls: Option<Tls>,
    /// Where health and metrics listen.
    pub(crate) admin_listen: SocketAddr,
    /// Where our own tables are.
    pub(crate) database: Backend,
    /// The key that seals the audit log; `None`: a plain hash chain (decision 32).
    pub(crate) audit_key_file: Option<PathBuf>,
    /// At least one, in the order of the file.
    pub(crate) sites: Vec<Site>,
    /// At least one, in the order of the file: the first that serves a site is its default.
    pub(crate) communities: Vec<Community>,
    /// Certifications that are recognised.
    pub(crate) certifications: Vec<Certification>,
    /// What goes out.
    pub(crate) fetch: Fetch,
    /// How often.
    pub(crate) limits: Limits,
    /// Where UDAP leaves a choice.
    pub(crate) protocol: Protocol,
    /// Re-validation.
    pub(crate) recheck: Recheck,
    /// Warnings that only reading the files could give.
    pub(super) notes: Vec<Warning>,
}

impl Config {
    /// The site with this id.
    #[cfg(test)]
    pub(crate) fn site(&self, id: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.id == id)
    }

    /// Whether it differs from another in nothing that needs a new start.
    pub(crate) fn is_same_but_for_communities(&self, other: &Self) -> bool {
        let communities = |config: &Self| {
            let mut config = config.clone();
            config.communities = Vec::new();
            config.certifications = Vec::new();
            config.notes = Vec::new();
            config
        };
        communities(self) == communities(other)
    }

    /// The communities that serve a site; the first is its default.
    pub(crate) fn communities_of<'a>(
        &'a self,
        site: &'a Site,
    ) -> impl Iterator<Item = &'a Community> {
        self.communities
            .iter()
            .filter(|community| community.sites.contains(&site.id))
    }

    /// A site's registration endpoint, the `aud` of software statements.
    pub(crate) fn registration_endpoint(&self, site: &Site) -> String {
        format!("{}/udap/{}/register", self.public_url, site.id)
    }

    /// A site's token endpoint at the gateway.
    pub(crate) fn gateway_endpoint(&self, site: &Site) -> String {
        format!("{}/udap/{}/token", self.public_url, site.id)
    }
}

/// Something that works but ought to be known.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Warning(pub(crate) String);

impl std::fmt::Display for Warning {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// TLS in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    /// PEM: leaf and intermediates.
    pub(crate) certificate: PathBuf,
    /// PEM, readable by its owner only.
    pub(crate) key: PathBuf,
}

/// One OpenEMR site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    /// `[A-Za-z0-9._-]+`, a segment of our paths.
    pub(crate) id: String,
    /// Exactly as configured, without a trailing slash.
    pub(crate) fhir_base_url: String,
    /// The path in `fhir_base_url`: empty, or `/…`; discovery is below it.
    pub(crate) fhir_path: String,
    /// Exactly as configured; `None`: no authorization_code.
    pub(crate) authorization_endpoint: Option<String>,
    /// Exactly as configured: OpenEMR's, and the `aud` there.
    pub(crate) token_endpoint: String,
    /// The schema that holds `oauth_clients`; `None` iff the database is SQLite.
    pub(crate) openemr_schema: Option<String>,
    /// Who checks token requests.
    pub(crate) token_mode: TokenMode,
    /// What the site offers.
    pub(crate) scopes: Scopes,
    /// Where the gateway connects.
    pub(crate) upstream_token_url: Url,
    /// The path of `token_endpoint` if the proxy routes it to us (decision 28).
    pub(crate) guarded_path: Option<String>,
    /// The folder of the gateway's keys.
    pub(crate) gateway_keys: PathBuf,
    /// Whether codes need a `code_verifier`.
    pub(crate) require_pkce: bool,
    /// Whether OpenEMR's own switch for manual approval counts.
    pub(crate) honour_manual_approval: bool,
    /// Digits and dots, instead of what the database says.
    pub(crate) openemr_version: Option<String>,
    /// An RFC 7591 endpoint that creates the clients.
    pub(crate) upstream_registration_endpoint: Option<Url>,
    /// The file of the token for it.
    pub(crate) upstream_token_file: Option<PathBuf>,
}

/// One trust community.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Community {
    /// `[A-Za-z0-9._-]+`, for people.
    pub(crate) id: String,
    /// Exactly as configured: what registrations are bound to.
    pub(crate) uri: String,
    /// Files and folders of trust anchors, at least one.
    pub(crate) anchors: Vec<PathBuf>,
    /// Files and folders of intermediates.
    pub(crate) intermediates: Vec<PathBuf>,
    /// Files and folders of CRLs.
    pub(crate) crls: Vec<PathBuf>,
    /// PEM: leaf and intermediates.
    pub(crate) server_certificate: PathBuf,
    /// PEM, readable by its owner only.
    pub(crate) server_key: PathBuf,
    /// Whose metadata rules hold.
    pub(crate) profile: Profile,
    /// How revocation is judged.
    pub(crate) revocation: Revocation,
    /// What is done where nobody publishes revocation.
    pub(crate) no_crl_address: NoCrlAddress,
    /// Which links are looked at live; by default none but with `emr-direct`.
    pub(crate) link_checks: LinkChecks,
    /// Which new apps are switched on.
    pub(crate) enable: Enable,
    /// The ceiling; `None`: the site's scopes.
    pub(crate) scopes: Option<Vec<String>>,
    /// Ids of the sites served: all of them if the file names none.
    pub(crate) sites: Vec<String>,
    /// Certificate policies (dotted OIDs), one of which a path must have; empty: any.
    pub(crate) policies: Vec<String>,
    /// Prefixes of admitted client URIs; empty: all.
    pub(crate) client_uris: Vec<String>,
    /// How contacts are compared.
    pub(crate) contact_match: ContactMatch,
    /// Whether client_credentials apps may register.
    pub(crate) allow_client_credentials: bool,
    /// Whether `emr-direct` admits http for pages.
    pub(crate) allow_http_pages: bool,
    /// Whether client_credentials need `hl7-b2b` at the gateway.
    pub(crate) b2b: B2b,
    /// Purposes of use admitted there; empty: any.
    pub(crate) purposes_of_use: Vec<String>,
    /// How many at most; `None`: any number.
    pub(crate) purposes_max: Option<NonZeroU32>,
    /// Organizations admitted there; empty: any.
    pub(crate) organization_ids: Vec<String>,
}

/// One recognised certification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certification {
    /// Exactly as configured.
    pub(crate) uri: String,
    /// Files and folders of the certifiers' anchors; empty: self-asserted (decision 20).
    pub(crate) anchors: Vec<PathBuf>,
    /// Certifier URIs, exact; empty iff `anchors` is.
    pub(crate) issuers: Vec<String>,
    /// Ids of the communities where it is recognised: all of them if the file names none.
    pub(crate) communities: Vec<String>,
    /// Whether an app without it is refused.
    pub(crate) required: bool,
}

/// What goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fetch {
    /// Exempt from the public-address rule.
    pub(crate) allow_hosts: Vec<AllowHost>,
    /// Files and folders of roots besides the system's.
    pub(crate) tls_roots: Vec<PathBuf>,
    /// Whether missing intermediates are fetched.
    pub(crate) aia: bool,
    /// Whether OCSP is asked.
    pub(crate) ocsp: bool,
    /// How often a CRL is asked for again.
    pub(crate) crl_refresh: Duration,
}

/// How often; `None`: not limited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Per remote address.
    pub(crate) registrations_per_minute: Option<NonZeroU32>,
    /// Per client, once it is trusted.
    pub(crate) statements_per_client_per_minute: Option<NonZeroU32>,
    /// Per client.
    pub(crate) tokens_per_minute: Option<NonZeroU32>,
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
}

/// Where UDAP leaves a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Protocol {
    /// Tolerance for `iat` and `exp`.
    pub(crate) clock_skew: Duration,
    /// Discovery's answer to a community that is not ours.
    pub(crate) unknown_community: UnknownCommunity,
    /// How long signed metadata holds.
    pub(crate) signed_metadata: Duration,
}

/// Re-validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recheck {
    /// Between two passes.
    pub(crate) interval: Duration,
    /// How long an app stays on without a good answer (decision 23).
    pub(crate) unknown_grace: Duration,
}
