//! Registering, modifying, cancelling, registering anew (D01–D17, D21).

use serde_json::json;
use udap::enable::EnablePolicy;
use udap::registry::{Registered, RegistrationStatus, Registry, RegistryError};
use udap_testkit::StatementBuilder;

use crate::contract::world::{APP, OTHER_SITE};
use crate::contract::{Harness, World};

/// Registers what a statement asks for, in a request of its own.
pub(super) async fn register(
    world: &World,
    store: &dyn Registry,
    statement: &StatementBuilder,
) -> Registered {
    store
        .apply(&world.approve(statement), &world.context())
        .await
        .expect("it is registered")
}

/// The first statement creates a client, an equal one with another `jti` modifies it.
pub async fn a_client_is_created_once_and_modified_after(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let context = world.context();
    let first = store
        .apply(&world.approve(&world.statement(&leaf)), &context)
        .await
        .expect("it is created");
    assert_eq!(first.client_id, context.new_client_id);
    assert_eq!(first.issued_at, World::NOW);
    assert!(first.created && first.enabled);

    let mut later = world.context();
    later.now += time::Duration::HOUR;
    let second = store
        .apply(&world.approve(&world.statement(&leaf)), &later)
        .await
        .expect("it is modified");
    assert_eq!(
        second,
        Registered {
            created: false,
            ..first
        }
    );
    assert_eq!(harness.rows().await, 1);
    assert_eq!(harness.events("registered").await, 1);
    assert_eq!(harness.events("modified").await, 1);
}

/// Everything from the earlier request is replaced; certificate, key and grant may differ.
pub async fn a_modification_replaces_everything(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let code = |uri: &str| {
        world
            .statement(&world.leaf(APP))
            .authorization_code()
            .claim("redirect_uris", json!([uri]))
    };
    let first = register(&world, &*store, &code("https://app.example.org/old")).await;
    let before = harness.row(&first.client_id).await.expect("there is a row");
    let second = register(&world, &*store, &code("https://app.example.org/new")).await;
    assert_eq!(second.client_id, first.client_id);
    assert!(!second.created);
    let after = harness.row(&first.client_id).await.expect("there is a row");
    assert!(after.redirect_uri.contains("https://app.example.org/new"));
    assert!(!after.redirect_uri.contains("https://app.example.org/old"));
    assert_ne!(after.jwks, before.jwks);

    let third = register(&world, &*store, &world.statement(&world.leaf(APP))).await;
    assert_eq!(third.client_id, first.client_id);
    assert_eq!(harness.rows().await, 1);
}

/// Another community, site or client URI is another registration.
pub async fn community_site_and_client_uri_make_the_identity(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world
        .community
        .leaf(APP)
        .and_uri("https://app.example.org/second")
        .build();
    let first = register(&world, &*store, &world.statement(&leaf)).await;
    let before = harness.row(&first.client_id).await;
    let elsewhere = world.other_community.client(APP);
    let second_uri = world
        .statement(&leaf)
        .claim("iss", "https://app.example.org/second")
        .claim("sub", "https://app.example.org/second");
    for statement in [
        world.statement(&elsewhere),
        world.statement_at(&leaf, OTHER_SITE),
        second_uri,
    ] {
        let other = register(&world, &*store, &statement).await;
        assert!(other.created);
        assert_ne!(other.client_id, first.client_id);
    }
    assert_eq!(harness.rows().await, 4);
    assert_eq!(harness.row(&first.client_id).await, before);
}

/// A cancelled client is off for good, its tokens are gone, its id is never given out again.
pub async fn a_cancelled_client_is_gone_for_good(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let unknown = store
        .cancel(
            &world.approve_cancellation(&world.statement(&leaf)),
            &world.context(),
        )
        .await;
    assert!(matches!(unknown, Err(RegistryError::NotRegistered)));

    let first = register(&world, &*store, &world.statement(&leaf)).await;
    harness.give_tokens(&first.client_id).await;
    let cancelled = store
        .cancel(
            &world.approve_cancellation(&world.statement(&leaf)),
            &world.context(),
        )
        .await
        .expect("it is cancelled");
    assert_eq!(cancelled.client_id, first.client_id);
    assert_eq!(harness.good_tokens(&first.client_id).await, 0);
    assert!(
        !harness
            .row(&first.client_id)
            .await
            .expect("the row is kept")
            .enabled
    );

    let again = store
        .cancel(
            &world.approve_cancellation(&world.statement(&leaf)),
            &world.context(),
        )
        .await;
    assert!(matches!(again, Err(RegistryError::NotRegistered)));

    let anew = register(&world, &*store, &world.statement(&leaf)).await;
    assert!(anew.created && anew.enabled);
    assert_ne!(anew.client_id, first.client_id);
    assert!(
        !harness
            .row(&first.client_id)
            .await
            .expect("the row is kept")
            .enabled
    );
    let statuses: Vec<_> = store
        .list()
        .await
        .expect("they are listed")
        .into_iter()
        .map(|one| (one.client_id, one.status, one.enabled))
        .collect();
    assert_eq!(
        statuses,
        [
            (first.client_id, RegistrationStatus::Cancelled, false),
            (anew.client_id, RegistrationStatus::Active, true),
        ]
    );
}

