//! Operators and administrators (D22, decisions 12–14).

use udap::enable::EnablePolicy;
use udap::registrar::refusal_of;
use udap::registry::{
    BlockScope, RegistrationStatus, RegistrationSummary, Registry, RegistryError, Standing,
};

use crate::contract::lifecycle::register;
use crate::contract::world::{APP, OTHER_SITE};
use crate::contract::{Harness, World};

async fn is_on(harness: &dyn Harness, client_id: &str) -> bool {
    harness.row(client_id).await.is_some_and(|row| row.enabled)
}

async fn shown(store: &dyn Registry, client_id: &str) -> RegistrationSummary {
    let list = store.list().await.expect("they are listed");
    list.into_iter()
        .find(|one| one.client_id == client_id)
        .expect("it is listed")
}

/// A block switches off, revokes, refuses every later statement, and survives a new certificate.
pub async fn a_blocked_client_is_off_and_stays_refused(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let id = register(&world, &*store, &world.statement(&leaf))
        .await
        .client_id;
    let other = register(&world, &*store, &world.statement_at(&leaf, OTHER_SITE)).await;
    harness.give_tokens(&id).await;

    let summary = store
        .block(&world.action(&id), BlockScope::Registration)
        .await
        .expect("it is blocked");
    assert_eq!(summary.status, RegistrationStatus::Blocked);
    assert!(!summary.enabled);
    assert_eq!(
        summary.reason.as_deref(),
        Some("blocked by an operator: a reason")
    );
    assert!(!is_on(harness, &id).await);
    assert_eq!(harness.good_tokens(&id).await, 0);
    assert!(is_on(harness, &other.client_id).await);

    let statement = world.statement(&world.leaf(APP));
    let standing = store.standing(&world.trust(&statement), World::NOW).await;
    assert_eq!(standing.expect("it is looked up"), Standing::Blocked);
    let refused = store
        .apply(&world.approve(&statement), &world.context())
        .await;
    assert!(matches!(refused, Err(RegistryError::Blocked)));
    let cancellation = world.approve_cancellation(&world.statement(&leaf));
    let refused = store.cancel(&cancellation, &world.context()).await;
    assert!(matches!(refused, Err(RegistryError::Blocked)));
    let refusal = refusal_of(&RegistryError::Blocked).expect("it is told so");
    let early = world.trust(&world.statement(&leaf));
    store
        .record_refusal(&early, &refusal, &world.context())
        .await
        .expect("it is recorded");
    assert_eq!(harness.events("refused_blocked").await, 3);
    assert_eq!(harness.events("refused").await, 0);
    // A replay is not told from another statement, as long as the block stands.
    for spent in [&world.trust(&statement), &early] {
        let standing = store.standing(spent, World::NOW).await;
        assert_eq!(standing.expect("it is looked up"), Standing::Blocked);
    }

    let summary = store
        .enable(&world.action(&id))
        .await
        .expect("it is enabled");
    // What was refused is spent.
    for spent in [&world.trust(&statement), &early] {
        let standing = store.standing(spent, World::NOW).await;
        assert_eq!(standing.expect("it is looked up"), Standing::Spent);
    }
    assert_eq!(summary.status, RegistrationStatus::Active);
    assert_eq!(summary.reason, None);
    assert!(is_on(harness, &id).await);
    assert!(
        register(&world, &*store, &world.statement(&leaf))
            .await
            .enabled
    );
}

/// A block everywhere reaches every site and community, and is lifted as a whole.
pub async fn a_block_everywhere_reaches_every_site_and_community(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let elsewhere = world.other_community.client(APP);
    let mut ids = Vec::new();
    for statement in [
        world.statement(&leaf),
        world.statement_at(&leaf, OTHER_SITE),
        world.statement(&elsewhere),
    ] {
        ids.push(register(&world, &*store, &statement).await.client_id);
    }
    let stranger = world.leaf("https://other.example.org");
    let stranger = register(&world, &*store, &world.statement(&stranger))
        .await
        .client_id;
    let [first, ..] = ids.as_slice() else {
        unreachable!("three were registered")
    };
    store
        .block(&world.action(first), BlockScope::Everywhere)
        .await
        .expect("it is blocked");
    for id in &ids {
        assert!(!is_on(harness, id).await);
        assert_eq!(shown(&*store, id).await.status, RegistrationStatus::Blocked);
    }
    assert!(is_on(harness, &stranger).await);
    let refused = store
        .apply(
            &world.approve(&world.statement(&elsewhere)),
            &world.context(),
        )
        .await;
    assert!(matches!(refused, Err(RegistryError::Blocked)));

    store
        .enable(&world.action(first))
        .await
        .expect("it is enabled");
    for id in &ids {
        assert!(is_on(harness, id).await);
    }
}

/// A block of a key reaches whoever uses it.
pub async fn a_blocked_key_is_refused_whoever_uses_it(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let id = register(&world, &*store, &world.statement(&leaf))
        .await
        .client_id;
    store
        .block(&world.action(&id), BlockScope::Key)
        .await
        .expect("it is blocked");
    let same_key = world
        .community
        .leaf("https://other.example.org")
        .key(leaf.key())
        .build();
    let refused = store
        .apply(
            &world.approve(&world.statement(&same_key)),
            &world.context(),
        )
        .await;
    assert!(matches!(refused, Err(RegistryError::Blocked)));
    // With another key the client is let in again.
    let rekeyed = world.statement(&world.leaf(APP));
    assert!(register(&world, &*store, &rekeyed).await.enabled);
}

