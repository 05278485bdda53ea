//! `udap clients show`

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use udap::certificate::Certificate;
use udap::registry::{BlockScope, RegistrationDetails, RegistrationSummary};
use udap_store::audit::{AuditEvent, AuditFilter, AuditLog};

use crate::commands::Verdict;
use crate::commands::dropped_scope::DroppedScope;
use crate::config::Config;
use crate::output::{Output, Page, Report, timestamp};
use crate::serve::open_store;

/// Events that are read at once.
const PAGE: u32 = 64;

/// Shows a registration.
pub(super) async fn run(
    config: &Config,
    client_id: &str,
    output: Output,
) -> anyhow::Result<Verdict> {
    let store = open_store(config).await?;
    let details = super::details(&*store.registry, client_id).await?;
    let (history, dropped) = history(&*store.audit, client_id).await?;
    output.show(&Shown::new(details, dropped, history))?;
    Ok(Verdict::Good)
}

/// What happened to the client, oldest first and without its token requests, and the scopes that its last statement asked for in vain.
async fn history(
    log: &dyn AuditLog,
    client_id: &str,
) -> anyhow::Result<(Vec<Happened>, Vec<DroppedScope>)> {
    let filter = AuditFilter {
        client_id: Some(client_id.to_owned()),
        without_token_requests: true,
        ..AuditFilter::default()
    };
    let (mut history, mut dropped) = (Vec::new(), Vec::new());
    let mut after = None;
    loop {
        let page = log.events(&filter, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else {
            return Ok((history, dropped));
        };
        after = Some(last.order());
        // Every statement that was registered says which, though it be none.
        let told = page.iter().rev().find_map(|event| {
            let members = event.detail.get("dropped_scopes")?.as_array()?;
            Some(members.iter().filter_map(DroppedScope::of_event).collect())
        });
        dropped = told.unwrap_or(dropped);
        history.extend(page.into_iter().map(Happened::of));
    }
}

/// All about one registration.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    summary: RegistrationSummary,
    community_id: String,
    scopes: Vec<String>,
    /// What its last statement asked for in vain.
    dropped_scopes: Vec<DroppedScope>,
    grant_types: Vec<String>,
    redirect_uris: Vec<String>,
    contacts: Vec<String>,
    /// The app's certificate, and the intermediates of its path.
    certificate_chain: Vec<ShownCertificate>,
    /// Whether the client's row is there.
    row_exists: bool,
    policy_enables: bool,
    approved: bool,
    admin_off: bool,
    trust_off: Option<&'static str>,
    blocks: Vec<ShownBlock>,
    #[serde(with = "time::serde::rfc3339")]
    last_checked_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    last_trusted_at: OffsetDateTime,
    history: Vec<Happened>,
}

#[derive(Serialize)]
struct ShownCertificate {
    subject: String,
    issuer: String,
    serial: String,
    #[serde(with = "time::serde::rfc3339")]
    not_before: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    fingerprint: String,
}

impl ShownCertificate {
    fn of(certificate: &Certificate) -> Self {
        Self {
            subject: certificate.subject_text().to_owned(),
            issuer: certificate.issuer_text().to_owned(),
            serial: certificate.serial_hex(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            fingerprint: hex::encode(certificate.fingerprint()),
        }
    }
}

#[derive(Serialize)]
struct ShownBlock {
    scope: &'static str,
    #[serde(with = "time::serde::rfc3339")]
    since: OffsetDateTime,
    operator: String,
    reason: Option<String>,
}

/// An event, without what only auditors look for: `udap audit export` has it all.
#[derive(Serialize)]
struct Happened {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    facts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_off: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Happened {
    fn of(event: AuditEvent) -> Self {
        let text = |name: &str| {
            let value = event.detail.get(name).and_then(Value::as_str);
            value.map(str::to_owned)
        };
        Self {
            enabled: event.detail.get("enabled").and_then(Value::as_bool),
            facts: event.detail.get("facts").map(texts).unwrap_or_default(),
            trust_off: text("trust_off"),
            operator: text("operator"),
            reason: text("reason"),
            at: event.occurred_at,
            kind: event.kind,
            request_id: event.request_id,
        }
    }

