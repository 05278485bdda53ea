//! Opening the store that the configuration names.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use udap::registry::{CrlArchive, RecheckRegistry, Registry, TokenRegistry};
use udap_openemr::{
    EmbeddedClients, GatewayKeys, OpenEmrClients, OpenEmrOptions, OpenEmrVersion, RowKey, RowKeys,
};
use udap_store::audit::AuditLog;
use udap_store::{
    Engine, KeyRegistry, Leases, MySqlRegistry, SiteClients, SqlRegistry, SqliteRegistry,
};

use super::build::{clock_skew, verifies_codes};
use super::patience::patiently;
use crate::config::Config;
use crate::config::database::SecretUrl;
use crate::config::settings::{Backend, Site, TokenMode};

/// How long somebody waits who only looks.
const LOOK: std::time::Duration = std::time::Duration::from_secs(5);

/// The store, as its users see it.
pub(crate) struct Store {
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) records: Arc<dyn RecheckRegistry>,
    pub(crate) crls: Arc<dyn CrlArchive>,
    pub(crate) leases: Arc<dyn Leases>,
    pub(crate) audit: Arc<dyn AuditLog>,
    pub(crate) tokens: Arc<dyn TokenRegistry>,
    pub(crate) rows: Arc<dyn KeyRegistry>,
    pub(crate) gateway_keys: Arc<GatewayKeys>,
}

impl Store {
    fn of<E: Engine>(registry: SqlRegistry<E>, gateway_keys: Arc<GatewayKeys>) -> Self
    where
        SqlRegistry<E>: Registry
            + RecheckRegistry
            + TokenRegistry
            + CrlArchive
            + Leases
            + AuditLog
            + KeyRegistry
            + 'static,
    {
        Self {
            records: Arc::new(registry.clone()),
            crls: Arc::new(registry.clone()),
            leases: Arc::new(registry.clone()),
            audit: Arc::new(registry.clone()),
            tokens: Arc::new(registry.clone()),
            rows: Arc::new(registry.clone()),
            gateway_keys,
            registry: Arc::new(registry),
        }
    }
}

/// Opens the registry that the configuration names, and brings its tables up to date.
///
/// # Errors
/// If the store cannot be opened, or a gateway key cannot be had.
pub(crate) async fn open_registry(config: &Config) -> anyhow::Result<Arc<dyn Registry>> {
    Ok(open_store(config).await?.registry)
}

/// Opens the audit log alone: neither clients nor gateway keys are needed for it. A database that
/// is missing is not made: an empty log would look whole.
///
/// # Errors
/// If the store is not there, or cannot be opened.
pub(crate) async fn open_audit_log(config: &Config) -> anyhow::Result<Arc<dyn AuditLog>> {
    match &config.database {
        Backend::Sqlite(path) => {
            if !path.exists() {
                bail!("there is no database {}", path.display());
            }
            let registry = SqliteRegistry::open(path, Vec::new())
                .await
                .with_context(|| embedded(path))?;
            Ok(Arc::new(registry))
        }
        Backend::Mysql(url) => {
            let registry = MySqlRegistry::open(connect_options(url)?, Vec::new())
                .await
                .with_context(|| server(url))?;
            Ok(Arc::new(registry))
        }
    }
}

/// Opens the store with all that is in it.
///
/// # Errors
/// As [`open_registry`].
pub(crate) async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let skew = clock_skew(config)?;
    let keys = Arc::new(gateway_keys(config));
    match &config.database {
        Backend::Sqlite(path) => {
            let sites = sites(config, &keys, |site, key| {
                Ok(Arc::new(EmbeddedClients::new(&site.id, key)))
            })?;
            let registry = SqliteRegistry::open(path, sites)
                .await
                .with_context(|| embedded(path))?;
            Ok(Store::of(registry.with_clock_skew(skew), keys))
        }
        Backend::Mysql(url) => {
            let options = connect_options(url)?;
            let registry = patiently(&server(url), async || {
                let sites = sites(config, &keys, |site, key| Ok(Arc::new(clients(site, key)?)))?;
                Ok(MySqlRegistry::open(options.clone(), sites).await?)
            })
            .await?;
            Ok(Store::of(registry.with_clock_skew(skew), keys))
        }
    }
}

pub(super) fn embedded(path: &Path) -> String {
    format!("the embedded store {}", path.display())
}

pub(super) fn server(url: &SecretUrl) -> String {
    format!("the database {url}")
}

fn sites<DB: sqlx::Database, C: udap_store::ClientTable<DB> + 'static>(
    config: &Config,
    keys: &GatewayKeys,
    clients: impl Fn(&Site, RowKeys) -> anyhow::Result<Arc<C>>,
) -> anyhow::Result<Vec<SiteClients<DB>>> {
    let site = |site: &Site| {
        let key = match site.token_mode {
            TokenMode::Direct => RowKey::Leaf.into(),
            TokenMode::Gateway => {
                let of_site = || format!("the gateway key of site \"{}\"", site.id);
                let keys = keys.site(&site.id).with_context(of_site)?;
                keys.current_or_new().with_context(of_site)?;
                Arc::clone(keys).into()
            }
        };
        Ok(SiteClients {
            site: site.id.clone(),
            clients: clients(site, key)?,
        })
    };
    config.sites.iter().map(site).collect()
}

