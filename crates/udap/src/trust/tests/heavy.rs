//! Paths that are made to take long to judge. Work is counted, not timed.

use std::sync::Mutex;

use time::OffsetDateTime;

use super::pki::{AT, Ca, World, extension, tlv};
use crate::certificate::Certificate;
use crate::limits;
use crate::trust::judge::Weight;
use crate::trust::{
    CertvalJudge, CrlStore, Distrust, Evidence, Judge, LinearPath, Outcome, PathRule, Place,
    TrustStore, evaluate,
};

/// Weighs what is judged, and refuses all of it.
#[derive(Default)]
struct Scales(Mutex<Vec<Weight>>);

impl Judge for Scales {
    fn judge(&self, path: &LinearPath, _: &[String], _: OffsetDateTime) -> Result<(), Distrust> {
        self.0.lock().unwrap().push(path.weight());
        Err(Distrust::Rule {
            place: Place::Leaf,
            rule: PathRule::Other,
        })
    }
}

fn judged(world: &World, leaf: &Certificate, judge: &dyn Judge) -> Outcome {
    let evidence = Evidence {
        candidates: &world.candidates,
        crls: &CrlStore::default(),
        ocsp: &[],
        tried: &world.tried,
    };
    evaluate(judge, &world.policy, leaf, &evidence, AT)
}

/// nameConstraints with so many DNS names: permitted (0xa0) or excluded (0xa1).
fn constraints(tag: u8, count: usize) -> rcgen::CustomExtension {
    let subtree = |number| tlv(0x30, tlv(0x82, format!("n{number}.example.org")));
    let subtrees: Vec<u8> = (0..count).flat_map(subtree).collect();
    extension(&[2, 5, 29, 30], true, tlv(0x30, tlv(tag, subtrees)))
}

/// Below so many constraints each, a leaf within them.
fn chain(root: &Ca, names: &[&str], count: usize) -> (Vec<Ca>, Certificate) {
    let mut cas: Vec<Ca> = Vec::new();
    for name in names {
        let change = |params: &mut rcgen::CertificateParams| {
            params.custom_extensions.push(constraints(0xa0, count));
        };
        let ca = cas.last().unwrap_or(root).ca_with(name, change);
        cas.push(ca);
    }
    let leaf = cas.last().unwrap().leaf_with(|params| {
        let name = "app.n7.example.org".try_into().unwrap();
        params.subject_alt_names.push(rcgen::SanType::DnsName(name));
    });
    (cas, leaf)
}

#[test]
fn as_many_constraints_as_real_cas_have_are_judged_and_far_more_are_not() {
    let root = Ca::root("Root");
    let (cas, leaf) = chain(&root, &["A", "B"], 90);
    let all: Vec<&Ca> = cas.iter().collect();
    World::of(&[&root]).candidates(&all).trusted(&leaf);

    let (cas, leaf) = chain(&root, &["A", "B"], 400);
    let all: Vec<&Ca> = cas.iter().collect();
    let world = World::of(&[&root]).candidates(&all);
    assert_eq!(world.distrust(&leaf), Distrust::SearchLimit);
}

/// Whoever adds a heavy certificate to the collection does not thereby shut out a light one.
#[test]
fn a_light_path_is_judged_though_a_heavy_one_is_not() {
    let root = Ca::root("Root");
    let (cas, leaf) = chain(&root, &["A"], 400);
    let light: Vec<_> = (0..3)
        .map(|_| root.certify(&cas[0], |params| params.custom_extensions.clear()))
        .collect();
    let world = World::of(&[&root]).candidates(&[&cas[0]]);
    assert_eq!(world.distrust(&leaf), Distrust::SearchLimit);
    for light in light {
        let world = World::of(&[&root]).candidates(&[&cas[0]]);
        let path = world
            .certificates(std::slice::from_ref(&light))
            .trusted(&leaf);
        assert_eq!(path.intermediates(), [light]);
    }
}

/// Nine CAs, of which six are the same two over and over, so that there are many paths.
fn many_paths(root: &Ca, heavy: rcgen::CustomExtension) -> (Vec<Certificate>, Certificate) {
    let (upper, lower) = (Ca::root("Upper"), Ca::root("Lower"));
    let mut certificates = Vec::new();
    for _ in 0..3 {
        certificates.push(root.certify(&upper, |_| {}));
        certificates.push(upper.certify(&lower, |_| {}));
    }
    let mut above = lower;
    for number in 0..3 {
        let ca = above.ca_with(&format!("Bomb {number}"), |params| {
            params.custom_extensions.push(heavy.clone());
        });
        certificates.push(ca.certificate.clone());
        above = ca;
    }
    (certificates, above.leaf())
}

