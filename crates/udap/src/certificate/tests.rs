//! Tests of certificate decoding.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::macros::datetime;
use udap_testkit::{LeafFlaw, TestCommunity, TestLeaf};

use super::*;

fn leaf() -> TestLeaf {
    TestCommunity::new("example", datetime!(2026-11-22 12:00 UTC))
        .leaf("https://app.example.org")
        .and_uri("https://other.example.org")
        .build()
}

/// Proves: C03, C17
#[test]
fn a_certificate_is_decoded_once_and_whole() {
    let leaf = leaf();
    let certificate = Certificate::from_der(leaf.der()).unwrap();
    assert_eq!(certificate.der(), leaf.der());
    assert_eq!(
        certificate.fingerprint()[..],
        Sha256::digest(leaf.der())[..]
    );
    assert_eq!(certificate.serial(), leaf.serial());
    assert_eq!(certificate.serial_hex(), hex::encode(leaf.serial()));
    assert_eq!(certificate.uri_names(), leaf.uris());
    assert_eq!(
        certificate.not_after().unix_timestamp(),
        leaf.not_after().unix_timestamp()
    );
    assert!(certificate.subject_text().contains("CN=Example App"));
    assert!(!certificate.is_ca() && !certificate.is_self_issued());
    assert!(certificate.key_usage().unwrap().digital_signature());
    assert!(certificate.key().is_ok() && certificate.well_formed().is_ok());
    assert_eq!(certificate, certificate.clone());

    let issuer = leaf.intermediates().first().unwrap();
    let issuer = Certificate::from_der(issuer).unwrap();
    assert_eq!(issuer.subject_der(), certificate.issuer_der());
    assert_eq!(issuer.subject_key_id(), certificate.authority_key_id());
    assert!(issuer.is_ca() && issuer.key_usage().unwrap().key_cert_sign());
    assert_eq!(certificate.verify_issued_by(issuer.key().unwrap()), Ok(()));
    assert_eq!(
        certificate.verify_issued_by(certificate.key().unwrap()),
        Err(BadSignature)
    );
}

/// Proves: C03, C04
#[test]
fn only_one_certificate_of_bounded_length_is_taken() {
    let leaf = leaf();
    let decode = |der: &[u8]| Certificate::from_der(der).unwrap_err();
    assert_eq!(decode(&[]), CertificateError::Malformed);
    assert_eq!(
        decode(&[leaf.der(), &[0]].concat()),
        CertificateError::Malformed
    );
    assert_eq!(decode(&leaf.der()[1..]), CertificateError::Malformed);
    let long = vec![0x30; limits::CERTIFICATE_BYTES + 1];
    assert_eq!(decode(&long), CertificateError::TooLong);
}

/// Proves: C03
#[test]
fn nothing_about_a_certificate_that_is_not_signed_can_be_changed() {
    let leaf = leaf();
    let whole = leaf.der();
    let certificate = Certificate::from_der(whole).unwrap();
    let issuer = Certificate::from_der(leaf.intermediates().first().unwrap()).unwrap();
    let key = issuer.key().unwrap();
    for position in 0..whole.len() {
        for bit in 0..8 {
            let mut der = whole.to_vec();
            der[position] ^= 1 << bit;
            let holds = |other: &Certificate| {
                other.well_formed().is_ok() && other.verify_issued_by(key).is_ok()
            };
            let other = Certificate::from_der(&der).ok().filter(holds);
            assert!(other.is_none(), "octet {position}, bit {bit}");
        }
    }
    assert_eq!(certificate.verify_issued_by(key), Ok(()));
}

#[test]
fn a_certificate_with_a_forbidden_key_decodes_and_says_so() {
    let community = TestCommunity::new("example", datetime!(2026-11-22 12:00 UTC));
    let with = |flaw| {
        let leaf = community.leaf("https://app.example.org").flaw(flaw).build();
        Certificate::from_der(leaf.der()).unwrap()
    };
    assert_eq!(with(LeafFlaw::WeakKey).key(), Err(KeyError::RsaSize));
    assert_eq!(with(LeafFlaw::P521Key).key(), Err(KeyError::Kind));
    assert_eq!(with(LeafFlaw::Sha1Signature).signature_scheme(), None);
}

#[test]
fn bundles_are_read_in_order_past_what_is_no_certificate() {
    let leaf = leaf();
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let pem = format!("a comment\n{key}{}", leaf.chain_pem());
    let certificates = Certificate::from_pem_bundle(pem.as_bytes()).unwrap();
    let ders: Vec<_> = certificates.iter().map(Certificate::der).collect();
    assert_eq!(ders, leaf.certificates().collect::<Vec<_>>());
    assert_eq!(Certificate::from_pem_bundle(leaf.der()).unwrap().len(), 1);

    let refused = |bytes: &[u8]| Certificate::from_pem_bundle(bytes).unwrap_err();
    assert_eq!(refused(key.as_bytes()), CertificateError::Missing);
    assert_eq!(refused(b""), CertificateError::Missing);
    assert_eq!(refused(&leaf.der()[..90]), CertificateError::Malformed);
    let broken = "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n";
    assert_eq!(refused(broken.as_bytes()), CertificateError::Pem);
    let text = STANDARD.encode(&leaf.der()[..90]);
    let cut = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    assert_eq!(refused(cut.as_bytes()), CertificateError::Malformed);
}
