//! Verdicts must not depend on the order in which anything is given.

use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::pki::{AT, Ca, World, full_name, point};
use crate::certificate::Certificate;
use crate::trust::{Crl, Outcome, RevocationMode, TrustStore};

/// Certificates and CRLs of which some selections are trusted and some are not, for many reasons.
struct Material {
    anchors: Vec<Certificate>,
    certificates: Vec<Certificate>,
    crls: Vec<std::sync::Arc<Crl>>,
    leaf: Certificate,
}

fn material() -> &'static Material {
    static MATERIAL: OnceLock<Material> = OnceLock::new();
    MATERIAL.get_or_init(|| {
        let (one, two) = (Ca::root("One"), Ca::root("Two"));
        let upper = one.ca("Upper");
        let ca = upper.ca("CA");
        let rolled = upper.ca("CA");
        let address = |params: &mut rcgen::CertificateParams| {
            params
                .custom_extensions
                .push(point(full_name("http://pki.example.org/crl")));
        };
        let leaf = ca.leaf_with(address);
        let expired =
            |params: &mut rcgen::CertificateParams| params.not_after = AT - time::Duration::HOUR;
        let cross = two.certify(&upper, |_| {});
        Material {
            certificates: vec![
                upper.certificate.clone(),
                ca.certificate.clone(),
                rolled.certificate.clone(),
                cross.clone(),
                two.certify(&ca, expired),
                one.certify(&two, |_| {}),
                upper.certify(&ca, expired),
                Ca::root("CA").certificate,
                Ca::root("Upper").certificate,
            ],
            crls: [
                ca.crl(),
                rolled.crl(),
                upper.crl().revoke(&rolled.certificate),
                one.crl(),
                two.crl().revoke(&cross),
                ca.crl().signed_by(&two).revoke(&leaf),
            ]
            .iter()
            .map(super::pki::CrlPlan::build)
            .collect(),
            anchors: vec![one.certificate, two.certificate],
            leaf,
        }
    })
}

/// Three CAs that all certify each other, under two roots that do so too, each in two certificates;
/// one of the CAs is an anchor itself, and there are more lists under one name than are kept.
fn mesh() -> &'static Material {
    static MATERIAL: OnceLock<Material> = OnceLock::new();
    MATERIAL.get_or_init(|| {
        let roots = [Ca::root("One"), Ca::root("Two")];
        let [one, two] = &roots;
        let cas = ["A", "B", "C"].map(Ca::root);
        let [a, b, c] = &cas;
        let mut certificates = Vec::new();
        let all: Vec<&Ca> = roots.iter().chain(&cas).collect();
        for issuer in &all {
            for subject in &all {
                if issuer.params.distinguished_name != subject.params.distinguished_name {
                    certificates.push(issuer.certify(subject, |_| {}));
                }
            }
        }
        let address = |params: &mut rcgen::CertificateParams| {
            params
                .custom_extensions
                .push(point(full_name("http://pki.example.org/crl")));
        };
        let leaf = a.leaf_with(address);
        // Whichever of its certificates are revoked, other ways remain.
        let revoked = certificates
            .iter()
            .filter(|one| one.subject_key() == a.certificate.subject_key());
        let mut lists: Vec<_> = revoked.take(2).map(|one| b.crl().revoke(one)).collect();
        lists.extend([one.crl(), two.crl(), b.crl(), c.crl()]);
        lists.push(a.crl().signed_by(two).revoke(&leaf));
        for number in 0..20 {
            let mut list = a.crl();
            list.number = number;
            list.this_update = AT - time::Duration::minutes(i64::from(number));
            lists.push(if number == 10 {
                list.revoke(&leaf)
            } else {
                list
            });
        }
        Material {
            crls: lists.iter().map(super::pki::CrlPlan::build).collect(),
            anchors: vec![
                one.certificate.clone(),
                two.certificate.clone(),
                c.certificate.clone(),
                one.certify(one, |_| {}),
            ],
            certificates,
            leaf,
        }
    })
}

fn verdict(
    leaf: &Certificate,
    anchors: &[Certificate],
    intermediates: &[Certificate],
    certificates: &[Certificate],
    crls: &[std::sync::Arc<Crl>],
    mode: RevocationMode,
) -> String {
    let store = TrustStore::new(anchors.to_vec(), intermediates.to_vec(), Vec::new()).unwrap();
    let mut world = World::new(store).mode(mode).certificates(certificates);
    world.crls.extend_from_slice(crls);
    match world.outcome(leaf) {
        Outcome::Trusted(path) => format!("{:?}", (path.intermediates(), path.notes())),
        other => format!("{other:?}"),
    }
}

