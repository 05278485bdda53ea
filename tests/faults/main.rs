//! Kills and stops the database, and the server under test, at random moments of load; then compares what
//! apps were told with what the tables hold.
//!
//! `cargo xtask faults [--kills N]`. The variables `UDAP_FAULTS` (how often the database ends, 20 if it is
//! not set) and `UDAP_FAULTS_SEED` do the same for `cargo test --test faults -- --nocapture`. A seed repeats the
//! random choices; what the scheduler does with them it cannot repeat.
#![expect(
    clippy::disallowed_methods,
    reason = "a black-box test lives in real time and has no configuration of its own"
)]

mod app;
mod ends;
mod load;
mod tables;
mod tally;
mod verdict;

use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::StdRng;
use udap_testdb::{Generation, TestServer};
use udap_testkit::TestCommunity;
use udap_tests::{Database, MariaDb, Server, Setup, now};

use crate::app::App;
use crate::load::Load;
use crate::tables::Tables;

/// How often the database ends if nothing else is asked for.
const KILLS: u64 = 20;

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number: {value}")),
    )
}

/// Proves: E27, N25
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_client_is_half_made_and_no_success_is_lost_however_the_database_ends() {
    let kills = number("UDAP_FAULTS").unwrap_or(KILLS);
    let seed = number("UDAP_FAULTS_SEED").unwrap_or_else(rand::random);
    println!("{kills} kills and stops of the database, UDAP_FAULTS_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);

    let of = Arc::new(TestCommunity::new("example", now()));
    let database = TestServer::private();
    let store = MariaDb::create(&database, Generation::Columns25, &["default"]).await;
    let setup = Setup::new(&of).site("token_mode = \"direct\"");
    let mut server = Server::start_on(store, &setup).await;

    let load = Load::start(&server, &of, &mut random);
    let ends = ends::run(&mut server, &database, &load, kills, &mut random).await;
    let mut done = load.end().await;
    println!("{ends}\n{}", done.tally);

    // What the server still has in its hands when an answer is given up.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let look = server.database().await;
    let mut problems = std::mem::take(&mut done.problems);
    problems.extend(verdict::compare(&done.apps, &Tables::read(&look).await));
    let retried = done.retry(&server).await;
    problems.append(&mut done.problems);
    let tables = Tables::read(&look).await;
    problems.extend(verdict::compare(&done.apps, &tables));
    let (exit, report) = server.run(&["audit", "verify"]);
    if exit != Some(0) {
        problems.push(format!("the audit log is not whole: {report}"));
    }
    println!(
        "{retried} statements without a success were sent once more with another jti\n\
         {} clients of {} apps compared, with {} spent statements and {} audit events: {} problems",
        tables.clients.len(),
        done.apps.len(),
        tables.spent.len(),
        tables.events.len(),
        problems.len()
    );
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    sees_faults(&done.apps, &look).await;
}

/// Changes the tables behind the server's back: the comparison must find each change.
async fn sees_faults(apps: &[App], database: &Database) {
    let mut found = 0;
    for fault in [
        "DELETE FROM oauth_clients ORDER BY client_id LIMIT 1",
        "UPDATE oauth_clients SET is_enabled = 1 - is_enabled ORDER BY client_id LIMIT 1",
        "UPDATE oauth_clients SET client_name = 'Another' ORDER BY client_id DESC LIMIT 1",
        "DELETE FROM registration WHERE status = 'cancelled' LIMIT 1",
        "UPDATE registration SET client_name = 'Another' WHERE live = 1 LIMIT 1",
        "UPDATE spent_jti SET outcome = 'refused' WHERE outcome = 'created'",
        "UPDATE audit_event SET kind = 'modified' WHERE kind = 'registered'",
    ] {
        database.execute(fault).await;
        let problems = verdict::compare(apps, &Tables::read(database).await).len();
        assert!(problems > found, "not seen: {fault}");
        found = problems;
    }
}
