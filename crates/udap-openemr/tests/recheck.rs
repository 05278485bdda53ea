//! What checks of trust after registration lead to.

use std::sync::Arc;

use time::Duration;
use udap::certificate::Certificate;
use udap::enable::EnablePolicy;
use udap::registry::{
    CheckResult, LiveRegistration, RecheckRegistry, RegistrationStatus, Registry, RegistryError,
    Standing, TrustOff,
};
use udap::trust::Crl;
use udap_openemr::{EmbeddedClients, RowKey};
use udap_store::contract::World;
use udap_store::{SiteClients, SqliteRegistry};
use udap_testkit::TestLeaf;

const APP: &str = "https://app.example.org/client";

async fn store() -> SqliteRegistry {
    let sites = vec![SiteClients {
        site: "default".to_owned(),
        clients: Arc::new(EmbeddedClients::new("default", RowKey::Leaf)) as _,
    }];
    SqliteRegistry::open_in_memory(sites).await.unwrap()
}

async fn register(world: &World, store: &SqliteRegistry, leaf: &TestLeaf) -> LiveRegistration {
    let id = store
        .apply(&world.approve(&world.statement(leaf)), &world.context())
        .await
        .unwrap()
        .client_id;
    let live = store.live(None, 1_000).await.unwrap();
    live.into_iter().find(|one| one.client_id == id).unwrap()
}

fn revoked(certificate: &Certificate) -> CheckResult {
    CheckResult::Revoked(Box::new(certificate.clone()))
}

