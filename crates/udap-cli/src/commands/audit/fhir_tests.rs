use time::macros::datetime;

use super::*;

const KINDS_KNOWN: [&str; 16] = [
    "registered",
    "modified",
    "cancelled",
    "not_registered",
    "refused",
    "refused_blocked",
    "blocked",
    "enabled",
    "switched",
    "rechecked",
    "audit_purged",
    "token_requested",
    "token_refused",
    "certificate_renewed",
    "excess_revoked",
    "key_moved",
];

fn event(kind: &str, detail: Value) -> AuditEvent {
    let Value::Object(detail) = detail else {
        panic!("an object")
    };
    AuditEvent {
        id: "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap(),
        occurred_at: datetime!(2026-11-22 12:00:00.000_001 UTC),
        kind: kind.to_owned(),
        request_id: Some("request".to_owned()),
        client_id: Some("client".to_owned()),
        batch: Some(1),
        position: Some(2),
        detail,
    }
}

/// As the store writes it.
fn statement() -> Value {
    json!({
        "site": "default",
        "community": "example",
        "community_uri": "https://community.example.org/udap",
        "client_uri": "https://app.example.org/",
        "jti": "j-1",
        "certificate": {
            "fingerprint": "ab", "serial": "01", "issuer": "CN=CA", "not_after": 1_795_348_800,
        },
        "notes": [],
        "software_statement": "eyJh.SECRET.sig",
        "software_statement_sha256": "cd",
        "enabled": true,
        "facts": ["switched_on"],
        "tokens_revoked": false,
        "remote_address": "203.0.113.7",
    })
}

fn refusal() -> Value {
    let mut detail = statement();
    detail["error"] = "invalid_client_metadata".into();
    detail["errors"] = json!([{"code": "contacts_missing"}, {"code": "scope_missing"}]);
    detail
}

fn operator() -> Value {
    json!({"operator": "alice", "reason": null, "scope": "registration"})
}

fn token() -> Value {
    json!({
        "grant_type": "client_credentials", "whole_scope": true,
        "certificate": {"fingerprint": "00"}, "remote_address": "192.0.2.1",
        "hl7-b2b": {
            "version": "1", "organization_id": "https://hospital.example.org",
            "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
        },
    })
}

fn all() -> Vec<AuditEvent> {
    let mut events = Vec::new();
    for kind in KINDS_KNOWN.into_iter().chain(["of a later version"]) {
        for detail in [
            statement(),
            refusal(),
            operator(),
            token(),
            json!({}),
            odd(),
        ] {
            for (request_id, client_id) in [(None, None), (Some("r"), None), (None, Some("c"))] {
                let mut event = event(kind, detail.clone());
                event.request_id = request_id.map(str::to_owned);
                event.client_id = client_id.map(str::to_owned);
                events.push(event);
            }
        }
    }
    events
}

/// Members that are empty, of another type, or were left out because they are long.
fn odd() -> Value {
    json!({
        "site": "", "client_uri": {"omitted": true}, "jti": " ", "certificate": {"fingerprint": 1},
        "facts": [], "lifted": {}, "error": 5, "errors": "x", "operator": "", "remote_address": null,
    })
}

/// The elements of R4's AuditEvent and of the data types in it that we use: name, smallest number,
/// whether it repeats, type (<http://hl7.org/fhir/R4/auditevent.html>).
fn elements(of: &str) -> &'static [(&'static str, u8, bool, &'static str)] {
    match of {
        "AuditEvent" => &[
            ("resourceType", 1, false, "code"),
            ("id", 0, false, "id"),
            ("type", 1, false, "Coding"),
            ("subtype", 0, true, "Coding"),
            ("action", 0, false, "action"),
            ("recorded", 1, false, "instant"),
            ("outcome", 0, false, "outcome"),
            ("outcomeDesc", 0, false, "string"),
            ("agent", 1, true, "agent"),
            ("source", 1, false, "source"),
            ("entity", 0, true, "entity"),
        ],
        "agent" => &[
            ("type", 0, false, "CodeableConcept"),
            ("who", 0, false, "Reference"),
            ("requestor", 1, false, "boolean"),
            ("network", 0, false, "network"),
        ],
        "network" => &[
            ("address", 0, false, "string"),
            ("type", 0, false, "network type"),
        ],
        "source" => &[
            ("site", 0, false, "string"),
            ("observer", 1, false, "Reference"),
            ("type", 0, true, "Coding"),
        ],
        "entity" => &[
            ("what", 0, false, "Reference"),
            ("type", 0, false, "Coding"),
            ("role", 0, false, "Coding"),
            ("name", 0, false, "string"),
            ("detail", 0, true, "detail"),
        ],
        "detail" => &[
            ("type", 1, false, "string"),
            ("valueString", 1, false, "string"),
        ],
        "Reference" => &[
            ("type", 0, false, "uri"),
            ("identifier", 0, false, "Identifier"),
            ("display", 0, false, "string"),
        ],
        "Identifier" => &[("system", 0, false, "uri"), ("value", 0, false, "string")],
        "CodeableConcept" => &[("coding", 0, true, "Coding")],
        "Coding" => &[
            ("system", 0, false, "uri"),
            ("code", 0, false, "code"),
            ("display", 0, false, "string"),
        ],
        other => panic!("{other} is no type with elements"),
    }
}

