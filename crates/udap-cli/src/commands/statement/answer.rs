//! What a dry run found: what the app would be answered, and what only the operator is told.

mod page;

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use udap::catalogue::Stage;
use udap::enable::EnablePolicy;
use udap::registrar::LinkFault;
use udap::registry::{BlockScope, Cancelled, Foreseen, Registered};
use udap::response;
use udap::rules::LinkKind;
use udap::site::Site;
use udap::statement::ApprovedRegistration;
use udap::trust::TrustNeed;
use udap_axum::{Ending, Notes};

use super::explanation::{Explained, explain};
use crate::commands::dropped_scope::DroppedScope;
use crate::commands::path_report::Path as PathReport;

/// What there is to tell.
pub(super) struct Observed<'a> {
    pub(super) site: &'a Site,
    pub(super) notes: &'a Notes,
    pub(super) ending: &'a Ending,
    pub(super) at: OffsetDateTime,
    /// What could not be learned.
    pub(super) unknown: Vec<String>,
    pub(super) is_explained: bool,
}

/// What would become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Registered,
    Modified,
    /// One or the other: the registry could not be asked.
    Accepted,
    Cancelled,
    Refused,
    Undecided,
}

/// What the app would be answered.
#[derive(Debug, Serialize)]
struct HttpAnswer {
    /// None: 201 or 200.
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    body: Map<String, Value>,
}

/// Whether the client would be on.
#[derive(Debug, Serialize)]
struct Switch {
    /// None: the registry could not be asked.
    enabled: Option<bool>,
    because: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    facts: Vec<&'static str>,
    tokens_revoked: bool,
}

#[derive(Debug, Serialize)]
struct ShownBlock {
    scope: &'static str,
    #[serde(with = "time::serde::rfc3339")]
    since: OffsetDateTime,
    operator: String,
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct Visit {
    claim: String,
    url: String,
    outcome: &'static str,
}

#[derive(Debug, Serialize)]
struct Leaf {
    subject: String,
    issuer: String,
    serial: String,
    fingerprint: String,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    outcome: Outcome,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    site: String,
    community: Option<String>,
    community_uri: Option<String>,
    client_uri: Option<String>,
    stage: Option<Stage>,
    answer: Option<HttpAnswer>,
    granted_scopes: Vec<String>,
    dropped_scopes: Vec<DroppedScope>,
    switch: Option<Switch>,
    certificate: Option<Leaf>,
    #[serde(flatten)]
    path: Option<PathReport>,
    blocks: Vec<ShownBlock>,
    links: Vec<Visit>,
    not_checked: Vec<String>,
    /// Whether every stage was looked at.
    #[serde(rename = "complete")]
    is_whole: bool,
    rules: Vec<Explained>,
    #[serde(skip)]
    is_explained: bool,
}

impl Answer {
    pub(super) fn new(observed: &Observed<'_>) -> Self {
        let notes = observed.notes;
        let (outcome, stage) = outcome(observed.ending);
        let community = notes.trusted.as_ref().map(|one| one.community());
        let mut not_checked = observed.unknown.clone();
        not_checked.extend(unvisited(notes));
        if let Ending::Undecided(stage, needs) = observed.ending {
            not_checked.extend(lacking(*stage, needs));
        }
        let approved = match observed.ending {
            Ending::Register(approved, foreseen) => Some((approved, foreseen.as_ref())),
            _ => None,
        };
        let scopes = approved.map(|(approved, _)| approved.metadata().scopes());
        Self {
            outcome,
            at: observed.at,
            site: observed.site.id.clone(),
            community: community.map(|one| one.id.clone()),
            community_uri: community.map(|one| one.uri.clone()),
            client_uri: notes
                .current
                .as_ref()
                .map(|one| one.client_uri().to_owned()),
            stage,
            answer: http_answer(observed.ending),
            granted_scopes: scopes
                .map(|scopes| scopes.granted())
                .unwrap_or_default()
                .iter()
                .map(|scope| scope.as_str().to_owned())
                .collect(),
            dropped_scopes: scopes
                .map(|scopes| scopes.dropped())
                .unwrap_or_default()
                .iter()
                .map(|(scope, reason)| DroppedScope::of(scope, *reason))
                .collect(),
            switch: approved.map(|(approved, foreseen)| switch(approved, foreseen)),
            certificate: notes.current.as_ref().map(|one| leaf(one.leaf())),
            path: notes
                .trusted
                .as_ref()
                .map(|one| PathReport::new(one.path())),
            blocks: blocks(notes),
            links: visits(notes),
            not_checked,
            is_whole: notes.unchecked.is_empty(),
            rules: explain(notes, observed.ending),
            is_explained: observed.is_explained,
        }
    }

