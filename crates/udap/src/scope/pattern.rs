//! A pattern of scopes: an entry of a community's ceiling, or a wildcard that an app asks for.

use std::fmt;
use std::str::FromStr;

use super::grammar::{self, Letters, Level, Parts, Permission, Scope, ScopeError};

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct PatternError(#[from] ScopeError);

/// A set of scopes: `system/*.read`, `patient/*.*`, `user/Patient.*`, or one exact scope.
///
/// A permission covers the permissions that it contains, in either form: `.read` and `.rs` are the
/// same, `.cruds` covers `.r`. A pattern without a query covers every refinement by query. `*` for
/// a permission covers reading and writing, but *names* nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ScopePattern {
    text: String,
    access: Option<Access>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Access {
    level: Level,
    /// `None`: `*`.
    resource: Option<String>,
    /// `None`: `*`.
    permission: Option<Permission>,
    query: Option<String>,
}

impl ScopePattern {
    /// The exact text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the scope lies in the set.
    #[must_use]
    pub fn covers(&self, scope: &Scope) -> bool {
        let (pattern, access) = match (&self.access, scope.access()) {
            (Some(pattern), Some(access)) => (pattern, access),
            (None, None) => return self.text == scope.as_str(),
            _ => return false,
        };
        pattern.level == access.level
            && pattern
                .resource
                .as_ref()
                .is_none_or(|resource| *resource == access.resource)
            && (pattern.query.is_none() || pattern.query == access.query)
            && match (&pattern.permission, &access.permission) {
                // `*` is all interactions; an operation has to be said.
                (None, Permission::Letters { .. }) => true,
                (
                    Some(Permission::Letters { set: covering, .. }),
                    Permission::Letters { set: covered, .. },
                ) => covering.contains(*covered),
                (Some(Permission::Operation(one)), Permission::Operation(two)) => one == two,
                _ => false,
            }
    }

    /// Whether the scope lies in the set and its permission is spelled out, so that whoever wrote
    /// the pattern meant it (decisions 15): `user/*.write` names `user/Patient.write`, while
    /// `user/*.*` does not.
    #[must_use]
    pub fn names(&self, scope: &Scope) -> bool {
        let said = self
            .access
            .as_ref()
            .is_none_or(|access| access.permission.is_some());
        said && self.covers(scope)
    }

    /// The interactions of a pattern over all resources of a level: what an app may ask for as a
    /// wildcard. `None` for other patterns.
    pub(super) fn wildcard(&self) -> Option<Wildcard> {
        let access = self.access.as_ref()?;
        if access.resource.is_some() || access.query.is_some() {
            return None;
        }
        match &access.permission {
            None => Some(Wildcard {
                level: access.level,
                letters: Letters::ALL,
                v1: true,
            }),
            Some(Permission::Letters { set, v1 }) => Some(Wildcard {
                level: access.level,
                letters: *set,
                v1: *v1,
            }),
            Some(Permission::Operation(_)) => None,
        }
    }
}

/// A requested wildcard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wildcard {
    pub(super) level: Level,
    pub(super) letters: Letters,
    /// Whether it is written in the form of SMART v1, as `.*` is too.
    pub(super) v1: bool,
}

impl fmt::Display for ScopePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for ScopePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let access = match grammar::parts(text)? {
            Parts::Plain => None,
            Parts::Access {
                level,
                resource,
                permission,
                query,
            } => Some(Access {
                level,
                resource: (resource != "*").then(|| resource.to_owned()),
                permission: match permission {
                    "*" => None,
                    _ => Some(Permission::parse(permission).ok_or(ScopeError::Permission)?),
                },
                query: query.map(str::to_owned),
            }),
        };
        Ok(Self {
            text: text.to_owned(),
            access,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, scope: &str) -> bool {
        let pattern: ScopePattern = pattern.parse().unwrap();
        pattern.covers(&scope.parse().unwrap())
    }

    fn names(pattern: &str, scope: &str) -> bool {
        let pattern: ScopePattern = pattern.parse().unwrap();
        pattern.names(&scope.parse().unwrap())
    }

    #[test]
    fn a_pattern_covers_its_level_its_resource_and_the_permissions_it_contains() {
        assert!(covers("system/*.read", "system/Patient.read"));
        assert!(covers("system/*.read", "system/Patient.rs"));
        assert!(covers("system/*.read", "system/Patient.s"));
        assert!(covers("system/*.rs", "system/Patient.read"));
        assert!(covers("patient/*.rs", "patient/Observation.rs?category=x"));
        assert!(covers("user/*.*", "user/Patient.write"));
        assert!(covers("user/Patient.*", "user/Patient.read"));
        assert!(covers("user/*.cruds", "user/patient.crus"));
        assert!(covers("system/*.$export", "system/*.$export"));
        assert!(covers("system/*.$export", "system/Group.$export"));
        assert!(covers("openid", "openid"));

        assert!(!covers("system/*.read", "patient/Patient.read"));
        assert!(!covers("system/*.read", "system/Patient.write"));
        assert!(!covers("system/*.read", "system/patient.crus"));
        assert!(!covers("system/*.s", "system/Patient.rs"));
        assert!(!covers("system/*.*", "system/Patient.$export"));
        assert!(!covers("system/*.*", "openid"));
        assert!(!covers("user/Patient.read", "user/patient.read"));
        assert!(!covers("user/*.rs?x=1", "user/Patient.rs"));
        assert!(!covers("launch", "launch/patient"));
    }

    #[test]
    fn a_wildcard_for_the_permission_names_nothing() {
        assert!(names("user/*.write", "user/Patient.write"));
        assert!(names("user/*.cruds", "user/Patient.write"));
        assert!(names("system/*.$export", "system/Patient.$export"));
        assert!(names("launch", "launch"));
        assert!(!names("user/*.*", "user/Patient.write"));
        assert!(!names("user/Patient.*", "user/Patient.write"));
    }

    #[test]
    fn what_is_neither_scope_nor_pattern_is_refused() {
        for text in [
            "",
            "*",
            "*.read",
            "system/*",
            "system/*.foo",
            "system/P*.read",
            "system/*.r s",
        ] {
            assert!(text.parse::<ScopePattern>().is_err(), "{text}");
        }
    }
}
