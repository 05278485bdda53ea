//! Path building (N13).

use super::pki::{AT, Ca, World, key, params};
use crate::certificate::Certificate;
use crate::limits;
use crate::trust::evaluate::evaluate_with;
use crate::trust::path::Effort;
use crate::trust::{CertvalJudge, CrlStore, Distrust, Evidence, Outcome, Place, TrustStore};

/// Proves: C06
#[test]
fn an_intermediate_may_come_from_the_store_or_with_the_leaf_or_is_missing() {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    let leaf = ca.leaf();
    assert_eq!(World::of(&[&root]).distrust(&leaf), Distrust::UnknownIssuer);
    let path = World::of(&[&root]).candidates(&[&ca]).trusted(&leaf);
    assert_eq!(path.intermediates(), std::slice::from_ref(&ca.certificate));
    let anchors = vec![root.certificate.clone()];
    let store = TrustStore::new(anchors, vec![ca.certificate.clone()], Vec::new()).unwrap();
    World::new(store).trusted(&leaf);
}

/// Proves: C04
#[test]
fn the_root_and_strangers_among_the_certificates_do_no_harm() {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    let leaf = ca.leaf();
    let stranger = Ca::root("Stranger");
    for cas in [
        [&ca, &root, &stranger],
        [&stranger, &root, &ca],
        [&root, &ca, &ca],
    ] {
        let path = World::of(&[&root]).candidates(&cas).trusted(&leaf);
        assert_eq!(path.intermediates(), std::slice::from_ref(&ca.certificate));
    }
}

/// Proves: C05
#[test]
fn the_walk_turns_back_from_dead_ends_and_forgeries() {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    // Same name and key: signed by a stranger, expired, and good.
    let astray = Ca::root("Stranger").certify(&ca, |_| {});
    let expired = root.certify(&ca, |params| params.not_after = AT - time::Duration::HOUR);
    let mut namesake = root.ca("CA");
    namesake.certificate = root.certify(&namesake, |params| {
        // A key id that lies: hints must not hide the path.
        let id = ca.certificate.subject_key_id().unwrap().to_vec();
        params.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(id);
    });
    let certificates = [
        astray,
        expired.clone(),
        namesake.certificate,
        ca.certificate.clone(),
    ];
    let world = World::of(&[&root]).certificates(&certificates);
    let path = world.trusted(&ca.leaf());
    assert_eq!(path.intermediates(), std::slice::from_ref(&ca.certificate));
    let world = World::of(&[&root]).certificates(&[expired]);
    assert_eq!(
        world.distrust(&ca.leaf()),
        Distrust::Expired(Place::Issuer(1))
    );
}

#[test]
fn a_cross_certificate_leads_past_an_anchor_that_has_expired() {
    let old = Ca::root_with("Old", |params| params.not_after = AT - time::Duration::HOUR);
    let new = Ca::root("New");
    let cross = new.certify(&old, |params| params.not_after = AT + time::Duration::HOUR);
    let world = World::of(&[&old, &new]).certificates(std::slice::from_ref(&cross));
    let path = world.trusted(&old.leaf());
    assert_eq!(path.intermediates(), [cross]);
    assert_eq!(path.anchor().certificate(), &new.certificate);
}

#[test]
fn names_match_whatever_their_letter_case_and_string_type() {
    let root = Ca::root("Example Root");
    let mut shouting = Ca::root("EXAMPLE  ROOT");
    shouting.key = root.key;
    let leaf = shouting.leaf_with(|params| params.use_authority_key_identifier_extension = false);
    let anchors = vec![root.certificate];
    World::new(TrustStore::new(anchors, Vec::new(), Vec::new()).unwrap()).trusted(&leaf);
}

fn chain(root: &Ca, length: usize) -> Vec<Ca> {
    let mut chain: Vec<Ca> = Vec::new();
    for number in 0..length {
        let next = chain.last().unwrap_or(root).ca(&format!("CA {number}"));
        chain.push(next);
    }
    chain
}

#[test]
fn a_path_holds_twelve_certificates_and_no_more() {
    let root = Ca::root("Root");
    let cas = chain(&root, limits::PATH_CERTIFICATES - 1);
    let all: Vec<_> = cas.iter().collect();
    let world = World::of(&[&root]).candidates(&all);
    let [.., longest, too_long] = cas.as_slice() else {
        panic!()
    };
    let path = world.trusted(&longest.leaf());
    assert_eq!(path.intermediates().len() + 2, limits::PATH_CERTIFICATES);
    assert_eq!(world.distrust(&too_long.leaf()), Distrust::PathTooLong);
}

