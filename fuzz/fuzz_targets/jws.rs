//! A compact JWS as it comes in, almost never with a good signature.
#![no_main]

use libfuzzer_sys::fuzz_target;
use udap::algorithm::Algorithm;
use udap::jws;

fuzz_target!(|data: &[u8]| {
    let Ok(token) = std::str::from_utf8(data) else {
        return;
    };
    let peeked = jws::peek(token);
    let verified = jws::verify(token, &Algorithm::ALL);
    let _ = jws::verify(token, &Algorithm::RSA);
    assert!(jws::verify(token, &[]).is_err());
    if let Ok(verified) = verified {
        let (header, payload) = peeked.expect("what verifies can be read");
        assert_eq!(header["alg"], verified.algorithm().name());
        assert_eq!(&payload, verified.payload());
        assert!(verified.x5c().leaf().key().is_ok());
    }
});
