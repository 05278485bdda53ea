//! Revocation lists of 1, 1,000 and 1,000,000 entries: a lookup, a judgement that needs one, and
//! what it costs to load them.

#[path = "support/pki.rs"]
#[expect(dead_code, reason = "statements are measured elsewhere")]
mod pki;
mod support;

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use criterion::measurement::Measurement;
use pki::{AT, Case};
use support::{Comparison, CpuTime, Ratio};
use udap::certificate::Certificate;
use udap::trust::{CertvalJudge, Crl, CrlStore, Evidence, Outcome, evaluate};
use udap_testkit::KeyKind::P256;
use udap_testkit::TestCommunity;

const SIZES: [u64; 3] = [1, 1_000, 1_000_000];

fn main() {
    let mut ratios = vec![Ratio::new("load/1000000", "load/1000", None)];
    for size in &SIZES[1..] {
        for (what, aim) in [
            ("lookup, not listed", None),
            ("lookup, listed", None),
            ("judgement, warm", Some(1.1)),
        ] {
            ratios.push(Ratio::new(
                format!("{what}/{size}"),
                format!("{what}/1"),
                aim,
            ));
        }
    }
    let comparison = Comparison::new(ratios);
    let mut criterion = support::criterion(CpuTime::default());
    let case = Case::new("ES256", P256, P256);
    let community = case.community();
    let leaf = pki::decode(case.leaf(&community).der());
    let revoked = case.leaf(&community);
    community.revoke(&revoked);
    let revoked = pki::decode(revoked.der());
    for size in SIZES {
        measure(&mut criterion, &community, &leaf, &revoked, size);
    }
    criterion.final_summary();
    comparison.print();
}

fn measure<M: Measurement>(
    criterion: &mut Criterion<M>,
    community: &TestCommunity,
    leaf: &Certificate,
    revoked: &Certificate,
    size: u64,
) {
    let der = list(community, size);
    let crl = pki::crl(&der);
    assert_eq!(crl.len() as u64, size);
    for (what, certificate, listed) in [
        ("lookup, not listed", leaf, false),
        ("lookup, listed", revoked, true),
    ] {
        criterion
            .benchmark_group(what)
            .bench_function(size.to_string(), |bencher| {
                bencher.iter(|| assert_eq!(crl.entry(black_box(certificate)).is_some(), listed));
            });
    }

    let root_list = pki::crl(&community.crl(community.root()).empty().build());
    let crls = CrlStore::new(vec![Arc::new(crl), Arc::new(root_list)]);
    let candidates = [pki::decode(community.intermediate().der())];
    let tried = BTreeSet::new();
    let evidence = Evidence {
        candidates: &candidates,
        crls: &crls,
        ocsp: &[],
        tried: &tried,
    };
    let (judge, policy) = (CertvalJudge::new(), pki::policy(community));
    criterion
        .benchmark_group("judgement, warm")
        .bench_function(size.to_string(), |bencher| {
            bencher.iter(|| {
                let outcome = evaluate(&judge, &policy, black_box(leaf), &evidence, AT);
                assert!(matches!(outcome, Outcome::Trusted(_)), "{outcome:?}");
                outcome
            });
        });

    criterion
        .benchmark_group("load")
        .sample_size(10)
        .bench_function(size.to_string(), |bencher| {
            bencher.iter_with_large_drop(|| Crl::from_der(black_box(&der)));
        });
}

/// The issuing CA's list with the one revoked leaf among made-up serial numbers of 16 octets.
fn list(community: &TestCommunity, size: u64) -> Vec<u8> {
    let others = (1..size).map(|number| {
        // Spread over the whole range, as random serial numbers are.
        let high = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1) | (1 << 62);
        [high.to_be_bytes(), number.to_be_bytes()].concat()
    });
    others
        .fold(community.crl(community.intermediate()), |list, serial| {
            list.revoke(&serial)
        })
        .build()
}