    fn line(&self) -> String {
        let mut line = self.kind.replace('_', " ");
        match self.enabled {
            Some(true) => line.push_str(", on"),
            Some(false) => line.push_str(", off"),
            None => {}
        }
        for fact in self.facts.iter().chain(&self.trust_off) {
            line.push_str(", ");
            line.push_str(&fact.replace('_', " "));
        }
        if let Some(operator) = &self.operator {
            line.push_str(", by ");
            line.push_str(operator);
        }
        if let Some(reason) = &self.reason {
            line.push_str(": ");
            line.push_str(reason);
        }
        line
    }
}

fn texts(value: &Value) -> Vec<String> {
    let elements = value.as_array().into_iter().flatten();
    elements
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

impl Shown {
    fn new(
        details: RegistrationDetails,
        dropped_scopes: Vec<DroppedScope>,
        history: Vec<Happened>,
    ) -> Self {
        let listed = |name: &str| details.metadata.get(name).map(texts).unwrap_or_default();
        let scope = details.metadata.get("scope").and_then(Value::as_str);
        let scopes = scope.unwrap_or_default().split_ascii_whitespace();
        Self {
            scopes: scopes.map(str::to_owned).collect(),
            dropped_scopes,
            grant_types: listed("grant_types"),
            redirect_uris: listed("redirect_uris"),
            contacts: listed("contacts"),
            certificate_chain: std::iter::once(&details.certificate)
                .chain(&details.chain)
                .map(ShownCertificate::of)
                .collect(),
            summary: details.summary,
            community_id: details.community_id,
            row_exists: details.row.is_some(),
            policy_enables: details.policy_enables,
            approved: details.approved,
            admin_off: details.admin_off,
            trust_off: details.trust_off.map(|reason| reason.as_str()),
            blocks: details
                .blocks
                .into_iter()
                .map(|block| ShownBlock {
                    scope: match block.scope {
                        BlockScope::Registration => "registration",
                        BlockScope::Everywhere => "everywhere",
                        BlockScope::Key => "certificate",
                    },
                    since: block.since,
                    operator: block.operator,
                    reason: block.reason,
                })
                .collect(),
            last_checked_at: details.checked_at,
            last_trusted_at: details.good_at,
            history,
        }
    }
}

impl Report for Shown {
    fn page(&self) -> Page {
        let yes_no = |is: bool| if is { "yes" } else { "no" };
        let mut page = super::One(self.summary.clone()).page();
        page.field("community id", &self.community_id)
            .list("scopes", &self.scopes)
            .list(
                "asked for in vain",
                self.dropped_scopes.iter().map(DroppedScope::line),
            )
            .list("grant types", &self.grant_types)
            .list("redirect URIs", &self.redirect_uris)
            .list("contacts", &self.contacts)
            .field("row in the clients' table", yes_no(self.row_exists))
            .field("enabled by its community", yes_no(self.policy_enables))
            .field("approved by an administrator", yes_no(self.approved))
            .field("switched off by an administrator", yes_no(self.admin_off))
            .optional("no longer trusted", self.trust_off);
        for block in &self.blocks {
            let since = timestamp(block.since);
            let reason = block.reason.as_deref().unwrap_or("no reason given");
            page.field(
                "blocked",
                format!(
                    "{} since {since}, by {}: {reason}",
                    block.scope, block.operator
                ),
            );
        }
        page.field("last checked", timestamp(self.last_checked_at))
            .field("last found trusted", timestamp(self.last_trusted_at));
        for (index, one) in self.certificate_chain.iter().enumerate() {
            page.blank();
            page.line(if index == 0 {
                "certificate"
            } else {
                "its issuer's certificate"
            });
            let mut inner = Page::default();
            inner
                .field("subject", &one.subject)
                .field("issuer", &one.issuer)
                .field("serial", &one.serial)
                .field("valid from", timestamp(one.not_before))
                .field("valid until", timestamp(one.not_after))
                .field("SHA-256", &one.fingerprint);
            page.nested(inner);
        }
        page.blank()
            .line("history (token requests: `udap audit export --client`)");
        let mut inner = Page::default();
        for one in &self.history {
            inner.field(&timestamp(one.at), one.line());
        }
        if self.history.is_empty() {
            inner.line("nothing: its events were purged");
        }
        page.nested(inner);
        page
    }
}
