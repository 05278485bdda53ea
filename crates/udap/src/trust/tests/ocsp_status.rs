//! What answers do to a path (C19–C22, C31; decisions 21), and when they are asked for.

use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspRequest};
use openssl::x509::X509;
use time::Duration;

use super::ocsp_plan::{OcspPlan, UNKNOWN, revoked};
use super::pki::{AT, Ca, CrlPlan, World, extension, full_name, point, tlv};
use super::responders::responder;
use crate::certificate::Certificate;
use crate::trust::{
    Distrust, NoCrlAddress, OcspAnswer, OcspNeed, PathNote, Place, RevocationMode, TrustNeed,
};

const OCSP: &str = "http://ocsp.example.org/";
const CRL: &str = "http://pki.example.org/ca.crl";
const STATUS_UNKNOWN: Distrust = Distrust::RevocationUnknown(Place::Leaf);
const REVOKED: Distrust = Distrust::Revoked(Place::Leaf);

/// authorityInfoAccess with responders at these addresses.
fn responders_at(urls: &[&str]) -> rcgen::CustomExtension {
    let method = tlv(0x06, [0x2b, 6, 1, 5, 5, 7, 48, 1]);
    let descriptions: Vec<u8> = urls
        .iter()
        .flat_map(|url| tlv(0x30, [method.clone(), tlv(0x86, url)].concat()))
        .collect();
    extension(&[1, 3, 6, 1, 5, 5, 7, 1, 1], false, tlv(0x30, descriptions))
}

/// A root, and a leaf that names a responder only.
fn setting() -> (Ca, Certificate) {
    let root = Ca::root("Root");
    let leaf = root.leaf_with(|params| params.custom_extensions.push(responders_at(&[OCSP])));
    (root, leaf)
}

fn good(ca: &Ca, certificate: &Certificate) -> OcspAnswer {
    OcspPlan::of(ca, certificate).answer()
}

fn bad(ca: &Ca, certificate: &Certificate) -> OcspAnswer {
    OcspPlan::of(ca, certificate).status(&revoked(1)).answer()
}

impl World {
    fn answers(mut self, answers: &[OcspAnswer]) -> Self {
        self.ocsp.extend_from_slice(answers);
        self
    }

    /// As after needs that came to nothing.
    fn in_vain(mut self, leaf: &Certificate) -> Self {
        let needs = self.needs(leaf);
        self.tried.extend(needs.iter().flat_map(TrustNeed::marks));
        self
    }

    fn ocsp_needs(&self, leaf: &Certificate) -> Vec<OcspNeed> {
        let need = |need| match need {
            TrustNeed::Ocsp(need) => need,
            other => panic!("{other:?}"),
        };
        self.needs(leaf).into_iter().map(need).collect()
    }
}

/// Proves: C19, C31
#[test]
fn a_leaf_is_good_by_an_answer_and_revoked_by_it() {
    let (root, leaf) = setting();
    let world = || World::of(&[&root]);
    let path = world().answers(&[good(&root, &leaf)]).trusted(&leaf);
    assert!(path.notes().is_empty());
    assert_eq!(
        world().answers(&[bad(&root, &leaf)]).distrust(&leaf),
        REVOKED
    );
    // Whatever the order.
    let both = [good(&root, &leaf), bad(&root, &leaf)];
    assert_eq!(world().answers(&both).distrust(&leaf), REVOKED);
    let both = [bad(&root, &leaf), good(&root, &leaf)];
    assert_eq!(world().answers(&both).distrust(&leaf), REVOKED);
}

/// Proves: C21
#[test]
fn a_responder_that_says_nothing_usable_refuses() {
    let (root, leaf) = setting();
    let world = || World::of(&[&root]).in_vain(&leaf);
    assert_eq!(world().distrust(&leaf), STATUS_UNKNOWN);
    assert!(world().distrust(&leaf).may_pass());
    let unknown = OcspPlan::of(&root, &leaf).status(UNKNOWN).answer();
    let stale = OcspPlan::of(&root, &leaf)
        .with(|single| single.next_update = Some(AT))
        .answer();
    let early = OcspPlan::of(&root, &leaf)
        .with(|single| single.this_update = AT + Duration::minutes(2))
        .answer();
    let another = good(&root, &root.leaf());
    let other_root = Ca::root("Root");
    let other_key = good(&other_root, &leaf);
    for answer in [unknown, stale, early, another, other_key] {
        let answers = [answer];
        assert_eq!(world().answers(&answers).distrust(&leaf), STATUS_UNKNOWN);
        let lenient = world()
            .answers(&answers)
            .mode(RevocationMode::WhenAvailable)
            .trusted(&leaf);
        assert_eq!(lenient.notes(), [PathNote::RevocationUnknown(Place::Leaf)]);
    }
}

