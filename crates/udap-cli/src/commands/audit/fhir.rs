//! Events as FHIR R4 AuditEvent resources (<http://hl7.org/fhir/R4/auditevent.html>), for the audit
//! repository of a hospital.
//!
//! None of them is a FHIR operation, and so none has the type `rest`: registering, switching and
//! refusing clients is what DICOM calls a security alert. The subtype is our kind.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use udap_store::audit::AuditEvent;

const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const SOURCE_TYPE: &str = "http://terminology.hl7.org/CodeSystem/security-source-type";
const ROLE_TYPE: &str = "http://terminology.hl7.org/CodeSystem/extra-security-role-type";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";

/// Our kinds of event.
const KINDS: &str = "https://github.com/udap-openemr/udap-openemr/audit-event-kind";

/// Identifiers that are URIs.
const URI: &str = "urn:ietf:rfc:3986";

/// Where an address of the network type of R4 is an IP address.
const IP_ADDRESS: &str = "2";

/// What tells of the events: this server.
pub(super) struct Source {
    observer: Value,
}

/// What a kind of event says by itself.
struct Meaning {
    display: &'static str,
    /// Create, read, update, delete, execute.
    action: &'static str,
    /// 0 success, 4 minor failure, 8 serious failure.
    outcome: &'static str,
}

fn meaning(kind: &str) -> Meaning {
    let (display, action, outcome) = match kind {
        "registered" => ("Client registered", "C", "0"),
        "modified" => ("Client modified", "U", "0"),
        "cancelled" => ("Client cancelled", "D", "0"),
        "not_registered" => ("Cancellation without a registration", "D", "4"),
        "refused" => ("Statement refused", "E", "4"),
        "refused_blocked" => ("Statement of a blocked client refused", "E", "8"),
        "blocked" => ("Client blocked by an operator", "U", "0"),
        "enabled" => ("Client enabled by an operator", "U", "0"),
        "switched" => ("Client switched by a block", "U", "0"),
        "rechecked" => ("Client changed by a check of trust", "U", "0"),
        "audit_purged" => ("Audit log purged", "D", "0"),
        "token_requested" => ("Token requested", "E", "0"),
        "token_refused" => ("Token refused to a client that is off", "E", "8"),
        "certificate_renewed" => ("Certificate renewed by a token request", "U", "0"),
        "excess_revoked" => ("Tokens for more than is registered revoked", "U", "8"),
        "key_moved" => ("Key in a client's row replaced", "U", "0"),
        _ => ("Other event", "E", "0"),
    };
    Meaning {
        display,
        action,
        outcome,
    }
}

impl Source {
    /// The server under this address.
    pub(super) fn new(public_url: &str) -> Self {
        Self {
            observer: json!({
                "type": "Device",
                "identifier": {"system": URI, "value": public_url},
                "display": "UDAP registrar",
            }),
        }
    }

    /// The resource.
    pub(super) fn resource(&self, event: &AuditEvent) -> Value {
        let meaning = meaning(&event.kind);
        let mut resource = json!({
            "resourceType": "AuditEvent",
            "id": event.id.to_string(),
            "type": {"system": DICOM, "code": "110113", "display": "Security Alert"},
            "subtype": [{"system": KINDS, "code": event.kind, "display": meaning.display}],
            "action": meaning.action,
            "recorded": instant(event.occurred_at),
            "outcome": meaning.outcome,
            "agent": [self.agent(event)],
            "source": self.source(event),
        });
        set(&mut resource, "outcomeDesc", outcome(&event.detail));
        let entities = entities(event);
        if !entities.is_empty() {
            set(&mut resource, "entity", Some(entities.into()));
        }
        resource
    }

    fn source(&self, event: &AuditEvent) -> Value {
        let mut source = json!({
            "observer": self.observer,
            "type": [{"system": SOURCE_TYPE, "code": "6", "display": "Security Server"}],
        });
        set(&mut source, "site", text(&event.detail, "site"));
        source
    }

    /// Who brought it about: an operator, the app, or this server by itself.
    fn agent(&self, event: &AuditEvent) -> Value {
        let detail = &event.detail;
        if let Some(operator) = text(detail, "operator") {
            return json!({
                "type": coded(ROLE_TYPE, "humanuser", "human user"),
                "who": {"identifier": {"value": operator}, "display": operator},
                "requestor": true,
            });
        }
        let mut agent = json!({
            "type": coded(DICOM, "110150", "Application"),
            "requestor": true,
        });
        if event.request_id.is_none() {
            set(&mut agent, "who", Some(self.observer.clone()));
            return agent;
        }
        set(&mut agent, "who", app(event));
        if let Some(address) = text(detail, "remote_address") {
            let network = json!({"address": address, "type": IP_ADDRESS});
            set(&mut agent, "network", Some(network));
        }
        agent
    }
}

