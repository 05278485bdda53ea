//! What a registrar remembers of an app saves work, never a check.

mod support;

use std::sync::Arc;

use support::{APP, ENDPOINT, NOW, World, community, crl_store};
use time::Duration;
use udap::site::TokenMode;
use udap::trust::{Crl, CrlStore};
use udap_testkit::{TestCommunity, TestKey};

fn example() -> (TestCommunity, World) {
    let of = TestCommunity::new("example", NOW);
    let world = World::with(TokenMode::Gateway, vec![community(&of)], crl_store(&[&of]));
    (of, world)
}

/// Proves: C02
#[test]
fn a_known_certificate_does_not_vouch_for_a_strangers_signature() {
    let (of, world) = example();
    let leaf = of.client(APP);
    world.post(&leaf.statement(ENDPOINT, NOW)).approved();
    let forged = leaf
        .statement(ENDPOINT, NOW)
        .sign_with(&TestKey::stranger());
    let refused = world.post(&forged).refusal();
    assert_eq!(refused, ("invalid_software_statement", vec!["C02"]));
    world.post(&leaf.statement(ENDPOINT, NOW)).approved();
}

/// Proves: C19
#[test]
fn a_known_certificate_is_refused_once_it_is_revoked() {
    let (of, mut world) = example();
    let leaf = of.client(APP);
    world.post(&leaf.statement(ENDPOINT, NOW)).approved();
    of.revoke(&leaf);
    let lists = of.crls();
    let lists = lists
        .iter()
        .map(|der| Arc::new(Crl::from_der(der).unwrap()))
        .collect();
    world.crls = CrlStore::new(lists);
    let refused = world.post(&leaf.statement(ENDPOINT, NOW)).refusal();
    assert_eq!(refused, ("unapproved_software_statement", vec!["C19"]));
}

/// Proves: C11
#[test]
fn a_known_certificate_is_refused_once_it_has_expired() {
    let (of, world) = example();
    let leaf = of
        .leaf(APP)
        .validity(NOW - Duration::days(1), NOW + Duration::minutes(1))
        .build();
    let statement = leaf.statement(ENDPOINT, NOW);
    let body = statement.request().to_string();
    let code = |at| {
        use udap::registrar::Step;
        match world
            .registrar
            .start(&world.site, body.as_bytes(), &world.crls, at)
        {
            Step::NeedStanding(_) => None,
            Step::Refused(refusal) => Some(refusal.violations()[0].rule),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code(NOW), None);
    assert_eq!(code(NOW), None);
    assert_eq!(code(NOW + Duration::minutes(2)), Some("C11"));
}