#[test]
fn all_paths_of_one_search_are_paid_from_one_purse() {
    let root = Ca::root("Root");
    let junk = extension(&[1, 3, 6, 1, 4, 1, 32473, 1], false, vec![0; 15_000]);
    // Nine paths, of which only some are judged.
    for (heavy, allowed) in [(junk, 1..9), (constraints(0xa0, 60), 1..9)] {
        let (certificates, leaf) = many_paths(&root, heavy);
        let scales = Scales::default();
        let world = World::of(&[&root]).certificates(&certificates);
        assert!(matches!(
            judged(&world, &leaf, &scales),
            Outcome::Untrusted(_)
        ));
        let weights = scales.0.into_inner().unwrap();
        let octets: usize = weights.iter().map(|weight| weight.octets).sum();
        let comparisons: usize = weights.iter().map(|weight| weight.comparisons).sum();
        assert!(octets <= limits::PATH_JUDGED_BYTES, "{octets}");
        assert!(comparisons <= limits::PATH_COMPARISONS, "{comparisons}");
        assert!(allowed.contains(&weights.len()), "{}", weights.len());
    }
}

#[test]
fn a_path_is_as_heavy_as_what_is_compared_in_it() {
    let root = Ca::root("Root");
    let weight = |changes: [Vec<rcgen::CustomExtension>; 3]| {
        let [upper, lower, leaf] = changes;
        let with = |extensions| {
            move |params: &mut rcgen::CertificateParams| {
                params.custom_extensions = extensions;
            }
        };
        let upper = root.ca_with("Upper", with(upper));
        let lower = upper.ca_with("Lower", with(lower));
        let leaf = lower.leaf_with(with(leaf));
        let scales = Scales::default();
        let world = World::of(&[&root]).candidates(&[&upper, &lower]);
        judged(&world, &leaf, &scales);
        let weights = scales.0.into_inner().unwrap();
        assert_eq!(weights.len(), 1);
        let ders = [
            &root.certificate,
            &upper.certificate,
            &lower.certificate,
            &leaf,
        ];
        let octets = ders.iter().map(|one| one.der().len()).sum::<usize>();
        assert_eq!(weights[0].octets, octets);
        weights[0].comparisons
    };
    let policies = |count: u8| {
        let policy = |number| tlv(0x30, tlv(0x06, [0x2a, 3, number]));
        let policies: Vec<u8> = (0..count).flat_map(policy).collect();
        extension(&[2, 5, 29, 32], false, tlv(0x30, policies))
    };
    let mapping = {
        let policy = |number| tlv(0x06, [0x2a, 3, number]);
        let pair = tlv(0x30, [policy(1), policy(2)].concat());
        extension(&[2, 5, 29, 33], false, tlv(0x30, pair))
    };
    let none = Vec::new;
    assert_eq!(weight([none(), none(), none()]), 0);
    // Ten with each other; then the names of "Lower" (2) and the leaf (2 and a URI) with each.
    assert_eq!(
        weight([vec![constraints(0xa0, 10)], none(), none()]),
        100 + 20 + 30
    );
    assert_eq!(
        weight([vec![constraints(0xa1, 10)], none(), none()]),
        20 + 30
    );
    // Five with each other and the ten above.
    let both = [
        vec![constraints(0xa0, 10)],
        vec![constraints(0xa0, 5)],
        none(),
    ];
    assert_eq!(weight(both), 100 + 20 + 5 * 15 + 3 * 15);
    let some = [
        vec![policies(3), mapping],
        vec![policies(2)],
        vec![policies(1)],
    ];
    assert_eq!(weight(some), 4 * 4 + 2 * 6 + 7);
}

/// certval, as it is set up, agrees that these paths hold.
#[test]
fn the_heaviest_that_is_judged_is_judged_well() {
    let root = Ca::root("Root");
    let ca = root.ca_with("CA", |params| {
        params.custom_extensions.push(constraints(0xa1, 170));
    });
    let leaf = |host: &str| {
        ca.leaf_with(|params| {
            let name = host.try_into().unwrap();
            params.subject_alt_names.push(rcgen::SanType::DnsName(name));
        })
    };
    let anchors = vec![root.certificate.clone()];
    let world = World::new(TrustStore::new(anchors, Vec::new(), Vec::new()).unwrap());
    let world = world.candidates(&[&ca]);
    let judge = CertvalJudge::new();
    let verdict = |host| judged(&world, &leaf(host), &judge);
    assert!(matches!(verdict("example.com"), Outcome::Trusted(_)));
    assert!(matches!(
        verdict("n169.example.org"),
        Outcome::Untrusted(Distrust::Rule {
            place: Place::Leaf,
            rule: PathRule::NameConstraints
        })
    ));
}
