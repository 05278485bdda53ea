//! CRLs (N11, N12; C19–C23; decisions 21).

use std::sync::Arc;

use time::Duration;

use super::pki::{AT, Ca, CrlPlan, World, full_name, point, tlv};
use crate::certificate::Certificate;
use crate::trust::{
    Crl, CrlError, CrlStore, Distrust, NoCrlAddress, PathNote, Place, RevocationMode,
};

const URL: &str = "http://pki.example.org/ca.crl";

/// A root and a leaf that names [`URL`], which was asked without success.
fn setting() -> (Ca, Certificate) {
    let root = Ca::root("Root");
    let leaf = root.leaf_with(|params| params.custom_extensions.push(point(full_name(URL))));
    (root, leaf)
}

fn world(root: &Ca) -> World {
    World::of(&[root]).tried(&[URL])
}

const UNKNOWN: Distrust = Distrust::RevocationUnknown(Place::Leaf);
const REVOKED: Distrust = Distrust::Revoked(Place::Leaf);

/// Proves: C19, C20
#[test]
fn a_leaf_is_good_by_its_issuer_s_crl_and_revoked_by_it() {
    let (root, leaf) = setting();
    let path = world(&root).crls(&[root.crl()]).trusted(&leaf);
    assert!(path.notes().is_empty());
    let other = root.leaf();
    world(&root)
        .crls(&[root.crl().revoke(&other)])
        .trusted(&leaf);
    assert_eq!(
        world(&root)
            .crls(&[root.crl().revoke(&leaf)])
            .distrust(&leaf),
        REVOKED
    );
}

/// Proves: C23
#[test]
fn on_hold_is_revoked() {
    let (root, leaf) = setting();
    let world = world(&root);
    assert_eq!(
        world
            .crls(&[root.crl().revoke_for(&leaf, 6)])
            .distrust(&leaf),
        REVOKED
    );
}

/// Proves: C19
#[test]
fn a_revoked_intermediate_takes_its_leaves_with_it() {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    let world = World::of(&[&root])
        .candidates(&[&ca])
        .crls(&[root.crl().revoke(&ca.certificate)]);
    assert_eq!(
        world.distrust(&ca.leaf()),
        Distrust::Revoked(Place::Issuer(1))
    );
    // Another certificate of the same CA still leads up.
    let renewed = root.certify(&ca, |_| {});
    world.certificates(&[renewed]).trusted(&ca.leaf());
}

/// Proves: C21
#[test]
fn a_named_list_that_cannot_be_had_refuses() {
    let (root, leaf) = setting();
    assert_eq!(world(&root).distrust(&leaf), UNKNOWN);
    let lenient = world(&root)
        .mode(RevocationMode::WhenAvailable)
        .trusted(&leaf);
    assert_eq!(lenient.notes(), [PathNote::RevocationUnknown(Place::Leaf)]);
    assert!(
        world(&root)
            .mode(RevocationMode::Off)
            .trusted(&leaf)
            .notes()
            .is_empty()
    );
}

/// Proves: C20
#[test]
fn a_list_out_of_date_or_from_the_future_shows_nobody_good() {
    let (root, leaf) = setting();
    let with = |this_update, next_update| {
        world(&root).crls(&[CrlPlan {
            this_update,
            next_update,
            ..root.crl()
        }])
    };
    let hour = Duration::HOUR;
    assert_eq!(
        with(AT - hour * 2, Some(AT - hour)).distrust(&leaf),
        UNKNOWN
    );
    assert_eq!(with(AT - hour, Some(AT)).distrust(&leaf), UNKNOWN);
    assert_eq!(with(AT - hour, None).distrust(&leaf), UNKNOWN);
    assert_eq!(
        with(AT + Duration::minutes(2), Some(AT + hour)).distrust(&leaf),
        UNKNOWN
    );
    // The usual skew.
    with(AT + Duration::seconds(30), Some(AT + hour)).trusted(&leaf);
}

/// Revoked in a list that has lapsed is revoked, in every mode that looks at lists.
///
/// Proves: C19
#[test]
fn a_list_out_of_date_still_revokes() {
    let (root, leaf) = setting();
    let stale = || CrlPlan {
        this_update: AT - Duration::days(9),
        next_update: Some(AT - Duration::days(2)),
        ..root.crl().revoke(&leaf)
    };
    for mode in [RevocationMode::Required, RevocationMode::WhenAvailable] {
        let world = world(&root).mode(mode).crls(&[stale(), root.crl()]);
        assert_eq!(world.distrust(&leaf), REVOKED);
    }
    world(&root)
        .mode(RevocationMode::Off)
        .crls(&[stale()])
        .trusted(&leaf);
}

