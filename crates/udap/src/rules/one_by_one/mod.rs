//! Each rule on its own: a statement that keeps it, and one with exactly that flaw.

mod cases;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use self::cases::{Case, cases};
use super::Profile::{EmrDirect, Hl7};
use super::check;
use super::fixtures::{app, open_scopes, policy, scopes_under, service, with};
use crate::catalogue::{RULES, Stage};
use crate::scope::DropReason;

/// Requirements on metadata that are kept by refusing.
const REFUSING: [&str; 30] = [
    "B20", "B21", "B22", "B23", "B24", "B25", "B26", "B27", "B28", "B29", "B30", "B31", "B32",
    "B33", "B34", "B41", "I01", "I02", "I03", "I04", "I05", "I06", "I08", "I14", "I15", "I16",
    "I17", "I18", "I19", "I20",
];

/// Proves: B20, B21, B22, B23, B24, B25, B26, B27, B28, B29, B30, B31, B32, B33, B34, B41
/// Proves: I01, I02, I03, I04, I05, I06, I08, I14, I15, I16, I17, I18, I19, I20, I21
#[test]
fn each_rule_lets_its_good_statement_pass_and_is_all_that_its_bad_one_breaks() {
    let mut seen = BTreeSet::<&str>::new();
    for Case {
        about,
        told,
        policy,
        keeps,
        breaks,
    } in cases()
    {
        let kept = check(&keeps, &policy, &open_scopes());
        assert!(kept.is_ok(), "{about:?}: {:?}", kept.err());
        let found = check(&breaks, &policy, &open_scopes()).unwrap_err();
        let named: BTreeSet<_> = found.iter().map(|one| (one.rule, &*one.claim)).collect();
        assert_eq!(named, BTreeSet::from([told]), "{about:?}: {found:?}");
        seen.extend(about);
    }
    let missing: Vec<_> = REFUSING
        .iter()
        .chain(&["I21"])
        .filter(|id| !seen.contains(*id))
        .collect();
    assert!(missing.is_empty(), "no case: {missing:?}");
}

/// Every rule that the catalogue says can be broken by metadata is broken by a case, and says so under
/// its own name.
#[test]
fn no_rule_of_the_catalogue_is_without_a_case() {
    let told: BTreeSet<_> = cases().iter().map(|one| one.told).collect();
    let listed: BTreeSet<_> = RULES
        .iter()
        .filter(|rule| rule.stage == Stage::Metadata)
        .map(|rule| (rule.id, rule.claim))
        // Kept by granting less, or by ignoring: see the next tests.
        .filter(|(id, _)| !["B07", "B43", "B44", "B46"].contains(id))
        .collect();
    assert_eq!(told, listed);
}

/// Proves: B40, B42, B43, B44, B46
#[test]
fn rules_on_scopes_drop_what_they_do_not_grant_and_say_why() {
    let granted = |base: Map<String, Value>, ceiling: Option<&[&str]>, scope: &str| {
        let scopes = ceiling.map_or_else(open_scopes, scopes_under);
        let metadata = check(&with(base, "scope", json!(scope)), &policy(Hl7), &scopes).unwrap();
        (
            metadata.scopes().text(),
            metadata.scopes().dropped().to_vec(),
        )
    };
    let without_refresh = || with(app(), "grant_types", json!(["authorization_code"]));
    for (about, base, ceiling, kept, more, reason) in [
        (
            "B40",
            service(),
            Some(&["system/Patient.read"][..]),
            "system/Patient.read",
            "system/Observation.read",
            DropReason::AboveCeiling,
        ),
        (
            "B40",
            service(),
            None,
            "system/Patient.read",
            "system/Patient.write",
            DropReason::NotNamed,
        ),
        (
            "B42",
            service(),
            None,
            "system/Observation.read",
            "system/Unheard.*",
            DropReason::Unsupported,
        ),
        (
            "B43",
            service(),
            None,
            "system/Patient.read",
            "system/Unheard.read",
            DropReason::Unsupported,
        ),
        (
            "B44",
            service(),
            None,
            "system/Patient.read",
            "patient/Patient.read",
            DropReason::WrongLevel,
        ),
        (
            "B44",
            service(),
            None,
            "system/Patient.read",
            "user/Patient.read",
            DropReason::WrongLevel,
        ),
        (
            "B44",
            app(),
            None,
            "patient/Patient.read",
            "system/Patient.read",
            DropReason::WrongLevel,
        ),
        (
            "B46",
            without_refresh(),
            None,
            "openid",
            "offline_access",
            DropReason::NeedsRefreshToken,
        ),
    ] {
        assert_eq!(
            granted(base.clone(), ceiling, kept),
            (kept.to_owned(), Vec::new()),
            "{about}"
        );
        let (text, dropped) = granted(base, ceiling, &format!("{kept} {more}"));
        assert_eq!(text, kept, "{about}");
        assert_eq!(dropped, [(more.to_owned(), reason)], "{about}");
    }
    assert_eq!(
        granted(app(), None, "openid offline_access").0,
        "openid offline_access"
    );
    let (expanded, dropped) = granted(service(), None, "system/*.read");
    assert_eq!(
        expanded,
        "system/Patient.read system/Observation.read system/MedicationDispense.rs"
    );
    assert!(dropped.is_empty());
}

/// Proves: B35
#[test]
fn keys_in_a_statement_are_neither_refused_nor_registered() {
    for (claim, value) in [
        ("jwks", json!({"keys": [{"kty": "RSA"}]})),
        ("jwks", json!(7)),
        ("jwks_uri", json!("http://10.0.0.1/jwks")),
    ] {
        for base in [app(), service()] {
            let with_keys = check(
                &with(base.clone(), claim, value.clone()),
                &policy(Hl7),
                &open_scopes(),
            );
            let without = check(&base, &policy(Hl7), &open_scopes());
            assert_eq!(with_keys, without, "{claim}");
        }
    }
}

/// Nothing here could ask the DNS: the domain is judged by its name alone.
///
/// Proves: I22
#[test]
fn a_contact_at_a_domain_without_mail_is_accepted() {
    // RFC 2606 keeps the name from everybody, so that it has no mail exchanger, now or ever.
    let claims = with(
        app(),
        "contacts",
        json!(["mailto:nobody@no-mail-here.example.org"]),
    );
    assert!(check(&claims, &policy(EmrDirect), &open_scopes()).is_ok());
}
