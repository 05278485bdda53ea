//! The `scope` claim: required, and granted by the scope policy (B32, B40–B46).

use serde_json::{Map, Value};

use super::grant_types::Grant;
use crate::error::Violation;
use crate::scope::{GrantedScopes, ScopePolicy, check_form};

/// The granted scopes; `None` if the grant type, by which scopes are judged, is itself at fault.
pub(super) fn check(
    claims: &Map<String, Value>,
    grant: Option<&Grant>,
    scopes: &ScopePolicy,
) -> Result<Option<GrantedScopes>, Vec<Violation>> {
    let fault = |code, message| Err(vec![Violation::of("B32", "scope", code, message)]);
    let requested = match claims.get("scope") {
        None => {
            return fault(
                "scope_missing",
                "A string of space-separated scopes is required.",
            );
        }
        Some(Value::String(requested)) => requested,
        Some(_) => {
            return fault(
                "scope_not_string",
                "The scope claim must be a string of space-separated scopes.",
            );
        }
    };
    match grant {
        Some(grant) => scopes.grant(requested, grant).map(Some),
        None => check_form(requested).map(|()| None),
    }
    .map_err(|violation| vec![violation])
}
