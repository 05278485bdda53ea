//! A database that is away, slow, or in somebody's hands: said so, nothing half done, and good again
//! without a restart.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::mysql::MySqlConnectOptions;
use udap::enable::EnablePolicy;
use udap::registry::{Registry, RegistryError};
use udap_store::contract::World;
use udap_store::{MySqlRegistry, OpenError, SiteClients};
use udap_testdb::{Generation, OpenEmr, Schema, TestServer};

use crate::harness::{MariaDb, clients};

const APP: &str = "https://app.example.org/client";

/// A store on a server of its own, which can be stopped.
async fn alone() -> (TestServer, Schema, OpenEmr, MySqlRegistry) {
    let server = TestServer::private();
    let registry = Schema::create(&server, None).await;
    let openemr = OpenEmr::create(&server, Generation::Columns25).await;
    let site = SiteClients {
        site: "default".to_owned(),
        clients: Arc::new(clients("default", &openemr)),
    };
    let options: MySqlConnectOptions = registry.url().parse().unwrap();
    let store = MySqlRegistry::open(options, vec![site]).await.unwrap();
    (server, registry, openemr, store)
}

/// Proves: E27
#[tokio::test]
async fn a_server_that_stops_is_unavailable_and_comes_back_without_a_restart() {
    let (server, _registry, openemr, store) = alone().await;
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let register = async || {
        store
            .apply(&world.approve(&world.statement(&leaf)), &world.context())
            .await
    };
    let first = register().await.unwrap();
    for is_killed in [false, true] {
        if is_killed {
            server.kill().await;
        } else {
            server.stop().await;
        }
        assert!(matches!(
            register().await,
            Err(RegistryError::Unavailable(_))
        ));
        assert!(matches!(
            store.ready().await,
            Err(RegistryError::Unavailable(_))
        ));
        server.start().await;
        let again = register().await.unwrap();
        assert_eq!(again.client_id, first.client_id);
        store.ready().await.unwrap();
    }
    assert_eq!(openemr.clients().await, 1);
}

/// Proves: E27
#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_what_was_begun_is_not_half_done() {
    let (server, _registry, openemr, store) = alone().await;
    let world = World::new(EnablePolicy::All);
    let approved = world.approve(&world.statement(&world.leaf(APP)));
    let context = world.context();
    // A connection that was used just now is taken as it is: its transaction hangs as it begins.
    store.ready().await.unwrap();
    server.freeze();
    let began = Instant::now();
    let hung = store.apply(&approved, &context).await;
    assert!(matches!(hung, Err(RegistryError::Unavailable(_))));
    assert!(began.elapsed() < Duration::from_secs(15));
    server.thaw();
    // The same request again finds its own work, if it was done.
    let registered = store.apply(&approved, &context).await.unwrap();
    assert!(registered.created);
    assert_eq!(openemr.clients().await, 1);
    // No connection is still in the transaction that was given up.
    for _ in 0..20 {
        assert_eq!(store.list().await.unwrap().len(), 1);
    }
}

/// Proves: E27
#[tokio::test]
async fn a_row_that_somebody_keeps_locked_is_waited_for_and_then_given_up() {
    let maria = MariaDb::new(|| OpenEmr::with(Generation::Columns25)).await;
    let store = maria.store().await;
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let statement = || world.approve(&world.statement(&leaf));
    let id = store
        .apply(&statement(), &world.context())
        .await
        .unwrap()
        .client_id;
    let mut administrator = maria.openemr().pool().begin().await.unwrap();
    sqlx::query("UPDATE oauth_clients SET client_name = 'X' WHERE client_id = ?")
        .bind(&id)
        .execute(&mut *administrator)
        .await
        .unwrap();
    let (later, context) = (statement(), world.context());
    let waiting = store.apply(&later, &context);
    let too_long = waiting.await;
    assert!(matches!(too_long, Err(RegistryError::Unavailable(_))));
    let (later, context) = (statement(), world.context());
    let (registered, ()) = tokio::join!(store.apply(&later, &context), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        administrator.rollback().await.unwrap();
    });
    assert!(!registered.unwrap().created);
}

/// A table that is being altered holds up who needs it, for a bounded time, and nothing afterwards.
///
/// Proves: E27
#[tokio::test]
async fn a_table_that_is_being_altered_is_waited_for_and_then_given_up() {
    let maria = MariaDb::new(|| OpenEmr::with(Generation::Columns25)).await;
    let store = maria.store().await;
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let register = async || {
        let approved = world.approve(&world.statement(&leaf));
        store.apply(&approved, &world.context()).await
    };
    let mut upgrade = maria.openemr().pool().acquire().await.unwrap();
    sqlx::raw_sql("LOCK TABLES oauth_clients WRITE")
        .execute(&mut *upgrade)
        .await
        .unwrap();
    let began = Instant::now();
    assert!(matches!(
        register().await,
        Err(RegistryError::Unavailable(_))
    ));
    // Before the transaction's own time is over: its connection is as good as before.
    assert!(began.elapsed() < Duration::from_secs(8));
    sqlx::raw_sql("UNLOCK TABLES")
        .execute(&mut *upgrade)
        .await
        .unwrap();
    // As often as the pool has connections, and more.
    for _ in 0..20 {
        register().await.unwrap();
    }
}

