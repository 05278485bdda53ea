//! A database that stops, hangs, holds locks or loses connections. Each test has a MariaDB server of its own,
//! whatever the other tests run on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{AssertSqlSafe, MySqlConnection};
use udap_testdb::{Generation, TestServer};
use udap_testkit::{StatementBuilder, TestCommunity};
use udap_tests::{Answer, Cut, MariaDb, Proxy, Server, Setup, Store, now};

const APP: &str = "https://app.example.org/";
/// A server that does not know more of its database than that it is silent must have answered by then.
const DEADLINE: Duration = Duration::from_secs(40);
/// Within this a server finds a database that is back.
const SOON: Duration = Duration::from_secs(10);

async fn store(database: &TestServer) -> MariaDb {
    MariaDb::create(database, Generation::Columns25, &["default"]).await
}

fn on(server: &Server) -> &MariaDb {
    match server.store() {
        Store::MariaDb(store) => store,
        Store::Embedded(_) => panic!("the server was started on MariaDB"),
    }
}

/// E27: an answer that says so, and when to come back.
fn is_unavailable(answer: &Answer) {
    let (status, error, _) = answer.refusal();
    assert_eq!(
        (status, error),
        (503, "temporarily_unavailable"),
        "{answer:?}"
    );
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
}

async fn post_at_once(server: &Arc<Server>, statements: Vec<StatementBuilder>) -> Vec<Answer> {
    let sent: Vec<_> = statements
        .into_iter()
        .map(|statement| {
            let server = Arc::clone(server);
            tokio::spawn(async move { server.post(&statement).await })
        })
        .collect();
    let mut answers = Vec::new();
    for answer in sent {
        answers.push(answer.await.unwrap());
    }
    answers
}

/// Clients are whole: as many here as there, and these are among them.
async fn are_whole(server: &Server, client_ids: &[String], clients: i64) {
    let database = server.database().await;
    for client_id in client_ids {
        assert!(database.is_enabled(client_id).await);
    }
    assert_eq!(database.clients().await, clients);
    let registered = "SELECT count(*) FROM registration WHERE live = 1";
    assert_eq!(database.number(registered).await, clients);
    let events = "SELECT count(*) FROM audit_event WHERE kind = 'registered'";
    assert_eq!(database.number(events).await, clients);
}

async fn soon_registers(server: &Server, statement: impl Fn() -> StatementBuilder) -> Answer {
    let since = Instant::now();
    loop {
        let answer = server.post(&statement()).await;
        if answer.status != 503 {
            return answer;
        }
        is_unavailable(&answer);
        assert!(since.elapsed() < SOON, "the database is back: {answer:?}");
    }
}

/// Proves: E27, N25
#[tokio::test]
async fn while_the_database_is_stopped_the_answer_is_503_and_afterwards_the_same_server_registers()
{
    let of = TestCommunity::new("example", now());
    let database = TestServer::private();
    let server = Server::start_on(store(&database).await, &Setup::new(&of)).await;
    let process = server.process_id();
    let leaf = of.client(APP);
    let statement = server.statement(&leaf);
    for kill in [false, true] {
        if kill {
            database.kill().await;
        } else {
            database.stop().await;
        }
        is_unavailable(&server.post(&statement).await);
        assert_eq!(server.health().await["status"], "unavailable");
        database.start().await;
        assert_eq!(server.health().await["status"], "ready");
        if !kill {
            continue;
        }
        let registered = server.post(&statement).await;
        assert_eq!(registered.status, 201, "not used yet: {registered:?}");
        are_whole(&server, &[registered.client_id()], 1).await;
    }
    assert_eq!(server.process_id(), process);
}

/// Proves: E27
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_is_answered_for_in_time_and_makes_no_false_success() {
    let of = TestCommunity::new("example", now());
    let database = TestServer::private();
    let server = Server::start_on(store(&database).await, &Setup::new(&of)).await;
    let server = Arc::new(server);
    let leaves: Vec<_> = (0..6)
        .map(|number| of.client(&format!("https://app{number}.example.org/")))
        .collect();
    let statements = || leaves.iter().map(|leaf| server.statement(leaf)).collect();
    // Some are caught on their way.
    let sent = tokio::spawn({
        let (server, statements) = (Arc::clone(&server), statements());
        async move { post_at_once(&server, statements).await }
    });
    tokio::time::sleep(Duration::from_millis(60)).await;
    database.freeze();
    let since = Instant::now();
    let refused = server.post(&server.statement(&of.client(APP))).await;
    is_unavailable(&refused);
    let answers = sent.await.unwrap();
    assert!(since.elapsed() < DEADLINE, "{:?}", since.elapsed());
    assert_eq!(server.health().await["status"], "unavailable");
    database.thaw();

    let mut client_ids = Vec::new();
    for answer in answers {
        match answer.status {
            201 => client_ids.push(answer.client_id()),
            _ => is_unavailable(&answer),
        }
    }
    // What hung may have been committed by now, and then is modified.
    for leaf in &leaves {
        let answer = soon_registers(&server, || server.statement(leaf)).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        client_ids.push(answer.client_id());
    }
    are_whole(&server, &client_ids, 6).await;
    assert_eq!(server.health().await["status"], "ready");
}

