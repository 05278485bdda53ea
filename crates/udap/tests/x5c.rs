//! The `x5c` header of software statements.

mod support;

use support::{APP, ENDPOINT, NOW, World, community, crl_store};
use udap::site::TokenMode;
use udap_testkit::TestCommunity;

const ISS: &str = "invalid_software_statement";
const USS: &str = "unapproved_software_statement";

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Proves: C03, C04
#[test]
fn x5c_is_standard_base64_of_at_most_ten_certificates() {
    let of = TestCommunity::new("example", NOW);
    let world = World::new(&of);
    let leaf = of.client(APP);
    let x5c = leaf.x5c();
    let post = |list: Vec<String>| world.post(&leaf.statement(ENDPOINT, NOW).x5c(list));
    let base64url: Vec<_> = x5c
        .iter()
        .map(|text| text.replace('+', "-").replace('/', "_").replace('=', ""))
        .collect();
    assert_ne!(base64url, x5c);
    assert_eq!(post(base64url).refusal(), (ISS, vec!["C03"]));
    let eleven = std::iter::repeat_n(x5c[0].clone(), 11).collect();
    assert_eq!(post(eleven).refusal(), (ISS, vec!["C04"]));
    let huge = vec![x5c[0].clone(), "A".repeat(40_000)];
    assert_eq!(post(huge).refusal(), (ISS, vec!["C04"]));
    let reversed = x5c.iter().rev().cloned().collect();
    assert_eq!(post(reversed).refusal().0, ISS);
    let twice = [x5c.clone(), x5c.clone()].concat();
    post(twice).approved();
}

/// Proves: C04
#[test]
fn x5c_is_bounded_in_octets_each_and_together() {
    let of = TestCommunity::new("example", NOW);
    let world = World::new(&of);
    let leaf = of.client(APP);
    let of_bytes = |count: usize| -> String {
        let mut large = of.leaf("https://large.example.org/");
        for index in 0..count / 1_000 {
            large = large.and_uri(&format!("https://{index}.example.org/{}", "a".repeat(970)));
        }
        base64(large.build().der())
    };
    let with = |more: Vec<String>| {
        let x5c = [leaf.x5c(), more].concat();
        world.post(&leaf.statement(ENDPOINT, NOW).x5c(x5c))
    };
    with((0..4).map(|_| of_bytes(15_000)).collect()).approved();
    for (what, more) in [
        ("one too large", vec![of_bytes(16_000)]),
        (
            "too large together",
            (0..5).map(|_| of_bytes(15_000)).collect(),
        ),
    ] {
        assert_eq!(with(more).refusal(), (ISS, vec!["C04"]), "{what}");
    }
    let ten = std::iter::repeat_n(leaf.x5c(), 5).flatten().collect();
    world
        .post(&leaf.statement(ENDPOINT, NOW).x5c(ten))
        .approved();
}

/// Proves: C06, C04
#[test]
fn an_intermediate_may_come_in_x5c_or_be_configured_and_a_root_there_is_nothing() {
    let of = TestCommunity::new("example", NOW);
    let stranger = TestCommunity::new("stranger", NOW);
    let leaf = of.client(APP);
    let only_leaf = vec![leaf.x5c()[0].clone()];
    World::new(&of)
        .post(&leaf.statement(ENDPOINT, NOW).x5c(only_leaf.clone()))
        .approved();

    let mut bare = community(&of);
    let (anchors, _) = support::certificates(&of);
    bare.trust.store = udap::trust::TrustStore::new(anchors, Vec::new(), Vec::new()).unwrap();
    let world = World::with(TokenMode::Gateway, vec![bare], crl_store(&[&of]));
    world.post(&leaf.statement(ENDPOINT, NOW)).approved();
    let verdict = world.post(&leaf.statement(ENDPOINT, NOW).x5c(only_leaf));
    assert_eq!(verdict.refusal(), (USS, vec!["C05"]));
    assert!(!verdict.spends());

    let foreign = stranger.client(APP);
    let mut with_root = foreign.x5c();
    with_root.push(base64(stranger.root().der()));
    let verdict = world.post(&foreign.statement(ENDPOINT, NOW).x5c(with_root));
    assert_eq!(verdict.refusal(), (USS, vec!["C05"]));
}
