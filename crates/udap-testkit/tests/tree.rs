//! The tree that `udap testpki` writes.

use std::{collections::HashSet, fs, path::Path, process::Command};

use serde_json::Value;
use time::{OffsetDateTime, macros::datetime};
use udap_testkit::{Error, LeafFlaw, TreeOptions, write_tree};

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
const AUDIENCE: &str = "https://emr.example.org/udap/default/register";

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Proves: J13
#[test]
fn the_tree_holds_every_case_with_all_its_files_and_the_manifest_tells() {
    let folder = tempfile::tempdir().unwrap();
    let options = TreeOptions {
        audience: Some(AUDIENCE.to_owned()),
        ..TreeOptions::new(NOW)
    };
    let manifest = write_tree(folder.path(), &options).unwrap();

    let names: HashSet<&str> = manifest
        .cases
        .iter()
        .map(|case| case.name.as_str())
        .collect();
    assert_eq!(names.len(), manifest.cases.len(), "names are unique");
    for flaw in LeafFlaw::ALL {
        assert!(names.contains(flaw.name()), "{flaw:?}");
    }
    for case in &manifest.cases {
        assert!(!case.requirements.is_empty(), "{}", case.name);
        let at = |file: &Path| folder.path().join(file);
        let chain = fs::read_to_string(at(&case.files.chain)).unwrap();
        let x5c = read_json(&at(&case.files.x5c));
        let count = chain.matches("BEGIN CERTIFICATE").count();
        assert_eq!(x5c.as_array().unwrap().len(), count, "{}", case.name);
        assert!(
            fs::read_to_string(at(&case.files.key))
                .unwrap()
                .contains("BEGIN PRIVATE KEY")
        );
        let Some(status) = case.expected.status else {
            continue;
        };
        assert_eq!(
            status == 201,
            case.expected.errors.is_empty(),
            "{}",
            case.name
        );
        let request = read_json(&at(case.files.request.as_ref().unwrap()));
        match &case.files.statement {
            Some(statement) => {
                let statement = fs::read_to_string(at(statement)).unwrap();
                assert_eq!(request["software_statement"], statement, "{}", case.name);
            }
            None => assert_eq!(case.name, "statement-no-software-statement"),
        }
    }
    let written = read_json(&folder.path().join("manifest.json"));
    assert_eq!(written, serde_json::to_value(&manifest).unwrap());
}

/// Proves: J13
#[test]
fn openssl_agrees_with_the_manifest_on_every_path_it_can_judge() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = write_tree(folder.path(), &TreeOptions::new(NOW)).unwrap();
    let mut lists = String::new();
    for entry in fs::read_dir(folder.path().join("crls")).unwrap() {
        let der = fs::read(entry.unwrap().path()).unwrap();
        lists.push_str(&pem::encode(&pem::Pem::new("X509 CRL", der)));
    }
    fs::write(folder.path().join("lists.pem"), lists).unwrap();
    // What OpenSSL does not look at, or (the last) refuses for want of a list.
    let blind = [
        "dns-san-only",
        "p521-key",
        "ca-leaf",
        "no-digital-signature",
        "anchor-key",
        "no-crl-address",
    ];
    let at = NOW.unix_timestamp().to_string();
    for case in manifest
        .cases
        .iter()
        .filter(|case| !blind.contains(&case.name.as_str()))
    {
        let chain = case.files.chain.to_str().unwrap();
        let arguments = [
            ["verify", "-x509_strict", "-auth_level", "2", "-attime", &at].as_slice(),
            &[
                "-crl_check_all",
                "-CRLfile",
                "lists.pem",
                "-CAfile",
                "anchors/root.pem",
            ],
            &["-untrusted", chain, chain],
        ]
        .concat();
        let status = Command::new("openssl")
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .expect("the openssl command line tool is needed for this test");
        let text = String::from_utf8_lossy(&status.stderr);
        assert_eq!(
            status.status.success(),
            case.expected.path_trusted,
            "{}: {text}",
            case.name
        );
    }
}

#[cfg(unix)]
#[test]
fn keys_in_the_tree_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let manifest = write_tree(folder.path(), &TreeOptions::new(NOW)).unwrap();
    for case in manifest.cases {
        let mode = fs::metadata(folder.path().join(case.files.key))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{}", case.name);
        assert!(case.files.statement.is_none() && case.files.request.is_none());
    }
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("precious"), "x").unwrap();
    let refused = write_tree(folder.path(), &TreeOptions::new(NOW));
    assert!(matches!(refused, Err(Error::NotEmpty { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn with_a_base_url_all_that_certificates_name_is_there_to_be_served() {
    let folder = tempfile::tempdir().unwrap();
    let base_url = Some("http://127.0.0.1:8081".to_owned());
    write_tree(
        folder.path(),
        &TreeOptions {
            base_url,
            ..TreeOptions::new(NOW)
        },
    )
    .unwrap();
    for name in [
        "root.crl",
        "root.cer",
        "intermediate.crl",
        "intermediate.cer",
    ] {
        assert!(
            folder.path().join("published").join(name).exists(),
            "{name}"
        );
    }
    assert!(
        !folder
            .path()
            .join("published/dead-crl-address.crl")
            .exists()
    );
}
