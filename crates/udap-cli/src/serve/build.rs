//! From the configuration to the parts of the service.

use std::sync::Arc;

use anyhow::Context;
use udap::algorithm::Algorithm;
use udap::certification::{Certifiers, RecognisedCertification};
use udap::community::Community;
use udap::discovery::MetadataSigner;
use udap::enable::EnablePolicy;
use udap::jws::Signer;
use udap::registrar::Registrar;
use udap::registry::CrlArchive;
use udap::rules::{ContactMatch, LinkChecks, Profile};
use udap::scope::{Scope, ScopePattern};
use udap::site::{Site, TokenMode};
use udap::token::B2bPolicy;
use udap::trust::{
    CertvalJudge, Crl, CrlStore, KnownCrls, NoCrlAddress, RevocationMode, TrustAnchor, TrustPolicy,
    TrustStore,
};
use udap_axum::{
    LinkChecker, RateLimits, Rules, Service, ServiceParts, SiteSigner, TrustedProxies,
};
use udap_fetch::aia::Issuers;
use udap_fetch::crls::Crls;
use udap_fetch::{FetchOptions, Fetcher, Links, Network, Responders, Statuses};
use udap_openemr::OpenEmrVersion;
use zeroize::Zeroizing;

use super::discovered::Discovered;
use super::gateway;
use super::store::Store;
use crate::config::Config;
use crate::config::settings::{self as config, Scopes, UnknownCommunity};
use crate::{environment, material};

/// The rules with the keys that sign metadata, and the CRLs from files.
///
/// # Errors
/// If a certificate, key or CRL that the configuration names is unusable, or communities and sites
/// do not go together.
pub(super) fn rules(
    config: &Config,
    discovered: &Discovered,
) -> anyhow::Result<(Rules, Vec<Arc<Crl>>)> {
    let sites = config
        .sites
        .iter()
        .map(|one| site(config, discovered, one))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut communities = Vec::new();
    let mut signers = Vec::new();
    let mut crls = Vec::new();
    for one in &config.communities {
        let context = || format!("community \"{}\"", one.id);
        communities.push(community(config, one).with_context(context)?);
        let listed = material::crls(&one.crls).with_context(context)?;
        crls.extend(listed.iter().cloned());
        let signer = Arc::new(signer(config, one).with_context(context)?);
        signers.extend(one.sites.iter().map(|site| SiteSigner {
            site: site.clone(),
            community: one.id.clone(),
            signer: Arc::clone(&signer),
        }));
    }
    let registrar = Registrar::new(
        sites,
        communities,
        Arc::new(CertvalJudge::new()),
        clock_skew(config)?,
    )?;
    Ok((Rules::new(registrar, signers)?, crls))
}

pub(crate) fn clock_skew(config: &Config) -> anyhow::Result<time::Duration> {
    time::Duration::try_from(config.protocol.clock_skew).context("clock_skew_seconds")
}

/// What a server is made of.
pub(crate) struct Built {
    pub(crate) service: Arc<Service>,
    pub(crate) network: Network,
}

/// What a statement is judged by.
pub(crate) struct Judging {
    pub(crate) rules: Rules,
    pub(crate) known: KnownCrls,
    pub(crate) network: Network,
    pub(crate) links: Arc<dyn LinkChecker>,
    pub(crate) statuses: Statuses,
}

/// Builds what judges, and what brings it material from the network. Lists are kept in the archive.
///
/// # Errors
/// As for the configuration's certificates, keys and CRLs: see [`rules`].
pub(crate) fn judging(
    config: &Config,
    discovered: &Discovered,
    archive: Arc<dyn CrlArchive>,
) -> anyhow::Result<Judging> {
    let (rules, crls) = rules(config, discovered)?;
    let known = KnownCrls::new(CrlStore::new(crls));
    let fetcher = fetcher(config)?;
    let network = network(config, archive, &known, fetcher.clone());
    vouch_for(&network, &rules);
    Ok(Judging {
        rules,
        known,
        network,
        links: Arc::new(Links::new(fetcher.clone())),
        statuses: Statuses::new(fetcher),
    })
}

/// Builds the service and what brings it material from the network.
///
/// # Errors
/// As for the configuration's certificates, keys and CRLs: see [`rules`]; or if a root certificate of
/// `[fetch] tls_roots` cannot be read.
pub(crate) fn build(
    config: &Config,
    discovered: &Discovered,
    store: &Store,
) -> anyhow::Result<Built> {
    let Judging {
        rules,
        known,
        network,
        links,
        statuses,
    } = judging(config, discovered, Arc::clone(&store.crls))?;
    let per_minute =
        |limit: Option<std::num::NonZeroU32>| limit.map_or(0, std::num::NonZeroU32::get);
    let tokens = gateway::tokens(config, store)?;
    let service = Service::new(ServiceParts {
        rules,
        registry: Arc::clone(&store.registry),
        fetcher: Arc::new(network.clone()),
        links,
        statuses: Arc::new(statuses),
        crls: known,
        limits: RateLimits::new(
            per_minute(config.limits.registrations_per_minute),
            per_minute(config.limits.statements_per_client_per_minute),
        )
        .with_tokens(per_minute(config.limits.tokens_per_minute)),
        proxies: TrustedProxies(config.limits.trusted_proxies.clone()),
        tokens,
        environment: environment::ENVIRONMENT,
        default_for_unknown: config.protocol.unknown_community == UnknownCommunity::Default,
    });
    Ok(Built {
        service: Arc::new(service),
        network,
    })
}

