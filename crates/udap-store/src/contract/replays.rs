//! Statements that come twice, and what a failure leaves behind (C24–C26, E27, decisions 3).

use serde_json::json;
use time::Duration;
use udap::enable::EnablePolicy;
use udap::error::{ErrorCode, Refusal, Violation};
use udap::registry::{RegistryError, Standing};

use crate::contract::lifecycle::register;
use crate::contract::world::APP;
use crate::contract::{Harness, World};

/// A statement is good once.
pub async fn a_statement_is_spent_by_its_success(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let statement = world.statement(&leaf);
    let trusted = world.trust(&statement);
    let standing = store.standing(&trusted, World::NOW).await;
    assert_eq!(standing.expect("it is looked up"), Standing::Clear);
    register(&world, &*store, &statement).await;
    let standing = store.standing(&trusted, World::NOW).await;
    assert_eq!(standing.expect("it is looked up"), Standing::Spent);
    let replayed = store
        .apply(&world.approve(&statement), &world.context())
        .await;
    assert!(matches!(replayed, Err(RegistryError::Replayed)));
    assert_eq!(harness.events("modified").await, 0);

    let statement = world.statement(&leaf);
    let cancellation = world.approve_cancellation(&statement);
    store
        .cancel(&cancellation, &world.context())
        .await
        .expect("it is cancelled");
    let replayed = store.cancel(&cancellation, &world.context()).await;
    assert!(matches!(replayed, Err(RegistryError::Replayed)));
}

/// After an unknown commit outcome the same request finds what it did.
pub async fn a_retried_request_is_answered_as_before(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    for _ in 0..2 {
        let (approved, context) = (world.approve(&world.statement(&leaf)), world.context());
        let first = store
            .apply(&approved, &context)
            .await
            .expect("it is registered");
        let second = store
            .apply(&approved, &context)
            .await
            .expect("it is answered");
        assert_eq!(first, second);
    }
    assert_eq!(harness.events("registered").await, 1);
    assert_eq!(harness.events("modified").await, 1);

    let (cancellation, context) = (
        world.approve_cancellation(&world.statement(&leaf)),
        world.context(),
    );
    let first = store
        .cancel(&cancellation, &context)
        .await
        .expect("it is cancelled");
    let second = store
        .cancel(&cancellation, &context)
        .await
        .expect("it is answered");
    assert_eq!(first, second);

    let (cancellation, context) = (
        world.approve_cancellation(&world.statement(&leaf)),
        world.context(),
    );
    for _ in 0..2 {
        let unknown = store.cancel(&cancellation, &context).await;
        assert!(matches!(unknown, Err(RegistryError::NotRegistered)));
    }
    assert_eq!(harness.events("not_registered").await, 1);
}

/// A statement that was refused after trust is spent; a cancellation without registration too.
pub async fn a_statement_is_spent_by_its_refusal(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let statement = world.statement(&leaf);
    let trusted = world.trust(&statement);
    let refusal = Refusal::new(
        ErrorCode::InvalidClientMetadata,
        Violation::of("B20", "client_name", "client_name_missing", "is required"),
    );
    let context = world.context();
    for _ in 0..2 {
        store
            .record_refusal(&trusted, &refusal, &context)
            .await
            .expect("it is recorded, once");
    }
    assert_eq!(harness.events("refused").await, 1);
    let replayed = store
        .record_refusal(&trusted, &refusal, &world.context())
        .await;
    assert!(matches!(replayed, Err(RegistryError::Replayed)));
    let replayed = store
        .apply(&world.approve(&statement), &world.context())
        .await;
    assert!(matches!(replayed, Err(RegistryError::Replayed)));
    assert_eq!(harness.rows().await, 0);

    let statement = world.statement(&leaf);
    let unknown = store
        .cancel(&world.approve_cancellation(&statement), &world.context())
        .await;
    assert!(matches!(unknown, Err(RegistryError::NotRegistered)));
    let standing = store.standing(&world.trust(&statement), World::NOW).await;
    assert_eq!(standing.expect("it is looked up"), Standing::Spent);
}

