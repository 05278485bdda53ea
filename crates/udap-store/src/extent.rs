//! How far a registration reaches: what an administrator approves, and what must not grow unseen
//! (decisions 12, 13).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use udap::scope::{Scope, ScopePattern};

/// Scopes, grant types and redirect URIs of a registration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Concrete scopes.
    pub scopes: Vec<String>,
    /// Grant types.
    pub grant_types: Vec<String>,
    /// Redirect URIs, exact.
    pub redirect_uris: Vec<String>,
}

impl Extent {
    /// The extent of what is registered, from the metadata members of the answer.
    #[must_use]
    pub fn of(metadata: &Map<String, Value>) -> Self {
        Self {
            scopes: metadata
                .get("scope")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .split_ascii_whitespace()
                .map(str::to_owned)
                .collect(),
            grant_types: strings(metadata, "grant_types"),
            redirect_uris: strings(metadata, "redirect_uris"),
        }
    }

    /// Whether `other` adds nothing to this: no scope, no grant type, no redirect URI.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.covers_scopes(other)
            && is_subset(&other.grant_types, &self.grant_types)
            && is_subset(&other.redirect_uris, &self.redirect_uris)
    }

    /// Whether every scope of `other` is permitted by one of these. SMART v1 and v2 forms of one
    /// permission are the same, and `.cruds` permits `.r`; a scope of another form must stand here
    /// letter by letter.
    #[must_use]
    pub fn covers_scopes(&self, other: &Self) -> bool {
        other.scopes.iter().all(|scope| {
            self.scopes
                .iter()
                .any(|mine| mine == scope || permits(mine, scope))
        })
    }
}

fn permits(wide: &str, narrow: &str) -> bool {
    // Only concrete scopes are ever granted: a pattern that is none covers nothing here.
    match (
        wide.parse::<Scope>(),
        wide.parse::<ScopePattern>(),
        narrow.parse::<Scope>(),
    ) {
        (Ok(_), Ok(wide), Ok(narrow)) => wide.covers(&narrow),
        _ => false,
    }
}

fn is_subset(part: &[String], whole: &[String]) -> bool {
    part.iter().all(|one| whole.contains(one))
}

/// The strings of an array member; empty if it is absent.
pub(crate) fn strings(members: &Map<String, Value>, name: &str) -> Vec<String> {
    members
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scopes(text: &str) -> Extent {
        Extent {
            scopes: text.split(' ').map(str::to_owned).collect(),
            ..Extent::default()
        }
    }

    #[test]
    fn forms_of_one_permission_are_the_same_and_wider_ones_cover_narrower_ones() {
        for (wide, narrow, covered) in [
            ("system/Patient.read", "system/Patient.rs", true),
            ("system/Patient.rs", "system/Patient.read", true),
            ("system/Patient.cruds", "system/Patient.r", true),
            ("system/Patient.r", "system/Patient.rs", false),
            ("system/Patient.read", "system/Observation.read", false),
            ("system/Patient.read", "user/Patient.read", false),
            ("openid fhirUser", "fhirUser", true),
            ("openid", "fhirUser", false),
            (
                "system/Observation.rs",
                "system/Observation.rs?category=lab",
                true,
            ),
            (
                "system/Observation.rs?category=lab",
                "system/Observation.rs",
                false,
            ),
        ] {
            assert_eq!(
                scopes(wide).covers(&scopes(narrow)),
                covered,
                "{wide} {narrow}"
            );
        }
    }

    #[test]
    fn an_added_grant_type_or_redirect_uri_is_not_covered() {
        let members = |redirects: Value, grants: Value| {
            let value =
                json!({"scope": "openid", "redirect_uris": redirects, "grant_types": grants});
            Extent::of(value.as_object().unwrap())
        };
        let one = members(json!(["https://a/1"]), json!(["authorization_code"]));
        assert!(one.covers(&one));
        assert!(one.covers(&members(json!([]), json!([]))));
        assert!(!one.covers(&members(
            json!(["https://a/1", "https://a/2"]),
            json!(["authorization_code"])
        )));
        assert!(!one.covers(&members(
            json!(["https://a/1/"]),
            json!(["authorization_code"])
        )));
        assert!(!one.covers(&members(
            json!(["https://a/1"]),
            json!(["authorization_code", "refresh_token"])
        )));
    }
}
