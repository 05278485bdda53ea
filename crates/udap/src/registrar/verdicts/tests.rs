//! Asking few communities must come to what asking all comes to.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use rcgen::CertificateParams;

use super::*;
use crate::enable::EnablePolicy;
use crate::rules::{ContactMatch, LinkChecks, Profile};
use crate::trust::tests::pki::{AT, Ca, decode, full_name, issuers_at, params, point};
use crate::trust::{CertvalJudge, Crl, CrlStore, NoCrlAddress, RevocationMode};
use crate::trust::{TrustPolicy, TrustStore};

const SITE: &str = "default";
const OF_CA: &str = "http://pki.example.org/ca.cer";
const OF_UPPER: &str = "http://pki.example.org/upper.cer";
const OF_NAMESAKE: &str = "http://pki.example.org/namesake.cer";
const LIST: &str = "http://pki.example.org/ca.crl";

/// Authorities that vouch for each other in various ways, and what they issued.
struct Pki {
    anchors: Vec<Certificate>,
    intermediates: Vec<Certificate>,
    leaves: Vec<Certificate>,
    crls: Vec<Arc<Crl>>,
}

static PKI: LazyLock<Pki> = LazyLock::new(|| {
    let asks = |url: &'static str| {
        move |params: &mut CertificateParams| params.custom_extensions.push(issuers_at(&[url]))
    };
    let lists = |params: &mut CertificateParams| {
        params.custom_extensions.push(point(full_name(LIST)));
    };
    let [one, two, three] = ["One", "Two", "Three"].map(Ca::root);
    // Another CA of the first one's name.
    let namesake = Ca::root("One");
    let stranger = Ca::root("Stranger");
    let ca = one.ca("CA");
    let crossed = three.certify(&ca, |_| ());
    let other_ca = two.ca_with("Other CA", asks(OF_NAMESAKE));
    let upper = stranger.ca_with("Upper", asks(OF_UPPER));
    let lower = upper.ca_with("Lower", asks(OF_CA));
    let adopted = two.certify(&upper, |_| ());
    // With one extension twice: no store takes it.
    let broken = two.certify(&upper, asks(OF_UPPER));
    let old = one.ca_with("Old", |params| {
        params.not_after = AT - time::Duration::hours(1)
    });
    let false_ca = one.ca_with("False", |params| params.is_ca = rcgen::IsCa::NoCa);
    let by_namesake = namesake.ca("CA");

    let mut leaves = vec![
        ca.leaf(),
        ca.leaf_with(lists),
        by_namesake.leaf(),
        other_ca.leaf_with(asks(OF_CA)),
        lower.leaf_with(asks(OF_CA)),
        upper.leaf(),
        old.leaf(),
        false_ca.leaf(),
        one.leaf(),
        stranger.leaf_with(asks(OF_NAMESAKE)),
        ca.leaf_with(|params| params.not_after = AT - time::Duration::hours(1)),
        ca.leaf_with(|params| params.subject_alt_names.clear()),
        ca.ca("A CA as leaf").certificate,
    ];
    // With an anchor's key.
    leaves.push(ca.sign(&params("Two's key"), &two.key));
    // Names the CA as its issuer, which did not sign it.
    let forger = Ca {
        params: ca.params.clone(),
        ..Ca::root("Forger")
    };
    leaves.push(forger.leaf());
    leaves.push(decode(
        params("Own")
            .self_signed(&stranger.key)
            .expect("a certificate")
            .der(),
    ));

    let crls = [
        ca.crl(),
        ca.crl().revoke(&leaves[0]),
        by_namesake.crl(),
        one.crl().revoke(&ca.certificate),
        three.crl().revoke(&crossed),
        two.crl().revoke(&adopted),
        other_ca.crl().strange_entry(),
        lower.crl().revoke(&leaves[4]),
    ];
    Pki {
        crls: crls.iter().map(|plan| plan.build()).collect(),
        anchors: [&one, &two, &three, &namesake, &ca, &by_namesake, &upper]
            .map(|ca| ca.certificate.clone())
            .to_vec(),
        intermediates: vec![
            ca.certificate,
            crossed,
            other_ca.certificate,
            upper.certificate,
            lower.certificate,
            adopted,
            old.certificate,
            false_ca.certificate,
            by_namesake.certificate,
            stranger.certificate,
            one.certificate,
            namesake.certificate,
            broken,
        ],
        leaves,
    }
});

/// Those whose bit is set.
fn chosen<T: Clone>(all: &[T], bits: u32) -> Vec<T> {
    let set = |index: &usize| bits >> index & 1 == 1;
    let indices = (0..all.len()).filter(set);
    indices.map(|index| all[index].clone()).collect()
}

