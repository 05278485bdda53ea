//! One path holds but for its status: what is wrong with others decides nothing (decisions 23).

use time::Duration;

use super::pki::{AT, Ca, CrlPlan, World, full_name, issuers_at, point};
use crate::certificate::Certificate;
use crate::trust::{Distrust, Place, RevocationMode, TrustNeed, TrustStore};

const URL: &str = "http://pki.example.org/ca.crl";
const UNKNOWN: Distrust = Distrust::RevocationUnknown(Place::Leaf);

/// A CA whose certificate was renewed for the same key, its leaf, and a former certificate.
struct Renewed {
    root: Ca,
    ca: Ca,
    leaf: Certificate,
}

fn renewed() -> Renewed {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    let leaf = ca.leaf_with(|params| params.custom_extensions.push(point(full_name(URL))));
    Renewed { root, ca, leaf }
}

impl Renewed {
    fn lapsed(&self) -> CrlPlan<'_> {
        CrlPlan {
            next_update: Some(AT - Duration::MINUTE),
            ..self.ca.crl()
        }
    }

    /// Worlds with these certificates of the CA in either order, configured or sent along; the CA's
    /// own list has lapsed and cannot be had anew.
    fn worlds(&self, certificates: &[Certificate], root_list: &dyn Fn() -> Vec<u8>) -> Vec<World> {
        let mut orders = vec![certificates.to_vec(), certificates.to_vec()];
        orders[1].reverse();
        let mut worlds = Vec::new();
        for order in orders {
            let anchors = || vec![self.root.certificate.clone()];
            let store = TrustStore::new(anchors(), order.clone(), Vec::new()).unwrap();
            worlds.push(World::new(store));
            let store = TrustStore::new(anchors(), Vec::new(), Vec::new()).unwrap();
            worlds.push(World::new(store).certificates(&order));
        }
        let with_lists = |world: World| {
            let mut world = world.tried(&[URL]).crls(&[self.lapsed()]);
            let list = crate::trust::Crl::from_der(&root_list()).unwrap();
            world.crls.push(std::sync::Arc::new(list));
            world
        };
        worlds.into_iter().map(with_lists).collect()
    }
}

/// Proves: C21
#[test]
fn a_lapsed_list_is_an_unknown_status_whatever_a_former_certificate_of_the_ca_is() {
    let all = renewed();
    let Renewed { root, ca, leaf } = &all;
    let expired = root.certify(ca, |params| params.not_after = AT - Duration::HOUR);
    let early = root.certify(ca, |params| params.not_before = AT + Duration::HOUR);
    let revoked = root.certify(ca, |_| {});
    let no_ca = root.certify(ca, |params| params.is_ca = rcgen::IsCa::NoCa);
    let without_address = root.certify(ca, |params| {
        params
            .custom_extensions
            .push(issuers_at(&["http://a.example/"]));
    });
    let former = [
        (expired, Distrust::Expired(Place::Issuer(1))),
        (early, Distrust::NotYetValid(Place::Issuer(1))),
        (revoked.clone(), Distrust::Revoked(Place::Issuer(1))),
        (
            no_ca,
            Distrust::Rule {
                place: Place::Issuer(1),
                rule: crate::trust::PathRule::NotCa,
            },
        ),
        (without_address, UNKNOWN),
    ];
    let root_list = || root.crl().revoke(&revoked).der();
    for (former, alone) in former {
        let both = [former.clone(), ca.certificate.clone()];
        for mut world in all.worlds(&both, &root_list) {
            assert_eq!(world.distrust(leaf), UNKNOWN, "{alone}");
            assert!(world.distrust(leaf).may_pass());
            // As long as somebody can be asked, that comes first.
            world.tried.clear();
            assert!(matches!(world.needs(leaf).as_slice(), [TrustNeed::Crl(_)]));
            let world = world.tried(&[URL]);
            world.crls(&[ca.crl()]).trusted(leaf);
        }
        for world in all.worlds(&[former], &root_list) {
            assert_eq!(world.distrust(leaf), alone);
        }
    }
}

/// Proves: C19
#[test]
fn an_unknown_status_excuses_neither_a_revoked_leaf_nor_a_revoked_issuer_of_every_path() {
    let all = renewed();
    let Renewed { root, ca, leaf } = &all;
    let former = root.certify(ca, |params| params.not_after = AT - Duration::HOUR);
    let both = [former, ca.certificate.clone()];
    for world in all.worlds(&both, &|| root.crl().der()) {
        let world = world.crls(&[all.lapsed().revoke(leaf)]);
        assert_eq!(world.distrust(leaf), Distrust::Revoked(Place::Leaf));
    }
    let revoking = || root.crl().revoke(&ca.certificate).der();
    for world in all.worlds(&both, &revoking) {
        assert_eq!(world.distrust(leaf), Distrust::Revoked(Place::Issuer(1)));
    }
}

/// Of several unknown statuses the one nearest to the leaf is told, whichever path is found first.
#[test]
fn which_unknown_status_is_told_does_not_depend_on_the_order() {
    let root = Ca::root("Root");
    let at = |params: &mut rcgen::CertificateParams| {
        params.custom_extensions.push(point(full_name(URL)));
    };
    let (one, two) = (root.ca_with("One", at), root.ca("Two"));
    let ca = one.ca("CA");
    let crossed = two.certify(&ca, at);
    let leaf = ca.leaf();
    let both = [ca.certificate.clone(), crossed];
    let uppers = [one.certificate.clone(), two.certificate.clone()];
    let mut told = Vec::new();
    for turn in [false, true] {
        let (mut both, mut uppers) = (both.clone(), uppers.clone());
        if turn {
            both.reverse();
            uppers.reverse();
        }
        let world = World::of(&[&root]).tried(&[URL]).certificates(&both);
        let world = world.certificates(&uppers).mode(RevocationMode::Required);
        told.push(world.distrust(&leaf));
    }
    assert_eq!(told, [Distrust::RevocationUnknown(Place::Issuer(1)); 2]);
}
