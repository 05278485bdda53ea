//! `response_types`: exactly `["code"]` iff `authorization_code` (B30, decisions 16).

use serde_json::{Map, Value};

use super::grant_types::Grant;
use crate::error::Violation;

pub(super) fn check(
    claims: &Map<String, Value>,
    grant: Option<&Grant>,
) -> Result<Vec<String>, Vec<Violation>> {
    let fault = |code, message| Err(vec![Violation::of("B30", "response_types", code, message)]);
    let types = claims.get("response_types");
    match (grant, types) {
        (Some(Grant::ClientCredentials), Some(_)) => fault(
            "response_types_forbidden",
            "With client_credentials the response types must be left out.",
        ),
        (Some(Grant::AuthorizationCode { .. }), None) => fault(
            "response_types_missing",
            "With authorization_code the response types must be an array that holds code alone.",
        ),
        (_, None) => Ok(Vec::new()),
        (_, Some(Value::Array(array))) if is_code(array) => Ok(vec!["code".to_owned()]),
        (_, Some(_)) => fault(
            "response_types_not_code",
            "The response types must be an array that holds code alone.",
        ),
    }
}

fn is_code(array: &[Value]) -> bool {
    matches!(array, [Value::String(only)] if only == "code")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CODE: Grant = Grant::AuthorizationCode { refresh: false };

    fn code(grant: Option<Grant>, types: Option<Value>) -> Option<&'static str> {
        let claims = types
            .map(|types| ("response_types".to_owned(), types))
            .into_iter()
            .collect();
        check(&claims, grant.as_ref())
            .err()
            .map(|violations| violations[0].code)
    }

    /// Proves: B30
    #[test]
    fn authorization_code_asks_for_code_alone() {
        assert_eq!(code(Some(CODE), Some(json!(["code"]))), None);
        assert_eq!(code(Some(CODE), None), Some("response_types_missing"));
        for wrong in [
            json!([]),
            json!("code"),
            json!(["code", "token"]),
            json!(["Code"]),
            json!([1]),
        ] {
            assert_eq!(
                code(Some(CODE), Some(wrong)),
                Some("response_types_not_code")
            );
        }
    }

    /// Proves: B30
    #[test]
    fn client_credentials_leaves_them_out_even_empty() {
        let grant = Some(Grant::ClientCredentials);
        assert_eq!(code(grant, None), None);
        assert_eq!(
            code(grant, Some(json!([]))),
            Some("response_types_forbidden")
        );
        assert_eq!(
            code(grant, Some(json!(["code"]))),
            Some("response_types_forbidden")
        );
    }

    #[test]
    fn without_a_usable_grant_only_a_wrong_value_is_told() {
        assert_eq!(code(None, None), None);
        assert_eq!(
            code(None, Some(json!(["token"]))),
            Some("response_types_not_code")
        );
    }
}
