//! Sealing, verifying, reading and purging.

use std::collections::BTreeSet;

use crate::log::{Log, NOW};
use time::Duration;
use udap_store::Leases;
use udap_store::audit::{
    AuditFilter, AuditLog, BATCH_EVENTS, Expectation, Finding, PurgeOrder, SEALER_LEASE, SealKey,
    Sealing, Verification,
};

fn key() -> SealKey {
    SealKey::keyed(&[7; 32]).unwrap()
}

fn assert_whole(report: &Verification) {
    assert!(report.whole, "{:?}", report.findings);
    assert_eq!(report.findings, []);
}

#[tokio::test]
async fn sealed_events_are_whole_and_numbered_by_time_and_id() {
    let log = Log::new().await;
    log.insert(5).await;
    let first = log.seal_all(&key()).await;
    log.insert_at(&[5, 6, 7]).await;
    let second = log.seal_all(&key()).await;
    assert_eq!((first[0].batch, first[0].events), (1, 5));
    assert_eq!((second[0].batch, second[0].events), (2, 3));
    assert_eq!(second[0].previous, first[0].seal);
    assert_eq!(first[0].previous, [0; 32]);

    let events = log
        .store
        .events(&AuditFilter::default(), None, 100)
        .await
        .unwrap();
    let mut in_order: Vec<_> = events.iter().map(|event| event.order()).collect();
    in_order.sort();
    let mut sealed = events.clone();
    sealed.sort_by_key(|event| (event.batch, event.position));
    assert_eq!(
        in_order,
        sealed.iter().map(|event| event.order()).collect::<Vec<_>>()
    );
    let positions: Vec<_> = sealed.iter().map(|event| event.position.unwrap()).collect();
    assert_eq!(positions, [1, 2, 3, 4, 5, 1, 2, 3]);

    let report = log.verify(&key(), &Expectation::default()).await;
    assert_whole(&report);
    assert_eq!((report.batches, report.events, report.keyed), (2, 8, true));
    assert_eq!(report.last_seal, Some(second[0].to_hex()));
    assert_eq!(report.unsealed.events, 0);
}

#[tokio::test]
async fn a_late_event_goes_into_a_later_batch() {
    let log = Log::new().await;
    log.insert_at(&[20, 30]).await;
    log.seal_all(&key()).await;
    log.insert_at(&[10]).await;
    let late = log.seal_all(&key()).await;
    assert_eq!((late[0].batch, late[0].events), (2, 1));
    assert_whole(&log.verify(&key(), &Expectation::default()).await);
}

#[tokio::test]
async fn a_batch_is_bounded_by_number_and_by_size() {
    let log = Log::new().await;
    log.insert(BATCH_EVENTS + 1).await;
    let sizes: Vec<_> = log
        .seal_all(&key())
        .await
        .iter()
        .map(|seal| seal.events)
        .collect();
    assert_eq!(sizes, [BATCH_EVENTS as i64, 1]);
    log.insert_long(3, 3 * 1024 * 1024).await;
    let sizes: Vec<_> = log
        .seal_all(&key())
        .await
        .iter()
        .map(|seal| seal.events)
        .collect();
    assert_eq!(sizes, [2, 1]);
    assert_whole(&log.verify(&key(), &Expectation::default()).await);
}

