//! `token_endpoint_auth_method`: always `private_key_jwt` (B31).

use serde_json::{Map, Value};

use crate::error::Violation;

/// The one method.
pub(super) const PRIVATE_KEY_JWT: &str = "private_key_jwt";

pub(super) fn check(claims: &Map<String, Value>) -> Result<(), Vec<Violation>> {
    let code = match claims.get("token_endpoint_auth_method") {
        Some(Value::String(method)) if method == PRIVATE_KEY_JWT => return Ok(()),
        Some(_) => "auth_method_not_private_key_jwt",
        None => "auth_method_missing",
    };
    Err(vec![Violation::of(
        "B31",
        "token_endpoint_auth_method",
        code,
        "The authentication method must be private_key_jwt.",
    )])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Proves: B31
    #[test]
    fn only_private_key_jwt_is_accepted() {
        let code = |method: Value| {
            let claims = Map::from_iter([("token_endpoint_auth_method".to_owned(), method)]);
            check(&claims).err().map(|violations| violations[0].code)
        };
        assert_eq!(code(json!("private_key_jwt")), None);
        for wrong in [
            json!("client_secret_basic"),
            json!("none"),
            json!(""),
            json!(["private_key_jwt"]),
        ] {
            assert_eq!(code(wrong), Some("auth_method_not_private_key_jwt"));
        }
        assert_eq!(
            check(&Map::new()).unwrap_err()[0].code,
            "auth_method_missing"
        );
    }
}
