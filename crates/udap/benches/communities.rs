//! What a statement costs a server of a hundred communities with ten anchors each, beside a server of
//! one community with one anchor.
//!
//! `cold`: nothing is remembered. `warm`: the app was seen before. `stranger`: an app of a community
//! that the server does not know. `each asked`: the paths alone, as if every community were asked.

#[path = "support/pki.rs"]
#[expect(dead_code, reason = "signatures are measured elsewhere")]
mod pki;
mod support;

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;

use criterion::measurement::Measurement;
use criterion::{BatchSize, Criterion};
use pki::{AT, Case, ENDPOINT};
use support::{Comparison, CpuTime, Ratio};
use udap::certificate::Certificate;
use udap::registrar::{Registrar, Step};
use udap::trust::{CertvalJudge, CrlStore, Evidence, Outcome, evaluate};
use udap_testkit::KeyKind::{P256, Rsa2048};
use udap_testkit::{TestCommunity, TestLeaf, request_body};

const CASES: [Case; 2] = [
    Case::new("RS256", Rsa2048, Rsa2048),
    Case::new("ES256", P256, P256),
];

const COMMUNITIES: usize = 100;
const ANCHORS: usize = 10;

/// Few: to make a registrar of a thousand anchors takes a hundred times as long as what is measured.
const BATCH: BatchSize = BatchSize::NumIterations(4);

fn main() {
    let mut ratios = Vec::new();
    for case in &CASES {
        for what in ["warm", "cold", "stranger"] {
            ratios.push(Ratio::new(
                format!("{}, {what}/hundred communities", case.name),
                format!("{}, {what}/one community", case.name),
                Some(1.2),
            ));
        }
        for what in ["warm", "cold"] {
            ratios.push(Ratio::new(
                format!("{}, {what}/each asked", case.name),
                format!("{}, {what}/one community", case.name),
                None,
            ));
        }
    }
    let comparison = Comparison::new(ratios);
    let mut criterion = support::criterion(CpuTime::default());
    let others: Vec<Certificate> = (1..COMMUNITIES * ANCHORS)
        .map(|number| {
            let other = TestCommunity::new(&format!("other-{number}"), AT);
            pki::decode(other.root().der())
        })
        .collect();
    for case in &CASES {
        measure(&mut criterion, case, &others);
    }
    criterion.final_summary();
    comparison.print();
}

fn measure<M: Measurement>(criterion: &mut Criterion<M>, case: &Case, others: &[Certificate]) {
    let community = case.community();
    let root = pki::decode(community.root().der());
    let crls = pki::crls(&community);
    let body = body(&case.leaf(&community));
    let strange = self::body(&case.leaf(&case.community()));
    let one = || pki::registrar_of(vec![pki::policy_of(vec![root.clone()])]);
    // The app's own is in the middle.
    let mut anchors = others.to_vec();
    anchors.insert(COMMUNITIES * ANCHORS / 2, root.clone());
    let hundred = || {
        let communities = anchors.chunks(ANCHORS);
        pki::registrar_of(
            communities
                .map(|some| pki::policy_of(some.to_vec()))
                .collect(),
        )
    };
    // The lists' own signatures are verified here.
    trusted(&one(), &body, &crls);
    // Both are made for each sample, so that both meet the processor's caches in one state.
    let both = || (one(), hundred());
    let mut group = criterion.benchmark_group(format!("{}, cold", case.name));
    group.bench_function("one community", |bencher| {
        bencher.iter_batched_ref(both, |(one, _)| trusted(one, &body, &crls), BATCH);
    });
    group.bench_function("hundred communities", |bencher| {
        bencher.iter_batched_ref(both, |(_, hundred)| trusted(hundred, &body, &crls), BATCH);
    });
    let leaf = pki::decode(case.leaf(&community).der());
    let candidates = [pki::decode(community.intermediate().der())];
    group.bench_function("each asked", |bencher| {
        let ask = |(_, hundred): &mut (_, _)| ask_each(hundred, &leaf, &candidates, &crls);
        bencher.iter_batched_ref(both, ask, BATCH);
    });
    group.finish();

    let (one, hundred) = both();
    let mut group = criterion.benchmark_group(format!("{}, warm", case.name));
    for (name, registrar) in [("one community", &one), ("hundred communities", &hundred)] {
        trusted(registrar, &body, &crls);
        group.bench_function(name, |bencher| {
            bencher.iter(|| trusted(registrar, &body, &crls));
        });
    }
    group.bench_function("each asked", |bencher| {
        bencher.iter(|| ask_each(&hundred, &leaf, &candidates, &crls));
    });
    group.finish();
    let mut group = criterion.benchmark_group(format!("{}, stranger", case.name));
    for (name, registrar) in [("one community", &one), ("hundred communities", &hundred)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| asked_for(registrar, &strange, &crls));
        });
    }
    group.finish();
}

/// What asking every community costs beside all else.
fn ask_each(
    registrar: &Registrar,
    leaf: &Certificate,
    candidates: &[Certificate],
    crls: &CrlStore,
) {
    let tried = BTreeSet::new();
    let evidence = Evidence {
        candidates,
        crls,
        ocsp: &[],
        tried: &tried,
    };
    let judge = CertvalJudge::new();
    let communities = registrar.communities().iter();
    let outcomes =
        communities.map(|one| evaluate(&judge, &one.trust, black_box(leaf), &evidence, AT));
    let trusted = outcomes.filter(|outcome| matches!(outcome, Outcome::Trusted(_)));
    assert_eq!(trusted.count(), 1);
}

fn body(leaf: &TestLeaf) -> String {
    request_body(&leaf.statement(ENDPOINT, AT).build()).to_string()
}

fn start(registrar: &Registrar, body: &str, crls: &CrlStore) -> Step {
    let site = registrar.site("default").expect("it has a site");
    registrar.start(&Arc::clone(site), black_box(body).as_bytes(), crls, AT)
}

fn trusted(registrar: &Registrar, body: &str, crls: &CrlStore) {
    let step = start(registrar, body, crls);
    assert!(matches!(step, Step::NeedStanding(_)), "{step:?}");
}

/// No path is known, but an address of its issuer's certificate may be.
fn asked_for(registrar: &Registrar, body: &str, crls: &CrlStore) {
    let step = start(registrar, body, crls);
    assert!(
        matches!(step, Step::NeedTrust(_) | Step::Refused(_)),
        "{step:?}"
    );
}
