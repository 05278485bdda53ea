//! A whole request to a registrar whose community signed the seeds; nothing is supplied.
//!
//! The signature stops most of what is mutated: see `statement`.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use udap::rules::{LinkChecks, Profile};
use udap::trust::{CrlStore, RevocationMode};
use udap_fuzz::desk::Desk;
use udap_fuzz::invariants;
use udap_fuzz::world::{certificate, crl, trust};

const ROOT: &[u8] = include_bytes!("../fixtures/root.der");
const CRLS: [&[u8]; 2] = [
    include_bytes!("../fixtures/root.crl"),
    include_bytes!("../fixtures/intermediate.crl"),
];

static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let crls = CRLS.map(|der| Arc::new(crl(der)));
    Desk::new(
        trust(certificate(ROOT), Vec::new(), RevocationMode::Required),
        Profile::Hl7,
        LinkChecks::Off,
        CrlStore::new(crls.to_vec()),
    )
});

fuzz_target!(|body: &[u8]| {
    invariants::end(&DESK.post(body), Profile::Hl7);
});
