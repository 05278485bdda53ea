//! A revocation list with a million lines.

use std::{fs, process::Command};

use rand::{SeedableRng as _, rngs::StdRng};
use time::{OffsetDateTime, macros::datetime};
use udap_ca::{CaDirectory, InitOptions, IssuerRole, KeyAlgorithm};
use x509_parser::{prelude::FromDer as _, revocation_list::CertificateRevocationList};

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

/// What the registrar reads at most (`udap::limits::CRL_BYTES`).
const READ_AT_MOST: usize = 64 * 1024 * 1024;

#[test]
fn a_list_of_a_million_revoked_certificates_is_made_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let options = InitOptions {
        root_key: KeyAlgorithm::P384,
        intermediate_key: KeyAlgorithm::P384,
        ..InitOptions::new("Example")
    };
    let mut rng = StdRng::seed_from_u64(1);
    drop(CaDirectory::init(folder.path(), &options, NOW, &mut rng).unwrap());
    let database = rusqlite::Connection::open(folder.path().join("ca.db")).unwrap();
    database
        .execute_batch(
            "INSERT INTO certificate (serial, issuer, profile, common_name, names, key, key_hash, not_before,
               not_after, fingerprint, der, filed, revoked_at, revocation_reason)
             WITH RECURSIVE line(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM line WHERE n < 1000000)
             SELECT printf('4%031x', n), 'intermediate', 'client', 'App', '[]', 'p256', x'00', 0, 0, '', x'00', 1,
               1700000000, 'keyCompromise' FROM line;",
        )
        .unwrap();
    drop(database);
    let mut ca = CaDirectory::open(folder.path()).unwrap();
    ca.sign_crls(NOW).unwrap();

    let path = ca.crl_path(IssuerRole::Intermediate);
    let der = fs::read(&path).unwrap();
    assert!(der.len() < READ_AT_MOST, "{} octets", der.len());
    let (_, list) = CertificateRevocationList::from_der(&der).unwrap();
    assert_eq!(list.iter_revoked_certificates().count(), 1_000_000);
    let verified = Command::new("openssl")
        .args(["crl", "-inform", "DER", "-noout", "-in"])
        .arg(path)
        .arg("-CAfile")
        .arg(ca.certificate_path(IssuerRole::Intermediate))
        .output()
        .expect("the openssl command line tool is needed for this test");
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(
        verified.status.success() && said.contains("verify OK"),
        "{said}"
    );
}
