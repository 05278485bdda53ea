//! JSON from strangers: no duplicate keys, bounded depth and width.
//!
//! Parsers disagree on which of two equal keys counts, so a document that holds both says
//! different things to different readers (decisions 7, B02).

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::limits;

/// Why a text is not taken as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON (RFC 8259), not UTF-8, or followed by something else.
    #[error("it is not well-formed JSON")]
    Malformed,
    /// An object holds one key twice.
    #[error("an object holds the same key twice")]
    DuplicateKey,
    /// Nested deeper than [`limits::JSON_DEPTH`], or wider than [`limits::JSON_MEMBERS`].
    #[error("it is nested too deeply or holds too many members")]
    TooLarge,
    /// Well-formed, but no object.
    #[error("it is not a JSON object")]
    NotAnObject,
}

/// Parses one JSON object, and nothing after it. Members whose value is null are left out: they
/// count as absent (decisions 4).
///
/// # Errors
/// If the text is no object, holds a key twice at any level, or exceeds the limits.
pub fn object(text: &[u8]) -> Result<Map<String, Value>, JsonError> {
    let fault = Cell::new(JsonError::Malformed);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Strict {
        depth: limits::JSON_DEPTH,
        fault: &fault,
    }
    .deserialize(&mut deserializer)
    .and_then(|value| deserializer.end().map(|()| value))
    .map_err(|_| fault.get())?;
    match value {
        Value::Object(mut members) => {
            members.retain(|_, value| !value.is_null());
            Ok(members)
        }
        _ => Err(JsonError::NotAnObject),
    }
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    fault: &'a Cell<JsonError>,
}

impl Strict<'_> {
    fn fail<E: serde::de::Error>(self, fault: JsonError) -> E {
        self.fault.set(fault);
        E::custom(fault)
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.fail(JsonError::TooLarge)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let element = self.deeper()?;
        let mut elements = Vec::new();
        while let Some(value) = sequence.next_element_seed(element)? {
            if elements.len() == limits::JSON_MEMBERS {
                return Err(self.fail(JsonError::TooLarge));
            }
            elements.push(value);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let member = self.deeper()?;
        let mut members = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if members.contains_key(&key) {
                return Err(self.fail(JsonError::DuplicateKey));
            }
            if members.len() == limits::JSON_MEMBERS {
                return Err(self.fail(JsonError::TooLarge));
            }
            let value = access.next_value_seed(member)?;
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Proves: B02
    #[test]
    fn a_key_that_stands_twice_is_refused_at_any_level() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":[{"y":{"a":null,"a":2}}]}"#,
        ] {
            assert_eq!(
                object(text.as_bytes()),
                Err(JsonError::DuplicateKey),
                "{text}"
            );
        }
    }

    #[test]
    fn null_members_count_as_absent() {
        let members = object(br#"{"a":null,"b":[null]}"#).unwrap();
        assert!(!members.contains_key("a"));
        assert_eq!(members["b"], serde_json::json!([null]));
    }

    /// Proves: B02
    #[test]
    fn depth_and_width_are_bounded() {
        let nested = format!("{{\"a\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
        assert_eq!(object(nested.as_bytes()), Err(JsonError::TooLarge));
        let wide = format!("{{\"a\":[{}0]}}", "0,".repeat(limits::JSON_MEMBERS));
        assert_eq!(object(wide.as_bytes()), Err(JsonError::TooLarge));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(15), "]".repeat(15));
        assert!(object(deep.as_bytes()).is_ok());
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "{", "{}x", "{} {}", "nul", "{\"a\":}", "\u{feff}{}"] {
            assert_eq!(object(text.as_bytes()), Err(JsonError::Malformed), "{text}");
        }
        for text in ["[]", "1", "null", "\"{}\""] {
            assert_eq!(
                object(text.as_bytes()),
                Err(JsonError::NotAnObject),
                "{text}"
            );
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), Err(JsonError::Malformed));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = object(&text);
        }
    }
}