/// Proves: C30
#[tokio::test]
async fn a_client_whose_certificate_is_revoked_goes_off_and_that_certificate_stays_refused() {
    let (world, store) = (World::new(EnablePolicy::All), store().await);
    let leaf = world.leaf(APP);
    let live = register(&world, &store, &leaf).await;
    let check = async |result| {
        store
            .record_check(&live, &result, World::NOW)
            .await
            .unwrap()
    };
    assert!(check(CheckResult::Good).await);
    assert!(!check(revoked(&live.certificate)).await);
    let list = store.list().await.unwrap();
    assert_eq!(list[0].status, RegistrationStatus::Disabled);
    assert_eq!(
        list[0].reason.as_deref(),
        Some("its certificate was revoked")
    );
    // A later list that omits it changes nothing.
    assert!(!check(CheckResult::Good).await);

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

#[tokio::test]
async fn a_path_through_a_revoked_intermediate_stays_refused() {
    let (world, store) = (World::new(EnablePolicy::All), store().await);
    let live = register(&world, &store, &world.leaf(APP)).await;
    let intermediate = live.chain.first().unwrap();
    let result = revoked(intermediate);
    assert!(
        !store
            .record_check(&live, &result, World::NOW)
            .await
            .unwrap()
    );
    let other = world.trust(&world.statement(&world.leaf("https://other.example.org/")));
    let standing = store.standing(&other, World::NOW).await.unwrap();
    assert_eq!(standing, Standing::Blocked);
}

/// Proves: C30
#[tokio::test]
async fn an_unknown_status_is_lifted_by_the_next_good_check_and_expiry_is_not() {
    let (world, store) = (World::new(EnablePolicy::All), store().await);
    let live = register(&world, &store, &world.leaf(APP)).await;
    let check = async |result| {
        store
            .record_check(&live, &result, World::NOW)
            .await
            .unwrap()
    };
    for (reason, back) in [(TrustOff::Unknown, true), (TrustOff::Expired, false)] {
        assert!(!check(CheckResult::Off(reason)).await);
        assert!(!check(CheckResult::Unsettled).await);
        assert_eq!(check(CheckResult::Good).await, back);
    }
}

#[tokio::test]
async fn only_a_live_client_is_checked() {
    let (world, store) = (World::new(EnablePolicy::All), store().await);
    let leaf = world.leaf(APP);
    let mut live = register(&world, &store, &leaf).await;
    let cancellation = world.approve_cancellation(&world.statement(&leaf));
    store.cancel(&cancellation, &world.context()).await.unwrap();
    assert!(store.live(None, 10).await.unwrap().is_empty());
    for id in [live.client_id.clone(), "nobody".to_owned()] {
        live.client_id = id;
        let checked = store
            .record_check(&live, &CheckResult::Good, World::NOW)
            .await;
        assert!(matches!(checked, Err(RegistryError::NotRegistered)));
    }
}

#[tokio::test]
async fn a_verdict_on_a_certificate_that_was_replaced_changes_nothing() {
    let (world, store) = (World::new(EnablePolicy::All), store().await);
    let old = register(&world, &store, &world.leaf(APP)).await;
    let new = register(&world, &store, &world.leaf(APP)).await;
    assert_eq!(old.client_id, new.client_id);
    let result = revoked(&old.certificate);
    assert!(store.record_check(&old, &result, World::NOW).await.unwrap());
    assert!(store.live(None, 1).await.unwrap()[0].trust_off.is_none());
}

#[tokio::test]
async fn a_check_is_remembered_with_its_time() {
    let (world, store) = (World::new(EnablePolicy::All), store().await);
    let live = register(&world, &store, &world.leaf(APP)).await;
    assert_eq!((live.good_at, live.checked_at), (World::NOW, World::NOW));
    let later = World::NOW + Duration::HOUR;
    let seen = async || store.live(None, 1).await.unwrap().remove(0);
    store
        .record_check(&live, &CheckResult::Unsettled, later)
        .await
        .unwrap();
    let unsettled = seen().await;
    assert_eq!(
        (unsettled.good_at, unsettled.checked_at),
        (World::NOW, later)
    );
    store
        .record_check(&live, &CheckResult::Good, later)
        .await
        .unwrap();
    assert_eq!(seen().await.good_at, later);
}

#[tokio::test]
async fn pages_of_live_registrations_follow_one_another() {
    let (world, store) = (World::new(EnablePolicy::All), store().await);
    for number in 0..7 {
        let app = format!("https://app{number}.example.org/");
        register(&world, &store, &world.leaf(&app)).await;
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.live(after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.position);
        seen.extend(page.into_iter().map(|one| one.client_id));
    }
    assert_eq!(seen.len(), 7);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
}

/// Proves: C30
#[tokio::test]
async fn what_expired_is_found_until_it_is_off() {
    let (world, store) = (World::new(EnablePolicy::All), store().await);
    let live = register(&world, &store, &world.leaf(APP)).await;
    let end = live.certificate.not_after();
    assert!(store.expired(end, 10).await.unwrap().is_empty());
    let after = end + Duration::SECOND;
    assert_eq!(store.expired(after, 10).await.unwrap().len(), 1);
    // A passing doubt does not hide it.
    for (reason, found) in [(TrustOff::Unknown, 1), (TrustOff::Expired, 0)] {
        let result = CheckResult::Off(reason);
        store.record_check(&live, &result, after).await.unwrap();
        assert_eq!(store.expired(after, 10).await.unwrap().len(), found);
    }
}

/// Proves: C30
#[tokio::test]
async fn a_list_finds_the_registrations_whose_path_it_names() {
    let (world, store) = (World::new(EnablePolicy::All), store().await);
    let leaf = world.leaf(APP);
    let live = register(&world, &store, &leaf).await;
    let other = register(&world, &store, &world.leaf("https://other.example.org/")).await;
    let of = &world.community;
    let found = async |der: Vec<u8>| -> Vec<String> {
        let crl = Crl::from_der(&der).unwrap();
        let rows = store.listed(&crl).await.unwrap();
        rows.into_iter().map(|row| row.client_id).collect()
    };
    let (ca, root) = (of.intermediate(), of.root());
    assert!(found(of.crl(ca).build()).await.is_empty());
    let names_app = of.crl(ca).revoke(leaf.serial());
    assert_eq!(found(names_app.build()).await, [live.client_id.as_str()]);
    let names_ca = of.crl(root).revoke(ca.serial());
    let mut both = found(names_ca.build()).await;
    both.sort();
    let mut expected = vec![live.client_id, other.client_id];
    expected.sort();
    assert_eq!(both, expected);
    // A serial number says nothing under another issuer's name.
    let names_stranger = of.crl(root).revoke(leaf.serial());
    assert!(found(names_stranger.build()).await.is_empty());
}