fn community(id: usize, plan: (u32, u32, u8, bool, bool)) -> Arc<Community> {
    let (anchors, intermediates, mode, aia, elsewhere) = plan;
    let mut anchors = chosen(&PKI.anchors, anchors);
    if anchors.is_empty() {
        anchors.push(PKI.anchors[id % PKI.anchors.len()].clone());
    }
    let mut intermediates = chosen(&PKI.intermediates, intermediates);
    intermediates.retain(|intermediate| intermediate.well_formed().is_ok());
    Arc::new(Community {
        id: id.to_string(),
        uri: format!("https://{id}.example.net/udap"),
        trust: TrustPolicy {
            store: TrustStore::new(anchors, intermediates, Vec::new()).expect("a store"),
            revocation: match mode % 3 {
                0 => RevocationMode::Required,
                1 => RevocationMode::WhenAvailable,
                _ => RevocationMode::Off,
            },
            no_crl_address: if mode % 4 == 3 {
                NoCrlAddress::Refuse
            } else {
                NoCrlAddress::Accept
            },
            aia,
            ocsp: mode % 2 == 0,
        },
        profile: Profile::Hl7,
        contact_match: ContactMatch::Registrable,
        allow_client_credentials: true,
        allow_http_pages: false,
        link_checks: LinkChecks::Off,
        enable: EnablePolicy::All,
        ceiling: None,
        sites: elsewhere.then(|| vec!["elsewhere".to_owned()]),
        client_uri_prefixes: Vec::new(),
        certifications: Vec::new(),
        b2b: crate::token::B2bPolicy::default(),
    })
}

/// A few certificates of a few bits each: most communities have no path.
fn few() -> impl Strategy<Value = u32> {
    prop_oneof![
        Just(0),
        (0..13_u32).prop_map(|bit| 1 << bit),
        (0..13_u32, 0..13_u32).prop_map(|(one, other)| 1 << one | 1 << other),
        any::<u32>(),
    ]
}

