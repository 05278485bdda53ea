//! CRLs by another key of the same CA (key rollover).

use super::pki::{Ca, World, full_name, point};
use crate::certificate::Certificate;
use crate::trust::{Distrust, Place};

const URL: &str = "http://pki.example.org/ca.crl";

/// A CA with an old key, which issued the leaf, and a new one, which signs CRLs; `rollover`
/// certifies the new one.
struct Rollover {
    root: Ca,
    old: Ca,
    new: Ca,
    leaf: Certificate,
}

fn rollover() -> Rollover {
    let root = Ca::root("Root");
    let old = root.ca("CA");
    let new = root.ca("CA");
    let leaf = old.leaf_with(|params| params.custom_extensions.push(point(full_name(URL))));
    Rollover {
        root,
        old,
        new,
        leaf,
    }
}

impl Rollover {
    fn world(&self) -> World {
        World::of(&[&self.root])
            .candidates(&[&self.old])
            .tried(&[URL])
            .crls(&[self.root.crl()])
    }
}

/// Proves: C20
#[test]
fn a_list_by_the_ca_s_new_key_counts_if_that_leads_to_the_anchor() {
    let all = rollover();
    let unknown = Distrust::RevocationUnknown(Place::Leaf);
    let world = all.world().crls(&[all.new.crl()]);
    assert_eq!(world.distrust(&all.leaf), unknown);
    world.candidates(&[&all.new]).trusted(&all.leaf);

    let revoking = all
        .world()
        .crls(&[all.new.crl().revoke(&all.leaf)])
        .candidates(&[&all.new]);
    assert_eq!(revoking.distrust(&all.leaf), Distrust::Revoked(Place::Leaf));
}

/// Proves: C20
#[test]
fn a_list_by_a_namesake_under_another_root_or_revoked_does_not_count() {
    let all = rollover();
    let unknown = Distrust::RevocationUnknown(Place::Leaf);
    let stranger = Ca::root("Stranger").ca("CA");
    let world = all.world().candidates(&[&stranger]).crls(&[stranger.crl()]);
    assert_eq!(world.distrust(&all.leaf), unknown);

    // Even if that other root is an anchor too: it must be the same anchor.
    let other = Ca::root("Other root");
    let namesake = other.ca("CA");
    let world = World::of(&[&all.root, &other])
        .candidates(&[&all.old, &namesake])
        .tried(&[URL])
        .crls(&[all.root.crl(), namesake.crl()]);
    assert_eq!(world.distrust(&all.leaf), unknown);

    let world = World::of(&[&all.root])
        .candidates(&[&all.old, &all.new])
        .tried(&[URL])
        .crls(&[all.root.crl().revoke(&all.new.certificate), all.new.crl()]);
    assert_eq!(world.distrust(&all.leaf), unknown);
}

/// Proves: C20
#[test]
fn a_signer_s_certificate_must_assert_crl_sign() {
    let all = rollover();
    let mut silent = all.root.ca("CA");
    for usages in [vec![], vec![rcgen::KeyUsagePurpose::KeyCertSign]] {
        silent.certificate = all
            .root
            .certify(&silent, |params| params.key_usages = usages);
        let world = all.world().candidates(&[&silent]).crls(&[silent.crl()]);
        assert_eq!(
            world.distrust(&all.leaf),
            Distrust::RevocationUnknown(Place::Leaf)
        );
    }
}

/// What a leaf must not have, a CA that signs lists may: constraints on names (PKITS 4.13.19).
#[test]
fn a_signer_may_constrain_names() {
    let mut all = rollover();
    all.new = all.root.ca_with("CA", |params| {
        params.name_constraints = Some(rcgen::NameConstraints {
            permitted_subtrees: Vec::new(),
            excluded_subtrees: vec![rcgen::GeneralSubtree::DnsName("example.net".to_owned())],
        });
    });
    let world = all.world().candidates(&[&all.new]).crls(&[all.new.crl()]);
    world.trusted(&all.leaf);
}

/// Two keys whose certificates' status each depends on the other's list.
#[test]
fn signers_that_vouch_for_each_other_in_a_circle_end_the_question() {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    let certify = |subject: &Ca| {
        ca.certify(subject, |params| {
            params.custom_extensions.push(point(full_name(URL)));
        })
    };
    let mut first = Ca::root("CA");
    let mut second = Ca::root("CA");
    first.certificate = certify(&first);
    second.certificate = certify(&second);
    let leaf = ca.leaf_with(|params| params.custom_extensions.push(point(full_name(URL))));
    let world = World::of(&[&root])
        .candidates(&[&ca, &first, &second])
        .tried(&[URL])
        .crls(&[root.crl(), first.crl(), second.crl()]);
    assert_eq!(
        world.distrust(&leaf),
        Distrust::RevocationUnknown(Place::Leaf)
    );
}
