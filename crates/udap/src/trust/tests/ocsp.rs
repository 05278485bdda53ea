//! OCSP answers by the issuer itself (C31).

use proptest::prelude::*;
use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize};
use time::{Duration, OffsetDateTime};

use super::ocsp_plan::{
    BASIC, GOOD, OcspPlan, SHA256, SHA384, Single, UNKNOWN, by_key, by_name, response, revoked,
    strange,
};
use super::pki::{AT, Ca, ca_params, decode, tlv};
use crate::certificate::Certificate;
use crate::limits;
use crate::trust::{OcspAnswer, OcspError, OcspStatus, ResponderRefusal};

fn setting() -> (Ca, Certificate) {
    let root = Ca::root("Root");
    let leaf = root.leaf();
    (root, leaf)
}

/// Proves: C15, C31
#[test]
fn an_answer_by_the_issuer_counts_whatever_kind_of_key_it_has() {
    let with_key = |key: KeyPair| {
        let params = ca_params("Root");
        let certificate = decode(params.self_signed(&key).unwrap().der());
        Ca {
            params,
            key,
            certificate,
        }
    };
    for ca in [
        Ca::root("Root"),
        with_key(KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap()),
        with_key(KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()),
    ] {
        let leaf = ca.leaf();
        for responder in [by_name(&ca.certificate), by_key(&ca.certificate)] {
            let plan = OcspPlan {
                responder,
                ..OcspPlan::of(&ca, &leaf)
            };
            let answer = plan.answer();
            assert_eq!(answer.status(), OcspStatus::Good);
            assert!(answer.shows_good(AT) && !answer.revokes());
            assert!(answer.is_about(&leaf, &ca.certificate));
            assert_eq!(answer.certificate_fingerprint(), leaf.fingerprint());
            let key = ca.certificate.key().unwrap();
            assert_eq!(answer.issuer_key_fingerprint(), key.fingerprint());
            assert_eq!(answer.usable_until(), AT + Duration::HOUR);
        }
    }
}

/// Proves: C31
#[test]
fn an_answer_signed_by_another_key_or_weakly_is_none() {
    let (root, leaf) = setting();
    let stranger = Ca::root("Root");
    let plan = OcspPlan::of(&root, &leaf);
    let signed_by_stranger = |responder| OcspPlan {
        responder,
        signer: &stranger.key,
        ..plan.clone()
    };
    let named = signed_by_stranger(by_name(&root.certificate));
    assert_eq!(named.error(), OcspError::Signature);
    let by_own_key = signed_by_stranger(by_key(&stranger.certificate));
    assert_eq!(by_own_key.error(), OcspError::Responder);
    let other = Ca::root("Other");
    let by_other_name = signed_by_stranger(by_name(&other.certificate));
    assert_eq!(by_other_name.error(), OcspError::Responder);
    // ecdsa-with-SHA1, and a scheme that is not the key's.
    for algorithm in [
        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1][..],
        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3],
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11],
    ] {
        let plan = OcspPlan {
            algorithm: Some(algorithm),
            ..plan.clone()
        };
        assert_eq!(plan.error(), OcspError::Signature);
    }
}

/// Proves: C31
#[test]
fn an_answer_counts_for_the_certificate_that_it_names_only() {
    let (root, leaf) = setting();
    let plan = OcspPlan::of(&root, &leaf);
    let (other_leaf, other_ca) = (root.leaf(), Ca::root("Other"));
    let changed = |change: &dyn Fn(&mut Single)| plan.clone().with(change).read();
    let other = Err(OcspError::OtherCertificate);
    assert_eq!(
        changed(&|one| one.serial = other_leaf.serial().to_vec()),
        other
    );
    assert_eq!(
        changed(&|one| one.issuer_name = other_ca.certificate.subject_der().to_vec()),
        other
    );
    let other_key = other_ca.certificate.key().unwrap().bit_string();
    assert_eq!(changed(&|one| one.issuer_key = other_key.to_vec()), other);
    // The same certificate under SHA-256, but under nothing that we do not compute.
    let answer = changed(&|one| one.hash = SHA256).unwrap();
    assert_eq!(answer.status(), OcspStatus::Good);
    assert_eq!(changed(&|one| one.hash = SHA384), other);
    // Sloppy encoders put zeros before a number.
    let padded = changed(&|one| one.serial.insert(0, 0)).unwrap();
    assert_eq!(padded.status(), OcspStatus::Good);
    assert_eq!(changed(&|one| one.serial.clear()), other);
    let silent = OcspPlan {
        singles: Vec::new(),
        ..plan.clone()
    };
    assert_eq!(silent.read(), other);
}

