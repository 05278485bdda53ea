//! `client_name`: what a person reads when asked for consent (B20, I01, decisions 16).

use serde_json::{Map, Value};

use crate::error::Violation;
use crate::limits;

pub(super) fn check(claims: &Map<String, Value>) -> Result<String, Vec<Violation>> {
    let fault = |code, message| Err(vec![Violation::of("B20", "client_name", code, message)]);
    let name = match claims.get("client_name") {
        None => {
            return fault(
                "client_name_missing",
                "The name of the client application is required.",
            );
        }
        Some(Value::String(name)) => name,
        Some(_) => {
            return fault(
                "client_name_not_string",
                "The client name must be a string.",
            );
        }
    };
    if name.chars().any(deceives) {
        return fault(
            "client_name_characters",
            "The client name must not hold control characters or marks that change the direction \
             of text.",
        );
    }
    // A name of spaces or invisible marks tells nobody who asks.
    if !name.chars().any(char::is_alphanumeric) {
        return fault(
            "client_name_blank",
            "The client name must hold at least one letter or digit.",
        );
    }
    if name.chars().count() > limits::CLIENT_NAME_CHARS {
        return fault(
            "client_name_too_long",
            "The client name must have at most 80 characters.",
        );
    }
    Ok(name.clone())
}

/// Control characters, line and paragraph separators, and the bidirectional marks by which one name
/// can be shown as another.
fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061C}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2066}'..='\u{2069}'
                | '\u{FEFF}'
        )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(name: Value) -> Option<&'static str> {
        let claims = Map::from_iter([("client_name".to_owned(), name)]);
        check(&claims).err().map(|violations| violations[0].code)
    }

    /// Proves: B20
    #[test]
    fn a_name_of_up_to_eighty_characters_in_any_script_is_kept() {
        for name in ["Örzte App", "病院", "x", &"ä".repeat(80), " padded "] {
            assert_eq!(code(json!(name)), None, "{name}");
        }
    }

    /// Proves: B20, I01
    #[test]
    fn a_missing_blank_long_or_deceiving_name_is_refused() {
        assert_eq!(
            check(&Map::new()).unwrap_err()[0].code,
            "client_name_missing"
        );
        assert_eq!(code(json!(7)), Some("client_name_not_string"));
        assert_eq!(code(json!("")), Some("client_name_blank"));
        assert_eq!(code(json!(" \u{200D} ")), Some("client_name_blank"));
        assert_eq!(code(json!("a\nb")), Some("client_name_characters"));
        assert_eq!(code(json!("a\u{202E}b")), Some("client_name_characters"));
        assert_eq!(code(json!("ä".repeat(81))), Some("client_name_too_long"));
    }
}
