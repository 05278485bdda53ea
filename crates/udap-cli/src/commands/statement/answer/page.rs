//! The same for people.

use serde_json::Value;
use udap::catalogue::Stage;

use super::{Answer, HttpAnswer, Outcome};
use crate::commands::dropped_scope::DroppedScope;
use crate::output::{Page, Report, moment, timestamp};

impl Report for Answer {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.line(self.headline()).blank();
        page.field("site", &self.site);
        if let (Some(id), Some(uri)) = (&self.community, &self.community_uri) {
            page.field("community", format!("{id} ({uri})"));
        }
        page.optional("client URI", self.client_uri.as_deref());
        self.write_answer(&mut page);
        if !self.granted_scopes.is_empty() {
            page.field("granted", self.granted_scopes.join(" "));
        }
        let dropped = self.dropped_scopes.iter();
        page.list("dropped", dropped.map(DroppedScope::line));
        if let Some(switch) = &self.switch {
            page.field(
                "switched on",
                match switch.enabled {
                    Some(true) => "yes",
                    Some(false) => "no",
                    None => "not known",
                },
            );
            page.list("", &switch.because);
            if switch.tokens_revoked {
                page.field("", "its tokens would be revoked");
            }
        }
        page.list("not checked", &self.not_checked);
        page.blank().line("for you, not for the app");
        page.nested(self.internals());
        if self.is_explained {
            page.blank().line("rule by rule");
            for one in &self.rules {
                page.line(one.line());
            }
        }
        page
    }
}

impl Answer {
    fn headline(&self) -> String {
        let error = |answer: &HttpAnswer| {
            let error = answer.body.get("error").and_then(Value::as_str);
            error.unwrap_or_default().to_owned()
        };
        let headline = match (self.outcome, &self.answer) {
            (Outcome::Registered, _) => "would be registered: 201".to_owned(),
            (Outcome::Modified, _) => "would be modified: 200".to_owned(),
            (Outcome::Accepted, _) => "would be registered or modified: 201 or 200".to_owned(),
            (Outcome::Cancelled, _) => "would be cancelled: 200".to_owned(),
            (Outcome::Refused, Some(answer)) => {
                format!("WOULD BE REFUSED: 400 {}", error(answer))
            }
            (Outcome::Refused, None) => "WOULD BE REFUSED".to_owned(),
            (Outcome::Undecided, _) => "CANNOT BE TOLD: something was not checked".to_owned(),
        };
        if self.is_whole || matches!(self.outcome, Outcome::Refused | Outcome::Undecided) {
            headline
        } else {
            format!("{headline}, IF WHAT WAS NOT CHECKED HOLDS")
        }
    }

    fn write_answer(&self, page: &mut Page) {
        let Some(answer) = &self.answer else { return };
        page.optional(
            "client_id",
            answer.body.get("client_id").and_then(Value::as_str),
        );
        if self.outcome != Outcome::Refused {
            return;
        }
        page.optional("stage", self.stage.map(Stage::as_str));
        let errors = answer.body.get("errors").and_then(Value::as_array);
        let text = |error: &Value, name: &str| {
            let member = error.get(name).and_then(Value::as_str);
            member.unwrap_or_default().to_owned()
        };
        page.list(
            "violation",
            errors.into_iter().flatten().map(|error| {
                let (place, message) = (text(error, "pointer"), text(error, "message"));
                format!("{place} {message} ({})", text(error, "rule"))
            }),
        );
        page.optional(
            "retry after",
            answer
                .retry_after
                .map(|seconds| format!("{seconds} seconds")),
        );
    }

    fn internals(&self) -> Page {
        let mut inner = Page::default();
        match (&self.path, &self.certificate) {
            (Some(path), _) => path.write(&mut inner, self.at),
            (None, Some(leaf)) => {
                inner
                    .field("certificate", &leaf.subject)
                    .field("", format!("issued by {}", leaf.issuer))
                    .field("", format!("until {}", moment(leaf.not_after, self.at)));
            }
            (None, None) => {}
        }
        if let Some(leaf) = &self.certificate {
            inner
                .field("serial", &leaf.serial)
                .field("SHA-256", &leaf.fingerprint);
        }
        for block in &self.blocks {
            let since = timestamp(block.since);
            let reason = block.reason.as_deref().unwrap_or("no reason given");
            inner.field(
                "blocked",
                format!(
                    "{} since {since}, by {}: {reason}",
                    block.scope, block.operator
                ),
            );
        }
        if self.stage == Some(Stage::Standing) && self.blocks.is_empty() && self.is_distrust() {
            inner.field("blocked", "a certificate of its path was once seen revoked");
        }
        for visit in &self.links {
            inner.field(&visit.claim, format!("{}: {}", visit.url, visit.outcome));
        }
        inner.field("judged at", timestamp(self.at));
        inner
    }

    fn is_distrust(&self) -> bool {
        let error = self.answer.as_ref().and_then(|one| one.body.get("error"));
        error.is_some_and(|error| error == "unapproved_software_statement")
            && !self.rules.iter().any(|one| one.is_broken("C27"))
    }
}
