//! What is wrong with a server's metadata by the letter (A08–A23), for those who run the server.

use serde_json::Value;

use crate::discovery::Discovery;

/// A rule that a metadata document breaks. A client may still be able to register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataProblem {
    /// The member at fault.
    pub member: &'static str,
    /// The rule's id in the requirement list.
    pub rule: &'static str,
    /// What the rule says.
    pub message: &'static str,
}

impl Discovery {
    /// Every rule for the unsigned members that the document breaks; empty for a conformant one.
    #[must_use]
    pub fn problems(&self) -> Vec<MetadataProblem> {
        let mut problems = Vec::new();
        let mut check = |holds: bool, rule, member, message| {
            if !holds {
                problems.push(MetadataProblem {
                    member,
                    rule,
                    message,
                });
            }
        };
        let has = |member: &str, value: &str| self.list(member).any(|one| one == value);
        let is_list = |member: &str| {
            matches!(self.document().get(member), Some(Value::Array(entries))
                if entries.iter().all(Value::is_string))
        };
        let has_entries = |member: &str| is_list(member) && self.list(member).next().is_some();
        let is_only = |member: &str, value: &str| is_list(member) && self.list(member).eq([value]);
        let is_subset = |part: &str, whole: &str| self.list(part).all(|one| has(whole, one));
        let is_url = |member: &str| {
            self.document()
                .get(member)
                .and_then(Value::as_str)
                .is_some_and(|text| url::Url::parse(text).is_ok_and(|url| url.has_host()))
        };
        let codes = has("grant_types_supported", "authorization_code");
        let service = has("grant_types_supported", "client_credentials");

        check(
            is_only("udap_versions_supported", "1"),
            "A08",
            "udap_versions_supported",
            "must be exactly [\"1\"]",
        );
        check(
            has("udap_profiles_supported", "udap_dcr")
                && has("udap_profiles_supported", "udap_authn"),
            "A09",
            "udap_profiles_supported",
            "must contain udap_dcr and udap_authn",
        );
        check(
            !service || has("udap_profiles_supported", "udap_authz"),
            "A10",
            "udap_profiles_supported",
            "must contain udap_authz where client_credentials is supported",
        );
        check(
            is_list("udap_authorization_extensions_supported"),
            "A12",
            "udap_authorization_extensions_supported",
            "must be an array",
        );
        check(
            !has_entries("udap_authorization_extensions_supported")
                || is_list("udap_authorization_extensions_required"),
            "A13",
            "udap_authorization_extensions_required",
            "must be an array where extensions are supported",
        );
        check(
            is_subset(
                "udap_authorization_extensions_required",
                "udap_authorization_extensions_supported",
            ),
            "A13",
            "udap_authorization_extensions_required",
            "must be among the supported extensions",
        );
        check(
            is_list("udap_certifications_supported"),
            "A14",
            "udap_certifications_supported",
            "must be an array",
        );
        check(
            !has_entries("udap_certifications_supported")
                || is_list("udap_certifications_required"),
            "A15",
            "udap_certifications_required",
            "must be an array where certifications are supported",
        );
        check(
            is_subset(
                "udap_certifications_required",
                "udap_certifications_supported",
            ),
            "A15",
            "udap_certifications_required",
            "must be among the supported certifications",
        );
        check(
            has_entries("grant_types_supported"),
            "A16",
            "grant_types_supported",
            "must hold at least one grant type",
        );
        check(
            codes || !has("grant_types_supported", "refresh_token"),
            "A16",
            "grant_types_supported",
            "must hold refresh_token only together with authorization_code",
        );
        check(
            has_entries("scopes_supported"),
            "A17",
            "scopes_supported",
            "must hold at least one scope",
        );
        check(
            !codes || is_url("authorization_endpoint"),
            "A18",
            "authorization_endpoint",
            "must be an absolute URL where authorization_code is supported",
        );
        check(
            is_url("token_endpoint"),
            "A19",
            "token_endpoint",
            "must be an absolute URL",
        );
        check(
            is_only("token_endpoint_auth_methods_supported", "private_key_jwt"),
            "A20",
            "token_endpoint_auth_methods_supported",
            "must be exactly [\"private_key_jwt\"]",
        );
        check(
            has_entries("token_endpoint_auth_signing_alg_values_supported"),
            "A21",
            "token_endpoint_auth_signing_alg_values_supported",
            "must hold at least one algorithm",
        );
        check(
            is_url("registration_endpoint"),
            "A22",
            "registration_endpoint",
            "must be an absolute URL",
        );
        check(
            has_entries("registration_endpoint_jwt_signing_alg_values_supported"),
            "A23",
            "registration_endpoint_jwt_signing_alg_values_supported",
            "must hold at least one algorithm",
        );
        problems
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({
            "udap_versions_supported": ["1"],
            "udap_profiles_supported": ["udap_dcr", "udap_authn", "udap_authz"],
            "udap_authorization_extensions_supported": ["hl7-b2b"],
            "udap_authorization_extensions_required": [],
            "udap_certifications_supported": [],
            "udap_certifications_required": [],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "scopes_supported": ["system/Patient.read"],
            "authorization_endpoint": "https://emr.example.org/authorize",
            "token_endpoint": "https://emr.example.org/token",
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
            "registration_endpoint": "https://emr.example.org/register",
            "registration_endpoint_jwt_signing_alg_values_supported": ["RS256"],
        })
    }