/// Panics where a value is not of a type.
fn check(value: &Value, of: &str, path: &str) {
    let text = || {
        let text = value.as_str().unwrap_or_else(|| panic!("{path}: no text"));
        assert!(!text.trim().is_empty(), "{path} is empty");
        text
    };
    let one_of = |codes: &[&str]| assert!(codes.contains(&text()), "{path}: {value}");
    match of {
        "string" => drop(text()),
        "uri" => assert!(!text().contains(char::is_whitespace), "{path}"),
        // No space at the ends, and no two in a row.
        "code" => assert_eq!(text().split(' ').filter(|word| word.is_empty()).count(), 0),
        "id" => assert!(
            text().len() <= 64
                && text()
                    .chars()
                    .all(|one| one.is_ascii_alphanumeric() || "-.".contains(one)),
            "{path}"
        ),
        "instant" => drop(OffsetDateTime::parse(text(), &Rfc3339).unwrap()),
        "boolean" => assert!(value.is_boolean(), "{path}"),
        "action" => one_of(&["C", "R", "U", "D", "E"]),
        "outcome" => one_of(&["0", "4", "8", "12"]),
        "network type" => one_of(&["1", "2", "3", "4", "5"]),
        _ => check_members(value, of, path),
    }
}

fn check_members(value: &Value, of: &str, path: &str) {
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("{path}: no object"));
    assert!(!object.is_empty(), "{path} is empty");
    let elements = elements(of);
    for name in object.keys() {
        assert!(
            elements.iter().any(|element| element.0 == name),
            "{path}.{name} is unknown"
        );
    }
    for &(name, smallest, repeats, of) in elements {
        let path = format!("{path}.{name}");
        match object.get(name) {
            None => assert_eq!(smallest, 0, "{path} is missing"),
            Some(value) if repeats => {
                let list = value
                    .as_array()
                    .unwrap_or_else(|| panic!("{path}: no array"));
                assert!(!list.is_empty(), "{path} is empty");
                list.iter().for_each(|value| check(value, of, &path));
            }
            Some(value) => check(value, of, &path),
        }
    }
}

#[test]
fn every_event_is_a_resource_of_the_form_that_r4_asks_for() {
    let source = Source::new("https://emr.example.org");
    for event in all() {
        let resource = source.resource(&event);
        assert_eq!(resource["resourceType"], "AuditEvent");
        check(&resource, "AuditEvent", "AuditEvent");
        assert_eq!(resource["id"], event.id.to_string());
        assert_eq!(resource["subtype"][0]["code"], event.kind);
    }
}

#[test]
fn no_statement_is_in_a_resource() {
    let source = Source::new("https://emr.example.org");
    for event in all() {
        assert!(!source.resource(&event).to_string().contains("SECRET"));
    }
}

#[test]
fn failures_are_told_from_what_was_done() {
    let outcomes: Vec<_> = KINDS_KNOWN
        .into_iter()
        .map(|kind| {
            let Meaning {
                action, outcome, ..
            } = meaning(kind);
            format!("{kind} {action} {outcome}")
        })
        .collect();
    insta::assert_snapshot!(outcomes.join("\n"), @r"
    registered C 0
    modified U 0
    cancelled D 0
    not_registered D 4
    refused E 4
    refused_blocked E 8
    blocked U 0
    enabled U 0
    switched U 0
    rechecked U 0
    audit_purged D 0
    token_requested E 0
    token_refused E 8
    certificate_renewed U 0
    excess_revoked U 8
    key_moved U 0
    ");
}

#[test]
fn a_registration_names_app_address_statement_and_certificate() {
    let source = Source::new("https://emr.example.org");
    insta::assert_json_snapshot!(source.resource(&event("registered", statement())));
}

#[test]
fn a_refusal_says_which_rules_were_broken_and_a_block_who_set_it() {
    let source = Source::new("https://emr.example.org");
    let refused = source.resource(&event("refused", refusal()));
    assert_eq!(refused["outcome"], "4");
    assert_eq!(
        refused["outcomeDesc"],
        "invalid_client_metadata: contacts_missing, scope_missing"
    );
    let blocked = source.resource(&event("blocked", operator()));
    assert_eq!(blocked["agent"][0]["who"]["identifier"]["value"], "alice");
    assert_eq!(blocked["agent"][0]["requestor"], true);
    assert_eq!(
        blocked["entity"][0]["what"]["identifier"]["value"],
        "client"
    );
}

#[test]
fn what_the_server_did_by_itself_has_the_server_as_its_agent() {
    let source = Source::new("https://emr.example.org");
    let mut checked = event(
        "rechecked",
        json!({"enabled": false, "trust_off": "revoked"}),
    );
    checked.request_id = None;
    let resource = source.resource(&checked);
    assert_eq!(
        resource["agent"][0]["who"]["identifier"]["value"],
        "https://emr.example.org"
    );
}