/// However many tokens OpenEMR has kept, those that can still be used are found and revoked.
#[tokio::test]
async fn tokens_are_revoked_among_a_great_many_that_expired_long_ago() {
    let maria = MariaDb::new(|| OpenEmr::with(Generation::Columns25)).await;
    let store = maria.store().await;
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let id = store
        .apply(&world.approve(&world.statement(&leaf)), &world.context())
        .await
        .unwrap()
        .client_id;
    sqlx::query(
        "INSERT INTO api_token (token, client_id, scope, expiry) \
         SELECT UUID(), ?, REPEAT('x', 200), NOW() - INTERVAL 10 DAY FROM seq_1_to_20000",
    )
    .bind(&id)
    .execute(maria.openemr().pool())
    .await
    .unwrap();
    // In a zone half a day behind, with an hour of life left.
    for token in ["one", "two"] {
        sqlx::query(
            "INSERT INTO api_token (token, client_id, expiry) \
             VALUES (?, ?, NOW() - INTERVAL 11 HOUR)",
        )
        .bind(token)
        .bind(&id)
        .execute(maria.openemr().pool())
        .await
        .unwrap();
    }
    let cancellation = world.approve_cancellation(&world.statement(&leaf));
    store.cancel(&cancellation, &world.context()).await.unwrap();
    let revoked: Vec<String> =
        sqlx::query_scalar("SELECT token FROM api_token WHERE revoked = 1 ORDER BY token")
            .fetch_all(maria.openemr().pool())
            .await
            .unwrap();
    assert_eq!(revoked, ["one", "two"]);
}

/// Connections that the server ended while nobody used them are not taken for the database's end.
#[tokio::test]
async fn connections_that_were_killed_are_replaced() {
    let (server, registry, _openemr, store) = alone().await;
    let world = World::new(EnablePolicy::All);
    let leaf = world.leaf(APP);
    let register = async || {
        let approved = world.approve(&world.statement(&leaf));
        store.apply(&approved, &world.context()).await
    };
    register().await.unwrap();
    let pool = registry.pool().await;
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT CAST(id AS SIGNED) FROM information_schema.processlist \
         WHERE id <> CONNECTION_ID() AND command = 'Sleep' AND db = ?",
    )
    .bind(registry.name())
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(!ids.is_empty());
    for id in ids {
        server.execute(None, &format!("KILL {id}")).await;
    }
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(!register().await.unwrap().created);
}

#[tokio::test]
async fn an_account_that_is_refused_and_a_server_that_is_not_there_are_told() {
    let server = TestServer::shared();
    let registry = Schema::create(server, None).await;
    let wrong: MySqlConnectOptions = server
        .url_of("nobody", "wrong", registry.name())
        .parse()
        .unwrap();
    let refused = MySqlRegistry::open(wrong, Vec::new()).await;
    assert!(matches!(refused, Err(OpenError::Sql(_))));
    let nowhere: MySqlConnectOptions = "mysql://root@127.0.0.1:1/x".parse().unwrap();
    let began = Instant::now();
    let absent = MySqlRegistry::open(nowhere, Vec::new()).await;
    assert!(matches!(absent, Err(OpenError::Sql(_))));
    assert!(began.elapsed() < Duration::from_secs(20));
}

/// Two processes that start at once make the tables once, and a start that was interrupted is ended.
#[tokio::test]
async fn tables_are_made_once_and_after_an_interruption() {
    let server = TestServer::shared();
    let registry = Schema::create(server, None).await;
    let options: MySqlConnectOptions = registry.url().parse().unwrap();
    let open = || MySqlRegistry::open(options.clone(), Vec::new());
    let (one, two, three) = tokio::join!(open(), open(), open());
    for opened in [one, two, three] {
        opened.unwrap().ready().await.unwrap();
    }
    // As a start that was killed half-way leaves it.
    server
        .execute(
            Some(registry.name()),
            "DROP TABLE gate; DROP TABLE lease; UPDATE _sqlx_migrations SET success = FALSE",
        )
        .await;
    open().await.unwrap().ready().await.unwrap();
    let pool = registry.pool().await;
    let gates: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM gate")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(gates, 2);
}
