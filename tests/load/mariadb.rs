//! How many apps the built server registers into MariaDB, beside bare transactions: with the same
//! statements, and with two inserts. Eight at a time, in turns, in one run; server, database and driver
//! on the same machine.
//!
//! `cargo bench -p udap-tests --bench mariadb`, about two minutes.

#[path = "../../crates/udap-openemr/benches/mariadb/bare.rs"]
mod bare;
#[path = "../../crates/udap-openemr/benches/mariadb/load.rs"]
mod load;

use std::sync::Arc;

use bare::{Bare, Statements};
use load::{COUNT, Times, load};
use sqlx::mysql::MySqlConnectOptions;
use tokio::task::JoinSet;
use udap_testdb::{Generation, TestServer};
use udap_testkit::{TestCommunity, TestKey};
use udap_tests::{MariaDb, Server, Setup, now};

/// Turns of each kind; one more at the beginning is not counted.
const TURNS: usize = 4;

#[tokio::main]
async fn main() {
    // A filter that is meant for another benchmark, or a run that only lists.
    let mut arguments = std::env::args().skip(1);
    if arguments.any(|it| it == "--list" || (!it.starts_with('-') && !"mariadb".contains(&it))) {
        return;
    }
    let of = Arc::new(TestCommunity::new("example", now()));
    let database = TestServer::private();
    let store = MariaDb::create(&database, Generation::Columns25, &["default"]).await;
    let options: MySqlConnectOptions = store.registry().url().parse().expect("a URL");
    let schema = store.emr("default").schema().name().to_owned();
    let setup = Setup::new(&of).site("token_mode = \"direct\"");
    let server = Arc::new(Server::start_on(store, &setup).await);
    let first = prepare(&of, &server, 0, 1).await.remove(0);
    post(&server, first).await;
    let same = Bare::new(&options, &schema, Statements::Same).await;
    let two = Bare::new(&options, &schema, Statements::TwoInserts).await;

    let mut registered = Times::default();
    let mut bare_same = Times::default();
    let mut bare_two = Times::default();
    for turn in 0..=TURNS {
        // Just before: statements live for five minutes.
        let bodies = Arc::new(prepare(&of, &server, 1 + turn * COUNT, COUNT).await);
        let one = {
            let server = Arc::clone(&server);
            load(move |index| {
                let (server, body) = (Arc::clone(&server), bodies[index].clone());
                async move { post(&server, body).await }
            })
            .await
        };
        let bare = same.clone();
        let other = load(move |_| bare.clone().run()).await;
        let bare = two.clone();
        let third = load(move |_| bare.clone().run()).await;
        if turn > 0 {
            registered.add(one);
            bare_same.add(other);
            bare_two.add(third);
        }
    }
    registered.print("registration over HTTP, RS256");
    bare_same.print("bare transaction, same statements");
    bare_two.print("bare transaction, two inserts");
    println!(
        "registration : same statements {:.2} (aim 0.70), : two inserts {:.2}",
        registered.rate() / bare_same.rate(),
        registered.rate() / bare_two.rate()
    );
}

async fn post(server: &Server, body: String) {
    let endpoint = server.endpoint();
    let answer = server.post_to(&endpoint, body, "application/json").await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// Requests of new apps.
async fn prepare(
    of: &Arc<TestCommunity>,
    server: &Server,
    from: usize,
    count: usize,
) -> Vec<String> {
    let key = TestKey::rsa();
    let mut threads = JoinSet::new();
    let parts = 2;
    for part in 0..parts {
        let (of, key, endpoint) = (Arc::clone(of), key.clone(), server.endpoint());
        threads.spawn_blocking(move || {
            (from + part..from + count)
                .step_by(parts)
                .map(|number| {
                    let uri = format!("https://app.example.org/{number}");
                    let leaf = of.leaf(&uri).key(&key).build();
                    leaf.statement(&endpoint, now()).request().to_string()
                })
                .collect::<Vec<_>>()
        });
    }
    threads.join_all().await.concat()
}
