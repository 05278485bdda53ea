#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| { let _ = udap::json::object(data); let _ = udap_testkit::KeyKind::P256; });
