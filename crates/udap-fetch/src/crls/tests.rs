//! Who makes room for whom.

use std::time::Duration;

use async_trait::async_trait;
use time::macros::datetime;
use udap::registry::{CrlRecord, CrlVersion, RegistryError};
use udap_testkit::{CommunityOptions, TestCommunity};

use super::addresses::Admission;
use super::entry::Held;
use super::*;
use crate::fetcher::FetchOptions;

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

/// Notes what is removed.
#[derive(Default)]
struct Removals(Mutex<Vec<String>>);

#[async_trait]
impl CrlArchive for Removals {
    async fn put_crl(&self, _: &CrlRecord) -> Result<bool, RegistryError> {
        Ok(true)
    }

    async fn crl(&self, _: &str, _: &[u8; 32]) -> Result<Option<CrlRecord>, RegistryError> {
        Ok(None)
    }

    async fn crl_versions(&self) -> Result<Vec<CrlVersion>, RegistryError> {
        Ok(Vec::new())
    }

    async fn confirm_crl(
        &self,
        _: &str,
        _: &[u8; 32],
        _: OffsetDateTime,
    ) -> Result<(), RegistryError> {
        Ok(())
    }

    async fn remove_crl(&self, url: &str, _: &[u8; 32]) -> Result<bool, RegistryError> {
        self.0.lock().unwrap().push(url.to_owned());
        Ok(true)
    }
}

fn crls(room: usize) -> (Crls, Arc<Removals>) {
    let archive = Arc::new(Removals::default());
    let fetcher = Fetcher::new(&FetchOptions::default()).unwrap();
    let known = KnownCrls::default();
    let mut crls = Crls::new(
        fetcher,
        Arc::clone(&archive) as _,
        known,
        Duration::from_secs(60),
    );
    Arc::get_mut(&mut crls.0).unwrap().room = room;
    (crls, archive)
}

fn community(name: &str) -> TestCommunity {
    TestCommunity::with(CommunityOptions::new(name), NOW)
}

fn issuer(community: &TestCommunity) -> Certificate {
    Certificate::from_der(community.intermediate().der()).unwrap()
}

fn authority(anchor: u8, ca: u8) -> Authority {
    Authority {
        anchor: [anchor; 32],
        ca: [ca; 32],
    }
}

/// Takes up a list of so many entries.
fn take_up(crls: &Crls, community: &TestCommunity, owner: Authority, entries: u32) -> bool {
    let mut list = community.crl(community.intermediate());
    for serial in 0..entries {
        list = list.revoke(&(serial + 1_000_000).to_be_bytes());
    }
    let crl = Arc::new(Crl::from_der(&list.build()).unwrap());
    let issuer = issuer(community);
    assert!(crl.is_issued_by(&issuer));
    let url = format!("http://ca.example/{}", crl.issuer_text());
    let entry = crls.0.entry(&url, &issuer, Some(owner)).unwrap();
    let held = Held {
        crl: Arc::clone(&crl),
        entity_tag: None,
        last_modified: None,
        fetched_at: NOW,
    };
    crls.0.admit(&entry, &crl, Admission::Fetched(held))
}

#[tokio::test]
async fn long_lists_of_a_rogue_do_not_keep_out_those_of_others() {
    let (crls, archive) = crls(400);
    // A quarter for each CA.
    let first = community("rogue 0");
    assert!(!take_up(&crls, &first, authority(1, 0), 101));
    for number in 0..4 {
        let rogue = community(&format!("rogue {number}"));
        assert!(take_up(&crls, &rogue, authority(1, number), 95));
    }
    assert_eq!(crls.0.known.now().len(), 4);
    // None of the rogue's has less than the others.
    assert!(!take_up(&crls, &community("rogue 5"), authority(1, 5), 96));
    assert_eq!(crls.0.known.now().len(), 4);
    let honest = community("honest");
    assert!(take_up(&crls, &honest, authority(2, 2), 60));
    let known = crls.0.known.now();
    assert_eq!(known.len(), 4, "one of the rogue's is gone");
    assert!(
        known
            .iter()
            .any(|crl| crl.names(&issuer(&honest)) && crl.len() == 60)
    );
    tokio::task::yield_now().await;
    assert_eq!(archive.0.lock().unwrap().len(), 1);
    assert_eq!(
        crls.standing()
            .iter()
            .filter(|one| one.next_update.is_some())
            .count(),
        4
    );
}

