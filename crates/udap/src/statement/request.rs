//! The envelope of a registration request (B01–B08).

use serde_json::Value;

use crate::error::{ErrorCode, Refusal, Violation};
use crate::json;

/// A registration request whose envelope is well-formed. Nothing in it has been verified.
#[derive(Clone, Debug)]
pub struct RegistrationRequest {
    software_statement: String,
    certifications: Vec<String>,
}

impl RegistrationRequest {
    /// Reads a request's body. Members other than `software_statement`, `certifications` and
    /// `udap` are unsigned and ignored (B06, B07).
    ///
    /// # Errors
    /// `invalid_client_metadata` for a body or envelope that breaks a rule (B03, B04, B05),
    /// `invalid_software_statement` for a statement that is missing (B03).
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let mut members = json::object(body).map_err(|error| {
            Refusal::new(
                ErrorCode::InvalidClientMetadata,
                Violation {
                    pointer: String::new(),
                    ..Violation::of(
                        "B02",
                        "request",
                        "request_not_json",
                        format!("the body must be one JSON object: {error}"),
                    )
                },
            )
        })?;
        if members.get("udap").and_then(Value::as_str) != Some("1") {
            return Err(Refusal::new(
                ErrorCode::InvalidClientMetadata,
                Violation::of(
                    "B04",
                    "udap",
                    "udap_version",
                    "must be the string '1': this endpoint takes UDAP registrations only",
                ),
            ));
        }
        let certifications = match members.remove("certifications") {
            None => Vec::new(),
            Some(value) => strings(value).ok_or_else(|| {
                Refusal::new(
                    ErrorCode::InvalidClientMetadata,
                    Violation::of(
                        "B05",
                        "certifications",
                        "certifications_not_strings",
                        "must be an array of JWTs as strings, or be left out",
                    ),
                )
            })?,
        };
        let software_statement = match members.remove("software_statement") {
            Some(Value::String(text)) if !text.is_empty() => text,
            _ => {
                return Err(Refusal::new(
                    ErrorCode::InvalidSoftwareStatement,
                    Violation::of(
                        "B03",
                        "software_statement",
                        "software_statement_missing",
                        "is required, as a string",
                    ),
                ));
            }
        };
        Ok(Self {
            software_statement,
            certifications,
        })
    }

    /// The compact JWS as it was sent.
    #[must_use]
    pub fn software_statement(&self) -> &str {
        &self.software_statement
    }

    /// The certifications as they were sent.
    #[must_use]
    pub fn certifications(&self) -> &[String] {
        &self.certifications
    }
}

fn strings(value: Value) -> Option<Vec<String>> {
    match value {
        Value::Array(elements) => elements
            .into_iter()
            .map(|element| match element {
                Value::String(text) => Some(text),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(body: &str) -> (ErrorCode, &'static str) {
        let refusal = RegistrationRequest::parse(body.as_bytes()).unwrap_err();
        (refusal.code(), refusal.violations()[0].rule)
    }

    /// Proves: B03, B04, B05
    #[test]
    fn the_envelope_is_checked() {
        use ErrorCode::{InvalidClientMetadata as Icm, InvalidSoftwareStatement as Iss};
        assert_eq!(refused("[]"), (Icm, "B02"));
        assert_eq!(refused(r#"{"software_statement":"a.b.c"}"#), (Icm, "B04"));
        assert_eq!(
            refused(r#"{"software_statement":"a.b.c","udap":1}"#),
            (Icm, "B04")
        );
        assert_eq!(
            refused(r#"{"software_statement":"a.b.c","udap":"2"}"#),
            (Icm, "B04")
        );
        assert_eq!(
            refused(r#"{"udap":"1","software_statement":"a","udap":"1"}"#),
            (Icm, "B02")
        );
        for statement in ["null", "\"\"", "1", "[\"a.b.c\"]"] {
            let body = format!(r#"{{"udap":"1","software_statement":{statement}}}"#);
            assert_eq!(refused(&body), (Iss, "B03"), "{statement}");
        }
        for certifications in ["\"a.b.c\"", "[1]", "{}", "[null]"] {
            let body = format!(
                r#"{{"udap":"1","software_statement":"a.b.c","certifications":{certifications}}}"#
            );
            assert_eq!(refused(&body), (Icm, "B05"), "{certifications}");
        }
    }

    /// Proves: B05, B06
    #[test]
    fn null_or_empty_certifications_and_other_members_are_ignored() {
        for certifications in ["null", "[]"] {
            let body = format!(
                r#"{{"udap":"1","software_statement":"a.b.c","redirect_uris":7,"certifications":{certifications}}}"#
            );
            let request = RegistrationRequest::parse(body.as_bytes()).unwrap();
            assert_eq!(request.software_statement(), "a.b.c");
            assert!(request.certifications().is_empty());
        }
    }

    proptest! {
        #[test]
        fn any_body_is_answered(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = RegistrationRequest::parse(&body);
        }
    }
}