/// A CA with a new key of the same name does not inherit what was said under the old one.
///
/// Proves: C31
#[test]
fn an_answer_under_one_issuer_key_says_nothing_under_another() {
    let (root, leaf) = setting();
    let answer = OcspPlan::of(&root, &leaf).answer();
    let renewed = Ca::root("Root");
    assert!(!answer.is_about(&leaf, &renewed.certificate));
    assert!(!answer.is_about(&root.leaf(), &root.certificate));
    let der = OcspPlan::of(&root, &leaf).der();
    assert_eq!(
        OcspAnswer::read(&der, &leaf, &renewed.certificate, AT),
        Err(OcspError::Signature)
    );
}

/// Proves: C19, C23
#[test]
fn revoked_wins_over_unknown_and_that_over_good() {
    let (root, leaf) = setting();
    let plan = OcspPlan::of(&root, &leaf);
    let status = |statuses: &[&[u8]]| {
        let single = |status: &&[u8]| Single {
            status: status.to_vec(),
            ..plan.singles[0].clone()
        };
        let singles = statuses.iter().map(single).collect();
        OcspPlan {
            singles,
            ..plan.clone()
        }
        .answer()
        .status()
    };
    assert_eq!(status(&[GOOD]), OcspStatus::Good);
    assert_eq!(status(&[UNKNOWN]), OcspStatus::Unknown);
    assert_eq!(status(&[GOOD, GOOD]), OcspStatus::Good);
    assert_eq!(status(&[GOOD, UNKNOWN]), OcspStatus::Unknown);
    assert_eq!(status(&[UNKNOWN, GOOD]), OcspStatus::Unknown);
    let for_compromise = revoked(1);
    for statuses in [
        [&for_compromise, GOOD],
        [GOOD, &for_compromise],
        [UNKNOWN, &for_compromise],
        [&for_compromise, UNKNOWN],
    ] {
        match status(&statuses) {
            OcspStatus::Revoked(reason) => assert_eq!(reason.name(), "keyCompromise"),
            other => panic!("{other:?}"),
        }
    }
    // On hold is revoked, and so is what is about to be removed from a list, and no reason at all.
    for reason in [6, 8] {
        assert!(plan.clone().status(&revoked(reason)).answer().revokes());
    }
    let since = super::ocsp_plan::time(AT);
    assert!(plan.clone().status(&tlv(0xa1, since)).answer().revokes());
}

/// Proves: C31
#[test]
fn an_answer_is_of_use_while_it_is_fresh() {
    let (root, leaf) = setting();
    let plan = OcspPlan::of(&root, &leaf);
    let dated = |this_update: OffsetDateTime, next_update| {
        plan.clone()
            .with(|single| {
                single.this_update = this_update;
                single.next_update = next_update;
            })
            .answer()
    };
    let (hour, second) = (Duration::HOUR, Duration::SECOND);
    let fresh = |this_update, next_update| dated(this_update, next_update).shows_good(AT);
    assert!(fresh(AT - hour, Some(AT + second)));
    assert!(!fresh(AT - hour, Some(AT)));
    assert!(!fresh(AT - hour * 2, Some(AT - hour)));
    // The usual skew.
    assert!(fresh(AT + limits::CLOCK_SKEW, Some(AT + hour)));
    assert!(!fresh(AT + limits::CLOCK_SKEW + second, Some(AT + hour)));
    // Without nextUpdate it is of the moment.
    assert!(fresh(AT - Duration::minutes(10) + second, None));
    assert!(!fresh(AT - Duration::minutes(10), None));
    // However long it says that it is.
    let year = Duration::days(365);
    assert!(fresh(AT - Duration::days(10) + second, Some(AT + year)));
    assert!(!fresh(AT - Duration::days(10), Some(AT + year)));
    // Signed in the future.
    let early = OcspPlan {
        produced_at: AT + hour,
        ..plan.clone()
    };
    assert!(!early.answer().is_current(AT));
    // It is judged anew each time.
    let answer = plan.answer();
    assert!(answer.is_current(AT) && !answer.is_current(answer.usable_until()));
    // Of several, the least fresh counts.
    let twice = OcspPlan {
        singles: vec![
            plan.singles[0].clone(),
            Single {
                next_update: Some(AT),
                ..plan.singles[0].clone()
            },
        ],
        ..plan.clone()
    };
    assert!(!twice.answer().is_current(AT));
}

/// Proves: C19
#[test]
fn a_revocation_counts_whatever_its_age() {
    let (root, leaf) = setting();
    let stale = OcspPlan::of(&root, &leaf)
        .status(&revoked(0))
        .with(|single| single.next_update = Some(AT - Duration::MINUTE));
    assert!(stale.answer().revokes() && !stale.answer().is_current(AT));
}

