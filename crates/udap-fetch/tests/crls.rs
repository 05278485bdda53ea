//! CRLs from a server on this machine, kept in an archive.

#[path = "support/lists.rs"]
mod lists;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use udap::certificate::Certificate;
use udap::trust::KnownCrls;
use udap_fetch::crls::CrlOutcome;
use udap_fetch::limits;

use self::lists::{Memory, NOW, REFRESH, World, community, crls, need, needs, stored};

/// Proves: C19, C20
#[tokio::test]
async fn many_that_want_one_list_wait_for_one_fetch_and_it_is_kept() {
    let world = World::new().await;
    *world.publisher.delay.lock().unwrap() = Duration::from_millis(100);
    let need = need(&world.community);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (crls, need) = (world.crls.clone(), need.clone());
        waiting.spawn(async move {
            let deadline = Instant::now() + Duration::from_secs(10);
            crls.obtain(&need, NOW, deadline).await
        });
    }
    for found in waiting.join_all().await {
        assert!(need.is_answered_by(&found[0], NOW));
    }
    assert_eq!(world.publisher.requests(), 1);
    assert_eq!(world.known.now().len(), 1);
    let record = stored(&world, &need).await.unwrap();
    assert_eq!(record.issuer, need.issuer().der());
    assert_eq!(record.fetched_at, NOW);
}

/// Proves: C21
#[tokio::test]
async fn a_failure_is_remembered_for_ten_seconds() {
    let world = World::new().await;
    let need = need(&world.community);
    world.publisher.lists.lock().unwrap().clear();
    for _ in 0..3 {
        assert_eq!(world.obtain(&need).await, 0);
    }
    assert_eq!(world.publisher.requests(), 1);
    world.publisher.publish(&world.community);
    tokio::time::pause();
    tokio::time::advance(limits::CRL_FAILURE_MEMORY).await;
    tokio::time::resume();
    assert_eq!(world.obtain(&need).await, 1);
    assert_eq!(world.publisher.requests(), 2);
}

#[tokio::test]
async fn who_stops_waiting_does_not_stop_the_fetch() {
    let world = World::new().await;
    let need = need(&world.community);
    *world.publisher.delay.lock().unwrap() = Duration::from_millis(400);
    let deadline = Instant::now() + Duration::from_millis(50);
    assert!(world.crls.obtain(&need, NOW, deadline).await.is_empty());
    assert_eq!(world.obtain(&need).await, 1);
    assert_eq!(world.publisher.requests(), 1);
}

#[tokio::test]
async fn a_list_is_asked_for_again_when_due_and_conditionally() {
    let world = World::new().await;
    let need = need(&world.community);
    world.obtain(&need).await;
    // Not within a minute of the last attempt, however late it is.
    let later = NOW + REFRESH;
    world.crls.refresh(later);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.publisher.requests(), 1);
    tokio::time::pause();
    tokio::time::advance(limits::CRL_RETRY).await;
    tokio::time::resume();
    world.crls.refresh(later - time::Duration::SECOND);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.publisher.requests(), 1, "not due");
    world.crls.refresh(later);
    for _ in 0..200 {
        let record = stored(&world, &need).await.unwrap();
        if record.fetched_at == later {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let record = stored(&world, &need).await.unwrap();
    assert_eq!(record.fetched_at, later, "confirmed by 304");
    let asked = world.publisher.asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].1.contains_key("if-none-match"));
}

/// Proves: C20
#[tokio::test]
async fn an_older_list_never_replaces_a_newer_one() {
    let world = World::new().await;
    let need = need(&world.community);
    let old = world.publisher.lists.lock().unwrap().clone();
    let leaf = world.community.client("https://revoked.example.org/");
    world.community.revoke(&leaf);
    world.publisher.publish(&world.community);
    assert_eq!(world.obtain(&need).await, 1);
    // Whoever sits between us and the server plays back what was true once.
    *world.publisher.lists.lock().unwrap() = old;
    let reports = world.crls.refresh_all(NOW).await;
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].outcome, CrlOutcome::Failed);
    assert_eq!(reports[0].failure, Some("older"));
    assert_eq!(reports[0].entries, Some(1), "the newer one serves");
    let revoked = Certificate::from_der(leaf.der()).unwrap();
    let known = world.known.now();
    assert!(
        known
            .of_issuer(&revoked)
            .any(|crl| crl.entry(&revoked).is_some())
    );
}