fn shuffled<T: Clone + std::fmt::Debug + 'static>(
    items: Vec<T>,
) -> impl Strategy<Value = (Vec<T>, Vec<T>)> {
    let count = items.len();
    subsequence(items, 0..=count)
        .prop_flat_map(|chosen| (Just(chosen.clone()), Just(chosen).prop_shuffle()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_order_of_what_is_given_never_shows(
        anchors in subsequence(material().anchors.clone(), 1..=2).prop_flat_map(|chosen| {
            (Just(chosen.clone()), Just(chosen).prop_shuffle())
        }),
        certificates in shuffled(material().certificates.clone()),
        intermediates in shuffled(material().certificates.clone()),
        crls in shuffled(material().crls.clone()),
        required in any::<bool>(),
    ) {
        let mode = if required { RevocationMode::Required } else { RevocationMode::WhenAvailable };
        let leaf = &material().leaf;
        let first = verdict(leaf, &anchors.0, &intermediates.0, &certificates.0, &crls.0, mode);
        let second = verdict(leaf, &anchors.1, &intermediates.1, &certificates.1, &crls.1, mode);
        prop_assert_eq!(first, second);
    }

    #[test]
    fn nor_does_it_where_all_certify_each_other(
        anchors in subsequence(mesh().anchors.clone(), 1..=4).prop_flat_map(|chosen| {
            (Just(chosen.clone()), Just(chosen).prop_shuffle())
        }),
        certificates in shuffled(mesh().certificates.clone()),
        intermediates in shuffled(mesh().certificates.clone()),
        crls in shuffled(mesh().crls.clone()),
        required in any::<bool>(),
    ) {
        let mode = if required { RevocationMode::Required } else { RevocationMode::WhenAvailable };
        let leaf = &mesh().leaf;
        let first = verdict(leaf, &anchors.0, &intermediates.0, &certificates.0, &crls.0, mode);
        let second = verdict(leaf, &anchors.1, &intermediates.1, &certificates.1, &crls.1, mode);
        prop_assert_eq!(first, second);
    }
}

/// More lists of one issuer than are kept unverified: which of them are kept must not depend on
/// the order either.
#[test]
fn which_lists_are_kept_does_not_depend_on_their_order() {
    let root = Ca::root("Root");
    let leaf = root.leaf();
    let lists: Vec<_> = (0..20_u8)
        .map(|number| {
            let mut list = root.crl();
            list.number = number;
            list.this_update = AT - time::Duration::minutes(i64::from(number));
            list
        })
        .collect();
    for revoking in 0..20 {
        let built = |(number, list): (usize, &super::pki::CrlPlan<'_>)| {
            let plan = super::pki::CrlPlan {
                entries: Vec::new(),
                extensions: Vec::new(),
                issuer: list.issuer.clone(),
                ..*list
            };
            if number == revoking {
                plan.revoke(&leaf)
            } else {
                plan
            }
            .build()
        };
        let mut crls: Vec<_> = lists.iter().enumerate().map(built).collect();
        let verdict = |crls: &[std::sync::Arc<Crl>]| {
            let mut world = World::of(&[&root]);
            world.crls = crls.to_vec();
            format!("{:?}", world.outcome(&leaf))
        };
        let forwards = verdict(&crls);
        crls.reverse();
        assert_eq!(forwards, verdict(&crls), "{revoking}");
    }
}

proptest! {
    #[test]
    fn bytes_that_are_no_certificate_or_crl_are_refused_without_a_panic(
        position in any::<prop::sample::Index>(),
        value in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut der = material().leaf.der().to_vec();
        let at = position.index(der.len());
        der[at] = value;
        if let Ok(certificate) = Certificate::from_der(&der) {
            let world = World::new(
                TrustStore::new(material().anchors.clone(), Vec::new(), Vec::new()).unwrap(),
            );
            let world = world.certificates(&material().certificates);
            let mode = RevocationMode::Off;
            let trusted = matches!(world.mode(mode).outcome(&certificate), Outcome::Trusted(_));
            prop_assert_eq!(trusted, certificate == material().leaf);
        }
        der.truncate(cut.index(der.len()));
        prop_assert!(Certificate::from_der(&der).is_err());
        prop_assert!(Crl::from_der(&der).is_err());
    }
}
