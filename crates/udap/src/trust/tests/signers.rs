//! CRLs by another key of the same CA (key rollover).

use super::pki::{AT, Ca, CrlPlan, World, extension, full_name, point, tlv};
use crate::certificate::Certificate;
use crate::trust::{Distrust, PathNote, Place, RevocationMode, TrustNeed, TrustStore};

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

/// As [`rollover`], and another CA below the same root that certified a key under the CA's name.
struct Rogue {
    all: Rollover,
    rogue: Ca,
    impostor: Ca,
}

fn rogue() -> Rogue {
    let all = rollover();
    let rogue = all.root.ca("Rogue");
    let impostor = rogue.ca("CA");
    Rogue {
        all,
        rogue,
        impostor,
    }
}

impl Rogue {
    /// The client has sent along whatever serves it.
    fn world(&self) -> World {
        self.all
            .world()
            .candidates(&[&self.rogue, &self.impostor])
            .crls(&[self.rogue.crl()])
    }
}

const UNKNOWN: Distrust = Distrust::RevocationUnknown(Place::Leaf);
const REVOKED: Distrust = Distrust::Revoked(Place::Leaf);

/// Proves: C19, C20
#[test]
fn a_list_by_a_namesake_below_the_same_anchor_shows_nobody_good_but_revokes() {
    let own = rogue();
    let leaf = &own.all.leaf;
    let with = || own.world().crls(&[own.impostor.crl()]);
    assert_eq!(with().distrust(leaf), UNKNOWN);
    let lapsed = || CrlPlan {
        next_update: Some(AT),
        ..own.all.old.crl()
    };
    assert_eq!(with().crls(&[lapsed()]).distrust(leaf), UNKNOWN);
    let lenient = with().mode(RevocationMode::WhenAvailable).trusted(leaf);
    assert_eq!(lenient.notes(), [PathNote::RevocationUnknown(Place::Leaf)]);
    // The CA's own word.
    with().crls(&[own.all.old.crl()]).trusted(leaf);
    let revoking = lapsed().revoke(leaf);
    assert_eq!(with().crls(&[revoking]).distrust(leaf), REVOKED);
    let revoking = own.impostor.crl().revoke(leaf);
    let both = own.world().crls(&[revoking, own.all.old.crl()]);
    assert_eq!(both.distrust(leaf), REVOKED);
}

/// Proves: C20
#[test]
fn a_list_by_another_key_counts_if_operator_issuer_or_a_ca_above_it_vouches() {
    let own = rogue();
    let Rollover { root, old, .. } = &own.all;
    let leaf = &own.all.leaf;
    // By the operator.
    let mut world = own.world().crls(&[own.impostor.crl()]);
    let configured = vec![own.impostor.certificate.clone()];
    world.policy.store =
        TrustStore::new(vec![root.certificate.clone()], configured, Vec::new()).unwrap();
    world.trusted(leaf);
    // By the issuer.
    let mut new = Ca::root("CA");
    new.certificate = old.certify(&new, |_| {});
    let world = own.world().candidates(&[&new]);
    world.crls(&[new.crl(), old.crl()]).trusted(leaf);
    let lapsed = CrlPlan {
        next_update: Some(AT),
        ..old.crl()
    };
    let world = own.world().candidates(&[&new]).crls(&[lapsed]);
    // The new key's certificate itself has no status but by its own list.
    assert_eq!(world.crls(&[new.crl()]).distrust(leaf), UNKNOWN);
    let scoped = old.crl().scope(tlv(0x82, [0xff]));
    let world = own.world().candidates(&[&new]).crls(&[scoped]);
    world.crls(&[new.crl()]).trusted(leaf);
    // By a CA above the issuer, which here is the anchor.
    let world = own.world().candidates(&[&own.all.new]);
    world.crls(&[own.all.new.crl()]).trusted(leaf);
}