/// Proves: C20
#[test]
fn a_list_by_another_key_counts_neither_for_nor_against() {
    let (root, leaf) = setting();
    let stranger = Ca::root("Root");
    assert_eq!(
        world(&root)
            .crls(&[root.crl().signed_by(&stranger)])
            .distrust(&leaf),
        UNKNOWN
    );
    let forged = root.crl().revoke(&leaf).signed_by(&stranger);
    let world = world(&root).crls(&[forged, root.crl()]);
    world.trusted(&leaf);
}

/// Proves: C20
#[test]
fn a_list_by_an_issuer_without_crl_sign_does_not_count() {
    let root = Ca::root_with("Root", |params| {
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    });
    let leaf = root.leaf_with(|params| params.custom_extensions.push(point(full_name(URL))));
    assert_eq!(world(&root).crls(&[root.crl()]).distrust(&leaf), UNKNOWN);
}

/// Proves: C22
#[test]
fn without_address_and_list_a_certificate_is_accepted_and_noted_unless_forbidden() {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    let leaf = ca.leaf();
    let mut world = World::of(&[&root]).candidates(&[&ca]);
    let path = world.trusted(&leaf);
    let notes = [Place::Leaf, Place::Issuer(1)].map(PathNote::NoRevocationAddress);
    assert_eq!(path.notes(), notes);
    world.policy.no_crl_address = NoCrlAddress::Refuse;
    assert_eq!(
        world.distrust(&leaf),
        Distrust::NoRevocationAddress(Place::Leaf)
    );
    // A local list is an answer.
    let world = world.crls(&[root.crl(), ca.crl()]);
    assert!(world.trusted(&leaf).notes().is_empty());
}

/// Where a list of the issuer is known, it is asked even for certificates without an address.
///
/// Proves: C22
#[test]
fn a_known_list_binds_certificates_without_an_address() {
    let root = Ca::root("Root");
    let leaf = root.leaf();
    let lapsed = CrlPlan {
        next_update: Some(AT),
        ..root.crl()
    };
    assert_eq!(World::of(&[&root]).crls(&[lapsed]).distrust(&leaf), UNKNOWN);
    let world = World::of(&[&root]).crls(&[root.crl().revoke(&leaf)]);
    assert_eq!(world.distrust(&leaf), REVOKED);
}

/// Proves: C20
#[test]
fn lists_that_are_not_understood_refuse_beside_a_good_one() {
    let (root, leaf) = setting();
    for odd in [
        root.crl().extension(27, true, tlv(0x02, [1])),
        root.crl().extension(99, true, [5, 0]),
        root.crl().strange_entry(),
    ] {
        let world = world(&root).crls(&[root.crl(), odd]);
        assert_eq!(world.distrust(&leaf), UNKNOWN);
    }
    let world = world(&root).crls(&[root.crl().extension(99, false, [5, 0])]);
    world.trusted(&leaf);
}

/// Proves: C20
#[test]
fn a_list_counts_only_for_certificates_in_its_scope() {
    let (root, leaf) = setting();
    let yes = [0xff];
    let serves = |scope: Vec<u8>| {
        let world = world(&root).crls(&[root.crl().scope(scope)]);
        matches!(world.outcome(&leaf), crate::trust::Outcome::Trusted(_))
    };
    assert!(serves(Vec::new()));
    assert!(serves(full_name(URL)));
    assert!(serves(tlv(0x81, yes)));
    for scope in [
        full_name("http://pki.example.org/other.crl"),
        full_name("http://PKI.example.org/ca.crl"),
        tlv(0x82, yes),
        tlv(0x83, [1, 0x40]),
        tlv(0x84, yes),
        tlv(0x85, yes),
        [full_name(URL), tlv(0x82, yes)].concat(),
    ] {
        assert!(!serves(scope.clone()), "{scope:?}");
    }
    // For a CA it is the other way round.
    let ca = root.ca_with("CA", |params| {
        params.custom_extensions.push(point(full_name(URL)))
    });
    let below = |scope: u8| {
        let world = world(&root).candidates(&[&ca]);
        world.crls(&[root.crl().scope(tlv(scope, yes))])
    };
    below(0x82).trusted(&ca.leaf());
    assert_eq!(
        below(0x81).distrust(&ca.leaf()),
        Distrust::RevocationUnknown(Place::Issuer(1))
    );
}

