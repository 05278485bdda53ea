//! What it costs to judge a leaf below one intermediate, revocation required, lists known.
//!
//! `cold`: nothing is remembered. `new leaf`: its issuers were seen before. `warm`: the same leaf
//! again, as for every token. Each beside the bare signature verifications that a path consists of.
//!
//! `hostile`: ten certificates that are made to take long, each beside an ordinary cold path.

#[path = "support/hostile.rs"]
mod hostile;
#[path = "support/pki.rs"]
#[expect(dead_code, reason = "statements are measured elsewhere")]
mod pki;
mod support;

use std::collections::BTreeSet;
use std::hint::black_box;

use criterion::measurement::Measurement;
use criterion::{BatchSize, Criterion, SamplingMode};
use pki::{AT, Bare, Case};
use support::{Comparison, CpuTime, Ratio};
use udap::certificate::Certificate;
use udap::trust::{
    CertvalJudge, CrlStore, Evidence, NoCrlAddress, Outcome, RevocationMode, TrustPolicy,
    TrustStore, evaluate,
};
use udap_testkit::KeyKind::{P256, P384, Rsa2048};

const CASES: [Case; 3] = [
    Case::new("path, RSA", Rsa2048, Rsa2048),
    Case::new("path, P-256", P256, P256),
    Case::new("path, P-384", P384, P384),
];

const HOSTILE: [&str; 14] = [
    "just light enough, mail",
    "just light enough, policies",
    "tangle",
    "namesakes",
    "ladder",
    "permitted dns",
    "permitted directory",
    "permitted address",
    "permitted mail",
    "excluded directory",
    "excluded dns",
    "policies",
    "mappings",
    "few mappings",
];

/// Few, since each memory takes room.
const BATCH: BatchSize = BatchSize::NumIterations(16);

fn main() {
    let mut ratios = Vec::new();
    for case in &CASES {
        let name = case.name;
        ratios.extend([
            Ratio::new(
                format!("{name}/warm"),
                format!("{name}/one signature"),
                None,
            ),
            Ratio::new(
                format!("{name}/new leaf"),
                format!("{name}/one signature"),
                None,
            ),
            Ratio::new(
                format!("{name}/cold"),
                format!("{name}/two signatures"),
                None,
            ),
            Ratio::new(
                format!("{name}/decode a certificate"),
                format!("{name}/one signature"),
                None,
            ),
        ]);
    }
    for name in HOSTILE {
        let of = format!("hostile/{name}");
        ratios.push(Ratio::new(of, "path, P-256/cold", None));
    }
    let comparison = Comparison::new(ratios);
    let mut criterion = support::criterion(CpuTime::default());
    for case in &CASES {
        path(&mut criterion, case);
    }
    hostile_paths(&mut criterion);
    criterion.final_summary();
    comparison.print();
}

fn path<M: Measurement>(criterion: &mut Criterion<M>, case: &Case) {
    let community = case.community();
    let leaf = pki::decode(case.leaf(&community).der());
    let other = pki::decode(case.leaf(&community).der());
    let intermediate = pki::decode(community.intermediate().der());
    let root = pki::decode(community.root().der());
    let candidates = [intermediate.clone()];
    let crls = pki::crls(&community);
    let tried = BTreeSet::new();
    let evidence = Evidence {
        candidates: &candidates,
        crls: &crls,
        ocsp: &[],
        tried: &tried,
    };
    let judged = |(judge, policy): &(CertvalJudge, TrustPolicy), leaf: &Certificate| {
        let outcome = evaluate(judge, policy, black_box(leaf), &evidence, AT);
        assert!(matches!(outcome, Outcome::Trusted(_)), "{outcome:?}");
        outcome
    };
    let nothing = || (CertvalJudge::new(), pki::policy(&community));
    let issuers = || {
        let memory = nothing();
        judged(&memory, &other);
        memory
    };

    let signatures = [
        Bare::certificate(&leaf, &intermediate),
        Bare::certificate(&intermediate, &root),
    ];
    let mut group = criterion.benchmark_group(case.name);
    group.bench_function("one signature", |bencher| {
        bencher.iter(|| signatures[0].verify());
    });
    group.bench_function("two signatures", |bencher| {
        bencher.iter(|| signatures.iter().for_each(Bare::verify));
    });
    // The lists' own signatures are verified here.
    let memory = issuers();
    judged(&memory, &leaf);
    group.bench_function("cold", |bencher| {
        bencher.iter_batched_ref(nothing, |memory| judged(memory, &leaf), BATCH);
    });
    group.bench_function("new leaf", |bencher| {
        bencher.iter_batched_ref(issuers, |memory| judged(memory, &leaf), BATCH);
    });
    group.bench_function("warm", |bencher| {
        bencher.iter(|| judged(&memory, &leaf));
    });
    group.bench_function("decode a certificate", |bencher| {
        bencher.iter(|| pki::decode(black_box(leaf.der())));
    });
    group.finish();
}

fn hostile_paths<M: Measurement>(criterion: &mut Criterion<M>) {
    let mut group = criterion.benchmark_group("hostile");
    group.sample_size(10);
    group.sampling_mode(SamplingMode::Flat);
    for case in hostile::all() {
        let crls = CrlStore::default();
        let tried = BTreeSet::new();
        let evidence = Evidence {
            candidates: &case.candidates,
            crls: &crls,
            ocsp: &[],
            tried: &tried,
        };
        let policy = || TrustPolicy {
            store: TrustStore::new(vec![case.anchor.clone()], Vec::new(), Vec::new())
                .expect("a root is an anchor"),
            revocation: RevocationMode::Off,
            no_crl_address: NoCrlAddress::Accept,
            aia: false,
            ocsp: false,
        };
        let nothing = || (CertvalJudge::new(), policy());
        group.bench_function(case.name, |bencher| {
            bencher.iter_batched_ref(
                nothing,
                |(judge, policy)| {
                    let outcome = evaluate(judge, policy, black_box(&case.leaf), &evidence, AT);
                    assert!(matches!(outcome, Outcome::Untrusted(_)), "{outcome:?}");
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}
