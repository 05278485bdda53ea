//! RFC 5280 §6.1 above the leaf, and anchors.

use rcgen::{BasicConstraints, GeneralSubtree, IsCa, KeyUsagePurpose, NameConstraints, SanType};
use time::Duration;

use super::pki::{AT, Ca, World, extension, tlv};
use crate::trust::{
    AnchorError, Distrust, Outcome, PathRule, Place, StoreError, TrustAnchor, TrustStore,
};

fn rule(place: Place, rule: PathRule) -> Distrust {
    Distrust::Rule { place, rule }
}

/// Proves: C11
#[test]
fn issuer_and_anchor_must_be_valid_too() {
    let late = |params: &mut rcgen::CertificateParams| params.not_after = AT - Duration::HOUR;
    let early = |params: &mut rcgen::CertificateParams| params.not_before = AT + Duration::HOUR;
    let root = Ca::root("Root");
    let ca = root.ca_with("CA", late);
    assert_eq!(
        World::of(&[&root]).candidates(&[&ca]).distrust(&ca.leaf()),
        Distrust::Expired(Place::Issuer(1))
    );
    let ca = root.ca_with("CA", early);
    assert_eq!(
        World::of(&[&root]).candidates(&[&ca]).distrust(&ca.leaf()),
        Distrust::NotYetValid(Place::Issuer(1))
    );
    let root = Ca::root_with("Root", late);
    assert_eq!(
        World::of(&[&root]).distrust(&root.leaf()),
        Distrust::Expired(Place::Anchor)
    );
}

/// Proves: C12
#[test]
fn an_issuer_must_be_a_ca() {
    let root = Ca::root("Root");
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa] {
        let ca = root.ca_with("CA", |params| {
            params.is_ca = is_ca;
            params.key_usages.clear();
        });
        let world = World::of(&[&root]).candidates(&[&ca]);
        assert_eq!(
            world.distrust(&ca.leaf()),
            rule(Place::Issuer(1), PathRule::NotCa)
        );
    }
}

/// Proves: C12
#[test]
fn an_issuer_s_key_usage_needs_key_cert_sign_where_it_is_present() {
    let root = Ca::root("Root");
    let with =
        |usages: Vec<KeyUsagePurpose>| root.ca_with("CA", |params| params.key_usages = usages);
    let ca = with(vec![
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ]);
    let world = World::of(&[&root]).candidates(&[&ca]);
    assert_eq!(
        world.distrust(&ca.leaf()),
        rule(Place::Issuer(1), PathRule::KeyUsage)
    );
    // RFC 5280 §6.1.4 (n) asks for nothing where there is none.
    let ca = with(Vec::new());
    World::of(&[&root]).candidates(&[&ca]).trusted(&ca.leaf());
}

/// Proves: C12
#[test]
fn path_lengths_of_issuers_and_of_the_anchor_are_kept() {
    let short = |params: &mut rcgen::CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    };
    let root = Ca::root("Root");
    let upper = root.ca_with("Upper", short);
    let lower = upper.ca("Lower");
    let world = World::of(&[&root]).candidates(&[&upper, &lower]);
    world.trusted(&upper.leaf());
    assert_eq!(
        world.distrust(&lower.leaf()),
        rule(Place::Issuer(1), PathRule::PathLength)
    );

    let root = Ca::root_with("Root", short);
    let ca = root.ca("CA");
    let world = World::of(&[&root]).candidates(&[&ca]);
    world.trusted(&root.leaf());
    assert_eq!(
        world.distrust(&ca.leaf()),
        rule(Place::Issuer(1), PathRule::PathLength)
    );
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
    // A mapping of anyPolicy, even where it maps nothing.
    let any = tlv(0x06, [0x55, 0x1d, 32, 0]);
    let mapping = tlv(0x30, tlv(0x30, [tlv(0x06, [0x2a, 3, 4]), any].concat()));
    let leaf = root.leaf_with(|params| {
        let extension = extension(&[2, 5, 29, 33], false, mapping.clone());
        params.custom_extensions.push(extension);
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

/// Proves: C09
#[test]
fn an_intermediate_can_be_the_anchor() {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    let world = World::of(&[&ca]);
    world.trusted(&ca.leaf());
    assert_eq!(world.distrust(&root.leaf()), Distrust::UnknownIssuer);
    // Nor does its root come in through it.
    let world = world.candidates(&[&root]);
    assert_eq!(world.distrust(&root.leaf()), Distrust::UnknownIssuer);
}

#[test]
fn what_is_no_ca_is_no_anchor() {
    let root = Ca::root("Root");
    let anchor = |certificate| TrustAnchor::new(certificate).unwrap_err();
    assert_eq!(anchor(root.leaf()), AnchorError::NotCa);
    let no_signer = Ca::root_with("Root", |params| {
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
    });
    assert_eq!(anchor(no_signer.certificate), AnchorError::KeyUsage);
    let nameless = Ca::root_with("", |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
    });
    assert_eq!(anchor(nameless.certificate), AnchorError::NoName);
    assert_eq!(
        TrustStore::new(Vec::new(), Vec::new(), Vec::new()).unwrap_err(),
        StoreError::NoAnchor
    );
    let policies = vec!["any".to_owned()];
    assert_eq!(
        TrustStore::new(vec![root.certificate], Vec::new(), policies).unwrap_err(),
        StoreError::Policy("any".to_owned())
    );
}

/// An unknown critical extension of an anchor binds us to something we do not know.
#[test]
fn an_anchor_with_an_unknown_critical_extension_anchors_nothing() {
    let root = Ca::root_with("Root", |params| {
        params
            .custom_extensions
            .push(extension(&[1, 3, 6, 1, 4, 1, 32473, 1], true, vec![5, 0]));
    });
    assert_eq!(
        World::of(&[&root]).distrust(&root.leaf()),
        rule(Place::Anchor, PathRule::CriticalExtension)
    );
}