/// Proves: C19
#[test]
fn a_stale_answer_that_revokes_refuses_in_every_mode_but_off() {
    let (root, leaf) = setting();
    let stale = OcspPlan::of(&root, &leaf)
        .status(&revoked(6))
        .with(|single| single.next_update = Some(AT - Duration::MINUTE))
        .answer();
    let world = |mode| {
        let world = World::of(&[&root]).mode(mode);
        world.answers(&[stale.clone(), good(&root, &leaf)])
    };
    for mode in [RevocationMode::Required, RevocationMode::WhenAvailable] {
        assert_eq!(world(mode).distrust(&leaf), REVOKED);
    }
    world(RevocationMode::Off).trusted(&leaf);
}

/// Proves: C21
#[test]
fn where_ocsp_is_off_nobody_is_asked_and_no_answer_shows_a_certificate_good() {
    let (root, leaf) = setting();
    let mut world = World::of(&[&root]);
    world.policy.ocsp = false;
    assert_eq!(world.distrust(&leaf), STATUS_UNKNOWN);
    let world = world.answers(&[good(&root, &leaf)]);
    assert_eq!(world.distrust(&leaf), STATUS_UNKNOWN);
    let world = world.answers(&[bad(&root, &leaf)]);
    assert_eq!(world.distrust(&leaf), REVOKED);
}

/// Proves: C31
#[test]
fn lists_come_before_answers() {
    let root = Ca::root("Root");
    let leaf = root.leaf_with(|params| {
        params.custom_extensions.push(point(full_name(CRL)));
        params.custom_extensions.push(responders_at(&[OCSP]));
    });
    let world = || World::of(&[&root]);
    assert!(matches!(
        world().needs(&leaf).as_slice(),
        [TrustNeed::Crl(_)]
    ));
    // A list that is of use: nobody else is asked.
    world().crls(&[root.crl()]).trusted(&leaf);
    let (other_root, responder_only) = setting();
    World::of(&[&other_root])
        .crls(&[other_root.crl()])
        .trusted(&responder_only);
    // What either revokes is revoked.
    let revoking = || root.crl().revoke(&leaf);
    let good = good(&root, &leaf);
    let world_of = |crl: CrlPlan<'_>, answer: &OcspAnswer| {
        world()
            .tried(&[CRL])
            .crls(&[crl])
            .answers(std::slice::from_ref(answer))
    };
    assert_eq!(world_of(revoking(), &good).distrust(&leaf), REVOKED);
    let bad = bad(&root, &leaf);
    assert_eq!(world_of(root.crl(), &bad).distrust(&leaf), REVOKED);
    // No list to be had, or a lapsed one: the responder is asked, and believed.
    let tried = world().tried(&[CRL]);
    assert!(matches!(
        tried.needs(&leaf).as_slice(),
        [TrustNeed::Ocsp(_)]
    ));
    tried.answers(std::slice::from_ref(&good)).trusted(&leaf);
    let lapsed = || CrlPlan {
        next_update: Some(AT),
        ..root.crl()
    };
    world_of(lapsed(), &good).trusted(&leaf);
    // A list that the issuer signed and we do not understand is not outweighed.
    let strange = || root.crl().extension(99, true, [5, 0]);
    assert_eq!(world_of(strange(), &good).distrust(&leaf), STATUS_UNKNOWN);
    assert_eq!(
        world().tried(&[CRL]).crls(&[strange()]).distrust(&leaf),
        STATUS_UNKNOWN
    );
}