/// Proves: C20, C31
#[test]
fn the_issuer_s_own_addresses_are_asked_before_its_other_keys_are_believed() {
    let own = rogue();
    let responder = "http://ocsp.example.org/";
    let leaf = &own.all.old.leaf_with(|params| {
        let method = tlv(0x06, [0x2b, 6, 1, 5, 5, 7, 48, 1]);
        let at = tlv(0x30, tlv(0x30, [method, tlv(0x86, responder)].concat()));
        let access = extension(&[1, 3, 6, 1, 5, 5, 7, 1, 1], false, at);
        params.custom_extensions.push(point(full_name(URL)));
        params.custom_extensions.push(access);
    });
    for (signer, at_last) in [(&own.all.new, None), (&own.impostor, Some(UNKNOWN))] {
        let mut world = own.world().candidates(&[signer]).crls(&[signer.crl()]);
        world.tried.clear();
        assert!(matches!(world.needs(leaf).as_slice(), [TrustNeed::Crl(_)]));
        // Their own list settles it.
        let known = own.all.world().crls(&[own.all.old.crl(), signer.crl()]);
        known.trusted(leaf);
        let mut world = world.tried(&[URL]);
        let needs = world.needs(leaf);
        assert!(matches!(needs.as_slice(), [TrustNeed::Ocsp(_)]));
        world.tried.extend(needs.iter().flat_map(TrustNeed::marks));
        match at_last {
            None => assert!(world.trusted(leaf).notes().is_empty()),
            Some(distrust) => assert_eq!(world.distrust(leaf), distrust),
        }
        world.policy.ocsp = false;
        let world = world.crls(&[own.all.old.crl().revoke(leaf)]);
        assert_eq!(world.distrust(leaf), REVOKED);
    }
}

/// The new key is configured, but that it is unrevoked says only a namesake of its issuer.
///
/// Proves: C19, C20
#[test]
fn a_signer_that_is_good_by_hearsay_shows_nobody_good_but_revokes() {
    let own = rogue();
    let Rollover { root, leaf, .. } = &own.all;
    let upper = root.ca("Upper");
    let impostor = own.rogue.ca("Upper");
    let signer = upper.ca("CA");
    let with = || {
        let mut world = own.world().candidates(&[&upper, &impostor]);
        let configured = vec![signer.certificate.clone()];
        world.policy.store =
            TrustStore::new(vec![root.certificate.clone()], configured, Vec::new()).unwrap();
        world
    };
    let hearsay = with().crls(&[impostor.crl(), signer.crl()]);
    assert_eq!(hearsay.distrust(leaf), UNKNOWN);
    let revoking = with().crls(&[impostor.crl(), signer.crl().revoke(leaf)]);
    assert_eq!(revoking.distrust(leaf), REVOKED);
    let known = with().crls(&[impostor.crl(), upper.crl(), signer.crl()]);
    known.trusted(leaf);
}

/// The CA whose status is asked for has certified a key under its own issuer's name. By another path,
/// which must not lead to this leaf, it is good.
///
/// Proves: C19, C20
#[test]
fn a_ca_vouches_for_nobody_who_speaks_of_its_own_status() {
    let root = Ca::root("Root");
    let upper = root.ca("Upper");
    let ca = upper.ca("CA");
    let domain = "example.org";
    let constrained = root.certify(&ca, |params| {
        params.name_constraints = Some(rcgen::NameConstraints {
            permitted_subtrees: Vec::new(),
            excluded_subtrees: vec![rcgen::GeneralSubtree::DnsName(domain.to_owned())],
        });
    });
    let signer = ca.ca("Upper");
    let leaf = ca.leaf_with(|params| {
        let name = domain.try_into().unwrap();
        params.subject_alt_names.push(rcgen::SanType::DnsName(name));
    });
    let with = |of_upper: CrlPlan<'_>| {
        World::of(&[&root])
            .candidates(&[&upper, &ca, &signer])
            .certificates(std::slice::from_ref(&constrained))
            .crls(&[root.crl(), ca.crl(), of_upper])
    };
    let unknown = Distrust::RevocationUnknown(Place::Issuer(1));
    assert_eq!(with(signer.crl()).distrust(&leaf), unknown);
    let revoking = signer.crl().revoke(&ca.certificate);
    let revoked = Distrust::Revoked(Place::Issuer(1));
    assert_eq!(with(revoking).distrust(&leaf), revoked);
    with(upper.crl()).trusted(&leaf);
}
