//! The `x5c` header: as JSON, and as certificates side by side in DER.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use serde_json::Value;
use udap::limits;
use udap::x5c::X5c;
use udap_fuzz::{der, world::x5c_entry};

fuzz_target!(|data: &[u8]| {
    if let Ok(value) = serde_json::from_slice::<Value>(data) {
        check(&value);
    }
    let entries: Vec<Value> = der::elements(data)
        .into_iter()
        .map(|der| x5c_entry(der).into())
        .collect();
    check(&Value::Array(entries));
});

fn check(value: &Value) {
    match X5c::decode(Some(value)) {
        Ok(x5c) => {
            assert!(x5c.others().len() < limits::X5C_CERTIFICATES);
            assert!(!x5c.others().contains(x5c.leaf()));
            let all = || std::iter::once(x5c.leaf()).chain(x5c.others());
            assert!(all().all(|one| one.der().len() <= limits::CERTIFICATE_BYTES));
            assert!(all().map(|one| one.der().len()).sum::<usize>() <= limits::X5C_BYTES);
            assert_eq!(value[0], x5c_entry(x5c.leaf().der()));
        }
        Err((Some(index), _)) => assert!(value.get(index).is_some()),
        Err((None, _)) => {}
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    udap_fuzz::der::mutate(data, size, max_size, seed, fuzzer_mutate)
});
