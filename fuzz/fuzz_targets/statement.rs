//! Any payload under a trusted app's good signature, through the whole flow, for both profiles.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use serde_json::json;
use udap::rules::{LinkChecks, Profile};
use udap::trust::RevocationMode;
use udap_fuzz::desk::{Desk, End};
use udap_fuzz::invariants;
use udap_fuzz::world::world;

static HL7: LazyLock<Desk> = LazyLock::new(|| desk(Profile::Hl7, LinkChecks::Off));
static EMR_DIRECT: LazyLock<Desk> = LazyLock::new(|| desk(Profile::EmrDirect, LinkChecks::All));

fn desk(profile: Profile, link_checks: LinkChecks) -> Desk {
    let trust = world().trust(RevocationMode::Required, true);
    Desk::new(trust, profile, link_checks, world().crls())
}

fuzz_target!(|payload: &[u8]| {
    let header = world().header().to_string();
    let token = world().token(header.as_bytes(), payload);
    let body = json!({ "udap": "1", "software_statement": token }).to_string();
    let by_hl7 = HL7.post(body.as_bytes());
    let by_emr_direct = EMR_DIRECT.post(body.as_bytes());
    invariants::end(&by_hl7, Profile::Hl7);
    invariants::end(&by_emr_direct, Profile::EmrDirect);
    // Its rules come on top, and cancellations know no rules.
    match (&by_emr_direct, &by_hl7) {
        (End::Register(_), other) => assert!(matches!(other, End::Register(_))),
        (one, other) => assert_eq!(
            matches!(one, End::Cancel(_)),
            matches!(other, End::Cancel(_))
        ),
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    udap_fuzz::json::mutate(data, size, max_size, seed, fuzzer_mutate)
});
