//! What checks of trust after registration lead to (C30, decisions 12, 22, 23).

use time::Duration;
use udap::certificate::Certificate;
use udap::enable::EnablePolicy;
use udap::registry::{
    CheckResult, LiveRegistration, RecheckRegistry, RegistrationStatus, Registry, RegistryError,
    Standing, TrustOff,
};
use udap::trust::{Crl, RevokedCertificate};
use udap_testkit::TestLeaf;

use crate::contract::world::APP;
use crate::contract::{Harness, World};

async fn register(
    world: &World,
    store: &dyn Registry,
    records: &dyn RecheckRegistry,
    leaf: &TestLeaf,
) -> LiveRegistration {
    let id = store
        .apply(&world.approve(&world.statement(leaf)), &world.context())
        .await
        .expect("the store answers")
        .client_id;
    let live = records.live(None, 1_000).await.expect("the store answers");
    live.into_iter()
        .find(|one| one.client_id == id)
        .expect("the store answers")
}

fn revoked(live: &LiveRegistration) -> CheckResult {
    let issuer = live.chain.first().expect("it has an intermediate");
    CheckResult::Revoked(Box::new(RevokedCertificate::new(&live.certificate, issuer)))
}

/// A revoked certificate switches its client off for good, and only another brings it back.
pub async fn a_client_whose_certificate_is_revoked_goes_off_and_that_certificate_stays_refused(
    harness: &dyn Harness,
) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let records = harness.records().await;
    let leaf = world.leaf(APP);
    let live = register(&world, &*store, &*records, &leaf).await;
    let check = async |result| {
        records
            .record_check(&live, &result, World::NOW)
            .await
            .expect("the store answers")
    };
    assert!(check(CheckResult::Good).await);
    assert!(!check(revoked(&live)).await);
    let list = store.list().await.expect("the store answers");
    assert_eq!(list[0].status, RegistrationStatus::Disabled);
    assert_eq!(
        list[0].reason.as_deref(),
        Some("its certificate was revoked")
    );
    // A later list that omits it changes nothing.
    assert!(!check(CheckResult::Good).await);

    let again = world.trust(&world.statement(&leaf));
    let standing = store
        .standing(&again, World::NOW)
        .await
        .expect("the store answers");
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
        .expect("the store answers");
    assert!(renewed.enabled && !renewed.created);
}

/// What was once seen revoked is refused wherever it stands in a path.
pub async fn a_path_through_a_revoked_intermediate_stays_refused(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let records = harness.records().await;
    let live = register(&world, &*store, &*records, &world.leaf(APP)).await;
    let intermediate = live.chain.first().expect("the store answers");
    let root = Certificate::from_der(world.community.root().der()).expect("a certificate");
    let result = CheckResult::Revoked(Box::new(RevokedCertificate::new(intermediate, &root)));
    assert!(
        !records
            .record_check(&live, &result, World::NOW)
            .await
            .expect("the store answers")
    );
    let other = world.trust(&world.statement(&world.leaf("https://other.example.org/")));
    let standing = store
        .standing(&other, World::NOW)
        .await
        .expect("the store answers");
    assert_eq!(standing, Standing::Blocked);
}

/// A CA that takes another's name cannot have that one's certificates refused.
pub async fn a_namesake_of_a_ca_revokes_nothing_of_it(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let statement = world.trust(&world.statement(&leaf));
    // Of the same name, with a key of its own.
    let namesake = udap_testkit::TestCommunity::new("one", World::NOW);
    let issuer = Certificate::from_der(namesake.intermediate().der()).expect("a certificate");
    let certificate = Certificate::from_der(leaf.der()).expect("a certificate");
    let forged = RevokedCertificate::new(&certificate, &issuer);
    store
        .remember_revoked(&forged, World::NOW)
        .await
        .expect("the store answers");
    let standing = store.standing(&statement, World::NOW).await;
    assert_eq!(standing.expect("the store answers"), Standing::Clear);
    let issuer = Certificate::from_der(world.community.intermediate().der());
    let own = RevokedCertificate::new(&certificate, &issuer.expect("a certificate"));
    for _ in 0..2 {
        let remembered = store.remember_revoked(&own, World::NOW).await;
        remembered.expect("the store answers");
    }
    let standing = async || store.standing(&statement, World::NOW).await;
    assert_eq!(
        standing().await.expect("the store answers"),
        Standing::Blocked
    );
    // Until it has expired.
    store
        .purge(own.not_after())
        .await
        .expect("the store answers");
    assert_eq!(
        standing().await.expect("the store answers"),
        Standing::Blocked
    );
    let after = own.not_after() + Duration::SECOND;
    store.purge(after).await.expect("the store answers");
    assert_eq!(
        standing().await.expect("the store answers"),
        Standing::Clear
    );
}

/// Only an unknown status ends by itself.
pub async fn an_unknown_status_is_lifted_by_the_next_good_check_and_expiry_is_not(
    harness: &dyn Harness,
) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let records = harness.records().await;
    let live = register(&world, &*store, &*records, &world.leaf(APP)).await;
    let check = async |result| {
        records
            .record_check(&live, &result, World::NOW)
            .await
            .expect("the store answers")
    };
    for (reason, back) in [(TrustOff::Unknown, true), (TrustOff::Expired, false)] {
        assert!(!check(CheckResult::Off(reason)).await);
        assert!(!check(CheckResult::Unsettled).await);
        assert_eq!(check(CheckResult::Good).await, back);
    }
}