    fn rules(document: &Value) -> Vec<&'static str> {
        let discovery = Discovery::parse(
            "https://emr.example.org/fhir",
            None,
            document.to_string().as_bytes(),
        );
        discovery
            .unwrap()
            .problems()
            .iter()
            .map(|problem| problem.rule)
            .collect()
    }

    #[test]
    fn a_conformant_document_has_no_problem() {
        assert_eq!(rules(&good()), [""; 0]);
    }

    #[test]
    fn each_broken_rule_is_named() {
        for (member, value, rule) in [
            ("udap_versions_supported", json!(["1", "2"]), "A08"),
            ("udap_versions_supported", json!("1"), "A08"),
            (
                "udap_profiles_supported",
                json!(["udap_dcr", "udap_authz"]),
                "A09",
            ),
            (
                "udap_profiles_supported",
                json!(["udap_dcr", "udap_authn"]),
                "A10",
            ),
            (
                "udap_authorization_extensions_supported",
                json!(null),
                "A12",
            ),
            ("udap_authorization_extensions_required", json!(null), "A13"),
            (
                "udap_authorization_extensions_required",
                json!(["x"]),
                "A13",
            ),
            ("udap_certifications_supported", json!({}), "A14"),
            ("udap_certifications_supported", json!(["urn:a"]), ""),
            ("udap_certifications_required", json!(["urn:a"]), "A15"),
            ("grant_types_supported", json!([]), "A16"),
            (
                "grant_types_supported",
                json!(["client_credentials", "refresh_token"]),
                "A16",
            ),
            ("scopes_supported", json!([]), "A17"),
            ("authorization_endpoint", json!("/authorize"), "A18"),
            ("token_endpoint", json!(null), "A19"),
            (
                "token_endpoint_auth_methods_supported",
                json!(["private_key_jwt", "none"]),
                "A20",
            ),
            (
                "token_endpoint_auth_signing_alg_values_supported",
                json!([]),
                "A21",
            ),
            ("registration_endpoint", json!(7), "A22"),
            (
                "registration_endpoint_jwt_signing_alg_values_supported",
                json!([7]),
                "A23",
            ),
        ] {
            let mut document = good();
            document[member] = value.clone();
            let expected: Vec<&str> = if rule.is_empty() { vec![] } else { vec![rule] };
            assert_eq!(rules(&document), expected, "{member} {value}");
        }
    }
}
