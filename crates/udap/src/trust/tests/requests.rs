//! What an evaluation asks for, and when (C07, C08, decisions 2).

use std::collections::BTreeSet;

use time::Duration;

use super::pki::{AT, Ca, World, full_name, issuers_at, point, tlv};
use crate::certificate::Certificate;
use crate::limits;
use crate::trust::evaluate::evaluate_with;
use crate::trust::path::Effort;
use crate::trust::{CertvalJudge, CrlStore, Distrust, Evidence, Outcome, Place, TrustNeed};

fn issuer(url: &str) -> TrustNeed {
    TrustNeed::Issuer {
        url: url.to_owned(),
    }
}

const CA: &str = "http://pki.example.org/ca.cer";
const UPPER: &str = "http://pki.example.org/upper.cer";
const CRL: &str = "http://pki.example.org/ca.crl";

/// Proves: C07
#[test]
fn issuers_are_asked_for_one_above_the_other_until_a_path_exists() {
    let root = Ca::root("Root");
    let upper = root.ca("Upper");
    let ca = upper.ca_with("CA", |params| {
        params.custom_extensions.push(issuers_at(&[UPPER]))
    });
    let leaf = ca.leaf_with(|params| params.custom_extensions.push(issuers_at(&[CA])));
    let world = World::of(&[&root]);
    assert_eq!(world.needs(&leaf), [issuer(CA)]);
    let world = world.candidates(&[&ca]).tried(&[CA]);
    assert_eq!(world.needs(&leaf), [issuer(UPPER)]);
    world.candidates(&[&upper]).tried(&[UPPER]).trusted(&leaf);
}

/// Proves: C08
#[test]
fn an_address_is_asked_once_and_at_most_three_are() {
    let root = Ca::root("Root");
    let urls = [
        "http://a.example/1",
        "http://a.example/2",
        "http://a.example/3",
        "http://a.example/4",
    ];
    let leaf = root
        .ca("CA")
        .leaf_with(|params| params.custom_extensions.push(issuers_at(&urls)));
    let world = World::of(&[&root]);
    assert_eq!(world.needs(&leaf).len(), 3);
    let world = world.tried(&urls[..1]);
    assert_eq!(world.needs(&leaf), [issuer(urls[1]), issuer(urls[2])]);
    let world = world.tried(&urls[..3]);
    assert_eq!(world.distrust(&leaf), Distrust::UnknownIssuer);
}

/// Proves: C08
#[test]
fn nothing_is_asked_for_a_leaf_that_fails_by_itself() {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    let with = |change: fn(&mut rcgen::CertificateParams)| {
        ca.leaf_with(|params| {
            params.custom_extensions.push(issuers_at(&[CA]));
            change(params);
        })
    };
    let mut world = World::of(&[&root]);
    assert_eq!(world.needs(&with(|_| {})), [issuer(CA)]);
    for change in [
        (|params| params.not_after = AT - Duration::HOUR) as fn(&mut rcgen::CertificateParams),
        |params| params.not_before = AT + Duration::HOUR,
        |params| params.subject_alt_names.clear(),
        |params| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained),
        |params| params.key_usages = vec![rcgen::KeyUsagePurpose::KeyEncipherment],
    ] {
        world.distrust(&with(change));
    }
    let mut params = super::pki::leaf_params();
    params.custom_extensions.push(issuers_at(&[CA]));
    let self_signed = params.self_signed(&super::pki::key()).unwrap();
    assert_eq!(
        world.distrust(&super::pki::decode(self_signed.der())),
        Distrust::LeafSelfSigned
    );

    world.policy.aia = false;
    assert_eq!(world.distrust(&with(|_| {})), Distrust::UnknownIssuer);
}

/// Proves: C08
#[test]
fn addresses_that_are_not_plain_http_are_passed_over() {
    let root = Ca::root("Root");
    let urls = [
        "ldap://pki.example.org/cn=CA",
        "file:///etc/passwd",
        "http://user:secret@pki.example.org/ca.cer",
        "ftp://pki.example.org/ca.cer",
        "https://pki.example.org/ca.cer",
    ];
    let leaf = root
        .ca("CA")
        .leaf_with(|params| params.custom_extensions.push(issuers_at(&urls)));
    assert_eq!(World::of(&[&root]).needs(&leaf), [issuer(urls[4])]);
}

