//! What the issued certificates and lists hold, read back with another library.

use rand::{SeedableRng as _, rngs::StdRng};
use time::{Duration, OffsetDateTime, macros::datetime};
use udap_ca::{
    Authority, Error, IssuedCertificate, KeyAlgorithm, LeafProfile, LeafRequest, PrivateKey,
    Publication, RevocationReason, RevokedCertificate, Subject, profile,
};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{DistributionPointName, GeneralName, ParsedExtension},
    prelude::FromDer as _,
    revocation_list::CertificateRevocationList,
};

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00:00.5 UTC);
const CDP: &str = "http://pki.example.org/intermediate.crl";
const AIA: &str = "http://pki.example.org/intermediate.cer";

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

fn root() -> Authority {
    let publication = Publication::new(
        Some("http://pki.example.org/root.crl"),
        Some("http://pki.example.org/root.cer"),
    );
    let key = PrivateKey::generate(KeyAlgorithm::P384).unwrap();
    let subject = Subject::new("Example Root CA", Some("Example Community")).unwrap();
    Authority::new_root(&subject, key, publication.unwrap(), NOW, &mut rng()).unwrap()
}

fn issuing_ca(root: &Authority, publication: Publication) -> Authority {
    let key = PrivateKey::generate(KeyAlgorithm::P384).unwrap();
    let subject = Subject::new("Example Issuing CA", Some("Example Community")).unwrap();
    root.new_issuing_ca(&subject, key, publication, NOW, &mut rng())
        .unwrap()
}

fn published() -> Publication {
    Publication::new(Some(CDP), Some(AIA)).unwrap()
}

fn client_request() -> LeafRequest {
    let uris = ["https://app.example.org/udap", "urn:oid:2.999#T-TREAT"];
    let uris = uris.iter().map(|uri| uri.parse().unwrap()).collect();
    let subject = Subject::new("Example App", Some("Example Inc.")).unwrap();
    LeafRequest::new(LeafProfile::UdapClient { uris }, subject)
}

fn issue(ca: &Authority, request: &LeafRequest, algorithm: KeyAlgorithm) -> IssuedCertificate {
    let key = PrivateKey::generate(algorithm).unwrap();
    ca.issue(request, key.public_key(), NOW, &mut rng())
        .unwrap()
}

fn parse(der: &[u8]) -> X509Certificate<'_> {
    let (rest, certificate) = X509Certificate::from_der(der).unwrap();
    assert!(rest.is_empty());
    certificate
}

fn uri_of(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::URI(uri) => (*uri).to_owned(),
        other => panic!("not a URI: {other:?}"),
    }
}

fn distribution_point(certificate: &X509Certificate<'_>) -> Option<String> {
    certificate
        .iter_extensions()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::CRLDistributionPoints(points) => {
                assert!(!extension.critical);
                match points.points[0].distribution_point.as_ref().unwrap() {
                    DistributionPointName::FullName(names) => Some(uri_of(&names[0])),
                    DistributionPointName::NameRelativeToCRLIssuer(_) => None,
                }
            }
            _ => None,
        })
}

fn ca_issuers(certificate: &X509Certificate<'_>) -> Option<String> {
    certificate
        .iter_extensions()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityInfoAccess(access) => {
                assert!(!extension.critical);
                assert_eq!(
                    access.accessdescs[0].access_method.to_id_string(),
                    "1.3.6.1.5.5.7.48.2"
                );
                Some(uri_of(&access.accessdescs[0].access_location))
            }
            _ => None,
        })
}

fn subject_key_identifier(certificate: &X509Certificate<'_>) -> Vec<u8> {
    let id = certificate
        .iter_extensions()
        .find_map(|e| match e.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        });
    id.unwrap()
}

fn authority_key_identifier(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate
        .iter_extensions()
        .find_map(|e| match e.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                Some(id.key_identifier.as_ref().unwrap().0.to_vec())
            }
            _ => None,
        })
}

