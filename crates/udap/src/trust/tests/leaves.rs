//! Rules for the leaf (N11).

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType};
use time::Duration;

use super::pki::{AT, Ca, World, decode, extension, leaf_params, params, tlv};
use crate::certificate::{Certificate, CertificateFlaw};
use crate::key::KeyError;
use crate::trust::{Distrust, PathRule, Place};

/// Proves: C05
#[test]
fn a_good_leaf_is_trusted_and_a_stranger_s_is_not() {
    let (ours, theirs) = (Ca::root("Ours"), Ca::root("Theirs"));
    let world = World::of(&[&ours]);
    let leaf = ours.leaf();
    let path = world.trusted(&leaf);
    assert_eq!(path.leaf(), &leaf);
    assert_eq!(path.anchor().certificate(), &ours.certificate);
    assert!(path.intermediates().is_empty());
    assert_eq!(world.distrust(&theirs.leaf()), Distrust::UnknownIssuer);
    // Handing in their root changes nothing (C04).
    let world = world.candidates(&[&theirs]);
    assert_eq!(world.distrust(&theirs.leaf()), Distrust::UnknownIssuer);
}

/// Proves: C05
#[test]
fn a_namesake_of_the_anchor_is_not_the_anchor() {
    let ours = Ca::root("Root");
    let impostor = Ca::root_with("Root", |params| {
        params.key_identifier_method =
            rcgen::KeyIdMethod::PreSpecified(ours.certificate.subject_key_id().unwrap().to_vec());
    });
    let world = World::of(&[&ours]).candidates(&[&impostor]);
    assert_eq!(
        world.distrust(&impostor.leaf()),
        Distrust::WrongIssuer(Place::Leaf)
    );
}

/// Proves: C11
#[test]
fn a_leaf_counts_from_its_first_to_its_last_second_without_skew() {
    let root = Ca::root("Root");
    let leaf = root.leaf_with(|params| {
        params.not_before = AT;
        params.not_after = AT + Duration::hours(1);
    });
    let mut world = World::of(&[&root]);
    for (seconds, verdict) in [
        (-1, Some(Distrust::NotYetValid(Place::Leaf))),
        (0, None),
        (3_600, None),
        (3_601, Some(Distrust::Expired(Place::Leaf))),
    ] {
        world.at = AT + Duration::seconds(seconds);
        match verdict {
            None => drop(world.trusted(&leaf)),
            Some(distrust) => assert_eq!(world.distrust(&leaf), distrust),
        }
    }
}

/// Proves: C13
#[test]
fn a_ca_certificate_is_no_leaf() {
    let root = Ca::root("Root");
    let leaf = root.leaf_with(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(World::of(&[&root]).distrust(&leaf), Distrust::LeafIsCa);
    assert_eq!(
        World::of(&[&root]).distrust(&root.certificate),
        Distrust::LeafIsCa
    );
}

/// Proves: C13
#[test]
fn a_self_signed_leaf_is_refused_even_beside_an_anchor_of_its_name() {
    let root = Ca::root("App");
    let mut params = leaf_params();
    params.is_ca = IsCa::ExplicitNoCa;
    let leaf = decode(params.self_signed(&super::pki::key()).unwrap().der());
    assert_eq!(
        World::of(&[&root]).distrust(&leaf),
        Distrust::LeafSelfSigned
    );
}

/// A forged certificate that carries an anchor's key must not pass for the anchor.
///
/// Proves: C13
#[test]
fn a_leaf_with_an_anchor_s_key_is_refused_whoever_signed_it() {
    let (ours, other) = (Ca::root("Ours"), Ca::root("Other"));
    let world = World::of(&[&ours, &other]);
    for issuer in [&ours, &other, &Ca::root("Stranger")] {
        let leaf = issuer.sign(&leaf_params(), &ours.key);
        assert_eq!(world.distrust(&leaf), Distrust::LeafHasAnchorKey);
    }
}

/// Proves: C14
#[test]
fn key_usage_needs_digital_signature_where_it_is_present() {
    let root = Ca::root("Root");
    let world = World::of(&[&root]);
    let with = |usages: Vec<KeyUsagePurpose>| root.leaf_with(|params| params.key_usages = usages);
    world.trusted(&with(Vec::new()));
    world.trusted(&with(vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
    ]));
    let without = with(vec![KeyUsagePurpose::KeyEncipherment]);
    assert_eq!(world.distrust(&without), Distrust::LeafKeyUsage);
}

