//! What a refused registration says: code, violations, and whether to come back.

use std::borrow::Cow;

use serde::Serialize;

use crate::trust::RevokedCertificate;

/// An error code of the registration endpoint (RFC 7591 §3.2.2; UDAP DCR §5.2; UDAP
/// certifications §6.8). E20–E25.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The statement is missing, malformed, badly signed, or its JWT claims do not hold.
    InvalidSoftwareStatement,
    /// The statement's certificate is not trusted, or the client is blocked.
    UnapprovedSoftwareStatement,
    /// The envelope or a claim about the client breaks a rule.
    InvalidClientMetadata,
    /// Only redirect URIs are at fault.
    InvalidRedirectUri,
    /// A certification that was looked at is malformed, badly signed or does not hold.
    InvalidCertification,
    /// A certification's certificate is not trusted.
    UnapprovedCertification,
}

impl ErrorCode {
    /// The code as it stands in the answer's `error` member.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidSoftwareStatement => "invalid_software_statement",
            Self::UnapprovedSoftwareStatement => "unapproved_software_statement",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidCertification => "invalid_certification",
            Self::UnapprovedCertification => "unapproved_certification",
        }
    }
}

/// One broken rule. Serialises as an element of the answer's `errors` (decisions 6).
///
/// A message is a sentence of ours: it never holds a value from the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// A stable, machine-readable name of what is wrong, for example `redirect_uri_not_https`.
    pub code: &'static str,
    /// The claim, header or envelope member at fault.
    pub claim: Cow<'static, str>,
    /// JSON pointer (RFC 6901) to the value within the statement's payload, its header or the
    /// request, for example `/redirect_uris/0`.
    pub pointer: String,
    /// The requirement that is broken, for example `B26`.
    pub rule: &'static str,
    /// One sentence for a person.
    pub message: Cow<'static, str>,
}

impl Violation {
    /// A violation of `rule` by the whole of `claim`.
    #[must_use]
    pub fn of(
        rule: &'static str,
        claim: &'static str,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code,
            claim: Cow::Borrowed(claim),
            pointer: format!("/{claim}"),
            rule,
            message: message.into(),
        }
    }

    /// The same violation, at element `index` of the claim's array.
    #[must_use]
    pub fn at(mut self, index: usize) -> Self {
        self.pointer = format!("/{}/{index}", self.claim);
        self
    }
}

/// A refused request: at least one violation under one error code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", code.as_str(), self.description())]
pub struct Refusal {
    code: ErrorCode,
    violations: Vec<Violation>,
    retry_after_seconds: Option<u32>,
    /// Never shown to anybody.
    revoked: Option<Box<RevokedCertificate>>,
}

impl Refusal {
    /// A refusal for one reason.
    #[must_use]
    pub fn new(code: ErrorCode, violation: Violation) -> Self {
        Self {
            code,
            violations: vec![violation],
            retry_after_seconds: None,
            revoked: None,
        }
    }

    /// A refusal for broken metadata rules. The code is `invalid_redirect_uri` iff redirect URIs
    /// alone are at fault, else `invalid_client_metadata` (decisions 7). `None` without
    /// violations.
    ///
    /// A `redirect_uris` claim that is missing, forbidden or no array is a matter of metadata:
    /// only violations of rules on the URIs themselves ask for `invalid_redirect_uri`.
    #[must_use]
    pub fn metadata(violations: Vec<Violation>) -> Option<Self> {
        if violations.is_empty() {
            return None;
        }
        let redirect_only = violations
            .iter()
            .all(|violation| violation.code.starts_with(REDIRECT_URI_CODE_PREFIX));
        Some(Self {
            code: if redirect_only {
                ErrorCode::InvalidRedirectUri
            } else {
                ErrorCode::InvalidClientMetadata
            },
            violations,
            retry_after_seconds: None,
            revoked: None,
        })
    }

    /// The same refusal, which a revoked certificate led to.
    pub(crate) fn because_of(mut self, revoked: RevokedCertificate) -> Self {
        self.revoked = Some(Box::new(revoked));
        self
    }

    /// The revoked certificate that led to it, for the registry to remember (decisions 12). No
    /// answer shows it.
    #[must_use]
    pub fn revoked(&self) -> Option<&RevokedCertificate> {
        self.revoked.as_deref()
    }

    /// The same refusal, with one more violation.
    #[must_use]
    pub fn and(mut self, violation: Violation) -> Self {
        self.violations.push(violation);
        self
    }

    /// The same refusal, with an invitation to come back.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// The error code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// All that is wrong, in the order of the rules. Never empty.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Seconds after which the same request may succeed, if waiting helps.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.retry_after_seconds
    }

    /// One readable text that names claims and rules, in the characters that RFC 6749 §5.2 allows
    /// for `error_description` (decisions 6).
    #[must_use]
    pub fn description(&self) -> String {
        let mut text = String::new();
        for violation in &self.violations {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&violation.claim);
            text.push_str(": ");
            text.push_str(violation.message.trim_end_matches('.'));
            text.push_str(" (");
            text.push_str(violation.rule);
            text.push_str(").");
        }
        // %x20-21 / %x23-5B / %x5D-7E: no quotes, no backslash, no control or non-ASCII.
        text.chars()
            .map(|character| match character {
                '"' => '\'',
                '\\' => '/',
                ' '..='~' => character,
                _ => '?',
            })
            .collect()
    }
}

/// Codes of violations that lie in a redirect URI itself start so.
pub const REDIRECT_URI_CODE_PREFIX: &str = "redirect_uri_";

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(code: &'static str) -> Violation {
        Violation::of("B26", "redirect_uris", code, "must use https")
    }

    /// Proves: E24
    #[test]
    fn redirect_uris_alone_at_fault_give_invalid_redirect_uri() {
        let alone = Refusal::metadata(vec![violation("redirect_uri_not_https")]).unwrap();
        assert_eq!(alone.code(), ErrorCode::InvalidRedirectUri);
        let mixed = Refusal::metadata(vec![
            violation("redirect_uri_not_https"),
            Violation::of("B20", "client_name", "client_name_missing", "is required"),
        ])
        .unwrap();
        assert_eq!(mixed.code(), ErrorCode::InvalidClientMetadata);
        assert!(Refusal::metadata(Vec::new()).is_none());
    }

    /// Proves: E26
    #[test]
    fn a_description_names_claim_and_rule_in_the_allowed_characters() {
        let refusal = Refusal::new(
            ErrorCode::InvalidClientMetadata,
            Violation::of("B20", "client_name", "x", "must be \"plain\" \\ é\n text."),
        );
        assert_eq!(
            refusal.description(),
            "client_name: must be 'plain' / ?? text (B20)."
        );
    }
}