/// Proves: C31
#[test]
fn a_critical_extension_that_is_not_understood_spoils_all_but_a_revocation() {
    let (root, leaf) = setting();
    let other = root.leaf();
    let plan = OcspPlan::of(&root, &leaf);
    let whole = |status: &[u8], extensions| {
        OcspPlan {
            extensions,
            ..plan.clone().status(status)
        }
        .read()
    };
    let one = |status: &[u8], extensions| {
        plan.clone()
            .status(status)
            .with(|single| single.extensions = extensions)
            .read()
    };
    for (status, refused) in [(GOOD, true), (UNKNOWN, true), (&revoked(0), false)] {
        let refused = refused.then_some(OcspError::CriticalExtension);
        assert_eq!(whole(status, strange(true)).err(), refused);
        assert_eq!(one(status, strange(true)).err(), refused);
        assert_eq!(whole(status, strange(false)).err(), None);
        assert_eq!(one(status, strange(false)).err(), None);
    }
    // What is said of another certificate is no matter.
    let mut beside = plan.clone();
    beside.singles.push(Single {
        extensions: strange(true),
        ..Single::of(&other, &root.certificate)
    });
    assert_eq!(beside.answer().status(), OcspStatus::Good);
    let twice = [strange(false), strange(false)].concat();
    assert_eq!(whole(GOOD, twice), Err(OcspError::Malformed));
}

/// Proves: C21
#[test]
fn a_responder_that_gives_no_answer_is_none() {
    let (root, leaf) = setting();
    let read = |der: &[u8]| OcspAnswer::read(der, &leaf, &root.certificate, AT);
    for (code, refused) in [
        (1, ResponderRefusal::MalformedRequest),
        (2, ResponderRefusal::InternalError),
        (3, ResponderRefusal::TryLater),
        (4, ResponderRefusal::Other),
        (5, ResponderRefusal::SignatureRequired),
        (6, ResponderRefusal::Unauthorized),
        (200, ResponderRefusal::Other),
    ] {
        let der = tlv(0x30, tlv(0x0a, [code]));
        assert_eq!(read(&der), Err(OcspError::Refused(refused)));
    }
    // An answer beside a refusal is none either.
    let mut der = OcspPlan::of(&root, &leaf).der();
    let position = der.windows(3).position(|part| part == [0x0a, 1, 0]);
    der[position.unwrap() + 2] = 3;
    assert_eq!(
        read(&der),
        Err(OcspError::Refused(ResponderRefusal::TryLater))
    );
}

/// Proves: C31
#[test]
fn what_is_not_one_answer_to_the_last_octet_is_none() {
    let (root, leaf) = setting();
    let plan = OcspPlan::of(&root, &leaf);
    let (der, basic) = (plan.der(), plan.basic());
    let read = |der: &[u8]| OcspAnswer::read(der, &leaf, &root.certificate, AT);
    read(&der).unwrap();
    let two = [basic.as_slice(), &basic].concat();
    let status = tlv(0x0a, [0]);
    let bytes = tlv(0x30, [tlv(0x06, BASIC), tlv(0x04, &basic)].concat());
    let bytes_with = |extra: &[u8]| {
        let bytes = [tlv(0x06, BASIC), tlv(0x04, &basic), extra.to_vec()].concat();
        tlv(0x30, [status.clone(), tlv(0xa0, tlv(0x30, bytes))].concat())
    };
    assert_eq!(read(&bytes_with(&[])), read(&der));
    for broken in [
        Vec::new(),
        [der.as_slice(), &[0]].concat(),
        [der.as_slice(), &der].concat(),
        response(BASIC, &two),
        response(BASIC, &[basic.as_slice(), &[5, 0]].concat()),
        response(BASIC, &[]),
        bytes_with(&[5, 0]),
        tlv(0x30, &status),
        tlv(0x30, []),
        tlv(0x30, [status.clone(), bytes.clone()].concat()),
        tlv(0x30, [status.clone(), tlv(0xa1, &bytes)].concat()),
        tlv(
            0x30,
            [status.clone(), tlv(0xa0, [bytes.clone(), bytes].concat())].concat(),
        ),
        tlv(0x31, der.get(4..).unwrap()),
    ] {
        assert_eq!(read(&broken), Err(OcspError::Malformed), "{broken:x?}");
    }
    // A signature of a number of bits that eight does not divide.
    let mut odd = der.clone();
    let ends =
        |at: usize| odd[at..at + 2] == [0, 0x30] && at + 3 + usize::from(odd[at + 2]) == odd.len();
    let unused_bits = (0..odd.len() - 2).find(|at| ends(*at)).unwrap();
    odd[unused_bits] = 1;
    assert_eq!(read(&odd), Err(OcspError::Malformed));
    for length in 0..der.len() {
        assert_eq!(read(&der[..length]), Err(OcspError::Malformed), "{length}");
    }
    let other_type = response(&[0x2b, 6, 1, 5, 5, 7, 48, 1, 2], &basic);
    assert_eq!(read(&other_type), Err(OcspError::Type));
}

