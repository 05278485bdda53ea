//! Servers and CAs that turned malicious: what they can do to the lists of others, and to memory.

#[path = "support/lists.rs"]
mod lists;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use udap::certificate::Certificate;
use udap::trust::{KnownCrls, TrustFetcher, TrustNeed};
use udap_fetch::crls::CrlOutcome;
use udap_fetch::{Network, limits};

use self::lists::{NOW, World, community, crls, key, need, needs, stored};

/// A minute later as far as repeated attempts are concerned.
async fn later() {
    tokio::time::pause();
    tokio::time::advance(limits::CRL_RETRY).await;
    tokio::time::resume();
}

fn path(world: &World, url: &str) -> String {
    url.strip_prefix(&world.base).unwrap().to_owned()
}

#[tokio::test]
async fn two_cas_at_one_address_each_have_their_own_list_in_the_archive() {
    let world = World::new().await;
    let victim = need(&world.community);
    assert_eq!(world.obtain(&victim).await, 1);
    // Of the same names, so that its certificates point to the same file.
    let rogue = community("one", &world.base);
    let own = need(&rogue);
    assert_eq!(own.urls(), victim.urls());
    world.publisher.publish(&rogue);
    assert_eq!(world.obtain(&own).await, 1);
    let kept = stored(&world, &victim).await.unwrap();
    assert_eq!(kept.issuer, victim.issuer().der());
    assert_eq!(stored(&world, &own).await.unwrap().issuer_key, key(&own));
    let known = KnownCrls::default();
    let again = crls(&world.archive, &known);
    assert_eq!(again.synchronise().await.unwrap(), 2);
    // What becomes of the one is not the other's affair.
    let end = NOW + time::Duration::days(8) + limits::CRL_KEPT_AFTER_LAPSE;
    world
        .archive
        .0
        .lock()
        .unwrap()
        .values_mut()
        .for_each(|record| {
            if record.issuer_key == key(&victim) {
                record.next_update = Some(end);
            }
        });
    again.forget_lapsed(end).await.unwrap();
    assert!(stored(&world, &own).await.is_none());
}

#[tokio::test]
async fn a_list_that_has_lapsed_is_not_confirmed_by_itself() {
    let world = World::new().await;
    let need = need(&world.community);
    world.obtain(&need).await;
    let lapsed = NOW + time::Duration::days(7);
    let report = world.crls.refresh_all(lapsed).await.remove(0);
    assert_eq!(report.outcome, CrlOutcome::Failed);
    assert_eq!(report.failure, Some("lapsed"));
    assert_eq!(world.crls.standing()[0].failure, Some("lapsed"));
    assert_eq!(stored(&world, &need).await.unwrap().fetched_at, NOW);
    let asked = world.publisher.asked.lock().unwrap();
    assert!(!asked[1].1.contains_key("if-none-match"));
}

#[tokio::test]
async fn a_newer_list_that_has_lapsed_counts_but_is_a_failure() {
    let world = World::new().await;
    let need = need(&world.community);
    world.obtain(&need).await;
    let leaf = world.community.client("https://revoked.example.org/");
    world.community.revoke(&leaf);
    world.publisher.publish(&world.community);
    let lapsed = NOW + time::Duration::days(8);
    let report = world.crls.refresh_all(lapsed).await.remove(0);
    assert_eq!(report.outcome, CrlOutcome::New);
    assert_eq!(report.failure, Some("lapsed"));
    let revoked = Certificate::from_der(leaf.der()).unwrap();
    let known = world.known.now();
    assert!(known.iter().any(|crl| crl.entry(&revoked).is_some()));
}

#[tokio::test]
async fn a_list_of_another_key_is_a_failure_and_stays_out() {
    let world = World::new().await;
    let need = need(&world.community);
    world.obtain(&need).await;
    let authority = world.community.intermediate();
    let stranger = world.community.client("https://stranger.example.org/");
    let forged = world.community.crl(authority).signed_by(stranger.key());
    let path = path(&world, &need.urls()[0]);
    world.publisher.put(&path, forged.build());
    let report = world.crls.refresh_all(NOW).await.remove(0);
    assert_eq!(report.outcome, CrlOutcome::Failed);
    assert_eq!(report.failure, Some("wrong_signer"));
    assert_eq!(world.known.now().len(), 1);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_passed_over_and_not_read_again() {
    let world = World::new().await;
    let leaf = world.community.client("https://app.example.org/");
    for need in needs(&world.community, &leaf) {
        world.obtain(&need).await;
    }
    for broken in 0..2 {
        let archive = Arc::new(lists::Memory::default());
        let mut records: Vec<_> = world
            .archive
            .0
            .lock()
            .unwrap()
            .clone()
            .into_iter()
            .collect();
        records.sort_by(|(a, _), (b, _)| a.cmp(b));
        records[broken].1.der.clear();
        archive.0.lock().unwrap().extend(records);
        let again = crls(&archive, &KnownCrls::default());
        assert_eq!(again.synchronise().await.unwrap(), 1);
        assert_eq!(again.synchronise().await.unwrap(), 0);
        assert_eq!(*archive.1.lock().unwrap(), 2, "once each");
    }
}

/// A server that hangs while the list is refreshed in the background does not keep a statement from
/// the second address.
#[tokio::test]
async fn an_address_that_is_being_asked_is_waited_for_no_longer_than_a_download() {
    let world = World::new().await;
    let urls = [
        format!("{}/hang.crl", world.base),
        format!("{}/good.crl", world.base),
    ];
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    let leaf = (world.community)
        .leaf("https://app.example.org/")
        .crl_addresses(&urls)
        .build();
    let need = needs(&world.community, &leaf).remove(0);
    assert_eq!(need.urls(), urls);
    let list = world.community.crl(world.community.intermediate()).build();
    world.publisher.put("/good.crl", list);
    world.publisher.put("/hang.crl", vec![0x30; 100]);
    world.obtain(&need).await;
    *world.publisher.hangs.lock().unwrap() = Some("/hang.crl".to_owned());
    later().await;
    let crls = world.crls.clone();
    let background = tokio::spawn(async move { crls.refresh_all(NOW).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiting = {
        let (crls, need) = (world.crls.clone(), need.clone());
        let deadline = Instant::now() + udap::limits::FETCH_TIME;
        tokio::spawn(async move { crls.obtain(&need, NOW, deadline).await })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    tokio::time::pause();
    tokio::time::advance(limits::CRL_TIME).await;
    tokio::time::resume();
    let found = waiting.await.unwrap();
    assert!(found.iter().any(|crl| need.is_answered_by(crl, NOW)));
    background.abort();
}

/// The time is that of the whole statement (decisions 22).
#[tokio::test]
async fn nothing_is_asked_for_once_the_time_is_up_and_nobody_waits_longer() {
    let world = World::new().await;
    let need = need(&world.community);
    let network = Network::new(None, world.crls.clone(), None);
    let needs = [TrustNeed::Crl(need)];
    let fetched = network.fetch(&needs, NOW, Duration::ZERO).await;
    assert!(fetched.crls.is_empty());
    assert_eq!(world.publisher.requests(), 0);
    *world.publisher.delay.lock().unwrap() = Duration::from_millis(600);
    let started = Instant::now();
    let fetched = network.fetch(&needs, NOW, Duration::from_millis(50)).await;
    assert!(fetched.crls.is_empty());
    assert!(started.elapsed() < Duration::from_millis(500));
    let fetched = network.fetch(&needs, NOW, udap::limits::FETCH_TIME).await;
    assert_eq!(fetched.crls.len(), 1);
}
