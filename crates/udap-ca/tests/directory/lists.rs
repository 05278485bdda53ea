//! Revocation lists, and what OpenSSL says of them.

use std::{fs, slice::from_ref};

use time::Duration;
use udap_ca::{
    CaDirectory, CertificateStatus, Error, Filter, InitOptions, IssuerRole, KeyAlgorithm,
    ProfileName, Renewal, RevocationReason, Serial,
};
use x509_parser::{prelude::FromDer as _, revocation_list::CertificateRevocationList};

use crate::fixture::{Fixture, NOW, client, entries, openssl, openssl_verify, options};

/// Proves: J07, J08, J09
#[test]
fn openssl_accepts_a_leaf_and_refuses_it_once_revoked() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let serial = fixture
        .issue(&mut ca, "https://app.example.org", "One")
        .unwrap();
    let leaf = format!("issued/{serial}.pem");
    let (accepted, text) = openssl_verify(fixture.path(), &leaf, NOW);
    assert!(accepted, "{text}");

    ca.revoke(&serial, RevocationReason::KeyCompromise, NOW)
        .unwrap();
    let (accepted, text) = openssl_verify(fixture.path(), &leaf, NOW);
    assert!(!accepted && text.contains("certificate revoked"), "{text}");
}

#[test]
fn a_revoked_issuing_ca_is_on_the_roots_list_and_issues_no_more() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let serial = fixture
        .issue(&mut ca, "https://app.example.org", "One")
        .unwrap();
    let intermediate = entries(&ca).remove(0);
    assert_eq!(
        (intermediate.profile, intermediate.issuer),
        (ProfileName::IssuingCa, IssuerRole::Root)
    );
    ca.revoke(&intermediate.serial, RevocationReason::CaCompromise, NOW)
        .unwrap();

    let (accepted, text) = openssl_verify(fixture.path(), &format!("issued/{serial}.pem"), NOW);
    assert!(!accepted && text.contains("certificate revoked"), "{text}");
    let refused = fixture.issue(&mut ca, "https://other.example.org", "Two");
    assert!(matches!(refused, Err(Error::IssuerRevoked)));
}

#[test]
fn list_numbers_only_grow_and_lists_carry_every_revocation() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let serials: Vec<_> = ["https://a.example.org", "https://b.example.org"]
        .iter()
        .map(|uri| fixture.issue(&mut ca, uri, "One").unwrap())
        .collect();
    let mut number = 0;
    for (count, serial) in serials.iter().enumerate() {
        ca.revoke(serial, RevocationReason::Superseded, NOW)
            .unwrap();
        let der = fs::read(ca.crl_path(IssuerRole::Intermediate)).unwrap();
        let (_, list) = CertificateRevocationList::from_der(&der).unwrap();
        assert_eq!(list.iter_revoked_certificates().count(), count + 1);
        let next: u64 = list.crl_number().unwrap().to_string().parse().unwrap();
        assert!(next > number);
        number = next;
    }
    drop(ca);
    let mut ca = CaDirectory::open(fixture.path()).unwrap();
    ca.sign_crls(NOW + Duration::days(6)).unwrap();
    assert_eq!(
        ca.index().crl_number(IssuerRole::Intermediate).unwrap(),
        number + 1
    );
    assert_eq!(ca.index().crl_number(IssuerRole::Root).unwrap(), 2);
}

#[test]
fn a_hold_counts_as_revoked_and_may_become_final_but_never_twice() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let serial = fixture
        .issue(&mut ca, "https://app.example.org", "One")
        .unwrap();
    ca.revoke(&serial, RevocationReason::CertificateHold, NOW)
        .unwrap();
    assert_eq!(
        ca.index().find(&serial).unwrap().unwrap().status(NOW),
        CertificateStatus::Revoked
    );
    let (accepted, _) = openssl_verify(fixture.path(), &format!("issued/{serial}.pem"), NOW);
    assert!(!accepted);
    let later = NOW + Duration::days(1);
    ca.revoke(&serial, RevocationReason::KeyCompromise, later)
        .unwrap();
    assert_eq!(
        ca.index()
            .find(&serial)
            .unwrap()
            .unwrap()
            .revocation
            .unwrap()
            .at,
        NOW
    );
    let twice = ca.revoke(&serial, RevocationReason::Superseded, later);
    assert!(matches!(twice, Err(Error::AlreadyRevoked { .. })));
    let unknown = ca.revoke(&"0a".parse().unwrap(), RevocationReason::Superseded, later);
    assert!(matches!(unknown, Err(Error::UnknownSerial { .. })));
}