/// Proves: C20
#[test]
fn distribution_points_match_by_relative_names_too() {
    let root = Ca::root("Root");
    let common_name = |name: &str| tlv(0x30, [tlv(0x06, [0x55, 4, 3]), tlv(0x0c, name)].concat());
    let relative = |name| tlv(0xa0, tlv(0xa1, common_name(name)));
    let full = |name| {
        let rdns = [tlv(0x31, common_name("Root")), tlv(0x31, common_name(name))].concat();
        tlv(0xa0, tlv(0xa0, tlv(0xa4, tlv(0x30, rdns))))
    };
    let leaf =
        |content: Vec<u8>| root.leaf_with(|params| params.custom_extensions.push(point(content)));
    let with = |scope: Vec<u8>| world(&root).crls(&[root.crl().scope(scope)]);
    for scope in [relative("CRL1"), full("CRL1")] {
        with(scope.clone()).trusted(&leaf(relative("CRL1")));
        with(scope.clone()).trusted(&leaf(full("crl1")));
        assert_eq!(
            with(scope.clone()).distrust(&leaf(relative("CRL2"))),
            UNKNOWN
        );
        assert_eq!(with(scope.clone()).distrust(&leaf(full_name(URL))), UNKNOWN);
        // A list for one point says nothing about certificates that name none.
        assert_eq!(with(scope).distrust(&root.leaf()), UNKNOWN);
    }
}

/// Proves: C20
#[test]
fn a_point_for_some_reasons_or_by_another_issuer_shows_nobody_good() {
    let root = Ca::root("Root");
    let leaf = |extra: Vec<u8>| {
        let content = [full_name(URL), extra].concat();
        root.leaf_with(|params| params.custom_extensions.push(point(content)))
    };
    let names = |ca: &Ca| tlv(0xa2, tlv(0xa4, ca.certificate.subject_der()));
    let with = || world(&root).crls(&[root.crl().scope(full_name(URL))]);
    with().trusted(&leaf(Vec::new()));
    with().trusted(&leaf(names(&root)));
    assert_eq!(with().distrust(&leaf(tlv(0x81, [1, 0x40]))), UNKNOWN);
    assert_eq!(with().distrust(&leaf(names(&Ca::root("Other")))), UNKNOWN);
}

/// Proves: C19
#[test]
fn a_list_for_some_reasons_can_revoke() {
    let (root, leaf) = setting();
    let some = root.crl().scope(tlv(0x83, [1, 0x40])).revoke(&leaf);
    assert_eq!(
        world(&root).crls(&[root.crl(), some]).distrust(&leaf),
        REVOKED
    );
}

#[test]
fn entries_of_an_indirect_list_belong_to_the_issuer_they_name() {
    let (root, leaf) = setting();
    let other = Ca::root("Other");
    let indirect = || root.crl().scope(tlv(0x84, [0xff]));
    let foreign = indirect().foreign_entry(&leaf, &other.certificate);
    let own = indirect().foreign_entry(&leaf, &root.certificate);
    world(&root).crls(&[root.crl(), foreign]).trusted(&leaf);
    assert_eq!(
        world(&root).crls(&[root.crl(), own]).distrust(&leaf),
        REVOKED
    );
    assert_eq!(world(&root).crls(&[indirect()]).distrust(&leaf), UNKNOWN);
}

#[test]
fn what_cannot_be_read_to_the_end_is_no_list() {
    let (root, leaf) = setting();
    let good = root.crl().revoke(&leaf).der();
    Crl::from_der(&good).unwrap();
    Crl::from_pem_or_der(&good).unwrap();
    let malformed = |der: &[u8]| assert_eq!(Crl::from_der(der).unwrap_err(), CrlError::Malformed);
    malformed(&[]);
    malformed(&good[..good.len() - 1]);
    malformed(&[good.as_slice(), &[0]].concat());
    malformed(&root.crl().entry(&[], &[]).der());
    malformed(&root.crl().entry(&[1], &[0x30, 5, 6]).der());
    malformed(&root.crl().extension(28, true, [0x30, 5, 6]).der());
    malformed(&root.crl().scope(tlv(0x86, [0xff])).der());
    malformed(&root.crl().scope([]).scope([]).der());
    assert_eq!(
        Crl::from_pem_or_der(b"nothing").unwrap_err(),
        CrlError::Malformed
    );
    assert_eq!(
        Crl::from_der(&vec![0; crate::limits::CRL_BYTES + 1]).unwrap_err(),
        CrlError::TooLong
    );
}

