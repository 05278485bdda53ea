//! Which scopes of a site an app of a community is granted (B40–B46, decisions 15).

use std::collections::HashSet;

use super::grammar::{Letters, Level, Permission, Scope, is_scope_octet};
use super::granted::{DropReason, GrantedScopes};
use super::pattern::{ScopePattern, Wildcard};
use crate::error::Violation;
use crate::limits;
use crate::rules::{Grant, GrantsOffered};

/// Tiered OAuth's scope (H02). OpenEMR refuses a token request that holds it.
const TIERED_OAUTH: &str = "udap";

const OFFLINE_ACCESS: &str = "offline_access";

/// Scopes without a permission that open more than a FHIR read: an entry in the EHR's launch list,
/// OpenEMR's own API, the portal's API.
const SENSITIVE: [&str; 3] = ["launch", "api:oemr", "api:port"];

/// The wildcards that discovery may list (A17).
const WILDCARDS: [&str; 15] = [
    "patient/*.read",
    "patient/*.write",
    "patient/*.*",
    "patient/*.rs",
    "patient/*.cruds",
    "user/*.read",
    "user/*.write",
    "user/*.*",
    "user/*.rs",
    "user/*.cruds",
    "system/*.read",
    "system/*.write",
    "system/*.*",
    "system/*.rs",
    "system/*.cruds",
];

/// The scopes of one site for the apps of one community.
#[derive(Clone, Debug)]
pub struct ScopePolicy {
    /// In the site's order, none twice.
    site: Vec<Listed>,
    wildcards: Vec<(&'static str, Level)>,
}

#[derive(Clone, Debug)]
struct Listed {
    scope: Scope,
    /// Why this community's apps never get it, whatever their grant type.
    withheld: Option<DropReason>,
}

impl ScopePolicy {
    /// The policy of a site's concrete scopes under a community's ceiling; `None` is a community
    /// that sets none, which gets the site's scopes but for those that have to be named.
    ///
    /// An entry of `site` that is no concrete scope is left out, since OpenEMR could not serve a
    /// client that holds it. `udap` is left out too.
    #[must_use]
    pub fn new<S: AsRef<str>>(site: &[S], ceiling: Option<&[ScopePattern]>) -> Self {
        let mut seen = HashSet::new();
        let site: Vec<Listed> = site
            .iter()
            .filter_map(|text| text.as_ref().parse::<Scope>().ok())
            .filter(|scope| scope.as_str() != TIERED_OAUTH)
            .filter(|scope| seen.insert(scope.as_str().to_owned()))
            .map(|scope| Listed {
                withheld: withheld(&scope, ceiling),
                scope,
            })
            .collect();
        let mut policy = Self {
            site,
            wildcards: Vec::new(),
        };
        policy.wildcards = policy.offered_wildcards();
        policy
    }

    /// What this community's apps can be granted, for discovery (A17, A36): concrete scopes in the
    /// site's order, then the wildcards whose every permission can be granted on some resource.
    #[must_use]
    pub fn supported(&self) -> Vec<&str> {
        self.supported_for(GrantsOffered {
            authorization_code: true,
            client_credentials: true,
        })
    }

    /// As [`supported`](Self::supported), without what only a grant that is not offered could use
    /// (A06).
    #[must_use]
    pub fn supported_for(&self, grants: GrantsOffered) -> Vec<&str> {
        let usable = |level: Option<Level>| match level {
            Some(Level::System) => grants.client_credentials,
            _ => grants.authorization_code,
        };
        let concrete = self
            .site
            .iter()
            .filter(|listed| listed.withheld.is_none() && usable(listed.scope.level()))
            .map(|listed| listed.scope.as_str());
        let wildcards = self
            .wildcards
            .iter()
            .filter(|(_, level)| usable(Some(*level)))
            .map(|(text, _)| *text);
        concrete.chain(wildcards).collect()
    }

    /// Grants what is allowed of a `scope` claim and drops the rest (B40, B43).
    ///
    /// Only strings that the site lists are granted. A scope in the other form than the site's
    /// (SMART v1 `.read`, v2 `.rs`) is granted in the site's form; a wildcard is granted as its
    /// expansion (B42), in its own form where the site lists both.
    ///
    /// # Errors
    /// B32 if the claim is empty, too long or has characters that no scope may hold; B41 if nothing
    /// is left to grant.
    pub fn grant(&self, requested: &str, grant: &Grant) -> Result<GrantedScopes, Violation> {
        let tokens = tokens(requested)?;
        let mut granted: Vec<Scope> = Vec::new();
        let mut held = HashSet::new();
        let mut dropped = Vec::new();
        for token in tokens {
            match self.resolve(token, grant) {
                Ok(scopes) => {
                    for scope in scopes {
                        if held.insert(scope.as_str()) {
                            granted.push(scope.clone());
                        }
                    }
                }
                Err(reason) => dropped.push((token.to_owned(), reason)),
            }
        }
        GrantedScopes::new(granted, dropped).ok_or_else(|| {
            Violation::of(
                "B41",
                "scope",
                "scope_none_granted",
                match grant {
                    Grant::ClientCredentials => {
                        "None of the requested scopes can be granted: ask for system/ scopes that \
                         the UDAP metadata of this server list."
                    }
                    Grant::AuthorizationCode { .. } => {
                        "None of the requested scopes can be granted: ask for scopes that the UDAP \
                         metadata of this server list, other than system/ scopes."
                    }
                },
            )
        })
    }

