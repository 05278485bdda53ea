//! Whether the authorization extension of a token request is there and accepted (G12–G15).

use std::num::NonZeroU32;

use serde_json::{Map, Value};

use super::error::{TokenErrorCode, TokenRefusal};
use super::form::TokenGrant;
use crate::b2b::{self, B2bExtension};

/// What a community asks of `hl7-b2b` (decisions 35).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct B2bPolicy {
    /// Whether `client_credentials` requests must bring it.
    pub required: bool,
    /// The purposes of use that are admitted; empty: any.
    pub purposes_of_use: Vec<String>,
    /// How many purposes a request may name; `None`: any number.
    pub purposes_max: Option<NonZeroU32>,
    /// The organizations that are admitted; empty: any.
    pub organization_ids: Vec<String>,
}

impl Default for B2bPolicy {
    /// It is required, and may say anything.
    fn default() -> Self {
        Self {
            required: true,
            purposes_of_use: Vec::new(),
            purposes_max: None,
            organization_ids: Vec::new(),
        }
    }
}

/// The extension of a request, if it is there and accepted. Extensions that are not known are ignored
/// (G15).
pub(crate) fn check(
    claims: &Map<String, Value>,
    grant: &TokenGrant,
    policy: &B2bPolicy,
) -> Result<Option<B2bExtension>, TokenRefusal> {
    let fault =
        |rule, message: String| TokenRefusal::new(TokenErrorCode::InvalidGrant, rule, message);
    let object = match claims.get("extensions") {
        None => None,
        Some(Value::Object(extensions)) => extensions.get(b2b::NAME).filter(|one| !one.is_null()),
        Some(_) => return Err(fault("G13", "extensions must be an object".to_owned())),
    };
    let is_service = matches!(grant, TokenGrant::ClientCredentials);
    let Some(object) = object else {
        return if is_service && policy.required {
            let message = "extensions must hold hl7-b2b: who asks, and what for";
            Err(fault("G12", message.to_owned()))
        } else {
            Ok(None)
        };
    };
    if !is_service {
        return Err(fault(
            "G12",
            "hl7-b2b must be left out where a user agreed".to_owned(),
        ));
    }
    let extension = B2bExtension::parse(object).map_err(|violations| {
        let said: Vec<_> = violations
            .iter()
            .map(|one| format!("{} {}", one.claim, one.message))
            .collect();
        fault("G13", format!("hl7-b2b: {}", said.join("; ")))
    })?;
    let purposes = extension.purpose_of_use();
    let too_many = policy.purposes_max.is_some_and(|most| {
        u32::try_from(purposes.len()).map_or(true, |number| number > most.get())
    });
    if too_many {
        let message = "hl7-b2b: purpose_of_use names more purposes than this community admits";
        return Err(fault("G13", message.to_owned()));
    }
    let admits =
        |admitted: &[String], text: &String| admitted.is_empty() || admitted.contains(text);
    if !purposes
        .iter()
        .all(|one| admits(&policy.purposes_of_use, one))
    {
        let message = "hl7-b2b: purpose_of_use names a purpose that this community does not admit";
        return Err(fault("G13", message.to_owned()));
    }
    if !admits(
        &policy.organization_ids,
        &extension.organization_id().to_owned(),
    ) {
        let message = "hl7-b2b: organization_id is none that this community admits";
        return Err(fault("G13", message.to_owned()));
    }
    Ok(Some(extension))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(claims: &Value, grant: &TokenGrant, policy: &B2bPolicy) -> &'static str {
        match check(claims.as_object().unwrap(), grant, policy) {
            Ok(Some(_)) => "accepted",
            Ok(None) => "without",
            Err(refusal) => {
                assert_eq!(refusal.code().as_str(), "invalid_grant");
                refusal.rule()
            }
        }
    }

    fn with(purposes: &[&str]) -> Value {
        json!({"extensions": {"hl7-b2b": {
            "version": "1",
            "organization_id": "https://hospital.example.org",
            "purpose_of_use": purposes,
        }, "other": 1}})
    }

    /// Proves: G12, G13, G14, G15
    #[test]
    fn a_service_says_what_for_and_a_user_does_not() {
        let service = TokenGrant::ClientCredentials;
        let user = TokenGrant::RefreshToken {
            refresh_token: "x".to_owned().into(),
        };
        let (required, optional) = (
            B2bPolicy::default(),
            B2bPolicy {
                required: false,
                ..B2bPolicy::default()
            },
        );
        for none in [
            json!({}),
            json!({"extensions": {}}),
            json!({"extensions": {"other": {}}}),
            json!({"extensions": {"hl7-b2b": null}}),
        ] {
            assert_eq!(said(&none, &service, &required), "G12", "{none}");
            assert_eq!(said(&none, &service, &optional), "without", "{none}");
            assert_eq!(said(&none, &user, &required), "without", "{none}");
        }
        for policy in [&required, &optional] {
            assert_eq!(said(&with(&["TREAT"]), &service, policy), "accepted");
            assert_eq!(said(&with(&["TREAT"]), &user, policy), "G12");
            assert_eq!(said(&with(&[]), &service, policy), "G13");
            assert_eq!(said(&json!({"extensions": []}), &service, policy), "G13");
            assert_eq!(
                said(&json!({"extensions": {"hl7-b2b": "1"}}), &service, policy),
                "G13"
            );
        }
    }

    /// Proves: G13
    #[test]
    fn a_community_admits_purposes_and_organizations() {
        let service = TokenGrant::ClientCredentials;
        let policy = B2bPolicy {
            required: true,
            purposes_of_use: vec!["TREAT".to_owned(), "PAYMT".to_owned()],
            purposes_max: NonZeroU32::new(1),
            organization_ids: vec!["https://hospital.example.org".to_owned()],
        };
        assert_eq!(said(&with(&["PAYMT"]), &service, &policy), "accepted");
        assert_eq!(said(&with(&["TREAT", "PAYMT"]), &service, &policy), "G13");
        assert_eq!(said(&with(&["treat"]), &service, &policy), "G13");
        let elsewhere = B2bPolicy {
            organization_ids: vec!["https://hospital.example.org/".to_owned()],
            ..policy
        };
        assert_eq!(said(&with(&["PAYMT"]), &service, &elsewhere), "G13");
    }
}