#[test]
fn filters_find_what_is_asked_for() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let [a, b, c] = ["a", "b", "c"].map(|name| {
        let uri = format!("https://{name}.example.org");
        fixture.issue(&mut ca, &uri, "One").unwrap()
    });
    ca.revoke(&a, RevocationReason::Superseded, NOW).unwrap();
    let soon = NOW + Duration::days(360);
    let found = |ca: &CaDirectory, filter: &Filter| -> Vec<Serial> {
        let leaves = ca.index().list(filter, soon).unwrap().into_iter();
        leaves
            .filter(|entry| entry.profile == ProfileName::Client)
            .map(|entry| entry.serial)
            .collect()
    };
    let with_status = |status| Filter {
        status: Some(status),
        ..Filter::default()
    };
    assert_eq!(
        found(&ca, &with_status(CertificateStatus::Revoked)),
        from_ref(&a)
    );
    assert_eq!(
        found(&ca, &with_status(CertificateStatus::Valid)),
        [b.clone(), c.clone()]
    );
    assert!(found(&ca, &with_status(CertificateStatus::Expired)).is_empty());
    let mut expiring = Filter {
        expiring_within: Some(Duration::days(30)),
        ..Filter::default()
    };
    assert_eq!(found(&ca, &expiring), [b.clone(), c.clone()]);
    ca.renew(&b, Renewal::default(), soon, &mut fixture.rng)
        .unwrap();
    expiring.without_succeeded = true;
    assert_eq!(found(&ca, &expiring), from_ref(&c), "b has a successor");
    let named = Filter {
        uri: Some("https://C.example.org/".parse().unwrap()),
        ..Filter::default()
    };
    assert_eq!(found(&ca, &named), [c]);
}

#[test]
fn without_the_roots_key_leaves_are_issued_but_the_roots_list_is_not_signed() {
    let mut fixture = Fixture::new();
    drop(fixture.init());
    fs::remove_file(fixture.path().join("root.key")).unwrap();
    let mut ca = CaDirectory::open(fixture.path()).unwrap();
    fixture
        .issue(&mut ca, "https://app.example.org", "One")
        .unwrap();
    let intermediate = entries(&ca).remove(0).serial;
    let refused = ca.revoke(&intermediate, RevocationReason::CaCompromise, NOW);
    assert!(matches!(refused, Err(Error::RootKeyAbsent)));
    assert!(entries(&ca)[0].revocation.is_none());
    ca.sign_crls(NOW).unwrap();
    assert_eq!(
        (
            ca.index().crl_number(IssuerRole::Root).unwrap(),
            ca.index().crl_number(IssuerRole::Intermediate).unwrap()
        ),
        (1, 2)
    );
}

#[test]
fn the_roots_list_may_be_valid_for_longer() {
    let mut fixture = Fixture::new();
    let options = InitOptions {
        root_crl_lifetime: Some(Duration::days(90)),
        ..options()
    };
    let ca = CaDirectory::init(fixture.folder.path(), &options, NOW, &mut fixture.rng).unwrap();
    let days = IssuerRole::ALL.map(|issuer| {
        let der = fs::read(ca.crl_path(issuer)).unwrap();
        let (_, list) = CertificateRevocationList::from_der(&der).unwrap();
        (list.next_update().unwrap().to_datetime() - NOW).whole_days()
    });
    assert_eq!(days, [90, 7]);
}

/// Proves: J09
#[test]
fn a_renewed_issuing_ca_keeps_its_key_and_what_it_issued_and_lasts_longer() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let old = ca.intermediate().serial().clone();
    let before = fixture
        .issue(&mut ca, "https://a.example.org", "One")
        .unwrap();
    let later = NOW + Duration::days(5 * 365 - 30);
    let entry = ca.renew_issuing_ca(later, &mut fixture.rng).unwrap();
    assert_ne!(entry.serial, old);
    assert_eq!(entry.follows[0].serial, old);
    let request = client("https://b.example.org", "One");
    let (after, _) = ca
        .issue_with_new_key(&request, KeyAlgorithm::P256, later, &mut fixture.rng)
        .unwrap();
    assert_eq!(after.not_after(), later + Duration::days(365));
    ca.sign_crls(later).unwrap();
    let after = format!("issued/{}.pem", after.serial());
    let (accepted, text) = openssl_verify(fixture.path(), &after, later);
    assert!(accepted, "{text}");
    let pem = fs::read(ca.certificate_path(IssuerRole::Intermediate)).unwrap();
    let published = fs::read(fixture.path().join("intermediate.cer")).unwrap();
    assert_eq!(pem::parse(pem).unwrap().contents(), published);
    let before = format!("issued/{before}.pem");
    let verify = ["verify", "-partial_chain", "-no_check_time"];
    let arguments = [&verify[..], &["-trusted", "intermediate.pem", &before]].concat();
    let (accepted, text) = openssl(fixture.path(), &arguments);
    assert!(accepted, "{text}");

    // The old one may be revoked without the new one's coming to harm.
    ca.revoke(&old, RevocationReason::Superseded, later)
        .unwrap();
    fixture.rng = rand::SeedableRng::seed_from_u64(2);
    let request = client("https://c.example.org", "One");
    ca.issue_with_new_key(&request, KeyAlgorithm::P256, later, &mut fixture.rng)
        .unwrap();
    ca.revoke(&entry.serial, RevocationReason::CaCompromise, later)
        .unwrap();
    let request = client("https://d.example.org", "One");
    let refused = ca.issue_with_new_key(&request, KeyAlgorithm::P256, later, &mut fixture.rng);
    assert!(matches!(refused, Err(Error::IssuerRevoked)));
    let refused = ca.renew_issuing_ca(later, &mut fixture.rng);
    assert!(matches!(refused, Err(Error::RevokedNotRenewed { .. })));
}
