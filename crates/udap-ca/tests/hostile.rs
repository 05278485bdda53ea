//! Certificates and requests that strangers made.

use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};
use time::macros::datetime;
use udap_ca::{
    Authority, KeyAlgorithm, KeyStore, LeafProfile, LeafRequest, PrivateKey, Publication,
    SigningRequest, Subject, export, lint,
};

const NOW: time::OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

fn certificate() -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(1);
    let subject = Subject::new("X", None).unwrap();
    let key = || PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let addresses = Publication::new(
        Some("http://pki.example.org/a.crl"),
        Some("http://pki.example.org/a.cer"),
    );
    let root = Authority::new_root(&subject, key(), addresses.unwrap(), NOW, &mut rng).unwrap();
    let uris = vec!["https://app.example.org".parse().unwrap()];
    let mut request = LeafRequest::new(LeafProfile::UdapClient { uris }, subject);
    request.policies = vec!["1.2.3".parse().unwrap()];
    let issued = root.issue(&request, key().public_key(), NOW, &mut rng);
    issued.unwrap().der().to_vec()
}

proptest! {
    #[test]
    fn no_change_of_a_certificate_brings_the_judgement_down(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut der = certificate();
        for (at, octet) in changes {
            let at = at.index(der.len());
            der[at] = octet;
        }
        let _ = lint::lint(&der, None, NOW);
        let _ = export::jwks(&[der]);
    }

    #[test]
    fn any_octets_are_a_request_or_refused(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = SigningRequest::read(&octets);
        let _ = KeyStore::open(&octets, None);
        let _ = lint::lint(&octets, None, NOW);
    }
}