    /// Whether the server would do what is asked. What was not looked at is no pass.
    pub(super) fn is_good(&self) -> bool {
        self.is_whole && !matches!(self.outcome, Outcome::Refused | Outcome::Undecided)
    }
}

fn outcome(ending: &Ending) -> (Outcome, Option<Stage>) {
    match ending {
        Ending::Refused(stage, _) => (Outcome::Refused, Some(*stage)),
        Ending::Undecided(stage, _) => (Outcome::Undecided, Some(*stage)),
        Ending::Cancel(..) => (Outcome::Cancelled, None),
        Ending::Register(_, None) => (Outcome::Accepted, None),
        Ending::Register(_, Some(foreseen)) if foreseen.earlier.is_none() => {
            (Outcome::Registered, None)
        }
        Ending::Register(_, Some(_)) => (Outcome::Modified, None),
    }
}

/// What is sent, but for the id of a client that does not exist yet.
fn http_answer(ending: &Ending) -> Option<HttpAnswer> {
    let (status, retry_after, body) = match ending {
        Ending::Undecided(..) => return None,
        Ending::Refused(_, refusal) => (
            Some(400),
            refusal.retry_after_seconds(),
            response::refused(refusal),
        ),
        Ending::Cancel(cancellation, earlier) => {
            let mut body = Map::new();
            if let Some(earlier) = earlier {
                let cancelled = Cancelled {
                    client_id: earlier.client_id.clone(),
                };
                body = response::cancelled(cancellation, &cancelled);
            }
            (Some(200), None, body)
        }
        Ending::Register(approved, foreseen) => {
            let earlier = foreseen.as_ref().and_then(|one| one.earlier.as_ref());
            let outcome = Registered {
                client_id: earlier.map(|one| one.client_id.clone()).unwrap_or_default(),
                issued_at: earlier.map_or(OffsetDateTime::UNIX_EPOCH, |one| one.issued_at),
                created: earlier.is_none(),
                enabled: foreseen.as_ref().is_some_and(|one| one.enabled),
            };
            let mut body = response::registered(approved, &outcome);
            if earlier.is_none() {
                body.remove("client_id");
                body.remove("client_id_issued_at");
            }
            let status = match (foreseen, earlier) {
                (None, _) => None,
                (Some(_), None) => Some(201),
                (Some(_), Some(_)) => Some(200),
            };
            (status, None, body)
        }
    };
    Some(HttpAnswer {
        status,
        retry_after,
        body,
    })
}

fn switch(approved: &ApprovedRegistration, foreseen: Option<&Foreseen>) -> Switch {
    let mut because = Vec::new();
    let policy = approved.statement().community().enable;
    match (policy, approved.enable()) {
        (_, true) => because.push("its community enables such apps at once"),
        (EnablePolicy::Never, _) => {
            because.push("its community enables no app by itself: an administrator does");
        }
        (_, false) => because.push(
            "its community enables by itself only apps that reach nothing but the data of a patient \
             who consents: an administrator enables others",
        ),
    }
    let Some(foreseen) = foreseen else {
        return Switch {
            enabled: None,
            because,
            facts: Vec::new(),
            tokens_revoked: false,
        };
    };
    if !foreseen.server_allows {
        because.push("OpenEMR is set to have apps approved by hand (oauth_app_manual_approval)");
    }
    if foreseen.approved {
        because.push("an administrator approved it for what it asks for");
    }
    if foreseen.admin_off {
        because.push("an administrator switched it off, or removed its row: `udap clients enable`");
    }
    Switch {
        enabled: Some(foreseen.enabled),
        because,
        facts: foreseen.facts.clone(),
        tokens_revoked: foreseen.tokens_revoked,
    }
}

fn leaf(certificate: &udap::certificate::Certificate) -> Leaf {
    Leaf {
        subject: certificate.subject_text().to_owned(),
        issuer: certificate.issuer_text().to_owned(),
        serial: certificate.serial_hex(),
        fingerprint: hex::encode(certificate.fingerprint()),
        not_after: certificate.not_after(),
    }
}

fn blocks(notes: &Notes) -> Vec<ShownBlock> {
    let shown = notes.blocks.iter().map(|block| ShownBlock {
        scope: match block.scope {
            BlockScope::Registration => "this client",
            BlockScope::Everywhere => "this client everywhere",
            BlockScope::Key => "this key",
        },
        since: block.since,
        operator: block.operator.clone(),
        reason: block.reason.clone(),
    });
    shown.collect()
}

fn visits(notes: &Notes) -> Vec<Visit> {
    let shown = notes.visits.iter().map(|report| Visit {
        claim: match report.link.kind {
            LinkKind::Redirect(index) => format!("redirect_uris/{index}"),
            kind => kind.claim().to_owned(),
        },
        url: report.link.url.clone(),
        outcome: match report.fault {
            None => "live",
            Some(LinkFault::Unreachable) => "unreachable",
            Some(LinkFault::Redirects) => "redirects",
            Some(LinkFault::WrongKind) => "wrong kind",
            Some(LinkFault::NotPublic) => "not public",
            Some(LinkFault::NotChecked) => "not checked",
        },
    });
    shown.collect()
}

fn unvisited(notes: &Notes) -> Option<String> {
    let is_left_out = notes.unchecked.contains(&Stage::Links);
    is_left_out.then(|| {
        let urls: Vec<_> = notes.links.iter().map(|link| link.url.as_str()).collect();
        format!(
            "the verdict would depend on whether these are live: {}",
            urls.join(" ")
        )
    })
}

/// On what the verdict would depend.
fn lacking(stage: Stage, needs: &[TrustNeed]) -> Vec<String> {
    if needs.is_empty() {
        return vec![
            "the verdict would depend on what a certifier says of a certification".to_owned(),
        ];
    }
    let whose = match stage {
        Stage::Certifications => " of a certifier",
        _ => "",
    };
    let lines = needs.iter().map(|need| match need {
        TrustNeed::Issuer { url } => {
            format!("the verdict would depend on the issuer{whose} at {url}")
        }
        TrustNeed::Crl(need) => format!(
            "the verdict would depend on the revocation list{whose} at {}",
            need.urls().join(" or ")
        ),
        TrustNeed::Ocsp(need) => format!(
            "the verdict would depend on the status{whose} at {}",
            need.urls().join(" or ")
        ),
    });
    lines.collect()
}