#[test]
fn a_pem_list_is_read() {
    use base64::Engine;
    let (root, leaf) = setting();
    let der = root.crl().revoke(&leaf).der();
    let text = base64::engine::general_purpose::STANDARD.encode(&der);
    let pem = format!("-----BEGIN X509 CRL-----\n{text}\n-----END X509 CRL-----\n");
    let crl = Crl::from_pem_or_der(pem.as_bytes()).unwrap();
    assert!(crl.names_issuer_of(&leaf) && crl.entry(&leaf).is_some());
    assert_eq!(crl.number(), Some(&[1][..]));
    assert_eq!((crl.len(), crl.is_empty()), (1, false));
    let twice = Crl::from_pem_or_der(format!("{pem}{pem}").as_bytes());
    assert_eq!(twice.unwrap_err(), CrlError::Malformed);
}

/// An older list never takes a newer one's place, nor a list that nobody vouches for any other's.
#[test]
fn a_list_displaces_only_its_signer_s_older_ones() {
    let root = Ca::root("Root");
    let key = root.certificate.key().unwrap();
    let plan = |number, hours| CrlPlan {
        number,
        this_update: AT - Duration::hours(hours),
        ..root.crl()
    };
    let (old, new) = (plan(1, 5).build(), plan(2, 1).build());
    let unverified = CrlStore::new(vec![old.clone()]).with(new.clone());
    assert_eq!(unverified.len(), 2);
    old.verify(key).unwrap();
    new.verify(key).unwrap();
    for store in [
        CrlStore::new(vec![old.clone(), new.clone()]),
        CrlStore::new(vec![new.clone(), old.clone()]),
        CrlStore::default()
            .with(new.clone())
            .with(old.clone())
            .with(new.clone()),
    ] {
        let kept: Vec<_> = store.iter().map(|crl| *crl.fingerprint()).collect();
        assert_eq!(kept, [*new.fingerprint()]);
    }
    // Of another scope, or forged with a higher number: both stay.
    let scoped = plan(3, 0).scope(tlv(0x81, [0xff])).build();
    scoped.verify(key).unwrap();
    let stranger = Ca::root("Root");
    let forged = plan(9, 0).signed_by(&stranger).build();
    forged.verify(key).unwrap_err();
    assert_eq!(CrlStore::new(vec![new, scoped, forged]).len(), 3);
}

/// Whoever names ever other parts of its list is not kept for ever; what an operator gave is.
#[test]
fn lists_of_one_key_are_bounded_but_for_those_that_were_given() {
    let root = Ca::root("Root");
    let key = root.certificate.key().unwrap();
    let part = |number: u16, minutes: i64| {
        let name = tlv(0x86, format!("http://ca.example/{number}"));
        let plan = CrlPlan {
            number: 1,
            this_update: AT - Duration::minutes(minutes),
            ..root.crl()
        };
        let crl = plan.scope(tlv(0xa0, tlv(0xa0, name))).build();
        crl.verify(key).unwrap();
        crl
    };
    let given = part(1_000, 10_000);
    let mut store = CrlStore::new(vec![Arc::clone(&given)]);
    let oldest = part(0, 5_000);
    store = store.with(Arc::clone(&oldest));
    for number in 1..=300 {
        store = store.with(part(number, 1_000 - i64::from(number)));
    }
    assert_eq!(store.added().count(), 256);
    let has = |store: &CrlStore, crl: &Crl| {
        store
            .iter()
            .any(|one| one.fingerprint() == crl.fingerprint())
    };
    assert!(has(&store, &given));
    assert!(
        !has(&store, &oldest),
        "the least recently issued goes first"
    );
    let all: Vec<_> = store.iter().map(|crl| *crl.fingerprint()).collect();
    let rest = store.without(&all);
    assert_eq!(rest.len(), 1);
    assert!(has(&rest, &given));
}

#[test]
fn each_of_many_entries_is_found_and_nothing_else() {
    let (root, leaf) = setting();
    let mut plan = root.crl();
    // Out of order, sixteen octets each.
    for number in 0..20_000_u32 {
        let mixed = number.wrapping_mul(2_654_435_761) | 1;
        plan = plan.entry(&[[0x40; 12].as_slice(), &mixed.to_be_bytes()].concat(), &[]);
    }
    let listed = root.leaf_with(|params| {
        let serial = [
            [0x40; 12].as_slice(),
            &(7_u32.wrapping_mul(2_654_435_761) | 1).to_be_bytes(),
        ];
        params.serial_number = Some(rcgen::SerialNumber::from_slice(&serial.concat()));
    });
    let crl = plan.build();
    assert_eq!(crl.len(), 20_000);
    assert!(crl.entry(&listed).is_some() && crl.entry(&leaf).is_none());
    let mut world = world(&root);
    world.crls.push(crl);
    world.trusted(&leaf);
    assert_eq!(world.distrust(&listed), REVOKED);
}
