//! The cases of PKITS: which leaf under which inputs is valid.

use std::fmt;

use crate::suite::Suite;

/// One leaf under certain inputs.
pub(crate) struct Case {
    /// The leaf's file.
    pub(crate) name: String,
    /// The community's `policies`: the user-initial-policy-set, with initial-explicit-policy. None:
    /// PKITS's default inputs, under which any policy will do and none is required.
    pub(crate) policies: Vec<String>,
    pub(crate) is_valid: bool,
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        if !self.policies.is_empty() {
            write!(formatter, " under {}", self.policies.join(", "))?;
        }
        Ok(())
    }
}

/// Cases whose name does not tell the result; all are valid with the default inputs.
const VALID: [&str; 14] = [
    "AllCertificatesNoPoliciesTest2EE",
    "AllCertificatesSamePoliciesTest10EE",
    "AllCertificatesSamePoliciesTest13EE",
    "AllCertificatesanyPolicyTest11EE",
    "AnyPolicyTest14EE",
    "CPSPointerQualifierTest20EE",
    "DifferentPoliciesTest3EE",
    "OverlappingPoliciesTest6EE",
    "UserNoticeQualifierTest15EE",
    "UserNoticeQualifierTest16EE",
    "UserNoticeQualifierTest17EE",
    "UserNoticeQualifierTest18EE",
    "UserNoticeQualifierTest19EE",
    "inhibitAnyPolicyTest3EE",
];

/// All leaves with the default inputs.
pub(crate) fn by_default(suite: &Suite) -> Vec<Case> {
    suite
        .leaves()
        .map(|name| Case {
            name: name.to_owned(),
            policies: Vec::new(),
            is_valid: name.starts_with("Valid") || VALID.contains(&name),
        })
        .collect()
}

/// anyPolicy.
const ANY: u8 = 0;

/// Cases of PKITS 4.8 and 4.10 with a user-initial-policy-set, by the numbers of
/// NIST-test-policy-1 to -6, where initial-explicit-policy is set or changes nothing. Those with
/// initial-policy-mapping-inhibit or initial-inhibit-any-policy cannot be put to us.
const WITH_POLICIES: [(&str, &[u8], bool); 41] = [
    ("ValidCertificatePathTest1EE", &[ANY], true),
    ("ValidCertificatePathTest1EE", &[1], true),
    ("ValidCertificatePathTest1EE", &[2], false),
    ("ValidCertificatePathTest1EE", &[1, 2], true),
    ("AllCertificatesNoPoliciesTest2EE", &[ANY], false),
    ("DifferentPoliciesTest3EE", &[ANY], false),
    ("DifferentPoliciesTest3EE", &[1, 2], false),
    ("OverlappingPoliciesTest6EE", &[1], true),
    ("OverlappingPoliciesTest6EE", &[2], false),
    ("AllCertificatesSamePoliciesTest10EE", &[ANY], true),
    ("AllCertificatesSamePoliciesTest10EE", &[1], true),
    ("AllCertificatesSamePoliciesTest10EE", &[2], true),
    ("AllCertificatesanyPolicyTest11EE", &[ANY], true),
    ("AllCertificatesanyPolicyTest11EE", &[1], true),
    ("AllCertificatesSamePoliciesTest13EE", &[1], true),
    ("AllCertificatesSamePoliciesTest13EE", &[2], true),
    ("AllCertificatesSamePoliciesTest13EE", &[3], true),
    ("AnyPolicyTest14EE", &[1], true),
    ("AnyPolicyTest14EE", &[2], false),
    ("UserNoticeQualifierTest15EE", &[1], true),
    ("UserNoticeQualifierTest16EE", &[1], true),
    ("UserNoticeQualifierTest17EE", &[1], true),
    ("UserNoticeQualifierTest18EE", &[1], true),
    ("UserNoticeQualifierTest18EE", &[2], true),
    ("UserNoticeQualifierTest19EE", &[1], true),
    ("CPSPointerQualifierTest20EE", &[ANY], true),
    ("CPSPointerQualifierTest20EE", &[1], true),
    ("ValidPolicyMappingTest1EE", &[1], true),
    ("ValidPolicyMappingTest1EE", &[2], false),
    ("ValidPolicyMappingTest3EE", &[1], false),
    ("ValidPolicyMappingTest3EE", &[2], true),
    ("ValidPolicyMappingTest5EE", &[1], true),
    ("ValidPolicyMappingTest5EE", &[6], false),
    ("ValidPolicyMappingTest6EE", &[1], true),
    ("ValidPolicyMappingTest6EE", &[6], false),
    ("ValidPolicyMappingTest9EE", &[1], true),
    ("ValidPolicyMappingTest11EE", &[1], true),
    ("ValidPolicyMappingTest12EE", &[1], true),
    ("ValidPolicyMappingTest12EE", &[2], true),
    ("ValidPolicyMappingTest13EE", &[1], true),
    ("ValidPolicyMappingTest14EE", &[1], true),
];

/// Cases that require a policy: PKITS's own, and every invalid leaf once more, since asking for
/// more makes no path valid.
pub(crate) fn with_policies(suite: &Suite) -> Vec<Case> {
    let own = WITH_POLICIES.iter().map(|(name, policies, is_valid)| Case {
        name: (*name).to_owned(),
        policies: policies.iter().map(|number| policy(*number)).collect(),
        is_valid: *is_valid,
    });
    let invalid = by_default(suite).into_iter().filter(|case| !case.is_valid);
    let stricter = invalid.flat_map(|case| {
        [&[ANY][..], &[1, 2, 3, 4, 5, 6]].map(|policies| Case {
            name: case.name.clone(),
            policies: policies.iter().map(|number| policy(*number)).collect(),
            is_valid: false,
        })
    });
    own.chain(stricter).collect()
}

/// NIST-test-policy-N, or anyPolicy.
fn policy(number: u8) -> String {
    match number {
        ANY => "2.5.29.32.0".to_owned(),
        number => format!("2.16.840.1.101.3.2.1.48.{number}"),
    }
}
