//! Whether a newly registered app is switched on without an administrator (decisions 14).

use serde::{Deserialize, Serialize};

use crate::rules::{ClientMetadata, Grant};
use crate::scope::Level;

/// Whom a community switches on unattended. Every community has to say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnablePolicy {
    /// Every app, for the scopes that the ceiling covers.
    All,
    /// Apps that reach nothing but the data of a patient who consents.
    Patient,
    /// None: an administrator enables each.
    Never,
}

/// Scopes that a patient's app may hold besides `patient/…`: they tell who logged in and for how
/// long, and show no one else's data.
const BESIDE_PATIENT: [&str; 7] = [
    "openid",
    "fhirUser",
    "profile",
    "launch/patient",
    "offline_access",
    "online_access",
    "api:fhir",
];

/// Whether the policy alone switches the app on (decisions 14). What an administrator or a lost
/// trust says against it is the registry's to weigh (decisions 12).
#[must_use]
pub fn enabled(policy: EnablePolicy, metadata: &ClientMetadata) -> bool {
    match policy {
        EnablePolicy::All => true,
        EnablePolicy::Never => false,
        EnablePolicy::Patient => {
            let scopes = metadata.scopes();
            matches!(metadata.grant(), Grant::AuthorizationCode { .. })
                && scopes.has_level(Level::Patient)
                && scopes.granted().iter().all(|scope| {
                    scope.level() == Some(Level::Patient)
                        || BESIDE_PATIENT.contains(&scope.as_str())
                })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::rules::fixtures::{app, policy, scopes_under, service, with};
    use crate::rules::{Profile, check};

    fn metadata(claims: &Map<String, Value>) -> ClientMetadata {
        let scopes = scopes_under(&[
            "openid",
            "profile",
            "fhirUser",
            "offline_access",
            "launch",
            "launch/patient",
            "api:oemr",
            "api:fhir",
            "patient/*.read",
            "user/*.read",
            "system/*.read",
        ]);
        check(claims, &policy(Profile::Hl7), &scopes).unwrap()
    }

    fn for_scope(scope: &str) -> bool {
        enabled(
            EnablePolicy::Patient,
            &metadata(&with(app(), "scope", json!(scope))),
        )
    }

    #[test]
    fn all_and_never_ask_nothing_about_the_app() {
        for claims in [app(), service()] {
            assert!(enabled(EnablePolicy::All, &metadata(&claims)));
            assert!(!enabled(EnablePolicy::Never, &metadata(&claims)));
        }
    }

    #[test]
    fn patient_enables_apps_that_reach_nothing_but_a_patients_data() {
        assert!(for_scope("patient/Patient.read"));
        assert!(for_scope(
            "openid fhirUser profile launch/patient offline_access api:fhir patient/Patient.read"
        ));
        assert!(!for_scope("openid fhirUser launch/patient"));
        for more in ["user/Patient.read", "launch", "api:oemr"] {
            assert!(
                !for_scope(&format!("patient/Patient.read {more}")),
                "{more}"
            );
        }
        // What is dropped does not count against it.
        assert!(for_scope("patient/Patient.read address"));
        assert!(!enabled(EnablePolicy::Patient, &metadata(&service())));
    }

    #[test]
    fn policies_are_written_in_lower_case() {
        assert_eq!(
            serde_json::from_value::<EnablePolicy>(json!("patient")).unwrap(),
            EnablePolicy::Patient
        );
        assert!(serde_json::from_value::<EnablePolicy>(json!("Patient")).is_err());
    }
}
