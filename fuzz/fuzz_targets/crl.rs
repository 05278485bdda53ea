//! One revocation list in DER or PEM, and everything that can be asked of it.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use time::Duration;
use udap::trust::Crl;
use udap_fuzz::world::{NOW, world};

fuzz_target!(|data: &[u8]| {
    let world = world();
    let from_der = Crl::from_der(data);
    let Ok(crl) = Crl::from_pem_or_der(data) else {
        assert!(from_der.is_err() || data.first() != Some(&0x30));
        return;
    };
    let _ = (
        crl.number(),
        crl.authority_key_id(),
        crl.issuer_text(),
        format!("{crl:?}"),
    );
    if crl.is_current(NOW) {
        assert!(crl.this_update() <= NOW + Duration::minutes(1));
        assert!(crl.next_update().is_some_and(|next| NOW < next));
    }
    for certificate in [&world.client, &world.intermediate, &world.root] {
        let _ = crl.names_issuer_of(certificate);
        if let Some(reason) = crl.entry(certificate) {
            assert!(!crl.is_empty() && !reason.name().is_empty());
            assert_eq!(reason.is_hold(), reason.name() == "certificateHold");
        }
        if let Ok(key) = certificate.key() {
            // Remembered, and the same both times.
            assert_eq!(crl.verify(key), crl.verify(key));
        }
    }
    let crl = Arc::new(crl);
    let store = world.crls();
    let with = store.with(Arc::clone(&crl));
    assert!(with.len() >= store.len());
    assert_eq!(with.with(crl).len(), with.len());
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    udap_fuzz::der::mutate(data, size, max_size, seed, fuzzer_mutate)
});
