//! What checks of trust after registration lead to.

use std::sync::Arc;

use udap::enable::EnablePolicy;
use udap::registry::{RegistrationStatus, Registry, RegistryError, Standing};
use udap_openemr::{EmbeddedClients, RowKey};
use udap_store::contract::World;
use udap_store::switch::TrustOff;
use udap_store::{SiteClients, SqliteRegistry};

const APP: &str = "https://app.example.org/client";

async fn store() -> SqliteRegistry {
    let sites = vec![SiteClients {
        site: "default".to_owned(),
        clients: Arc::new(EmbeddedClients::new("default", RowKey::Leaf)) as _,
    }];
    SqliteRegistry::open_in_memory(sites).await.unwrap()
}

/// Proves: C30
#[tokio::test]
async fn a_client_whose_certificate_is_revoked_goes_off_and_that_certificate_stays_refused() {
    let (world, store) = (World::new(EnablePolicy::All), store().await);
    let leaf = world.leaf(APP);
    let registered = store
        .apply(&world.approve(&world.statement(&leaf)), &world.context())
        .await
        .unwrap();
    let id = registered.client_id;
    assert!(store.record_check(&id, None, World::NOW).await.unwrap());
    let revoked = Some(TrustOff::Revoked);
    assert!(!store.record_check(&id, revoked, World::NOW).await.unwrap());
    let list = store.list().await.unwrap();
    assert_eq!(list[0].status, RegistrationStatus::Disabled);
    assert_eq!(
        list[0].reason.as_deref(),
        Some("its certificate was revoked")
    );
    // A later list that omits it changes nothing.
    assert!(!store.record_check(&id, None, World::NOW).await.unwrap());

    let again = world.trust(&world.statement(&leaf));
    let standing = store.standing(&again, World::NOW).await.unwrap();
    assert_eq!(standing, Standing::Blocked);
    let refused = store
        .apply(&world.approve(&world.statement(&leaf)), &world.context())
        .await;
    assert!(matches!(refused, Err(RegistryError::Blocked)));
    // A new certificate brings it back.
    let renewed = store
        .apply(
            &world.approve(&world.statement(&world.leaf(APP))),
            &world.context(),
        )
        .await
        .unwrap();
    assert!(renewed.enabled && !renewed.created);
}

/// Proves: C30
#[tokio::test]
async fn an_unknown_status_is_lifted_by_the_next_good_check_and_expiry_is_not() {
    let (world, store) = (World::new(EnablePolicy::All), store().await);
    let statement = world.statement(&world.leaf(APP));
    let id = store
        .apply(&world.approve(&statement), &world.context())
        .await
        .unwrap()
        .client_id;
    for (reason, back) in [(TrustOff::Unknown, true), (TrustOff::Expired, false)] {
        assert!(
            !store
                .record_check(&id, Some(reason), World::NOW)
                .await
                .unwrap()
        );
        assert_eq!(
            store.record_check(&id, None, World::NOW).await.unwrap(),
            back
        );
    }
}

#[tokio::test]
async fn only_a_live_client_is_checked() {
    let (world, store) = (World::new(EnablePolicy::All), store().await);
    let leaf = world.leaf(APP);
    let id = store
        .apply(&world.approve(&world.statement(&leaf)), &world.context())
        .await
        .unwrap()
        .client_id;
    let cancellation = world.approve_cancellation(&world.statement(&leaf));
    store.cancel(&cancellation, &world.context()).await.unwrap();
    for id in [id.as_str(), "nobody"] {
        let checked = store.record_check(id, None, World::NOW).await;
        assert!(matches!(checked, Err(RegistryError::NotRegistered)));
    }
}
