//! The authorization extension object `hl7-b2b`: who asks for data, for which organization, and what
//! for (G12–G14, IG §5.2.1.1).

use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;

use crate::error::Violation;

/// The name of the object among the `extensions` of an authentication token.
pub const NAME: &str = "hl7-b2b";

/// The only version there is.
const VERSION: &str = "1";

/// Members that hold one text, besides `version` and `organization_id`.
const TEXTS: [&str; 4] = [
    "subject_name",
    "subject_id",
    "subject_role",
    "organization_name",
];

/// The object, well formed. What a community makes of its values is another matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct B2bExtension {
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_name: Option<String>,
    organization_id: String,
    purpose_of_use: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consent_policy: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consent_reference: Vec<String>,
}

impl B2bExtension {
    /// Reads the object. Members that are not known are left out.
    ///
    /// # Errors
    /// Everything that is wrong with it (G13).
    pub fn parse(value: &Value) -> Result<Self, Vec<Violation>> {
        let Some(members) = value.as_object() else {
            return Err(vec![fault("", "must be an object")]);
        };
        let mut faults = Vec::new();
        if members.get("version").and_then(Value::as_str) != Some(VERSION) {
            faults.push(fault("version", "is required, as the string '1'"));
        }
        let mut texts = TEXTS.map(|name| match members.get(name) {
            None => None,
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text.clone()),
            Some(_) => {
                faults.push(fault(name, "must be a string with something in it"));
                None
            }
        });
        let organization_id = members.get("organization_id").and_then(Value::as_str);
        if !organization_id.is_some_and(is_uri) {
            faults.push(fault("organization_id", "is required, as a URI"));
        }
        let purpose_of_use = match list(members, "purpose_of_use") {
            Ok(Some(purposes)) if !purposes.is_empty() => purposes,
            _ => {
                let message = "is required, as a list of at least one code";
                faults.push(fault("purpose_of_use", message));
                Vec::new()
            }
        };
        let mut uris = |name, is_fit: fn(&str) -> bool, message| match list(members, name) {
            Ok(None) => Vec::new(),
            Ok(Some(uris)) if !uris.is_empty() && uris.iter().all(|uri| is_fit(uri)) => uris,
            _ => {
                faults.push(fault(name, message));
                Vec::new()
            }
        };
        let consent_policy = uris(
            "consent_policy",
            is_uri,
            "must be a list of URIs, or be left out",
        );
        let consent_reference = uris(
            "consent_reference",
            is_absolute_url,
            "must be a list of absolute URLs, or be left out",
        );
        if members.contains_key("consent_reference") && !members.contains_key("consent_policy") {
            faults.push(fault(
                "consent_reference",
                "must be left out without consent_policy",
            ));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let [subject_name, subject_id, subject_role, organization_name] =
            texts.each_mut().map(Option::take);
        Ok(Self {
            version: VERSION,
            subject_name,
            subject_id,
            subject_role,
            organization_name,
            organization_id: organization_id.unwrap_or_default().to_owned(),
            purpose_of_use,
            consent_policy,
            consent_reference,
        })
    }

    /// `organization_id`: the organization that asks.
    #[must_use]
    pub fn organization_id(&self) -> &str {
        &self.organization_id
    }

    /// `purpose_of_use`: at least one code.
    #[must_use]
    pub fn purpose_of_use(&self) -> &[String] {
        &self.purpose_of_use
    }

