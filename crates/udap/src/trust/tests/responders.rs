//! OCSP answers by responders that the issuer authorised (C31; RFC 6960 §4.2.2.2).

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
};
use time::Duration;

use super::ocsp_plan::{OcspPlan, by_key, by_name, revoked};
use super::pki::{AT, Ca, extension, key, params};
use crate::certificate::Certificate;
use crate::key::KeyError;
use crate::trust::{DelegateFlaw, OcspAnswer, OcspError, OcspStatus};

const NO_CHECK: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 5];

fn no_check() -> CustomExtension {
    extension(NO_CHECK, false, vec![5, 0])
}

fn responder_params() -> CertificateParams {
    let mut params = params("Responder");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    params.custom_extensions.push(no_check());
    params
}

/// A responder that `ca` authorised, but for what is changed.
fn responder_with_key(ca: &Ca, key: KeyPair, change: impl FnOnce(&mut CertificateParams)) -> Ca {
    let mut params = responder_params();
    change(&mut params);
    let certificate = ca.sign(&params, &key);
    Ca {
        params,
        key,
        certificate,
    }
}

pub(super) fn responder(ca: &Ca, change: impl FnOnce(&mut CertificateParams)) -> Ca {
    responder_with_key(ca, key(), change)
}

fn setting() -> (Ca, Certificate) {
    let root = Ca::root("Root");
    let leaf = root.leaf();
    (root, leaf)
}

#[track_caller]
fn assert_flaw(plan: &OcspPlan<'_>, flaw: DelegateFlaw) {
    assert_eq!(plan.error(), OcspError::Delegate(flaw));
}

/// Proves: C31
#[test]
fn a_responder_that_the_issuer_authorised_is_believed() {
    let (root, leaf) = setting();
    let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    for responder in [
        responder(&root, |_| {}),
        responder(&root, |params| params.key_usages.clear()),
        responder_with_key(&root, rsa, |_| {}),
        // Under the name of its issuer.
        responder(&root, |params| {
            params.distinguished_name = root.params.distinguished_name.clone();
        }),
    ] {
        let plan = OcspPlan::of(&root, &leaf).by(&responder);
        for named in [
            by_name(&responder.certificate),
            by_key(&responder.certificate),
        ] {
            let plan = OcspPlan {
                responder: named,
                ..plan.clone()
            };
            assert_eq!(plan.answer().status(), OcspStatus::Good);
            assert!(plan.status(&revoked(1)).answer().revokes());
        }
    }
}

/// Proves: C31
#[test]
fn a_responder_s_certificate_is_found_among_others() {
    let (root, leaf) = setting();
    let good = responder(&root, |_| {});
    let impostor = responder(&Ca::root("Root"), |_| {});
    let mut plan = OcspPlan::of(&root, &leaf).by(&good);
    plan.certificates = vec![
        root.certificate.der().to_vec(),
        vec![0x30, 2, 5, 0],
        leaf.der().to_vec(),
        impostor.certificate.der().to_vec(),
        good.certificate.der().to_vec(),
    ];
    assert_eq!(plan.answer().status(), OcspStatus::Good);
    plan.certificates.pop();
    assert_flaw(&plan, DelegateFlaw::NotIssued);
    plan.certificates.clear();
    assert_eq!(plan.error(), OcspError::Responder);
}

/// Proves: C31
#[test]
fn a_responder_that_signs_under_another_s_name_or_key_is_not_believed() {
    let (root, leaf) = setting();
    let good = responder(&root, |_| {});
    let other = responder(&root, |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
    });
    let plan = OcspPlan::of(&root, &leaf).by(&good);
    for (named, error) in [
        (by_name(&other.certificate), OcspError::Responder),
        (by_key(&other.certificate), OcspError::Responder),
        (by_name(&root.certificate), OcspError::Signature),
        (by_key(&root.certificate), OcspError::Signature),
    ] {
        let plan = OcspPlan {
            responder: named,
            ..plan.clone()
        };
        assert_eq!(plan.error(), error);
    }
}

/// Proves: C31
#[test]
fn a_responder_of_another_issuer_is_not_believed() {
    let (root, leaf) = setting();
    // Another CA; one of the same name with another key; one that the root certified; and one
    // whose key signs, but under another name.
    let other = Ca::root("Other");
    let namesake = Ca::root("Root");
    let below = root.ca("CA");
    for ca in [&other, &namesake, &below] {
        let foreign = responder(ca, |_| {});
        assert_flaw(
            &OcspPlan::of(&root, &leaf).by(&foreign),
            DelegateFlaw::NotIssued,
        );
    }
    let renamed = Ca {
        params: other.params.clone(),
        key: KeyPair::from_pem(&root.key.serialize_pem()).unwrap(),
        certificate: root.certificate.clone(),
    };
    let misnamed = responder(&renamed, |_| {});
    assert_flaw(
        &OcspPlan::of(&root, &leaf).by(&misnamed),
        DelegateFlaw::NotIssued,
    );
}

