//! What is granted, dropped and listed.

use proptest::prelude::*;

use super::*;
use crate::rules::fixtures::{SITE, open_scopes, scopes_under};
use DropReason::{
    AboveCeiling, Malformed, NeedsRefreshToken, NotNamed, TieredOauth, Unsupported, WrongLevel,
};

const CODE: Grant = Grant::AuthorizationCode { refresh: true };
const SERVICE: Grant = Grant::ClientCredentials;

fn granted(policy: &ScopePolicy, requested: &str, grant: Grant) -> String {
    policy.grant(requested, &grant).map_or_else(
        |violation| violation.code.to_owned(),
        |scopes| scopes.text(),
    )
}

/// Why each of the scopes is dropped, asked for beside one that is granted.
fn dropped(policy: &ScopePolicy, requested: &str, grant: Grant) -> Vec<DropReason> {
    let beside = match grant {
        Grant::ClientCredentials => "system/Patient.read",
        Grant::AuthorizationCode { .. } => "patient/Patient.read",
    };
    policy
        .grant(&format!("{beside} {requested}"), &grant)
        .unwrap()
        .dropped()
        .iter()
        .map(|(_, reason)| *reason)
        .collect()
}

/// Proves: B40, B43, B44
#[test]
fn what_fits_is_granted_in_the_order_of_the_request_and_the_rest_dropped() {
    let policy = open_scopes();
    assert_eq!(
        granted(
            &policy,
            "patient/Patient.rs openid  patient/Patient.rs nonsense openid profile",
            CODE
        ),
        "patient/Patient.rs openid profile"
    );
    assert_eq!(
        granted(
            &policy,
            "openid system/Patient.read patient/Patient.read",
            SERVICE
        ),
        "system/Patient.read"
    );
    assert_eq!(
        dropped(
            &policy,
            "system/Observation.read unknown patient/*.r a/b/c",
            CODE
        ),
        [WrongLevel, Unsupported, Unsupported, Malformed]
    );
    assert_eq!(
        dropped(&policy, "openid user/Patient.read", SERVICE),
        [WrongLevel; 2]
    );
}

/// Proves: B41
#[test]
fn nothing_left_is_a_violation() {
    let policy = open_scopes();
    for requested in [
        "nonsense",
        "system/Account.read",
        "openid",
        "patient/*.read",
        "udap",
    ] {
        let violation = policy.grant(requested, &SERVICE).unwrap_err();
        assert_eq!(
            (violation.rule, violation.code),
            ("B41", "scope_none_granted")
        );
    }
}

/// Proves: B42
#[test]
fn wildcards_are_expanded_to_what_is_allowed_in_their_own_form() {
    let policy = open_scopes();
    assert_eq!(
        granted(&policy, "system/*.read", SERVICE),
        "system/Patient.read system/Observation.read system/MedicationDispense.rs"
    );
    assert_eq!(
        granted(&policy, "system/*.rs", SERVICE),
        "system/Patient.rs system/Observation.read system/MedicationDispense.rs"
    );
    // Refinements are left out beside what they refine; writing needs to be named.
    assert_eq!(
        granted(&policy, "patient/*.* user/*.*", CODE),
        "patient/Patient.read patient/Observation.rs user/Patient.read"
    );
    let under = scopes_under(&["system/Observation.*", "user/*.cruds"]);
    assert_eq!(
        granted(&under, "system/*.read", SERVICE),
        "system/Observation.read"
    );
    assert_eq!(
        granted(&under, "user/*.*", CODE),
        "user/Patient.read user/Patient.write user/patient.crus"
    );
    assert_eq!(granted(&under, "user/*.write", CODE), "user/Patient.write");
}

/// Proves: A17, A36
#[test]
fn discovery_lists_what_can_be_granted_with_its_wildcards() {
    insta::assert_json_snapshot!("supported", open_scopes().supported());
    let narrow = scopes_under(&["system/*.read"]);
    assert_eq!(
        narrow.supported(),
        [
            "system/Patient.read",
            "system/Patient.rs",
            "system/Observation.read",
            "system/MedicationDispense.rs",
            "system/*.read",
            "system/*.rs",
        ]
    );
}

/// Proves: A06
#[test]
fn discovery_lists_no_scope_of_a_grant_that_is_not_offered() {
    let offered = |authorization_code, client_credentials| {
        open_scopes()
            .supported_for(GrantsOffered {
                authorization_code,
                client_credentials,
            })
            .into_iter()
            .map(|scope| scope.starts_with("system/"))
            .collect::<Vec<bool>>()
    };
    assert!(offered(true, false).iter().all(|system| !system));
    assert!(offered(false, true).iter().all(|system| *system));
    assert!(offered(false, false).is_empty());
}

