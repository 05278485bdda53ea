//! How much an event may hold: the audit log is kept for years, and what an app sends may be long.

use serde_json::{Map, Value, json};

use crate::identity;

/// Octets of an event's detail as JSON. A statement with a usual chain of certificates has six to
/// ten thousand, the metadata that follow from it less; 64 KiB hold both with ease. What trusted
/// apps can make the log grow by is this, times what rate limits let through.
pub(crate) const DETAIL_OCTETS: usize = 64 * 1024;

/// The same of a token request, of which an app may make hundreds a minute. Who asks and what for takes
/// some five hundred.
pub(crate) const TOKEN_OCTETS: usize = 4 * 1024;

/// A member up to so long stays: what stands in its place would be no shorter.
const SHORT_OCTETS: usize = 256;

/// The detail as it is stored. As long as it is too long, its longest member gives way to its hash
/// and length: enough to tell whether a copy that somebody else kept is the true one.
pub(crate) fn bounded(mut detail: Map<String, Value>, most: usize) -> String {
    loop {
        let text = Value::from(detail.clone()).to_string();
        if text.len() <= most {
            return text;
        }
        let longest = detail
            .iter()
            .map(|(name, value)| (octets(value).len(), name.clone()))
            .filter(|(length, _)| *length > SHORT_OCTETS)
            .max();
        // No event has hundreds of members; were it so, the whole would give way.
        let Some((_, name)) = longest else {
            return Value::from(Map::from_iter([("detail".to_owned(), omitted(&text))]))
                .to_string();
        };
        if let Some(value) = detail.get_mut(&name) {
            *value = omitted(&octets(value));
        }
    }
}

/// What is hashed: a text itself, else the value as JSON.
fn octets(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn omitted(text: &str) -> Value {
    json!({
        "omitted": true,
        "octets": text.len(),
        "sha256": hex::encode(identity::content(text.as_bytes())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::audit_event::members;

    fn stored(detail: Value) -> Value {
        let text = bounded(members(detail), DETAIL_OCTETS);
        assert!(text.len() <= DETAIL_OCTETS);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_fits_is_stored_as_it_is() {
        let detail = json!({"a": "x".repeat(60_000), "b": [1]});
        assert_eq!(stored(detail.clone()), detail);
    }

    #[test]
    fn the_longest_member_gives_way_to_its_hash_and_length_first() {
        let statement = "s".repeat(40_000);
        let detail = json!({"statement": statement, "scopes": ["y".repeat(30_000)], "jti": "j"});
        let stored = stored(detail.clone());
        assert_eq!(stored["scopes"], detail["scopes"]);
        assert_eq!(stored["jti"], "j");
        assert_eq!(
            stored["statement"],
            json!({
                "omitted": true,
                "octets": 40_000,
                "sha256": hex::encode(identity::content(statement.as_bytes())),
            })
        );
    }

    #[test]
    fn whatever_is_in_it_it_ends() {
        let many: Map<String, Value> = (0..20_000)
            .map(|number| (format!("member {number}"), json!("z")))
            .collect();
        assert!(stored(many.into())["detail"]["octets"].is_number());
        let long_name = "n".repeat(DETAIL_OCTETS);
        assert!(stored(json!({long_name: 1}))["detail"]["sha256"].is_string());
    }
}
