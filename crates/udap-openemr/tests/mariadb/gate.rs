//! Whom an operator blocks while a statement of theirs is being written.

use std::sync::Arc;
use std::time::Duration;

use udap::certificate::Certificate;
use udap::enable::EnablePolicy;
use udap::registry::{
    BlockScope, CheckResult, RecheckRegistry, RegistrationStatus, Registry, RegistryError,
};
use udap::trust::RevokedCertificate;
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

/// A statement that was judged before a list came waits for the check that the list led to, and finds
/// what that found.
///
/// Proves: C30
#[tokio::test]
async fn a_statement_does_not_restore_the_trust_that_a_check_is_just_taking() {
    let maria = MariaDb::new(|| OpenEmr::with(Generation::Columns25)).await;
    let world = World::new(EnablePolicy::All);
    let store = Arc::new(maria.store().await);
    let leaf = world.leaf(APP);
    let statement = world.approve(&world.statement(&leaf));
    let id = store
        .apply(&statement, &world.context())
        .await
        .unwrap()
        .client_id;
    let live = store.live_client(&id).await.unwrap().unwrap();
    let issuer = Certificate::from_der(world.community.intermediate().der()).unwrap();
    let revoked = RevokedCertificate::new(&live.certificate, &issuer);
    // An administrator has the row for a moment, so that the check has to wait for it.
    let mut administrator = maria.openemr().pool().begin().await.unwrap();
    sqlx::query("UPDATE oauth_clients SET client_name = 'X' WHERE client_id = ?")
        .bind(&id)
        .execute(&mut *administrator)
        .await
        .unwrap();
    let checking = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let result = CheckResult::Revoked(Box::new(revoked));
            store.record_check(&live, &result, World::NOW).await
        }
    });
    tokio::time::sleep(Duration::from_millis(400)).await;
    let (later, context) = (world.approve(&world.statement(&leaf)), world.context());
    let registering = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.apply(&later, &context).await }
    });
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(!checking.is_finished() && !registering.is_finished());
    administrator.rollback().await.unwrap();
    assert!(!checking.await.unwrap().unwrap());
    let refused = registering.await.unwrap();
    assert!(
        matches!(refused, Err(RegistryError::Blocked)),
        "{refused:?}"
    );
    let row = maria.openemr().client(&id).await.unwrap();
    assert_eq!(row["is_enabled"].as_deref(), Some("0"));
}