/// The guarded client for everything that goes out.
///
/// # Errors
/// If a root certificate of `[fetch] tls_roots` cannot be read.
fn fetcher(config: &Config) -> anyhow::Result<Fetcher> {
    let tls_roots = material::certificates(&config.fetch.tls_roots).context("[fetch] tls_roots")?;
    let options = FetchOptions {
        allow_hosts: config.fetch.allow_hosts.clone(),
        tls_roots: tls_roots.iter().map(|root| root.der().to_vec()).collect(),
        ..FetchOptions::default()
    };
    Ok(Fetcher::new(&options)?)
}

fn network(
    config: &Config,
    archive: Arc<dyn CrlArchive>,
    known: &KnownCrls,
    fetcher: Fetcher,
) -> Network {
    let issuers = config.fetch.aia.then(|| Issuers::new(fetcher.clone()));
    let responders =
        (config.fetch.ocsp).then(|| Responders::new(fetcher.clone(), config.fetch.crl_refresh));
    let crls = Crls::new(fetcher, archive, known.clone(), config.fetch.crl_refresh);
    Network::new(issuers, crls, responders)
}

/// Hosts that configured certificates name are no strangers (decisions 2).
pub(super) fn vouch_for(network: &Network, rules: &Rules) {
    for community in rules.registrar().communities() {
        let store = &community.trust.store;
        let anchors = store.anchors().iter().map(TrustAnchor::certificate);
        network.vouch_for(anchors.chain(store.intermediates()));
        for certification in &community.certifications {
            if let Certifiers::Recognised { trust, .. } = &certification.certifiers {
                network.vouch_for(trust.store.anchors().iter().map(TrustAnchor::certificate));
            }
        }
    }
}

fn site(config: &Config, discovered: &Discovered, site: &config::Site) -> anyhow::Result<Site> {
    let token_mode = token_mode(site.token_mode);
    let scopes = match &site.scopes {
        Scopes::List(list) => {
            for scope in list {
                scope.parse::<Scope>().with_context(|| {
                    format!(
                        "site \"{}\": scopes: \"{scope}\" is no concrete scope",
                        site.id
                    )
                })?;
            }
            list.clone()
        }
        Scopes::Discover => discovered.scopes(site),
    };
    Ok(Site {
        id: site.id.clone(),
        fhir_base_url: site.fhir_base_url.clone(),
        registration_endpoint: config.registration_endpoint(site),
        authorization_endpoint: site.authorization_endpoint.clone(),
        token_endpoint: match token_mode {
            TokenMode::Direct => site.token_endpoint.clone(),
            TokenMode::Gateway => config.gateway_endpoint(site),
        },
        token_mode,
        scopes,
        verifies_code_assertions: discovered
            .version(site)
            .is_none_or(|version| verifies_codes(version, site)),
        require_pkce: site.require_pkce,
    })
}

fn token_mode(mode: config::TokenMode) -> TokenMode {
    match mode {
        config::TokenMode::Direct => TokenMode::Direct,
        config::TokenMode::Gateway => TokenMode::Gateway,
    }
}

/// Whether a site's codes are exchanged for assertions only.
pub(super) fn verifies_codes(version: OpenEmrVersion, site: &config::Site) -> bool {
    verifies_code_assertions(
        version,
        token_mode(site.token_mode),
        site.guarded_path.is_some(),
    )
}

/// Whether codes are exchanged for assertions only. From OpenEMR 7.0.4 on (decisions 29); behind
/// the gateway from 8.5 on, or with a guard before OpenEMR's own token endpoint, which could be
/// reached around us otherwise (decisions 28). Without a version (the embedded store) there is no
/// OpenEMR whose age could matter.
fn verifies_code_assertions(
    version: OpenEmrVersion,
    token_mode: TokenMode,
    is_guarded: bool,
) -> bool {
    let cannot_be_passed_by = token_mode == TokenMode::Direct
        || is_guarded
        || version >= OpenEmrVersion::REQUIRES_CREDENTIALS;
    version >= OpenEmrVersion::VERIFIES_CODE_ASSERTIONS && cannot_be_passed_by
}

