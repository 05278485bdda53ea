//! Whatever somebody does to a sealed log, verification finds it.

use crate::log::Log;
use proptest::prelude::*;
use udap_store::audit::{Expectation, Finding, SealKey, Verification};

fn key() -> SealKey {
    SealKey::keyed(&[7; 32]).unwrap()
}

/// Three batches of four events.
async fn sealed(key: &SealKey) -> Log {
    let log = Log::new().await;
    for _ in 0..3 {
        log.insert(4).await;
        log.seal_all(key).await;
    }
    log
}

/// What is found after a change to a good log.
async fn found_after(log: &Log, change: &str) -> Verification {
    let copy = log.copy().await;
    assert!(copy.tamper(change).await > 0, "{change}");
    copy.verify(&key(), &Expectation::default()).await
}

#[tokio::test]
async fn a_change_to_any_field_of_any_event_is_found() {
    let log = sealed(&key()).await;
    for batch in 1..=3 {
        for position in [1, 2, 4] {
            for change in [
                "id = randomblob(16)",
                "occurred_at = occurred_at + 1",
                "occurred_at = 9223372036854775807",
                "kind = 'modified'",
                "kind = CAST(x'ff' AS TEXT)",
                "request_id = request_id || ' '",
                "request_id = NULL",
                "client_id = lower(client_id) || 'x'",
                "client_id = NULL",
                "detail = '{\"site\":\"Default\"}'",
                "detail = detail || ' '",
                "detail = CAST(detail || x'00' AS TEXT)",
                "position = position + 100",
                "batch = NULL, position = NULL",
            ] {
                let change = format!(
                    "UPDATE audit_event SET {change} WHERE batch = {batch} AND position = {position}"
                );
                let report = found_after(&log, &change).await;
                let here = report.findings.iter().any(|finding| match finding {
                    Finding::EventsAltered { first, .. } => *first == batch,
                    Finding::EventsMissing { batch: at, .. } => *at == batch,
                    _ => false,
                });
                assert!(here && !report.whole, "{change}: {report:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_change_to_any_field_of_any_seal_is_found() {
    let log = sealed(&key()).await;
    for batch in 1..=3 {
        for change in [
            "batch = batch + 100",
            "batch = -batch",
            "sealed_at = sealed_at + 1",
            "sealed_at = 9223372036854775807",
            "events = events + 1",
            "keyed = 0",
            "digest = randomblob(32)",
            "previous = randomblob(32)",
            "seal = randomblob(32)",
        ] {
            let change = format!("UPDATE audit_seal SET {change} WHERE batch = {batch}");
            let report = found_after(&log, &change).await;
            assert!(!report.whole, "{change}: {report:?}");
        }
    }
}

#[tokio::test]
async fn swapped_removed_and_added_events_are_found() {
    let log = sealed(&key()).await;
    for change in [
        // Two of one batch change places.
        "UPDATE audit_event SET position = CASE position WHEN 1 THEN -2 ELSE -1 END \
         WHERE batch = 2 AND position IN (1, 2)",
        "DELETE FROM audit_event WHERE batch = 1 AND position = 1",
        "DELETE FROM audit_event WHERE batch = 2 AND position = 2",
        "DELETE FROM audit_event WHERE batch = 3 AND position = 4",
        "INSERT INTO audit_event SELECT randomblob(16), occurred_at, kind, request_id, client_id, \
         detail, batch, 5 FROM audit_event WHERE batch = 2 AND position = 4",
        "INSERT INTO audit_event SELECT randomblob(16), occurred_at, kind, request_id, client_id, \
         detail, batch, -9223372036854775807 - 1 FROM audit_event WHERE batch = 2 AND position = 4",
        "INSERT INTO audit_event SELECT randomblob(16), occurred_at, kind, request_id, client_id, \
         detail, 4, 1 FROM audit_event WHERE batch = 3 AND position = 4",
        "INSERT INTO audit_event SELECT randomblob(16), occurred_at, kind, request_id, client_id, \
         detail, 0, 1 FROM audit_event WHERE batch = 3 AND position = 4",
        // From one batch to another.
        "UPDATE audit_event SET batch = 1, position = 5 WHERE batch = 2 AND position = 4",
    ] {
        let report = found_after(&log, change).await;
        assert!(!report.whole, "{change}: {report:?}");
    }
}

#[tokio::test]
async fn two_events_that_change_places_are_found() {
    let log = sealed(&key()).await;
    let copy = log.copy().await;
    for (from, to) in [(1, 100), (2, 1), (100, 2)] {
        copy.tamper(&format!(
            "UPDATE audit_event SET position = {to} WHERE batch = 2 AND position = {from}"
        ))
        .await;
    }
    let report = copy.verify(&key(), &Expectation::default()).await;
    assert_eq!(
        report.findings,
        [Finding::EventsAltered { first: 2, last: 2 }]
    );
}

#[tokio::test]
async fn a_batch_whose_events_are_all_gone_is_not_taken_for_purged() {
    let log = sealed(&key()).await;
    for (batch, finding) in [
        (1, Finding::NotPurged { first: 1, last: 1 }),
        (
            2,
            Finding::EventsMissing {
                batch: 2,
                sealed: 4,
                found: 0,
            },
        ),
    ] {
        let change = format!("DELETE FROM audit_event WHERE batch = {batch}");
        assert_eq!(found_after(&log, &change).await.findings, [finding]);
    }
    let report = found_after(&log, "DELETE FROM audit_event").await;
    assert_eq!(report.findings, [Finding::NotPurged { first: 1, last: 3 }]);
    // A purge that nobody sealed is no account of it.
    let copy = log.copy().await;
    copy.tamper("DELETE FROM audit_event WHERE batch = 1").await;
    copy.tamper(
        "INSERT INTO audit_event (id, occurred_at, kind, detail) VALUES \
         (randomblob(16), 1795348800000000, 'audit_purged', '{\"through\":1,\"operator\":\"x\"}')",
    )
    .await;
    let report = copy.verify(&key(), &Expectation::default()).await;
    assert_eq!(report.findings, [Finding::NotPurged { first: 1, last: 1 }]);
}

#[tokio::test]
async fn a_missing_seal_is_found() {
    let log = sealed(&key()).await;
    for batch in [1, 2] {
        let change = format!("DELETE FROM audit_seal WHERE batch = {batch}");
        assert_eq!(
            found_after(&log, &change).await.findings,
            [
                Finding::SealsMissing {
                    first: batch,
                    last: batch
                },
                Finding::EventsWithoutSeal { events: 4 }
            ]
        );
    }
    let report = found_after(&log, "DELETE FROM audit_seal WHERE batch = 3").await;
    assert_eq!(report.findings, [Finding::EventsWithoutSeal { events: 4 }]);
}

#[tokio::test]
async fn sealing_goes_on_after_the_last_seal_was_removed_and_the_hole_stays_visible() {
    let log = sealed(&key()).await;
    log.tamper("DELETE FROM audit_seal WHERE batch = 3").await;
    log.insert(1).await;
    assert_eq!(log.seal_all(&key()).await[0].batch, 4);
    let report = log.verify(&key(), &Expectation::default()).await;
    assert!(
        report
            .findings
            .contains(&Finding::SealsMissing { first: 3, last: 3 })
    );
}

#[tokio::test]
async fn an_end_that_was_cut_is_found_by_whoever_knows_the_last_seal() {
    let log = sealed(&key()).await;
    let whole = log.verify(&key(), &Expectation::default()).await;
    let mut seal = [0; 32];
    hex::decode_to_slice(whole.last_seal.unwrap(), &mut seal).unwrap();
    let of_batch = Expectation {
        batch: Some(3),
        ..Expectation::default()
    };
    let of_seal = Expectation {
        seal: Some(seal),
        ..Expectation::default()
    };
    let of_both = Expectation {
        batch: Some(3),
        ..of_seal.clone()
    };
    for expected in [&of_batch, &of_seal, &of_both] {
        assert!(log.verify(&key(), expected).await.whole);
    }
    let elsewhere = Expectation {
        batch: Some(2),
        ..of_seal.clone()
    };
    assert!(!log.verify(&key(), &elsewhere).await.whole);

    log.tamper("DELETE FROM audit_seal WHERE batch = 3").await;
    log.tamper("DELETE FROM audit_event WHERE batch = 3").await;
    // Cut clean, it looks whole to whoever knows nothing.
    assert!(log.verify(&key(), &Expectation::default()).await.whole);
    let report = log.verify(&key(), &of_batch).await;
    assert_eq!(
        report.findings,
        [Finding::EndCut {
            expected: 3,
            last: Some(2)
        }]
    );
    let expected = hex::encode(seal);
    let report = log.verify(&key(), &of_seal).await;
    assert_eq!(report.findings, [Finding::SealNotFound { expected }]);
    // Other events in its place do not make up for it.
    log.insert(4).await;
    log.seal_all(&key()).await;
    assert!(log.verify(&key(), &of_batch).await.whole);
    assert!(!log.verify(&key(), &of_both).await.whole);
}

#[tokio::test]
async fn another_key_a_missing_key_and_a_key_that_came_later_are_told_apart() {
    let log = sealed(&key()).await;
    let other = SealKey::keyed(&[8; 32]).unwrap();
    let report = log.verify(&other, &Expectation::default()).await;
    assert_eq!(report.findings, [Finding::SealsWrong { first: 1, last: 3 }]);
    let report = log.verify(&SealKey::plain(), &Expectation::default()).await;
    assert_eq!(report.findings, [Finding::KeyMissing { first: 1, last: 3 }]);

    let plain = sealed(&SealKey::plain()).await;
    let report = plain
        .verify(&SealKey::plain(), &Expectation::default())
        .await;
    assert!(report.whole && !report.keyed);
    assert_eq!(report.plain_batches, 3);
    let report = plain.verify(&key(), &Expectation::default()).await;
    assert_eq!(report.findings, [Finding::SealsPlain { first: 1, last: 3 }]);

    // From the fourth batch on there is a key.
    plain.insert(1).await;
    plain.seal_all(&key()).await;
    let report = plain.verify(&key(), &Expectation::default()).await;
    assert_eq!(report.findings, [Finding::SealsPlain { first: 1, last: 3 }]);
    let since = Expectation {
        keyed_since: 4,
        ..Expectation::default()
    };
    assert!(plain.verify(&key(), &since).await.whole);
}

#[tokio::test]
async fn a_chain_made_anew_with_another_key_or_none_is_found() {
    for forger in [SealKey::keyed(&[8; 32]).unwrap(), SealKey::plain()] {
        let log = sealed(&key()).await;
        log.tamper("DELETE FROM audit_seal").await;
        log.tamper("UPDATE audit_event SET batch = NULL, position = NULL")
            .await;
        log.tamper("UPDATE audit_event SET client_id = 'other' WHERE rowid = 1")
            .await;
        log.seal_all(&forger).await;
        assert!(log.verify(&forger, &Expectation::default()).await.whole);
        assert!(!log.verify(&key(), &Expectation::default()).await.whole);
    }
}

#[tokio::test]
async fn a_log_that_is_all_wrong_gives_a_report_of_bounded_length() {
    let log = Log::new().await;
    for _ in 0..120 {
        log.insert(1).await;
        log.seal_all(&key()).await;
    }
    log.tamper("UPDATE audit_seal SET seal = randomblob(32) WHERE batch % 2 = 0")
        .await;
    let report = log.verify(&key(), &Expectation::default()).await;
    assert_eq!(report.findings.len(), 100);
    assert!(report.more_findings > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn one_changed_octet_anywhere_is_found(
        batch in 1..4_i64,
        position in 1..5_i64,
        column in prop::sample::select(vec!["id", "kind", "request_id", "client_id", "detail"]),
        at in any::<prop::sample::Index>(),
        bit in 0..7_u8,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let log = sealed(&key()).await;
            let place = format!("WHERE batch = {batch} AND position = {position}");
            let length = log.count(&format!(
                "SELECT length(CAST({column} AS BLOB)) FROM audit_event {place}"
            )).await;
            let octet = at.index(length as usize) as i64 + 1;
            let old = log.count(&format!(
                "SELECT unhex_octet FROM (SELECT instr('0123456789ABCDEF', substr(h, 1, 1)) * 16 - 16 \
                 + instr('0123456789ABCDEF', substr(h, 2, 1)) - 1 AS unhex_octet FROM \
                 (SELECT hex(substr(CAST({column} AS BLOB), {octet}, 1)) AS h FROM audit_event {place}))"
            )).await;
            let new = old ^ (1 << bit);
            let bytes = format!(
                "CAST(substr(CAST({column} AS BLOB), 1, {octet} - 1) || x'{new:02x}' || \
                 substr(CAST({column} AS BLOB), {octet} + 1) AS {})",
                if column == "id" { "BLOB" } else { "TEXT" }
            );
            log.tamper(&format!("UPDATE audit_event SET {column} = {bytes} {place}")).await;
            let report = log.verify(&key(), &Expectation::default()).await;
            assert_eq!(report.findings, [Finding::EventsAltered { first: batch, last: batch }]);
        });
    }
}