#[tokio::test]
async fn a_new_list_is_told_from_the_old_one() {
    let world = World::new().await;
    let need = need(&world.community);
    world.obtain(&need).await;
    let outcome = async || world.crls.refresh_all(NOW).await[0].outcome;
    assert_eq!(outcome().await, CrlOutcome::Unchanged);
    let leaf = world.community.client("https://revoked.example.org/");
    world.community.revoke(&leaf);
    world.publisher.publish(&world.community);
    assert_eq!(outcome().await, CrlOutcome::New);
    assert_eq!(world.known.now().len(), 1, "the old one is gone");
}

/// Proves: C20
#[tokio::test]
async fn a_ca_that_names_anothers_address_is_not_in_its_way() {
    let world = World::new().await;
    let victim = need(&world.community);
    // Of the same names, so that its certificates point to the same file.
    let rogue = community("one", &world.base);
    let own = need(&rogue);
    assert_eq!(own.urls(), victim.urls());
    let deadline = Instant::now() + Duration::from_secs(10);
    let found = world.crls.obtain(&own, NOW, deadline).await;
    assert!(!found.iter().any(|crl| own.is_answered_by(crl, NOW)));
    assert!(stored(&world, &own).await.is_none());
    let found = world.crls.obtain(&victim, NOW, deadline).await;
    assert!(victim.is_answered_by(&found[0], NOW));
    assert_eq!(world.publisher.requests(), 2);
}

#[tokio::test]
async fn what_is_no_list_of_that_ca_is_a_failure() {
    let world = World::new().await;
    let stranger = community("stranger", &world.base);
    let need = need(&world.community);
    let path = need.urls()[0].strip_prefix(&world.base).unwrap().to_owned();
    let other = stranger.crls().remove(0);
    for content in [
        other,
        b"<html>no list</html>".to_vec(),
        Vec::new(),
        vec![0x30; 100],
    ] {
        world.publisher.put(&path, content);
        let crls = crls(&world.archive, &world.known);
        let deadline = Instant::now() + Duration::from_secs(10);
        assert!(crls.obtain(&need, NOW, deadline).await.is_empty());
        assert!(crls.standing()[0].failure.is_some());
    }
    assert!(world.known.now().is_empty());
}

#[tokio::test]
async fn stored_lists_are_taken_up_but_only_with_their_signature() {
    let world = World::new().await;
    for need in needs(
        &world.community,
        &world.community.client("https://app.example.org/"),
    ) {
        world.obtain(&need).await;
    }
    let requests = world.publisher.requests();
    let restarted = |archive: &Arc<Memory>| {
        let known = KnownCrls::default();
        (crls(archive, &known), known)
    };
    let (again, known) = restarted(&world.archive);
    assert_eq!(again.synchronise().await.unwrap(), 2);
    assert_eq!(again.synchronise().await.unwrap(), 0);
    assert_eq!(known.now().len(), 2);
    assert_eq!(world.publisher.requests(), requests, "nothing is fetched");

    // Whoever can write the database cannot put a list of his own there.
    let forged = community("one", &world.base);
    let list = forged.crls().remove(0);
    for record in world.archive.0.lock().unwrap().values_mut() {
        record.der.clone_from(&list);
    }
    let (again, known) = restarted(&world.archive);
    assert_eq!(again.synchronise().await.unwrap(), 0);
    assert!(known.now().is_empty());
}

#[tokio::test]
async fn what_lapsed_long_ago_is_forgotten() {
    let world = World::new().await;
    let need = need(&world.community);
    world.obtain(&need).await;
    let lapse = NOW - time::Duration::HOUR + time::Duration::days(7);
    let end = lapse + limits::CRL_KEPT_AFTER_LAPSE;
    world.crls.forget_lapsed(end).await.unwrap();
    assert_eq!(world.crls.standing().len(), 1);
    let after = end + time::Duration::SECOND;
    world.crls.forget_lapsed(after).await.unwrap();
    assert!(world.crls.standing().is_empty());
    assert!(world.archive.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_being_fetched_for_the_first_time_is_not_forgotten() {
    let world = World::new().await;
    let need = need(&world.community);
    *world.publisher.delay.lock().unwrap() = Duration::from_millis(300);
    let deadline = Instant::now() + Duration::from_millis(50);
    assert!(world.crls.obtain(&need, NOW, deadline).await.is_empty());
    world.crls.forget_lapsed(NOW).await.unwrap();
    assert_eq!(world.obtain(&need).await, 1);
    assert_eq!(world.publisher.requests(), 1);
}