fn community(config: &Config, one: &config::Community) -> anyhow::Result<Community> {
    let anchors = material::certificates(&one.anchors).context("anchors")?;
    let intermediates = material::certificates(&one.intermediates).context("intermediates")?;
    let ceiling = one
        .scopes
        .as_ref()
        .map(|patterns| {
            patterns
                .iter()
                .map(|text| {
                    text.parse::<ScopePattern>()
                        .with_context(|| format!("scopes: \"{text}\""))
                })
                .collect::<anyhow::Result<Vec<_>>>()
        })
        .transpose()?;
    Ok(Community {
        id: one.id.clone(),
        uri: one.uri.clone(),
        trust: TrustPolicy {
            store: TrustStore::new(anchors, intermediates, one.policies.clone())?,
            revocation: match one.revocation {
                config::Revocation::Required => RevocationMode::Required,
                config::Revocation::WhenAvailable => RevocationMode::WhenAvailable,
                config::Revocation::Off => RevocationMode::Off,
            },
            no_crl_address: match one.no_crl_address {
                config::NoCrlAddress::Accept => NoCrlAddress::Accept,
                config::NoCrlAddress::Refuse => NoCrlAddress::Refuse,
            },
            aia: config.fetch.aia,
            ocsp: config.fetch.ocsp,
        },
        profile: match one.profile {
            config::Profile::Hl7 => Profile::Hl7,
            config::Profile::EmrDirect => Profile::EmrDirect,
        },
        contact_match: match one.contact_match {
            config::ContactMatch::Registrable => ContactMatch::Registrable,
            config::ContactMatch::Host => ContactMatch::Host,
        },
        allow_client_credentials: one.allow_client_credentials,
        allow_http_pages: one.allow_http_pages,
        link_checks: match one.link_checks {
            config::LinkChecks::Off => LinkChecks::Off,
            config::LinkChecks::On => LinkChecks::On,
            config::LinkChecks::All => LinkChecks::All,
        },
        enable: match one.enable {
            config::Enable::All => EnablePolicy::All,
            config::Enable::Patient => EnablePolicy::Patient,
            config::Enable::Never => EnablePolicy::Never,
        },
        ceiling,
        sites: Some(one.sites.clone()),
        client_uri_prefixes: one.client_uris.clone(),
        certifications: config
            .certifications
            .iter()
            .filter(|certification| certification.communities.contains(&one.id))
            .map(|one| {
                certification(config, one).with_context(|| format!("certification \"{}\"", one.uri))
            })
            .collect::<anyhow::Result<_>>()?,
        b2b: B2bPolicy {
            required: one.b2b == config::B2b::Required,
            purposes_of_use: one.purposes_of_use.clone(),
            purposes_max: one.purposes_max,
            organization_ids: one.organization_ids.clone(),
        },
    })
}

/// A certification with the anchors of those who attest it. Their certificates have to be shown
/// unrevoked, whatever a community asks of its apps' (F07).
fn certification(
    config: &Config,
    one: &config::Certification,
) -> anyhow::Result<RecognisedCertification> {
    let certifiers = if one.anchors.is_empty() {
        Certifiers::App
    } else {
        let anchors = material::certificates(&one.anchors).context("anchors")?;
        Certifiers::Recognised {
            issuers: one.issuers.clone(),
            trust: Arc::new(TrustPolicy {
                store: TrustStore::new(anchors, Vec::new(), Vec::new())?,
                revocation: RevocationMode::Required,
                no_crl_address: NoCrlAddress::Accept,
                aia: config.fetch.aia,
                ocsp: config.fetch.ocsp,
            }),
        }
    };
    Ok(RecognisedCertification {
        uri: one.uri.clone(),
        required: one.required,
        certifiers,
    })
}

fn signer(config: &Config, one: &config::Community) -> anyhow::Result<MetadataSigner> {
    let path = &one.server_certificate;
    let chain = material::chain(path).context("server_certificate")?;
    let leaf = chain
        .first()
        .context("server_certificate holds no certificate")?
        .clone();
    let key = Zeroizing::new(material::read(&one.server_key).context("server_key")?);
    let signer = Signer::from_pem(Algorithm::Rs256, &key, &chain).with_context(|| {
        format!(
            "server_key {}: signed metadata needs the RSA key of server_certificate",
            one.server_key.display()
        )
    })?;
    let lifetime = time::Duration::try_from(config.protocol.signed_metadata)
        .context("signed_metadata_hours")?;
    Ok(MetadataSigner::new(signer, leaf, lifetime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_offered_where_openemr_or_a_guard_asks_for_the_assertion() {
        use TokenMode::{Direct, Gateway};
        for (version, mode, is_guarded, offered) in [
            ("7.0.3", Direct, false, false),
            ("7.0.3.1", Gateway, true, false),
            ("7.0.4", Direct, false, true),
            ("7.0.4", Gateway, false, false),
            ("8.1.1", Gateway, false, false),
            ("8.1.1", Gateway, true, true),
            ("8.5", Gateway, false, true),
            ("10.0", Gateway, false, true),
        ] {
            assert_eq!(
                verifies_code_assertions(version.parse().unwrap(), mode, is_guarded),
                offered,
                "{version} {mode:?} {is_guarded}"
            );
        }
    }
}
