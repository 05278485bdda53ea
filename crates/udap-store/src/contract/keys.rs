//! Which key clients' rows hold (decisions 26).

use serde_json::{Value, json};
use udap::enable::EnablePolicy;
use udap::registry::TokenStanding;

use crate::contract::tokens::{known, record};
use crate::contract::world::APP;
use crate::contract::{Harness, World};
use crate::{KeyMove, KeyedRow};

pub(super) fn kid_in(jwks: &str) -> Value {
    let set: Value = serde_json::from_str(jwks).expect("the row holds JSON");
    set["keys"][0]["kid"].clone()
}

/// The row says which key the FHIR server goes by, whoever wrote it there; without one there is nothing
/// to forward.
pub async fn the_row_says_which_key_is_signed_with(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let tokens = harness.tokens().await;
    let leaf = world.leaf(APP);
    let client = known(&world, harness, &leaf).await;
    let id = client.client_id.as_str();
    let own = harness.row(id).await.expect("it has a row").jwks;
    let other = known(&world, harness, &world.leaf("https://other.example.org/")).await;
    let other = harness.row(&other.client_id).await.expect("a row").jwks;
    let ask = async |jwks_uri, jwks| {
        harness.set_keys(id, jwks_uri, jwks).await;
        let request = world.authorize(&client, &world.assertion(&leaf, &client));
        record(&*tokens, &request, &world.context()).await
    };
    let signed_with = |jwks: &str| TokenStanding::Recorded {
        kid: kid_in(jwks).as_str().expect("it has a kid").to_owned(),
    };
    assert_eq!(ask(None, Some(&own)).await, signed_with(&own));
    assert_eq!(ask(None, Some(&other)).await, signed_with(&other));
    // The FHIR server ignores what the row calls the key, and takes the first RSA key.
    let mut renamed: Value = serde_json::from_str(&own).expect("it is JSON");
    renamed["keys"][0]["kid"] = kid_in(&other);
    let keys = renamed["keys"].as_array_mut().expect("it is a list");
    keys.insert(
        0,
        json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
    );
    let renamed = renamed.to_string();
    assert_eq!(ask(Some(""), Some(&renamed)).await, signed_with(&own));
    for (jwks_uri, jwks) in [
        (None, None),
        (None, Some("")),
        (None, Some("null")),
        (None, Some(r#"{"keys":[]}"#)),
        (None, Some(r#"{"keys":[{"kty":"RSA","e":"AQAB"}]}"#)),
        (Some("https://app.example.org/keys"), Some(own.as_str())),
    ] {
        assert_eq!(ask(jwks_uri, jwks).await, TokenStanding::Off, "{jwks:?}");
    }
    assert_eq!(harness.events("token_refused").await, 6);
    assert_eq!(ask(None, Some(&own)).await, signed_with(&own));
}

/// A row gets the key that its table wants, once, and nothing else about it changes.
pub async fn a_row_gets_the_key_that_is_wanted(harness: &dyn Harness) {
    let world = World::new(EnablePolicy::All);
    let keys = harness.keys().await;
    let leaf = world.leaf(APP);
    let client = known(&world, harness, &leaf).await;
    let id = client.client_id.as_str();
    let before = harness.row(id).await.expect("it has a row");
    let other = known(&world, harness, &world.leaf("https://other.example.org/")).await;
    let foreign = harness.row(&other.client_id).await.expect("a row").jwks;
    harness
        .set_keys(id, Some("https://a/"), Some(&foreign))
        .await;
    harness.give_tokens(id).await;
    let given = harness.good_tokens(id).await;
    keys.settle().await.expect("nothing is being written");
    let astray = async || {
        let (rows, next) = keys
            .keyed_rows("default", None, 1_000)
            .await
            .expect("the store answers");
        let next = keys.keyed_rows("default", next, 1_000).await;
        assert!(next.expect("the store answers").1.is_none());
        assert_eq!(rows.len(), 2);
        rows.into_iter()
            .filter(KeyedRow::is_astray)
            .map(|row| row.client_id)
            .collect::<Vec<_>>()
    };
    assert_eq!(astray().await, [id]);
    let give = async |id: &str| keys.move_key(&world.action(id)).await.expect("it is moved");
    assert_eq!(give(id).await, KeyMove::Moved);
    assert_eq!(give(id).await, KeyMove::Unchanged);
    assert!(astray().await.is_empty());
    assert_eq!(harness.row(id).await.expect("it has a row"), before);
    assert_eq!(harness.good_tokens(id).await, given);
    assert_eq!(harness.events("key_moved").await, 1);
    harness.remove(id).await;
    assert_eq!(give(id).await, KeyMove::Gone);
    assert_eq!(give("nobody").await, KeyMove::Gone);
}