fn told(verdicts: Verdicts) -> String {
    match verdicts.decide() {
        Decision::Trusted(community, path) => {
            let above: Vec<_> = path
                .intermediates()
                .iter()
                .map(Certificate::fingerprint)
                .collect();
            let anchor = path.anchor().certificate().fingerprint();
            format!(
                "trusted {} {above:?} {anchor:?} {:?}",
                community.id,
                path.notes()
            )
        }
        Decision::Need(needs) => {
            // Shown in their order, but without the certificates' insides.
            let marks: Vec<_> = needs
                .iter()
                .map(|need| {
                    let about = match need {
                        TrustNeed::Crl(need) => Some((
                            *need.certificate().fingerprint(),
                            *need.issuer().fingerprint(),
                        )),
                        TrustNeed::Ocsp(need) => Some((
                            *need.certificate().fingerprint(),
                            *need.issuer().fingerprint(),
                        )),
                        TrustNeed::Issuer { .. } => None,
                    };
                    (need.marks(), about)
                })
                .collect();
            format!("need {marks:?}")
        }
        Decision::Refused(refusal) => format!("refused {refusal:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn few_communities_say_what_all_say(
        plans in vec((few(), few(), any::<u8>(), any::<bool>(), proptest::bool::weighted(0.1)), 1..9),
        leaf in 0..16_usize,
        candidates in few(),
        crls in few(),
        tried in few(),
    ) {
        let communities: Vec<_> = plans
            .into_iter()
            .enumerate()
            .map(|(id, plan)| community(id, plan))
            .collect();
        let candidates = chosen(&PKI.intermediates, candidates);
        let crls = CrlStore::new(chosen(&PKI.crls, crls));
        let tried = chosen(&[OF_CA, OF_UPPER, OF_NAMESAKE, LIST], tried);
        let tried = tried.into_iter().map(str::to_owned).collect();
        let judge = CertvalJudge::new();
        let question = Question {
            judge: &judge,
            leaf: &PKI.leaves[leaf],
            evidence: &Evidence { candidates: &candidates, crls: &crls, ocsp: &[], tried: &tried },
            at: AT,
        };
        let few = question.ask_all(&communities, &Neighbours::new(&communities), SITE);
        let mut all = Verdicts::default();
        for community in communities.iter().filter(|community| community.serves(SITE)) {
            all.add(community, question.ask(community));
        }
        prop_assert_eq!(told(few), told(all));
    }
}

/// The random worlds are no proof unless they come to every kind of decision.
#[test]
fn a_leaf_of_two_communities_among_many_is_ambiguous_and_revoked_in_one_is_revoked() {
    let judge = CertvalJudge::new();
    let tried = BTreeSet::new();
    let candidates = [PKI.intermediates[0].clone(), PKI.intermediates[1].clone()];
    let one_and_three = |id| match id {
        7 => community(id, (1, 0, 2, true, false)),
        19 => community(id, (4, 0, 0, true, false)),
        _ => community(id, (2, 0, 0, true, false)),
    };
    let communities: Vec<_> = (0..30).map(one_and_three).collect();
    let neighbours = Neighbours::new(&communities);
    let ask = |crls: &CrlStore| {
        let question = Question {
            judge: &judge,
            leaf: &PKI.leaves[0],
            evidence: &Evidence {
                candidates: &candidates,
                crls,
                ocsp: &[],
                tried: &tried,
            },
            at: AT,
        };
        told(question.ask_all(&communities, &neighbours, SITE))
    };
    assert!(ask(&CrlStore::default()).contains("community_ambiguous"));
    // The first does not look at lists, the second does.
    let revoking = CrlStore::new(vec![Arc::clone(&PKI.crls[1])]);
    assert!(ask(&revoking).contains("certificate_revoked"));
}

fn of(id: usize, anchor: &Ca, intermediates: &[Certificate]) -> Arc<Community> {
    let mut made = community(id, (1, 0, 0, false, false));
    let store = TrustStore::new(
        vec![anchor.certificate.clone()],
        intermediates.to_vec(),
        Vec::new(),
    );
    Arc::get_mut(&mut made).unwrap().trust.store = store.unwrap();
    made
}

/// Proves: C21
#[test]
fn an_unknown_status_in_one_community_outweighs_faults_but_no_revocation_in_others() {
    let (one, two) = (Ca::root("One"), Ca::root("Two"));
    let ca = one.ca("CA");
    let leaf = ca.leaf_with(|params| params.custom_extensions.push(point(full_name(LIST))));
    let expired = two.certify(&ca, |params| {
        params.not_after = AT - time::Duration::hours(1);
    });
    let renewed = two.certify(&ca, |_| {});
    let own = ca.certificate.clone();
    let judge = CertvalJudge::new();
    let tried = BTreeSet::from([LIST.to_owned()]);
    let told_by = |of_two: &[Certificate], ask_lists_in_two: bool, crls: &[Arc<Crl>]| {
        let mut told_in = Vec::new();
        for turn in [false, true] {
            let mut second = of(2, &two, of_two);
            if !ask_lists_in_two {
                Arc::get_mut(&mut second).unwrap().trust.revocation = RevocationMode::Off;
            }
            let mut communities = vec![of(1, &one, std::slice::from_ref(&own)), second];
            if turn {
                communities.reverse();
            }
            let question = Question {
                judge: &judge,
                leaf: &leaf,
                evidence: &Evidence {
                    candidates: &[],
                    crls: &CrlStore::new(crls.to_vec()),
                    ocsp: &[],
                    tried: &tried,
                },
                at: AT,
            };
            let neighbours = Neighbours::new(&communities);
            told_in.push(told(question.ask_all(&communities, &neighbours, SITE)));
        }
        assert_eq!(told_in[0], told_in[1]);
        told_in.remove(0)
    };
    // The other community knows an expired certificate of the CA only.
    let told = told_by(std::slice::from_ref(&expired), true, &[]);
    assert!(told.contains("revocation_unknown"), "{told}");
    assert!(told.contains("retry_after_seconds: Some"), "{told}");
    // A revoked one: that counts in all.
    let revoked = two.crl().revoke(&renewed).build();
    let renewed = std::slice::from_ref(&renewed);
    let told = told_by(renewed, true, std::slice::from_ref(&revoked));
    assert!(told.contains("certificate_revoked"), "{told}");
    // Trusted by the other community, which looks at no list.
    let told = told_by(renewed, false, &[]);
    assert!(told.starts_with("trusted 2"), "{told}");
    // But not if the first one knows an issuer's certificate to be revoked, beside a path whose status
    // is unknown.
    let former = one.certify(&ca, |_| {});
    let revoking = one.crl().revoke(&former).build();
    let both = [own.clone(), former];
    let first = of(1, &one, &both);
    let mut second = of(2, &two, renewed);
    Arc::get_mut(&mut second).unwrap().trust.revocation = RevocationMode::Off;
    let decide = |communities: &[Arc<Community>]| {
        let question = Question {
            judge: &judge,
            leaf: &leaf,
            evidence: &Evidence {
                candidates: &[],
                crls: &CrlStore::new(vec![revoking.clone()]),
                ocsp: &[],
                tried: &tried,
            },
            at: AT,
        };
        self::told(question.ask_all(communities, &Neighbours::new(communities), SITE))
    };
    let told = decide(std::slice::from_ref(&first));
    assert!(told.contains("revocation_unknown"), "{told}");
    let told = decide(&[first, second]);
    assert!(told.contains("certificate_revoked"), "{told}");
}
