//! What it costs to judge a leaf below one intermediate, revocation required.
//!
//! `first`: nothing is remembered. `new leaf`: issuers were seen before. `again`: the same leaf, as
//! for every token.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use time::OffsetDateTime;
use time::macros::datetime;
use udap::certificate::Certificate;
use udap::trust::{
    CertvalJudge, Crl, CrlStore, Evidence, NoCrlAddress, Outcome, RevocationMode, TrustPolicy,
    TrustStore, evaluate,
};
use udap_testkit::TestCommunity;

const AT: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
const APP: &str = "https://app.example.org";

fn policy(community: &TestCommunity) -> TrustPolicy {
    let root = Certificate::from_der(community.root().der()).expect("a root decodes");
    TrustPolicy {
        store: TrustStore::new(vec![root], Vec::new(), Vec::new()).expect("a root is an anchor"),
        revocation: RevocationMode::Required,
        no_crl_address: NoCrlAddress::Accept,
        aia: false,
    }
}

fn benchmark(criterion: &mut Criterion) {
    let community = TestCommunity::new("example", AT);
    let leaves: Vec<_> = (0..8)
        .map(|_| community.client(APP))
        .map(|leaf| Certificate::from_der(leaf.der()).expect("a leaf decodes"))
        .collect();
    let leaf = &leaves[0];
    let intermediate = Certificate::from_der(community.intermediate().der());
    let candidates = vec![intermediate.expect("an intermediate decodes")];
    let crl = |der: &Vec<u8>| Arc::new(Crl::from_der(der).expect("a CRL decodes"));
    let crls = CrlStore::new(community.crls().iter().map(crl).collect());
    let tried = BTreeSet::new();
    let evidence = Evidence {
        candidates: &candidates,
        crls: &crls,
        tried: &tried,
    };
    let judged = |judge: &CertvalJudge, policy: &TrustPolicy, leaf: &Certificate| {
        let outcome = evaluate(judge, policy, leaf, &evidence, AT);
        assert!(matches!(outcome, Outcome::Trusted(_)), "{outcome:?}");
        outcome
    };

    let mut group = criterion.benchmark_group("trust");
    group.bench_function("first", |bencher| {
        let fresh = || (CertvalJudge::new(), policy(&community));
        bencher.iter_batched(
            fresh,
            |(judge, policy)| black_box(judged(&judge, &policy, leaf)),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("new leaf", |bencher| {
        let fresh = || {
            let (judge, policy) = (CertvalJudge::new(), policy(&community));
            judged(&judge, &policy, &leaves[1]);
            (judge, policy)
        };
        bencher.iter_batched(
            fresh,
            |(judge, policy)| black_box(judged(&judge, &policy, leaf)),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("again", |bencher| {
        let (judge, policy) = (CertvalJudge::new(), policy(&community));
        bencher.iter(|| black_box(judged(&judge, &policy, leaf)));
    });
    group.bench_function("decode a certificate", |bencher| {
        bencher.iter(|| black_box(Certificate::from_der(leaf.der())));
    });
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
