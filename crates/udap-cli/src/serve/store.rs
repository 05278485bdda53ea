//! Opening the store that the configuration names.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use udap::registry::{CrlArchive, RecheckRegistry, Registry};
use udap_openemr::{EmbeddedClients, GatewayKey, RowKey};
use udap_store::audit::AuditLog;
use udap_store::{Leases, SiteClients, SqliteRegistry};

use super::build::clock_skew;
use crate::config::Config;
use crate::config::settings::{Backend, TokenMode};

/// The store, as its users see it.
pub(crate) struct Store {
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) records: Arc<dyn RecheckRegistry>,
    pub(crate) crls: Arc<dyn CrlArchive>,
    pub(crate) leases: Arc<dyn Leases>,
    pub(crate) audit: Arc<dyn AuditLog>,
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
    let path = database_file(config)?;
    if !path.exists() {
        bail!("there is no database {}", path.display());
    }
    let registry = SqliteRegistry::open(path, Vec::new())
        .await
        .with_context(|| format!("the embedded store {}", path.display()))?;
    Ok(Arc::new(registry))
}

fn database_file(config: &Config) -> anyhow::Result<&Path> {
    match &config.database {
        Backend::Sqlite(path) => Ok(path),
        Backend::Mysql(_) => bail!(
            "database_url names a MySQL or MariaDB server, which this version cannot use yet: \
             leave database_url out for the embedded store"
        ),
    }
}

/// Opens the store with all that is in it.
///
/// # Errors
/// As [`open_registry`].
pub(crate) async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let path = database_file(config)?;
    let mut sites: Vec<SiteClients<sqlx::Sqlite>> = Vec::new();
    for site in &config.sites {
        let key = match site.token_mode {
            TokenMode::Direct => RowKey::Leaf,
            TokenMode::Gateway => RowKey::Gateway(
                GatewayKey::load_or_create(&site.gateway_keys, &site.id)
                    .with_context(|| format!("the gateway key of site \"{}\"", site.id))?
                    .jwk()
                    .clone(),
            ),
        };
        sites.push(SiteClients {
            site: site.id.clone(),
            clients: Arc::new(EmbeddedClients::new(&site.id, key)),
        });
    }
    let registry = SqliteRegistry::open(path, sites)
        .await
        .with_context(|| format!("the embedded store {}", path.display()))?
        .with_clock_skew(clock_skew(config)?);
    Ok(Store {
        records: Arc::new(registry.clone()),
        crls: Arc::new(registry.clone()),
        leases: Arc::new(registry.clone()),
        audit: Arc::new(registry.clone()),
        registry: Arc::new(registry),
    })
}
