//! OpenSSL as a second opinion: what we trust, it must not refuse.
//!
//! Chains of up to three CAs are made with random constraints, rights, names and dates, signed in
//! earnest, and judged by both. That we refuse more is right (decisions 25), and not looked at.

use std::collections::BTreeSet;

use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509StoreContext};
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
    PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use udap::certificate::Certificate;
use udap::trust::{
    CertvalJudge, CrlStore, Evidence, NoCrlAddress, Outcome, RevocationMode, TrustPolicy,
    TrustStore, evaluate,
};

const AT: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

/// What may be odd about one certificate.
#[derive(Clone, Debug)]
struct Oddity {
    is_ca: u8,
    usages: u8,
    dates: u8,
    extension: u8,
    constraint: u8,
    issuer_name: u8,
    signer: u8,
}

/// Most certificates are good, or nothing would be trusted.
fn rarely(others: std::ops::Range<u8>) -> impl Strategy<Value = u8> {
    prop_oneof![7 => Just(0), 1 => others]
}

fn oddity() -> impl Strategy<Value = Oddity> {
    (
        rarely(1..5),
        rarely(1..4),
        rarely(1..3),
        rarely(1..5),
        prop_oneof![3 => Just(0), 4 => 1..8_u8],
        rarely(1..3),
        rarely(1..2),
    )
        .prop_map(
            |(is_ca, usages, dates, extension, constraint, issuer_name, signer)| Oddity {
                is_ca,
                usages,
                dates,
                extension,
                constraint,
                issuer_name,
                signer,
            },
        )
}

fn name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Example");
    name.push(DnType::CommonName, text);
    name
}

fn subtree(kind: u8) -> Option<GeneralSubtree> {
    Some(match kind {
        1 => GeneralSubtree::DnsName("example.org".to_owned()),
        2 => GeneralSubtree::DnsName("example.com".to_owned()),
        3 => GeneralSubtree::Rfc822Name("example.org".to_owned()),
        4 => GeneralSubtree::Rfc822Name(".example.com".to_owned()),
        5 => {
            let mut name = DistinguishedName::new();
            name.push(DnType::OrganizationName, "Example");
            GeneralSubtree::DirectoryName(name)
        }
        6 => GeneralSubtree::DirectoryName(name("Leaf")),
        _ => return None,
    })
}

fn params(subject: &str, serial: u64, oddity: &Oddity, is_leaf: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(subject);
    params.serial_number = Some(SerialNumber::from(serial));
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = match oddity.dates {
        0 => (AT - Duration::DAY, AT + Duration::DAY),
        1 => (AT - Duration::DAY, AT - Duration::HOUR),
        _ => (AT + Duration::HOUR, AT + Duration::DAY),
    };
    let ca = |constraint| IsCa::Ca(constraint);
    params.is_ca = match (is_leaf, oddity.is_ca) {
        (true, _) | (_, 1) => IsCa::NoCa,
        (_, 2) => ca(BasicConstraints::Constrained(0)),
        (_, 3) => ca(BasicConstraints::Constrained(1)),
        (_, 4) => IsCa::ExplicitNoCa,
        _ => ca(BasicConstraints::Unconstrained),
    };
    params.key_usages = match (is_leaf, oddity.usages) {
        (true, _) => vec![KeyUsagePurpose::DigitalSignature],
        (_, 1) => vec![KeyUsagePurpose::CrlSign],
        (_, 2) => Vec::new(),
        (_, 3) => vec![KeyUsagePurpose::DigitalSignature],
        _ => vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
    };
    match oddity.extension {
        1 => {
            let arc = [1, 3, 6, 1, 4, 1, 32473, 1];
            let mut unknown = CustomExtension::from_oid_content(&arc, vec![5, 0]);
            unknown.set_criticality(true);
            params.custom_extensions.push(unknown);
        }
        // policyConstraints: an explicit policy is required, and none is there.
        2 => params
            .custom_extensions
            .push(CustomExtension::from_oid_content(
                &[2, 5, 29, 36],
                vec![0x30, 3, 0x80, 1, 0],
            )),
        _ => {}
    }
    if is_leaf {
        params.subject_alt_names = vec![
            SanType::URI("https://app.example.org/udap".try_into().expect("ASCII")),
            SanType::DnsName("app.example.org".try_into().expect("ASCII")),
            SanType::Rfc822Name("admin@example.org".try_into().expect("ASCII")),
        ];
    } else if let Some(subtree) = subtree(oddity.constraint) {
        let mut constraints = NameConstraints {
            permitted_subtrees: Vec::new(),
            excluded_subtrees: Vec::new(),
        };
        if oddity.extension.is_multiple_of(2) {
            constraints.permitted_subtrees.push(subtree);
        } else {
            constraints.excluded_subtrees.push(subtree);
        }
        params.name_constraints = Some(constraints);
    }
    params
}