/// A block outlives a cancellation.
pub async fn a_block_is_inherited_by_the_next_registration(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let id = register(&world, &*store, &world.statement(&leaf))
        .await
        .client_id;
    let cancellation = world.approve_cancellation(&world.statement(&leaf));
    store
        .cancel(&cancellation, &world.context())
        .await
        .expect("it is cancelled");
    let summary = store
        .block(&world.action(&id), BlockScope::Registration)
        .await
        .expect("it is blocked");
    assert_eq!(summary.status, RegistrationStatus::Cancelled);
    let anew = world.approve(&world.statement(&leaf));
    let refused = store.apply(&anew, &world.context()).await;
    assert!(matches!(refused, Err(RegistryError::Blocked)));
    store
        .enable(&world.action(&id))
        .await
        .expect("the block is lifted");
    assert!(!is_on(harness, &id).await);
    assert!(
        register(&world, &*store, &world.statement(&leaf))
            .await
            .enabled
    );
}

/// What an administrator switched off stays off through statements and a new registration.
pub async fn an_administrators_switch_is_kept(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let id = register(&world, &*store, &world.statement(&leaf))
        .await
        .client_id;
    harness.give_tokens(&id).await;
    harness.switch(&id, false).await;
    let summary = shown(&*store, &id).await;
    assert_eq!(
        (summary.status, summary.enabled),
        (RegistrationStatus::Disabled, false)
    );
    for _ in 0..2 {
        let modified = register(&world, &*store, &world.statement(&leaf)).await;
        assert!(!modified.created && !modified.enabled);
        assert!(!is_on(harness, &id).await);
    }
    assert_eq!(harness.good_tokens(&id).await, 0);
    let reason = shown(&*store, &id).await.reason;
    assert_eq!(reason.as_deref(), Some("an administrator switched it off"));

    let cancellation = world.approve_cancellation(&world.statement(&leaf));
    store
        .cancel(&cancellation, &world.context())
        .await
        .expect("it is cancelled");
    let anew = register(&world, &*store, &world.statement(&leaf)).await;
    assert!(anew.created && !anew.enabled);

    // Either of them lifts it.
    harness.switch(&anew.client_id, true).await;
    assert!(
        register(&world, &*store, &world.statement(&leaf))
            .await
            .enabled
    );
    harness.switch(&anew.client_id, false).await;
    assert!(
        !register(&world, &*store, &world.statement(&leaf))
            .await
            .enabled
    );
    let summary = store
        .enable(&world.action(&anew.client_id))
        .await
        .expect("it is enabled");
    assert!(summary.enabled && is_on(harness, &anew.client_id).await);
}

/// A removed row comes back with its id, but off; an operator brings it back on.
pub async fn a_removed_row_comes_back_off(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let id = register(&world, &*store, &world.statement(&leaf))
        .await
        .client_id;
    let row = harness.row(&id).await;
    harness.remove(&id).await;
    assert_eq!(
        shown(&*store, &id).await.status,
        RegistrationStatus::Disabled
    );
    let modified = register(&world, &*store, &world.statement(&leaf)).await;
    assert_eq!(
        (modified.client_id.as_str(), modified.enabled),
        (id.as_str(), false)
    );
    assert!(!is_on(harness, &id).await);

    harness.remove(&id).await;
    let summary = store
        .enable(&world.action(&id))
        .await
        .expect("it is enabled");
    assert!(summary.enabled);
    assert_eq!(harness.row(&id).await, row);
}

/// An administrator approves a client as it is; what it adds later switches it off.
pub async fn an_approval_covers_what_was_approved(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::Never);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let first = register(&world, &*store, &world.statement(&leaf)).await;
    assert!(first.created && !first.enabled);
    let id = first.client_id;
    harness.switch(&id, true).await;
    assert_eq!(shown(&*store, &id).await.status, RegistrationStatus::Active);
    assert!(
        register(&world, &*store, &world.statement(&leaf))
            .await
            .enabled
    );
    assert!(is_on(harness, &id).await);
    harness.give_tokens(&id).await;

    let wider = world
        .statement(&leaf)
        .claim("scope", "system/Patient.read system/Observation.read");
    assert!(!register(&world, &*store, &wider).await.enabled);
    assert!(!is_on(harness, &id).await);
    assert_eq!(harness.good_tokens(&id).await, 0);
    // To ask for less again does not bring the approval back.
    assert!(
        !register(&world, &*store, &world.statement(&leaf))
            .await
            .enabled
    );

    let summary = store
        .enable(&world.action(&id))
        .await
        .expect("it is enabled");
    assert!(summary.enabled && is_on(harness, &id).await);
    assert!(
        register(&world, &*store, &world.statement(&leaf))
            .await
            .enabled
    );
}

/// A row switched on against a block goes back to off.
pub async fn a_block_wins_over_an_administrator(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let id = register(&world, &*store, &world.statement(&world.leaf(APP)))
        .await
        .client_id;
    let block = async || {
        store
            .block(&world.action(&id), BlockScope::Registration)
            .await
            .expect("it is blocked")
    };
    block().await;
    harness.switch(&id, true).await;
    harness.give_tokens(&id).await;
    let summary = block().await;
    assert_eq!(
        (summary.status, summary.enabled),
        (RegistrationStatus::Blocked, false)
    );
    assert!(!is_on(harness, &id).await);
    assert_eq!(harness.good_tokens(&id).await, 0);
}

/// An operator who names a client that is none is told so.
pub async fn an_unknown_client_is_told(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let action = world.action("nobody");
    let blocked = store.block(&action, BlockScope::Key).await;
    assert!(matches!(blocked, Err(RegistryError::NotRegistered)));
    let enabled = store.enable(&action).await;
    assert!(matches!(enabled, Err(RegistryError::NotRegistered)));
}
