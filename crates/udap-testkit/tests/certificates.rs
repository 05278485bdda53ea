//! Each flawed leaf has its flaw and no other: OpenSSL is the judge.

use std::{fs, path::Path, process::Command};

use time::{Duration, OffsetDateTime, macros::datetime};
use udap_testkit::{CommunityOptions, KeyKind, LeafFlaw, TestCommunity, TestKey, TestLeaf};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer as _,
    public_key::PublicKey,
    revocation_list::CertificateRevocationList,
};

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
const URI: &str = "https://app.example.org/udap";

fn openssl(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the openssl command line tool is needed for this test");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// OpenSSL's verdict with strict checks, security level 2, and all lists of the community.
fn verify(community: &TestCommunity, leaf: &TestLeaf, with_lists: bool) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("root.pem"), community.root().pem()).unwrap();
    fs::write(path.join("leaf.pem"), leaf.pem()).unwrap();
    fs::write(path.join("chain.pem"), leaf.chain_pem()).unwrap();
    let at = NOW.unix_timestamp().to_string();
    let mut arguments = vec!["verify", "-x509_strict", "-auth_level", "2", "-attime", &at];
    if with_lists {
        let lists: String = community.crls().iter().map(|der| pem_list(der)).collect();
        fs::write(path.join("lists.pem"), lists).unwrap();
        arguments.extend(["-crl_check_all", "-CRLfile", "lists.pem"]);
    }
    arguments.extend(["-CAfile", "root.pem", "-untrusted", "chain.pem", "leaf.pem"]);
    openssl(path, &arguments)
}

fn pem_list(der: &[u8]) -> String {
    pem::encode(&pem::Pem::new("X509 CRL", der))
}

fn parse(der: &[u8]) -> X509Certificate<'_> {
    X509Certificate::from_der(der).unwrap().1
}

#[test]
fn good_leaves_of_every_kind_are_accepted_with_and_without_lists() {
    for options in [
        CommunityOptions::new("plain"),
        CommunityOptions::new("published").published_at("http://127.0.0.1:8081/pki"),
        CommunityOptions {
            ca_key: KeyKind::Rsa2048,
            ..CommunityOptions::new("rsa")
        },
    ] {
        let community = TestCommunity::with(options, NOW);
        let leaves = [
            community.client(URI),
            community.leaf(URI).key_kind(KeyKind::P256).build(),
            community
                .leaf(URI)
                .key_kind(KeyKind::P384)
                .and_uri("urn:oid:2.999")
                .build(),
            community.server("https://emr.example.org/fhir"),
        ];
        for leaf in leaves {
            for with_lists in [true, false] {
                let (accepted, text) = verify(&community, &leaf, with_lists);
                assert!(accepted, "{text}");
            }
        }
    }
}

#[test]
fn openssl_names_the_very_flaw_or_finds_none_where_it_does_not_look() {
    for flaw in LeafFlaw::ALL {
        let community = TestCommunity::new("flaws", NOW);
        let leaf = community.leaf(URI).flaw(flaw).build();
        let (accepted, text) = verify(&community, &leaf, true);
        match complaint(flaw) {
            Some(complaint) => {
                assert!(!accepted && text.contains(complaint), "{flaw:?}: {text}");
                let errors = match flaw {
                    // Nobody has a list of an issuer that is the leaf itself.
                    LeafFlaw::SelfSigned => 2,
                    // It says the same in two ways.
                    LeafFlaw::IntermediateWithoutKeyCertSign => 2,
                    _ => 1,
                };
                assert_eq!(
                    text.matches("depth lookup:").count(),
                    errors,
                    "{flaw:?}: {text}"
                );
            }
            // So nothing else is wrong with it; the flaw itself is looked at below.
            None => assert!(accepted, "{flaw:?}: {text}"),
        }
    }
}

fn complaint(flaw: LeafFlaw) -> Option<&'static str> {
    Some(match flaw {
        LeafFlaw::Expired => "at 0 depth lookup: certificate has expired",
        LeafFlaw::NotYetValid => "at 0 depth lookup: certificate is not yet valid",
        LeafFlaw::Revoked => "at 0 depth lookup: certificate revoked",
        LeafFlaw::IntermediateRevoked => "at 1 depth lookup: certificate revoked",
        LeafFlaw::IntermediateExpired => "at 1 depth lookup: certificate has expired",
        LeafFlaw::WrongRoot => "unable to get local issuer certificate",
        LeafFlaw::ForgedSignature => "certificate signature failure",
        LeafFlaw::SelfSigned => "self-signed certificate",
        LeafFlaw::WeakKey => "EE certificate key too weak",
        LeafFlaw::Sha1Signature => "CA signature digest algorithm too weak",
        LeafFlaw::UnknownCriticalExtension => "unhandled critical extension",
        LeafFlaw::DuplicateExtension => "invalid certificate",
        LeafFlaw::NameConstraintViolation => "permitted subtree violation",
        LeafFlaw::PathLengthExceeded => "path length constraint exceeded",
        LeafFlaw::IntermediateNotCa => "invalid CA certificate",
        LeafFlaw::IntermediateWithoutKeyCertSign => "invalid CA certificate",
        LeafFlaw::DeadCrlAddress | LeafFlaw::NoCrlAddress => {
            "at 0 depth lookup: unable to get certificate CRL"
        }
        _ => return None,
    })
}