/// Proves: C31
#[test]
fn a_responder_that_its_issuer_revoked_shows_nobody_good_but_can_revoke() {
    let (root, leaf) = setting();
    let delegate = responder(&root, |_| {});
    let plan = || OcspPlan::of(&root, &leaf).by(&delegate);
    // The list has lapsed, so that it says nothing about the leaf.
    let with = |crl: CrlPlan<'_>, answer| {
        let lapsed = CrlPlan {
            next_update: Some(AT),
            ..crl
        };
        World::of(&[&root])
            .in_vain(&leaf)
            .crls(&[lapsed])
            .answers(&[answer])
    };
    assert_eq!(plan().answer().responder(), Some(&delegate.certificate));
    with(root.crl(), plan().answer()).trusted(&leaf);
    let withdrawn = || root.crl().revoke(&delegate.certificate);
    let good = with(withdrawn(), plan().answer());
    assert_eq!(good.distrust(&leaf), STATUS_UNKNOWN);
    // Another's answer still counts.
    good.answers(&[self::good(&root, &leaf)]).trusted(&leaf);
    let bad = with(withdrawn(), plan().status(&revoked(1)).answer());
    assert_eq!(bad.distrust(&leaf), REVOKED);
}

/// Proves: C19
#[test]
fn that_a_list_s_signer_names_a_responder_does_not_silence_the_list() {
    let root = Ca::root("Root");
    let old = root.ca("CA");
    let new = root.ca_with("CA", |params| {
        params.custom_extensions.push(responders_at(&[OCSP]));
    });
    let leaf = old.leaf_with(|params| params.custom_extensions.push(point(full_name(CRL))));
    let world = World::of(&[&root])
        .candidates(&[&old, &new])
        .tried(&[CRL])
        .mode(RevocationMode::WhenAvailable);
    let revoking = world.crls(&[new.crl().revoke(&leaf)]);
    assert_eq!(revoking.distrust(&leaf), REVOKED);
}

/// Proves: C22
#[test]
fn an_answer_speaks_for_a_certificate_without_an_address_too() {
    let root = Ca::root("Root");
    let leaf = root.leaf();
    let mut world = World::of(&[&root]).answers(&[good(&root, &leaf)]);
    assert_eq!(
        world.trusted(&leaf).notes(),
        [PathNote::NoRevocationAddress(Place::Leaf)]
    );
    world.policy.no_crl_address = NoCrlAddress::Refuse;
    assert_eq!(
        world.distrust(&leaf),
        Distrust::NoRevocationAddress(Place::Leaf)
    );
    let world = world.answers(&[bad(&root, &leaf)]);
    assert_eq!(world.distrust(&leaf), REVOKED);
}

/// Proves: C31
#[test]
fn responders_are_asked_only_once_the_path_holds() {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    let leaf = ca.leaf_with(|params| params.custom_extensions.push(responders_at(&[OCSP])));
    let world = World::of(&[&root]);
    assert_eq!(world.distrust(&leaf), Distrust::UnknownIssuer);
    let impostor = Ca::root("CA");
    let world = world.candidates(&[&impostor]);
    assert_eq!(world.distrust(&leaf), Distrust::WrongIssuer(Place::Leaf));
    let mut world = world.candidates(&[&ca]);
    match world.ocsp_needs(&leaf).as_slice() {
        [need] => {
            assert_eq!(need.urls(), [OCSP]);
            assert_eq!(
                (need.certificate(), need.issuer()),
                (&leaf, &ca.certificate)
            );
        }
        other => panic!("{other:?}"),
    }
    // Not for a path that is lost anyhow.
    world.at = AT + Duration::days(31);
    assert_eq!(world.distrust(&leaf), Distrust::Expired(Place::Leaf));
}

