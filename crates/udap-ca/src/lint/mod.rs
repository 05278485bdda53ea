//! Whether a certificate keeps the UDAP profile (requirement list J01-J09), whoever issued it.
//!
//! Rules are data: each has a name, a requirement, a level, the sentence that says what is wrong,
//! why that matters and what to do. A path is not judged here: that is `udap verify`.

mod authority_rules;
mod facts;
mod leaf_rules;
mod rules;

pub use facts::Kind;

use facts::Facts;
use serde::Serialize;
use time::OffsetDateTime;

use crate::Error;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Peers refuse it, or should.
    Error,
    /// Some peers refuse it, or it makes trouble later.
    Warning,
    /// Unusual, and worth a look.
    Notice,
}

/// One rule of the profile.
pub struct Rule {
    /// Its name, which stays.
    pub name: &'static str,
    /// Where it comes from.
    pub requirement: &'static str,
    /// How much it matters.
    pub level: Level,
    /// What is wrong with a certificate that breaks it.
    pub what: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// What to do.
    pub advice: &'static str,
    kinds: &'static [Kind],
    /// What breaks it, if anything does: an empty text if `what` says it all.
    broken_by: fn(&Facts<'_>) -> Option<String>,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A rule that a certificate breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// Where the rule comes from.
    pub requirement: &'static str,
    /// How much it matters.
    pub level: Level,
    /// What is wrong, with the certificate's own values.
    pub what: String,
    /// Why that matters.
    pub why: &'static str,
    /// What to do.
    pub advice: &'static str,
}

/// What there is to say about a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// What it was judged as.
    pub kind: Kind,
    /// The subject, in words.
    pub subject: String,
    /// The rules that it breaks, errors first.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// Whether it breaks no rule of this level.
    #[must_use]
    pub fn has_no(&self, level: Level) -> bool {
        self.findings.iter().all(|finding| finding.level != level)
    }
}

/// Every rule.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    rules::RULES
        .iter()
        .chain(leaf_rules::RULES)
        .chain(authority_rules::RULES)
}

/// Judges a certificate (DER) by the profile of its kind, which is guessed if not given: a CA if it
/// says so and names no URI, a server if its URIs and extended key usage look like one's, TLS if it
/// names hosts only, otherwise a client.
///
/// # Errors
/// [`Error::Unreadable`] if it is no certificate.
pub fn lint(der: &[u8], kind: Option<Kind>, now: OffsetDateTime) -> Result<Judgement, Error> {
    let facts = Facts::read(der, kind, now)?;
    let mut findings: Vec<Finding> = rules()
        .filter(|rule| rule.kinds.contains(&facts.kind))
        .filter_map(|rule| {
            let detail = (rule.broken_by)(&facts)?;
            let what = match detail.as_str() {
                "" => rule.what.to_owned(),
                detail => format!("{}: {detail}", rule.what),
            };
            Some(Finding {
                rule: rule.name,
                requirement: rule.requirement,
                level: rule.level,
                what,
                why: rule.why,
                advice: rule.advice,
            })
        })
        .collect();
    findings.sort_by_key(|finding| finding.level);
    Ok(Judgement {
        kind: facts.kind,
        subject: facts.certificate.subject().to_string(),
        findings,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_whole_sentences() {
        let mut names = HashSet::new();
        for rule in rules() {
            assert!(names.insert(rule.name), "{} twice", rule.name);
            assert!(!rule.kinds.is_empty(), "{}", rule.name);
            for text in [rule.what, rule.why, rule.advice] {
                assert!(
                    text.len() > 8 && !text.ends_with('.'),
                    "{}: {text}",
                    rule.name
                );
            }
        }
    }

    #[test]
    fn nonsense_is_no_certificate() {
        let at = OffsetDateTime::UNIX_EPOCH;
        for nonsense in [&b""[..], b"\x30\x03\x02\x01\x00", &[0xff; 64]] {
            assert!(lint(nonsense, None, at).is_err());
        }
    }
}