/// A row that somebody else made is an error, and stays as it is.
pub async fn a_client_made_by_hand_is_never_taken_over(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let mine = register(&world, &*store, &world.statement(&world.leaf(APP))).await;
    let before = harness.row(&mine.client_id).await;
    let mut context = world.context();
    context.new_client_id.clone_from(&mine.client_id);
    let other = world.statement(&world.leaf("https://other.example.org"));
    let taken = store.apply(&world.approve(&other), &context).await;
    assert!(matches!(taken, Err(RegistryError::Internal(_))));
    assert_eq!(harness.row(&mine.client_id).await, before);
    assert_eq!(store.list().await.expect("they are listed").len(), 1);
}

/// Fewer scopes, or another key, cost the tokens; an equal statement does not.
pub async fn tokens_are_revoked_when_scopes_shrink_or_the_key_changes(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let leaf = world.leaf(APP);
    let both = "system/Patient.read system/Observation.read";
    let statement = |scope: &str| world.statement(&leaf).claim("scope", scope);
    let id = register(&world, &*store, &statement(both)).await.client_id;
    harness.give_tokens(&id).await;
    let tokens = harness.good_tokens(&id).await;
    assert!(tokens > 0);
    register(&world, &*store, &statement(both)).await;
    assert_eq!(harness.good_tokens(&id).await, tokens);
    register(&world, &*store, &statement("system/Patient.read")).await;
    assert_eq!(harness.good_tokens(&id).await, 0);

    harness.give_tokens(&id).await;
    let rekeyed = world
        .statement(&world.leaf(APP))
        .claim("scope", "system/Patient.read");
    register(&world, &*store, &rekeyed).await;
    assert_eq!(harness.good_tokens(&id).await, 0);
}

/// What was committed is there after a restart.
pub async fn a_restart_keeps_everything(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let store = harness.open().await;
    let statement = world.statement(&world.leaf(APP));
    let first = register(&world, &*store, &statement).await;
    let before = store.list().await.expect("they are listed");
    drop(store);

    let store = harness.open().await;
    assert_eq!(store.list().await.expect("they are listed"), before);
    let replayed = store
        .apply(&world.approve(&statement), &world.context())
        .await;
    assert!(matches!(replayed, Err(RegistryError::Replayed)));
    let second = register(&world, &*store, &world.statement(&world.leaf(APP))).await;
    assert_eq!(second.client_id, first.client_id);
}

/// What operators see.
pub async fn the_list_tells_who_is_registered(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::Never);
    let store = harness.open().await;
    store.ready().await.expect("it is ready");
    let leaf = world.leaf(APP);
    let id = register(&world, &*store, &world.statement(&leaf))
        .await
        .client_id;
    let list = store.list().await.expect("they are listed");
    let listed = serde_json::to_value(&list).expect("it is JSON");
    let not_after = list.first().expect("there is one").certificate.not_after;
    assert_eq!(not_after, leaf.not_after());
    let rfc3339 = &time::format_description::well_known::Rfc3339;
    assert_eq!(
        listed,
        json!([{
            "client_id": id,
            "site": "default",
            "community": "https://one.example.org/udap",
            "client_uri": APP,
            "client_name": "Example App",
            "status": "disabled",
            "enabled": false,
            "certificate": {
                "fingerprint": fingerprint(leaf.der()),
                "not_after": not_after.format(rfc3339).expect("it is a time"),
            },
            "registered_at": "2026-11-22T12:00:00Z",
            "updated_at": "2026-11-22T12:00:00Z",
            "reason": "it waits for an administrator to enable it",
        }])
    );
}

fn fingerprint(der: &[u8]) -> String {
    let certificate = udap::certificate::Certificate::from_der(der).expect("it decodes");
    hex::encode(certificate.fingerprint())
}
