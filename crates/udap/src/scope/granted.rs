//! What a registration is granted, and what it asked for in vain.

use super::grammar::{Level, Scope};

/// Why a requested scope is not granted. Ends in the audit log, not in an answer (B43).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// Not a scope that a FHIR server could be asked for.
    Malformed,
    /// The site does not list it, or a wildcard that matches nothing it lists.
    Unsupported,
    /// The community's ceiling does not cover it.
    AboveCeiling,
    /// It writes, runs an operation or opens a launch or another API, and the community's own
    /// scopes do not name it (decisions 15).
    NotNamed,
    /// Its level does not fit the grant type (B44).
    WrongLevel,
    /// `offline_access` without `refresh_token` (B46).
    NeedsRefreshToken,
    /// `udap` asks for Tiered OAuth, which is not offered.
    TieredOauth,
}

impl DropReason {
    /// The reason as one stable word, for logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported",
            Self::AboveCeiling => "above_ceiling",
            Self::NotNamed => "not_named",
            Self::WrongLevel => "wrong_level",
            Self::NeedsRefreshToken => "needs_refresh_token",
            Self::TieredOauth => "tiered_oauth",
        }
    }

    /// The reason behind a word of [`as_str`](Self::as_str), as it stands in the audit.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// The reason for a person, as the end of a sentence about the scope.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Malformed => "is no scope",
            Self::Unsupported => "is not among the site's scopes",
            Self::AboveCeiling => "is not among the community's scopes",
            Self::NotNamed => {
                "writes, runs an operation or opens another interface: the community's scopes would \
                 have to name it"
            }
            Self::WrongLevel => "does not fit the grant type",
            Self::NeedsRefreshToken => "needs the grant type refresh_token",
            Self::TieredOauth => "asks for Tiered OAuth, which is not offered",
        }
    }

    const ALL: [Self; 7] = [
        Self::Malformed,
        Self::Unsupported,
        Self::AboveCeiling,
        Self::NotNamed,
        Self::WrongLevel,
        Self::NeedsRefreshToken,
        Self::TieredOauth,
    ];
}

/// The scopes of a registration: at least one, each listed by the site and within the ceiling, none
/// twice. Made by [`ScopePolicy::grant`](super::ScopePolicy::grant) alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedScopes {
    granted: Vec<Scope>,
    dropped: Vec<(String, DropReason)>,
}

impl GrantedScopes {
    pub(super) fn new(granted: Vec<Scope>, dropped: Vec<(String, DropReason)>) -> Option<Self> {
        (!granted.is_empty()).then_some(Self { granted, dropped })
    }

    /// What is granted, in the order of the request; a wildcard's expansion in the site's order.
    #[must_use]
    pub fn granted(&self) -> &[Scope] {
        &self.granted
    }

    /// What was asked for in vain, in the order of the request, with the reason.
    #[must_use]
    pub fn dropped(&self) -> &[(String, DropReason)] {
        &self.dropped
    }

    /// What is granted as one text, with single spaces between scopes: the form of the answer and
    /// of OpenEMR's column.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for scope in &self.granted {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(scope.as_str());
        }
        text
    }

    /// Whether a scope of this level is granted.
    #[must_use]
    pub fn has_level(&self, level: Level) -> bool {
        self.granted
            .iter()
            .any(|scope| scope.level() == Some(level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_found_by_its_word() {
        for reason in DropReason::ALL {
            assert_eq!(DropReason::from_word(reason.as_str()), Some(reason));
            assert!(!reason.meaning().is_empty());
        }
        assert_eq!(DropReason::from_word("because"), None);
    }
}
