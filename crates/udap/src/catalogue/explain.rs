//! How a statement fared under each rule.

use serde_json::{Map, Value};

use super::{Flow, RULES, Rule, Stage};
use crate::error::Violation;
use crate::rules::{Profile, is_cancellation};

/// How a statement came along: what a dry run knows when it ends.
#[derive(Clone, Debug, Default)]
pub struct Course<'a> {
    /// The profile of the community that trusts the certificate, once one does.
    pub profile: Option<Profile>,
    /// The claims, once the signature holds.
    pub claims: Option<&'a Map<String, Value>>,
    /// Where the statement was refused, and what it was told.
    pub refused: Option<(Stage, &'a [Violation])>,
    /// Where the way ended for want of something from outside.
    pub undecided: Option<Stage>,
    /// Stages that were passed without being looked at.
    pub unchecked: &'a [Stage],
    /// Rules of trust that were not looked at, or whose answer was not needed.
    pub unchecked_rules: &'a [&'static str],
    /// Stages that the community leaves out.
    pub left_out: &'a [Stage],
    /// The claims with links that the community has visited, once that is known.
    pub visited: Option<Vec<&'static str>>,
    /// Whether there was any certification to look at.
    pub is_certified: bool,
}

/// How one rule fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding<'a> {
    /// It was kept.
    Holds,
    /// It was broken so.
    Broken(Vec<&'a Violation>),
    /// It is not for this app, or not for this community.
    DoesNotApply,
    /// The way ended before it, or what it goes by was itself at fault.
    NotReached,
    /// It was not looked at.
    NotChecked,
}

impl Holding<'_> {
    /// The verdict in words.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken(_) => "broken",
            Self::DoesNotApply => "does not apply",
            Self::NotReached => "not reached",
            Self::NotChecked => "not checked",
        }
    }
}

/// A rule, and how it fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account<'a> {
    /// The rule.
    pub rule: &'static Rule,
    /// How it fared.
    pub holding: Holding<'a>,
}

