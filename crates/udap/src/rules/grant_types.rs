//! `grant_types`: one of the two flows (B21–B24, D11).

use serde_json::{Map, Value};

use super::profile::MetadataPolicy;
use super::unless;
use crate::error::Violation;

/// The flow that an app registers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grant {
    /// A person logs in and consents.
    AuthorizationCode {
        /// Whether `refresh_token` was asked for too (B23).
        refresh: bool,
    },
    /// The app acts for itself.
    ClientCredentials,
}

/// The grants that a site offers to the apps of a community, as discovery lists them (A16, B24).
/// `refresh_token` goes with `authorization_code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GrantsOffered {
    /// `authorization_code` and `refresh_token`.
    pub authorization_code: bool,
    /// `client_credentials`.
    pub client_credentials: bool,
}

/// The claim, understood and verbatim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GrantTypes {
    pub(super) grant: Grant,
    /// As asked for, in that order: clients compare the answer with their request (E07).
    pub(super) requested: Vec<String>,
}

const CODE: &str = "authorization_code";
const REFRESH: &str = "refresh_token";
const CREDENTIALS: &str = "client_credentials";

pub(super) fn check(
    claims: &Map<String, Value>,
    policy: &MetadataPolicy,
) -> Result<GrantTypes, Vec<Violation>> {
    let fault = |rule, code, message| Violation::of(rule, "grant_types", code, message);
    let array = match claims.get("grant_types") {
        None => {
            return Err(vec![fault(
                "B21",
                "grant_types_missing",
                "An array with authorization_code, with or without refresh_token, or with \
                 client_credentials is required.",
            )]);
        }
        Some(Value::Array(array)) => array,
        Some(_) => {
            return Err(vec![fault(
                "B21",
                "grant_types_not_array",
                "The grant types must be an array of strings.",
            )]);
        }
    };
    // Three values exist, so that a longer array is wrong whatever it holds.
    if array.is_empty() || array.len() > 3 {
        return Err(vec![fault(
            "B21",
            "grant_types_count",
            "The array must hold one to three grant types.",
        )]);
    }

    let mut violations = Vec::new();
    let mut requested: Vec<String> = Vec::new();
    for (index, value) in array.iter().enumerate() {
        match value.as_str() {
            Some(known @ (CODE | REFRESH | CREDENTIALS)) => {
                if requested.iter().any(|earlier| earlier == known) {
                    violations.push(
                        fault(
                            "B22",
                            "grant_type_duplicate",
                            "Each grant type must be given once.",
                        )
                        .at(index),
                    );
                } else {
                    requested.push(known.to_owned());
                }
            }
            _ => violations.push(
                fault(
                    "B21",
                    "grant_type_unknown",
                    "A grant type must be authorization_code, refresh_token or client_credentials.",
                )
                .at(index),
            ),
        }
    }
    let asks = |grant: &str| requested.iter().any(|one| one == grant);
    let grant = match (asks(CODE), asks(CREDENTIALS)) {
        (true, true) => {
            violations.push(fault(
                "B22",
                "grant_types_both",
                "An app must register for either authorization_code or client_credentials; \
                 another client URI can register for the other.",
            ));
            None
        }
        (true, false) => Some(Grant::AuthorizationCode {
            refresh: asks(REFRESH),
        }),
        (false, credentials) => {
            if asks(REFRESH) {
                violations.push(fault(
                    "B23",
                    "grant_types_refresh_alone",
                    "refresh_token must come with authorization_code.",
                ));
            }
            credentials.then_some(Grant::ClientCredentials)
        }
    };
    if let Some(grant) = grant
        && let Err(violation) = offered(grant, policy)
    {
        violations.push(violation);
    }
    match grant {
        Some(grant) => unless(violations, GrantTypes { grant, requested }),
        None => Err(violations),
    }
}