/// Proves: J01, J07, J08
#[test]
fn a_client_certificate_has_every_extension_of_the_profile() {
    let ca = issuing_ca(&root(), published());
    let mut request = client_request();
    request.policies = vec!["2.16.840.1.113883.3.7204.1.1".parse().unwrap()];
    let issued = issue(&ca, &request, KeyAlgorithm::Rsa2048);
    let leaf = parse(issued.der());
    let issuer = parse(ca.certificate_der());

    assert_eq!(leaf.version().0, 2, "X.509 v3");
    assert_eq!(leaf.subject().to_string(), "O=Example Inc., CN=Example App");
    assert_eq!(leaf.issuer().as_raw(), issuer.subject().as_raw());
    assert_eq!(leaf.raw_serial(), issued.serial().as_be_bytes());
    assert_eq!(leaf.raw_serial().len(), 16);

    let constraints = leaf.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && !constraints.value.ca);
    let usage = leaf.key_usage().unwrap().unwrap();
    assert!(usage.critical);
    assert_eq!(usage.value.flags, 1, "digitalSignature only");
    let extended = leaf.extended_key_usage().unwrap().unwrap();
    assert!(!extended.critical && extended.value.client_auth && !extended.value.server_auth);
    let san = leaf.subject_alternative_name().unwrap().unwrap();
    assert!(!san.critical);
    let uris: Vec<_> = san.value.general_names.iter().map(uri_of).collect();
    assert_eq!(
        uris,
        ["https://app.example.org/udap", "urn:oid:2.999#T-TREAT"]
    );
    assert!(!subject_key_identifier(&leaf).is_empty());
    assert_eq!(
        authority_key_identifier(&leaf).unwrap(),
        subject_key_identifier(&issuer)
    );
    assert_eq!(distribution_point(&leaf).unwrap(), CDP);
    assert_eq!(ca_issuers(&leaf).unwrap(), AIA);
    let policies = leaf
        .iter_extensions()
        .find_map(|e| match e.parsed_extension() {
            ParsedExtension::CertificatePolicies(policies) => {
                Some(policies[0].policy_id.to_string())
            }
            _ => None,
        });
    assert_eq!(policies.unwrap(), "2.16.840.1.113883.3.7204.1.1");

    assert_eq!(
        leaf.validity().not_before.to_datetime(),
        datetime!(2026-11-22 11:55 UTC)
    );
    assert_eq!(
        leaf.validity().not_after.to_datetime(),
        datetime!(2027-11-22 12:00 UTC)
    );
    assert_eq!(
        leaf.signature_algorithm.algorithm.to_id_string(),
        "1.2.840.10045.4.3.3"
    );
}

/// Proves: J04, J08
#[test]
fn server_and_tls_certificates_differ_in_usage_and_names_only() {
    let ca = issuing_ca(&root(), published());
    let subject = Subject::new("Example EMR", None).unwrap();
    let base_urls = vec!["https://emr.example.org/apis/default/fhir".parse().unwrap()];
    let server = LeafRequest::new(LeafProfile::UdapServer { base_urls }, subject.clone());
    let issued = issue(&ca, &server, KeyAlgorithm::Rsa2048);
    let leaf = parse(issued.der());
    let extended = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.server_auth && extended.client_auth);
    let san = leaf.subject_alternative_name().unwrap().unwrap().value;
    assert_eq!(
        uri_of(&san.general_names[0]),
        "https://emr.example.org/apis/default/fhir"
    );

    let ec = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let refused = ca.issue(&server, ec.public_key(), NOW, &mut rng());
    assert!(matches!(refused, Err(Error::KeyAlgorithmNotAllowed { .. })));

    let hosts = vec![
        "emr.example.org".parse().unwrap(),
        "127.0.0.1".parse().unwrap(),
    ];
    let tls = LeafRequest::new(LeafProfile::TlsServer { hosts }, subject);
    let issued = issue(&ca, &tls, KeyAlgorithm::P256);
    let leaf = parse(issued.der());
    let extended = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.server_auth && !extended.client_auth);
    let san = leaf.subject_alternative_name().unwrap().unwrap().value;
    assert_eq!(
        san.general_names[0],
        GeneralName::DNSName("emr.example.org")
    );
    assert_eq!(
        san.general_names[1],
        GeneralName::IPAddress(&[127, 0, 0, 1])
    );
}

/// Proves: J09
#[test]
fn root_and_issuing_ca_have_every_extension_of_the_profile() {
    let root = root();
    let ca = issuing_ca(&root, published());
    let (top, middle) = (parse(root.certificate_der()), parse(ca.certificate_der()));
    for (certificate, path_length) in [(&top, None), (&middle, Some(0))] {
        let constraints = certificate.basic_constraints().unwrap().unwrap();
        assert!(constraints.critical && constraints.value.ca);
        assert_eq!(constraints.value.path_len_constraint, path_length);
        let usage = certificate.key_usage().unwrap().unwrap();
        assert!(usage.critical);
        assert_eq!(
            usage.value.flags, 0b110_0000,
            "keyCertSign and cRLSign only"
        );
        assert!(!subject_key_identifier(certificate).is_empty());
        assert_eq!(certificate.raw_serial().len(), 16);
    }
    assert_eq!(top.subject().as_raw(), top.issuer().as_raw());
    assert_eq!(middle.issuer().as_raw(), top.subject().as_raw());
    assert_eq!(
        authority_key_identifier(&middle).unwrap(),
        subject_key_identifier(&top)
    );
    assert_eq!(
        distribution_point(&middle).unwrap(),
        "http://pki.example.org/root.crl"
    );
    assert_eq!(
        ca_issuers(&middle).unwrap(),
        "http://pki.example.org/root.cer"
    );
    assert_eq!((distribution_point(&top), ca_issuers(&top)), (None, None));

    let days = |certificate: &X509Certificate<'_>| {
        let validity = certificate.validity();
        (validity.not_after.to_datetime() - validity.not_before.to_datetime()).whole_days()
    };
    assert_eq!(days(&top), 7305);
    assert_eq!(days(&middle), 1826);
}

