//! New clients into MariaDB: through the registry, beside a bare transaction with the same statements,
//! and beside one of two inserts, eight at a time, in turns, in one run.
//!
//! `cargo bench -p udap-openemr --bench mariadb`: starts a MariaDB of its own, on the disk that the
//! build is on.

#[path = "mariadb/bare.rs"]
mod bare;
#[path = "mariadb/load.rs"]
mod load;

use std::sync::Arc;

use sqlx::mysql::MySqlConnectOptions;
use tokio::task::JoinSet;
use udap::enable::EnablePolicy;
use udap::registry::Registry;
use udap::statement::ApprovedRegistration;
use udap_openemr::{OpenEmrClients, OpenEmrOptions, RowKey};
use udap_store::contract::World;
use udap_store::{MySqlRegistry, SiteClients};
use udap_testdb::{Generation, OpenEmr, Schema, TestServer};
use udap_testkit::TestKey;

use bare::{Bare, Statements};
use load::{COUNT, Times, load};

/// Turns of each kind; one more at the beginning is not counted.
const TURNS: usize = 4;

fn main() {
    // A filter that is meant for another benchmark, or a run that only lists.
    let mut arguments = std::env::args().skip(1);
    if arguments.any(|it| it == "--list" || (!it.starts_with('-') && !"mariadb".contains(&it))) {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let world = Arc::new(World::new(EnablePolicy::All));
    let server = TestServer::private();
    let registry = Schema::create(&server, None).await;
    let openemr = OpenEmr::create(&server, Generation::Columns25).await;
    let options: MySqlConnectOptions = registry.url().parse().expect("a URL");
    let clients = OpenEmrClients::new(OpenEmrOptions {
        site: "default".to_owned(),
        schema: openemr.schema().name().to_owned(),
        key: RowKey::Leaf.into(),
        honour_manual_approval: true,
    });
    let site = SiteClients {
        site: "default".to_owned(),
        clients: Arc::new(clients),
    };
    let store = MySqlRegistry::open(options.clone(), vec![site])
        .await
        .expect("it opens");
    let mut prepared = prepare(&world, COUNT * (TURNS + 1) + 1).await;
    let first = prepared.pop().expect("one is prepared");
    store
        .apply(&first, &world.context())
        .await
        .expect("it is registered");
    let same = Bare::new(&options, openemr.schema().name(), Statements::Same).await;
    let two = Bare::new(&options, openemr.schema().name(), Statements::TwoInserts).await;

    let mut registered = Times::default();
    let mut bare_same = Times::default();
    let mut bare_two = Times::default();
    for turn in 0..=TURNS {
        let batch = Arc::new(prepared.split_off(prepared.len() - COUNT));
        let (store, world) = (store.clone(), Arc::clone(&world));
        let apply = move |index: usize| {
            let (store, world, batch) = (store.clone(), Arc::clone(&world), Arc::clone(&batch));
            async move {
                let context = world.context();
                let registered = store.apply(&batch[index], &context).await;
                assert!(registered.expect("it is registered").created);
            }
        };
        let one = load(apply).await;
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
    registered.print("registration");
    bare_same.print("bare transaction, same statements");
    bare_two.print("bare transaction, two inserts");
    println!(
        "registration : same statements {:.2} (aim 0.70), : two inserts {:.2}",
        registered.rate() / bare_same.rate(),
        registered.rate() / bare_two.rate()
    );
}

async fn prepare(world: &Arc<World>, count: usize) -> Vec<ApprovedRegistration> {
    let key = TestKey::rsa();
    let mut threads = JoinSet::new();
    let parts = 2;
    for part in 0..parts {
        let (world, key) = (Arc::clone(world), key.clone());
        threads.spawn_blocking(move || {
            (part..count)
                .step_by(parts)
                .map(|number| {
                    let uri = format!("https://app.example.org/{number}");
                    let leaf = world.community.leaf(&uri).key(&key).build();
                    world.approve(&world.statement(&leaf))
                })
                .collect::<Vec<_>>()
        });
    }
    threads.join_all().await.into_iter().flatten().collect()
}
