//! Which community a statement belongs to.

mod support;

use std::sync::Arc;

use support::{APP, ENDPOINT, NOW, Verdict, World, certificates, community, crl_store, site};
use time::Duration;
use udap::certificate::Certificate;
use udap::registrar::{AnchorConflict, Registrar, RegistrarError, Step};
use udap::registry::Standing;
use udap::site::TokenMode;
use udap::trust::{CertvalJudge, Crl, CrlStore, Distrust, Fetched, TrustNeed, TrustStore};
use udap_testkit::{CommunityOptions, KeyKind, TestCommunity, TestKey};

/// Proves: C09, C10, D01
#[test]
fn the_community_is_the_one_that_trusts_the_certificate() {
    let one = TestCommunity::new("one", NOW);
    let two = TestCommunity::new("two", NOW);
    let world = World::with(
        TokenMode::Gateway,
        vec![community(&one), community(&two)],
        crl_store(&[&one, &two]),
    );
    for of in [&one, &two] {
        let approved = world
            .post(&of.client(APP).statement(ENDPOINT, NOW))
            .approved();
        assert_eq!(approved.statement().community().id, of.name());
    }
}

/// Proves: C10
#[test]
fn a_community_that_does_not_serve_the_site_trusts_nobody_there() {
    let one = TestCommunity::new("one", NOW);
    let two = TestCommunity::new("two", NOW);
    let mut elsewhere = community(&two);
    elsewhere.sites = Some(vec!["other".to_owned()]);
    let world = World::with(
        TokenMode::Gateway,
        vec![community(&one), elsewhere],
        crl_store(&[&one, &two]),
    );
    let verdict = world.post(&two.client(APP).statement(ENDPOINT, NOW));
    assert_eq!(
        verdict.refusal(),
        ("unapproved_software_statement", vec!["C05"])
    );
    assert!(!verdict.spends(), "not known at this site at all");
}

/// Proves: C26, C27
#[test]
fn an_app_that_the_community_may_not_bring_is_refused_after_trust_and_its_statement_is_spent() {
    let of = TestCommunity::new("one", NOW);
    let mut narrow = community(&of);
    narrow.client_uri_prefixes = vec!["https://admitted.example.org/".to_owned()];
    let world = World::with(TokenMode::Gateway, vec![narrow], crl_store(&[&of]));
    let admitted = of.client("https://admitted.example.org/app");
    world.post(&admitted.statement(ENDPOINT, NOW)).approved();
    let stranger = of.client(APP).statement(ENDPOINT, NOW);
    for statement in [stranger.clone(), stranger.cancellation()] {
        let verdict = world.post(&statement);
        assert_eq!(
            verdict.refusal(),
            ("unapproved_software_statement", vec!["C27"])
        );
        assert!(verdict.spends(), "{verdict:?}");
    }
}

/// Proves: C10
#[test]
fn a_leaf_that_two_communities_trust_is_nobody_s() {
    let one = TestCommunity::new("one", NOW);
    let two = TestCommunity::new("two", NOW);
    let world = World::with(
        TokenMode::Gateway,
        vec![community(&one), community(&two)],
        crl_store(&[&one, &two]),
    );
    let leaf = one.client(APP);
    world.post(&leaf.statement(ENDPOINT, NOW)).approved();
    // The root of the other community vouches for the issuer as well.
    let mut both_ways = leaf.x5c();
    both_ways.push(base64(&two.root().cross_certify(one.intermediate())));
    let verdict = world.post(&leaf.statement(ENDPOINT, NOW).x5c(both_ways));
    assert_eq!(
        verdict.refusal(),
        ("unapproved_software_statement", vec!["C10"])
    );
    assert!(!verdict.spends());
}