/// Proves: C14
#[test]
fn extended_key_usage_is_not_judged_critical_or_not() {
    let root = Ca::root("Root");
    let world = World::of(&[&root]);
    world.trusted(&root.leaf_with(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::TimeStamping];
    }));
    let server_auth = tlv(0x30, tlv(0x06, [0x2b, 6, 1, 5, 5, 7, 3, 1]));
    let critical = extension(&[2, 5, 29, 37], true, server_auth);
    let leaf = root.leaf_with(|params| params.custom_extensions.push(critical.clone()));
    world.trusted(&leaf);
    // Real roots have it, critical too.
    let root = Ca::root_with("Root", |params| params.custom_extensions.push(critical));
    World::of(&[&root]).trusted(&root.leaf());
}

/// Proves: C15
#[test]
fn a_leaf_s_key_is_rsa_p_256_or_p_384_only() {
    let root = Ca::root("Root");
    let world = World::of(&[&root]);
    let signed = |key: &KeyPair| root.sign(&leaf_params(), key);
    let generate = |algorithm| KeyPair::generate_for(algorithm).unwrap();
    world.trusted(&signed(&generate(&rcgen::PKCS_ECDSA_P384_SHA384)));
    world.trusted(&signed(&generate(&rcgen::PKCS_RSA_SHA256)));
    for algorithm in [&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P521_SHA512] {
        assert_eq!(
            world.distrust(&signed(&generate(algorithm))),
            Distrust::Key {
                place: Place::Leaf,
                error: KeyError::Kind
            }
        );
    }
}

/// Proves: C15
#[test]
fn issuers_and_anchors_have_keys_of_the_same_kinds() {
    let root = Ca::root("Root");
    let mut ca = root.ca("CA");
    ca.key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    ca.certificate = root.sign(&ca.params, &ca.key);
    let leaf = root.leaf();
    // The signature scheme of what it issues is found first.
    let issued = ca.leaf();
    let world = World::of(&[&root]).candidates(&[&ca]);
    world.trusted(&leaf);
    assert_eq!(
        world.distrust(&issued),
        Distrust::SignatureAlgorithm(Place::Leaf)
    );
    let anchors = vec![ca.certificate.clone()];
    assert!(crate::trust::TrustStore::new(anchors, Vec::new(), Vec::new()).is_err());
}

/// Proves: C12
#[test]
fn an_unknown_critical_extension_is_refused_and_an_uncritical_one_is_not() {
    let root = Ca::root("Root");
    let world = World::of(&[&root]);
    let with = |critical| {
        root.leaf_with(|params| {
            let unknown = extension(&[1, 3, 6, 1, 4, 1, 32473, 1], critical, vec![5, 0]);
            params.custom_extensions.push(unknown);
        })
    };
    world.trusted(&with(false));
    assert_eq!(
        world.distrust(&with(true)),
        Distrust::Rule {
            place: Place::Leaf,
            rule: PathRule::CriticalExtension
        }
    );
}

fn flaw(root: &Ca, leaf: &Certificate) -> CertificateFlaw {
    match World::of(&[root]).distrust(leaf) {
        Distrust::Flaw {
            place: Place::Leaf,
            flaw,
        } => flaw,
        other => panic!("{other:?}"),
    }
}

