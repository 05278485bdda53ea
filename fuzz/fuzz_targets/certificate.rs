//! One certificate in DER, or a file of them in PEM, and everything that can be asked of it.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use udap::certificate::Certificate;
use udap_fuzz::{invariants, world::world};

fuzz_target!(|data: &[u8]| {
    let one = Certificate::from_der(data);
    let bundle = Certificate::from_pem_bundle(data);
    if let Ok(certificate) = &one {
        // x509-parser takes other classes of tag 16 for a SEQUENCE; files are told by their first octet.
        if data.first() == Some(&0x30) {
            assert_eq!(bundle.as_deref(), Ok(std::slice::from_ref(certificate)));
        }
        invariants::certificate(certificate, data);
        // As if it were an issuer, and as if it had been issued.
        if let Ok(key) = certificate.key() {
            assert!(world().client.verify_issued_by(key).is_err());
        }
        let issuing = world().intermediate.key().expect("its key is good");
        let _ = certificate.verify_issued_by(issuing);
    }
    for certificate in bundle.into_iter().flatten() {
        invariants::certificate(&certificate, certificate.der());
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    udap_fuzz::der::mutate(data, size, max_size, seed, fuzzer_mutate)
});
