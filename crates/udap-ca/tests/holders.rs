//! Whatever is asked of an authority, and in whichever order: no URI has two parties (J03).

use std::collections::HashMap;

use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};
use time::{OffsetDateTime, macros::datetime};
use udap_ca::{
    CaDirectory, Entry, Filter, InitOptions, KeyAlgorithm, LeafProfile, LeafRequest, PrivateKey,
    ProfileName, Renewal, RevocationReason, Serial, Subject,
};

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

/// Two apps, each as several servers would take it for the same.
const URIS: [&str; 5] = [
    "https://app.example.org/a",
    "https://APP.example.org:443/a/",
    "https://app.example.org/%61",
    "https://app.example.org/b",
    "https://app.example.org/b/",
];
const PARTIES: [(&str, Option<&str>); 4] = [
    ("App", Some("One")),
    ("Another name", Some("ONE ")),
    ("App", Some("Two")),
    ("App", None),
];

#[derive(Debug, Clone)]
enum Wish {
    Issue {
        uris: Vec<usize>,
        party: usize,
        key: usize,
        /// Certificates by their place in the list.
        same_holder: Vec<prop::sample::Index>,
    },
    Renew(prop::sample::Index),
    Rekey(prop::sample::Index, usize),
    Revoke(prop::sample::Index),
    Reopen,
}

fn wish() -> impl Strategy<Value = Wish> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        6 => (
            prop::collection::vec(0..URIS.len(), 1..3),
            0..PARTIES.len(),
            0..3usize,
            prop::collection::vec(place(), 0..3),
        )
            .prop_map(|(uris, party, key, same_holder)| Wish::Issue { uris, party, key, same_holder }),
        2 => place().prop_map(Wish::Renew),
        2 => (place(), 0..3usize).prop_map(|(at, key)| Wish::Rekey(at, key)),
        2 => place().prop_map(Wish::Revoke),
        1 => Just(Wish::Reopen),
    ]
}

/// The app that a URI of [`URIS`] is: said here independently of how the authority finds it.
fn app_of(uri: &str) -> char {
    match URIS.iter().position(|one| *one == uri) {
        Some(0..3) => 'a',
        Some(_) => 'b',
        None => panic!("a URI that nobody asked for: {uri}"),
    }
}

fn party_of(entry: &Entry) -> String {
    match &entry.organization {
        Some(organization) => format!("organisation {}", organization.trim().to_lowercase()),
        None => format!("name {}", entry.common_name.to_lowercase()),
    }
}

fn check(entries: &[Entry]) {
    let mut holders: HashMap<char, (String, Vec<Serial>)> = HashMap::new();
    for entry in entries
        .iter()
        .filter(|entry| entry.profile == ProfileName::Client)
    {
        let mut apps: Vec<char> = entry.names.iter().map(|uri| app_of(uri)).collect();
        apps.sort_unstable();
        apps.dedup();
        for app in apps {
            let Some((party, serials)) = holders.get_mut(&app) else {
                holders.insert(app, (party_of(entry), vec![entry.serial.clone()]));
                continue;
            };
            assert_eq!(party_of(entry), *party, "{entry:?}");
            assert!(
                entry
                    .follows
                    .iter()
                    .any(|earlier| serials.contains(&earlier.serial)),
                "upon no earlier certificate of that URI: {entry:?}"
            );
            serials.push(entry.serial.clone());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Proves: J03
    #[test]
    fn no_uri_ever_has_two_parties(wishes in prop::collection::vec(wish(), 1..24), seed: u64) {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = StdRng::seed_from_u64(seed);
        let options = InitOptions {
            root_key: KeyAlgorithm::P384,
            intermediate_key: KeyAlgorithm::P384,
            ..InitOptions::new("Example")
        };
        let mut ca = CaDirectory::init(folder.path(), &options, NOW, &mut rng).unwrap();
        let keys = [(); 3].map(|()| PrivateKey::generate(KeyAlgorithm::P256).unwrap());
        for wish in wishes {
            let listed = ca.index().list(&Filter::default(), NOW).unwrap();
            let serial = |at: &prop::sample::Index| listed[at.index(listed.len())].serial.clone();
            // Whether it is granted is not said here, only what may not come of it.
            match wish {
                Wish::Issue { uris, party, key, same_holder } => {
                    let uris = uris.iter().map(|&uri| URIS[uri].parse().unwrap()).collect();
                    let (name, organization) = PARTIES[party];
                    let subject = Subject::new(name, organization).unwrap();
                    let request = LeafRequest::new(LeafProfile::UdapClient { uris }, subject);
                    let earlier: Vec<Serial> = same_holder.iter().map(serial).collect();
                    let key = keys[key].public_key();
                    let _ = ca.issue_to_same_holder(&request, key, &earlier, NOW, &mut rng);
                }
                Wish::Renew(at) => drop(ca.renew(&serial(&at), Renewal::default(), NOW, &mut rng)),
                Wish::Rekey(at, key) => {
                    drop(ca.rekey(&serial(&at), keys[key].public_key(), Renewal::default(), NOW, &mut rng));
                }
                // Not the issuing CA, after which there would be nothing more to see.
                Wish::Revoke(at) if serial(&at) == listed[0].serial => {}
                Wish::Revoke(at) => {
                    drop(ca.revoke(&serial(&at), RevocationReason::CessationOfOperation, NOW));
                }
                Wish::Reopen => {
                    drop(ca);
                    ca = CaDirectory::open(folder.path()).unwrap();
                }
            }
            check(&ca.index().list(&Filter::default(), NOW).unwrap());
        }
    }
}
