//! RFC 5280 §6.1 above the leaf, and anchors.

use rcgen::{BasicConstraints, IsCa, KeyUsagePurpose};
use time::Duration;

use super::pki::{AT, Ca, World, extension};
use crate::trust::{AnchorError, Distrust, PathRule, Place, StoreError, TrustAnchor, TrustStore};

fn rule(place: Place, rule: PathRule) -> Distrust {
    Distrust::Rule { place, rule }
}

/// Proves: C11
#[test]
fn issuer_and_anchor_must_be_valid_too() {
    let late = |params: &mut rcgen::CertificateParams| params.not_after = AT - Duration::HOUR;
    let early = |params: &mut rcgen::CertificateParams| params.not_before = AT + Duration::HOUR;
    let root = Ca::root("Root");
    let ca = root.ca_with("CA", late);
    assert_eq!(
        World::of(&[&root]).candidates(&[&ca]).distrust(&ca.leaf()),
        Distrust::Expired(Place::Issuer(1))
    );
    let ca = root.ca_with("CA", early);
    assert_eq!(
        World::of(&[&root]).candidates(&[&ca]).distrust(&ca.leaf()),
        Distrust::NotYetValid(Place::Issuer(1))
    );
    let root = Ca::root_with("Root", late);
    assert_eq!(
        World::of(&[&root]).distrust(&root.leaf()),
        Distrust::Expired(Place::Anchor)
    );
}

/// Proves: C12
#[test]
fn an_issuer_must_be_a_ca() {
    let root = Ca::root("Root");
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa] {
        let ca = root.ca_with("CA", |params| {
            params.is_ca = is_ca;
            params.key_usages.clear();
        });
        let world = World::of(&[&root]).candidates(&[&ca]);
        assert_eq!(
            world.distrust(&ca.leaf()),
            rule(Place::Issuer(1), PathRule::NotCa)
        );
    }
}

/// Proves: C12
#[test]
fn an_issuer_s_key_usage_needs_key_cert_sign_where_it_is_present() {
    let root = Ca::root("Root");
    let with =
        |usages: Vec<KeyUsagePurpose>| root.ca_with("CA", |params| params.key_usages = usages);
    let ca = with(vec![
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ]);
    let world = World::of(&[&root]).candidates(&[&ca]);
    assert_eq!(
        world.distrust(&ca.leaf()),
        rule(Place::Issuer(1), PathRule::KeyUsage)
    );
    // RFC 5280 §6.1.4 (n) asks for nothing where there is none.
    let ca = with(Vec::new());
    World::of(&[&root]).candidates(&[&ca]).trusted(&ca.leaf());
}

/// Proves: C12
#[test]
fn path_lengths_of_issuers_and_of_the_anchor_are_kept() {
    let short = |params: &mut rcgen::CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    };
    let root = Ca::root("Root");
    let upper = root.ca_with("Upper", short);
    let lower = upper.ca("Lower");
    let world = World::of(&[&root]).candidates(&[&upper, &lower]);
    world.trusted(&upper.leaf());
    assert_eq!(
        world.distrust(&lower.leaf()),
        rule(Place::Issuer(1), PathRule::PathLength)
    );

    let root = Ca::root_with("Root", short);
    let ca = root.ca("CA");
    let world = World::of(&[&root]).candidates(&[&ca]);
    world.trusted(&root.leaf());
    assert_eq!(
        world.distrust(&ca.leaf()),
        rule(Place::Issuer(1), PathRule::PathLength)
    );
}

/// Proves: C09
#[test]
fn an_intermediate_can_be_the_anchor() {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    let world = World::of(&[&ca]);
    world.trusted(&ca.leaf());
    assert_eq!(world.distrust(&root.leaf()), Distrust::UnknownIssuer);
    // Nor does its root come in through it.
    let world = world.candidates(&[&root]);
    assert_eq!(world.distrust(&root.leaf()), Distrust::UnknownIssuer);
}

#[test]
fn what_is_no_ca_is_no_anchor() {
    let root = Ca::root("Root");
    let anchor = |certificate| TrustAnchor::new(certificate).unwrap_err();
    assert_eq!(anchor(root.leaf()), AnchorError::NotCa);
    let no_signer = Ca::root_with("Root", |params| {
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
    });
    assert_eq!(anchor(no_signer.certificate), AnchorError::KeyUsage);
    let nameless = Ca::root_with("", |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
    });
    assert_eq!(anchor(nameless.certificate), AnchorError::NoName);
    assert_eq!(
        TrustStore::new(Vec::new(), Vec::new(), Vec::new()).unwrap_err(),
        StoreError::NoAnchor
    );
    let policies = vec!["any".to_owned()];
    assert_eq!(
        TrustStore::new(vec![root.certificate], Vec::new(), policies).unwrap_err(),
        StoreError::Policy("any".to_owned())
    );
}

/// An unknown critical extension of an anchor binds us to something we do not know.
#[test]
fn an_anchor_with_an_unknown_critical_extension_anchors_nothing() {
    let root = Ca::root_with("Root", |params| {
        params
            .custom_extensions
            .push(extension(&[1, 3, 6, 1, 4, 1, 32473, 1], true, vec![5, 0]));
    });
    assert_eq!(
        World::of(&[&root]).distrust(&root.leaf()),
        rule(Place::Anchor, PathRule::CriticalExtension)
    );
}
