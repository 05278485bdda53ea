//! The rules on client metadata: from the claims of a trusted statement to what is registered
//! (B20–B46, I01–I21, decisions 16–18).
//!
//! Every rule judges by itself, so that one answer tells all that is wrong. The only way to a
//! [`ClientMetadata`] is to pass all of them.

mod auth_method;
mod client_name;
mod contact_domain;
mod contacts;
mod grant_types;
mod launch;
mod logo_uri;
mod mailto;
mod metadata;
mod profile;
mod public_host;
mod redirect_uris;
mod registrable_domain;
mod response_types;
mod scope_claim;
mod uri;
mod web_pages;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod one_by_one;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::error::Violation;
use crate::scope::ScopePolicy;

pub use grant_types::{Grant, GrantsOffered};
pub use metadata::{ClientMetadata, Link, LinkChecks, LinkKind};
pub use profile::{ContactMatch, MetadataPolicy, Profile};

/// Whether the statement asks to end the registration: `grant_types` is present as an empty array
/// (D10). Missing, an empty string or null is something else (D11). No other rule applies to a
/// cancellation (D12).
#[must_use]
pub fn is_cancellation(claims: &Map<String, Value>) -> bool {
    matches!(claims.get("grant_types"), Some(Value::Array(grants)) if grants.is_empty())
}

/// Judges the claims of a statement by every rule and grants scopes.
///
/// Members that no rule knows are ignored (B07), keys among them (B35).
///
/// # Errors
/// All violations of all rules, in the order of the rules; never none.
pub fn check(
    claims: &Map<String, Value>,
    policy: &MetadataPolicy,
    scopes: &ScopePolicy,
) -> Result<ClientMetadata, Vec<Violation>> {
    let profile = policy.profile.rules();
    let mut found = Found::default();

    let client_name = found.keep(client_name::check(claims));
    let grant_types = found.keep(grant_types::check(claims, policy));
    // What other rules go by if the claim itself is at fault: nothing that depends on the grant.
    let grant = grant_types.as_ref().map(|types| &types.grant);
    let redirect_uris = found.keep(redirect_uris::check(claims, grant, profile));
    let response_types = found.keep(response_types::check(claims, grant));
    found.keep(auth_method::check(claims));
    let contacts = found.keep(contacts::check(claims));
    if let (Some(contacts), true) = (&contacts, profile.contact_domain) {
        found.keep(contact_domain::check(
            claims,
            contacts,
            grant,
            policy.contact_match,
        ));
    }
    let logo_uri = found.keep(logo_uri::check(claims, grant, profile));
    let pages = found.keep(web_pages::check(claims, profile, policy.allow_http_pages));
    let launch = found.keep(launch::check(claims));
    let scope = found.keep(scope_claim::check(claims, grant, scopes));

    match (
        client_name,
        grant_types,
        redirect_uris,
        response_types,
        contacts,
        logo_uri,
        pages,
        launch,
        scope,
    ) {
        (
            Some(client_name),
            Some(grant_types),
            Some(redirect_uris),
            Some(response_types),
            Some(contacts),
            Some(logo_uri),
            Some(pages),
            Some(launch),
            Some(Some(scope)),
        ) if found.0.is_empty() => Ok(ClientMetadata {
            client_name,
            grant_types,
            redirect_uris,
            response_types,
            contacts: contacts.texts,
            logo_uri,
            pages,
            launch,
            scope,
        }),
        _ => Err(found.0),
    }
}

/// The violations so far.
#[derive(Default)]
struct Found(Vec<Violation>);

impl Found {
    /// The value of a rule that holds; otherwise its violations are kept.
    fn keep<T>(&mut self, outcome: Result<T, Vec<Violation>>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(violations) => {
                self.0.extend(violations);
                None
            }
        }
    }
}

/// The value of a rule without violations, or all of them.
fn unless<T>(violations: Vec<Violation>, value: T) -> Result<T, Vec<Violation>> {
    if violations.is_empty() {
        Ok(value)
    } else {
        Err(violations)
    }
}
