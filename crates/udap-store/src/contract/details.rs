//! One registration with all that holds for it (decisions 12).

use udap::enable::EnablePolicy;
use udap::registry::{Block, BlockScope};

use crate::contract::lifecycle::register;
use crate::contract::world::APP;
use crate::contract::{Harness, World};

/// All about one registration, and nothing about one that never was.
pub async fn a_registration_is_shown_with_all_that_holds_for_it(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    assert!(
        store
            .details("nobody")
            .await
            .expect("it is asked")
            .is_none()
    );
    let leaf = world.leaf(APP);
    let id = register(&world, &*store, &world.statement(&leaf))
        .await
        .client_id;
    let details = async || {
        let details = store.details(&id).await.expect("it is asked");
        details.expect("it is registered")
    };
    let fresh = details().await;
    let list = store.list().await.expect("they are listed");
    assert_eq!([fresh.summary], *list);
    assert_eq!(fresh.community_id, "one");
    assert_eq!(fresh.metadata["scope"], "system/Patient.read");
    assert_eq!(fresh.certificate.der(), leaf.der());
    assert_eq!(fresh.chain.len(), 1);
    assert_eq!((fresh.row, fresh.written), (Some(true), true));
    assert!(fresh.policy_enables && !fresh.admin_off && !fresh.approved);
    assert_eq!((fresh.good_at, fresh.checked_at), (World::NOW, World::NOW));
    assert_eq!((fresh.trust_off, fresh.blocks), (None, Vec::new()));

    for scope in [BlockScope::Registration, BlockScope::Key] {
        let blocked = store.block(&world.action(&id), scope).await;
        blocked.expect("it is blocked");
    }
    let blocked = details().await;
    assert_eq!((blocked.row, blocked.written), (Some(false), false));
    let block = |scope| Block {
        scope,
        since: World::NOW,
        operator: "operator".to_owned(),
        reason: Some("a reason".to_owned()),
    };
    assert_eq!(
        blocked.blocks,
        [block(BlockScope::Key), block(BlockScope::Registration)]
    );
    let enabled = store.enable(&world.action(&id)).await;
    enabled.expect("it is enabled");
    harness.remove(&id).await;
    let removed = details().await;
    assert_eq!((removed.row, removed.written), (None, true));
    assert!(removed.approved && removed.blocks.is_empty());
}
