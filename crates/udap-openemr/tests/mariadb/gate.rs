//! Whom an operator blocks while a statement of theirs is being written.

use std::sync::Arc;
use std::time::Duration;

use udap::enable::EnablePolicy;
use udap::registry::{BlockScope, RegistrationStatus, Registry};
use udap_store::contract::World;
use udap_testdb::{Generation, OpenEmr};

use crate::harness::MariaDb;

const APP: &str = "https://app.example.org/client";

/// A registration that is under way cannot slip past: the operator waits for it, and switches it off.
///
/// Proves: D22
#[tokio::test]
async fn a_block_reaches_a_registration_that_was_begun_before_it() {
    let maria = MariaDb::new(|| OpenEmr::with(Generation::Columns25)).await;
    let world = World::new(EnablePolicy::All);
    let store = Arc::new(maria.store().await);
    let leaf = world.leaf(APP);
    let elsewhere = store
        .apply(
            &world.approve(&world.statement_at(&leaf, "other")),
            &world.context(),
        )
        .await
        .unwrap();
    // Somebody is about to write a row of the id that the new client gets, and thinks better of it.
    let mut context = world.context();
    context.new_client_id = "contested".to_owned();
    let mut somebody = maria.openemr().pool().begin().await.unwrap();
    sqlx::query("INSERT INTO oauth_clients (client_id, client_name) VALUES ('contested', 'X')")
        .execute(&mut *somebody)
        .await
        .unwrap();
    let approved = world.approve(&world.statement(&leaf));
    let registering = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.apply(&approved, &context).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let action = world.action(&elsewhere.client_id);
    let blocking = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.block(&action, BlockScope::Everywhere).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!registering.is_finished() && !blocking.is_finished());
    somebody.rollback().await.unwrap();

    assert!(registering.await.unwrap().unwrap().created);
    let blocked = blocking.await.unwrap().unwrap();
    assert_eq!(blocked.status, RegistrationStatus::Blocked);
    let row = maria.openemr().client("contested").await.unwrap();
    assert_eq!(row["is_enabled"].as_deref(), Some("0"));
    for listed in store.list().await.unwrap() {
        assert_eq!(listed.status, RegistrationStatus::Blocked);
        assert!(!listed.enabled);
    }
}
