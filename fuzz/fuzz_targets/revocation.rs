//! What mutated revocation lists do to a good leaf: the signed parts of lists, side by side in DER,
//! which issuing CA and root sign in turn.
#![no_main]

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use udap::trust::{
    CertvalJudge, Crl, CrlStore, Distrust, Evidence, Outcome, RevocationMode, TrustPolicy, evaluate,
};
use udap_fuzz::der;
use udap_fuzz::world::{NOW, world};

static REQUIRED: LazyLock<TrustPolicy> =
    LazyLock::new(|| world().trust(RevocationMode::Required, true));
static WHEN_AVAILABLE: LazyLock<TrustPolicy> =
    LazyLock::new(|| world().trust(RevocationMode::WhenAvailable, true));

// What it remembers is the one path's soundness.
static JUDGE: LazyLock<CertvalJudge> = LazyLock::new(CertvalJudge::new);

fuzz_target!(|data: &[u8]| {
    let world = world();
    let data = world.fill(data);
    let lists: Vec<Vec<u8>> = der::elements(&data)
        .into_iter()
        .take(6)
        .enumerate()
        .map(|(index, signed)| {
            if index.is_multiple_of(2) {
                world.by_intermediate(signed)
            } else {
                world.by_root(signed)
            }
        })
        .collect();
    let required = judged(&REQUIRED, &lists);
    let available = judged(&WHEN_AVAILABLE, &lists);
    // Whether a certificate is revoked does not depend on the mode; otherwise the one is stricter.
    assert_eq!(is_revoked(&required), is_revoked(&available));
    if matches!(required, Outcome::Trusted(_)) {
        assert!(matches!(available, Outcome::Trusted(_)));
        // Both certificates of the path name an address: a current list speaks for each.
        for (certificate, key) in [
            (&world.client, world.intermediate.key()),
            (&world.intermediate, world.root.key()),
        ] {
            let key = key.expect("its key is good");
            assert!(
                lists
                    .iter()
                    .filter_map(|der| Crl::from_der(der).ok())
                    .any(|crl| {
                        crl.names_issuer_of(certificate)
                            && crl.is_current(NOW)
                            && crl.verify(key).is_ok()
                            && crl
                                .entry(certificate)
                                .is_none_or(|reason| reason.name() == "removeFromCRL")
                    })
            );
        }
    }
    let mut backwards = lists;
    backwards.reverse();
    let again = judged(&REQUIRED, &backwards);
    match (&required, &again) {
        (Outcome::Trusted(_), Outcome::Trusted(_)) => {}
        (Outcome::Untrusted(one), Outcome::Untrusted(other)) => assert_eq!(one, other),
        (Outcome::Need(one), Outcome::Need(other)) => assert_eq!(one, other),
        _ => panic!("the order of lists shows: {required:?} {again:?}"),
    }
});

fn judged(policy: &TrustPolicy, lists: &[Vec<u8>]) -> Outcome {
    let crls = lists.iter().filter_map(|der| Crl::from_der(der).ok());
    let crls = CrlStore::new(crls.map(Arc::new).collect());
    let tried = BTreeSet::new();
    let evidence = Evidence {
        candidates: &[],
        crls: &crls,
        ocsp: &[],
        tried: &tried,
    };
    evaluate(&*JUDGE, policy, &world().client, &evidence, NOW)
}

fn is_revoked(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Untrusted(Distrust::Revoked(_)))
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    udap_fuzz::der::mutate(data, size, max_size, seed, fuzzer_mutate)
});