#[test]
fn a_scope_is_granted_in_the_form_that_the_site_lists() {
    let policy = ScopePolicy::new(&["system/Patient.rs", "system/Group.read"], None);
    assert_eq!(
        granted(
            &policy,
            "system/Group.rs system/Patient.read system/Patient.rs",
            SERVICE
        ),
        "system/Group.read system/Patient.rs"
    );
    assert_eq!(
        granted(&policy, "system/Patient.r", SERVICE),
        "scope_none_granted"
    );
}

#[test]
fn writing_operations_launch_and_other_apis_have_to_be_named_by_the_community() {
    let asked = "launch api:oemr api:port user/Patient.write user/patient.crus";
    let open = open_scopes();
    assert_eq!(dropped(&open, asked, CODE), [NotNamed; 5]);
    assert_eq!(
        dropped(
            &open,
            "system/Patient.write system/Patient.$export system/*.$export",
            SERVICE
        ),
        [NotNamed; 3]
    );
    let wide = scopes_under(&["patient/*.*", "user/*.*"]);
    assert_eq!(dropped(&wide, asked, CODE), [NotNamed; 5]);
    let naming = scopes_under(&[
        "launch",
        "api:oemr",
        "api:port",
        "user/Patient.write",
        "user/patient.crus",
    ]);
    assert_eq!(granted(&naming, asked, CODE), asked);
}

#[test]
fn nothing_above_the_ceiling_is_granted() {
    let policy = scopes_under(&["patient/*.read", "system/*.read"]);
    assert_eq!(
        dropped(&policy, "openid user/Patient.read user/*.read", CODE),
        [AboveCeiling; 3]
    );
    let nothing = scopes_under(&[]);
    assert_eq!(
        granted(&nothing, "openid patient/*.read", CODE),
        "scope_none_granted"
    );
    assert!(nothing.supported().is_empty());
}

/// Proves: B46
#[test]
fn offline_access_needs_refresh_token() {
    let policy = open_scopes();
    assert_eq!(
        granted(&policy, "offline_access openid", CODE),
        "offline_access openid"
    );
    let without = Grant::AuthorizationCode { refresh: false };
    assert_eq!(
        dropped(&policy, "offline_access", without),
        [NeedsRefreshToken]
    );
}

#[test]
fn udap_is_never_granted_and_never_listed() {
    let policy = scopes_under(&["udap", "patient/*.read"]);
    assert_eq!(dropped(&policy, "udap", CODE), [TieredOauth]);
    assert!(!policy.supported().contains(&"udap"));
}

#[test]
fn entries_of_the_site_that_are_no_scopes_are_left_out() {
    let policy = ScopePolicy::new(
        &["system/*.read", "system/Patient.sr", "", "openid", "openid"],
        None,
    );
    assert_eq!(policy.supported(), ["openid"]);
}

/// Proves: B32
#[test]
fn a_claim_beyond_the_limits_is_refused() {
    let policy = open_scopes();
    let code = |requested: &str| policy.grant(requested, &CODE).unwrap_err().code;
    let many: Vec<String> = (0..1_025).map(|index| format!("x{index}")).collect();
    assert_eq!(code(&many.join(" ")), "scope_too_long");
    assert_eq!(code(&"x".repeat(32 * 1024 + 1)), "scope_too_long");
}

proptest! {
    #[test]
    fn nothing_panics_and_grants_stay_within_site_and_ceiling(
        requested in "((openid|launch|udap|offline_access|(system|patient|user)/(\\*|Patient|Observation)\\.(read|rs|r|write|cruds|\\*|\\$export)) ?){0,6}|\\PC{0,30}",
        ceiling in prop::option::of(prop::sample::subsequence(
            vec!["openid", "launch", "system/*.read", "patient/*.*", "user/Patient.write", "system/*.$export"], 0..=6)),
        person: bool,
    ) {
        let patterns: Option<Vec<ScopePattern>> = ceiling
            .map(|texts| texts.iter().map(|text| text.parse().unwrap()).collect());
        let policy = ScopePolicy::new(&SITE, patterns.as_deref());
        let grant = if person { CODE } else { SERVICE };
        if let Ok(scopes) = policy.grant(&requested, &grant) {
            prop_assert!(!scopes.granted().is_empty());
            prop_assert!(scopes.granted().len() <= SITE.len());
            for scope in scopes.granted() {
                prop_assert!(SITE.contains(&scope.as_str()) && scope.as_str() != "udap");
                prop_assert_eq!(scope.level() == Some(Level::System), !person);
                let all = patterns.as_deref().unwrap_or_default();
                prop_assert!(patterns.is_none() || all.iter().any(|one| one.covers(scope)));
                if scope.writes() || scope.is_operation() || scope.as_str() == "launch" {
                    prop_assert!(all.iter().any(|one| one.names(scope)));
                }
            }
            for text in scopes.text().split(' ') {
                prop_assert!(!text.is_empty());
            }
            // What was granted is granted again: a modification with it changes nothing.
            let again = policy.grant(&scopes.text(), &grant).unwrap();
            prop_assert_eq!(again.text(), scopes.text());
            prop_assert!(again.dropped().is_empty());
        }
    }
}
