use std::sync::Arc;

use serde_json::json;
use sqlx::Pool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use time::macros::datetime;
use udap::key::PublicKey;
use udap_store::{SiteClients, SqliteRegistry};
use udap_testkit::TestKey;

use super::*;
use crate::RowKey;

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00:01.5 UTC);

fn client(id: &str) -> Client {
    let metadata = json!({
        "client_name": "Ünïcode App",
        "grant_types": ["client_credentials"],
        "contacts": ["mailto:ops@example.org"],
        "scope": "system/Patient.read",
    });
    Client {
        client_id: id.to_owned(),
        site: "default".to_owned(),
        client_uri: "https://app.example.org".to_owned(),
        metadata: metadata.as_object().unwrap().clone(),
        key: PublicKey::from_spki(TestKey::rsa().spki_der()).unwrap(),
        enabled: true,
        now: NOW,
    }
}

async fn database() -> (Pool<Sqlite>, EmbeddedClients) {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(SqliteConnectOptions::new().in_memory(true))
        .await
        .unwrap();
    let clients = EmbeddedClients::new("default", RowKey::Leaf);
    // As when two sites share the table: what is there is left as it is.
    for _ in 0..2 {
        let mut transaction = pool.begin().await.unwrap();
        clients.prepare(&mut transaction).await.unwrap();
        transaction.commit().await.unwrap();
    }
    (pool, clients)
}

#[tokio::test]
async fn a_row_is_written_switched_and_cancelled_as_openemr_would() {
    let (pool, clients) = database().await;
    let mut transaction = pool.begin().await.unwrap();
    assert_eq!(
        clients.enabled(&mut transaction, "one").await.unwrap(),
        None
    );
    clients
        .create(&mut transaction, &client("one"))
        .await
        .unwrap();
    assert_eq!(
        clients.enabled(&mut transaction, "one").await.unwrap(),
        Some(true)
    );
    clients
        .set_enabled(&mut transaction, "one", false)
        .await
        .unwrap();
    assert_eq!(
        clients.enabled(&mut transaction, "one").await.unwrap(),
        Some(false)
    );
    let dates: (String, Option<String>, String) =
        sqlx::query_as("SELECT register_date, revoke_date, client_name FROM oauth_clients")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
    assert_eq!(
        dates,
        (
            "2026-11-22 12:00:01".to_owned(),
            None,
            "Ünïcode App".to_owned()
        )
    );

    clients
        .update(&mut transaction, &client("one"))
        .await
        .unwrap();
    clients.cancel(&mut transaction, "one", NOW).await.unwrap();
    let revoked: (bool, String) =
        sqlx::query_as("SELECT is_enabled, revoke_date FROM oauth_clients")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
    assert_eq!(revoked, (false, "2026-11-22 12:00:01".to_owned()));
}

#[tokio::test]
async fn an_update_keeps_secret_and_date() {
    let (pool, clients) = database().await;
    let mut transaction = pool.begin().await.unwrap();
    clients
        .create(&mut transaction, &client("one"))
        .await
        .unwrap();
    let before: (String, String) =
        sqlx::query_as("SELECT client_secret, register_date FROM oauth_clients")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
    let mut later = client("one");
    later.now += time::Duration::DAY;
    clients.update(&mut transaction, &later).await.unwrap();
    let after: (String, String) =
        sqlx::query_as("SELECT client_secret, register_date FROM oauth_clients")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
    assert_eq!(before, after);
}

/// Proves: D21
#[tokio::test]
async fn a_row_that_exists_is_never_replaced_and_a_row_that_is_gone_never_updated() {
    let (pool, clients) = database().await;
    let mut transaction = pool.begin().await.unwrap();
    clients
        .create(&mut transaction, &client("one"))
        .await
        .unwrap();
    // OpenEMR's key ignores letter case.
    for id in ["one", "ONE"] {
        let taken = clients.create(&mut transaction, &client(id)).await;
        assert!(matches!(taken, Err(ClientTableError::Sql(_))), "{taken:?}");
    }
    let gone = clients.update(&mut transaction, &client("two")).await;
    assert!(matches!(gone, Err(ClientTableError::Gone)));
}

#[tokio::test]
async fn what_reads_back_differently_is_an_error() {
    let (pool, clients) = database().await;
    sqlx::query(
        "CREATE TRIGGER meddling AFTER INSERT ON oauth_clients BEGIN \
         UPDATE oauth_clients SET scope = scope || ' ' WHERE client_id = new.client_id; END",
    )
    .execute(&pool)
    .await
    .unwrap();
    let mut transaction = pool.begin().await.unwrap();
    let meddled = clients.create(&mut transaction, &client("one")).await;
    assert!(
        matches!(meddled, Err(ClientTableError::ReadBack("scope"))),
        "{meddled:?}"
    );
}

#[tokio::test]
async fn another_sites_client_does_not_fit() {
    let (pool, clients) = database().await;
    let mut transaction = pool.begin().await.unwrap();
    let mut other = client("one");
    other.site = "other".to_owned();
    let unfit = clients.create(&mut transaction, &other).await;
    assert!(matches!(unfit, Err(ClientTableError::Unfit(_))));
}

#[cfg(unix)]
#[tokio::test]
async fn a_database_file_is_made_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("udap.db");
    let sites = || {
        vec![SiteClients {
            site: "default".to_owned(),
            clients: Arc::new(EmbeddedClients::new("default", RowKey::Leaf)) as _,
        }]
    };
    let store = SqliteRegistry::open(&path, sites()).await.unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    store.close().await;
    SqliteRegistry::open(&path, sites()).await.unwrap();
    SqliteRegistry::open_in_memory(sites()).await.unwrap();
}