/// Proves: C19
#[test]
fn a_leaf_that_one_community_knows_revoked_is_good_in_no_other() {
    let one = TestCommunity::new("one", NOW);
    let two = TestCommunity::new("two", NOW);
    let leaf = one.client(APP);
    one.revoke(&leaf);
    let mut careless = community(&two);
    careless.trust.revocation = udap::trust::RevocationMode::Off;
    let world = World::with(
        TokenMode::Gateway,
        vec![careless, community(&one)],
        crl_store(&[&one, &two]),
    );
    let mut both_ways = leaf.x5c();
    both_ways.push(base64(&two.root().cross_certify(one.intermediate())));
    let verdict = world.post(&leaf.statement(ENDPOINT, NOW).x5c(both_ways));
    assert_eq!(
        verdict.refusal(),
        ("unapproved_software_statement", vec!["C19"])
    );
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn start(communities: Vec<udap::community::Community>) -> Result<Registrar, RegistrarError> {
    Registrar::new(
        vec![site(TokenMode::Gateway)],
        communities,
        Arc::new(CertvalJudge::new()),
        Duration::seconds(60),
    )
}

/// Proves: C09, C10
#[test]
fn shared_or_chained_anchors_stop_the_start() {
    let of = TestCommunity::new("one", NOW);
    let other = || {
        let mut other = community(&of);
        other.id = "two".to_owned();
        other.uri = "https://two.example.net/udap".to_owned();
        other
    };
    assert!(matches!(
        start(vec![community(&of), other()]),
        Err(RegistrarError::Anchors(AnchorConflict::Shared(_, _)))
    ));
    let (_, intermediates) = certificates(&of);
    let mut below = other();
    below.trust.store = TrustStore::new(intermediates, Vec::new(), Vec::new()).unwrap();
    assert!(matches!(
        start(vec![community(&of), below]),
        Err(RegistrarError::Anchors(AnchorConflict::Chained(_, _)))
    ));
    let with_policy = |mut one: udap::community::Community, policy: &str| {
        let (anchors, intermediates) = certificates(&of);
        one.trust.store = TrustStore::new(anchors, intermediates, vec![policy.to_owned()]).unwrap();
        one
    };
    assert!(
        start(vec![
            with_policy(community(&of), "1.3.6.1.4.1.32473.1"),
            with_policy(other(), "1.3.6.1.4.1.32473.2"),
        ])
        .is_ok()
    );
    assert!(
        start(vec![
            with_policy(community(&of), "1.3.6.1.4.1.32473.1"),
            with_policy(other(), "1.3.6.1.4.1.32473.1"),
        ])
        .is_err()
    );
    // anyPolicy tells nobody apart.
    assert!(
        start(vec![
            with_policy(community(&of), "1.3.6.1.4.1.32473.1"),
            with_policy(other(), "2.5.29.32.0"),
        ])
        .is_err()
    );
}

#[test]
fn two_sites_or_communities_of_one_name_stop_the_start() {
    let of = TestCommunity::new("one", NOW);
    let mut twin = community(&TestCommunity::new("two", NOW));
    twin.uri = community(&of).uri;
    assert!(matches!(
        start(vec![community(&of), twin]),
        Err(RegistrarError::Duplicate(_))
    ));
}

fn published() -> TestCommunity {
    TestCommunity::with(
        CommunityOptions {
            ca_key: KeyKind::P256,
            ..CommunityOptions::new("one").published_at("http://pki.example.net")
        },
        NOW,
    )
}

/// Proves: C07, C20, C21
#[test]
fn what_is_missing_is_asked_for_in_order_and_only_when_it_can_help() {
    let of = published();
    let (anchors, _) = certificates(&of);
    let mut bare = community(&of);
    bare.trust.store = TrustStore::new(anchors, Vec::new(), Vec::new()).unwrap();
    let world = World::with(TokenMode::Gateway, vec![bare], CrlStore::new(Vec::new()));
    let leaf = of.client(APP);
    let statement = leaf
        .statement(ENDPOINT, NOW)
        .x5c(vec![leaf.x5c()[0].clone()]);
    let body = statement.request().to_string();

    let Step::NeedTrust(need) =
        world
            .registrar
            .start(&world.site, body.as_bytes(), &world.crls, NOW)
    else {
        panic!("an issuer is needed");
    };
    assert!(matches!(need.needs(), [TrustNeed::Issuer { .. }]));
    let fetched = Fetched {
        certificates: vec![Certificate::from_der(of.intermediate().der()).unwrap()],
        ..Fetched::default()
    };
    let Step::NeedTrust(need) = need.supply(&world.registrar, fetched, &world.crls, NOW) else {
        panic!("CRLs are needed");
    };
    assert!(
        need.needs()
            .iter()
            .all(|one| matches!(one, TrustNeed::Crl(_)))
    );
    let crls = of
        .crls()
        .iter()
        .fold(CrlStore::new(Vec::new()), |store, der| {
            store.with(Arc::new(Crl::from_der(der).unwrap()))
        });
    let Step::NeedStanding(need) = need.supply(&world.registrar, Fetched::default(), &crls, NOW)
    else {
        panic!("the certificate is trusted");
    };
    assert!(matches!(
        need.supply(&world.registrar, Standing::Clear),
        Step::Register(_)
    ));

    let (verdict, asked) = world.post_bytes(body.as_bytes());
    assert_eq!(
        verdict.refusal(),
        ("unapproved_software_statement", vec!["C05"])
    );
    assert_eq!(asked.len(), 1);
}

/// Proves: C19, C31
#[test]
fn a_responder_is_asked_about_a_leaf_that_names_no_list_and_its_answer_counts() {
    let of = TestCommunity::new("one", NOW);
    let issuer = of.intermediate();
    let no_lists = CrlStore::new(Vec::new());
    let world = World::with(TokenMode::Gateway, vec![community(&of)], no_lists);
    let leaf = of.leaf(APP).responder("http://ocsp.example.net/").build();
    let (other, body) = (
        of.client(APP),
        leaf.statement(ENDPOINT, NOW).request().to_string(),
    );
    let answered = |responses: &[Vec<u8>]| {
        let Step::NeedTrust(need) =
            world
                .registrar
                .start(&world.site, body.as_bytes(), &world.crls, NOW)
        else {
            panic!("a status is needed");
        };
        let [TrustNeed::Ocsp(ocsp)] = need.needs() else {
            panic!("{:?}", need.needs());
        };
        assert_eq!(ocsp.urls(), ["http://ocsp.example.net/"]);
        let read = |response: &Vec<u8>| ocsp.read(response, NOW).ok();
        let fetched = Fetched {
            ocsp: responses.iter().filter_map(read).collect(),
            ..Fetched::default()
        };
        need.supply(&world.registrar, fetched, &world.crls, NOW)
    };
    let good = of.ocsp(issuer, leaf.serial());
    let stranger = TestKey::stranger();
    let refused = |responses: &[Vec<u8>]| match answered(responses) {
        Step::Refused(refusal) => refusal.violations()[0].rule,
        other => panic!("{other:?}"),
    };
    assert!(matches!(
        answered(&[good.clone().build()]),
        Step::NeedStanding(_)
    ));
    assert_eq!(refused(&[good.clone().revoked().build()]), "C19");
    let both = [good.clone().build(), good.clone().revoked().build()];
    assert_eq!(refused(&both), "C19");
    for response in [
        good.clone().unknown().build(),
        good.clone().signed_by(&stranger).build(),
        good.next_update(Some(NOW)).build(),
        of.ocsp(issuer, other.serial()).build(),
        of.ocsp(of.root(), leaf.serial()).build(),
    ] {
        assert_eq!(refused(&[response]), "C21");
    }
    assert_eq!(refused(&[]), "C21");
}

/// Proves: C21
#[test]
fn an_unknown_status_is_refused_with_an_invitation_to_come_back() {
    let of = published();
    let world = World::with(
        TokenMode::Gateway,
        vec![community(&of)],
        CrlStore::new(Vec::new()),
    );
    let verdict = world.post(&of.client(APP).statement(ENDPOINT, NOW));
    assert_eq!(
        verdict.refusal(),
        ("unapproved_software_statement", vec!["C21"])
    );
    let Verdict::Refused(refusal) = verdict else {
        panic!("refused before trust");
    };
    assert_eq!(refusal.violations()[0].code, "revocation_unknown");
    assert!(refusal.retry_after_seconds().is_some());
    assert!(Distrust::UnknownIssuer.code() != "revocation_unknown");
}

/// Proves: C24, D22
#[test]
fn what_the_registry_holds_against_a_statement_counts() {
    let of = TestCommunity::new("one", NOW);
    let world = World::new(&of);
    let body = of
        .client(APP)
        .statement(ENDPOINT, NOW)
        .request()
        .to_string();
    let standing = |standing| {
        let Step::NeedStanding(need) =
            world
                .registrar
                .start(&world.site, body.as_bytes(), &world.crls, NOW)
        else {
            panic!("the statement is trusted");
        };
        need.supply(&world.registrar, standing)
    };
    match standing(Standing::Spent) {
        Step::Refused(refusal) => assert_eq!(refusal.violations()[0].rule, "C24"),
        other => panic!("{other:?}"),
    }
    let stranger = TestCommunity::new("stranger", NOW);
    let distrusted = world.post(&stranger.client(APP).statement(ENDPOINT, NOW));
    match (standing(Standing::Blocked), distrusted) {
        (Step::RefusedAfterTrust(_, blocked), Verdict::Refused(distrusted)) => {
            assert_eq!(blocked, distrusted, "a block is worded like distrust");
        }
        other => panic!("{other:?}"),
    }
}