impl<'a> Course<'a> {
    /// How each rule fared, in order. A violation that no rule accounts for is in
    /// [`unaccounted`](Self::unaccounted).
    #[must_use]
    pub fn accounts(&self) -> Vec<Account<'a>> {
        let flow = self.flow();
        let mut accounts: Vec<Account<'a>> = RULES
            .iter()
            .map(|rule| Account {
                rule,
                holding: self.of(rule, flow),
            })
            .collect();
        self.end_groups(&mut accounts);
        accounts
    }

    /// Violations of rules that are not in the catalogue.
    #[must_use]
    pub fn unaccounted(&self) -> Vec<&'a Violation> {
        let Some((stage, violations)) = self.refused else {
            return Vec::new();
        };
        violations
            .iter()
            .filter(|violation| !RULES.iter().any(|rule| is_told_by(rule, stage, violation)))
            .collect()
    }

    fn of(&self, rule: &'static Rule, flow: Option<Flow>) -> Holding<'a> {
        if let Some((stage, violations)) = self.refused {
            let broken: Vec<_> = violations
                .iter()
                .filter(|violation| is_told_by(rule, stage, violation))
                .collect();
            if !broken.is_empty() {
                return Holding::Broken(broken);
            }
        }
        let end = self.refused.map(|(stage, _)| stage).or(self.undecided);
        if end.is_some_and(|end| rule.stage > end) || self.undecided == Some(rule.stage) {
            return Holding::NotReached;
        }
        if self.left_out.contains(&rule.stage) {
            return Holding::DoesNotApply;
        }
        // D12: a cancellation is held to no rule on metadata, and to the one that nobody else is.
        let cancels = self.claims.is_some_and(is_cancellation);
        let is_for = match rule.stage {
            Stage::Registry => cancels,
            Stage::Metadata | Stage::Links | Stage::Certifications => !cancels,
            _ => true,
        };
        let is_of_profile =
            (rule.scope.profile).is_none_or(|profile| self.profile == Some(profile));
        // What is asked of a certification, and not of all of them together.
        let is_of_one = rule.stage == Stage::Certifications && !matches!(rule.id, "F02" | "F11");
        let is_unvisited = rule.stage == Stage::Links
            && (self.visited.as_ref()).is_some_and(|visited| !visited.contains(&rule.claim));
        if !is_for || !is_of_profile || is_unvisited || is_of_one && !self.is_certified {
            return Holding::DoesNotApply;
        }
        let is_passed_over = rule.stage == Stage::Trust && self.unchecked_rules.contains(&rule.id);
        if self.unchecked.contains(&rule.stage) || is_passed_over {
            return Holding::NotChecked;
        }
        match (rule.scope.flow, flow) {
            (None, _) => Holding::Holds,
            (Some(wanted), Some(flow)) if wanted == flow => Holding::Holds,
            (Some(_), Some(_)) => Holding::DoesNotApply,
            (Some(_), None) => Holding::NotReached,
        }
    }

    /// The flow, unless the claim that says it is at fault.
    fn flow(&self) -> Option<Flow> {
        if let Some((Stage::Metadata, violations)) = self.refused
            && violations
                .iter()
                .any(|one| one.claim == "grant_types" && one.rule != "B24")
        {
            return None;
        }
        let grants = self.claims?.get("grant_types")?.as_array()?;
        Some(
            match grants.iter().any(|grant| grant == "authorization_code") {
                true => Flow::Code,
                false => Flow::Credentials,
            },
        )
    }

    /// Checks that stop at the first fault leave those after it unjudged.
    fn end_groups(&self, accounts: &mut [Account<'a>]) {
        let Some((stage, _)) = self.refused else {
            return;
        };
        let is_broken = |account: &Account<'_>| matches!(account.holding, Holding::Broken(_));
        let in_group = |rule: &Rule| {
            rule.stage == stage
                && match stage {
                    // The stages of one answer for all: but times are judged in turn.
                    Stage::Claims => matches!(rule.claim, "iat" | "exp" | "nbf"),
                    Stage::Metadata | Stage::Links => false,
                    _ => true,
                }
        };
        let mut is_over = false;
        for account in accounts.iter_mut().filter(|one| in_group(one.rule)) {
            match &account.holding {
                Holding::Broken(_) => is_over = true,
                Holding::Holds if is_over || stage == Stage::Trust => {
                    // Of several reasons not to trust a certificate one is told, so that the others may
                    // be there or not.
                    account.holding = Holding::NotReached;
                }
                _ => {}
            }
        }
        // What is compared with contacts that are no contacts.
        let contacts_are_broken = accounts
            .iter()
            .any(|one| one.rule.id == "B28" && is_broken(one));
        for account in accounts
            .iter_mut()
            .filter(|one| contacts_are_broken && one.rule.id == "I16")
        {
            if account.holding == Holding::Holds {
                account.holding = Holding::NotReached;
            }
        }
        self.end_claims(accounts);
    }

    /// A claim that is no value of its kind is judged no further.
    fn end_claims(&self, accounts: &mut [Account<'a>]) {
        let Some((Stage::Metadata, violations)) = self.refused else {
            return;
        };
        for account in accounts {
            let rule = account.rule;
            if rule.stage != Stage::Metadata || account.holding != Holding::Holds {
                continue;
            }
            let is_unread = violations.iter().any(|violation| {
                violation.claim == rule.claim
                    && violation.rule != rule.id
                    && is_unreadable(violation)
            });
            if is_unread {
                account.holding = Holding::NotReached;
            }
        }
    }
}

/// Codes that end so are about a value that could not be read.
const UNREADABLE: [&str; 10] = [
    "_missing",
    "_empty",
    "_not_array",
    "_not_string",
    "_forbidden",
    "_count",
    "_too_many",
    "_not_absolute",
    "_characters",
    "_too_long",
];

fn is_unreadable(violation: &Violation) -> bool {
    UNREADABLE.iter().any(|end| violation.code.ends_with(end))
}

/// Whether what a client is told in a stage comes from this rule.
fn is_told_by(rule: &Rule, stage: Stage, violation: &Violation) -> bool {
    if rule.stage != stage {
        return false;
    }
    // A blocked client is told what a stranger is told (decisions 12).
    if stage == Stage::Standing && rule.id == "D22" {
        return violation.rule == "C05";
    }
    rule.is_broken_by(violation)
}
