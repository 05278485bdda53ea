//! UDAP metadata, and the envelopes of registration.

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use udap_client::Discovery;

use super::token::TokenReport;
use crate::output::Page;

/// A metadata document, its signed part read but not trusted.
#[derive(Serialize)]
pub(super) struct MetadataReport {
    members: Map<String, Value>,
    problems: Vec<String>,
    signed_metadata: Option<TokenReport>,
}

impl MetadataReport {
    pub(super) fn new(discovery: &Discovery, now: OffsetDateTime) -> Self {
        let mut members = discovery.document().clone();
        members.remove("signed_metadata");
        let signed = discovery.signed_metadata().ok();
        Self {
            members,
            problems: discovery
                .problems()
                .iter()
                .map(|one| format!("{} {} ({})", one.member, one.message, one.rule))
                .collect(),
            signed_metadata: signed.and_then(|token| TokenReport::new(token, now).ok()),
        }
    }

    pub(super) fn write(&self, page: &mut Page, now: OffsetDateTime) {
        page.line("UDAP metadata");
        let mut inner = Page::default();
        members(&self.members, &mut inner);
        inner.list("problem", &self.problems);
        page.nested(inner).blank();
        match &self.signed_metadata {
            Some(token) => token.write_titled("signed metadata", page, now),
            None => {
                page.line("signed metadata: none that can be read (A24)");
            }
        }
    }
}

/// The members of a registration request or answer.
pub(super) fn write_members(value: &Value, page: &mut Page) {
    page.line("around the statement");
    let mut inner = Page::default();
    match value {
        Value::Object(object) if !object.is_empty() => members(object, &mut inner),
        _ => {
            inner.line("nothing");
        }
    }
    page.nested(inner);
}

/// Members one below the other, lists of text in one line.
pub(in crate::commands) fn members(object: &Map<String, Value>, page: &mut Page) {
    for (name, value) in object {
        page.field(name, plain(value));
    }
}

/// A value as people write it.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(entries) if entries.is_empty() => "(none)".to_owned(),
        Value::Array(entries) if entries.iter().all(Value::is_string) => {
            let entries: Vec<&str> = entries.iter().filter_map(Value::as_str).collect();
            entries.join(" ")
        }
        other => other.to_string(),
    }
}
