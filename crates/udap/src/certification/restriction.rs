//! What a certification allows: each registration parameter in it restricts what may be registered
//! (F08, UDAP Certifications §1, §6.5).

use serde_json::{Map, Value};

use super::redirect_pattern;
use crate::key::PublicKey;
use crate::rules::ClientMetadata;
use crate::scope::{Scope, ScopePattern};

/// Parameters of one value, which must be the very value; and what they are called in what is
/// registered.
const SINGLE: [(&str, &str); 10] = [
    ("client_name", "client_name"),
    ("software_id", "software_id"),
    ("software_version", "software_version"),
    ("client_uri", "client_uri"),
    ("logo_uri", "logo_uri"),
    ("tos_uri", "tos_uri"),
    ("policy_uri", "policy_uri"),
    ("launch_uri", "initiate_login_uri"),
    ("initiate_login_uri", "initiate_login_uri"),
    ("token_endpoint_auth_method", "token_endpoint_auth_method"),
];

/// Parameters of several, of which a subset may be registered.
const SEVERAL: [&str; 4] = [
    "contacts",
    "grant_types",
    "response_types",
    "post_logout_redirect_uris",
];

/// Why a parameter of a certification is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conflict {
    /// It is not of the form that it should have (F13).
    Malformed,
    /// Something else is to be registered (F08).
    Exceeded,
}

/// What is to be registered.
pub(super) struct Registration<'a> {
    members: Map<String, Value>,
    scopes: &'a [Scope],
    key: Option<&'a PublicKey>,
}

impl<'a> Registration<'a> {
    /// The values of record; `software_id` and `software_version`, which no table holds, are those of
    /// the statement.
    pub(super) fn new(
        metadata: &'a ClientMetadata,
        claims: &Map<String, Value>,
        key: Option<&'a PublicKey>,
    ) -> Self {
        let mut members = metadata.to_response_members();
        for name in ["software_id", "software_version"] {
            if let Some(value) = claims.get(name) {
                members.insert(name.to_owned(), value.clone());
            }
        }
        Self {
            members,
            scopes: metadata.scopes().granted(),
            key,
        }
    }

    /// Every parameter of the certification that is malformed, or exceeded.
    pub(super) fn conflicts(
        &self,
        certification: &Map<String, Value>,
    ) -> Vec<(&'static str, Conflict)> {
        let mut conflicts = Vec::new();
        let mut judge = |name: &'static str, check: &dyn Fn(&Value) -> Result<(), Conflict>| {
            if let Some(value) = certification.get(name)
                && let Err(conflict) = check(value)
            {
                conflicts.push((name, conflict));
            }
        };
        for (name, registered) in SINGLE {
            judge(name, &|value| self.single(value, registered));
        }
        for name in SEVERAL {
            judge(name, &|value| self.several(value, name));
        }
        judge("redirect_uris", &|value| self.redirect_uris(value));
        judge("scope", &|value| self.scope(value));
        judge("jwks", &|value| self.jwks(value));
        conflicts
    }

    /// A value that is not registered at all is not the one that was certified.
    fn single(&self, value: &Value, registered: &str) -> Result<(), Conflict> {
        let text = value.as_str().ok_or(Conflict::Malformed)?;
        let found = self.members.get(registered).and_then(Value::as_str);
        kept(found == Some(text))
    }

    fn several(&self, value: &Value, name: &str) -> Result<(), Conflict> {
        let allowed = texts(value)?;
        let is_allowed = |text: &str| allowed.contains(&text);
        kept(self.registered(name).all(is_allowed))
    }

    fn redirect_uris(&self, value: &Value) -> Result<(), Conflict> {
        let patterns = texts(value)?;
        if !patterns.iter().all(|one| redirect_pattern::is_sound(one)) {
            return Err(Conflict::Malformed);
        }
        let is_allowed = |uri: &str| {
            let fits = |pattern: &&str| redirect_pattern::matches(pattern, uri);
            patterns.iter().any(fits)
        };
        kept(self.registered("redirect_uris").all(is_allowed))
    }

    /// A certified pattern covers what a community's ceiling would cover by it.
    fn scope(&self, value: &Value) -> Result<(), Conflict> {
        let text = value.as_str().ok_or(Conflict::Malformed)?;
        let allowed = |scope: &Scope| {
            text.split_ascii_whitespace().any(|token| {
                token == scope.as_str()
                    || (token.parse::<ScopePattern>()).is_ok_and(|pattern| pattern.covers(scope))
            })
        };
        kept(self.scopes.iter().all(allowed))
    }

    /// The app has shown that it holds the key of its certificate: that key must be among them. The
    /// specification says "string, as per RFC 7591", where it is an object; both are read.
    fn jwks(&self, value: &Value) -> Result<(), Conflict> {
        let parsed;
        let keys = match value {
            Value::String(text) => {
                parsed = crate::json::object(text.as_bytes()).map_err(|_| Conflict::Malformed)?;
                parsed.get("keys")
            }
            other => other.get("keys"),
        };
        let keys = keys.and_then(Value::as_array).ok_or(Conflict::Malformed)?;
        let own = self
            .key
            .and_then(|key| serde_json::to_value(key.jwk()).ok())
            .ok_or(Conflict::Exceeded)?;
        let own = own.as_object().ok_or(Conflict::Exceeded)?;
        let is_own = |key: &Value| own.iter().all(|(name, value)| key.get(name) == Some(value));
        kept(keys.iter().any(is_own))
    }

    fn registered(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.members.get(name).and_then(Value::as_array);
        values.into_iter().flatten().filter_map(Value::as_str)
    }
}

fn kept(is: bool) -> Result<(), Conflict> {
    is.then_some(()).ok_or(Conflict::Exceeded)
}

fn texts(value: &Value) -> Result<Vec<&str>, Conflict> {
    let elements = value.as_array().ok_or(Conflict::Malformed)?;
    elements
        .iter()
        .map(|element| element.as_str().ok_or(Conflict::Malformed))
        .collect()
}