    /// The object as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

fn fault(member: &'static str, message: &'static str) -> Violation {
    let mut violation = Violation::of("G13", NAME, "b2b_malformed", message);
    violation.pointer = match member {
        "" => format!("/extensions/{NAME}"),
        member => format!("/extensions/{NAME}/{member}"),
    };
    if !member.is_empty() {
        violation.claim = member.into();
    }
    violation
}

/// A list of texts, none of them empty.
fn list(members: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, ()> {
    let Some(value) = members.get(name) else {
        return Ok(None);
    };
    let elements = value.as_array().ok_or(())?;
    elements
        .iter()
        .map(|element| match element.as_str() {
            Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
            _ => Err(()),
        })
        .collect::<Result<_, _>>()
        .map(Some)
}

/// A URI (RFC 3986): relative references too, as TEFCA's directory entries are (G26).
fn is_uri(text: &str) -> bool {
    let is_plain = !text.is_empty()
        && text
            .bytes()
            .all(|octet| octet.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&octet));
    is_plain && (text.contains(':') || text.contains('/'))
}

fn is_absolute_url(text: &str) -> bool {
    is_uri(text) && Url::parse(text).is_ok_and(|url| url.has_host())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn good() -> Map<String, Value> {
        let value = json!({
            "version": "1",
            "subject_name": "Ann Nurse",
            "subject_id": "urn:oid:2.16.840.1.113883.4.6#1234567890",
            "subject_role": "http://nucc.org/provider-taxonomy#163W00000X",
            "organization_name": "Example Hospital",
            "organization_id": "https://hospital.example.org",
            "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
            "consent_policy": ["https://hospital.example.org/consent"],
            "consent_reference": ["https://hospital.example.org/fhir/Consent/1"],
        });
        value.as_object().unwrap().clone()
    }

    fn broken(members: Map<String, Value>) -> Vec<String> {
        let violations = B2bExtension::parse(&members.into()).unwrap_err();
        assert!(violations.iter().all(|one| one.rule == "G13"));
        violations.into_iter().map(|one| one.pointer).collect()
    }

    /// Proves: G13
    #[test]
    fn a_good_one_is_read_and_written_back() {
        let parsed = B2bExtension::parse(&good().into()).unwrap();
        assert_eq!(parsed.to_value(), Value::from(good()));
        let least = json!({
            "version": "1",
            "organization_id": "Organization/1.2.3",
            "purpose_of_use": ["TREAT"],
        });
        let parsed = B2bExtension::parse(&least).unwrap();
        assert_eq!(parsed.to_value(), least);
        assert_eq!(parsed.organization_id(), "Organization/1.2.3");
        assert_eq!(parsed.purpose_of_use(), ["TREAT"]);
    }

    /// Proves: G13
    #[test]
    fn each_member_is_judged_and_all_faults_told() {
        for (name, value) in [
            ("version", Value::Null),
            ("version", json!(1)),
            ("version", json!("2")),
            ("organization_id", Value::Null),
            ("organization_id", json!("")),
            ("organization_id", json!("an organization")),
            ("organization_id", json!(["https://hospital.example.org"])),
            ("purpose_of_use", Value::Null),
            ("purpose_of_use", json!([])),
            ("purpose_of_use", json!("TREAT")),
            ("purpose_of_use", json!(["TREAT", ""])),
            ("purpose_of_use", json!([1])),
            ("subject_name", json!("")),
            ("subject_id", json!(1)),
            ("subject_role", json!([])),
            ("organization_name", json!(" ")),
            ("consent_policy", json!([])),
            (
                "consent_policy",
                json!("https://hospital.example.org/consent"),
            ),
            ("consent_reference", json!(["Consent/1"])),
            ("consent_reference", json!([])),
        ] {
            let mut members = good();
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.to_owned(), value.clone());
            }
            assert_eq!(
                broken(members),
                [format!("/extensions/hl7-b2b/{name}")],
                "{value}"
            );
        }
        let mut members = good();
        members.remove("consent_policy");
        assert_eq!(broken(members), ["/extensions/hl7-b2b/consent_reference"]);
        assert_eq!(broken(Map::new()).len(), 3);
        assert!(B2bExtension::parse(&json!("1")).is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_is_read_again_the_same(text in "\\PC{0,20}", list in proptest::collection::vec("\\PC{0,9}", 0..3)) {
            for name in TEXTS.iter().chain(&["organization_id", "version"]) {
                let mut members = good();
                members.insert((*name).to_owned(), json!(text));
                let _ = B2bExtension::parse(&members.clone().into());
                members.insert("purpose_of_use".to_owned(), json!(list));
                if let Ok(parsed) = B2bExtension::parse(&members.into()) {
                    prop_assert_eq!(B2bExtension::parse(&parsed.to_value()), Ok(parsed));
                }
            }
        }
    }
}
