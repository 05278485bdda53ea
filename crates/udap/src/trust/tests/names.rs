//! Name constraints (RFC 5280 §4.2.1.10) of issuers and anchors.

use rcgen::{GeneralSubtree, NameConstraints, SanType};

use super::pki::{Ca, World, extension, tlv};
use crate::trust::{Distrust, Outcome, PathRule, Place};

fn rule(place: Place, rule: PathRule) -> Distrust {
    Distrust::Rule { place, rule }
}

/// nameConstraints with one permitted URI host.
fn permit_uri(host: &str) -> rcgen::CustomExtension {
    let subtree = tlv(0x30, tlv(0x86, host));
    extension(&[2, 5, 29, 30], true, tlv(0x30, tlv(0xa0, subtree)))
}

/// Proves: C12
#[test]
fn uri_name_constraints_of_issuers_and_anchors_are_obeyed() {
    let root = Ca::root("Root");
    let violated = rule(Place::Leaf, PathRule::NameConstraints);
    for (host, is_good) in [
        (".example.org", true),
        ("app.example.org", true),
        ("example.org", false),
        (".example.com", false),
    ] {
        let change = |params: &mut rcgen::CertificateParams| {
            params.custom_extensions.push(permit_uri(host));
        };
        let ca = root.ca_with("CA", change);
        let constrained = Ca::root_with("Constrained", change);
        let by_issuer = World::of(&[&root]).candidates(&[&ca]);
        let by_anchor = World::of(&[&constrained]);
        if is_good {
            by_issuer.trusted(&ca.leaf());
            by_anchor.trusted(&constrained.leaf());
        } else {
            assert_eq!(by_issuer.distrust(&ca.leaf()), violated, "{host}");
            assert_eq!(by_anchor.distrust(&constrained.leaf()), violated, "{host}");
        }
    }
}

/// Proves: C12
#[test]
fn name_constraints_of_other_forms_are_obeyed() {
    let root = Ca::root("Root");
    let ca = root.ca_with("CA", |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: Vec::new(),
            excluded_subtrees: vec![
                GeneralSubtree::DnsName("example.org".to_owned()),
                GeneralSubtree::Rfc822Name("example.org".to_owned()),
            ],
        });
    });
    let world = World::of(&[&root]).candidates(&[&ca]);
    let with = |name| ca.leaf_with(|params| params.subject_alt_names.push(name));
    world.trusted(&with(SanType::DnsName(
        "app.example.com".try_into().unwrap(),
    )));
    for name in [
        SanType::DnsName("app.example.org".try_into().unwrap()),
        SanType::Rfc822Name("a@example.org".try_into().unwrap()),
    ] {
        assert_eq!(
            world.distrust(&with(name)),
            rule(Place::Leaf, PathRule::NameConstraints)
        );
    }
}

/// nameConstraints with one excluded subtree.
fn exclude(base: Vec<u8>) -> rcgen::CustomExtension {
    let subtrees = tlv(0xa1, tlv(0x30, base));
    extension(&[2, 5, 29, 30], true, tlv(0x30, subtrees))
}

/// Proves: C12
#[test]
fn excluded_names_that_cannot_be_compared_exclude() {
    let root = Ca::root("Root");
    let violated = rule(Place::Leaf, PathRule::NameConstraints);
    let below = |base: &[u8]| {
        let change = |params: &mut rcgen::CertificateParams| {
            params.custom_extensions.push(exclude(base.to_vec()));
        };
        (
            root.ca_with("CA", change),
            Ca::root_with("Constrained", change),
        )
    };
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    let dns = SanType::DnsName("app.example.com".try_into().unwrap());

    // A URI without a host by name, where a URI constraint applies.
    let base = tlv(0x86, "evil.example.net");
    for (name, is_good) in [
        (uri("https://other.example.org/"), true),
        (uri("https://evil.example.net/"), false),
        (uri("urn:oid:1.2.3"), false),
        (uri("https:evil.example.net"), false),
        (uri("https://192.0.2.1/"), false),
    ] {
        let (ca, constrained) = below(&base);
        let by_issuer = World::of(&[&root]).candidates(&[&ca]);
        let by_anchor = World::of(&[&constrained]);
        for (world, ca) in [(by_issuer, &ca), (by_anchor, &constrained)] {
            let leaf = ca.leaf_with(|params| params.subject_alt_names.push(name.clone()));
            if is_good {
                world.trusted(&leaf);
            } else {
                assert_eq!(world.distrust(&leaf), violated, "{name:?}");
            }
        }
    }

    // A leaf that constrains names.
    let ca = root.ca("CA");
    let world = World::of(&[&root]).candidates(&[&ca]);
    let constraining = ca.leaf_with(|params| {
        params.custom_extensions.push(exclude(base.clone()));
    });
    assert_eq!(world.distrust(&constraining), violated);

    // Every DNS name.
    let (ca, _) = below(&tlv(0x82, ""));
    let world = World::of(&[&root]).candidates(&[&ca]);
    world.trusted(&ca.leaf());
    let leaf = ca.leaf_with(|params| params.subject_alt_names.push(dns));
    assert_eq!(world.distrust(&leaf), violated);

    // A directory name with an RDN of no attributes.
    let (ca, _) = below(&tlv(0xa4, tlv(0x30, tlv(0x31, ""))));
    let world = World::of(&[&root]).candidates(&[&ca]);
    let refused = world.distrust(&ca.leaf());
    assert_eq!(refused, rule(Place::Issuer(1), PathRule::Encoding));
}