/// An unverified certificate in `x5c` must not make us fetch.
///
/// Proves: C08
#[test]
fn only_certificates_whose_signatures_hold_are_asked_about() {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    let impostor = Ca::root_with("CA", |params| {
        params.custom_extensions.push(issuers_at(&[UPPER]))
    });
    let leaf = ca.leaf();
    let world = World::of(&[&root]).candidates(&[&impostor]);
    assert_eq!(world.distrust(&leaf), Distrust::WrongIssuer(Place::Leaf));
}

/// Proves: C20
#[test]
fn crls_are_asked_for_only_once_the_path_holds() {
    let root = Ca::root("Root");
    let ca = root.ca("CA");
    let leaf = ca.leaf_with(|params| params.custom_extensions.push(point(full_name(CRL))));
    let world = World::of(&[&root]);
    assert_eq!(world.distrust(&leaf), Distrust::UnknownIssuer);
    let mut world = world.candidates(&[&ca]);
    match world.needs(&leaf).as_slice() {
        [TrustNeed::Crl(need)] => {
            assert_eq!(need.urls(), [CRL]);
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

/// Proves: C21
#[test]
fn crls_of_a_whole_path_are_asked_for_at_once() {
    let url = |number| format!("http://pki.example.org/{number}.crl");
    let root = Ca::root("Root");
    let ca = root.ca_with("CA", |params| {
        params.custom_extensions.push(point(full_name(&url(1))))
    });
    let leaf = ca.leaf_with(|params| {
        let urls = [
            tlv(0x86, url(2)),
            tlv(0x86, "ldap://x/y"),
            tlv(0x86, url(3)),
        ]
        .concat();
        params
            .custom_extensions
            .push(point(tlv(0xa0, tlv(0xa0, urls))));
    });
    let world = World::of(&[&root]).candidates(&[&ca]);
    let asked = |world: &World| -> Vec<Vec<String>> {
        let needs = world.needs(&leaf);
        needs.iter().map(TrustNeed::marks).collect()
    };
    assert_eq!(asked(&world), [vec![url(2), url(3)], vec![url(1)]]);
    let world = world.tried(&[&url(2)]);
    assert_eq!(asked(&world), [vec![url(3)], vec![url(1)]]);
    let world = world.tried(&[&url(1), &url(3)]);
    assert_eq!(
        world.distrust(&leaf),
        Distrust::RevocationUnknown(Place::Leaf)
    );
    assert!(world.distrust(&leaf).may_pass());
}

/// A search may come by one certificate thousands of times, and each may name hundreds of addresses.
///
/// Proves: C08
#[test]
fn of_addresses_of_issuers_few_are_kept_and_each_once_in_an_order_of_their_own() {
    let cas = ["A", "B", "C", "D", "E"].map(Ca::root);
    let mut candidates = Vec::new();
    for issuer in &cas {
        for subject in &cas {
            let name = &issuer.params.distinguished_name;
            if *name == subject.params.distinguished_name {
                continue;
            }
            let urls: Vec<_> = (0..20)
                .map(|number| format!("http://{}.example/{number}", candidates.len() / 2))
                .collect();
            let mut urls: Vec<_> = urls.iter().map(String::as_str).collect();
            urls.push("ldap://pki.example.org/cn=CA");
            candidates.push(issuer.certify(subject, |params| {
                params.custom_extensions.push(issuers_at(&urls));
            }));
        }
    }
    let leaf = cas[0].leaf_with(|params| params.custom_extensions.push(issuers_at(&[CA])));
    let world = World::of(&[&Ca::root("Root")]);
    let kept = |candidates: &[Certificate], tried: &BTreeSet<String>| {
        let mut effort = Effort::new();
        let evidence = Evidence {
            candidates,
            crls: &CrlStore::default(),
            ocsp: &[],
            tried,
        };
        let judge = CertvalJudge::new();
        let outcome = evaluate_with(&judge, &world.policy, &leaf, &evidence, AT, &mut effort);
        (effort.issuer_urls().to_vec(), outcome)
    };
    let (urls, outcome) = kept(&candidates, &BTreeSet::new());
    assert_eq!(urls.len(), limits::ISSUER_ADDRESSES);
    assert_eq!(urls.iter().collect::<BTreeSet<_>>().len(), urls.len());
    assert!(urls.iter().all(|url| url.starts_with("http://")));
    let Outcome::Need(needs) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(needs, [issuer(CA), issuer(&urls[0]), issuer(&urls[1])]);
    // Those that were asked already leave others to ask.
    let (_, outcome) = kept(&candidates, &[CA.to_owned(), urls[0].clone()].into());
    let Outcome::Need(needs) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(needs, [issuer(&urls[1])]);
    candidates.reverse();
    assert_eq!(kept(&candidates, &BTreeSet::new()).0, urls);
}
