//! How a scope that was asked for in vain is shown.

use serde::Serialize;
use serde_json::Value;
use udap::scope::DropReason;

/// A scope that was not granted, and why.
#[derive(Debug, Serialize)]
pub(super) struct DroppedScope {
    scope: String,
    /// The word of the audit.
    reason: String,
    meaning: &'static str,
}

impl DroppedScope {
    pub(super) fn of(scope: &str, reason: DropReason) -> Self {
        Self {
            scope: scope.to_owned(),
            reason: reason.as_str().to_owned(),
            meaning: reason.meaning(),
        }
    }

    /// As an audit event has it.
    pub(super) fn of_event(member: &Value) -> Option<Self> {
        let text = |name: &str| member.get(name).and_then(Value::as_str);
        let (scope, reason) = (text("scope")?, text("reason")?);
        Some(match DropReason::from_word(reason) {
            Some(reason) => Self::of(scope, reason),
            // Of a later version.
            None => Self {
                scope: scope.to_owned(),
                reason: reason.to_owned(),
                meaning: "was not granted",
            },
        })
    }

    pub(super) fn line(&self) -> String {
        format!("{}: {}", self.scope, self.meaning)
    }
}
