//! Certificate policies, their mappings and constraints (C16).

use super::pki::{Ca, World, extension, tlv};
use crate::trust::{AnchorError, Distrust, PathRule, Place, StoreError, TrustAnchor, TrustStore};

fn rule(place: Place, rule: PathRule) -> Distrust {
    Distrust::Rule { place, rule }
}

#[test]
fn policy_extensions_that_are_malformed_are_refused() {
    let root = Ca::root("Root");
    let one = tlv(0x30, tlv(0x06, [0x2a, 3, 4]));
    for (id, value) in [
        (32, [one.clone(), one].concat()),
        (32, Vec::new()),
        (33, Vec::new()),
        (36, Vec::new()),
    ] {
        let ca = root.ca_with("CA", |params| {
            let extension = extension(&[2, 5, 29, id], false, tlv(0x30, &value));
            params.custom_extensions.push(extension);
        });
        assert_eq!(
            World::of(&[&root]).candidates(&[&ca]).distrust(&ca.leaf()),
            rule(Place::Issuer(1), PathRule::Encoding),
            "{id}"
        );
    }
    // A leaf has nothing to map.
    let mapping = [tlv(0x06, [0x2a, 3, 4]), tlv(0x06, [0x2a, 3, 5])].concat();
    let leaf = root.leaf_with(|params| {
        let mapping = tlv(0x30, tlv(0x30, &mapping));
        params
            .custom_extensions
            .push(extension(&[2, 5, 29, 33], false, mapping));
    });
    assert_eq!(
        World::of(&[&root]).distrust(&leaf),
        rule(Place::Leaf, PathRule::Policy)
    );
}

/// certificatePolicies with one policy below 1.2.3.
fn policy(last: u8) -> rcgen::CustomExtension {
    let policy = tlv(0x30, tlv(0x30, tlv(0x06, [0x2a, 3, last])));
    extension(&[2, 5, 29, 32], false, policy)
}

/// Proves: C16
#[test]
fn a_path_must_be_valid_for_one_of_the_policies_that_the_community_sets() {
    let root = Ca::root("Root");
    let ca = root.ca_with("CA", |params| params.custom_extensions.push(policy(4)));
    let world = |policies: &[&str]| {
        let policies = policies.iter().map(|policy| (*policy).to_owned()).collect();
        let anchors = vec![root.certificate.clone()];
        World::new(TrustStore::new(anchors, Vec::new(), policies).unwrap()).candidates(&[&ca])
    };
    let leaf = ca.leaf_with(|params| params.custom_extensions.push(policy(4)));
    let other = ca.leaf_with(|params| params.custom_extensions.push(policy(5)));
    let none = ca.leaf();
    for leaf in [&leaf, &other, &none] {
        world(&[]).trusted(leaf);
    }
    world(&["1.2.3.4"]).trusted(&leaf);
    world(&["1.2.3.9", "1.2.3.4"]).trusted(&leaf);
    assert!(matches!(
        world(&["1.2.3.5"]).distrust(&leaf),
        Distrust::Rule {
            rule: PathRule::Policy,
            ..
        }
    ));
    for leaf in [&other, &none] {
        assert!(matches!(
            world(&["1.2.3.4"]).distrust(leaf),
            Distrust::Rule {
                rule: PathRule::Policy,
                ..
            }
        ));
    }
}

/// certval cannot read every object identifier. What it cannot read is refused, and configuration
/// that could never trust anything stops the start.
#[test]
fn policies_that_cannot_be_read_are_refused_and_told_of() {
    let root = Ca::root("Root");
    let held = |oid: &[u8]| {
        let policies = tlv(0x30, tlv(0x30, tlv(0x06, oid)));
        root.leaf_with(|params| {
            let policies = extension(&[2, 5, 29, 32], false, policies);
            params.custom_extensions.push(policies);
        })
    };
    let world = |policies: &[&str]| {
        let policies = policies.iter().map(|policy| (*policy).to_owned()).collect();
        TrustStore::new(vec![root.certificate.clone()], Vec::new(), policies).map(World::new)
    };
    // 2.16.840.1.113883.3
    let healthcare = held(&[0x60, 0x86, 0x48, 0x01, 0x86, 0xf9, 0x5b, 0x03]);
    world(&[]).unwrap().trusted(&healthcare);
    world(&["2.16.840.1.113883.3"])
        .unwrap()
        .trusted(&healthcare);
    world(&["2.16.840.1.113883.4"])
        .unwrap()
        .distrust(&healthcare);
    // 2.999.1, and 2.25 with a UUID.
    let uuid = [[0x69].as_slice(), &[0x83], &[0xff; 17], &[0x7f]].concat();
    for oid in [&[0x88, 0x37, 0x01][..], &uuid] {
        assert_eq!(
            world(&[]).unwrap().distrust(&held(oid)),
            rule(Place::Leaf, PathRule::Encoding)
        );
    }
    for unreadable in [
        "2.999.1",
        "2.40",
        "2.25.329800735698586629295641978511506172918",
    ] {
        assert_eq!(
            world(&[unreadable]).err(),
            Some(StoreError::UnreadablePolicy(unreadable.to_owned()))
        );
    }
    for no_oid in [
        "", "2", "3.1", "1.40", "1.2.", "1.02", "a", "1..2", "1.2.3 ",
    ] {
        let error = world(&[no_oid]).err();
        assert_eq!(error, Some(StoreError::Policy(no_oid.to_owned())));
    }

    let strange = |params: &mut rcgen::CertificateParams| {
        let example = extension(&[2, 999, 1], false, vec![5, 0]);
        params.custom_extensions.push(example);
    };
    let anchor = Ca::root_with("Strange", strange);
    assert_eq!(
        TrustAnchor::new(anchor.certificate),
        Err(AnchorError::Unreadable)
    );
    let intermediates = vec![root.ca_with("CA", strange).certificate];
    assert!(matches!(
        TrustStore::new(vec![root.certificate], intermediates, Vec::new()),
        Err(StoreError::UnreadableIntermediate(_))
    ));
}
