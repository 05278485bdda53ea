//! One OCSP response as it comes, and as ResponseData that the issuing CA signs in earnest.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use udap::limits;
use udap::trust::{OcspAnswer, OcspError, OcspStatus};
use udap_fuzz::world::{NOW, world};

fuzz_target!(|data: &[u8]| {
    let world = world();
    let read = |der: &[u8]| OcspAnswer::read(der, &world.client, &world.intermediate, NOW);
    // Nobody but the CA has its key.
    assert!(read(data).is_err());

    let data = world.fill(data);
    let response = world.ocsp_by_intermediate(&data);
    assert!(read(&world.ocsp_by_root(&data)).is_err());
    let answer = match read(&response) {
        Ok(answer) => answer,
        // What the CA signs under its own name is never badly signed.
        Err(error) => {
            assert!(!matches!(
                error,
                OcspError::Signature | OcspError::Refused(_)
            ));
            return;
        }
    };
    assert_eq!(read(&response).as_ref(), Ok(&answer));
    assert!(answer.is_about(&world.client, &world.intermediate));
    assert!(!answer.is_about(&world.client, &world.root));
    assert!(!answer.is_about(&world.intermediate, &world.root));
    assert_eq!(
        answer.shows_good(NOW),
        answer.status() == OcspStatus::Good && answer.is_current(NOW)
    );
    assert_eq!(
        answer.revokes(),
        matches!(answer.status(), OcspStatus::Revoked(_))
    );
    if answer.is_current(NOW) {
        assert!(NOW < answer.usable_until());
        assert!(answer.usable_until() <= NOW + limits::CLOCK_SKEW + limits::OCSP_LIFETIME);
    }
    assert!(!answer.is_current(answer.usable_until()));
    // It names the certificate.
    let serial = world.client.serial();
    assert!(data.windows(serial.len()).any(|part| part == serial));
    // Nothing may follow it, or be missing.
    assert_eq!(
        read(&[response.as_slice(), &[0]].concat()),
        Err(OcspError::Malformed)
    );
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    udap_fuzz::der::mutate(data, size, max_size, seed, fuzzer_mutate)
});
