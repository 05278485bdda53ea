//! What a store says it would do is what it then does, and asking writes nothing.

use udap::enable::EnablePolicy;
use udap::registry::{BlockScope, Foreseen, RegistryError};
use udap_testkit::StatementBuilder;

use crate::contract::lifecycle::register;
use crate::contract::world::APP;
use crate::contract::{Harness, World};

/// Asks, registers, and compares.
async fn foreseen(
    world: &World,
    harness: &dyn Harness,
    statement: &StatementBuilder,
) -> (Foreseen, String) {
    let foresight = harness.foresight().await;
    let approved = world.approve(statement);
    let (rows, registered, modified) = counts(harness).await;
    let foreseen = foresight.foresee(&approved).await.expect("it is asked");
    assert_eq!(counts(harness).await, (rows, registered, modified));
    let outcome = register(world, &*harness.open().await, statement).await;
    assert_eq!(foreseen.enabled, outcome.enabled);
    assert_eq!(foreseen.earlier.is_none(), outcome.created);
    if let Some(earlier) = &foreseen.earlier {
        assert_eq!(earlier.client_id, outcome.client_id);
        assert_eq!(earlier.issued_at, outcome.issued_at);
    }
    (foreseen, outcome.client_id)
}

async fn counts(harness: &dyn Harness) -> (u64, u64, u64) {
    (
        harness.rows().await,
        harness.events("registered").await,
        harness.events("modified").await,
    )
}

/// New, modified, wider than was approved, switched off, with another key.
pub async fn what_is_foreseen_is_what_happens(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::Never);
    let leaf = world.leaf(APP);
    let (new, id) = foreseen(&world, harness, &world.statement(&leaf)).await;
    assert!(!new.enabled && new.server_allows && !new.admin_off && !new.approved);

    harness.switch(&id, true).await;
    let (approved, _) = foreseen(&world, harness, &world.statement(&leaf)).await;
    assert!(approved.enabled && approved.approved);
    assert_eq!(approved.facts, ["administrator_approved"]);

    let wider = world
        .statement(&leaf)
        .claim("scope", "system/Patient.read system/Observation.read");
    let (wider, _) = foreseen(&world, harness, &wider).await;
    assert!(!wider.enabled && !wider.approved && wider.tokens_revoked);

    let operator = harness.open().await;
    let enabled = operator.enable(&world.action(&id)).await;
    enabled.expect("it is enabled");
    harness.switch(&id, false).await;
    let (off, _) = foreseen(&world, harness, &world.statement(&leaf)).await;
    assert!(!off.enabled && off.admin_off);
    let (rekeyed, _) = foreseen(&world, harness, &world.statement(&world.leaf(APP))).await;
    assert!(rekeyed.tokens_revoked && rekeyed.facts.contains(&"key_changed"));
}

/// Who is blocked, by whom; what a cancellation would end.
pub async fn blocks_and_ends_are_foreseen(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let foresight = harness.foresight().await;
    let end = world.approve_cancellation(&world.statement(&leaf));
    assert!(matches!(
        foresight.foresee_end(&end).await,
        Err(RegistryError::NotRegistered)
    ));
    let (_, id) = foreseen(&world, harness, &world.statement(&leaf)).await;
    let earlier = foresight.foresee_end(&end).await.expect("it is there");
    assert_eq!(earlier.client_id, id);

    let trusted = world.trust(&world.statement(&leaf));
    assert!(foresight.blocks(&trusted).await.expect("asked").is_empty());
    let store = harness.open().await;
    let blocked = store.block(&world.action(&id), BlockScope::Key).await;
    blocked.expect("it is blocked");
    let blocks = foresight.blocks(&trusted).await.expect("asked");
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].scope, BlockScope::Key);
    assert_eq!(blocks[0].operator, "operator");
    // Neither was done.
    assert_eq!(harness.events("cancelled").await, 0);
    assert_eq!(harness.rows().await, 1);
}
