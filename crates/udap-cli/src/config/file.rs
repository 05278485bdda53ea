//! The keys of `udap.toml` as they stand in the file, section by section, with their defaults.
//!
//! Nothing is judged here: a key that is required is an `Option`, numbers are as wide as TOML's, so that
//! [`super::check`] can report every fault of a file at once.

use std::{fmt, path::PathBuf};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, SeqAccess, Visitor, value::SeqAccessDeserializer},
};

/// Reached by a proxy on the same machine only, until the operator says otherwise.
pub(crate) const LISTEN: &str = "127.0.0.1:8080";
/// Health and metrics are never public.
pub(crate) const ADMIN_LISTEN: &str = "127.0.0.1:9090";
/// An embedded store beside the configuration file: nothing to set up.
pub(crate) const DATABASE_URL: &str = "sqlite://udap.db";
/// The key directory of the gateway, beside the configuration file.
pub(crate) const GATEWAY_KEYS: &str = "gateway-keys";
/// CRLs are often renewed hours before they lapse: asking hourly notices a revocation within the hour.
pub(crate) const CRL_REFRESH_MINUTES: i64 = 60;
/// One a second from one address is far above what an app's installer does.
pub(crate) const REGISTRATIONS_PER_MINUTE: i64 = 60;
/// A trusted app changes its registration rarely; ten leaves room for retries.
pub(crate) const STATEMENTS_PER_CLIENT_PER_MINUTE: i64 = 10;
/// Ten a second for one client: a busy back end that does not cache its tokens still fits.
pub(crate) const TOKENS_PER_MINUTE: i64 = 600;
/// Clocks kept by NTP differ by far less; requirement B15 caps it at 300.
pub(crate) const CLOCK_SKEW_SECONDS: i64 = 60;
/// A day (requirement A32): re-signed at half of it.
pub(crate) const SIGNED_METADATA_HOURS: i64 = 24;
/// Certificates and CRLs change on the scale of hours.
pub(crate) const RECHECK_INTERVAL_HOURS: i64 = 1;
/// A certificate authority whose CRL host fails over a weekend must not switch apps off.
pub(crate) const UNKNOWN_GRACE_HOURS: i64 = 72;

/// The keys above every section.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Top {
    pub(crate) public_url: Option<String>,
    pub(crate) listen: String,
    pub(crate) tls_certificate: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    pub(crate) admin_listen: String,
    pub(crate) database_url: Option<String>,
    pub(crate) database_url_file: Option<PathBuf>,
    pub(crate) audit_key_file: Option<PathBuf>,
    pub(crate) allow_plain: bool,
}

impl Default for Top {
    fn default() -> Self {
        Self {
            public_url: None,
            listen: LISTEN.to_owned(),
            tls_certificate: None,
            tls_key: None,
            admin_listen: ADMIN_LISTEN.to_owned(),
            database_url: None,
            database_url_file: None,
            audit_key_file: None,
            allow_plain: false,
        }
    }
}

/// A `[[site]]`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Site {
    pub(crate) id: Option<String>,
    pub(crate) fhir_base_url: Option<String>,
    pub(crate) authorization_endpoint: Option<String>,
    pub(crate) token_endpoint: Option<String>,
    pub(crate) openemr_schema: Option<String>,
    pub(crate) token_mode: TokenMode,
    pub(crate) scopes: Option<Scopes>,
    pub(crate) upstream_token_url: Option<String>,
    pub(crate) token_guard: bool,
    pub(crate) gateway_keys: PathBuf,
    pub(crate) require_pkce: bool,
    pub(crate) honour_manual_approval: bool,
    pub(crate) openemr_version: Option<String>,
    pub(crate) upstream_registration_endpoint: Option<String>,
    pub(crate) upstream_token_file: Option<PathBuf>,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            id: None,
            fhir_base_url: None,
            authorization_endpoint: None,
            token_endpoint: None,
            openemr_schema: None,
            token_mode: TokenMode::Direct,
            scopes: None,
            upstream_token_url: None,
            token_guard: false,
            gateway_keys: PathBuf::from(GATEWAY_KEYS),
            require_pkce: false,
            honour_manual_approval: true,
            openemr_version: None,
            upstream_registration_endpoint: None,
            upstream_token_file: None,
        }
    }
}

/// A `[[community]]`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Community {
    pub(crate) id: Option<String>,
    pub(crate) uri: Option<String>,
    pub(crate) anchors: Option<Vec<PathBuf>>,
    pub(crate) intermediates: Vec<PathBuf>,
    pub(crate) crls: Vec<PathBuf>,
    pub(crate) server_certificate: Option<PathBuf>,
    pub(crate) server_key: Option<PathBuf>,
    pub(crate) profile: Profile,
    pub(crate) revocation: Revocation,
    pub(crate) no_crl_address: NoCrlAddress,
    pub(crate) link_checks: Option<LinkChecks>,
    pub(crate) enable: Option<Enable>,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) sites: Option<Vec<String>>,
    pub(crate) policies: Vec<String>,
    pub(crate) client_uris: Vec<String>,
    pub(crate) contact_match: ContactMatch,
    pub(crate) allow_client_credentials: bool,
    pub(crate) allow_http_pages: bool,
    pub(crate) b2b: B2b,
    pub(crate) purposes_of_use: Vec<String>,
    pub(crate) purposes_max: i64,
    pub(crate) organization_ids: Vec<String>,
}

