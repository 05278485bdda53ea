//! Writers that wait, folders that are damaged, commands that were killed.

use std::fs;

use rand::{SeedableRng as _, rngs::StdRng};
use time::Duration;
use udap_ca::{CaDirectory, CertificateStatus, Error, InitOptions, IssuerRole, KeyAlgorithm};
use x509_parser::{prelude::FromDer as _, revocation_list::CertificateRevocationList};

use crate::fixture::{Fixture, NOW, client, entries, options};

#[test]
fn a_second_writer_is_refused_while_the_first_holds_the_folder() {
    let mut fixture = Fixture::new();
    let ca = fixture.init();
    assert!(matches!(
        CaDirectory::open(fixture.path()),
        Err(Error::Locked { .. })
    ));
    assert_eq!(
        CaDirectory::read_index(fixture.path())
            .unwrap()
            .count()
            .unwrap(),
        1
    );
    drop(ca);
    CaDirectory::open(fixture.path()).unwrap();
}

#[test]
fn an_existing_authority_or_a_part_of_one_is_never_overwritten() {
    let mut fixture = Fixture::new();
    drop(fixture.init());
    let before = fs::read(fixture.path().join("root.key")).unwrap();
    let again = CaDirectory::init(fixture.folder.path(), &options(), NOW, &mut fixture.rng);
    assert!(matches!(again, Err(Error::AlreadyExists { .. })));
    assert_eq!(fs::read(fixture.path().join("root.key")).unwrap(), before);

    fs::remove_file(fixture.path().join("ca.db")).unwrap();
    let again = CaDirectory::init(fixture.folder.path(), &options(), NOW, &mut fixture.rng);
    assert!(matches!(again, Err(Error::AlreadyExists { .. })));
    assert!(matches!(
        CaDirectory::open(fixture.path()),
        Err(Error::NotInitialised { .. })
    ));
}

#[test]
fn the_index_survives_reopening_and_tells_the_status() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let serial = fixture
        .issue(&mut ca, "https://app.example.org", "One")
        .unwrap();
    let before = entries(&ca);
    drop(ca);
    let ca = CaDirectory::open(fixture.path()).unwrap();
    assert_eq!(entries(&ca), before);
    let entry = ca.index().find(&serial).unwrap().unwrap();
    assert_eq!(entry.status(NOW), CertificateStatus::Valid);
    assert_eq!(
        entry.status(NOW + Duration::days(366)),
        CertificateStatus::Expired
    );
    assert_eq!(entry.names, ["https://app.example.org"]);
}

#[test]
fn what_a_killed_command_left_is_finished() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let serial = fixture
        .issue(&mut ca, "https://app.example.org", "One")
        .unwrap();
    drop(ca);
    let file = fixture.path().join(format!("issued/{serial}.pem"));
    let (written, crl) = (
        fs::read(&file).unwrap(),
        fixture.path().join("intermediate.crl"),
    );
    // As if killed after the certificate was listed and revoked, before any file was written.
    fs::remove_file(&file).unwrap();
    let left_over = fixture.path().join(".intermediate.crl.4711-0.tmp");
    fs::write(&left_over, "half").unwrap();
    let database = rusqlite::Connection::open(fixture.path().join("ca.db")).unwrap();
    database
        .execute_batch(
            "UPDATE certificate SET filed = 0, revoked_at = 1, revocation_reason = 'superseded'
               WHERE profile = 'client';
             UPDATE revocation_list SET due = 1 WHERE issuer = 'intermediate';",
        )
        .unwrap();
    drop(database);

    let mut ca = CaDirectory::open(fixture.path()).unwrap();
    assert_eq!(fs::read(&file).unwrap(), written);
    assert!(!left_over.exists());
    let before = fs::read(&crl).unwrap();
    ca.resume(NOW).unwrap();
    let after = fs::read(&crl).unwrap();
    let (_, list) = CertificateRevocationList::from_der(&after).unwrap();
    assert_eq!(list.iter_revoked_certificates().count(), 1);
    assert_ne!(before, after);
    ca.resume(NOW).unwrap();
    assert_eq!(fs::read(&crl).unwrap(), after, "once is enough");
}

