//! Who may have a URI and a key.

use std::fs;

use time::Duration;
use udap_ca::{
    CaDirectory, CheckedMetadata, Error, IssuerRole, KeyAlgorithm, PrivateKey, PublicKey, Renewal,
    RevocationReason, Serial, Succession,
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use crate::fixture::{Fixture, NOW, client, entries};

/// Proves: J03
#[test]
fn a_client_uri_is_never_issued_to_another_party_even_after_revocation() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let uri = "https://app.example.org/udap";
    let first = fixture.issue(&mut ca, uri, "One").unwrap();

    for alike in [
        uri,
        "https://APP.example.org/udap",
        "https://app.example.org:443/udap/",
        "https://app.example.org/%75dap",
    ] {
        let refused = fixture.issue(&mut ca, alike, "Two");
        assert!(
            matches!(refused, Err(Error::UriBelongsToAnother { .. })),
            "{alike}"
        );
        let refused = fixture.issue(&mut ca, alike, "One");
        assert!(
            matches!(refused, Err(Error::UriIssuedBefore { .. })),
            "{alike}"
        );
    }
    ca.revoke(&first, RevocationReason::CessationOfOperation, NOW)
        .unwrap();
    drop(ca);
    let mut ca = CaDirectory::open(fixture.path()).unwrap();
    let refused = fixture.issue(&mut ca, uri, "Two");
    assert!(matches!(refused, Err(Error::UriBelongsToAnother { .. })));
    let refused = fixture.issue(&mut ca, uri, "One");
    assert!(matches!(refused, Err(Error::UriIssuedBefore { .. })));
    fixture
        .issue(&mut ca, "https://app.example.org/other", "Two")
        .unwrap();
}

/// Proves: J03
#[test]
fn an_issued_uri_is_issued_again_only_upon_an_earlier_certificate_of_the_same_party() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let uri = "https://app.example.org/udap";
    let first = fixture.issue(&mut ca, uri, "One").unwrap();
    let other = fixture
        .issue(&mut ca, "https://b.example.org", "One")
        .unwrap();
    let another = fixture
        .issue(&mut ca, "https://c.example.org", "Two")
        .unwrap();
    let key = || PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let mut again = |ca: &mut CaDirectory, party: &str, earlier: &[&Serial]| {
        let earlier: Vec<Serial> = earlier.iter().copied().cloned().collect();
        let (request, key) = (client(uri, party), key());
        ca.issue_to_same_holder(&request, key.public_key(), &earlier, NOW, &mut fixture.rng)
    };
    assert!(matches!(
        again(&mut ca, "One", &[]),
        Err(Error::UriIssuedBefore { .. })
    ));
    // One that does not name the URI says nothing of its holder.
    assert!(matches!(
        again(&mut ca, "One", &[&other]),
        Err(Error::UriIssuedBefore { .. })
    ));
    assert!(matches!(
        again(&mut ca, "One", &[&another]),
        Err(Error::NotTheSameHolder { .. })
    ));
    assert!(matches!(
        again(&mut ca, "Two", &[&first]),
        Err(Error::NotTheSameHolder { .. })
    ));
    assert!(matches!(
        again(&mut ca, "Two", &[&another]),
        Err(Error::UriBelongsToAnother { .. })
    ));
    let unknown = "0a".parse().unwrap();
    assert!(matches!(
        again(&mut ca, "One", &[&unknown]),
        Err(Error::UnknownSerial { .. })
    ));
    let second = again(&mut ca, "ONE", &[&other, &first]).unwrap();
    let entry = ca.index().find(second.serial()).unwrap().unwrap();
    assert_eq!(entry.follows.len(), 2, "it is kept");
    assert!(
        entry
            .follows
            .iter()
            .all(|earlier| earlier.kind == Succession::SameHolder)
    );
    again(&mut ca, "One", &[second.serial()]).unwrap();
}

/// Proves: J03
#[test]
fn a_key_belongs_to_one_party_and_a_disclosed_one_to_none() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let mut issue = |ca: &mut CaDirectory, uri: &str, party: &str, key: &PublicKey| {
        ca.issue(&client(uri, party), key, NOW, &mut fixture.rng)
    };
    let first = issue(&mut ca, "https://a.example.org", "One", key.public_key()).unwrap();
    issue(&mut ca, "https://b.example.org", "One", key.public_key()).unwrap();
    let refused = issue(&mut ca, "https://c.example.org", "Two", key.public_key());
    assert!(matches!(refused, Err(Error::KeyBelongsToAnother { .. })));
    ca.revoke(first.serial(), RevocationReason::KeyCompromise, NOW)
        .unwrap();
    let refused = issue(&mut ca, "https://d.example.org", "One", key.public_key());
    assert!(matches!(refused, Err(Error::KeyCompromised { .. })));
    for issuer in IssuerRole::ALL {
        let pem = fs::read(ca.certificate_path(issuer)).unwrap();
        let der = pem::parse(pem).unwrap().into_contents();
        let own = PublicKey::of_certificate(&der).unwrap();
        let refused = issue(&mut ca, "https://e.example.org", "Example Community", &own);
        assert!(matches!(refused, Err(Error::KeyOfTheAuthority)));
    }
}