/// A site's clients in OpenEMR's own table.
///
/// # Errors
/// If the configuration names no schema, which its check does not let pass.
pub(crate) fn clients(site: &Site, key: RowKeys) -> anyhow::Result<OpenEmrClients> {
    Ok(OpenEmrClients::new(OpenEmrOptions {
        site: site.id.clone(),
        schema: schema(site)?.to_owned(),
        key,
        honour_manual_approval: site.honour_manual_approval,
    }))
}

/// The keys with which the gateway signs, of all sites, those in `direct` mode too: they may have been
/// behind the gateway before. Nothing is read yet.
pub(crate) fn gateway_keys(config: &Config) -> GatewayKeys {
    let sites = config.sites.iter();
    GatewayKeys::new(sites.map(|site| (site.id.as_str(), &site.gateway_keys)))
}

/// Whether a site's OpenEMR lets apps with `authorization_code` register in the site's mode
/// (decisions 28, 29).
///
/// # Errors
/// If its version cannot be read.
pub(crate) async fn admits_codes(config: &Config, site: &Site) -> anyhow::Result<bool> {
    let version = openemr_version_now(config, site).await?;
    Ok(version.is_none_or(|version| verifies_codes(version, site)))
}

/// The schema of a site's OpenEMR.
///
/// # Errors
/// If the configuration names none, which its check does not let pass.
pub(crate) fn schema(site: &Site) -> anyhow::Result<&str> {
    let schema = site.openemr_schema.as_deref();
    schema.with_context(|| format!("site \"{}\": openemr_schema is missing", site.id))
}

/// How to connect. To another machine only over TLS, whose certificate names it (decisions 37).
///
/// # Errors
/// If the driver does not take the URL.
pub(crate) fn connect_options(url: &SecretUrl) -> anyhow::Result<MySqlConnectOptions> {
    // The driver's message may hold a part of the URL.
    let options = MySqlConnectOptions::from_url(url.expose());
    let options = options.map_err(|_| anyhow::anyhow!("database_url cannot be used"))?;
    Ok(if url.is_local() {
        options
    } else {
        options.ssl_mode(MySqlSslMode::VerifyIdentity)
    })
}

/// The version of a site's OpenEMR: as configured, or as its database says. `None` with the embedded
/// store, which has no OpenEMR behind it.
///
/// # Errors
/// If the database cannot be asked.
pub(super) async fn openemr_version(
    config: &Config,
    site: &Site,
) -> anyhow::Result<Option<OpenEmrVersion>> {
    if let Some(version) = &site.openemr_version {
        return Ok(Some(version.parse()?));
    }
    let Backend::Mysql(url) = &config.database else {
        return Ok(None);
    };
    let schema = schema(site)?;
    let options = connect_options(url)?;
    let version = patiently(&server(url), async || read_version(&options, schema).await)
    .await
    .with_context(|| {
        format!(
            "site \"{}\": OpenEMR's version cannot be read from {schema}.version: grant SELECT on it \
             (`udap db grants` prints how), or set openemr_version",
            site.id
        )
    })?;
    tracing::info!(site = %site.id, %version, "OpenEMR");
    Ok(Some(version))
}

/// As [`openemr_version`], asked once, and not at all where the configuration says it.
pub(super) async fn openemr_version_now(
    config: &Config,
    site: &Site,
) -> anyhow::Result<Option<OpenEmrVersion>> {
    match (&site.openemr_version, &config.database) {
        (Some(version), _) => Ok(Some(version.parse()?)),
        (None, Backend::Sqlite(_)) => Ok(None),
        (None, Backend::Mysql(url)) => {
            let options = connect_options(url)?;
            let read = read_version(&options, schema(site)?);
            let version = tokio::time::timeout(LOOK, read).await;
            Ok(Some(version.context("the database does not answer")??))
        }
    }
}

async fn read_version(
    options: &MySqlConnectOptions,
    schema: &str,
) -> anyhow::Result<OpenEmrVersion> {
    let mut connection = options.connect().await?;
    Ok(OpenEmrVersion::read(&mut connection, schema).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::database::backend;

    fn mode(url: &str) -> MySqlSslMode {
        let Ok(Backend::Mysql(url)) = backend(url, Path::new("/")) else {
            panic!("{url} is accepted")
        };
        connect_options(&url).unwrap().get_ssl_mode()
    }

    #[test]
    fn another_machine_is_spoken_to_over_tls_whose_certificate_names_it() {
        for url in [
            "mysql://u:p@db.example.org/x",
            "mysql://u:p@db.example.org/x?ssl-ca=/ca.pem",
            "mysql://u:p@10.0.0.1/x?ssl-mode=VERIFY_IDENTITY",
        ] {
            assert!(matches!(mode(url), MySqlSslMode::VerifyIdentity), "{url}");
        }
        let here = mode("mysql://u:p@127.0.0.1/x?ssl-mode=DISABLED");
        assert!(matches!(here, MySqlSslMode::Disabled));
    }
}
