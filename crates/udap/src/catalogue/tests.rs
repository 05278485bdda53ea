use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::*;
use crate::error::Violation;
use crate::rules::Profile::{EmrDirect, Hl7};
use crate::rules::fixtures::{app, claims, service, violations, with};

#[test]
fn stages_follow_one_another_and_no_rule_stands_twice() {
    assert!(RULES.is_sorted_by_key(|rule| rule.stage));
    let mut seen = BTreeSet::new();
    for rule in RULES {
        assert!(seen.insert((rule.stage, rule.id, rule.claim)), "{rule:?}");
        assert!(rule.asks.ends_with('.'), "{rule:?}");
    }
    assert!(
        Stage::ALL
            .iter()
            .all(|stage| rules_of(*stage).next().is_some())
    );
}

/// The files in which violations are made, without their tests.
fn sources() -> Vec<String> {
    sources_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn sources_in(folder: &Path) -> Vec<String> {
    fn gather(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                gather(&path, found);
            } else if path.extension().is_some_and(|ext| ext == "rs")
                && !matches!(name, "tests.rs" | "fixtures.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                found.push(code.to_owned());
            }
        }
    }
    let mut found = Vec::new();
    gather(folder, &mut found);
    found
}

/// Where a violation is made with rule and claim spelled out, they are in the catalogue.
#[test]
fn every_violation_in_the_source_is_in_the_catalogue() {
    let mut pairs = BTreeSet::new();
    for source in sources() {
        for call in source.split("Violation::of(").skip(1) {
            let mut arguments = call.split(',').map(str::trim);
            let literal = |text: &str| Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned());
            let (rule, claim) = (arguments.next(), arguments.next());
            if let (Some(rule), Some(claim)) = (rule.and_then(literal), claim.and_then(literal)) {
                pairs.insert((rule, claim));
            }
        }
    }
    assert!(pairs.len() > 25, "the scan finds what there is: {pairs:?}");
    let missing: Vec<_> = pairs
        .iter()
        .filter(|(id, claim)| {
            !RULES
                .iter()
                .any(|rule| rule.id == id && rule.claim == claim)
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Rules on certifications are named where a fault is found, whoever makes the violation.
#[test]
fn every_rule_that_a_certification_can_break_is_in_the_catalogue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/certification");
    let mut named = BTreeSet::new();
    for source in sources_in(&folder) {
        for literal in source.split('"').skip(1).step_by(2) {
            let mut characters = literal.chars();
            let is_id = literal.len() == 3
                && characters
                    .next()
                    .is_some_and(|one| one.is_ascii_uppercase())
                && characters.all(|one| one.is_ascii_digit());
            if is_id {
                named.insert(literal.to_owned());
            }
        }
    }
    assert!(named.len() >= 8, "{named:?}");
    let listed: BTreeSet<_> = rules_of(Stage::Certifications)
        .map(|rule| rule.id.to_owned())
        // It is kept by ignoring.
        .filter(|id| id != "F02")
        .collect();
    assert_eq!(named, listed);
}

/// Where they are not spelled out: all that the rules on metadata say to all sorts of claims.
#[test]
fn every_violation_of_metadata_is_in_the_catalogue() {
    let values = [
        Value::Null,
        json!(""),
        json!(7),
        json!([]),
        json!({}),
        json!([7]),
        json!(["x"]),
        json!("x"),
        json!("http://10.0.0.1/a?b#c"),
        json!("https://user@localhost/*"),
        json!("org.example:/cb"),
        json!("https://app.example.org/a.svg"),
        json!("https://x.test/|"),
        json!("a\tb\u{202e}"),
        json!("x".repeat(40_000)),
        json!(vec!["https://app.example.org/"; 30]),
        json!([
            "http://10.0.0.1/a?b#c",
            "https://localhost/*",
            "org.example:/cb",
            "/",
            "|"
        ]),
        json!(["mailto:a@gmail.com"]),
        json!(["mailto:a"]),
        json!(["data:x"]),
        json!(["a@b.org"]),
        json!(["password"]),
        json!(["refresh_token"]),
        json!(["authorization_code", "client_credentials"]),
        json!(["client_credentials", "client_credentials"]),
        json!("system/None.read"),
    ];
    let names = [
        "client_name",
        "grant_types",
        "response_types",
        "redirect_uris",
        "scope",
        "contacts",
        "token_endpoint_auth_method",
        "logo_uri",
        "client_uri",
        "tos_uri",
        "policy_uri",
        "initiate_login_uri",
        "post_logout_redirect_uris",
    ];
    let mut told = BTreeSet::new();
    for profile in [Hl7, EmrDirect] {
        for base in [app(), service()] {
            for name in names {
                for value in &values {
                    let found = violations(profile, &with(base.clone(), name, value.clone()));
                    for one in found {
                        told.insert((one.rule, one.claim.into_owned()));
                    }
                }
            }
        }
    }
    for (id, claim) in &told {
        let is_listed =
            rules_of(Stage::Metadata).any(|rule| rule.id == *id && rule.claim == *claim);
        assert!(is_listed, "{id} {claim}");
    }
    assert!(told.len() > 30, "{told:?}");
}

fn found(course: &Course<'_>, id: &str, claim: &str) -> String {
    let accounts = course.accounts();
    let rule = accounts
        .iter()
        .find(|one| one.rule.id == id && one.rule.claim == claim)
        .unwrap_or_else(|| panic!("{id} {claim}"));
    rule.holding.as_str().to_owned()
}

fn metadata_course<'a>(claims: &'a Map<String, Value>, told: &'a [Violation]) -> Course<'a> {
    Course {
        profile: Some(EmrDirect),
        claims: Some(claims),
        refused: Some((Stage::Metadata, told)),
        ..Course::default()
    }
}

#[test]
fn what_passed_holds_what_was_told_is_broken_and_the_rest_was_not_reached() {
    let claims = with(app(), "client_name", json!(""));
    let claims = with(claims, "tos_uri", json!("http://app.example.org/"));
    let told = violations(EmrDirect, &claims);
    let course = metadata_course(&claims, &told);
    for (id, claim, verdict) in [
        ("B02", "request", "holds"),
        ("C05", "x5c", "holds"),
        ("B20", "client_name", "broken"),
        ("I14", "tos_uri", "broken"),
        ("I14", "policy_uri", "holds"),
        ("I06", "redirect_uris", "holds"),
        ("I07", "logo_uri", "not reached"),
        ("F11", "certifications", "not reached"),
        ("D14", "grant_types", "not reached"),
    ] {
        assert_eq!(found(&course, id, claim), verdict, "{id} {claim}");
    }
    assert!(course.unaccounted().is_empty());
    let broken: usize = course
        .accounts()
        .iter()
        .map(|one| match &one.holding {
            Holding::Broken(violations) => violations.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(broken, told.len());
}

#[test]
fn what_goes_by_a_claim_at_fault_is_not_said_to_hold() {
    let claims = with(app(), "grant_types", json!(["password"]));
    let told = violations(EmrDirect, &claims);
    let course = metadata_course(&claims, &told);
    assert_eq!(found(&course, "B21", "grant_types"), "broken");
    assert_eq!(found(&course, "I06", "redirect_uris"), "not reached");
    let claims = with(app(), "contacts", json!(["a@b.org"]));
    let told = violations(EmrDirect, &claims);
    assert_eq!(
        found(&metadata_course(&claims, &told), "I16", "contacts"),
        "not reached"
    );
    let claims = with(app(), "logo_uri", json!("logo.png"));
    let told = violations(EmrDirect, &claims);
    assert_eq!(
        found(&metadata_course(&claims, &told), "I08", "logo_uri"),
        "not reached"
    );
}

#[test]
fn a_check_that_stops_at_its_first_fault_leaves_the_others_unjudged() {
    let told = [Violation::of("B14", "exp", "statement_expired", "x.")];
    let claims = app();
    let course = Course {
        claims: Some(&claims),
        refused: Some((Stage::Claims, &told)),
        ..Course::default()
    };
    for (id, claim, verdict) in [
        ("B17", "exp", "holds"),
        ("B14", "exp", "broken"),
        ("B15", "nbf", "not reached"),
        ("B16", "jti", "holds"),
        ("C05", "x5c", "not reached"),
    ] {
        assert_eq!(found(&course, id, claim), verdict, "{id} {claim}");
    }
    let told = [Violation::of("C11", "x5c", "certificate_expired", "x.")];
    let course = Course {
        refused: Some((Stage::Trust, &told)),
        ..Course::default()
    };
    assert_eq!(found(&course, "C11", "x5c"), "broken");
    assert_eq!(found(&course, "C14", "x5c"), "not reached");
}

#[test]
fn a_block_is_named_though_the_client_is_told_what_a_stranger_is_told() {
    let told = [Violation::of("C05", "x5c", "issuer_unknown", "x.")];
    let course = Course {
        profile: Some(Hl7),
        refused: Some((Stage::Standing, &told)),
        ..Course::default()
    };
    assert_eq!(found(&course, "C05", "x5c"), "holds");
    assert_eq!(found(&course, "D22", "iss"), "broken");
    assert!(course.unaccounted().is_empty());
}

#[test]
fn rules_of_another_profile_or_flow_do_not_apply() {
    let (person, robot) = (app(), service());
    let passed = |claims, profile| Course {
        profile: Some(profile),
        claims: Some(claims),
        unchecked: &[Stage::Links],
        ..Course::default()
    };
    assert_eq!(
        found(&passed(&person, Hl7), "I16", "contacts"),
        "does not apply"
    );
    assert_eq!(
        found(&passed(&person, EmrDirect), "I16", "contacts"),
        "holds"
    );
    assert_eq!(
        found(&passed(&robot, Hl7), "B26", "redirect_uris"),
        "does not apply"
    );
    assert_eq!(
        found(&passed(&person, Hl7), "I07", "logo_uri"),
        "not checked"
    );
    let cancels = claims(json!({"grant_types": []}));
    let course = passed(&cancels, Hl7);
    assert_eq!(found(&course, "B20", "client_name"), "does not apply");
    assert_eq!(found(&course, "D14", "grant_types"), "holds");
    assert_eq!(
        found(&passed(&robot, Hl7), "D14", "grant_types"),
        "does not apply"
    );
}

#[test]
fn a_rule_that_the_catalogue_does_not_know_is_not_lost() {
    let told = [Violation::of("Z99", "surprise", "x", "x.")];
    let course = Course {
        refused: Some((Stage::Metadata, &told)),
        ..Course::default()
    };
    assert_eq!(course.unaccounted().len(), 1);
}
