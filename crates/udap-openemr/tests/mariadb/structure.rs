//! OpenEMR's tables are as they are found, and change while we run.

use std::sync::Arc;
use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use udap::enable::EnablePolicy;
use udap::registry::{Registry, RegistryError};
use udap_openemr::OpenEmrVersion;
use udap_store::contract::World;
use udap_store::{MySqlRegistry, OpenError, SiteClients};
use udap_testdb::{Generation, OpenEmr, Schema, TestServer};

use crate::harness::{MariaDb, clients};

const APP: &str = "https://app.example.org/client";

async fn open(registry: &Schema, openemr: &OpenEmr) -> Result<MySqlRegistry, OpenError> {
    let site = SiteClients {
        site: "default".to_owned(),
        clients: Arc::new(clients("default", openemr).with_structure_age(Duration::ZERO)),
    };
    let options: MySqlConnectOptions = registry.url().parse().unwrap();
    MySqlRegistry::open(options, vec![site]).await
}

async fn alter(openemr: &OpenEmr, sql: &'static str) {
    sqlx::query(sql).execute(openemr.pool()).await.unwrap();
}

/// An upgrade of OpenEMR adds columns; going back to an older one removes them.
#[tokio::test]
async fn columns_that_come_and_go_are_noticed_without_a_restart() {
    let maria = MariaDb::new(|| OpenEmr::with(Generation::Columns24)).await;
    let openemr = maria.openemr();
    let world = World::new(EnablePolicy::All);
    let register = async |store: &dyn Registry, app: &str| {
        let statement = world.statement(&world.leaf(app));
        let id = store
            .apply(&world.approve(&statement), &world.context())
            .await
            .unwrap()
            .client_id;
        openemr.client(&id).await.unwrap()
    };
    let store = open(&maria.registry, openemr).await.unwrap();
    let row = register(&store, "https://one.example.org/").await;
    assert_eq!(row.len(), 24);
    alter(
        openemr,
        "ALTER TABLE oauth_clients ADD COLUMN dsi_type TINYINT UNSIGNED NOT NULL DEFAULT 1",
    )
    .await;
    let row = register(&store, "https://two.example.org/").await;
    assert_eq!(row["dsi_type"].as_deref(), Some("0"));
    store.close().await;

    // Known for a minute, so that only the error tells.
    let store = maria.store().await;
    register(&store, "https://three.example.org/").await;
    alter(
        openemr,
        "ALTER TABLE oauth_clients DROP COLUMN dsi_type, \
         DROP COLUMN skip_ehr_launch_authorization_flow",
    )
    .await;
    let row = register(&store, "https://four.example.org/").await;
    assert_eq!(row.len(), 23);
}

#[tokio::test]
async fn a_schema_that_is_not_openemrs_is_refused_at_the_start() {
    let server = TestServer::shared();
    for (sql, fault) in [
        ("DROP TABLE oauth_clients", "no table oauth_clients"),
        ("DROP TABLE api_refresh_token", "older than 6.1"),
        (
            "ALTER TABLE oauth_clients DROP COLUMN jwks",
            "oauth_clients.jwks",
        ),
        (
            "ALTER TABLE oauth_clients MODIFY client_name VARCHAR(40) NOT NULL",
            "client_name is shorter",
        ),
        ("DROP TABLE globals", "oauth_app_manual_approval"),
        ("ALTER TABLE api_token ENGINE = MyISAM", "ENGINE = InnoDB"),
    ] {
        let registry = Schema::create(server, None).await;
        let openemr = OpenEmr::create(server, Generation::Columns25).await;
        alter(&openemr, sql).await;
        let Err(OpenError::ClientTable { site, source }) = open(&registry, &openemr).await else {
            panic!("{sql}: it is opened")
        };
        assert_eq!(site, "default");
        assert!(source.to_string().contains(fault), "{sql}: {source}");
    }
}

#[tokio::test]
async fn openemrs_version_is_read() {
    let server = TestServer::shared();
    for (generation, version) in [
        (Generation::Columns23, "6.1"),
        (Generation::Columns24, "7.0.2"),
        (Generation::Columns25, "8.1.1"),
    ] {
        let openemr = OpenEmr::create(server, generation).await;
        let mut connection = openemr.pool().acquire().await.unwrap();
        let read = OpenEmrVersion::read(&mut connection, openemr.schema().name()).await;
        assert_eq!(read.unwrap(), version.parse().unwrap());
    }
}

/// Whatever a server's default is, what does not fit is an error and never cut off.
#[tokio::test]
async fn a_lax_server_changes_nothing() {
    let server = TestServer::private();
    server
        .execute(
            None,
            "SET GLOBAL sql_mode = ''; SET GLOBAL tx_isolation = 'SERIALIZABLE'; \
             SET GLOBAL time_zone = '-05:00'; SET GLOBAL character_set_server = latin1",
        )
        .await;
    let registry = Schema::create(&server, Some("latin1")).await;
    let openemr = OpenEmr::create(&server, Generation::Columns25).await;
    let store = open(&registry, &openemr).await.unwrap();
    let world = World::new(EnablePolicy::All);
    let named = |name: &str| {
        let statement = world.statement(&world.leaf(APP));
        world.approve(&statement.claim("client_name", name))
    };
    let id = store
        .apply(&named("Praxis 中 \u{1f600}"), &world.context())
        .await
        .unwrap()
        .client_id;
    let row = openemr.client(&id).await.unwrap();
    assert_eq!(row["client_name"].as_deref(), Some("Praxis 中 \u{1f600}"));
    // In the server's own zone, as OpenEMR without gbl_time_zone writes it.
    assert_eq!(row["register_date"].as_deref(), Some("2026-11-22 07:00:00"));
    let listed = store.list().await.unwrap().remove(0);
    assert_eq!(listed.client_name, "Praxis 中 \u{1f600}");
    alter(
        &openemr,
        "ALTER TABLE oauth_clients MODIFY redirect_uri VARCHAR(20)",
    )
    .await;
    let refused = store.apply(&named("Other"), &world.context()).await;
    assert!(matches!(refused, Err(RegistryError::Internal(_))));
    let row = openemr.client(&id).await.unwrap();
    assert_eq!(row["client_name"].as_deref(), Some("Praxis 中 \u{1f600}"));
}
