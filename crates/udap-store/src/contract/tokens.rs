//! Token requests, and what is recorded before they are forwarded (G06, G08, decisions 12, 26, 27).

use std::sync::Arc;

use serde_json::{Value, json};
use time::Duration;
use tokio::task::JoinSet;
use udap::certificate::Certificate;
use udap::enable::EnablePolicy;
use udap::registry::{
    BlockScope, CheckResult, RegistryError, RequestContext, TokenRegistry, TokenStanding, TrustOff,
};
use udap::token::{AuthorizedRequest, TokenClient};
use udap::trust::RevokedCertificate;
use udap_testkit::{KeyKind, StatementBuilder, TestKey, TestLeaf};

use crate::contract::keys::kid_in;
use crate::contract::lifecycle::register;
use crate::contract::world::APP;
use crate::contract::{Harness, World};

const TASKS: usize = 16;

/// Registers an app and looks it up, as the gateway does.
pub(super) async fn known(world: &World, harness: &dyn Harness, leaf: &TestLeaf) -> TokenClient {
    let store = harness.open().await;
    let id = register(world, &*store, &world.statement(leaf))
        .await
        .client_id;
    look_up(harness, &id).await.expect("it is found")
}

async fn look_up(harness: &dyn Harness, client_id: &str) -> Option<TokenClient> {
    let tokens = harness.tokens().await;
    tokens
        .token_client(client_id)
        .await
        .expect("the store answers")
}

pub(super) async fn record(
    store: &dyn TokenRegistry,
    request: &AuthorizedRequest,
    context: &RequestContext,
) -> TokenStanding {
    store
        .record_token_request(request, context)
        .await
        .expect("the store answers")
}

/// An assertion is good once; the request that used it finds its own row. It shares its `jti` with no
/// statement.
pub async fn an_assertion_is_good_once(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let store = harness.open().await;
    let same = |statement: StatementBuilder| statement.claim("jti", "the same");
    let id = register(&world, &*store, &same(world.statement(&leaf)))
        .await
        .client_id;
    let client = look_up(harness, &id).await.expect("it is found");
    assert_eq!(client.client_uri, APP);
    assert_eq!(client.grant_types, ["client_credentials"]);
    assert!(!client.scopes.is_empty());
    let tokens = harness.tokens().await;
    let assertion = same(world.assertion(&leaf, &client));
    let request = world.authorize(&client, &assertion);
    let context = world.context();
    let row = harness.row(&id).await.expect("it has a row");
    for _ in 0..2 {
        let TokenStanding::Recorded { kid } = record(&*tokens, &request, &context).await else {
            panic!("it is recorded");
        };
        assert_eq!(kid, kid_in(&row.jwks));
    }
    assert_eq!(harness.events("token_requested").await, 1);
    for store in [tokens, harness.tokens().await] {
        let again = record(&*store, &request, &world.context()).await;
        assert_eq!(again, TokenStanding::Replayed);
    }
    assert_eq!(harness.events("token_requested").await, 1);
    // Nor does an assertion spend a statement.
    register(
        &world,
        &*store,
        &same(world.statement(&leaf)).claim("jti", "another"),
    )
    .await;
}

/// What the audit keeps says who asked and what for, and is small.
pub async fn the_audit_says_who_asked_and_what_for(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let client = known(&world, harness, &leaf).await;
    let tokens = harness.tokens().await;
    let request = world.authorize(&client, &world.assertion(&leaf, &client));
    record(&*tokens, &request, &world.context()).await;
    let said = harness.last_event("token_requested").await;
    assert!(said.len() < 600, "{said}");
    let said: Value = serde_json::from_str(&said).expect("it is JSON");
    assert_eq!(said["grant_type"], "client_credentials");
    assert_eq!(said["whole_scope"], true);
    assert_eq!(said["remote_address"], "192.0.2.1");
    assert_eq!(
        said["hl7-b2b"]["organization_id"],
        "https://hospital.example.org"
    );
    assert_eq!(
        said["certificate"]["fingerprint"],
        client
            .certificate
            .fingerprint()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect::<String>()
    );
    // An app that says much does not fill the disk.
    let long = world.assertion(&leaf, &client).claim(
        "extensions",
        json!({"hl7-b2b": {
            "version": "1",
            "organization_id": "https://hospital.example.org",
            "organization_name": "x".repeat(20_000),
            "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
        }}),
    );
    let standing = record(&*tokens, &world.authorize(&client, &long), &world.context()).await;
    assert!(matches!(standing, TokenStanding::Recorded { .. }));
    assert_eq!(harness.events("token_requested").await, 2);
    assert!(harness.longest_event("token_requested").await <= 4096);
}