#[tokio::test]
async fn two_processes_at_once_seal_every_event_once() {
    let log = Log::new().await;
    log.insert(2_000).await;
    let other = log.open_again().await;
    let one = async {
        let mut seals = Vec::new();
        // Until both have found nothing: a lease may lie with the other.
        loop {
            match log.store.seal(&key(), "one", NOW).await.unwrap() {
                Sealing::Sealed { seal, .. } => seals.push(seal),
                Sealing::Elsewhere => tokio::task::yield_now().await,
                Sealing::Nothing => return seals,
            }
            log.store.release_lease(SEALER_LEASE, "one").await.unwrap();
        }
    };
    let two = async {
        let mut seals = Vec::new();
        loop {
            match other.seal(&key(), "two", NOW).await.unwrap() {
                Sealing::Sealed { seal, .. } => seals.push(seal),
                Sealing::Elsewhere => tokio::task::yield_now().await,
                Sealing::Nothing => return seals,
            }
            other.release_lease(SEALER_LEASE, "two").await.unwrap();
        }
    };
    let (one, two) = tokio::join!(one, two);
    let batches: BTreeSet<_> = one.iter().chain(&two).map(|seal| seal.batch).collect();
    assert_eq!(batches.len(), one.len() + two.len());
    let events: i64 = one.iter().chain(&two).map(|seal| seal.events).sum();
    assert_eq!(events, 2_000);
    assert_whole(&log.verify(&key(), &Expectation::default()).await);
}

#[tokio::test]
async fn only_the_holder_of_the_lease_seals_and_a_dead_one_is_followed() {
    let log = Log::new().await;
    log.insert(1).await;
    log.store.seal(&key(), "one", NOW).await.unwrap();
    log.insert(1).await;
    let other = log.open_again().await;
    let tried = other.seal(&key(), "two", NOW).await.unwrap();
    assert_eq!(tried, Sealing::Elsewhere);
    let later = other
        .seal(&key(), "two", NOW + Duration::MINUTE)
        .await
        .unwrap();
    assert!(matches!(later, Sealing::Sealed { .. }), "{later:?}");
    let idle = other
        .seal(&key(), "two", NOW + Duration::MINUTE)
        .await
        .unwrap();
    assert_eq!(idle, Sealing::Nothing);
}

#[tokio::test]
async fn sealing_goes_on_after_a_restart_and_says_if_the_last_seal_is_not_ours() {
    let log = Log::new().await;
    log.insert(1).await;
    log.seal_all(&key()).await;
    log.insert(1).await;
    let other = log.open_again().await;
    let sealed = other.seal(&key(), "h", NOW).await.unwrap();
    assert!(matches!(
        sealed,
        Sealing::Sealed {
            previous_holds: true,
            ..
        }
    ));
    log.insert(1).await;
    log.tamper("UPDATE audit_seal SET events = 2 WHERE batch = 2")
        .await;
    let sealed = other.seal(&key(), "h", NOW).await.unwrap();
    assert!(matches!(
        sealed,
        Sealing::Sealed {
            previous_holds: false,
            ..
        }
    ));
}

#[tokio::test]
async fn a_tail_without_a_seal_is_told_and_is_a_finding_once_it_is_old() {
    let log = Log::new().await;
    log.insert_at(&[0, 60]).await;
    let soon = log
        .store
        .verify(&key(), &Expectation::default(), NOW)
        .await
        .unwrap();
    assert_whole(&soon);
    assert_eq!((soon.unsealed.events, soon.unsealed.oldest), (2, Some(NOW)));
    let late = NOW + Duration::hours(1);
    let late = log
        .store
        .verify(&key(), &Expectation::default(), late)
        .await
        .unwrap();
    assert_eq!(
        late.findings,
        [Finding::SealOverdue {
            events: 2,
            oldest: NOW
        }]
    );
    assert!(!late.whole);
}