/// Proves: C31
#[test]
fn what_does_not_have_the_form_of_the_standard_is_malformed_though_signed() {
    let (root, leaf) = setting();
    let plan = OcspPlan::of(&root, &leaf);
    for version in [tlv(0xa0, tlv(2, [1])), tlv(0xa0, []), vec![0x80, 1, 0]] {
        let plan = OcspPlan {
            version,
            ..plan.clone()
        };
        assert_eq!(plan.error(), OcspError::Malformed);
    }
    // The default may be written out.
    let version = tlv(0xa0, tlv(2, [0]));
    OcspPlan {
        version,
        ..plan.clone()
    }
    .answer();
    for responder in [
        tlv(0xa3, root.certificate.subject_der()),
        tlv(0x81, root.certificate.subject_der()),
        tlv(0xa1, [root.certificate.subject_der(), &[5, 0]].concat()),
        tlv(0xa2, [5, 0]),
        Vec::new(),
    ] {
        let plan = OcspPlan {
            responder,
            ..plan.clone()
        };
        assert_eq!(plan.error(), OcspError::Malformed);
    }
    for status in [
        &[0x80, 1, 0][..],
        &[0xa0, 0],
        &[0x81, 0],
        &[0xa1, 0],
        &[0x83, 0],
        &[0x82, 1, 0],
        &[5, 0],
        &[],
        &tlv(0xa1, [revoked(1), vec![5, 0]].concat()),
    ] {
        assert_eq!(
            plan.clone().status(status).error(),
            OcspError::Malformed,
            "{status:x?}"
        );
    }
}

/// Proves: C31
#[test]
fn the_length_of_an_answer_is_bounded() {
    let (root, leaf) = setting();
    let plan = OcspPlan::of(&root, &leaf);
    let long = vec![0x30; limits::OCSP_BYTES + 1];
    let read = OcspAnswer::read(&long, &leaf, &root.certificate, AT);
    assert_eq!(read, Err(OcspError::TooLong));
    let statuses = |count| OcspPlan {
        singles: vec![plan.singles[0].clone(); count],
        ..plan.clone()
    };
    statuses(limits::OCSP_STATUSES).answer();
    assert_eq!(
        statuses(limits::OCSP_STATUSES + 1).error(),
        OcspError::TooMany
    );
    let certificates = |count| OcspPlan {
        certificates: vec![leaf.der().to_vec(); count],
        ..plan.clone()
    };
    certificates(limits::OCSP_CERTIFICATES).answer();
    assert_eq!(
        certificates(limits::OCSP_CERTIFICATES + 1).error(),
        OcspError::TooMany
    );
}

/// An octet that is not signed may change and leave the verdict; none changes it.
///
/// Proves: C31
#[test]
fn no_octet_can_be_changed_without_the_verdict_staying_or_falling() {
    let (root, leaf) = setting();
    for status in [GOOD, UNKNOWN, &revoked(1)] {
        let plan = OcspPlan::of(&root, &leaf).status(status);
        let (der, answer) = (plan.der(), plan.answer());
        for position in 0..der.len() {
            for mask in [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80] {
                let mut changed = der.clone();
                changed[position] ^= mask;
                if let Ok(read) = OcspAnswer::read(&changed, &leaf, &root.certificate, AT) {
                    assert_eq!(read, answer, "{position} {mask}");
                }
            }
        }
    }
}

proptest! {
    /// Proves: C31
    #[test]
    fn no_mutation_makes_another_verdict(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..6),
        is_revoked in any::<bool>(),
    ) {
        static SETTING: std::sync::LazyLock<(Ca, Certificate)> = std::sync::LazyLock::new(setting);
        let (root, leaf) = &*SETTING;
        let status = if is_revoked { revoked(1) } else { GOOD.to_vec() };
        let plan = OcspPlan::of(root, leaf).status(&status);
        let mut der = plan.der();
        for (at, octet, kind) in edits {
            let position = at.index(der.len());
            match kind {
                0 => der[position] = octet,
                1 => der.insert(position, octet),
                _ => { der.remove(position); }
            }
        }
        if let Ok(read) = OcspAnswer::read(&der, leaf, &root.certificate, AT) {
            prop_assert_eq!(read, plan.answer());
        }
    }
}