/// One assertion sent sixteen times is recorded once.
pub async fn a_racing_assertion_is_recorded_once(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let client = known(&world, harness, &leaf).await;
    let request = Arc::new(world.authorize(&client, &world.assertion(&leaf, &client)));
    // Two instances on one database.
    let stores = [harness.tokens().await, harness.tokens().await];
    let mut tasks = JoinSet::new();
    for store in stores.iter().cycle().take(TASKS) {
        let (store, request) = (Arc::clone(store), Arc::clone(&request));
        let context = world.context();
        tasks.spawn(async move { record(&*store, &request, &context).await });
    }
    let outcomes = tasks.join_all().await;
    let replayed = outcomes
        .iter()
        .filter(|outcome| **outcome == TokenStanding::Replayed)
        .count();
    assert_eq!(replayed, TASKS - 1);
    assert!(
        outcomes
            .iter()
            .any(|outcome| matches!(outcome, TokenStanding::Recorded { .. }))
    );
    assert_eq!(harness.events("token_requested").await, 1);
}

/// Different assertions of one client at once are all recorded.
pub async fn racing_assertions_of_one_client_are_all_recorded(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let client = known(&world, harness, &leaf).await;
    // The first to come brings a younger certificate.
    let younger = younger(&world);
    let stores = [harness.tokens().await, harness.tokens().await];
    let mut tasks = JoinSet::new();
    for (index, store) in stores.iter().cycle().take(TASKS).enumerate() {
        let leaf = if index % 4 == 0 { &younger } else { &leaf };
        let request = world.authorize(&client, &world.assertion(leaf, &client));
        let (store, context) = (Arc::clone(store), world.context());
        tasks.spawn(async move { record(&*store, &request, &context).await });
    }
    for outcome in tasks.join_all().await {
        assert!(matches!(outcome, TokenStanding::Recorded { .. }));
    }
    assert_eq!(harness.events("token_requested").await, 16);
    assert_eq!(harness.events("certificate_renewed").await, 1);
}

fn younger(world: &World) -> TestLeaf {
    world
        .community
        .leaf(APP)
        .key(&TestKey::generate(KeyKind::Rsa2048))
        .validity(
            World::NOW - Duration::hours(1),
            World::NOW + Duration::days(90),
        )
        .build()
}

/// Ways to switch a client off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    RowOff,
    RowGone,
    Block(BlockScope),
    Distrust,
    Cancel,
}

/// Whatever switched the client off after it was looked up: it gets nothing, and its assertion is spent.
pub async fn a_client_that_is_off_gets_nothing(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let (store, tokens) = (harness.open().await, harness.tokens().await);
    let mut refused = 0;
    for way in [
        Way::RowOff,
        Way::RowGone,
        Way::Block(BlockScope::Registration),
        Way::Block(BlockScope::Everywhere),
        Way::Block(BlockScope::Key),
        Way::Distrust,
        Way::Cancel,
    ] {
        let leaf = world.leaf(&format!("https://app-{refused}.example.org/"));
        let client = known(&world, harness, &leaf).await;
        let id = client.client_id.as_str();
        let ask = || world.authorize(&client, &world.assertion(&leaf, &client));
        let before = record(&*tokens, &ask(), &world.context()).await;
        assert!(matches!(before, TokenStanding::Recorded { .. }), "{way:?}");
        harness.give_tokens(id).await;
        match way {
            Way::RowOff => harness.switch(id, false).await,
            Way::RowGone => harness.remove(id).await,
            Way::Block(scope) => {
                let blocked = store.block(&world.action(id), scope).await;
                blocked.expect("it is blocked");
            }
            Way::Distrust => {
                let records = harness.records().await;
                let live = records.live_client(id).await.expect("the store answers");
                let live = live.expect("it is live");
                let result = CheckResult::Off(TrustOff::Untrusted);
                let on = records.record_check(&live, &result, World::NOW).await;
                assert!(!on.expect("the store answers"));
            }
            Way::Cancel => {
                let cancellation = world.approve_cancellation(&world.statement(&leaf));
                let ended = store.cancel(&cancellation, &world.context()).await;
                ended.expect("it is cancelled");
            }
        }
        assert!(look_up(harness, id).await.is_none(), "{way:?}");
        let (request, context) = (ask(), world.context());
        for _ in 0..2 {
            let standing = record(&*tokens, &request, &context).await;
            assert_eq!(standing, TokenStanding::Off, "{way:?}");
        }
        refused += 1;
        assert_eq!(harness.events("token_refused").await, refused, "{way:?}");
        let again = record(&*tokens, &request, &world.context()).await;
        assert_eq!(again, TokenStanding::Replayed, "{way:?}");
        if way == Way::RowOff {
            // What the administrator did is noticed, as by a statement: no token stays good, and the
            // next statement does not switch it on.
            assert_eq!(harness.good_tokens(id).await, 0);
            let registered = register(&world, &*store, &world.statement(&leaf)).await;
            assert!(!registered.enabled);
            assert!(look_up(harness, id).await.is_none());
        }
    }
}

