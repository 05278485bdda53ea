//! The answers of the registration endpoint (E01–E28).

use serde_json::{Map, Value, json};

use crate::certification::AcceptedCertification;
use crate::error::Refusal;
use crate::registry::{Cancelled, Registered};
use crate::statement::{ApprovedRegistration, Cancellation};

/// What was registered: the values of record, the statement as it was sent, no JWT claims, no
/// nulls, no secret (E01–E09, E12).
#[must_use]
pub fn registered(approved: &ApprovedRegistration, outcome: &Registered) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("client_id".to_owned(), json!(outcome.client_id));
    members.insert(
        "client_id_issued_at".to_owned(),
        json!(outcome.issued_at.unix_timestamp()),
    );
    members.insert(
        "software_statement".to_owned(),
        json!(approved.statement().software_statement()),
    );
    members.extend(approved.metadata().to_response_members());
    let certifications: Vec<&str> = (approved.certifications().iter())
        .map(AcceptedCertification::token)
        .collect();
    if !certifications.is_empty() {
        members.insert("certifications".to_owned(), json!(certifications));
    }
    members
}

/// The confirmation of a cancellation (D13, decisions 11).
#[must_use]
pub fn cancelled(cancellation: &Cancellation, outcome: &Cancelled) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("client_id".to_owned(), json!(outcome.client_id));
    members.insert("grant_types".to_owned(), json!([]));
    members.insert(
        "software_statement".to_owned(),
        json!(cancellation.statement().software_statement()),
    );
    members
}

/// A refusal in the shape of RFC 7591 §3.2.2, with every violation beside it (E20, decisions 6).
#[must_use]
pub fn refused(refusal: &Refusal) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("error".to_owned(), json!(refusal.code().as_str()));
    members.insert("error_description".to_owned(), json!(refusal.description()));
    members.insert("errors".to_owned(), json!(refusal.violations()));
    members
}
