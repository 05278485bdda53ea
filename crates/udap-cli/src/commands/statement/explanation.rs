//! The table of rules.

use serde::Serialize;
use udap::catalogue::{Account, Course, Holding, Stage};
use udap::error::Violation;
use udap::rules::LinkChecks;
use udap::trust::{PathNote, RevocationMode};
use udap_axum::{Ending, Notes};

/// A rule, and how the statement fares under it.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    stage: Stage,
    rule: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    also: &'static [&'static str],
    claim: String,
    verdict: &'static str,
    asks: &'static str,
    /// What is wrong, where something is.
    messages: Vec<String>,
}

impl Explained {
    /// The rule's line of the table.
    pub(super) fn line(&self) -> String {
        let sentence = if self.messages.is_empty() {
            self.asks.to_owned()
        } else {
            self.messages.join(" ")
        };
        format!(
            "{:14}  {:4}  {:26}  {:14}  {sentence}",
            self.stage, self.rule, self.claim, self.verdict
        )
    }

    /// Whether it is this rule, and broken.
    pub(super) fn is_broken(&self, rule: &str) -> bool {
        self.rule == rule && !self.messages.is_empty()
    }
}

/// The whole table.
pub(super) fn explain(notes: &Notes, ending: &Ending) -> Vec<Explained> {
    let (left_out, unchecked_rules) = (left_out(notes), unchecked_rules(notes));
    let course = Course {
        profile: notes.trusted.as_ref().map(|one| one.community().profile),
        claims: notes.current.as_ref().map(|one| one.claims()),
        refused: match ending {
            Ending::Refused(stage, refusal) => Some((*stage, refusal.violations())),
            _ => None,
        },
        undecided: match ending {
            Ending::Undecided(stage, _) => Some(*stage),
            _ => None,
        },
        unchecked: &notes.unchecked,
        unchecked_rules: &unchecked_rules,
        left_out: &left_out,
        visited: (!notes.links.is_empty())
            .then(|| notes.links.iter().map(|link| link.kind.claim()).collect()),
        is_certified: is_certified(notes, ending),
    };
    let accounts = course.accounts();
    let mut table: Vec<Explained> = accounts.iter().map(told).collect();
    let stage = match ending {
        Ending::Refused(stage, _) => *stage,
        _ => Stage::Registry,
    };
    // Whatever is said is shown, though no rule of the list says it.
    table.extend(course.unaccounted().into_iter().map(|violation| Explained {
        stage,
        rule: violation.rule,
        also: &[],
        claim: violation.claim.clone().into_owned(),
        verdict: "broken",
        asks: "",
        messages: vec![message(violation)],
    }));
    table
}

fn told(account: &Account<'_>) -> Explained {
    Explained {
        stage: account.rule.stage,
        rule: account.rule.id,
        also: account.rule.also,
        claim: account.rule.claim.to_owned(),
        verdict: account.holding.as_str(),
        asks: account.rule.asks,
        messages: match &account.holding {
            Holding::Broken(violations) => violations.iter().map(|one| message(one)).collect(),
            _ => Vec::new(),
        },
    }
}

fn message(violation: &Violation) -> String {
    format!("{}: {}", violation.pointer, violation.message)
}

/// What was not learned of a path that is trusted all the same: its community asks for no more.
fn unchecked_rules(notes: &Notes) -> Vec<&'static str> {
    let Some(trusted) = &notes.trusted else {
        return Vec::new();
    };
    if trusted.community().trust.revocation == RevocationMode::Off {
        return vec!["C19", "C21", "C22"];
    }
    let path_notes = trusted.path().notes().iter();
    let unlearned = path_notes.flat_map(|note| match note {
        PathNote::NoRevocationAddress(_) => &["C19"][..],
        _ => &["C19", "C21"],
    });
    unlearned.copied().collect()
}

/// Links that the community does not have visited.
fn left_out(notes: &Notes) -> Vec<Stage> {
    match &notes.trusted {
        Some(trusted) if trusted.community().link_checks == LinkChecks::Off => {
            vec![Stage::Links]
        }
        _ => Vec::new(),
    }
}

/// Whether there was a certification that counts, or did not hold.
fn is_certified(notes: &Notes, ending: &Ending) -> bool {
    match ending {
        Ending::Register(approved, _) => !approved.certifications().is_empty(),
        Ending::Refused(Stage::Certifications, _) | Ending::Undecided(Stage::Certifications, _) => {
            notes.trusted.as_ref().is_some_and(|one| {
                !one.certifications().is_empty() && !one.community().certifications.is_empty()
            })
        }
        _ => false,
    }
}