/// Cancelled clients and strangers are not looked at.
pub async fn only_a_live_client_is_checked(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let records = harness.records().await;
    let leaf = world.leaf(APP);
    let mut live = register(&world, &*store, &*records, &leaf).await;
    let cancellation = world.approve_cancellation(&world.statement(&leaf));
    store
        .cancel(&cancellation, &world.context())
        .await
        .expect("the store answers");
    assert!(
        records
            .live(None, 10)
            .await
            .expect("the store answers")
            .is_empty()
    );
    for id in [live.client_id.clone(), "nobody".to_owned()] {
        live.client_id = id;
        let checked = records
            .record_check(&live, &CheckResult::Good, World::NOW)
            .await;
        assert!(matches!(checked, Err(RegistryError::NotRegistered)));
    }
}

/// A statement that came between reading and recording wins.
pub async fn a_verdict_on_a_certificate_that_was_replaced_changes_nothing(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let records = harness.records().await;
    let old = register(&world, &*store, &*records, &world.leaf(APP)).await;
    let new = register(&world, &*store, &*records, &world.leaf(APP)).await;
    assert_eq!(old.client_id, new.client_id);
    let result = revoked(&old);
    assert!(
        records
            .record_check(&old, &result, World::NOW)
            .await
            .expect("the store answers")
    );
    assert!(
        records.live(None, 1).await.expect("the store answers")[0]
            .trust_off
            .is_none()
    );
}

/// A doubt that is older than a statement counts for nothing; a revocation does.
pub async fn a_doubt_that_a_statement_overtook_counts_for_nothing(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let records = harness.records().await;
    let leaf = world.leaf(APP);
    let read = register(&world, &*store, &*records, &leaf).await;
    let later = World::NOW + Duration::MINUTE;
    let check = async |result| {
        let recorded = records.record_check(&read, &result, later).await;
        recorded.expect("the store answers")
    };
    assert!(check(CheckResult::Good).await);
    for reason in [TrustOff::Untrusted, TrustOff::Unknown] {
        assert!(check(CheckResult::Off(reason)).await);
    }
    assert!(!check(revoked(&read)).await);
}

/// Both times are kept: of the last look, and of the last good answer.
pub async fn a_check_is_remembered_with_its_time(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let records = harness.records().await;
    let live = register(&world, &*store, &*records, &world.leaf(APP)).await;
    assert_eq!((live.good_at, live.checked_at), (World::NOW, World::NOW));
    let later = World::NOW + Duration::HOUR;
    let seen = async || {
        records
            .live(None, 1)
            .await
            .expect("the store answers")
            .remove(0)
    };
    records
        .record_check(&live, &CheckResult::Unsettled, later)
        .await
        .expect("the store answers");
    let unsettled = seen().await;
    assert_eq!(
        (unsettled.good_at, unsettled.checked_at),
        (World::NOW, later)
    );
    records
        .record_check(&live, &CheckResult::Good, later)
        .await
        .expect("the store answers");
    assert_eq!(seen().await.good_at, later);
}

/// Every live registration is read once.
pub async fn pages_of_live_registrations_follow_one_another(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let records = harness.records().await;
    for number in 0..7 {
        let app = format!("https://app{number}.example.org/");
        register(&world, &*store, &*records, &world.leaf(&app)).await;
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = records.live(after, 3).await.expect("the store answers");
        let Some(last) = page.last() else { break };
        after = Some(last.position);
        seen.extend(page.into_iter().map(|one| one.client_id));
    }
    assert_eq!(seen.len(), 7);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
}

/// Expiry is found by its time, whatever else is doubted.
pub async fn what_expired_is_found_until_it_is_off(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let records = harness.records().await;
    let live = register(&world, &*store, &*records, &world.leaf(APP)).await;
    let end = live.certificate.not_after();
    assert!(
        records
            .expired(end, 10)
            .await
            .expect("the store answers")
            .is_empty()
    );
    let after = end + Duration::SECOND;
    assert_eq!(
        records
            .expired(after, 10)
            .await
            .expect("the store answers")
            .len(),
        1
    );
    // A passing doubt does not hide it.
    for (reason, found) in [(TrustOff::Unknown, 1), (TrustOff::Expired, 0)] {
        let result = CheckResult::Off(reason);
        records
            .record_check(&live, &result, after)
            .await
            .expect("the store answers");
        assert_eq!(
            records
                .expired(after, 10)
                .await
                .expect("the store answers")
                .len(),
            found
        );
    }
}

/// A list is compared by issuer and serial number, with leaf and intermediates.
pub async fn a_list_finds_the_registrations_whose_path_it_names(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let records = harness.records().await;
    let leaf = world.leaf(APP);
    let live = register(&world, &*store, &*records, &leaf).await;
    let other = register(
        &world,
        &*store,
        &*records,
        &world.leaf("https://other.example.org/"),
    )
    .await;
    let of = &world.community;
    let found = async |der: Vec<u8>| -> Vec<String> {
        let crl = Crl::from_der(&der).expect("the store answers");
        let rows = records.listed(&crl).await.expect("the store answers");
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
