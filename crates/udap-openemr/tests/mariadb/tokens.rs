//! Token requests, and whoever gives rows another key, beside what is being written at the same time.

use std::sync::Arc;
use std::time::Duration;

use udap::enable::EnablePolicy;
use udap::registry::{BlockScope, Registry, TokenRegistry, TokenStanding};
use udap_store::contract::World;
use udap_store::{KeyRegistry, MySqlRegistry, SiteClients};
use udap_testdb::{Generation, OpenEmr, Schema, TestServer};
use udap_testkit::TestLeaf;

use crate::harness::{MariaDb, clients};

const APP: &str = "https://app.example.org/client";

async fn scene() -> (MariaDb, World, Arc<MySqlRegistry>, TestLeaf, String) {
    let maria = MariaDb::new(|| OpenEmr::with(Generation::Columns25)).await;
    let world = World::new(EnablePolicy::All);
    let store = Arc::new(maria.store().await);
    let leaf = world.leaf(APP);
    let approved = world.approve(&world.statement(&leaf));
    let registered = store.apply(&approved, &world.context()).await.unwrap();
    (maria, world, store, leaf, registered.client_id)
}

/// A request that was looked up before a check came waits for what the check finds.
#[tokio::test]
async fn a_token_request_waits_for_the_check_that_is_taking_its_trust() {
    let (maria, world, store, leaf, id) = scene().await;
    let client = store.token_client(&id).await.unwrap().unwrap();
    let request = world.authorize(&client, &world.assertion(&leaf, &client));
    let pool = maria.registry.pool().await;
    let mut check = pool.begin().await.unwrap();
    sqlx::query("UPDATE registration SET trust_off = 'revoked' WHERE client_id = ?")
        .bind(&id)
        .execute(&mut *check)
        .await
        .unwrap();
    let context = world.context();
    let asking = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.record_token_request(&request, &context).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!asking.is_finished());
    check.commit().await.unwrap();
    assert_eq!(asking.await.unwrap().unwrap(), TokenStanding::Off);
}

/// A token request that is under way is waited for by whoever blocks the app, and is the last.
#[tokio::test]
async fn an_operator_who_blocks_waits_for_the_token_request_that_is_under_way() {
    let (maria, world, store, leaf, id) = scene().await;
    let client = store.token_client(&id).await.unwrap().unwrap();
    let request = world.authorize(&client, &world.assertion(&leaf, &client));
    let mut somebody = maria.openemr().pool().begin().await.unwrap();
    sqlx::query("SELECT 1 FROM oauth_clients WHERE client_id = ? FOR UPDATE")
        .bind(&id)
        .execute(&mut *somebody)
        .await
        .unwrap();
    let context = world.context();
    let asking = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.record_token_request(&request, &context).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let action = world.action(&id);
    let blocking = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.block(&action, BlockScope::Registration).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!asking.is_finished() && !blocking.is_finished());
    somebody.rollback().await.unwrap();
    let recorded = asking.await.unwrap().unwrap();
    assert!(matches!(recorded, TokenStanding::Recorded { .. }));
    blocking.await.unwrap().unwrap();
    assert!(store.token_client(&id).await.unwrap().is_none());
    let request = world.authorize(&client, &world.assertion(&leaf, &client));
    let standing = store.record_token_request(&request, &world.context()).await;
    assert_eq!(standing.unwrap(), TokenStanding::Off);
}

/// A statement that was begun under the old key has been written when rows are looked at.
#[tokio::test]
async fn whoever_gives_rows_another_key_waits_for_the_statement_that_is_under_way() {
    let (maria, world, store, _, _) = scene().await;
    // Somebody is about to write a row of the id that the new client gets, and thinks better of it.
    let mut context = world.context();
    context.new_client_id = "contested".to_owned();
    let mut somebody = maria.openemr().pool().begin().await.unwrap();
    sqlx::query("INSERT INTO oauth_clients (client_id, client_name) VALUES ('contested', 'X')")
        .execute(&mut *somebody)
        .await
        .unwrap();
    let approved = world.approve(&world.statement(&world.leaf("https://other.example.org/")));
    let registering = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.apply(&approved, &context).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let settling = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.settle().await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!registering.is_finished() && !settling.is_finished());
    somebody.rollback().await.unwrap();
    assert!(registering.await.unwrap().unwrap().created);
    settling.await.unwrap().unwrap();
    let (rows, _) = store.keyed_rows("default", None, 100).await.unwrap();
    assert_eq!(rows.len(), 2);
}

/// What a token request costs the database: one look, and one transaction of two questions about our own
/// tables, one about the client's row, and two inserts.
#[tokio::test]
async fn a_token_request_costs_few_statements() {
    // A server of its own: others' statements would be counted, too.
    let server = TestServer::private();
    let registry = Schema::create(&server, None).await;
    let openemr = OpenEmr::with(Generation::Columns25).create(&server).await;
    let site = SiteClients {
        site: "default".to_owned(),
        clients: Arc::new(clients("default", &openemr)),
    };
    let options = registry.url().parse().unwrap();
    let store = MySqlRegistry::open(options, vec![site]).await.unwrap();
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let approved = world.approve(&world.statement(&leaf));
    let id = store.apply(&approved, &world.context()).await.unwrap();
    let pool = registry.pool().await;
    let count = async || {
        let names = [
            "Com_select",
            "Com_insert",
            "Com_update",
            "Com_delete",
            "Com_commit",
        ];
        let mut counts = Vec::new();
        for name in names {
            let sql = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status \
                       WHERE variable_name = ?";
            let number: i64 = sqlx::query_scalar(sql)
                .bind(name)
                .fetch_one(&pool)
                .await
                .unwrap();
            counts.push(number);
        }
        counts
    };
    let ask = async || {
        let client = store.token_client(&id.client_id).await.unwrap().unwrap();
        let request = world.authorize(&client, &world.assertion(&leaf, &client));
        let standing = store.record_token_request(&request, &world.context()).await;
        assert!(matches!(standing.unwrap(), TokenStanding::Recorded { .. }));
    };
    ask().await;
    let idle = count().await;
    let before = count().await;
    let of_counting = before[0] - idle[0];
    for _ in 0..10 {
        ask().await;
    }
    let after = count().await;
    let spent: Vec<_> = (after.iter().zip(&before))
        .map(|(after, before)| after - before)
        .collect();
    // Looking: the registration, the row. Recording: the gate, the registration, what stands against it,
    // the row.
    assert_eq!(spent[0] - of_counting, 60, "{spent:?}");
    assert_eq!(spent[1..], [20, 0, 0, 10], "{spent:?}");
}

/// Whom OpenEMR would find is asked of its own table, which may tell letter case apart (decisions 28).
#[tokio::test]
async fn whose_client_it_is_goes_by_the_tables_own_comparison() {
    let (maria, _world, store, _leaf, id) = scene().await;
    let is_ours = async |id: &str| store.is_ours("default", id).await.unwrap();
    assert!(is_ours(&id).await);
    assert!(is_ours(&id.to_ascii_uppercase()).await);
    sqlx::query("ALTER TABLE oauth_clients CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        .execute(maria.openemr().pool())
        .await
        .unwrap();
    assert!(is_ours(&id).await);
    assert!(!is_ours(&id.to_ascii_uppercase()).await);
}