#[test]
fn the_flaws_that_openssl_does_not_look_at_are_there() {
    let community = TestCommunity::new("flaws", NOW);
    let leaf = |flaw| community.leaf(URI).flaw(flaw).build();

    let no_san = leaf(LeafFlaw::NoSan);
    assert!(
        parse(no_san.der())
            .subject_alternative_name()
            .unwrap()
            .is_none()
    );

    let dns = leaf(LeafFlaw::DnsSanOnly);
    let san = parse(dns.der())
        .subject_alternative_name()
        .unwrap()
        .unwrap()
        .value
        .clone();
    assert_eq!(san.general_names, [GeneralName::DNSName(URI)]);

    let ca = leaf(LeafFlaw::CaLeaf);
    assert!(parse(ca.der()).is_ca());

    let encipherment = leaf(LeafFlaw::NoDigitalSignature);
    let usage = parse(encipherment.der())
        .key_usage()
        .unwrap()
        .unwrap()
        .value
        .flags;
    assert_eq!(usage, 0b100, "keyEncipherment only");

    let duplicate = leaf(LeafFlaw::DuplicateExtension);
    let count = parse(duplicate.der())
        .extensions()
        .iter()
        .filter(|e| {
            matches!(
                e.parsed_extension(),
                ParsedExtension::SubjectKeyIdentifier(_)
            )
        })
        .count();
    assert_eq!(count, 2);

    let p521 = leaf(LeafFlaw::P521Key);
    match parse(p521.der()).public_key().parsed().unwrap() {
        PublicKey::EC(point) => assert_eq!(point.key_size(), 528),
        other => panic!("{other:?}"),
    }

    let anchor = leaf(LeafFlaw::AnchorKey);
    assert_eq!(
        parse(anchor.der()).public_key().raw,
        parse(community.root().der()).public_key().raw
    );
}

#[test]
fn a_weak_key_has_1024_bits_and_the_sha1_leaf_only_differs_in_its_signature() {
    let community = TestCommunity::new("flaws", NOW);
    let weak = community.leaf(URI).flaw(LeafFlaw::WeakKey).build();
    match parse(weak.der()).public_key().parsed().unwrap() {
        PublicKey::RSA(key) => assert_eq!(key.key_size(), 1024),
        other => panic!("{other:?}"),
    }
    let sha1 = community.leaf(URI).flaw(LeafFlaw::Sha1Signature).build();
    let good = community.client(URI);
    let (sha1, good) = (parse(sha1.der()), parse(good.der()));
    assert_eq!(
        sha1.signature_algorithm.algorithm.to_id_string(),
        "1.2.840.10045.4.1"
    );
    let oids = |certificate: &X509Certificate<'_>| {
        let extensions = certificate.extensions().iter();
        extensions
            .map(|e| (e.oid.to_id_string(), e.critical))
            .collect::<Vec<_>>()
    };
    assert_eq!(oids(&sha1), oids(&good));
    assert_eq!(sha1.subject().as_raw(), good.subject().as_raw());
}

#[test]
fn lists_name_what_was_revoked_and_can_be_stale_or_forged() {
    let community = TestCommunity::new("lists", NOW);
    let leaf = community.client(URI);
    let revoked = |der: &[u8]| {
        let (_, list) = CertificateRevocationList::from_der(der).unwrap();
        let serials = list
            .iter_revoked_certificates()
            .map(|entry| entry.raw_serial().to_vec());
        serials.collect::<Vec<_>>()
    };
    assert!(revoked(&community.crl(community.intermediate()).build()).is_empty());
    community.revoke(&leaf);
    assert_eq!(
        revoked(&community.crl(community.intermediate()).build()),
        [leaf.serial()]
    );
    assert!(revoked(&community.crl(community.root()).build()).is_empty());

    let (early, late) = (NOW - Duration::days(8), NOW - Duration::days(1));
    let stale = community
        .crl(community.root())
        .this_update(early)
        .next_update(late)
        .build();
    let (_, stale) = CertificateRevocationList::from_der(&stale).unwrap();
    assert_eq!(stale.next_update().unwrap().to_datetime(), late);

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ca.pem"), community.root().pem()).unwrap();
    let check = |list: Vec<u8>| {
        fs::write(folder.path().join("list.crl"), list).unwrap();
        let arguments = [
            "crl", "-inform", "DER", "-in", "list.crl", "-CAfile", "ca.pem", "-noout",
        ];
        openssl(folder.path(), &arguments).1
    };
    assert!(check(community.crl(community.root()).build()).contains("verify OK"));
    let stranger = TestKey::generate(KeyKind::P256);
    let forged = community.crl(community.root()).signed_by(&stranger).build();
    assert!(!check(forged).contains("verify OK"));
}

#[test]
fn addresses_stand_in_certificates_only_if_asked_for_and_are_all_published() {
    let options = CommunityOptions::new("published").published_at("http://127.0.0.1:8081/pki/");
    let community = TestCommunity::with(options, NOW);
    let leaf = community
        .leaf(URI)
        .flaw(LeafFlaw::IntermediateRevoked)
        .build();
    let names: Vec<String> = community
        .published()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    for der in leaf.certificates() {
        let text = format!("{:?}", parse(der).extensions());
        let urls: Vec<&str> = text
            .split("http://127.0.0.1:8081/pki/")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert_eq!(urls.len(), 2, "{text}");
        assert!(
            urls.iter().all(|url| names.iter().any(|name| name == url)),
            "{urls:?} {names:?}"
        );
    }
    let plain = TestCommunity::new("plain", NOW).client(URI);
    assert!(!format!("{:?}", parse(plain.der()).extensions()).contains("http://127"));
}
