//! What of a token request's scope may be asked of the FHIR server (G17, decisions 27).

use serde_json::{Map, Value};

use super::client::TokenClient;
use super::error::{TokenErrorCode, TokenRefusal};
use super::form::{TokenForm, TokenGrant};
use crate::rules::Grant;
use crate::scope::{Scope, ScopePattern, ScopePolicy};

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

/// A scope that permits nothing: OpenEMR grants it, unasked, where the user's login had a `nonce`.
const PERMITS_NOTHING: &str = "nonce";

/// Whether everything in a granted scope text is in a list, or is a part of a permission there. Strictly:
/// a refinement covers no more than itself, and an operation on all resources is none on one.
pub(super) fn lies_within(list: &[String], granted: &str) -> bool {
    let listed = |scope: &Scope| {
        (list.iter().filter(|text| !text.contains('*')))
            .filter_map(|text| text.parse::<ScopePattern>().ok())
            .any(|pattern| pattern.covers(scope))
    };
    granted
        .split(' ')
        .filter(|text| !text.is_empty() && *text != PERMITS_NOTHING)
        .all(|text| {
            list.iter().any(|one| one == text) || text.parse().is_ok_and(|one| listed(&one))
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves: G17
    #[test]
    fn no_more_lies_in_a_list_than_it_says() {
        let list: Vec<String> = "openid system/Patient.read system/Observation.rs?category=vital \
                                 system/*.$export user/Patient.cruds"
            .split(' ')
            .map(str::to_owned)
            .collect();
        for (granted, is_within) in [
            ("", true),
            ("system/Patient.read  openid", true),
            ("system/Patient.rs", true),
            ("system/Patient.r nonce", true),
            ("user/Patient.read user/Patient.write", true),
            ("system/Observation.rs?category=vital", true),
            ("system/Observation.rs", false),
            ("system/Observation.rs?category=lab", false),
            ("system/*.$export", true),
            ("system/Patient.$export", false),
            ("system/Patient.cruds", false),
            ("system/Patient.write", false),
            ("patient/Patient.read", false),
            ("system/patient.read", false),
            ("openid launch", false),
            ("system/Patient.read\tsystem/Group.read", false),
        ] {
            assert_eq!(lies_within(&list, granted), is_within, "{granted}");
        }
    }
}
