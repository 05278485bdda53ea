//! Sixteen at once (D20, decisions 3).

use std::sync::Arc;

use tokio::task::JoinSet;
use udap::enable::EnablePolicy;
use udap::registry::{Registered, Registry, RegistryError, RequestContext};
use udap::statement::ApprovedRegistration;

use crate::contract::world::APP;
use crate::contract::{Harness, World};

const TASKS: usize = 16;

/// Sixteen first registrations that differ by `jti` alone make one client.
pub async fn racing_first_registrations_make_one_client(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let statements = std::iter::repeat_with(|| world.approve(&world.statement(&leaf)));
    let outcomes = race(harness, &world, statements).await;
    let registered: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| outcome.expect("each is registered"))
        .collect();
    assert_eq!(registered.iter().filter(|one| one.created).count(), 1);
    let first = registered.first().expect("there are sixteen");
    assert!(
        registered
            .iter()
            .all(|one| one.client_id == first.client_id)
    );
    assert_eq!(harness.rows().await, 1);
}

/// One statement sent sixteen times succeeds once.
pub async fn a_racing_statement_succeeds_once(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let approved = world.approve(&world.statement(&world.leaf(APP)));
    let outcomes = race(harness, &world, std::iter::repeat(approved)).await;
    let replayed = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(RegistryError::Replayed)))
        .count();
    assert_eq!(replayed, TASKS - 1);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(harness.rows().await, 1);
}

async fn race(
    harness: &dyn Harness,
    world: &World,
    statements: impl Iterator<Item = ApprovedRegistration>,
) -> Vec<Result<Registered, RegistryError>> {
    // Two instances on one database.
    let stores = [harness.open().await, harness.open().await];
    let mut tasks = JoinSet::new();
    for (store, approved) in stores.iter().cycle().zip(statements).take(TASKS) {
        tasks.spawn(apply(Arc::clone(store), approved, world.context()));
    }
    tasks.join_all().await
}

async fn apply(
    store: Arc<dyn Registry>,
    approved: ApprovedRegistration,
    context: RequestContext,
) -> Result<Registered, RegistryError> {
    store.apply(&approved, &context).await
}