/// An administrator's transaction, with this client's row locked.
async fn lock(connection: &mut MySqlConnection, emr: &str, client_id: &str) {
    let lock = format!(
        "START TRANSACTION; \
         SELECT client_id FROM {emr}.oauth_clients WHERE client_id = '{client_id}' FOR UPDATE"
    );
    run(connection, lock).await;
}

async fn run(connection: &mut MySqlConnection, sql: String) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
    done.unwrap();
}

/// Proves: E27
#[tokio::test]
async fn a_row_that_is_locked_too_long_is_503_and_one_that_is_locked_for_a_moment_is_waited_for() {
    let of = TestCommunity::new("example", now());
    let database = TestServer::private();
    let server = Server::start_on(store(&database).await, &Setup::new(&of)).await;
    let leaf = of.client(APP);
    let client_id = server.post(&server.statement(&leaf)).await.client_id();
    let emr = on(&server).emr("default");
    let mut administrator = emr.pool().acquire().await.unwrap();

    lock(&mut administrator, emr.schema().name(), &client_id).await;
    let renamed = server.statement(&leaf).claim("client_name", "Renamed");
    is_unavailable(&server.post(&renamed).await);
    run(&mut administrator, "ROLLBACK".to_owned()).await;
    let answer = server.post(&renamed).await;
    assert_eq!(answer.status, 200, "not used yet: {answer:?}");

    lock(&mut administrator, emr.schema().name(), &client_id).await;
    let again = server.statement(&leaf).claim("client_name", "Again");
    let (answer, ()) = tokio::join!(server.post(&again), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        run(&mut administrator, "COMMIT".to_owned()).await;
    });
    assert_eq!((answer.status, answer.client_id()), (200, client_id));
}

/// Proves: E27
#[tokio::test]
async fn a_deadlock_is_not_the_apps_to_notice() {
    let of = TestCommunity::new("example", now());
    let database = TestServer::private();
    let server = Server::start_on(store(&database).await, &Setup::new(&of)).await;
    let leaf = of.client(APP);
    let client_id = server.post(&server.statement(&leaf)).await.client_id();
    let (emr, registry) = (on(&server).emr("default"), on(&server).registry().name());
    let schema = emr.schema().name();
    let mut administrator = emr.pool().acquire().await.unwrap();

    lock(&mut administrator, schema, &client_id).await;
    // Whoever has written less is rolled back: that is to be the server.
    let rows: Vec<_> = (0..50)
        .map(|row| format!("('by-hand-{row}', '', '')"))
        .collect();
    let insert = format!(
        "INSERT INTO {schema}.oauth_clients (client_id, client_name, redirect_uri) VALUES {}",
        rows.join(", ")
    );
    run(&mut administrator, insert).await;
    let renamed = server.statement(&leaf).claim("client_name", "Renamed");
    let (answer, ()) = tokio::join!(server.post(&renamed), async {
        // By now the server has its own row, and waits for the client's.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let other = format!("SELECT id FROM {registry}.registration FOR UPDATE; ROLLBACK");
        run(&mut administrator, other).await;
    });
    assert_eq!((answer.status, answer.client_id()), (200, client_id));
}

/// Proves: E27
#[tokio::test]
async fn connections_that_an_administrator_kills_are_made_anew() {
    let of = TestCommunity::new("example", now());
    let database = TestServer::private();
    let server = Server::start_on(store(&database).await, &Setup::new(&of)).await;
    let registry = on(&server).registry();
    let leaf = of.client(APP);
    let first = server.post(&server.statement(&leaf)).await.client_id();
    for _ in 0..3 {
        let pool = on(&server).emr("default").pool();
        let ids: Vec<u64> = sqlx::query_scalar(
            "SELECT CAST(id AS UNSIGNED) FROM information_schema.processlist WHERE db = ?",
        )
        .bind(registry.name())
        .fetch_all(pool)
        .await
        .unwrap();
        assert!(!ids.is_empty());
        for id in ids {
            // It may have ended by itself.
            let kill = sqlx::raw_sql(AssertSqlSafe(format!("KILL {id}")));
            let _ = kill.execute(pool).await;
        }
        let answer = server.post(&server.statement(&leaf)).await;
        assert_eq!((answer.status, answer.client_id()), (200, first.clone()));
    }
    are_whole(&server, &[first], 1).await;
}

