//! The authority in a folder: files, locks, revocation, and what OpenSSL says of the result.

use std::{fs, path::Path, process::Command};

use rand::{SeedableRng as _, rngs::StdRng};
use time::{Duration, OffsetDateTime, macros::datetime};
use udap_ca::{
    CaDirectory, CertificateStatus, Error, InitOptions, IssuerRole, KeyAlgorithm, LeafProfile,
    LeafRequest, ProfileName, RevocationReason, Serial, Subject,
};
use x509_parser::{prelude::FromDer as _, revocation_list::CertificateRevocationList};

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

fn options() -> InitOptions {
    InitOptions {
        root_key: KeyAlgorithm::P384,
        intermediate_key: KeyAlgorithm::P384,
        organization: Some("Example Community".to_owned()),
        community: Some("https://community.example.org/udap".to_owned()),
        crl_base_url: Some("http://pki.example.org/crl/".to_owned()),
        certificate_base_url: Some("http://pki.example.org".to_owned()),
        ..InitOptions::new("Example")
    }
}

struct Fixture {
    folder: tempfile::TempDir,
    rng: StdRng,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            rng: StdRng::seed_from_u64(1),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn init(&mut self) -> CaDirectory {
        CaDirectory::init(self.folder.path(), &options(), NOW, &mut self.rng).unwrap()
    }

    fn issue(&mut self, ca: &mut CaDirectory, uri: &str, party: &str) -> Result<Serial, Error> {
        let (issued, _) =
            ca.issue_with_new_key(&client(uri, party), KeyAlgorithm::P256, NOW, &mut self.rng)?;
        Ok(issued.serial().clone())
    }
}

fn client(uri: &str, party: &str) -> LeafRequest {
    let uris = vec![uri.parse().unwrap()];
    let subject = Subject::new("App", Some(party)).unwrap();
    LeafRequest::new(LeafProfile::UdapClient { uris }, subject)
}

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

fn openssl_verify(folder: &Path, leaf: &str, now: OffsetDateTime) -> (bool, String) {
    for name in ["root", "intermediate"] {
        let (der, pem) = (format!("{name}.crl"), format!("{name}.crl.pem"));
        let arguments = ["crl", "-inform", "DER", "-in", &der, "-out", &pem];
        assert!(openssl(folder, &arguments).0);
    }
    let at = now.unix_timestamp().to_string();
    let arguments = [
        ["verify", "-x509_strict", "-crl_check_all", "-attime", &at].as_slice(),
        &[
            "-CRLfile",
            "root.crl.pem",
            "-CRLfile",
            "intermediate.crl.pem",
        ],
        &[
            "-CAfile",
            "root.pem",
            "-untrusted",
            "intermediate.pem",
            leaf,
        ],
    ]
    .concat();
    openssl(folder, &arguments)
}

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
    let intermediate = ca.index().certificates[0].clone();
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

/// Proves: J03
#[test]
fn a_client_uri_is_never_issued_to_another_party_even_after_revocation() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let uri = "https://app.example.org/udap";
    let first = fixture.issue(&mut ca, uri, "One").unwrap();
    fixture.issue(&mut ca, uri, "One").unwrap();

    for alike in [
        uri,
        "https://APP.example.org/udap",
        "https://app.example.org:443/udap/",
    ] {
        let refused = fixture.issue(&mut ca, alike, "Two");
        assert!(
            matches!(refused, Err(Error::UriBelongsToAnother { .. })),
            "{alike}"
        );
    }
    ca.revoke(&first, RevocationReason::CessationOfOperation, NOW)
        .unwrap();
    drop(ca);
    let mut ca = CaDirectory::open(fixture.path()).unwrap();
    let refused = fixture.issue(&mut ca, uri, "Two");
    assert!(matches!(refused, Err(Error::UriBelongsToAnother { .. })));
    fixture
        .issue(&mut ca, "https://app.example.org/other", "Two")
        .unwrap();
}

#[cfg(unix)]
#[test]
fn keys_are_private_and_a_readable_key_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut fixture = Fixture::new();
    drop(fixture.init());
    for name in ["root.key", "intermediate.key"] {
        let path = fixture.path().join(name);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = CaDirectory::open(fixture.path());
        assert!(
            matches!(refused, Err(Error::KeyFileReadable { .. })),
            "{name}"
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    CaDirectory::open(fixture.path()).unwrap();
}

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
            .certificates
            .len(),
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

    fs::remove_file(fixture.path().join("ca.json")).unwrap();
    let again = CaDirectory::init(fixture.folder.path(), &options(), NOW, &mut fixture.rng);
    assert!(matches!(again, Err(Error::AlreadyExists { .. })));
    assert!(matches!(
        CaDirectory::open(fixture.path()),
        Err(Error::NotInitialised { .. })
    ));
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
    assert_eq!(ca.index().intermediate_crl_number, number + 1);
    assert_eq!(ca.index().root_crl_number, 2);
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
        ca.index().find(&serial).unwrap().status(NOW),
        CertificateStatus::Revoked
    );
    let (accepted, _) = openssl_verify(fixture.path(), &format!("issued/{serial}.pem"), NOW);
    assert!(!accepted);
    let later = NOW + Duration::days(1);
    ca.revoke(&serial, RevocationReason::KeyCompromise, later)
        .unwrap();
    assert_eq!(
        ca.index().find(&serial).unwrap().revocation.unwrap().at,
        NOW
    );
    let twice = ca.revoke(&serial, RevocationReason::Superseded, later);
    assert!(matches!(twice, Err(Error::AlreadyRevoked { .. })));
    let unknown = ca.revoke(&"0a".parse().unwrap(), RevocationReason::Superseded, later);
    assert!(matches!(unknown, Err(Error::UnknownSerial { .. })));
}

#[test]
fn the_index_survives_reopening_and_tells_the_status() {
    let mut fixture = Fixture::new();
    let mut ca = fixture.init();
    let serial = fixture
        .issue(&mut ca, "https://app.example.org", "One")
        .unwrap();
    let before = ca.index().clone();
    drop(ca);
    let ca = CaDirectory::open(fixture.path()).unwrap();
    assert_eq!(*ca.index(), before);
    let entry = ca.index().find(&serial).unwrap();
    assert_eq!(entry.status(NOW), CertificateStatus::Valid);
    assert_eq!(
        entry.status(NOW + Duration::days(366)),
        CertificateStatus::Expired
    );
    assert_eq!(entry.names, ["https://app.example.org"]);
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
fn without_the_roots_key_leaves_are_issued_but_the_roots_list_is_not_signed() {
    let mut fixture = Fixture::new();
    drop(fixture.init());
    fs::remove_file(fixture.path().join("root.key")).unwrap();
    let mut ca = CaDirectory::open(fixture.path()).unwrap();
    fixture
        .issue(&mut ca, "https://app.example.org", "One")
        .unwrap();
    let intermediate = ca.index().certificates[0].serial.clone();
    let refused = ca.revoke(&intermediate, RevocationReason::CaCompromise, NOW);
    assert!(matches!(refused, Err(Error::RootKeyAbsent)));
    assert!(ca.index().certificates[0].revocation.is_none());
    ca.sign_crls(NOW).unwrap();
    assert_eq!(
        (
            ca.index().root_crl_number,
            ca.index().intermediate_crl_number
        ),
        (1, 2)
    );
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
    fs::write(fixture.path().join("ca.json"), "{").unwrap();
    assert!(matches!(
        CaDirectory::open(fixture.path()),
        Err(Error::Index { .. })
    ));
}
