//! Statements, policies and scopes for the tests of rules.

use serde_json::{Map, Value, json};

use super::{ContactMatch, GrantsOffered, MetadataPolicy, Profile};
use crate::error::Violation;
use crate::scope::{ScopePattern, ScopePolicy};

pub(crate) fn claims(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => panic!("claims are an object"),
    }
}

/// An app that satisfies both profiles.
pub(crate) fn app() -> Map<String, Value> {
    claims(json!({
        "iss": "https://app.example.org/udap",
        "client_name": "Example App",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "redirect_uris": ["https://app.example.org/cb", "https://app.example.org/cb?x=1"],
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": "openid fhirUser launch/patient offline_access patient/Patient.read",
        "contacts": ["mailto:ops@example.org", "https://example.org/contact"],
        "logo_uri": "https://app.example.org/logo.png",
        "client_uri": "https://app.example.org/",
        "tos_uri": "https://app.example.org/tos",
        "policy_uri": "https://app.example.org/privacy",
    }))
}

/// The least that an app for `client_credentials` has to say under `hl7`.
pub(crate) fn service() -> Map<String, Value> {
    claims(json!({
        "client_name": "Example Service",
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": "system/Patient.read",
        "contacts": ["mailto:ops@example.org"],
    }))
}

/// The claims with one member replaced, or taken away by null.
pub(crate) fn with(mut claims: Map<String, Value>, name: &str, value: Value) -> Map<String, Value> {
    if value.is_null() {
        claims.remove(name);
    } else {
        claims.insert(name.to_owned(), value);
    }
    claims
}

pub(crate) fn policy(profile: Profile) -> MetadataPolicy {
    MetadataPolicy {
        profile,
        contact_match: ContactMatch::Registrable,
        allow_client_credentials: true,
        allow_http_pages: false,
        grants: GrantsOffered {
            authorization_code: true,
            client_credentials: true,
        },
    }
}

/// A cut from OpenEMR 8's catalogue.
pub(crate) const SITE: [&str; 24] = [
    "openid",
    "profile",
    "fhirUser",
    "offline_access",
    "launch",
    "launch/patient",
    "api:oemr",
    "api:fhir",
    "api:port",
    "patient/Patient.read",
    "patient/Patient.rs",
    "patient/Observation.rs",
    "patient/Observation.rs?category=http://example.org/codes|laboratory",
    "user/Patient.read",
    "user/Patient.write",
    "user/patient.crus",
    "system/Patient.read",
    "system/Patient.rs",
    "system/Observation.read",
    "system/MedicationDispense.rs",
    "system/Patient.$export",
    "system/*.$export",
    "system/Patient.write",
    "udap",
];

/// The site without a community's ceiling.
pub(crate) fn open_scopes() -> ScopePolicy {
    ScopePolicy::new(&SITE, None)
}

pub(crate) fn scopes_under(ceiling: &[&str]) -> ScopePolicy {
    let patterns: Vec<ScopePattern> = ceiling
        .iter()
        .map(|pattern| pattern.parse().unwrap())
        .collect();
    ScopePolicy::new(&SITE, Some(&patterns))
}

/// The violations of claims under a profile.
pub(crate) fn violations(profile: Profile, claims: &Map<String, Value>) -> Vec<Violation> {
    super::check(claims, &policy(profile), &open_scopes())
        .err()
        .unwrap_or_default()
}

/// As [`violations`], the codes alone.
pub(crate) fn codes(profile: Profile, claims: &Map<String, Value>) -> Vec<&'static str> {
    violations(profile, claims)
        .iter()
        .map(|violation| violation.code)
        .collect()
}
