//! The files of the keys.

use std::fs;

use udap_ca::{CaDirectory, Error, InitOptions, Passphrase, PrivateKey, PublicKey};

use crate::fixture::{Fixture, NOW, openssl, options};

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
fn encrypted_keys_are_opened_with_their_passphrase_by_openssl_too() {
    let mut fixture = Fixture::new();
    let secret = Passphrase::new("open sesame").unwrap();
    let options = InitOptions {
        passphrase: Some(secret.clone()),
        ..options()
    };
    drop(CaDirectory::init(fixture.folder.path(), &options, NOW, &mut fixture.rng).unwrap());
    for name in ["root.key", "intermediate.key"] {
        let read = |password| {
            let password = format!("pass:{password}");
            let arguments = ["pkey", "-noout", "-in", name, "-passin", &password];
            openssl(fixture.path(), &arguments).0
        };
        assert!(read("open sesame") && !read("open barley"), "{name}");
    }
    assert!(matches!(
        CaDirectory::open(fixture.path()),
        Err(Error::PassphraseNeeded { path }) if path.ends_with("intermediate.key")
    ));
    let wrong = Passphrase::new("open barley").unwrap();
    assert!(matches!(
        CaDirectory::open_with(fixture.path(), Some(wrong)),
        Err(Error::WrongPassphrase)
    ));
    let mut ca = CaDirectory::open_with(fixture.path(), Some(secret)).unwrap();
    ca.sign_crls(NOW).unwrap();
    fixture
        .issue(&mut ca, "https://app.example.org", "One")
        .unwrap();
}

#[test]
fn a_passphrase_can_be_changed_with_openssl() {
    let mut fixture = Fixture::new();
    drop(fixture.init());
    let secret = Passphrase::new("open sesame").unwrap();
    let change = [
        "pkcs8",
        "-topk8",
        "-in",
        "intermediate.key",
        "-passout",
        "pass:open sesame",
    ];
    for way in [&["-scrypt"][..], &["-v2", "aes-256-cbc"]] {
        let arguments = [&change[..], &["-out", "new.key"], way].concat();
        let (changed, said) = openssl(fixture.path(), &arguments);
        assert!(changed, "{said}");
        let key = fs::read_to_string(fixture.path().join("new.key")).unwrap();
        let opened = PrivateKey::from_pem_with(&key, Some(&secret)).unwrap();
        let ca = CaDirectory::open(fixture.path()).unwrap();
        let certificate = ca.intermediate().certificate_der();
        assert_eq!(
            *opened.public_key(),
            PublicKey::of_certificate(certificate).unwrap()
        );
    }
}