/// What stands against the certificate that was used counts, though the registration has another.
pub async fn the_certificate_that_was_used_is_what_counts(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let (store, tokens) = (harness.open().await, harness.tokens().await);
    let client = known(&world, harness, &world.leaf(APP)).await;
    let of_stranger = world.leaf("https://stranger.example.org/");
    // Two apps that share a key, and one's is blocked.
    let shared = world.community.leaf(APP).key(of_stranger.key()).build();
    let stranger = known(&world, harness, &of_stranger).await;
    store
        .block(&world.action(&stranger.client_id), BlockScope::Key)
        .await
        .expect("it is blocked");
    let request = world.authorize(&client, &world.assertion(&shared, &client));
    let standing = record(&*tokens, &request, &world.context()).await;
    assert_eq!(standing, TokenStanding::Off);

    let revoked = younger(&world);
    let issuer = Certificate::from_der(world.community.intermediate().der());
    let certificate = Certificate::from_der(revoked.der()).expect("a certificate");
    store
        .remember_revoked(
            &RevokedCertificate::new(&certificate, &issuer.expect("a certificate")),
            World::NOW,
        )
        .await
        .expect("it is remembered");
    let request = world.authorize(&client, &world.assertion(&revoked, &client));
    let standing = record(&*tokens, &request, &world.context()).await;
    assert_eq!(standing, TokenStanding::Off);
    // Neither of them took the registration's place.
    assert_eq!(harness.events("certificate_renewed").await, 0);
    let still = look_up(harness, &client.client_id).await;
    let still = still.expect("it is on").certificate;
    assert_eq!(still.fingerprint(), client.certificate.fingerprint());
}

/// A younger certificate takes the place of the registration's; an older one does not.
pub async fn a_younger_certificate_takes_its_place(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let (store, tokens) = (harness.open().await, harness.tokens().await);
    let first = world.leaf(APP);
    let client = known(&world, harness, &first).await;
    let id = client.client_id.as_str();
    harness.give_tokens(id).await;
    let given = harness.good_tokens(id).await;
    let second = younger(&world);
    let mut later = world.context();
    later.now += Duration::minutes(1);
    let request = world.authorize(&client, &world.assertion(&second, &client));
    for _ in 0..2 {
        let standing = record(&*tokens, &request, &later).await;
        assert!(matches!(standing, TokenStanding::Recorded { .. }));
    }
    assert_eq!(harness.events("certificate_renewed").await, 1);
    let taken = Certificate::from_der(second.der()).expect("a certificate");
    let details = store.details(id).await.expect("the store answers");
    let details = details.expect("it is registered");
    assert_eq!(details.certificate.fingerprint(), taken.fingerprint());
    assert_eq!(details.summary.certificate.not_after, taken.not_after());
    assert_eq!(details.chain.len(), 1);
    assert_eq!(
        (details.good_at, details.checked_at),
        (later.now, later.now)
    );
    // The users' tokens stay, and so does the key in the row.
    assert_eq!(harness.good_tokens(id).await, given);
    // Re-validation goes by it.
    let records = harness.records().await;
    let live = records.live_client(id).await.expect("the store answers");
    let live = live.expect("it is live");
    assert_eq!(live.certificate.fingerprint(), taken.fingerprint());

    // The old one still serves, and changes nothing: by an old look or a new one.
    let now = look_up(harness, id).await.expect("it is on");
    assert_eq!(now.certificate.fingerprint(), taken.fingerprint());
    for seen in [&client, &now] {
        let request = world.authorize(seen, &world.assertion(&first, seen));
        record(&*tokens, &request, &world.context()).await;
    }
    // Nor does a request that was looked up before it.
    let request = world.authorize(&client, &world.assertion(&second, &client));
    record(&*tokens, &request, &world.context()).await;
    assert_eq!(harness.events("certificate_renewed").await, 1);
    // A block of the key finds it.
    let blocked = store.block(&world.action(id), BlockScope::Key).await;
    blocked.expect("it is blocked");
    let request = world.authorize(&now, &world.assertion(&second, &now));
    let standing = record(&*tokens, &request, &world.context()).await;
    assert_eq!(standing, TokenStanding::Off);
}

