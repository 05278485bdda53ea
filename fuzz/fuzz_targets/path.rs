//! Paths of mutated certificates, signed in earnest: the signed parts of a leaf (which the issuing
//! CA signs) and of candidates (which root and issuing CA sign in turn), side by side in DER.
//!
//! OpenSSL gives a second opinion: a path that we trust, it must not refuse.
#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509StoreContext};
use udap::certificate::Certificate;
use udap::trust::{
    CertvalJudge, CrlStore, Evidence, Outcome, RevocationMode, TrustNeed, TrustPolicy, TrustedPath,
    evaluate,
};
use udap_fuzz::world::{NOW, world, x5c_entry};
use udap_fuzz::{der, invariants};

static POLICIES: LazyLock<[TrustPolicy; 2]> = LazyLock::new(|| {
    [true, false].map(|intermediate| world().trust(RevocationMode::Off, intermediate))
});

// What it remembers never matters to another input: each is signed anew, by ECDSA.
static JUDGE: LazyLock<CertvalJudge> = LazyLock::new(CertvalJudge::new);

fuzz_target!(|data: &[u8]| {
    let world = world();
    let data = world.fill(data);
    let mut signed = der::elements(&data).into_iter().take(8);
    let Some(leaf) = signed.next() else {
        return;
    };
    let Ok(leaf) = Certificate::from_der(&world.by_intermediate(leaf)) else {
        return;
    };
    let mut candidates: Vec<Certificate> = signed
        .enumerate()
        .filter_map(|(index, signed)| {
            let whole = if index.is_multiple_of(2) {
                world.by_root(signed)
            } else {
                world.by_intermediate(signed)
            };
            Certificate::from_der(&whole).ok()
        })
        .collect();
    for policy in &*POLICIES {
        let forwards = judged(policy, &leaf, &candidates);
        candidates.reverse();
        let backwards = judged(policy, &leaf, &candidates);
        match (&forwards, &backwards) {
            (Outcome::Trusted(one), Outcome::Trusted(other)) => {
                assert_eq!(one.intermediates(), other.intermediates());
            }
            (Outcome::Untrusted(one), Outcome::Untrusted(other)) => assert_eq!(one, other),
            (Outcome::Need(one), Outcome::Need(other)) => assert_eq!(one, other),
            _ => panic!("the order of candidates shows: {forwards:?} {backwards:?}"),
        }
        match forwards {
            Outcome::Trusted(path) => trusted(&path, &leaf),
            Outcome::Need(needs) => {
                assert!(!needs.is_empty());
                assert!(
                    needs
                        .iter()
                        .all(|need| matches!(need, TrustNeed::Issuer { .. }))
                );
            }
            Outcome::Untrusted(distrust) => assert!(!distrust.code().is_empty()),
        }
    }
});

fn judged(policy: &TrustPolicy, leaf: &Certificate, candidates: &[Certificate]) -> Outcome {
    let (crls, tried) = (CrlStore::default(), BTreeSet::new());
    let evidence = Evidence {
        candidates,
        crls: &crls,
        ocsp: &[],
        tried: &tried,
    };
    evaluate(&*JUDGE, policy, leaf, &evidence, NOW)
}

fn trusted(path: &TrustedPath, leaf: &Certificate) {
    assert_eq!(path.leaf(), leaf);
    assert_eq!(path.anchor().certificate(), &world().root);
    assert!(!leaf.is_ca());
    assert!(
        leaf.key_usage()
            .is_none_or(|usage| usage.digital_signature())
    );
    let mut below = leaf;
    for issuer in path.intermediates() {
        assert!(issuer.is_ca());
        assert!(issuer.key_usage().is_none_or(|usage| usage.key_cert_sign()));
        assert!(
            below
                .verify_issued_by(issuer.key().expect("a key that signed"))
                .is_ok()
        );
        below = issuer;
    }
    assert!(below.verify_issued_by(path.anchor().key()).is_ok());
    for certificate in std::iter::once(leaf).chain(path.intermediates()) {
        assert!(certificate.is_valid_at(NOW) && certificate.well_formed().is_ok());
        assert!(certificate.signature_scheme().is_some());
        invariants::key(certificate.key().expect("a key that is accepted"));
    }
    if let Err(reason) = second_opinion(path) {
        for certificate in std::iter::once(leaf).chain(path.intermediates()) {
            eprintln!("{}", x5c_entry(certificate.der()));
        }
        panic!("OpenSSL does not trust the path: {reason}");
    }
}