/// One responder serves leaf and intermediate: that it was asked about the one says nothing about
/// the other. Lists are asked for in the same round.
///
/// Proves: C19, C21
#[test]
fn a_whole_path_is_asked_about_at_once_and_by_certificate() {
    let root = Ca::root("Root");
    let at_ocsp = responders_at(&[OCSP]);
    let upper = root.ca_with("Upper", |params| {
        params.custom_extensions.push(point(full_name(CRL)))
    });
    let ca = upper.ca_with("CA", |params| {
        params.custom_extensions.push(at_ocsp.clone())
    });
    let leaf = ca.leaf_with(|params| params.custom_extensions.push(at_ocsp));
    let world = World::of(&[&root]).candidates(&[&upper, &ca]);
    let needs = world.needs(&leaf);
    let [of_leaf, of_ca, of_upper] = needs.as_slice() else {
        panic!("{needs:?}");
    };
    assert!(matches!(of_upper, TrustNeed::Crl(_)));
    assert_ne!(of_leaf.marks(), of_ca.marks());
    let world = world
        .tried(&[CRL])
        .crls(&[root.crl()])
        .answers(&[good(&ca, &leaf)]);
    let about_ca = world.ocsp_needs(&leaf);
    assert_eq!(about_ca.len(), 1);
    assert_eq!(about_ca[0].certificate(), &ca.certificate);
    let revoked = bad(&upper, &ca.certificate);
    let good = good(&upper, &ca.certificate);
    let world = world.in_vain(&leaf);
    assert_eq!(
        world.distrust(&leaf),
        Distrust::RevocationUnknown(Place::Issuer(1))
    );
    let world = world.answers(&[good]);
    world.trusted(&leaf);
    let world = world.answers(&[revoked]);
    assert_eq!(world.distrust(&leaf), Distrust::Revoked(Place::Issuer(1)));
}

/// Proves: C31
#[test]
fn three_responders_at_most_are_asked_once_each_over_http() {
    let root = Ca::root("Root");
    let urls = [
        "ldap://ocsp.example.org/",
        "http://user:secret@ocsp.example.org/",
        "http://a.example/",
        "https://b.example/",
        "file:///etc/passwd",
        "http://c.example/",
        "http://d.example/",
    ];
    let leaf = root.leaf_with(|params| params.custom_extensions.push(responders_at(&urls)));
    let world = World::of(&[&root]);
    let needs = world.ocsp_needs(&leaf);
    assert_eq!(needs.len(), 1);
    assert_eq!(needs[0].urls(), [urls[2], urls[3], urls[5]]);
    let marks = TrustNeed::Ocsp(needs[0].clone()).marks();
    let world = world.tried(&[&marks[0]]);
    assert_eq!(world.ocsp_needs(&leaf)[0].urls(), [urls[3], urls[5]]);
    // The fourth is never asked.
    let world = world.in_vain(&leaf);
    assert_eq!(world.distrust(&leaf), STATUS_UNKNOWN);
    // About another certificate of the same issuer they are.
    let other = root.leaf_with(|params| params.custom_extensions.push(responders_at(&urls)));
    assert_eq!(world.ocsp_needs(&other)[0].urls().len(), 3);
}

/// Proves: C31
#[test]
fn a_need_knows_its_answer() {
    let (root, leaf) = setting();
    let need = World::of(&[&root]).ocsp_needs(&leaf).remove(0);
    let read = |plan: &OcspPlan<'_>| need.read(&plan.der(), AT).unwrap();
    let plan = OcspPlan::of(&root, &leaf);
    let answered = |plan: &OcspPlan<'_>| need.is_answered_by(&read(plan), AT);
    assert!(answered(&plan));
    assert!(answered(&plan.clone().status(&revoked(1))));
    assert!(!answered(&plan.clone().status(UNKNOWN)));
    assert!(!need.is_answered_by(&read(&plan), AT + Duration::HOUR));
    let other = good(&root, &root.leaf());
    assert!(!need.is_about(&other) && !need.is_answered_by(&other, AT));
}

/// The request is the one that OpenSSL makes.
///
/// Proves: C31
#[test]
fn the_request_is_openssl_s() {
    let openssl = |certificate: &Certificate| X509::from_der(certificate.der()).unwrap();
    let root = Ca::root("Root");
    for serial in [
        &[1][..],
        &[0x80],
        &[0x7f; 20],
        &[0xff; 19],
        // Longer than any serial number should be.
        &[0x55; 300],
    ] {
        let leaf = root.leaf_with(|params| {
            params.custom_extensions.push(responders_at(&[OCSP]));
            params.serial_number = Some(rcgen::SerialNumber::from_slice(serial));
        });
        let need = World::of(&[&root]).ocsp_needs(&leaf).remove(0);
        let id = OcspCertId::from_cert(
            MessageDigest::sha1(),
            &openssl(&leaf),
            &openssl(&root.certificate),
        );
        let mut request = OcspRequest::new().unwrap();
        request.add_id(id.unwrap()).unwrap();
        assert_eq!(
            hex::encode(need.request()),
            hex::encode(request.to_der().unwrap())
        );
    }
}
