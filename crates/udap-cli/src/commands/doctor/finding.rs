//! What was found, and what to do about it.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// As it should be, or worth knowing.
    Ok,
    /// It works, but not as well or as safely as it could.
    Warning,
    /// Something does not work.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at, in a word that stays the same from version to version.
    pub(super) check: &'static str,
    /// Of what: `database`, `site default`.
    pub(super) subject: String,
    pub(super) severity: Severity,
    /// What was found.
    pub(super) found: String,
    /// What to do.
    pub(super) advice: Option<String>,
}

/// All findings, in the order of looking.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    /// Findings about one subject.
    pub(super) fn about(&mut self, subject: impl Into<String>) -> Subject<'_> {
        Subject {
            name: subject.into(),
            findings: self,
        }
    }
}

/// Where findings about one subject go.
pub(super) struct Subject<'a> {
    name: String,
    findings: &'a mut Findings,
}

impl Subject<'_> {
    /// It is as it should be.
    pub(super) fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.add(check, Severity::Ok, found.into(), None);
    }

    /// It is good to know.
    pub(super) fn note(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(check, Severity::Ok, found.into(), Some(advice.into()));
    }

    /// It works, but.
    pub(super) fn warn(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(check, Severity::Warning, found.into(), Some(advice.into()));
    }

    /// It does not work.
    pub(super) fn error(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(check, Severity::Error, found.into(), Some(advice.into()));
    }

    /// It could not be looked at: nobody knows.
    pub(super) fn unknown(
        &mut self,
        check: &'static str,
        why: impl std::fmt::Display,
        advice: impl Into<String>,
    ) {
        let found = format!("could not be checked: {why}");
        self.add(check, Severity::Warning, found, Some(advice.into()));
    }

    pub(super) fn add(
        &mut self,
        check: &'static str,
        severity: Severity,
        found: String,
        advice: Option<String>,
    ) {
        self.findings.0.push(Finding {
            check,
            subject: self.name.clone(),
            severity,
            found,
            advice,
        });
    }
}

/// An error with its causes, in one line.
pub(super) fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(one) = cause {
        let one_text = one.to_string();
        // Some libraries repeat the cause in their own text.
        if !text.ends_with(&one_text) {
            text.push_str(": ");
            text.push_str(&one_text);
        }
        cause = one.source();
    }
    text
}
