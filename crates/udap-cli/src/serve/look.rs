//! The store, for looking only: nothing is made, changed or brought up to date.

use std::sync::Arc;

use anyhow::{Context, bail};
use async_trait::async_trait;
use sqlx::Database;
use time::OffsetDateTime;
use udap::registry::{CrlArchive, CrlRecord, CrlVersion, Foresight, Registry, RegistryError};
use udap_openemr::{EmbeddedClients, GatewayKeys, RowKey, RowKeys};
use udap_store::{
    ClientTable, Engine, KeyRegistry, MySqlRegistry, SiteClients, SqlRegistry, SqliteRegistry,
    TablesState,
};

use super::build::clock_skew;
use super::store::{clients, connect_options, embedded, gateway_keys, server};
use crate::config::Config;
use crate::config::settings::{Backend, Site, TokenMode};

/// The store, as a dry run asks it.
pub(crate) struct Looked {
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) foresight: Arc<dyn Foresight>,
    pub(crate) crls: Arc<dyn CrlArchive>,
    pub(crate) rows: Arc<dyn KeyRegistry>,
}

impl Looked {
    fn of<E: Engine>(registry: SqlRegistry<E>) -> Self
    where
        SqlRegistry<E>: Registry + Foresight + CrlArchive + KeyRegistry + 'static,
    {
        Self {
            foresight: Arc::new(registry.clone()),
            crls: Arc::new(registry.clone()),
            rows: Arc::new(registry.clone()),
            registry: Arc::new(registry),
        }
    }
}

/// Opens the store as it is.
///
/// # Errors
/// If it is not there, cannot be reached, or its tables are those of another version.
pub(crate) async fn look(config: &Config) -> anyhow::Result<Looked> {
    let skew = clock_skew(config)?;
    let keys = gateway_keys(config);
    match &config.database {
        Backend::Sqlite(path) => {
            if !path.exists() {
                bail!("there is no database {} yet", path.display());
            }
            let sites = sites(config, &keys, |site, key| {
                Ok(Arc::new(EmbeddedClients::new(&site.id, key)))
            })?;
            let registry = SqliteRegistry::look(path, sites).await;
            let registry = registry.with_context(|| embedded(path))?;
            fits(registry.tables().await?)?;
            Ok(Looked::of(registry.with_clock_skew(skew)))
        }
        Backend::Mysql(url) => {
            let sites = sites(config, &keys, |site, key| Ok(Arc::new(clients(site, key)?)))?;
            let registry = MySqlRegistry::look(connect_options(url)?, sites).await;
            let registry = registry.with_context(|| server(url))?;
            fits(registry.tables().await?)?;
            Ok(Looked::of(registry.with_clock_skew(skew)))
        }
    }
}

fn fits(tables: TablesState) -> anyhow::Result<()> {
    match tables {
        TablesState::Current => Ok(()),
        TablesState::Pending { .. } => {
            bail!(
                "the database's tables are not up to date: the next start of the server does that"
            )
        }
        TablesState::Foreign => bail!("the database's tables were made by another version"),
    }
}

fn sites<DB: Database, C: ClientTable<DB> + 'static>(
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
                keys.current().with_context(of_site)?.with_context(|| {
                    format!(
                        "site \"{}\" has no gateway key yet: the first start makes it",
                        site.id
                    )
                })?;
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

/// The stored revocation lists, to which none is added; or none, if they cannot be had.
pub(crate) struct ReadArchive(pub(crate) Option<Arc<dyn CrlArchive>>);

#[async_trait]
impl CrlArchive for ReadArchive {
    async fn put_crl(&self, _crl: &CrlRecord) -> Result<bool, RegistryError> {
        Ok(false)
    }

    async fn crl(
        &self,
        url: &str,
        issuer_key: &[u8; 32],
    ) -> Result<Option<CrlRecord>, RegistryError> {
        match &self.0 {
            Some(archive) => archive.crl(url, issuer_key).await,
            None => Ok(None),
        }
    }

    async fn crl_versions(&self) -> Result<Vec<CrlVersion>, RegistryError> {
        match &self.0 {
            Some(archive) => archive.crl_versions().await,
            None => Ok(Vec::new()),
        }
    }

    async fn confirm_crl(
        &self,
        _url: &str,
        _issuer_key: &[u8; 32],
        _at: OffsetDateTime,
    ) -> Result<(), RegistryError> {
        Ok(())
    }

    async fn remove_crl(&self, _url: &str, _issuer_key: &[u8; 32]) -> Result<bool, RegistryError> {
        Ok(false)
    }
}