/// A purge forgets what has expired, and nothing else.
pub async fn a_purge_forgets_expired_assertions_only(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let client = known(&world, harness, &leaf).await;
    let (store, tokens) = (harness.open().await, harness.tokens().await);
    let at = |seconds: i64| World::NOW + Duration::seconds(seconds);
    let assertion = |seconds: i64| {
        let issued = at(seconds).unix_timestamp();
        world
            .assertion(&leaf, &client)
            .claim("jti", "the same")
            .claim("iat", issued)
            .claim("exp", issued + 300)
    };
    // It lives for 300 s, and the clock skew is at most as long again.
    for (seconds, replayed) in [
        (0, false),
        (0, true),
        (300, true),
        (599, true),
        (600, false),
    ] {
        let mut context = world.context();
        context.now = at(seconds);
        let request = world.authorize(&client, &assertion(seconds));
        let standing = record(&*tokens, &request, &context).await;
        assert_eq!(
            standing == TokenStanding::Replayed,
            replayed,
            "after {seconds} s"
        );
    }
    let purge = async |seconds| store.purge(at(seconds)).await.expect("it is purged");
    // The statement, and nothing of the assertion that came last.
    assert_eq!(purge(1199).await, 1);
    let request = world.authorize(&client, &assertion(600));
    let mut context = world.context();
    context.now = at(600);
    let standing = record(&*tokens, &request, &context).await;
    assert_eq!(standing, TokenStanding::Replayed);
    assert_eq!(purge(1200).await, 1);
    assert_eq!(purge(1200).await, 0);
}

/// Letter case, spaces and other characters make another id, whatever the collation.
pub async fn only_the_very_client_id_is_found(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let client = known(&world, harness, &world.leaf(APP)).await;
    let id = client.client_id;
    for other in [
        id.to_ascii_uppercase(),
        format!("{id} "),
        format!(" {id}"),
        format!("{id}\0"),
        id.replace('c', "ć"),
        String::new(),
    ] {
        assert!(look_up(harness, &other).await.is_none(), "{other:?}");
    }
    assert!(look_up(harness, &id).await.is_some());
}

/// Whatever the FHIR server takes for one of our clients is ours, a cancelled one too (decisions 28).
pub async fn a_client_is_ours_in_every_spelling(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let id = known(&world, harness, &leaf).await.client_id;
    let tokens = harness.tokens().await;
    let is_ours = async |id: &str| tokens.is_ours("default", id).await.unwrap();
    let spellings = [
        id.clone(),
        id.to_ascii_uppercase(),
        id.to_ascii_lowercase(),
        format!("{id}  "),
    ];
    for spelling in &spellings {
        assert!(is_ours(spelling).await, "{spelling:?}");
    }
    for other in ["another", "", &id[1..], &format!("{id}x")] {
        assert!(!is_ours(other).await, "{other:?}");
    }
    assert!(tokens.is_ours("nowhere", &id).await.is_err());
    let cancellation = world.approve_cancellation(&world.statement(&leaf));
    let cancelled = harness
        .open()
        .await
        .cancel(&cancellation, &world.context())
        .await;
    assert!(cancelled.is_ok());
    for spelling in &spellings {
        assert!(is_ours(spelling).await, "{spelling:?}");
    }
}

/// Tokens for more than is registered are taken back.
pub async fn an_excess_is_taken_back(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let tokens = harness.tokens().await;
    let client = known(&world, harness, &world.leaf(APP)).await;
    let other = known(&world, harness, &world.leaf("https://other.example.org/")).await;
    for id in [&client.client_id, &other.client_id] {
        harness.give_tokens(id).await;
    }
    let given = harness.good_tokens(&other.client_id).await;
    tokens
        .revoke_excess(&client.client_id, &world.context())
        .await
        .expect("they are revoked");
    assert_eq!(harness.good_tokens(&client.client_id).await, 0);
    assert_eq!(harness.good_tokens(&other.client_id).await, given);
    assert_eq!(harness.events("excess_revoked").await, 1);
    // The client itself stays on.
    assert!(look_up(harness, &client.client_id).await.is_some());
    let nobody = tokens.revoke_excess("nobody", &world.context()).await;
    assert!(matches!(nobody, Err(RegistryError::NotRegistered)));
}