/// A `jti` is an issuer's own, and can be used again once every statement with it has expired.
pub async fn a_jti_belongs_to_its_issuer_and_its_time(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let jti = |statement: udap_testkit::StatementBuilder| statement.claim("jti", "the same");
    register(&world, &*store, &jti(world.statement(&leaf))).await;
    let other = world.leaf("https://other.example.org");
    register(&world, &*store, &jti(world.statement(&other))).await;

    // The statement lives for 300 s, and the clock skew is at most as long again.
    for (seconds, spent) in [(0, true), (300, true), (599, true), (600, false)] {
        let now = World::NOW + Duration::seconds(seconds);
        let statement = jti(world.statement(&leaf))
            .claim("iat", now.unix_timestamp())
            .claim("exp", now.unix_timestamp() + 300);
        let standing = store.standing(&world.trust(&statement), now).await;
        let expected = if spent {
            Standing::Spent
        } else {
            Standing::Clear
        };
        assert_eq!(
            standing.expect("it is looked up"),
            expected,
            "after {seconds} s"
        );
        let mut context = world.context();
        context.now = now;
        let outcome = store.apply(&world.approve(&statement), &context).await;
        assert_eq!(outcome.is_ok(), !spent, "after {seconds} s");
    }
}

/// A purge forgets what has expired, and nothing else.
pub async fn a_purge_forgets_expired_statements_only(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let statement = world.statement(&world.leaf(APP));
    register(&world, &*store, &statement).await;
    let late = World::NOW + Duration::seconds(600);
    let young = world
        .statement(&world.leaf(APP))
        .claim("iat", late.unix_timestamp())
        .claim("exp", late.unix_timestamp() + 300);
    register(&world, &*store, &young).await;

    let purge = async |at| store.purge(at).await.expect("it is purged");
    assert_eq!(purge(World::NOW + Duration::seconds(599)).await, 0);
    assert_eq!(purge(late).await, 1);
    assert_eq!(purge(late).await, 0);
    let replayed = store.apply(&world.approve(&young), &world.context()).await;
    assert!(matches!(replayed, Err(RegistryError::Replayed)));
    assert_eq!(store.list().await.expect("they are listed").len(), 1);
}

/// A client that cannot be written leaves nothing behind: no row, no record, no spent statement.
pub async fn a_failure_leaves_nothing_behind(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let statement = world.statement(&leaf);
    harness.break_clients(true);
    let failed = store
        .apply(&world.approve(&statement), &world.context())
        .await;
    assert!(matches!(failed, Err(RegistryError::Internal(_))));
    assert_eq!(harness.rows().await, 0);
    assert!(store.list().await.expect("they are listed").is_empty());
    assert_eq!(harness.events("registered").await, 0);
    harness.break_clients(false);
    // The very same statement is still good.
    let first = register(&world, &*store, &statement).await;
    assert!(first.created);

    let before = (
        store.list().await.expect("listed"),
        harness.row(&first.client_id).await,
    );
    harness.give_tokens(&first.client_id).await;
    let tokens = harness.good_tokens(&first.client_id).await;
    harness.break_clients(true);
    let wider = world
        .statement(&world.leaf(APP))
        .authorization_code()
        .claim("redirect_uris", json!(["https://app.example.org/new"]));
    let failed = store.apply(&world.approve(&wider), &world.context()).await;
    assert!(matches!(failed, Err(RegistryError::Internal(_))));
    let cancellation = world.approve_cancellation(&world.statement(&leaf));
    let failed = store.cancel(&cancellation, &world.context()).await;
    assert!(matches!(failed, Err(RegistryError::Internal(_))));
    let blocked = store
        .block(
            &world.action(&first.client_id),
            udap::registry::BlockScope::Everywhere,
        )
        .await;
    assert!(matches!(blocked, Err(RegistryError::Internal(_))));
    let after = (
        store.list().await.expect("listed"),
        harness.row(&first.client_id).await,
    );
    assert_eq!(after, before);
    assert_eq!(harness.good_tokens(&first.client_id).await, tokens);
    harness.break_clients(false);
    store
        .cancel(&cancellation, &world.context())
        .await
        .expect("it is cancelled");
}