/// The app, by the URI in its certificate or else by its client_id.
fn app(event: &AuditEvent) -> Option<Value> {
    let client_id = event.client_id.as_ref();
    match (text(&event.detail, "client_uri"), client_id) {
        (Some(uri), _) => Some(json!({"identifier": {"system": URI, "value": uri}})),
        (None, Some(id)) => Some(json!({"identifier": {"value": id}})),
        (None, None) => None,
    }
}

/// What an event is about: client, statement, certificate, or the log itself.
fn entities(event: &AuditEvent) -> Vec<Value> {
    let detail = &event.detail;
    let mut entities = Vec::new();
    if let Some(what) = app(event) {
        let mut client = entity(("11", "Security User Entity"), "client", what);
        let mut facts = Vec::new();
        facts.extend(fact("client_id", event.client_id.as_deref()));
        facts.extend(fact("request_id", event.request_id.as_deref()));
        for name in [
            "community_uri",
            "enabled",
            "tokens_revoked",
            "trust_off",
            "reason",
            "scope",
            "grant_type",
            "whole_scope",
            "off",
            "from",
            "to",
            "previous",
        ] {
            facts.extend(fact(name, plain(detail.get(name)).as_deref()));
        }
        if let Some(Value::Object(said)) = detail.get("hl7-b2b") {
            for (name, value) in said {
                let value = plain(Some(value)).or_else(|| words(Some(value)));
                facts.extend(fact(name, value.as_deref()));
            }
        }
        facts.extend(fact("facts", words(detail.get("facts")).as_deref()));
        facts.extend(fact("lifted", words(detail.get("lifted")).as_deref()));
        add_facts(&mut client, facts);
        entities.push(client);
    }
    if let Some(jti) = text(detail, "jti") {
        let what = json!({"identifier": {"value": jti}});
        let mut statement = entity(SECURITY_RESOURCE, "software statement", what);
        let hash = plain(detail.get("software_statement_sha256"));
        add_facts(
            &mut statement,
            fact("sha256", hash.as_deref()).into_iter().collect(),
        );
        entities.push(statement);
    }
    if let Some(Value::Object(certificate)) = detail.get("certificate")
        && let Some(fingerprint) = text(certificate, "fingerprint")
    {
        let what = json!({"identifier": {"value": fingerprint}});
        let mut entity = entity(SECURITY_RESOURCE, "certificate", what);
        let facts = ["serial", "issuer", "not_after"]
            .into_iter()
            .filter_map(|name| fact(name, plain(certificate.get(name)).as_deref()));
        add_facts(&mut entity, facts.collect());
        entities.push(entity);
    }
    if event.kind == "audit_purged" {
        let what = json!({"display": "audit log"});
        let mut log = entity(SECURITY_RESOURCE, "audit log", what);
        let facts = ["through", "before", "batches", "events", "reason"]
            .into_iter()
            .filter_map(|name| fact(name, plain(detail.get(name)).as_deref()));
        add_facts(&mut log, facts.collect());
        entities.push(log);
    }
    entities
}

const SECURITY_RESOURCE: (&str, &str) = ("13", "Security Resource");

fn entity(role: (&str, &str), name: &str, what: Value) -> Value {
    json!({
        "what": what,
        "type": {"system": ENTITY_TYPE, "code": "2", "display": "System Object"},
        "role": {"system": OBJECT_ROLE, "code": role.0, "display": role.1},
        "name": name,
    })
}

fn fact(name: &str, value: Option<&str>) -> Option<Value> {
    value
        .filter(|value| !value.trim().is_empty())
        .map(|value| json!({"type": name, "valueString": value}))
}

/// FHIR has no empty arrays.
fn add_facts(entity: &mut Value, facts: Vec<Value>) {
    if !facts.is_empty() {
        set(entity, "detail", Some(facts.into()));
    }
}

/// Why it was refused: the error, and the names of the broken rules.
fn outcome(detail: &Map<String, Value>) -> Option<Value> {
    let error = detail.get("error")?.as_str()?;
    let codes: Vec<_> = detail
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|violation| violation.get("code")?.as_str())
        .collect();
    Some(match codes.as_slice() {
        [] => error.into(),
        codes => format!("{error}: {}", codes.join(", ")).into(),
    })
}

fn coded(system: &str, code: &str, display: &str) -> Value {
    json!({"coding": [{"system": system, "code": code, "display": display}]})
}

/// A member that is a text with something in it: FHIR has no empty strings.
fn text(object: &Map<String, Value>, name: &str) -> Option<Value> {
    object
        .get(name)
        .filter(|value| value.as_str().is_some_and(|text| !text.trim().is_empty()))
        .cloned()
}

/// A single value as text.
fn plain(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A list of words.
fn words(value: Option<&Value>) -> Option<String> {
    let words: Vec<_> = value?
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    Some(words.join(" "))
}

fn set(object: &mut Value, name: &str, value: Option<Value>) {
    if let (Value::Object(members), Some(value)) = (object, value) {
        members.insert(name.to_owned(), value);
    }
}

fn instant(at: OffsetDateTime) -> String {
    // Events lie between the years 0 and 9999.
    at.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}

#[cfg(test)]
#[path = "fhir_tests.rs"]
mod tests;
