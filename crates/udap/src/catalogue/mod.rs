//! Every rule that a registration passes, in order, as data: for people who ask what is checked, and
//! for a dry run that says how far a statement came (decisions 1, 6).
//!
//! The rules themselves are functions elsewhere. A rule stands here under the requirement that its
//! violations name, so that a [`Violation`] leads to its entry.

mod explain;
mod list;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;

pub use explain::{Account, Course, Holding};
pub use list::RULES;

use crate::error::Violation;
use crate::rules::{Grant, Profile};

/// A part of the way of a registration, in the order in which the parts are passed (decisions 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The request's body.
    Envelope,
    /// The statement's form and signature.
    Signature,
    /// The claims about the statement itself.
    Claims,
    /// The certificate's path and revocation.
    Trust,
    /// What the registry and the community hold against the client.
    Standing,
    /// The claims about the app.
    Metadata,
    /// Whether the app's links are live.
    Links,
    /// Certifications and endorsements.
    Certifications,
    /// What is registered already.
    Registry,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 9] = [
        Self::Envelope,
        Self::Signature,
        Self::Claims,
        Self::Trust,
        Self::Standing,
        Self::Metadata,
        Self::Links,
        Self::Certifications,
        Self::Registry,
    ];

    /// The stage in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Envelope => "envelope",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Trust => "trust",
            Self::Standing => "standing",
            Self::Metadata => "metadata",
            Self::Links => "links",
            Self::Certifications => "certifications",
            Self::Registry => "registry",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Whom a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Communities of this profile; `None`: of each.
    pub profile: Option<Profile>,
    /// Apps that register for this flow; `None`: for either.
    pub flow: Option<Flow>,
}

/// The flow that an app registers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// `authorization_code`.
    Code,
    /// `client_credentials`.
    Credentials,
}

impl From<Grant> for Flow {
    fn from(grant: Grant) -> Self {
        match grant {
            Grant::AuthorizationCode { .. } => Self::Code,
            Grant::ClientCredentials => Self::Credentials,
        }
    }
}

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The requirement that its violations name.
    pub id: &'static str,
    /// Further requirements that the same check keeps.
    pub also: &'static [&'static str],
    /// Where on the way it is asked.
    pub stage: Stage,
    /// The claim, header or envelope member that it is about.
    pub claim: &'static str,
    /// What it asks, in one sentence.
    pub asks: &'static str,
    /// Whom it is for.
    pub scope: Scope,
}

impl Rule {
    /// Whether the violation is one of this rule, in whichever stage.
    #[must_use]
    pub fn is_broken_by(&self, violation: &Violation) -> bool {
        self.id == violation.rule && self.claim == violation.claim
    }
}

/// The rules of a stage, in the order in which they are asked.
pub fn rules_of(stage: Stage) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| rule.stage == stage)
}
