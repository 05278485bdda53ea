//! Any header and any payload, a line each, under a good signature: what no app would sign.
//!
//! In the header's `x5c` the words `leaf`, `intermediate` and `root` stand for certificates.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use serde_json::Value;
use udap::algorithm::Algorithm;
use udap::{json, jws};
use udap_fuzz::world::{world, x5c_entry};

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|octet| *octet == b'\n') else {
        return;
    };
    let world = world();
    let (header, payload) = (&data[..end], &data[end + 1..]);
    let header = match serde_json::from_slice::<Value>(header) {
        Ok(mut value) => {
            let entries = value.get_mut("x5c").and_then(Value::as_array_mut);
            for entry in entries.into_iter().flatten() {
                let der = match entry.as_str() {
                    Some("leaf") => world.leaf.der(),
                    Some("intermediate") => world.intermediate.der(),
                    Some("root") => world.root.der(),
                    _ => continue,
                };
                *entry = x5c_entry(der).into();
            }
            serde_json::to_vec(&value).expect("it is written")
        }
        // Duplicate keys and the like.
        Err(_) => header.to_vec(),
    };
    let token = world.token(&header, payload);
    let peeked = jws::peek(&token);
    assert_eq!(
        peeked.is_ok(),
        json::object(&header).is_ok() && json::object(payload).is_ok()
    );
    let Ok(verified) = jws::verify(&token, &Algorithm::ALL) else {
        return;
    };
    let (header, payload) = peeked.expect("what verifies can be read");
    assert_eq!(header["alg"], "ES256");
    assert!(!header.contains_key("crit") && !header.contains_key("b64"));
    assert_eq!(verified.algorithm(), Algorithm::Es256);
    assert_eq!(verified.x5c().leaf(), &world.client);
    assert_eq!(verified.payload(), &payload);
    assert!(jws::verify(&token, &Algorithm::RSA).is_err());
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    udap_fuzz::json::mutate_lines(data, size, max_size, seed, fuzzer_mutate)
});