#[tokio::test]
async fn what_is_stored_and_what_is_unproven_take_room_but_make_none() {
    let (crls, _) = crls(400);
    for number in 0..4 {
        assert!(take_up(
            &crls,
            &community(&format!("{number}")),
            authority(1, number),
            95
        ));
    }
    let honest = community("honest");
    let mut list = honest.crl(honest.intermediate());
    for serial in 0..60_u32 {
        list = list.revoke(&(serial + 1_000_000).to_be_bytes());
    }
    let crl = Arc::new(Crl::from_der(&list.build()).unwrap());
    let entry = crls
        .0
        .entry("http://ca.example/", &issuer(&honest), None)
        .unwrap();
    let held = Held {
        crl: Arc::clone(&crl),
        entity_tag: None,
        last_modified: None,
        fetched_at: NOW,
    };
    assert!(!crls.0.admit(&entry, &crl, Admission::Stored(held)));
    assert!(entry.held().is_none());
    assert_eq!(crls.0.known.now().len(), 4);
    // Judged only, and kept as long as a failure: it counts.
    assert!(crls.0.admit(&entry, &crl, Admission::Unproven));
    entry.fail("wrong_signer", Some(crl));
    assert!(take_up(&crls, &community("another"), authority(1, 9), 90));
    assert_eq!(crls.0.known.now().len(), 3, "one had to go");
}

#[tokio::test]
async fn what_is_only_to_be_judged_goes_alone_and_before_what_is_in_force() {
    // In whatever order the lists are looked at.
    for _ in 0..8 {
        let (crls, archive) = crls(400);
        let honest = community("honest");
        assert!(take_up(&crls, &honest, authority(1, 1), 40));
        let issuer = issuer(&honest);
        let entry = crls.0.entries().remove(0);
        // Whoever sits between us and the server signs a list in the CA's name.
        let namesake = community("honest");
        let mut forged = namesake.crl(namesake.intermediate());
        for serial in 0..58_u32 {
            forged = forged.revoke(&(serial + 1_000_000).to_be_bytes());
        }
        let forged = Arc::new(Crl::from_der(&forged.build()).unwrap());
        assert!(forged.names(&issuer) && !forged.is_issued_by(&issuer));
        assert!(crls.0.admit(&entry, &forged, Admission::Unproven));
        entry.fail("wrong_signer", Some(forged));
        for number in 2..5 {
            let other = community(&format!("other {number}"));
            assert!(take_up(&crls, &other, authority(number, number), 95));
        }
        assert!(take_up(&crls, &community("one more"), authority(9, 9), 30));
        assert_eq!(crls.0.entries().len(), 5);
        assert!(entry.held().is_some() && entry.lists().len() == 1);
        tokio::task::yield_now().await;
        assert!(archive.0.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn addresses_of_a_rogue_do_not_keep_out_those_of_others() {
    let (crls, _) = crls(limits::CRL_ENTRIES_HELD);
    let (rogue, honest) = (issuer(&community("rogue")), issuer(&community("honest")));
    let share = limits::CRL_ADDRESSES / limits::SHARE_OF_CA;
    let mut made = Vec::new();
    for number in 0..share + 10 {
        let url = format!("http://rogue.example/{number}");
        made.push(crls.0.entry(&url, &rogue, Some(authority(1, 1))).unwrap());
    }
    assert_eq!(crls.0.entries().len(), share);
    let known = crls.standing();
    assert!(
        !known.iter().any(|one| one.url == made[0].url),
        "the oldest made room"
    );
    let url = "http://honest.example/";
    assert!(crls.0.entry(url, &honest, Some(authority(2, 2))).is_some());
    assert_eq!(crls.0.entries().len(), share + 1);
    // Those that are being fetched stay.
    let _turns: Vec<_> = (made.iter())
        .map(|entry| entry.turn.try_lock().unwrap())
        .collect();
    let more = "http://rogue.example/more";
    assert!(crls.0.entry(more, &rogue, Some(authority(1, 1))).is_none());
}

/// It is stored before anybody can do anything with it.
#[tokio::test]
async fn a_list_is_no_longer_than_its_entries_account_for() {
    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        match content.len() {
            0..0x80 => [&[tag], &length[3..], content].concat(),
            0x80..0x100 => [&[tag, 0x81], &length[3..], content].concat(),
            0x100..0x1_0000 => [&[tag, 0x82], &length[2..], content].concat(),
            _ => [&[tag, 0x83], &length[1..], content].concat(),
        }
    }
    let list = |ballast: usize| {
        let algorithm = tlv(0x30, &tlv(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
        let extension = [tlv(0x06, &[0x2a, 3, 4]), tlv(0x04, &vec![0; ballast])].concat();
        let signed = [
            tlv(0x02, &[1]),
            algorithm.clone(),
            tlv(0x30, &[]),
            tlv(0x17, b"261122120000Z"),
            tlv(0xa0, &tlv(0x30, &tlv(0x30, &extension))),
        ];
        let parts = [tlv(0x30, &signed.concat()), algorithm, tlv(0x03, &[0, 1])];
        tlv(0x30, &parts.concat())
    };
    let (crls, _) = crls(limits::CRL_ENTRIES_HELD);
    let decoded = crls.0.decode(list(65_536)).await;
    assert!(matches!(decoded, Err(CrlFailure::Bloated)), "{decoded:?}");
    assert!(crls.0.decode(list(60_000)).await.is_ok());
}
