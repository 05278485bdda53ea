//! A store on a MariaDB schema, under the account that `udap db grants` describes, and an
//! administrator's hand in OpenEMR's tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use sqlx::MySqlPool;
use sqlx::mysql::MySqlConnectOptions;
use udap::registry::{Foresight, RecheckRegistry, Registry, TokenRegistry};
use udap_openemr::{OpenEmrClients, OpenEmrOptions, RowKey};
use udap_store::contract::{FaultyClients, Harness, Row};
use udap_store::{KeyRegistry, MySqlRegistry, SiteClients};
use udap_testdb::{OpenEmr, OpenEmrBuilder, Schema, TestServer};

use crate::granted::Granted;

/// Two sites, each with an OpenEMR of its own, and our tables beside them.
pub(crate) struct MariaDb {
    pub(crate) registry: Schema,
    pub(crate) openemrs: [(&'static str, OpenEmr); 2],
    /// None: the administrator's own account.
    granted: Option<Granted>,
    pool: MySqlPool,
    broken: Arc<AtomicBool>,
}

impl MariaDb {
    pub(crate) async fn new(openemr: impl Fn() -> OpenEmrBuilder) -> Self {
        let mut this = Self::as_administrator(openemr).await;
        let [(_, one), (_, other)] = &this.openemrs;
        this.granted = Some(Granted::new(&this.registry, &[one, other]).await);
        this
    }

    /// With an account that may do everything.
    pub(crate) async fn as_administrator(openemr: impl Fn() -> OpenEmrBuilder) -> Self {
        let server = TestServer::shared();
        let registry = Schema::create(server, None).await;
        let pool = registry.pool().await;
        Self {
            registry,
            openemrs: [
                ("default", openemr().create(server).await),
                ("other", openemr().create(server).await),
            ],
            granted: None,
            pool,
            broken: Arc::default(),
        }
    }

    pub(crate) async fn store(&self) -> MySqlRegistry {
        let sites = self.openemrs.iter().map(|(site, openemr)| SiteClients {
            site: (*site).to_owned(),
            clients: Arc::new(FaultyClients {
                clients: Arc::new(clients(site, openemr)),
                broken: Arc::clone(&self.broken),
            }),
        });
        let granted = self.granted.as_ref();
        let url = granted.map_or(self.registry.url(), Granted::url);
        let options: MySqlConnectOptions = url.parse().unwrap();
        MySqlRegistry::open(options, sites.collect()).await.unwrap()
    }

    pub(crate) fn openemr(&self) -> &OpenEmr {
        &self.openemrs[0].1
    }

    /// The OpenEMR that has a client.
    async fn of(&self, client_id: &str) -> Option<&OpenEmr> {
        for (_, openemr) in &self.openemrs {
            if openemr.client(client_id).await.is_some() {
                return Some(openemr);
            }
        }
        None
    }
}

/// A site's table of clients, as the server makes it.
pub(crate) fn clients(site: &str, openemr: &OpenEmr) -> OpenEmrClients {
    OpenEmrClients::new(OpenEmrOptions {
        site: site.to_owned(),
        schema: openemr.schema().name().to_owned(),
        key: RowKey::Leaf.into(),
        honour_manual_approval: true,
    })
}

#[async_trait]
impl Harness for MariaDb {
    async fn open(&self) -> Arc<dyn Registry> {
        Arc::new(self.store().await)
    }

    async fn records(&self) -> Arc<dyn RecheckRegistry> {
        Arc::new(self.store().await)
    }

    async fn foresight(&self) -> Arc<dyn Foresight> {
        Arc::new(self.store().await)
    }

    async fn tokens(&self) -> Arc<dyn TokenRegistry> {
        Arc::new(self.store().await)
    }

    async fn keys(&self) -> Arc<dyn KeyRegistry> {
        Arc::new(self.store().await)
    }

    async fn row(&self, client_id: &str) -> Option<Row> {
        let row = self.of(client_id).await?.client(client_id).await?;
        let text = |column: &str| row[column].clone().unwrap_or_default();
        Some(Row {
            enabled: text("is_enabled") == "1",
            redirect_uri: text("redirect_uri"),
            jwks: text("jwks"),
        })
    }

    async fn rows(&self) -> u64 {
        let mut rows = 0;
        for (_, openemr) in &self.openemrs {
            rows += openemr.clients().await;
        }
        rows
    }

    async fn switch(&self, client_id: &str, enabled: bool) {
        let openemr = self.of(client_id).await.unwrap();
        openemr.switch(client_id, enabled).await;
    }

    async fn set_keys(&self, client_id: &str, jwks_uri: Option<&str>, jwks: Option<&str>) {
        let openemr = self.of(client_id).await.unwrap();
        openemr.set_keys(client_id, jwks_uri, jwks).await;
    }

    async fn remove(&self, client_id: &str) {
        self.of(client_id).await.unwrap().remove(client_id).await;
    }

    async fn give_tokens(&self, client_id: &str) {
        let openemr = self.of(client_id).await.unwrap();
        openemr.give_tokens(client_id).await;
    }

    async fn good_tokens(&self, client_id: &str) -> u64 {
        let mut tokens = 0;
        for (_, openemr) in &self.openemrs {
            tokens += openemr.good_tokens(client_id).await;
        }
        tokens
    }

    fn break_clients(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    async fn last_event(&self, kind: &str) -> String {
        sqlx::query_scalar(
            "SELECT detail FROM audit_event WHERE kind = ? ORDER BY occurred_at DESC LIMIT 1",
        )
        .bind(kind)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    async fn longest_event(&self, kind: &str) -> u64 {
        let longest: i64 =
            sqlx::query_scalar("SELECT MAX(OCTET_LENGTH(detail)) FROM audit_event WHERE kind = ?")
                .bind(kind)
                .fetch_one(&self.pool)
                .await
                .unwrap();
        u64::try_from(longest).unwrap()
    }

    async fn events(&self, kind: &str) -> u64 {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM audit_event WHERE kind = ?")
            .bind(kind)
            .fetch_one(&self.pool)
            .await
            .unwrap();
        u64::try_from(count).unwrap()
    }
}