/// Proves: J07
#[test]
fn a_leaf_never_outlives_its_issuer() {
    let ca = issuing_ca(&root(), published());
    let later = NOW + profile::ISSUING_CA_LIFETIME - Duration::days(10);
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let issued = ca
        .issue(&client_request(), key.public_key(), later, &mut rng())
        .unwrap();
    let end = parse(ca.certificate_der())
        .validity()
        .not_after
        .to_datetime();
    assert_eq!(parse(issued.der()).validity().not_after.to_datetime(), end);

    for now in [end + Duration::seconds(1), NOW - Duration::days(1)] {
        let refused = ca.issue(&client_request(), key.public_key(), now, &mut rng());
        assert!(matches!(refused, Err(Error::IssuerNotValid { .. })));
    }
}

/// Proves: J07
#[test]
fn an_rsa_authority_signs_with_sha_256() {
    let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
    let subject = Subject::new("RSA CA", None).unwrap();
    let root = Authority::new_root(&subject, key, Publication::default(), NOW, &mut rng()).unwrap();
    let issued = issue(&root, &client_request(), KeyAlgorithm::P256);
    let leaf = parse(issued.der());
    assert_eq!(
        leaf.signature_algorithm.algorithm.to_id_string(),
        "1.2.840.113549.1.1.11"
    );
    assert_eq!(
        issued.certificates().count(),
        1,
        "the root stays out of the chain"
    );
}

#[test]
fn two_certificates_for_one_key_have_different_serials() {
    let ca = issuing_ca(&root(), published());
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let mut rng = rng();
    let mut serial = || {
        ca.issue(&client_request(), key.public_key(), NOW, &mut rng)
            .unwrap()
    };
    assert_ne!(serial().serial(), serial().serial());
}

#[test]
fn without_addresses_a_certificate_has_neither_cdp_nor_aia() {
    let ca = issuing_ca(&root(), Publication::default());
    let issued = issue(&ca, &client_request(), KeyAlgorithm::P256);
    let leaf = parse(issued.der());
    assert_eq!((distribution_point(&leaf), ca_issuers(&leaf)), (None, None));
    for bad in [
        "https://pki.example.org/a.crl",
        "ldap://pki.example.org",
        "/a.crl",
        "http://pki",
    ] {
        assert!(Publication::new(Some(bad), None).is_err(), "{bad}");
    }
}

/// Proves: J09
#[test]
fn a_revocation_list_has_number_key_identifier_and_reasons() {
    let ca = issuing_ca(&root(), published());
    let issued = issue(&ca, &client_request(), KeyAlgorithm::P256);
    let revoked = [
        (RevocationReason::KeyCompromise, issued.serial().clone()),
        (RevocationReason::Unspecified, "0b".parse().unwrap()),
    ]
    .map(|(reason, serial)| RevokedCertificate {
        serial,
        at: NOW,
        reason,
    });
    let der = ca
        .sign_crl(42, &revoked, NOW, profile::CRL_LIFETIME)
        .unwrap();
    let (_, list) = CertificateRevocationList::from_der(&der).unwrap();

    assert_eq!(list.version().unwrap().0, 1, "v2");
    assert_eq!(list.crl_number().unwrap().to_string(), "42");
    assert_eq!(
        list.last_update().to_datetime(),
        datetime!(2026-11-22 12:00 UTC)
    );
    assert_eq!(
        list.next_update().unwrap().to_datetime(),
        datetime!(2026-11-29 12:00 UTC)
    );
    let key_identifier = list
        .extensions()
        .iter()
        .find_map(|e| match e.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                Some(id.key_identifier.as_ref().unwrap().0.to_vec())
            }
            _ => None,
        });
    let issuer = parse(ca.certificate_der());
    assert_eq!(key_identifier.unwrap(), subject_key_identifier(&issuer));

    let entries: Vec<_> = list.iter_revoked_certificates().collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].raw_serial(), issued.serial().as_be_bytes());
    assert_eq!(entries[0].reason_code().unwrap().1.0, 1);
    assert!(
        entries[1].reason_code().is_none(),
        "unspecified is left out"
    );
    assert!(matches!(
        ca.sign_crl(43, &[], NOW, Duration::ZERO),
        Err(Error::CrlLifetimeNotAllowed)
    ));
}

#[test]
fn an_authority_is_restored_only_from_a_ca_certificate_and_its_own_key() {
    let ca = issuing_ca(&root(), published());
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let leaf = ca
        .issue(&client_request(), key.public_key(), NOW, &mut rng())
        .unwrap();
    let restore = |der: &[u8], key| Authority::from_parts(der.to_vec(), key, false, published());
    let other = PrivateKey::generate(KeyAlgorithm::P384).unwrap();
    assert!(matches!(
        restore(ca.certificate_der(), other),
        Err(Error::KeyMismatch)
    ));
    assert!(matches!(restore(leaf.der(), key), Err(Error::NotACa)));
}