    /// What one requested scope comes to. Never an empty list.
    fn resolve(&self, token: &str, grant: &Grant) -> Result<Vec<&Scope>, DropReason> {
        if token == TIERED_OAUTH {
            return Err(DropReason::TieredOauth);
        }
        let Ok(scope) = token.parse::<Scope>() else {
            let pattern: ScopePattern = token.parse().map_err(|_| DropReason::Malformed)?;
            let wildcard = pattern.wildcard().ok_or(DropReason::Unsupported)?;
            fits(Some(wildcard.level), grant)?;
            return self.expand(wildcard);
        };
        fits(scope.level(), grant)?;
        if scope.as_str() == OFFLINE_ACCESS
            && !matches!(grant, Grant::AuthorizationCode { refresh: true })
        {
            return Err(DropReason::NeedsRefreshToken);
        }
        // The very string first: a site may list both forms.
        let listed = self
            .site
            .iter()
            .find(|listed| listed.scope == scope)
            .or_else(|| {
                self.site
                    .iter()
                    .find(|listed| listed.scope.is_equivalent(&scope))
            })
            .ok_or(DropReason::Unsupported)?;
        match listed.withheld {
            Some(reason) => Err(reason),
            None => Ok(vec![&listed.scope]),
        }
    }

    fn expand(&self, wildcard: Wildcard) -> Result<Vec<&Scope>, DropReason> {
        let matching: Vec<&Listed> = self
            .site
            .iter()
            .filter(|listed| wildcard.matches(&listed.scope))
            .collect();
        let open: Vec<&Scope> = matching
            .iter()
            .filter(|listed| listed.withheld.is_none())
            .map(|listed| &listed.scope)
            .collect();
        if open.is_empty() {
            return Err(matching
                .iter()
                .find_map(|listed| listed.withheld)
                .unwrap_or(DropReason::Unsupported));
        }
        Ok(open
            .iter()
            .filter(|scope| !open.iter().any(|other| wildcard.prefers(other, scope)))
            .copied()
            .collect())
    }

    fn offered_wildcards(&self) -> Vec<(&'static str, Level)> {
        WILDCARDS
            .into_iter()
            .filter_map(|text| {
                let wildcard = text.parse::<ScopePattern>().ok()?.wildcard()?;
                let reached = self
                    .expand(wildcard)
                    .ok()?
                    .into_iter()
                    .filter_map(letters)
                    .fold(Letters::NONE, Letters::union);
                (reached == wildcard.letters).then_some((text, wildcard.level))
            })
            .collect()
    }
}

impl Wildcard {
    fn matches(self, scope: &Scope) -> bool {
        scope.level() == Some(self.level)
            && letters(scope).is_some_and(|set| self.letters.contains(set))
    }

    /// Whether `other` makes `scope` superfluous in the expansion: the same permission in the form
    /// that was asked for, or the same without its refinement.
    fn prefers(self, other: &Scope, scope: &Scope) -> bool {
        let (Some(one), Some(two)) = (other.access(), scope.access()) else {
            return false;
        };
        if one.resource != two.resource {
            return false;
        }
        match (&one.permission, &two.permission) {
            (
                Permission::Letters { set: wide, v1 },
                Permission::Letters {
                    set: narrow,
                    v1: other_form,
                },
            ) => {
                let form =
                    one.query == two.query && wide == narrow && *v1 == self.v1 && other_form != v1;
                let unrefined =
                    one.query.is_none() && two.query.is_some() && wide.contains(*narrow);
                form || unrefined
            }
            _ => false,
        }
    }
}

fn letters(scope: &Scope) -> Option<Letters> {
    match &scope.access()?.permission {
        Permission::Letters { set, .. } => Some(*set),
        Permission::Operation(_) => None,
    }
}

/// Why a community's apps never get the scope.
fn withheld(scope: &Scope, ceiling: Option<&[ScopePattern]>) -> Option<DropReason> {
    let patterns = ceiling.unwrap_or_default();
    if scope.writes() || scope.is_operation() || SENSITIVE.contains(&scope.as_str()) {
        return (!patterns.iter().any(|pattern| pattern.names(scope)))
            .then_some(DropReason::NotNamed);
    }
    (ceiling.is_some() && !patterns.iter().any(|pattern| pattern.covers(scope)))
        .then_some(DropReason::AboveCeiling)
}

/// B44: `client_credentials` has no user and no patient, `authorization_code` is never the system.
fn fits(level: Option<Level>, grant: &Grant) -> Result<(), DropReason> {
    let system = level == Some(Level::System);
    match grant {
        Grant::ClientCredentials if system => Ok(()),
        Grant::AuthorizationCode { .. } if !system => Ok(()),
        _ => Err(DropReason::WrongLevel),
    }
}

/// The distinct scopes of the claim, in order.
fn tokens(requested: &str) -> Result<Vec<&str>, Violation> {
    check_form(requested)?;
    let mut seen = HashSet::new();
    Ok(requested
        .split(' ')
        .filter(|token| !token.is_empty() && seen.insert(*token))
        .collect())
}

/// Whether the claim is a list of scopes at all (B32, RFC 6749 §3.3). Surplus spaces are forgiven.
pub(crate) fn check_form(requested: &str) -> Result<(), Violation> {
    let fault = |code, message| Err(Violation::of("B32", "scope", code, message));
    if requested.len() > limits::SCOPE_BYTES || requested.split(' ').count() > limits::SCOPES {
        return fault(
            "scope_too_long",
            "The scope claim must be shorter: at most 1024 scopes and 32 KiB.",
        );
    }
    if !requested
        .bytes()
        .all(|octet| octet == b' ' || is_scope_octet(octet))
    {
        return fault(
            "scope_characters",
            "Scopes must be printable ASCII, separated by single spaces, without quotes and \
             backslashes.",
        );
    }
    if requested.bytes().all(|octet| octet == b' ') {
        return fault(
            "scope_empty",
            "The scope claim must name at least one scope.",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
