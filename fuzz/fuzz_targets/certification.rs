//! Any payload of a certification under a trusted app's good signature, beside good statements of
//! both kinds of app.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use serde_json::json;
use udap::rules::{LinkChecks, Profile};
use udap::trust::RevocationMode;
use udap_fuzz::desk::Desk;
use udap_fuzz::invariants;
use udap_fuzz::world::{ENDPOINT, NOW, world};

static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let trust = world().trust(RevocationMode::Required, true);
    Desk::new(trust, Profile::Hl7, LinkChecks::Off, world().crls())
});

static STATEMENTS: LazyLock<[String; 2]> = LazyLock::new(|| {
    let good = world().leaf.statement(ENDPOINT, NOW);
    [good.clone(), good.authorization_code().emr_direct()].map(|one| one.build())
});

fuzz_target!(|payload: &[u8]| {
    let header = world().header().to_string();
    let certification = world().token(header.as_bytes(), payload);
    for statement in &*STATEMENTS {
        let body = json!({
            "udap": "1",
            "software_statement": statement,
            "certifications": [certification],
        });
        invariants::end(&DESK.post(body.to_string().as_bytes()), Profile::Hl7);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    udap_fuzz::json::mutate(data, size, max_size, seed, fuzzer_mutate)
});
