//! A store that cannot be written to says so, and leaves nothing behind.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use udap::registry::{Registry, RegistryError};
use udap_openemr::{EmbeddedClients, RowKey};
use udap_store::{OpenError, SiteClients, SqliteRegistry};

async fn open(path: &Path) -> Result<SqliteRegistry, OpenError> {
    let sites = vec![SiteClients {
        site: "default".to_owned(),
        clients: Arc::new(EmbeddedClients::new("default", RowKey::Leaf)) as _,
    }];
    SqliteRegistry::open(path, sites).await
}

/// Proves: E27
#[tokio::test]
async fn a_store_whose_lock_another_process_holds_is_unavailable_after_a_bounded_wait() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("udap.db");
    let store = open(&path).await.unwrap();
    store.ready().await.unwrap();
    let other = SqlitePoolOptions::new()
        .connect_with(SqliteConnectOptions::new().filename(&path))
        .await
        .unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let began = Instant::now();
    assert!(matches!(
        store.ready().await,
        Err(RegistryError::Unavailable(_))
    ));
    assert!(began.elapsed().as_secs() < 20);
    // Who only reads is not kept waiting.
    assert!(store.list().await.unwrap().is_empty());
    lock.rollback().await.unwrap();
    store.ready().await.unwrap();
}

/// Proves: E27
#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("udap.db")).await.unwrap();
    store.close().await;
    assert!(matches!(
        store.ready().await,
        Err(RegistryError::Unavailable(_))
    ));
    assert!(matches!(
        store.list().await,
        Err(RegistryError::Unavailable(_))
    ));
}

#[tokio::test]
async fn what_is_no_database_and_where_none_can_be_made_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rubbish");
    std::fs::write(&path, [b'x'; 8192]).unwrap();
    assert!(matches!(open(&path).await, Err(OpenError::Sql(_))));
    let nowhere = folder.path().join("missing/udap.db");
    assert!(matches!(
        open(&nowhere).await,
        Err(OpenError::Create { .. })
    ));
}

#[tokio::test]
async fn a_site_has_one_table_of_clients() {
    let site = || SiteClients {
        site: "default".to_owned(),
        clients: Arc::new(EmbeddedClients::new("default", RowKey::Leaf)) as _,
    };
    let twice = SqliteRegistry::open_in_memory(vec![site(), site()]).await;
    assert!(matches!(twice, Err(OpenError::Duplicate(_))));
}