/// The verdict, and how many signatures were verified for it.
fn cost(world: &World, leaf: &Certificate) -> (Outcome, usize) {
    let mut effort = Effort::new();
    let crls = CrlStore::new(world.crls.clone());
    let evidence = Evidence {
        candidates: &world.candidates,
        crls: &crls,
        ocsp: &[],
        tried: &world.tried,
    };
    let judge = CertvalJudge::new();
    let outcome = evaluate_with(
        &judge,
        &world.policy,
        leaf,
        &evidence,
        world.at,
        &mut effort,
    );
    (outcome, effort.signature_checks())
}

/// Ten authorities of few names, each certifying as many others as fit: nothing of it ends at an
/// anchor.
#[test]
fn hostile_meshes_are_given_up_after_few_signatures() {
    let root = Ca::root("Root");
    // All of one name, so that each may have signed each.
    let one_name: Vec<Ca> = (0..10).map(|_| Ca::root("Mesh")).collect();
    let all: Vec<_> = one_name.iter().collect();
    let world = World::of(&[&root]).candidates(&all);
    let (outcome, checks) = cost(&world, &one_name[0].leaf());
    assert!(matches!(outcome, Outcome::Untrusted(_)));
    assert!(checks <= 110, "{checks}");

    // Five layers of two certificates for one key: 32 ways up, each signature once.
    let layers: Vec<Ca> = (0..6)
        .map(|number| Ca::root(&format!("Layer {number}")))
        .collect();
    let mut certificates = Vec::new();
    for pair in layers.windows(2) {
        certificates.push(pair[1].certify(&pair[0], |_| {}));
        certificates.push(pair[1].certify(&pair[0], |_| {}));
    }
    let world = World::of(&[&root]).certificates(&certificates);
    let (outcome, checks) = cost(&world, &layers[0].leaf());
    assert!(matches!(outcome, Outcome::Untrusted(_)));
    assert!(checks <= 40, "{checks}");

    // A full mesh of four keys, twelve certificates, below a real anchor: a path is found.
    let mesh: Vec<Ca> = (0..4)
        .map(|number| Ca::root(&format!("Node {number}")))
        .collect();
    let mut certificates = Vec::new();
    for (from, issuer) in mesh.iter().enumerate() {
        for (to, subject) in mesh.iter().enumerate() {
            if from != to {
                certificates.push(issuer.certify(subject, |_| {}));
            }
        }
    }
    certificates.push(root.certify(&mesh[3], |_| {}));
    let world = World::of(&[&root]).certificates(&certificates);
    let (outcome, checks) = cost(&world, &mesh[0].leaf());
    assert!(matches!(outcome, Outcome::Trusted(_)), "{outcome:?}");
    assert!(checks <= 40, "{checks}");
}

#[test]
fn the_budget_of_signatures_ends_any_search() {
    let root = Ca::root("Root");
    // More namesakes than the budget: none signed the leaf.
    let template = Ca::root("Mesh");
    let certificates: Vec<_> = (0..limits::PATH_SIGNATURE_CHECKS + 20)
        .map(|_| {
            let mut params = template.params.clone();
            params.serial_number = params_serial();
            super::pki::decode(params.self_signed(&key()).unwrap().der())
        })
        .collect();
    let world = World::of(&[&root]).certificates(&certificates);
    let (outcome, checks) = cost(&world, &Ca::root("Mesh").leaf());
    assert!(
        matches!(outcome, Outcome::Untrusted(Distrust::SearchLimit)),
        "{outcome:?}"
    );
    assert_eq!(checks, limits::PATH_SIGNATURE_CHECKS);
}

fn params_serial() -> Option<rcgen::SerialNumber> {
    params("").serial_number
}

#[test]
fn a_second_validation_verifies_no_signature_again() {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    let world = World::of(&[&root]).candidates(&[&ca]);
    let leaf = ca.leaf();
    assert_eq!(cost(&world, &leaf).1, 2);
    assert_eq!(cost(&world, &leaf).1, 0);
    // Another leaf pays for itself only.
    assert_eq!(cost(&world, &ca.leaf()).1, 1);
}

/// What is remembered are signatures and structure, never dates (decisions 22).
#[test]
fn a_remembered_path_expires_all_the_same() {
    let root = Ca::root("Root");
    let ca = root.ca_with("CA", |params| params.not_after = AT + time::Duration::HOUR);
    let leaf = ca.leaf();
    let crls = CrlStore::default();
    let world = World::of(&[&root]).candidates(&[&ca]);
    let evidence = Evidence {
        candidates: &world.candidates,
        crls: &crls,
        ocsp: &[],
        tried: &world.tried,
    };
    let judge = CertvalJudge::new();
    let at = |at| crate::trust::evaluate(&judge, &world.policy, &leaf, &evidence, at);
    assert!(matches!(at(AT), Outcome::Trusted(_)));
    assert!(matches!(at(AT), Outcome::Trusted(_)));
    let later = at(AT + time::Duration::hours(2));
    assert!(matches!(
        later,
        Outcome::Untrusted(Distrust::Expired(Place::Issuer(1)))
    ));
}