/// Proves: E27
#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_few_connections_registers_all_the_same() {
    let of = TestCommunity::new("example", now());
    let database = TestServer::private();
    let store = store(&database).await;
    let (registry, emr) = (store.registry().name(), store.emr("default"));
    let account = format!(
        "CREATE USER few@'127.0.0.1' IDENTIFIED BY 'few' WITH MAX_USER_CONNECTIONS 3; \
         GRANT ALL ON {registry}.* TO few@'127.0.0.1'; \
         GRANT ALL ON {}.* TO few@'127.0.0.1'",
        emr.schema().name()
    );
    database.execute(None, &account).await;
    let store = store.with_url(|schema| database.url_of("few", "few", schema.name()));
    let server = Arc::new(Server::start_on(store, &Setup::new(&of)).await);
    let leaves: Vec<_> = (0..12)
        .map(|number| of.client(&format!("https://app{number}.example.org/")))
        .collect();
    let statements: Vec<_> = leaves.iter().map(|leaf| server.statement(leaf)).collect();
    let mut client_ids = Vec::new();
    for (answer, statement) in post_at_once(&server, statements.clone())
        .await
        .into_iter()
        .zip(&statements)
    {
        if answer.status == 201 {
            client_ids.push(answer.client_id());
            continue;
        }
        is_unavailable(&answer);
        let answer = server.post(statement).await;
        assert_eq!(answer.status, 201, "not used yet: {answer:?}");
        client_ids.push(answer.client_id());
    }
    are_whole(&server, &client_ids, 12).await;
}

/// Proves: C26, E27
#[tokio::test]
async fn a_connection_lost_at_the_commit_makes_neither_a_false_answer_nor_two_clients() {
    let of = TestCommunity::new("example", now());
    let database = TestServer::private();
    let proxy = Proxy::before(database.port());
    let store = store(&database).await;
    let store = store.with_url(|schema| {
        let port = proxy.port();
        format!(
            "mysql://root@127.0.0.1:{port}/{}?ssl-mode=DISABLED",
            schema.name()
        )
    });
    let server = Server::start_on(store, &Setup::new(&of)).await;
    let app = |number: u32| of.client(&format!("https://app{number}.example.org/"));
    let mut client_ids = Vec::new();
    for (number, cut) in (0..).zip([Cut::BeforeCommit, Cut::AfterCommit]) {
        let leaf = app(number);
        for (change, status) in [("One", 201), ("Two", 200)] {
            let statement = server.statement(&leaf).claim("client_name", change);
            proxy.cut(&[cut]);
            let answer = server.post(&statement).await;
            assert_eq!(proxy.left(), 0);
            assert_eq!(answer.status, status, "{cut:?}: {answer:?}");
            let row = server.database().await.client(&answer.client_id()).await;
            assert_eq!(row.get::<String, _>("client_name"), change);
            client_ids.push(answer.client_id());
            let replayed = server.post(&statement).await;
            assert_eq!(replayed.refusal().2, ["C24"]);
        }
    }
    // As often as it is tried: the statement is not used.
    let statement = server.statement(&app(2));
    proxy.cut(&[Cut::BeforeCommit; 2]);
    is_unavailable(&server.post(&statement).await);
    let registered = server.post(&statement).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    client_ids.push(registered.client_id());

    let cancellation = server.statement(&app(0)).cancellation();
    proxy.cut(&[Cut::AfterCommit]);
    let cancelled = server.post(&cancellation).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(cancelled.body["grant_types"], Value::Array(Vec::new()));
    let off = client_ids.remove(0);
    client_ids.retain(|client_id| *client_id != off);
    let look = server.database().await;
    assert!(!look.is_enabled(&off).await);
    for client_id in &client_ids {
        assert!(look.is_enabled(client_id).await);
    }
    assert_eq!(look.clients().await, 3);
    let events =
        "SELECT count(*) FROM audit_event WHERE kind IN ('registered', 'modified', 'cancelled')";
    assert_eq!(look.number(events).await, 6);
}