/// Proves: C12
#[test]
fn a_repeated_or_undecodable_extension_is_refused() {
    let root = Ca::root("Root");
    let twice = root.leaf_with(|params| {
        params
            .custom_extensions
            .push(extension(&[2, 5, 29, 17], false, tlv(0x30, tlv(0x82, "a"))));
    });
    assert_eq!(flaw(&root, &twice), CertificateFlaw::DuplicateExtension);
    // An unknown one that stands there twice, too.
    let unknown = || extension(&[1, 3, 6, 1, 4, 1, 32473, 1], false, vec![5, 0]);
    let twice = root.leaf_with(|params| params.custom_extensions = vec![unknown(), unknown()]);
    assert_eq!(flaw(&root, &twice), CertificateFlaw::DuplicateExtension);

    for (oid, content) in [
        (&[2, 5, 29, 30][..], vec![0x30, 3, 1]), // nameConstraints, cut off
        (&[2, 5, 29, 36], vec![0x04, 1, 1]),     // policyConstraints of another type
        (&[2, 5, 29, 32], vec![0x30, 2, 0x30, 0, 0, 0]), // certificatePolicies with a tail
        (&[2, 5, 29, 31], tlv(0x30, tlv(0x30, tlv(0xa5, [])))), // an unknown field in a CDP
        (&[1, 3, 6, 1, 5, 5, 7, 1, 1], vec![0x30, 2, 0x30, 0]), // authorityInfoAccess
    ] {
        let leaf = root.leaf_with(|params| {
            params
                .custom_extensions
                .push(extension(oid, false, content))
        });
        assert_eq!(
            flaw(&root, &leaf),
            CertificateFlaw::UndecodableExtension,
            "{oid:?}"
        );
    }
    // freshestCRL is never read.
    World::of(&[&root]).trusted(&root.leaf_with(|params| {
        params
            .custom_extensions
            .push(extension(&[2, 5, 29, 46], false, vec![0x30, 3, 1]));
    }));
}

/// Proves: C12
#[test]
fn malformed_names_in_a_subject_alternative_name_are_refused() {
    let root = Ca::root("Root");
    let with = |name: Vec<u8>| {
        root.leaf_with(|params| {
            params.subject_alt_names.clear();
            let names = [tlv(0x86, super::pki::APP), name].concat();
            params
                .custom_extensions
                .push(extension(&[2, 5, 29, 17], false, tlv(0x30, names)));
        })
    };
    World::of(&[&root]).trusted(&with(tlv(0x82, "app.example.org")));
    for name in [
        tlv(0x82, "bad..example.org"),
        tlv(0x82, "example.org."),
        tlv(0x82, ".example.org"),
        tlv(0x82, ""),
        tlv(0x81, "nobody"),
        tlv(0x81, "a@b@example.org"),
        tlv(0x86, "no scheme"),
        tlv(0x86, "https://bücher.example"),
        tlv(0x87, [1, 2, 3]),
        tlv(0x82, [0xff]),
    ] {
        assert_eq!(
            flaw(&root, &with(name.clone())),
            CertificateFlaw::MalformedName,
            "{name:?}"
        );
    }
}

/// Proves: C17
#[test]
fn all_uris_and_only_uris_of_the_subject_alternative_name_are_read() {
    let root = Ca::root("Root");
    let leaf = root.leaf_with(|params| {
        let name = |uri: &str| SanType::URI(uri.try_into().unwrap());
        params.subject_alt_names = vec![
            SanType::DnsName("dns.example.org".try_into().unwrap()),
            name("https://one.example.org"),
            SanType::Rfc822Name("a@example.org".try_into().unwrap()),
            name("https://two.example.org/x"),
        ];
    });
    assert_eq!(
        leaf.uri_names(),
        ["https://one.example.org", "https://two.example.org/x"]
    );
}

#[test]
fn reasons_name_the_certificate_by_place_and_never_quote_it() {
    let root = Ca::root("Root");
    let mut world = World::of(&[&root]);
    let leaf = root.sign(&params("Secret Name"), &super::pki::key());
    world.at = AT + Duration::days(400);
    let text = world.distrust(&leaf).to_string();
    assert_eq!(text, "the leaf certificate has expired");
}
