//! A new client into a SQLite file, beside a bare transaction that inserts as many rows of the same
//! size into the same tables, with the same settings (WAL, synchronous FULL).
//!
//! Elapsed time is mostly the disk's; CPU time is ours and SQLite's.

#[path = "../../udap/benches/support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::measurement::{Measurement, WallTime};
use criterion::{BatchSize, Criterion};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use support::{Comparison, CpuTime, Ratio};
use tokio::runtime::Runtime;
use udap::enable::EnablePolicy;
use udap::registry::Registry;
use udap::statement::ApprovedRegistration;
use udap_openemr::{EmbeddedClients, RowKey};
use udap_store::contract::World;
use udap_store::{SiteClients, SqliteRegistry};
use udap_testkit::TestKey;

const MEASURES: [&str; 2] = ["into SQLite, elapsed", "into SQLite, CPU"];

fn main() {
    let ratios = MEASURES
        .into_iter()
        // 70 % of the bare transaction's rate.
        .zip([Some(1.43), None])
        .map(|(measure, aim)| {
            Ratio::new(
                format!("{measure}/registration"),
                format!("{measure}/bare transaction"),
                aim,
            )
        });
    let comparison = Comparison::new(ratios.collect());
    let bench = Bench::new();
    let [elapsed, cpu] = MEASURES;
    let mut criterion = support::criterion(WallTime);
    bench.run(&mut criterion, elapsed);
    criterion.final_summary();
    let mut criterion = support::criterion(CpuTime::default());
    bench.run(&mut criterion, cpu);
    criterion.final_summary();
    comparison.print();
}

struct Bench {
    runtime: Runtime,
    world: World,
    key: TestKey,
    clients: AtomicU64,
}

impl Bench {
    fn new() -> Self {
        Self {
            runtime: Runtime::new().expect("a runtime"),
            world: World::new(EnablePolicy::All),
            key: TestKey::rsa(),
            clients: AtomicU64::new(0),
        }
    }

    fn run<M: Measurement>(&self, criterion: &mut Criterion<M>, measure: &str) {
        // Beside the program: a temporary folder may be in memory.
        let program = std::env::current_exe().expect("a program has a path");
        let beside = program.parent().expect("it lies in a folder");
        let folder = tempfile::tempdir_in(beside).expect("a folder");
        let mut group = criterion.benchmark_group(measure);

        let registry = self.open(&folder.path().join("registry.db"));
        group.bench_function("registration", |bencher| {
            bencher.iter_batched(
                || self.approved(),
                |approved| self.register(&registry, &approved),
                BatchSize::SmallInput,
            );
        });
        self.runtime.block_on(registry.close());

        let mut bare = self.bare(&folder.path().join("bare.db"));
        group.bench_function("bare transaction", |bencher| {
            bencher.iter(|| self.runtime.block_on(insert_rows(&mut bare)));
        });
        group.finish();
    }

    fn open(&self, path: &Path) -> SqliteRegistry {
        let clients = Arc::new(EmbeddedClients::new("default", RowKey::Leaf));
        let site = SiteClients {
            site: "default".to_owned(),
            clients,
        };
        self.runtime
            .block_on(SqliteRegistry::open(path, vec![site]))
            .expect("a database")
    }

    /// A client that was not there before, checked and approved.
    fn approved(&self) -> ApprovedRegistration {
        let number = self.clients.fetch_add(1, Ordering::Relaxed);
        let uri = format!("https://app.example.org/{number}");
        let leaf = self.world.community.leaf(&uri).key(&self.key).build();
        self.world.approve(&self.world.statement(&leaf))
    }

    fn register(&self, registry: &SqliteRegistry, approved: &ApprovedRegistration) {
        let context = self.world.context();
        let registered = self
            .runtime
            .block_on(registry.apply(approved, &context))
            .expect("it is registered");
        assert!(registered.created);
    }

    /// A database with one registration, whose rows are the pattern for others.
    fn bare(&self, path: &Path) -> SqliteConnection {
        let registry = self.open(path);
        self.register(&registry, &self.approved());
        self.runtime.block_on(registry.close());
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        self.runtime.block_on(options.connect()).expect("it opens")
    }
}

/// The rows of a registration, copied under new keys: client, record, statement, audit.
const ROWS: [&str; 4] = [
    "INSERT INTO oauth_clients SELECT hex(randomblob(16)), client_role, client_name, \
     client_secret, registration_token, registration_uri_path, register_date, revoke_date, \
     contacts, redirect_uri, grant_types, scope, user_id, site_id, is_confidential, \
     logout_redirect_uris, jwks_uri, jwks, initiate_login_uri, endorsements, policy_uri, tos_uri, \
     is_enabled, skip_ehr_launch_authorization_flow, dsi_type FROM oauth_clients LIMIT 1",
    "INSERT INTO registration (identity, client_uri_hash, site, community_id, community_uri, \
     client_uri, client_id, client_name, status, policy_enables, written_enabled, approved, \
     metadata, statement, jti, certificate_fingerprint, key_fingerprint, issuer_hash, issuer, \
     serial, not_after, certificate, chain, request_id, remote_address, registered_at, updated_at) \
     SELECT randomblob(32), randomblob(32), site, community_id, community_uri, client_uri, \
     hex(randomblob(16)), client_name, status, policy_enables, written_enabled, approved, \
     metadata, statement, jti, randomblob(32), key_fingerprint, issuer_hash, issuer, \
     randomblob(16), not_after, certificate, chain, request_id, remote_address, registered_at, \
     updated_at FROM registration WHERE id = 1",
    "INSERT INTO spent_jti SELECT randomblob(32), expires_at, request_id, outcome, \
     hex(randomblob(16)), issued_at, enabled FROM spent_jti LIMIT 1",
    "INSERT INTO audit_event SELECT randomblob(16), occurred_at, kind, request_id, \
     hex(randomblob(16)), detail, batch, position FROM audit_event LIMIT 1",
];

async fn insert_rows(connection: &mut SqliteConnection) {
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .expect("the write lock");
    for row in ROWS {
        let inserted = sqlx::query(row).execute(&mut *transaction).await;
        assert_eq!(inserted.expect("a row").rows_affected(), 1);
    }
    transaction.commit().await.expect("a commit");
}
