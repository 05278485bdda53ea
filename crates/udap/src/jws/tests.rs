use josekit::jws;
use proptest::prelude::*;
use serde_json::json;
use std::sync::LazyLock;
use time::macros::datetime;
use udap_testkit::{StatementBuilder, TestCommunity};

use super::*;

fn statement() -> StatementBuilder {
    let now = datetime!(2026-11-22 12:00 UTC);
    TestCommunity::new("example", now)
        .client("https://app.example.org/")
        .statement("https://emr.example.org/udap/default/register", now)
}

/// A good token, and what josekit with OpenSSL needs to judge it.
static GOOD: LazyLock<(String, Vec<u8>)> = LazyLock::new(|| {
    let token = statement().build();
    let jws = verify(&token, &Algorithm::ALL).unwrap();
    let spki = jws.x5c().leaf().key().unwrap().spki().to_vec();
    (token, spki)
});

/// What josekit reads of a token by the key that belongs to [`GOOD`].
fn by_josekit(token: &str) -> Option<Value> {
    let verifier = RS256.verifier_from_der(&GOOD.1).unwrap();
    let (payload, _) = jws::deserialize_compact(token, &verifier).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn by_us(token: &str) -> Option<Value> {
    let jws = verify(token, &Algorithm::ALL).ok()?;
    Some(Value::Object(jws.payload().clone()))
}

#[test]
fn a_good_token_says_the_same_to_josekit_and_to_us() {
    assert!(by_us(&GOOD.0).is_some());
    assert_eq!(by_us(&GOOD.0), by_josekit(&GOOD.0));
}

/// Proves: A54
#[test]
fn registered_header_members_of_the_wrong_type_are_refused() {
    for (member, value) in [
        ("kid", json!(7)),
        ("typ", json!(["JWT"])),
        ("cty", json!({})),
        ("jku", json!(true)),
        ("x5u", json!(1)),
        ("x5t#S256", json!("not base64url!")),
        ("jwk", json!("a string")),
    ] {
        let token = statement().header(member, value).build();
        assert_eq!(
            verify(&token, &Algorithm::ALL).unwrap_err(),
            JwsError::Header,
            "{member}"
        );
        assert_eq!(by_josekit(&token), None, "{member}");
    }
}

proptest! {
    /// Proves: A54, C02
    #[test]
    fn a_token_that_differs_in_one_character_is_refused(
        position in any::<prop::sample::Index>(),
        character in "[A-Za-z0-9_.=-]",
        insert in any::<bool>(),
    ) {
        let mut token = GOOD.0.clone();
        let position = position.index(token.len());
        let end = if insert { position } else { position + 1 };
        token.replace_range(position..end, &character);
        if token != GOOD.0 {
            prop_assert_eq!(by_us(&token), None);
            prop_assert_eq!(by_josekit(&token), None);
        }
    }
}
