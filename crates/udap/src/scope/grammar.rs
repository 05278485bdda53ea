//! One concrete scope in the grammar that OpenEMR parses.
//!
//! OpenEMR answers every token request of a client with an internal error if one of the scopes in
//! its row does not follow this grammar. Hence nothing else can be granted.

use std::fmt;
use std::str::FromStr;

/// Whose data a scope is about (SMART App Launch, "scopes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// `patient/…`: the patient in context.
    Patient,
    /// `user/…`: what the user may see.
    User,
    /// `system/…`: what the app itself may see.
    System,
}

impl Level {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "patient" => Some(Self::Patient),
            "user" => Some(Self::User),
            "system" => Some(Self::System),
            _ => None,
        }
    }
}

/// Why a text is no concrete scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Empty, or with characters that no scope may hold (RFC 6749 §3.3).
    #[error("a scope consists of printable ASCII without spaces, quotes and backslashes")]
    Characters,
    /// Not `name`, `name/name`, `name:name` or `level/Resource.permission`.
    #[error("a scope reads `name`, `name/name`, `name:name` or `level/Resource.permission`")]
    Form,
    /// A permission other than `read`, `write`, letters of `cruds` in that order, `$operation`.
    #[error("a permission is `read`, `write`, letters of `cruds` in that order, or `$operation`")]
    Permission,
    /// `*` for resource or permission: a pattern, which a FHIR server does not grant as such.
    #[error("a wildcard is not a concrete scope")]
    Wildcard,
}

/// A set of the permissions create, read, update, delete, search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Letters(u8);

impl Letters {
    const ORDER: [char; 5] = ['c', 'r', 'u', 'd', 's'];
    pub(super) const ALL: Self = Self(0b1_1111);
    /// `.read` of SMART v1: `rs` in v2.
    const READ: Self = Self(0b1_0010);
    /// `.write` of SMART v1: `cud` in v2.
    const WRITE: Self = Self(0b0_1101);

    /// Letters of `cruds`, each at most once and in that order.
    fn from_v2(text: &str) -> Option<Self> {
        let mut order = Self::ORDER.iter().enumerate();
        let mut set = 0;
        for letter in text.chars() {
            let (bit, _) = order.find(|(_, candidate)| **candidate == letter)?;
            set |= 1 << bit;
        }
        (set != 0).then_some(Self(set))
    }

    pub(super) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn writes(self) -> bool {
        self.0 & Self::WRITE.0 != 0
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const NONE: Self = Self(0);
}

/// What a scope permits on its resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Permission {
    /// Interactions, with the form that they are written in.
    Letters { set: Letters, v1: bool },
    /// `$operation`, kept with the `$`.
    Operation(String),
}

impl Permission {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "read" => Some(Self::Letters {
                set: Letters::READ,
                v1: true,
            }),
            "write" => Some(Self::Letters {
                set: Letters::WRITE,
                v1: true,
            }),
            _ => match text.strip_prefix('$') {
                Some(name) if is_name(name) => Some(Self::Operation(text.to_owned())),
                Some(_) => None,
                None => Letters::from_v2(text).map(|set| Self::Letters { set, v1: false }),
            },
        }
    }
}

/// The parts of a scope on a FHIR resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Access {
    pub(super) level: Level,
    /// A resource's name; `*` only with an operation (`system/*.$export`).
    pub(super) resource: String,
    pub(super) permission: Permission,
    /// The refinement after `?`, if any.
    pub(super) query: Option<String>,
}

/// One concrete scope, kept as the exact text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    text: String,
    access: Option<Access>,
}

impl Scope {
    /// The exact text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The level of a scope on a resource; `None` for others, such as `openid`.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        self.access.as_ref().map(|access| access.level)
    }

    /// Whether it permits to create, update or delete.
    #[must_use]
    pub fn writes(&self) -> bool {
        matches!(
            self.access.as_ref().map(|access| &access.permission),
            Some(Permission::Letters { set, .. }) if set.writes()
        )
    }

    /// Whether it permits a `$operation`.
    #[must_use]
    pub fn is_operation(&self) -> bool {
        matches!(
            self.access.as_ref().map(|access| &access.permission),
            Some(Permission::Operation(_))
        )
    }

    /// Whether both say the same: equal texts, or the SMART v1 and v2 forms of one permission
    /// (`.read` and `.rs`, `.write` and `.cud`).
    #[must_use]
    pub fn is_equivalent(&self, other: &Self) -> bool {
        match (&self.access, &other.access) {
            (Some(one), Some(two)) => {
                one.level == two.level
                    && one.resource == two.resource
                    && one.query == two.query
                    && match (&one.permission, &two.permission) {
                        (
                            Permission::Letters { set: one, .. },
                            Permission::Letters { set: two, .. },
                        ) => one == two,
                        (one, two) => one == two,
                    }
            }
            _ => self.text == other.text,
        }
    }

    pub(super) fn access(&self) -> Option<&Access> {
        self.access.as_ref()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let access = match parts(text)? {
            Parts::Plain => None,
            Parts::Access {
                level,
                resource,
                permission,
                query,
            } => {
                if permission == "*" {
                    return Err(ScopeError::Wildcard);
                }
                let permission = Permission::parse(permission).ok_or(ScopeError::Permission)?;
                // `system/*.$export` is a scope by itself: the operation on the whole system.
                if resource == "*" && !matches!(permission, Permission::Operation(_)) {
                    return Err(ScopeError::Wildcard);
                }
                Some(Access {
                    level,
                    resource: resource.to_owned(),
                    permission,
                    query: query.map(str::to_owned),
                })
            }
        };
        Ok(Self {
            text: text.to_owned(),
            access,
        })
    }
}

