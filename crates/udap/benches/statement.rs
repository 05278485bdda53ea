//! What it costs to check a software statement, from the request's body to trust: envelope, JWS,
//! certificates, claims, path and revocation. CRLs are known and their own signatures verified.
//!
//! `cold`: a registrar that remembers nothing. `new app`: the CAs were seen before, the app was
//! not. `warm`: the app was seen before. Each beside the bare signature verifications in it: three
//! (statement, leaf, intermediate), two (statement, leaf), one (statement).

#[path = "support/pki.rs"]
mod pki;
mod support;

use std::hint::black_box;
use std::sync::Arc;

use criterion::measurement::Measurement;
use criterion::{BatchSize, Criterion};
use pki::{APP, AT, Bare, Case, ENDPOINT};
use support::{Comparison, CpuTime, Ratio};
use udap::registrar::{Registrar, Step};
use udap::trust::CrlStore;
use udap_testkit::KeyKind::{P256, P384, Rsa2048};
use udap_testkit::{StatementBuilder, TestCommunity, TestKey, request_body};

const CASES: [Case; 6] = [
    Case::new("RS256 under RSA", Rsa2048, Rsa2048),
    Case::new("RS256 under P-256", Rsa2048, P256),
    Case::new("ES256 under RSA", P256, Rsa2048),
    Case::new("ES256 under P-256", P256, P256),
    Case::new("ES384 under RSA", P384, Rsa2048),
    Case::new("ES384 under P-384", P384, P384),
];

/// Few, since each remembering registrar takes room.
const BATCH: BatchSize = BatchSize::NumIterations(16);

fn main() {
    let mut ratios = Vec::new();
    for case in &CASES {
        let (floor, check) = (format!("signatures, {}", case.name), case.name);
        ratios.extend([
            Ratio::new(format!("{check}/warm"), format!("{floor}/one"), Some(2.0)),
            Ratio::new(format!("{check}/new app"), format!("{floor}/two"), None),
            Ratio::new(format!("{check}/cold"), format!("{floor}/three"), Some(4.0)),
            Ratio::new(
                format!("{check}/bad signature"),
                format!("{check}/warm"),
                Some(1.0),
            ),
            Ratio::new(
                format!("{check}/bad signature, new app"),
                format!("{check}/new app"),
                Some(1.0),
            ),
        ]);
    }
    let comparison = Comparison::new(ratios);
    let mut criterion = support::criterion(CpuTime::default());
    for case in &CASES {
        statement(&mut criterion, case);
    }
    criterion.final_summary();
    comparison.print();
}

fn statement<M: Measurement>(criterion: &mut Criterion<M>, case: &Case) {
    let community = case.community();
    let leaf = case.leaf(&community);
    let statement = leaf.statement(ENDPOINT, AT);
    let jws = statement.build();
    let body = request_body(&jws).to_string();
    let crls = pki::crls(&community);

    let certificate = pki::decode(leaf.der());
    let intermediate = pki::decode(community.intermediate().der());
    let root = pki::decode(community.root().der());
    let signatures = [
        Bare::statement(&jws, &certificate),
        Bare::certificate(&certificate, &intermediate),
        Bare::certificate(&intermediate, &root),
    ];
    let mut floor = criterion.benchmark_group(format!("signatures, {}", case.name));
    for (name, count) in [("one", 1), ("two", 2), ("three", 3)] {
        let some = &signatures[..count];
        floor.bench_function(name, |bencher| {
            bencher.iter(|| some.iter().for_each(Bare::verify));
        });
    }
    floor.finish();

    let bad_body = bad_signature(&statement, case);
    // The lists' own signatures are verified here.
    drop(trusted(&pki::registrar(&community), &body, &crls));
    let other = other_app(&community, case);
    let knows_authorities = || {
        let registrar = pki::registrar(&community);
        drop(trusted(&registrar, &other, &crls));
        registrar
    };
    let mut group = criterion.benchmark_group(case.name);
    group.bench_function("cold", |bencher| {
        bencher.iter_batched_ref(
            || pki::registrar(&community),
            |registrar| trusted(registrar, &body, &crls),
            BATCH,
        );
    });
    group.bench_function("new app", |bencher| {
        bencher.iter_batched_ref(
            knows_authorities,
            |registrar| trusted(registrar, &body, &crls),
            BATCH,
        );
    });
    group.bench_function("bad signature, new app", |bencher| {
        bencher.iter_batched_ref(
            knows_authorities,
            |registrar| refused(registrar, &bad_body, &crls),
            BATCH,
        );
    });
    let registrar = pki::registrar(&community);
    drop(trusted(&registrar, &body, &crls));
    group.bench_function("warm", |bencher| {
        bencher.iter(|| trusted(&registrar, &body, &crls));
    });
    group.bench_function("bad signature", |bencher| {
        bencher.iter(|| refused(&registrar, &bad_body, &crls));
    });
    group.finish();
}

/// The same statement, signed with a stranger's key of the same kind.
fn bad_signature(statement: &StatementBuilder, case: &Case) -> String {
    let stranger = TestKey::generate(case.leaf);
    request_body(&statement.clone().sign_with(&stranger).build()).to_string()
}

/// The request of another app of the community.
fn other_app(community: &TestCommunity, case: &Case) -> String {
    let leaf = community.leaf(APP).key_kind(case.leaf).build();
    request_body(&leaf.statement(ENDPOINT, AT).build()).to_string()
}

fn start(registrar: &Registrar, body: &str, crls: &CrlStore) -> Step {
    let site = registrar.site("default").expect("it has a site");
    registrar.start(&Arc::clone(site), body.as_bytes(), crls, AT)
}

fn trusted(registrar: &Registrar, body: &str, crls: &CrlStore) -> Step {
    let step = start(registrar, black_box(body), crls);
    assert!(matches!(step, Step::NeedStanding(_)), "{step:?}");
    step
}

fn refused(registrar: &Registrar, body: &str, crls: &CrlStore) -> Step {
    let step = start(registrar, black_box(body), crls);
    assert!(matches!(step, Step::Refused(_)), "{step:?}");
    step
}
