//! A request's body: JSON from strangers and the envelope (B01–B08).
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use udap::limits;
use udap::statement::RegistrationRequest;
use udap_fuzz::invariants;

fuzz_target!(|body: &[u8]| {
    let object = udap::json::object(body);
    if let Ok(members) = &object {
        assert!(members.len() <= limits::JSON_MEMBERS);
        assert!(members.values().all(|value| !value.is_null()));
        let text = serde_json::to_vec(members).expect("it is written");
        // Written anew, it keeps the limits too. (Fractions may change in their last digit.)
        assert!(udap::json::object(&text).is_ok_and(|again| again.len() == members.len()));
    }
    match RegistrationRequest::parse(body) {
        Ok(request) => {
            let members = object.expect("an envelope is an object");
            assert_eq!(members["udap"], "1");
            assert_eq!(members["software_statement"], request.software_statement());
            assert!(!request.software_statement().is_empty());
            assert!(request.certifications().len() <= limits::JSON_MEMBERS);
        }
        Err(refusal) => invariants::refusal(&refusal),
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    udap_fuzz::json::mutate(data, size, max_size, seed, fuzzer_mutate)
});