/// A scope or pattern taken apart; the permission is not judged yet.
pub(super) enum Parts<'a> {
    Plain,
    Access {
        level: Level,
        resource: &'a str,
        permission: &'a str,
        query: Option<&'a str>,
    },
}

pub(super) fn parts(text: &str) -> Result<Parts<'_>, ScopeError> {
    if text.is_empty() || !text.bytes().all(is_scope_octet) {
        return Err(ScopeError::Characters);
    }
    let (name, query) = match text.split_once('?') {
        Some((name, query)) => (name, Some(query)),
        None => (text, None),
    };
    let Some((context, rest)) = name.split_once(['/', ':']) else {
        return (query.is_none() && is_context(name))
            .then_some(Parts::Plain)
            .ok_or(ScopeError::Form);
    };
    let by_slash = name.as_bytes().get(context.len()) == Some(&b'/');
    match Level::from_name(context).filter(|_| by_slash) {
        None => (query.is_none() && is_context(context) && is_name(rest))
            .then_some(Parts::Plain)
            .ok_or(ScopeError::Form),
        Some(level) => {
            let (resource, permission) = rest.split_once('.').ok_or(ScopeError::Form)?;
            // `*` is a resource only by itself: `Pat*` means nothing to OpenEMR.
            if resource != "*" && !is_name(resource) {
                return Err(ScopeError::Form);
            }
            Ok(Parts::Access {
                level,
                resource,
                permission,
                query,
            })
        }
    }
}

/// RFC 6749 §3.3, `scope-token`.
pub(super) fn is_scope_octet(octet: u8) -> bool {
    matches!(octet, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

fn is_context(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphabetic() || octet == b'_')
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scopes_of_openemr_are_understood() {
        for text in [
            "openid",
            "phone_verified",
            "launch/patient",
            "api:fhir",
            "site:default",
            "system/Patient.read",
            "user/Patient.write",
            "user/patient.crus",
            "user/soap_note.cruds",
            "patient/patient.s",
            "system/*.$bulkdata-status",
            "user/insurance.$swap-insurance",
            "patient/Condition.rs?category=http://example.org/c|health-concern",
        ] {
            assert_eq!(text.parse::<Scope>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_openemr_could_not_parse_is_refused() {
        use ScopeError::{Characters, Form, Permission, Wildcard};
        for (text, error) in [
            ("", Characters),
            ("a b", Characters),
            ("é", Characters),
            ("a\"b", Characters),
            ("system/Patient", Form),
            ("system/.read", Form),
            ("system/Pat*.read", Form),
            ("https://example.org/scope", Form),
            ("&", Form),
            ("openid?x", Form),
            ("system/Patient.", Permission),
            ("system/Patient.foo", Permission),
            ("system/Patient.sr", Permission),
            ("system/Patient.rr", Permission),
            ("system/Patient.$", Permission),
            ("system/Patient.Read", Permission),
            ("system/*.read", Wildcard),
            ("system/*.*", Wildcard),
            ("system/Patient.*", Wildcard),
        ] {
            assert_eq!(text.parse::<Scope>().unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn both_forms_of_a_permission_are_equivalent_and_nothing_else_is() {
        let equal = |one: &str, two: &str| {
            one.parse::<Scope>()
                .unwrap()
                .is_equivalent(&two.parse().unwrap())
        };
        assert!(equal("system/Patient.read", "system/Patient.rs"));
        assert!(equal("user/Patient.write", "user/Patient.cud"));
        assert!(equal("openid", "openid"));
        assert!(!equal("system/Patient.read", "system/Patient.r"));
        assert!(!equal("system/Patient.read", "user/Patient.read"));
        assert!(!equal("user/Patient.read", "user/patient.read"));
        assert!(!equal("user/Patient.rs", "user/Patient.rs?x=1"));
        assert!(!equal("openid", "profile"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_taken_has_the_grammar(
            text in "\\PC{0,20}|(patient|user|system|launch)?[/:]?[A-Za-z*]{0,3}[.]?[a-z$*?]{0,4}"
        ) {
            if let Ok(scope) = text.parse::<Scope>() {
                prop_assert_eq!(scope.as_str(), &text);
                prop_assert!(text.bytes().all(is_scope_octet));
                let name = text.split('?').next().unwrap();
                prop_assert!(!name.ends_with('*') && !name.ends_with('.'));
                prop_assert!(!name.contains('*') || name.contains("*.$"));
            }
        }
    }
}