#[test]
fn an_issuing_ca_whose_renewal_was_cut_short_is_renewed() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let file = ca.certificate_path(IssuerRole::Intermediate);
    let old = fs::read(&file).unwrap();
    let entry = ca
        .renew_issuing_ca(NOW + Duration::days(1), &mut fixture.rng)
        .unwrap();
    let new = fs::read(&file).unwrap();
    drop(ca);
    // As if killed after it was listed, before its files were written.
    fs::write(&file, &old).unwrap();
    let database = rusqlite::Connection::open(fixture.path().join("ca.db")).unwrap();
    let unfiled = "UPDATE certificate SET filed = 0 WHERE serial = ?";
    database
        .execute(unfiled, [entry.serial.to_string()])
        .unwrap();
    drop(database);
    let ca = CaDirectory::open(fixture.path()).unwrap();
    assert_eq!(fs::read(&file).unwrap(), new);
    assert_eq!(ca.intermediate().serial(), &entry.serial);
}

#[test]
fn an_interrupted_setting_up_begins_afresh_and_counts_for_nothing() {
    let mut fixture = Fixture::new();
    drop(fixture.init());
    let database = rusqlite::Connection::open(fixture.path().join("ca.db")).unwrap();
    database
        .execute_batch("UPDATE authority SET ready = 0")
        .unwrap();
    drop(database);
    let before = fs::read(fixture.path().join("root.key")).unwrap();
    assert!(matches!(
        CaDirectory::open(fixture.path()),
        Err(Error::Unfinished { .. })
    ));
    assert!(matches!(
        CaDirectory::read_index(fixture.path()),
        Err(Error::Unfinished { .. })
    ));
    let ca = fixture.init();
    assert_ne!(fs::read(fixture.path().join("root.key")).unwrap(), before);
    assert_eq!(entries(&ca).len(), 1);
    drop(ca);
    CaDirectory::open(fixture.path()).unwrap();
}

#[test]
fn a_folder_of_a_version_before_the_first_release_is_refused_by_name() {
    let mut fixture = Fixture::new();
    fs::write(fixture.path().join("ca.json"), "{}").unwrap();
    assert!(matches!(
        CaDirectory::open(fixture.path()),
        Err(Error::OldIndex { .. })
    ));
    let refused = CaDirectory::init(fixture.folder.path(), &options(), NOW, &mut fixture.rng);
    assert!(matches!(refused, Err(Error::AlreadyExists { .. })));
}

#[test]
fn a_repeating_random_source_issues_nothing() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let mut issue = |uri| {
        let request = client(uri, "One");
        ca.issue_with_new_key(
            &request,
            KeyAlgorithm::P256,
            NOW,
            &mut StdRng::seed_from_u64(9),
        )
    };
    issue("https://a.example.org").unwrap();
    assert!(matches!(
        issue("https://b.example.org"),
        Err(Error::SerialRepeated { .. })
    ));
}

#[test]
fn bad_options_and_damaged_files_are_refused() {
    let mut fixture = Fixture::new();
    let mut refused = |change: fn(&mut InitOptions)| {
        let mut options = options();
        change(&mut options);
        let folder = fixture.folder.path().join("new");
        let result = CaDirectory::init(&folder, &options, NOW, &mut fixture.rng);
        result.is_err() && !folder.join("root.key").exists()
    };
    assert!(refused(|o| o.root_key = KeyAlgorithm::P256));
    assert!(refused(|o| o.root_key = KeyAlgorithm::Rsa2048));
    assert!(refused(|o| o.name = "x".repeat(60)));
    assert!(refused(
        |o| o.crl_base_url = Some("https://pki.example.org".to_owned())
    ));
    assert!(refused(|o| o.community = Some("not a uri".to_owned())));
    assert!(refused(|o| o.crl_lifetime = Duration::ZERO));

    drop(fixture.init());
    fs::write(fixture.path().join("ca.db"), "{".repeat(1024)).unwrap();
    assert!(matches!(
        CaDirectory::open(fixture.path()),
        Err(Error::Index(_))
    ));
}
