//! Every flaw that the test kit can give a leaf or its path, judged as a server would.

use std::collections::BTreeSet;
use std::sync::Arc;

use time::macros::datetime;
use udap::certificate::Certificate;
use udap::trust::{
    CertvalJudge, Crl, CrlStore, Distrust, Evidence, NoCrlAddress, Outcome, RevocationMode,
    TrustPolicy, TrustStore, evaluate,
};
use udap_testkit::{LeafFlaw, TestCommunity, TestLeaf};

fn judged(community: &TestCommunity, leaf: &TestLeaf) -> Result<(), Distrust> {
    let certificate = |der: &[u8]| Certificate::from_der(der).unwrap();
    let candidates: Vec<_> = leaf.certificates().skip(1).map(certificate).collect();
    let leaf = certificate(leaf.der());
    let anchors = vec![certificate(community.root().der())];
    let crls = community
        .crls()
        .iter()
        .map(|der| Arc::new(Crl::from_der(der).unwrap()))
        .collect();
    let crls = CrlStore::new(crls);
    let addresses = candidates
        .iter()
        .chain([&leaf])
        .flat_map(Certificate::crl_distribution_points);
    let tried: BTreeSet<_> = addresses.cloned().collect();
    let policy = TrustPolicy {
        store: TrustStore::new(anchors, Vec::new(), Vec::new()).unwrap(),
        revocation: RevocationMode::Required,
        no_crl_address: NoCrlAddress::Accept,
        aia: false,
        ocsp: false,
    };
    let evidence = Evidence {
        candidates: &candidates,
        crls: &crls,
        ocsp: &[],
        tried: &tried,
    };
    match evaluate(
        &CertvalJudge::new(),
        &policy,
        &leaf,
        &evidence,
        community.now(),
    ) {
        Outcome::Trusted(_) => Ok(()),
        Outcome::Untrusted(distrust) => Err(distrust),
        Outcome::Need(needs) => panic!("{needs:?}"),
    }
}

const APP: &str = "https://app.example.org";

/// Proves: C05, C11, C12, C13, C14, C15, C19, C21, C22
#[test]
fn each_flaw_of_a_path_is_refused_and_a_good_leaf_is_not() {
    let community = TestCommunity::new("example", datetime!(2026-11-22 12:00 UTC));
    assert_eq!(judged(&community, &community.client(APP)), Ok(()));
    for flaw in LeafFlaw::ALL {
        let leaf = community.leaf(APP).flaw(flaw).build();
        let verdict = judged(&community, &leaf);
        // A URL is no DNS name, and malformed names are refused with the path.
        let trusted = flaw.path_is_trusted();
        assert_eq!(verdict.is_ok(), trusted, "{}: {verdict:?}", flaw.name());
        let code = match flaw {
            LeafFlaw::Expired | LeafFlaw::IntermediateExpired => "certificate_expired",
            LeafFlaw::NotYetValid => "certificate_not_yet_valid",
            LeafFlaw::Revoked | LeafFlaw::IntermediateRevoked => "certificate_revoked",
            LeafFlaw::WrongRoot => "issuer_unknown",
            LeafFlaw::ForgedSignature => "issuer_signature_invalid",
            LeafFlaw::SelfSigned => "leaf_self_signed",
            LeafFlaw::CaLeaf => "leaf_is_ca",
            LeafFlaw::AnchorKey => "leaf_has_anchor_key",
            LeafFlaw::NoDigitalSignature => "leaf_key_usage",
            LeafFlaw::WeakKey | LeafFlaw::P521Key => "certificate_key_not_accepted",
            LeafFlaw::Sha1Signature => "certificate_signature_algorithm",
            LeafFlaw::DuplicateExtension | LeafFlaw::DnsSanOnly => "certificate_malformed",
            LeafFlaw::DeadCrlAddress => "revocation_unknown",
            LeafFlaw::UnknownCriticalExtension
            | LeafFlaw::NameConstraintViolation
            | LeafFlaw::PathLengthExceeded
            | LeafFlaw::IntermediateNotCa
            | LeafFlaw::IntermediateWithoutKeyCertSign => "path_invalid",
            _ => continue,
        };
        assert_eq!(verdict.unwrap_err().code(), code, "{}", flaw.name());
    }
}
