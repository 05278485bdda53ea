//! What the audit log keeps of a registration.

use std::sync::Arc;

use serde_json::Value;
use udap::enable::EnablePolicy;
use udap::error::{ErrorCode, Refusal, Violation};
use udap::registry::{BlockScope, OperatorAction, Registry};
use udap_openemr::{EmbeddedClients, RowKey};
use udap_store::audit::{AuditEvent, AuditFilter, AuditLog, Expectation, SealKey, Sealing};
use udap_store::contract::World;
use udap_store::{SiteClients, SqliteRegistry};

const APP: &str = "https://app.example.org/client";

async fn store() -> SqliteRegistry {
    let sites = vec![SiteClients {
        site: "default".to_owned(),
        clients: Arc::new(EmbeddedClients::new("default", RowKey::Leaf)) as _,
    }];
    SqliteRegistry::open_in_memory(sites).await.unwrap()
}

async fn events(store: &SqliteRegistry) -> Vec<AuditEvent> {
    store
        .events(&AuditFilter::default(), None, 100)
        .await
        .unwrap()
}

fn kept(events: &[AuditEvent], kind: &str) -> (Option<String>, bool) {
    let event = events.iter().find(|event| event.kind == kind).unwrap();
    let hash = event.detail.get("software_statement_sha256");
    (
        hash.and_then(Value::as_str).map(str::to_owned),
        event.detail.contains_key("software_statement"),
    )
}

/// A trusted app cannot fill the disk with statements that are refused.
#[tokio::test]
async fn a_statement_that_was_accepted_is_kept_and_of_a_refused_one_its_hash() {
    let (world, store) = (World::new(EnablePolicy::All), store().await);
    let leaf = world.leaf(APP);
    store
        .apply(&world.approve(&world.statement(&leaf)), &world.context())
        .await
        .unwrap();
    let violation = Violation::of(
        "B26",
        "contacts",
        "contacts_missing",
        "It names no contact.",
    );
    let refusal = Refusal::new(ErrorCode::InvalidClientMetadata, violation);
    store
        .record_refusal(
            &world.trust(&world.statement(&leaf)),
            &refusal,
            &world.context(),
        )
        .await
        .unwrap();
    let cancellation = world.approve_cancellation(&world.statement(&leaf));
    store.cancel(&cancellation, &world.context()).await.unwrap();
    let cancellation = world.approve_cancellation(&world.statement(&leaf));
    let again = store.cancel(&cancellation, &world.context()).await;
    assert!(again.is_err());

    let events = events(&store).await;
    for (kind, statement) in [
        ("registered", true),
        ("refused", false),
        ("cancelled", true),
        ("not_registered", false),
    ] {
        let (hash, is_kept) = kept(&events, kind);
        assert_eq!(hash.map(|hash| hash.len()), Some(64), "{kind}");
        assert_eq!(is_kept, statement, "{kind}");
    }
}

#[tokio::test]
async fn what_happened_is_sealed_and_whole() {
    let (world, store) = (World::new(EnablePolicy::All), store().await);
    let client_id = store
        .apply(
            &world.approve(&world.statement(&world.leaf(APP))),
            &world.context(),
        )
        .await
        .unwrap()
        .client_id;
    let action = OperatorAction {
        client_id,
        operator: "alice".to_owned(),
        reason: None,
        now: World::NOW,
    };
    store
        .block(&action, BlockScope::Registration)
        .await
        .unwrap();
    let key = SealKey::keyed(&[1; 32]).unwrap();
    let sealed = store.seal(&key, "holder", World::NOW).await.unwrap();
    let Sealing::Sealed { seal, .. } = sealed else {
        panic!("{sealed:?}")
    };
    let events = events(&store).await;
    assert_eq!(seal.events, events.len() as i64);
    let report = store
        .verify(&key, &Expectation::default(), World::NOW)
        .await
        .unwrap();
    assert!(report.whole, "{report:?}");
}