/// Names that are hard to write as text are compared as they are, wherever the constraint stands.
///
/// Proves: C12
#[test]
fn excluded_directory_names_of_every_spelling_exclude() {
    let root = Ca::root("Root");
    let attribute =
        |id: &[u8], tag: u8, value: &[u8]| tlv(0x30, [tlv(0x06, id), tlv(tag, value)].concat());
    let organization = |tag, value| attribute(&[0x55, 4, 10], tag, value);
    let name = |attributes: &[Vec<u8>]| tlv(0xa4, tlv(0x30, tlv(0x31, attributes.concat())));
    for (base, spelling) in [
        (name(&[organization(0x0c, b"Evil")]), "plain"),
        (name(&[organization(0x1e, b"\0E\0v\0i\0l")]), "BMPString"),
        (name(&[organization(0x14, b"Ev\xefl")]), "T61String"),
        (
            name(&[organization(0x0c, b" Evil, Inc.+\"x\\;<=>#")]),
            "special",
        ),
        (name(&[organization(0x0c, b"#04")]), "hash"),
        (
            name(&[organization(0x0c, "Ünglaublich".as_bytes())]),
            "UTF-8",
        ),
        (name(&[organization(0x16, b"Evil")]), "IA5String"),
        (
            name(&[attribute(&[0x2a, 3, 4], 0x0c, b"Evil")]),
            "unknown type",
        ),
        (
            name(&[
                attribute(&[0x55, 4, 3], 0x0c, b"x"),
                organization(0x0c, b"Evil"),
            ]),
            "two in one",
        ),
    ] {
        let change = |params: &mut rcgen::CertificateParams| {
            params.custom_extensions.push(exclude(base.clone()));
        };
        let ca = root.ca_with("CA", change);
        let anchor = Ca::root_with("Constrained", change);
        let other = name(&[organization(0x0c, b"Good")]);
        for (held, is_good) in [(&other, true), (&base, false)] {
            let names = extension(&[2, 5, 29, 17], false, tlv(0x30, held));
            let leaf = |params: &mut rcgen::CertificateParams| {
                params.subject_alt_names.clear();
                params.custom_extensions.push(names.clone());
            };
            let by_issuer = World::of(&[&root])
                .candidates(&[&ca])
                .outcome(&ca.leaf_with(leaf));
            let by_anchor = World::of(&[&anchor]).outcome(&anchor.leaf_with(leaf));
            for outcome in [by_issuer, by_anchor] {
                let trusted = matches!(outcome, Outcome::Trusted(_));
                assert_eq!(trusted, is_good, "{spelling}: {outcome:?}");
            }
        }
    }
}

/// Proves: C12
#[test]
fn constraints_on_names_that_are_malformed_are_refused_wherever_they_stand() {
    let root = Ca::root("Root");
    let dns = |base: &str| tlv(0x82, base);
    let uri = |base: &str| tlv(0x86, base);
    let mail = |base: &str| tlv(0x81, base);
    for (subtree, is_good) in [
        (dns("example.net"), true),
        (uri(".example.net"), true),
        (mail("example.net"), true),
        (mail(".example.net"), true),
        (mail("a@example.net"), true),
        (dns(".example.net"), false),
        (dns("*.example.net"), false),
        (dns("example.net."), false),
        (uri("https://example.net"), false),
        (uri("example.net/"), false),
        (uri(""), false),
        (mail("@example.net"), false),
        (mail("a@"), false),
        // minimum and maximum
        ([dns("example.net"), tlv(0x80, [1])].concat(), false),
        ([dns("example.net"), tlv(0x81, [1])].concat(), false),
    ] {
        let change = |params: &mut rcgen::CertificateParams| {
            params.custom_extensions.push(exclude(subtree.clone()));
        };
        let ca = root.ca_with("CA", change);
        let anchor = Ca::root_with("Constrained", change);
        let by_issuer = World::of(&[&root]).candidates(&[&ca]).outcome(&ca.leaf());
        let by_anchor = World::of(&[&anchor]).outcome(&anchor.leaf());
        for (outcome, place) in [(by_issuer, Place::Issuer(1)), (by_anchor, Place::Anchor)] {
            match outcome {
                Outcome::Trusted(_) => assert!(is_good, "{subtree:?}"),
                Outcome::Untrusted(distrust) => {
                    assert!(!is_good, "{subtree:?}");
                    assert_eq!(distrust, rule(place, PathRule::NameConstraints));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