/// Root first, leaf last.
fn chain(oddities: &[Oddity]) -> Vec<Vec<u8>> {
    let key = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("keys can be made");
    let mut certificates = Vec::new();
    let mut above: Option<(CertificateParams, KeyPair)> = None;
    for (level, oddity) in oddities.iter().enumerate() {
        let is_leaf = level + 1 == oddities.len();
        let subject = if is_leaf {
            "Leaf".to_owned()
        } else {
            format!("CA {level}")
        };
        let (params, own) = (params(&subject, level as u64 + 1, oddity, is_leaf), key());
        let certificate = match &above {
            None => params.self_signed(&own),
            Some((issuer, signer)) => {
                let mut issuer = issuer.clone();
                match oddity.issuer_name {
                    1 => issuer.distinguished_name = name("Another"),
                    2 => issuer.distinguished_name = name(&format!("ca  {}", level - 1)),
                    _ => {}
                }
                let stranger = key();
                let signer = if oddity.signer == 1 {
                    &stranger
                } else {
                    signer
                };
                params.signed_by(&own, &Issuer::from_params(&issuer, signer))
            }
        };
        certificates.push(
            certificate
                .expect("certificates can be made")
                .der()
                .to_vec(),
        );
        above = Some((params, own));
    }
    certificates
}

fn we_trust(chain: &[Vec<u8>]) -> bool {
    let mut certificates: Vec<_> = chain
        .iter()
        .map(|der| Certificate::from_der(der).expect("it decodes"))
        .collect();
    let leaf = certificates.pop().expect("a leaf");
    let root = certificates.remove(0);
    let Ok(store) = TrustStore::new(vec![root], Vec::new(), Vec::new()) else {
        return false;
    };
    let policy = TrustPolicy {
        store,
        revocation: RevocationMode::Off,
        no_crl_address: NoCrlAddress::Accept,
        aia: false,
        ocsp: false,
    };
    let (crls, tried) = (CrlStore::default(), BTreeSet::new());
    let evidence = Evidence {
        candidates: &certificates,
        crls: &crls,
        ocsp: &[],
        tried: &tried,
    };
    let outcome = evaluate(&CertvalJudge::new(), &policy, &leaf, &evidence, AT);
    matches!(outcome, Outcome::Trusted(_))
}

fn openssl_trusts(chain: &[Vec<u8>]) -> Result<bool, openssl::error::ErrorStack> {
    let mut certificates = chain
        .iter()
        .map(|der| X509::from_der(der))
        .collect::<Result<Vec<_>, _>>()?;
    let leaf = certificates.pop().expect("a leaf");
    let mut builder = X509StoreBuilder::new()?;
    builder.add_cert(certificates.remove(0))?;
    let mut parameters = X509VerifyParam::new()?;
    parameters.set_time(AT.unix_timestamp());
    parameters.set_flags(
        X509VerifyFlags::PARTIAL_CHAIN
            | X509VerifyFlags::POLICY_CHECK
            | X509VerifyFlags::CHECK_SS_SIGNATURE,
    )?;
    builder.set_param(&parameters)?;
    let mut others = Stack::new()?;
    for certificate in certificates {
        others.push(certificate)?;
    }
    X509StoreContext::new()?.init(&builder.build(), &leaf, &others, |context| {
        context.verify_cert()
    })
}

#[test]
fn good_chains_are_trusted_by_both() {
    let good = Oddity {
        is_ca: 0,
        usages: 0,
        dates: 0,
        extension: 0,
        constraint: 0,
        issuer_name: 0,
        signer: 0,
    };
    for length in 2..=4 {
        let chain = chain(&vec![good.clone(); length]);
        assert!(
            we_trust(&chain) && openssl_trusts(&chain).expect("OpenSSL runs"),
            "{length}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Proves: C12
    #[test]
    fn whatever_we_trust_openssl_trusts(
        oddities in prop::collection::vec(oddity(), 2..=4),
    ) {
        let chain = chain(&oddities);
        if we_trust(&chain) {
            prop_assert!(openssl_trusts(&chain).expect("OpenSSL runs"), "{oddities:?}");
        }
    }
}