impl Default for Community {
    fn default() -> Self {
        Self {
            id: None,
            uri: None,
            anchors: None,
            intermediates: Vec::new(),
            crls: Vec::new(),
            server_certificate: None,
            server_key: None,
            profile: Profile::Hl7,
            revocation: Revocation::Required,
            no_crl_address: NoCrlAddress::Accept,
            link_checks: None,
            enable: None,
            scopes: None,
            sites: None,
            policies: Vec::new(),
            client_uris: Vec::new(),
            contact_match: ContactMatch::Registrable,
            allow_client_credentials: true,
            allow_http_pages: false,
            b2b: B2b::Required,
            purposes_of_use: Vec::new(),
            purposes_max: 0,
            organization_ids: Vec::new(),
        }
    }
}

/// A `[[certification]]`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Certification {
    pub(crate) uri: Option<String>,
    pub(crate) anchors: Vec<PathBuf>,
    pub(crate) issuers: Vec<String>,
    pub(crate) communities: Option<Vec<String>>,
    pub(crate) required: bool,
}

/// `[fetch]`: what goes out.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Fetch {
    pub(crate) allow_hosts: Vec<String>,
    pub(crate) tls_roots: Vec<PathBuf>,
    pub(crate) aia: bool,
    pub(crate) ocsp: bool,
    pub(crate) crl_refresh_minutes: i64,
}

impl Default for Fetch {
    fn default() -> Self {
        Self {
            allow_hosts: Vec::new(),
            tls_roots: Vec::new(),
            aia: true,
            ocsp: true,
            crl_refresh_minutes: CRL_REFRESH_MINUTES,
        }
    }
}

/// `[limits]`: how often.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) registrations_per_minute: i64,
    pub(crate) statements_per_client_per_minute: i64,
    pub(crate) tokens_per_minute: i64,
    pub(crate) trusted_proxies: Option<Vec<String>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            registrations_per_minute: REGISTRATIONS_PER_MINUTE,
            statements_per_client_per_minute: STATEMENTS_PER_CLIENT_PER_MINUTE,
            tokens_per_minute: TOKENS_PER_MINUTE,
            trusted_proxies: None,
        }
    }
}

/// `[protocol]`: where UDAP leaves a choice.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Protocol {
    pub(crate) clock_skew_seconds: i64,
    pub(crate) unknown_community: UnknownCommunity,
    pub(crate) signed_metadata_hours: i64,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            clock_skew_seconds: CLOCK_SKEW_SECONDS,
            unknown_community: UnknownCommunity::NoContent,
            signed_metadata_hours: SIGNED_METADATA_HOURS,
        }
    }
}

/// `[recheck]`: re-validation of registered apps.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Recheck {
    pub(crate) interval_hours: i64,
    pub(crate) unknown_grace_hours: i64,
}

impl Default for Recheck {
    fn default() -> Self {
        Self {
            interval_hours: RECHECK_INTERVAL_HOURS,
            unknown_grace_hours: UNKNOWN_GRACE_HOURS,
        }
    }
}

/// Who checks an app's token requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TokenMode {
    /// The app speaks RS384 to OpenEMR's token endpoint.
    Direct,
    /// Our token endpoint checks UDAP's rules, signs anew and forwards.
    Gateway,
}

/// Whose metadata rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Profile {
    /// HL7's UDAP Security guide.
    Hl7,
    /// EMR Direct's requirements on top.
    EmrDirect,
}

/// How revocation is judged (decision 21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Revocation {
    /// Every certificate that can be looked up must be shown unrevoked.
    Required,
    /// Refused only if a properly signed list names the certificate.
    WhenAvailable,
    /// No list is looked at.
    Off,
}

/// What is done with a certificate whose revocation nobody publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NoCrlAddress {
    /// Accepted with a note.
    Accept,
    /// Refused.
    Refuse,
}

/// Which new apps are switched on unattended (decision 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Enable {
    /// Every app, for the scopes under the ceiling.
    All,
    /// Apps that patients use, with patient scopes only.
    Patient,
    /// None: an administrator enables.
    Never,
}

/// How a contact's domain is compared with the app's (requirement I17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ContactMatch {
    /// By registrable domain.
    Registrable,
    /// By host.
    Host,
}

/// Whether a client_credentials token request at the gateway must carry `hl7-b2b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum B2b {
    /// It must.
    Required,
    /// It may.
    Optional,
}

/// Discovery's answer to a community that is not ours (requirement A38).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UnknownCommunity {
    /// 204.
    NoContent,
    /// The default community's metadata.
    Default,
}

/// Which links of an app are looked at live (decision 19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkChecks {
    /// `false`: none.
    Off,
    /// `true`: logo, client and redirect URIs.
    On,
    /// `"all"`: terms and privacy policy too.
    All,
}

impl<'de> Deserialize<'de> for LinkChecks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LinkChecksVisitor;
        impl Visitor<'_> for LinkChecksVisitor {
            type Value = LinkChecks;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("true, false or \"all\"")
            }

            fn visit_bool<E: de::Error>(self, on: bool) -> Result<LinkChecks, E> {
                Ok(if on { LinkChecks::On } else { LinkChecks::Off })
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<LinkChecks, E> {
                match text {
                    "all" => Ok(LinkChecks::All),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }
        }
        deserializer.deserialize_any(LinkChecksVisitor)
    }
}

/// The scopes that a site offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scopes {
    /// `"discover"`: read from OpenEMR.
    Discover,
    /// Listed, in the order of the file.
    List(Vec<String>),
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScopesVisitor;
        impl<'de> Visitor<'de> for ScopesVisitor {
            type Value = Scopes;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of scopes or \"discover\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Scopes, E> {
                match text {
                    "discover" => Ok(Scopes::Discover),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Scopes, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Scopes::List)
            }
        }
        deserializer.deserialize_any(ScopesVisitor)
    }
}
