//! What of a token request's scope may be asked of the FHIR server (G17, decisions 27).

use serde_json::{Map, Value};

use super::client::TokenClient;
use super::error::{TokenErrorCode, TokenRefusal};
use super::form::{TokenForm, TokenGrant};
use crate::rules::Grant;
use crate::scope::{ScopePattern, ScopePolicy};

/// The scopes to ask for, in the FHIR server's own form, each registered; `None`: the request names
/// none, and a user's grant has its own.
///
/// FHIR servers may compare loosely: what is not registered, strictly, is never asked for. What the
/// assertion itself says limits what the form says.
pub(crate) fn ask(
    form: &TokenForm,
    claims: &Map<String, Value>,
    client: &TokenClient,
) -> Result<Option<Vec<String>>, TokenRefusal> {
    let invalid = |rule, message: &'static str| {
        TokenRefusal::new(TokenErrorCode::InvalidScope, rule, message)
    };
    let in_assertion = match claims.get("scope") {
        None => None,
        Some(Value::String(text)) => Some(text.as_str()),
        Some(_) => {
            return Err(invalid(
                "G17",
                "scope in the client assertion must be a string",
            ));
        }
    };
    let registered = &client.scopes;
    let asked = match (form.scope(), in_assertion) {
        (Some(text), None) | (None, Some(text)) => within(registered, text, form.grant()),
        (Some(text), Some(limit)) => {
            let limited = within(registered, limit, form.grant());
            within(&limited, text, form.grant())
        }
        (None, None) => {
            return Ok(match form.grant() {
                TokenGrant::ClientCredentials => Some(registered.clone()),
                _ => None,
            });
        }
    };
    if asked.is_empty() {
        return Err(invalid(
            "G21",
            "none of the requested scopes is among those that the app is registered with",
        ));
    }
    Ok(Some(asked))
}

/// What of a scope text lies in a list, in the list's form: equal permissions are one, wildcards are
/// expanded, the rest is dropped.
fn within(list: &[String], text: &str, grant: &TokenGrant) -> Vec<String> {
    // Everything that is registered may be asked for, by name.
    let named: Vec<ScopePattern> = list.iter().filter_map(|scope| scope.parse().ok()).collect();
    let grant = match grant {
        TokenGrant::ClientCredentials => Grant::ClientCredentials,
        _ => Grant::AuthorizationCode { refresh: true },
    };
    match ScopePolicy::new(list, Some(&named)).grant(text, &grant) {
        Ok(granted) => {
            let granted = granted.granted().iter();
            granted.map(|scope| scope.as_str().to_owned()).collect()
        }
        Err(_) => Vec::new(),
    }
}