#[test]
fn renewing_keeps_key_and_names_and_rekeying_only_the_names() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let mut request = client("https://app.example.org", "One");
    request.policies = vec!["2.16.840.1.113883.3.7204.1.1".parse().unwrap()];
    let first = ca
        .issue(&request, key.public_key(), NOW, &mut fixture.rng)
        .unwrap();
    let later = NOW + Duration::days(340);
    let renewed = ca
        .renew(first.serial(), Renewal::default(), later, &mut fixture.rng)
        .unwrap();
    assert_ne!(renewed.serial(), first.serial());
    assert_eq!(renewed.not_after(), later + Duration::days(365));
    let text = |der: &[u8]| {
        let (_, parsed) = X509Certificate::from_der(der).unwrap();
        let names = parsed
            .subject_alternative_name()
            .unwrap()
            .unwrap()
            .value
            .clone();
        let policies = parsed
            .iter_extensions()
            .find(|one| one.oid.to_id_string() == "2.5.29.32");
        (
            parsed.subject().to_string(),
            format!("{names:?}"),
            policies.unwrap().value.to_vec(),
        )
    };
    assert_eq!(text(renewed.der()), text(first.der()));
    assert_eq!(
        PublicKey::of_certificate(renewed.der()).unwrap(),
        *key.public_key()
    );

    let same = ca.rekey(
        renewed.serial(),
        key.public_key(),
        Renewal::default(),
        later,
        &mut fixture.rng,
    );
    assert!(matches!(same, Err(Error::SameKey { .. })));
    let new = PrivateKey::generate(KeyAlgorithm::P384).unwrap();
    let rekeyed = ca
        .rekey(
            renewed.serial(),
            new.public_key(),
            Renewal::default(),
            later,
            &mut fixture.rng,
        )
        .unwrap();
    assert_eq!(text(rekeyed.der()), text(first.der()));
    assert_eq!(
        PublicKey::of_certificate(rekeyed.der()).unwrap(),
        *new.public_key()
    );
    let kinds = |serial| ca.index().find(serial).unwrap().unwrap().follows[0].kind;
    assert_eq!(kinds(renewed.serial()), Succession::Renewal);
    assert_eq!(kinds(rekeyed.serial()), Succession::Rekey);

    ca.revoke(renewed.serial(), RevocationReason::KeyCompromise, later)
        .unwrap();
    let refused = ca.renew(
        renewed.serial(),
        Renewal::default(),
        later,
        &mut fixture.rng,
    );
    assert!(matches!(refused, Err(Error::RevokedNotRenewed { .. })));
    // The key is known by now, whichever certificate it stands in.
    let refused = ca.renew(first.serial(), Renewal::default(), later, &mut fixture.rng);
    assert!(matches!(refused, Err(Error::KeyCompromised { .. })));
    let issuing_ca = entries(&ca).remove(0).serial;
    let refused = ca.renew(&issuing_ca, Renewal::default(), later, &mut fixture.rng);
    assert!(matches!(refused, Err(Error::NotALeaf { .. })));
}

#[test]
fn what_was_judged_of_an_app_stands_in_the_index_with_its_certificate() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let checked = |name: &str, at| CheckedMetadata {
        rules: "emr-direct".to_owned(),
        checked_at: at,
        links_visited: at == NOW,
        claims: serde_json::json!({ "client_name": name, "contacts": ["mailto:a@example.org"] })
            .as_object()
            .cloned()
            .unwrap(),
    };
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let mut request = client("https://app.example.org", "One");
    request.metadata = Some(checked("One", NOW));
    let first = ca
        .issue(&request, key.public_key(), NOW, &mut fixture.rng)
        .unwrap();
    let later = NOW + Duration::days(340);
    let with_metadata = Renewal {
        metadata: Some(checked("Two", later)),
        ..Renewal::default()
    };
    let second = ca
        .renew(first.serial(), with_metadata, later, &mut fixture.rng)
        .unwrap();
    let third = ca
        .renew(second.serial(), Renewal::default(), later, &mut fixture.rng)
        .unwrap();
    let kept = |serial| ca.index().find(serial).unwrap().unwrap().metadata;
    assert_eq!(kept(first.serial()), Some(checked("One", NOW)));
    assert_eq!(kept(second.serial()), Some(checked("Two", later)));
    assert_eq!(
        kept(third.serial()),
        None,
        "an earlier judgement is not handed on"
    );
}
