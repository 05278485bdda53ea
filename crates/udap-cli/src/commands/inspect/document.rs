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
    /// Whether it is signed by a certificate that names the base URL, and says what stands beside it
    /// (A24–A34); not told of a file, whose base URL is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    consistent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inconsistency: Option<String>,
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
            consistent: None,
            inconsistency: None,
        }
    }

    /// What was fetched from a known base URL: is it signed as its server's metadata must be?
    pub(super) fn judged(mut self, discovery: &Discovery, now: OffsetDateTime) -> Self {
        let fault = discovery.signer(now).err();
        self.consistent = Some(fault.is_none());
        self.inconsistency = fault.map(|fault| fault.to_string());
        self
    }

    pub(super) fn write(&self, page: &mut Page, now: OffsetDateTime) {
        page.title("UDAP metadata");
        let mut inner = Page::default();
        members(&self.members, &mut inner);
        inner.faults("problem", &self.problems);
        match (self.consistent, &self.inconsistency) {
            (_, Some(fault)) => {
                inner.judged("signed metadata", false, format!("NOT GOOD: {fault}"));
            }
            (Some(_), None) => {
                inner.judged(
                    "signed metadata",
                    true,
                    "by a certificate for this URL, and consistent; whether that is to be trusted says udap discover --anchors",
                );
            }
            (None, None) => {}
        }
        page.nested(inner).blank();
        match &self.signed_metadata {
            Some(token) => token.write_titled("signed metadata", page, now),
            None => {
                page.verdict(false, "signed metadata: none that can be read (A24)");
            }
        }
    }
}

/// The members of a registration request or answer.
pub(super) fn write_members(value: &Value, page: &mut Page) {
    page.title("around the statement");
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