/// Proves: C31
#[test]
fn a_responder_must_be_authorised_in_every_way() {
    let (root, leaf) = setting();
    let critical = |oid: &[u64]| extension(oid, true, vec![5, 0]);
    type Change<'a> = &'a dyn Fn(&mut CertificateParams);
    let cases: [(Change<'_>, DelegateFlaw); 12] = [
        (
            &|params| params.extended_key_usages.clear(),
            DelegateFlaw::Purpose,
        ),
        (
            &|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any],
            DelegateFlaw::Purpose,
        ),
        (
            &|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            DelegateFlaw::Purpose,
        ),
        (
            &|params| params.custom_extensions.clear(),
            DelegateFlaw::Revocable,
        ),
        (
            &|params| params.custom_extensions = vec![extension(NO_CHECK, false, vec![5, 0, 0])],
            DelegateFlaw::Revocable,
        ),
        (
            &|params| params.not_after = AT - Duration::SECOND,
            DelegateFlaw::Validity,
        ),
        (
            &|params| params.not_before = AT + Duration::SECOND,
            DelegateFlaw::Validity,
        ),
        (
            &|params| params.key_usages = vec![KeyUsagePurpose::ContentCommitment],
            DelegateFlaw::KeyUsage,
        ),
        (
            &|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            DelegateFlaw::Ca,
        ),
        (
            &|params| params.custom_extensions.push(critical(&[1, 2, 3])),
            DelegateFlaw::CriticalExtension,
        ),
        (
            &|params| params.custom_extensions.push(no_check()),
            DelegateFlaw::Malformed,
        ),
        (
            &|params| params.custom_extensions.push(critical(&[2, 5, 29, 17])),
            DelegateFlaw::Malformed,
        ),
    ];
    for (change, flaw) in cases {
        let odd = responder(&root, change);
        assert_flaw(&OcspPlan::of(&root, &leaf).by(&odd), flaw);
    }
}

/// Proves: C31
#[test]
fn a_responder_with_a_key_or_signature_that_is_not_accepted_is_not_believed() {
    let (root, leaf) = setting();
    let p521 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
    let odd = responder_with_key(&root, p521, |_| {});
    assert_flaw(
        &OcspPlan::of(&root, &leaf).by(&odd),
        DelegateFlaw::Key(KeyError::Kind),
    );
    let good = responder(&root, |_| {});
    let stranger = Ca::root("Stranger");
    let forged = OcspPlan {
        signer: &stranger.key,
        ..OcspPlan::of(&root, &leaf).by(&good)
    };
    assert_eq!(forged.error(), OcspError::Signature);
    let weak = OcspPlan {
        algorithm: Some(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1]),
        ..OcspPlan::of(&root, &leaf).by(&good)
    };
    assert_eq!(weak.error(), OcspError::Signature);
}

/// Nobody vouches for himself, were he ever so authorised to vouch for others.
///
/// Proves: C31
#[test]
fn a_responder_does_not_answer_about_itself() {
    let (root, leaf) = setting();
    let good = responder(&root, |_| {});
    OcspPlan::of(&root, &leaf).by(&good).answer();
    let own = OcspPlan::of(&root, &good.certificate).by(&good);
    assert_flaw(&own, DelegateFlaw::Own);
    // Nor about another certificate of its key.
    let twin = root.sign(&super::pki::leaf_params(), &good.key);
    assert_flaw(&OcspPlan::of(&root, &twin).by(&good), DelegateFlaw::Own);
}

/// Proves: C31
#[test]
fn an_answer_ends_with_its_responder_s_certificate() {
    let (root, leaf) = setting();
    let end = AT + Duration::minutes(5);
    let short = responder(&root, |params| params.not_after = end);
    let answer = OcspPlan::of(&root, &leaf).by(&short).answer();
    assert_eq!(answer.usable_until(), end);
    assert!(answer.shows_good(AT) && !answer.shows_good(end));
}

/// Proves: C31
#[test]
fn no_octet_of_a_responder_s_answer_can_be_changed_for_another_verdict() {
    let (root, leaf) = setting();
    let good = responder(&root, |_| {});
    let plan = OcspPlan::of(&root, &leaf).by(&good);
    // Of the responder's certificate what is signed, for the rest of it has no one form.
    let verdict = |answer: &OcspAnswer| {
        let responder = answer.responder().map(|responder| responder.tbs().to_vec());
        (answer.status(), answer.usable_until(), responder)
    };
    let (der, answer) = (plan.der(), plan.answer());
    for position in 0..der.len() {
        for mask in [1, 0x10, 0x80, 0xff] {
            let mut changed = der.clone();
            changed[position] ^= mask;
            if let Ok(read) = OcspAnswer::read(&changed, &leaf, &root.certificate, AT) {
                assert_eq!(verdict(&read), verdict(&answer), "{position} {mask}");
            }
        }
    }
}
