//! OpenEMR's administrator has the last word (decisions 12–15).

use udap::enable::EnablePolicy;
use udap::registry::{RegistrationStatus, Registry};
use udap_store::contract::World;
use udap_testdb::{Generation, OpenEmr};

use crate::harness::MariaDb;

const APP: &str = "https://app.example.org/client";

/// `oauth_app_manual_approval` is read at each registration.
#[tokio::test]
async fn manual_approval_turns_every_policy_into_never() {
    let maria = MariaDb::new(|| OpenEmr::with(Generation::Columns25)).await;
    let world = World::new(EnablePolicy::All);
    let store = maria.store().await;
    let leaf = world.leaf(APP);
    let register = async || {
        store
            .apply(&world.approve(&world.statement(&leaf)), &world.context())
            .await
            .unwrap()
    };
    maria
        .openemr()
        .set_global("oauth_app_manual_approval", "1")
        .await;
    let first = register().await;
    assert!(first.created && !first.enabled);
    // The administrator enables it, which a later statement does not undo.
    maria.openemr().switch(&first.client_id, true).await;
    assert!(register().await.enabled);
    // An equal statement, once the setting is off, needs no administrator.
    maria.openemr().switch(&first.client_id, false).await;
    assert!(!register().await.enabled);
    maria.openemr().switch(&first.client_id, true).await;
    maria
        .openemr()
        .set_global("oauth_app_manual_approval", "0")
        .await;
    assert!(register().await.enabled);
}

/// Growth needs the administrator again.
#[tokio::test]
async fn an_approval_covers_what_was_approved() {
    let maria = MariaDb::new(|| {
        OpenEmr::with(Generation::Columns25).global("oauth_app_manual_approval", "1")
    })
    .await;
    let world = World::new(EnablePolicy::All);
    let store = maria.store().await;
    let leaf = world.leaf(APP);
    let register = async |scope: &str| {
        let statement = world.statement(&leaf).claim("scope", scope);
        store
            .apply(&world.approve(&statement), &world.context())
            .await
            .unwrap()
    };
    let id = register("system/Patient.read").await.client_id;
    maria.openemr().switch(&id, true).await;
    assert!(register("system/Patient.read").await.enabled);
    maria.openemr().give_tokens(&id).await;
    let grown = "system/Patient.read system/Observation.read";
    assert!(!register(grown).await.enabled);
    assert_eq!(maria.openemr().good_tokens(&id).await, 0);
    let row = maria.openemr().client(&id).await.unwrap();
    assert_eq!(row["is_enabled"].as_deref(), Some("0"));
}

/// What the administrator did is respected whoever writes next, and told to operators.
#[tokio::test]
async fn a_client_that_was_switched_off_by_hand_stays_off() {
    let maria = MariaDb::new(|| OpenEmr::with(Generation::Columns25)).await;
    let world = World::new(EnablePolicy::All);
    let store = maria.store().await;
    let leaf = world.leaf(APP);
    let statement = || world.approve(&world.statement(&leaf));
    let first = store.apply(&statement(), &world.context()).await.unwrap();
    maria.openemr().give_tokens(&first.client_id).await;
    maria.openemr().switch(&first.client_id, false).await;
    for _ in 0..2 {
        let again = store.apply(&statement(), &world.context()).await.unwrap();
        assert!(!again.created && !again.enabled);
    }
    assert_eq!(maria.openemr().good_tokens(&first.client_id).await, 0);
    let listed = store.list().await.unwrap().remove(0);
    assert_eq!(listed.status, RegistrationStatus::Disabled);
    let reason = listed.reason.unwrap();
    assert_eq!(reason, "an administrator switched it off");
}