fn second_opinion(path: &TrustedPath) -> Result<(), String> {
    // What OpenSSL cannot read at all it has no opinion on. We and certval read texts in a name that
    // are none, and keys that are no points of their curve or do not name it by an OBJECT IDENTIFIER.
    let read = |certificate: &Certificate| {
        X509::from_der(certificate.der())
            .ok()
            .filter(|read| read.public_key().is_ok())
    };
    let issuers = path.intermediates().iter().map(read);
    let (Some(leaf), Some(others)) = (read(path.leaf()), issuers.collect::<Option<Vec<_>>>())
    else {
        return Ok(());
    };
    let root = read(&world().root).ok_or("the root is good")?;
    let verdict = || {
        let mut builder = X509StoreBuilder::new()?;
        builder.add_cert(root)?;
        let mut parameters = X509VerifyParam::new()?;
        parameters.set_time(NOW.unix_timestamp());
        parameters.set_flags(
            X509VerifyFlags::PARTIAL_CHAIN
                | X509VerifyFlags::POLICY_CHECK
                | X509VerifyFlags::CHECK_SS_SIGNATURE,
        )?;
        builder.set_param(&parameters)?;
        let mut stack = Stack::new()?;
        for other in others {
            stack.push(other)?;
        }
        let mut context = X509StoreContext::new()?;
        context.init(&builder.build(), &leaf, &stack, |context| {
            let holds = context.verify_cert()?;
            Ok((holds, context.error()))
        })
    };
    match verdict() {
        Ok((true, _)) => Ok(()),
        Ok((false, reason)) if reason.as_raw() == UNKNOWN_ISSUER && is_known(path) => Ok(()),
        Ok((false, reason)) if reason.as_raw() == INVALID_POLICY_EXTENSION => Ok(()),
        Ok((false, reason)) => Err(reason.error_string().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY.
const UNKNOWN_ISSUER: i32 = 20;

/// X509_V_ERR_INVALID_POLICY_EXTENSION: OpenSSL decodes policy qualifiers, of which RFC 5280 §6.1 makes
/// nothing, and which we pass over.
const INVALID_POLICY_EXTENSION: i32 = 42;

/// Why OpenSSL may look for another issuer than the one that signed, and need not be followed:
///
/// - an authorityKeyIdentifier names another one; to us it is a hint (RFC 5280 §6.1 does not look at
///   it), to OpenSSL a condition;
/// - a distribution point is empty, which RFC 5280 §4.2.1.13 forbids and we let pass: it stands for
///   no address.
fn is_known(path: &TrustedPath) -> bool {
    let below = std::iter::once(path.leaf()).chain(path.intermediates());
    let above = path
        .intermediates()
        .iter()
        .chain([path.anchor().certificate()]);
    below.zip(above).any(|(certificate, issuer)| {
        let other = match (certificate.authority_key_id(), issuer.subject_key_id()) {
            (Some(wanted), Some(given)) => wanted != given,
            _ => false,
        };
        let by_serial = X509::from_der(certificate.der()).is_ok_and(|read| {
            read.authority_issuer().is_some() || read.authority_serial().is_some()
        });
        other || by_serial || has_empty_point(certificate)
    })
}

fn has_empty_point(certificate: &Certificate) -> bool {
    let inside = |element| der::inside(element).map(der::elements).unwrap_or_default();
    der::extension(certificate.tbs(), b"\x55\x1d\x1f")
        .into_iter()
        .flat_map(inside)
        .any(|point| {
            let fields = inside(point);
            !fields
                .iter()
                .any(|field| matches!(field.first(), Some(0xa0 | 0xa2)))
        })
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    udap_fuzz::der::mutate(data, size, max_size, seed, fuzzer_mutate)
});
