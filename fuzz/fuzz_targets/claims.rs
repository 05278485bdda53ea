//! Claims before the rules on metadata, under every policy.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use udap::error::Refusal;
use udap::rules::{self, ContactMatch, GrantsOffered, MetadataPolicy, Profile};
use udap::scope::ScopePolicy;
use udap_fuzz::invariants;
use udap_fuzz::world::SCOPES;

static POLICY: LazyLock<ScopePolicy> = LazyLock::new(|| ScopePolicy::new(&SCOPES, None));

fuzz_target!(|data: &[u8]| {
    let Ok(claims) = udap::json::object(data) else {
        return;
    };
    let mut accepted = Vec::new();
    for profile in [Profile::EmrDirect, Profile::Hl7] {
        for contact_match in [ContactMatch::Host, ContactMatch::Registrable] {
            for offered in [true, false] {
                let policy = MetadataPolicy {
                    profile,
                    contact_match,
                    allow_client_credentials: offered,
                    allow_http_pages: false,
                    grants: GrantsOffered {
                        authorization_code: true,
                        client_credentials: offered,
                    },
                };
                let outcome = rules::check(&claims, &policy, &POLICY);
                accepted.push(outcome.is_ok());
                match outcome {
                    Ok(metadata) => {
                        assert!(!rules::is_cancellation(&claims));
                        invariants::metadata(&claims, profile, &metadata);
                    }
                    Err(violations) => {
                        invariants::violations(&violations);
                        let refusal = Refusal::metadata(violations).expect("there are some");
                        invariants::refusal(&refusal);
                    }
                }
            }
        }
    }
    // Whoever offers less accepts less; emr-direct's rules come on top of hl7's.
    for pair in accepted.chunks(2) {
        assert!(pair[0] || !pair[1]);
    }
    let (emr_direct, hl7) = accepted.split_at(4);
    for (strict, plain) in emr_direct.iter().zip(hl7) {
        assert!(*plain || !*strict);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    udap_fuzz::json::mutate(data, size, max_size, seed, fuzzer_mutate)
});