fn offered(grant: Grant, policy: &MetadataPolicy) -> Result<(), Violation> {
    let (offered, message) = match grant {
        Grant::AuthorizationCode { .. } => (
            policy.grants.authorization_code,
            "This site does not offer authorization_code; its UDAP metadata list what it offers.",
        ),
        Grant::ClientCredentials => (
            policy.grants.client_credentials && policy.allow_client_credentials,
            "This site does not offer client_credentials to apps of this community; its UDAP \
             metadata list what it offers.",
        ),
    };
    if offered {
        Ok(())
    } else {
        Err(Violation::of(
            "B24",
            "grant_types",
            "grant_type_not_offered",
            message,
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rules::Profile;
    use crate::rules::fixtures::policy;

    fn judged(grants: Value, policy: &MetadataPolicy) -> Result<GrantTypes, Vec<&'static str>> {
        let claims = Map::from_iter([("grant_types".to_owned(), grants)]);
        check(&claims, policy)
            .map_err(|violations| violations.iter().map(|violation| violation.code).collect())
    }

    fn codes(grants: Value) -> Vec<&'static str> {
        judged(grants, &policy(Profile::Hl7))
            .err()
            .unwrap_or_default()
    }

    /// Proves: B21, B22, B23
    #[test]
    fn each_flow_is_understood_and_its_text_and_order_kept() {
        let hl7 = policy(Profile::Hl7);
        for (grants, grant) in [
            (json!(["client_credentials"]), Grant::ClientCredentials),
            (
                json!(["authorization_code"]),
                Grant::AuthorizationCode { refresh: false },
            ),
            (
                json!(["refresh_token", "authorization_code"]),
                Grant::AuthorizationCode { refresh: true },
            ),
        ] {
            let types = judged(grants.clone(), &hl7).unwrap();
            assert_eq!(types.grant, grant);
            assert_eq!(json!(types.requested), grants);
        }
    }

    /// Proves: B21, B22, B23, D11
    #[test]
    fn every_other_combination_is_refused() {
        assert_eq!(
            check(&Map::new(), &policy(Profile::Hl7)).unwrap_err()[0].code,
            "grant_types_missing"
        );
        assert_eq!(codes(json!("")), ["grant_types_not_array"]);
        assert_eq!(codes(json!([])), ["grant_types_count"]);
        assert_eq!(
            codes(json!(["refresh_token"])),
            ["grant_types_refresh_alone"]
        );
        assert_eq!(
            codes(json!(["client_credentials", "refresh_token"])),
            ["grant_types_refresh_alone"]
        );
        assert_eq!(
            codes(json!(["client_credentials", "authorization_code"])),
            ["grant_types_both"]
        );
        assert_eq!(codes(json!(["password"])), ["grant_type_unknown"]);
        assert_eq!(codes(json!(["Client_Credentials"])), ["grant_type_unknown"]);
        assert_eq!(
            codes(json!([1, "client_credentials"])),
            ["grant_type_unknown"]
        );
        assert_eq!(
            codes(json!(["client_credentials", "client_credentials"])),
            ["grant_type_duplicate"]
        );
        assert_eq!(
            codes(json!(vec!["client_credentials"; 200])),
            ["grant_types_count"]
        );
    }

    /// Proves: B24
    #[test]
    fn a_grant_that_is_not_offered_is_refused() {
        let mut policy = policy(Profile::Hl7);
        policy.grants.authorization_code = false;
        assert_eq!(
            judged(json!(["authorization_code"]), &policy),
            Err(vec!["grant_type_not_offered"])
        );
        assert!(judged(json!(["client_credentials"]), &policy).is_ok());
        policy.grants.client_credentials = false;
        assert_eq!(
            judged(json!(["client_credentials"]), &policy),
            Err(vec!["grant_type_not_offered"])
        );
    }

    /// Proves: I02
    #[test]
    fn a_community_can_keep_client_credentials_out() {
        let mut policy = policy(Profile::EmrDirect);
        assert!(judged(json!(["client_credentials"]), &policy).is_ok());
        policy.allow_client_credentials = false;
        assert_eq!(
            judged(json!(["client_credentials"]), &policy),
            Err(vec!["grant_type_not_offered"])
        );
    }
}