#[tokio::test]
async fn a_purge_removes_whole_old_batches_is_recorded_and_keeps_the_log_whole() {
    let log = Log::new().await;
    for minutes in [[0, 1], [2, 3], [4, 11], [5, 6]] {
        log.insert_at(&minutes.map(|minutes| minutes * 60)).await;
        log.seal_all(&key()).await;
    }
    // Old, but not sealed.
    log.insert_at(&[1]).await;
    let order = PurgeOrder {
        before: NOW + Duration::minutes(10),
        operator: "alice".to_owned(),
        reason: Some("two years".to_owned()),
        now: NOW + Duration::hours(1),
    };
    let purged = log.store.purge(&order).await.unwrap();
    // The third is partly newer, and the fourth stands behind it.
    assert_eq!(
        (purged.batches, purged.events, purged.through),
        (2, 4, Some(2))
    );
    assert_eq!(log.count("SELECT COUNT(*) FROM audit_event").await, 6);
    assert_eq!(log.count("SELECT COUNT(*) FROM audit_seal").await, 4);

    // Until the purge itself is sealed, anybody could have written it.
    let report = log.verify(&key(), &Expectation::default()).await;
    assert_eq!(report.findings, [Finding::NotPurged { first: 1, last: 2 }]);
    log.seal_all(&key()).await;
    let report = log.verify(&key(), &Expectation::default()).await;
    assert_whole(&report);
    let recorded = report.purge.unwrap();
    assert_eq!((recorded.through, recorded.operator.as_str()), (2, "alice"));

    // Nothing left that is old enough: nothing is recorded.
    let again = log.store.purge(&order).await.unwrap();
    assert_eq!((again.batches, again.through), (0, None));
    // A later purge takes the record of the first with it, and stands for both.
    let order = PurgeOrder {
        before: NOW + Duration::hours(2),
        now: NOW + Duration::hours(3),
        ..order
    };
    let purged = log.store.purge(&order).await.unwrap();
    assert_eq!((purged.batches, purged.through), (3, Some(5)));
    log.seal_all(&key()).await;
    assert_whole(&log.verify(&key(), &Expectation::default()).await);

    // The seals of what is gone are still checked, each by itself.
    for change in [
        "UPDATE audit_seal SET sealed_at = sealed_at + 1 WHERE batch = 2",
        "UPDATE audit_seal SET digest = randomblob(32) WHERE batch = 2",
    ] {
        let copy = log.copy().await;
        copy.tamper(change).await;
        let report = copy.verify(&key(), &Expectation::default()).await;
        assert_eq!(report.findings, [Finding::SealsWrong { first: 2, last: 2 }]);
    }
}

#[tokio::test]
async fn a_purge_reaches_no_further_than_now() {
    let log = Log::new().await;
    log.insert_at(&[0, 7_200]).await;
    log.seal_all(&key()).await;
    let order = PurgeOrder {
        before: NOW + Duration::days(9_999),
        operator: "alice".to_owned(),
        reason: None,
        now: NOW + Duration::hours(1),
    };
    assert_eq!(log.store.purge(&order).await.unwrap().through, None);
}

#[tokio::test]
async fn events_are_read_in_pages_by_time_and_client() {
    let log = Log::new().await;
    log.insert_at(&[3, 1, 2, 2, 2, 4]).await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = log
            .store
            .events(&AuditFilter::default(), after.as_ref(), 2)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.order());
        seen.extend(page.iter().map(|event| event.occurred_at));
    }
    assert_eq!(
        seen,
        [1, 2, 2, 2, 3, 4].map(|second| NOW + Duration::seconds(second))
    );
    let some = AuditFilter {
        since: Some(NOW + Duration::seconds(2)),
        until: Some(NOW + Duration::seconds(4)),
        client_id: None,
        without_token_requests: false,
    };
    assert_eq!(log.store.events(&some, None, 9).await.unwrap().len(), 4);
    let client_id = log.store.events(&some, None, 9).await.unwrap()[1]
        .client_id
        .clone();
    let one = AuditFilter { client_id, ..some };
    assert_eq!(log.store.events(&one, None, 9).await.unwrap().len(), 1);

    log.tamper("UPDATE audit_event SET kind = 'token_requested' WHERE id = (SELECT MIN(id) FROM audit_event)")
        .await;
    let few = AuditFilter {
        without_token_requests: true,
        ..AuditFilter::default()
    };
    assert_eq!(log.store.events(&few, None, 9).await.unwrap().len(), 5);
    let all = AuditFilter::default();
    assert_eq!(log.store.events(&all, None, 9).await.unwrap().len(), 6);
}
