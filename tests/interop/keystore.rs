//! PKCS#12 files in Java's keytool.

use std::path::Path;
use std::process::Command;

use udap_tests::udap;

fn run(folder: &Path, line: &str) {
    let ran = udap()
        .args(line.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{line}: {said}");
}

fn keytool(folder: &Path, line: &str) -> (bool, String) {
    let ran = Command::new("keytool")
        .args(line.split_whitespace())
        .current_dir(folder)
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    (
        ran.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// Proves: J13
#[test]
#[ignore = "needs Java's keytool: cargo xtask interop"]
fn java_opens_a_pkcs12_file_with_its_key_and_chain() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(folder.join("word"), "open sesame").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(folder.join("word"), mode).unwrap();
    run(folder, "ca init --dir ca --name Example --key p384");
    for (number, key, style) in [
        (1, "rsa2048", ""),
        (2, "p256", ""),
        (3, "rsa2048", "--legacy"),
    ] {
        run(
            folder,
            &format!(
                "ca issue client --dir ca --key-type {key} --name App{number} --uri https://app.example.org/{number} \
                 --out app{number}.pem"
            ),
        );
        run(
            folder,
            &format!(
                "ca export app{number}.pem --format p12 --key app{number}.key --p12-password-file word {style} \
                 --out app{number}.p12"
            ),
        );
        let list =
            format!("-list -v -storetype PKCS12 -storepass:file word -keystore app{number}.p12");
        let (opened, said) = keytool(folder, &list);
        assert!(opened, "{said}");
        for part in [
            "Entry type: PrivateKeyEntry",
            "Certificate chain length: 2",
            &format!("Alias name: app{number}"),
            &format!("https://app.example.org/{number}"),
            "CN=Example Issuing CA",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        // It can use the key, not only see that there is one.
        let request = format!(
            "-certreq -storetype PKCS12 -storepass:file word -alias app{number} -keystore app{number}.p12"
        );
        let (signed, said) = keytool(folder, &request);
        assert!(
            signed && said.contains("BEGIN NEW CERTIFICATE REQUEST"),
            "{said}"
        );
    }
    let wrong = "-list -storetype PKCS12 -storepass wrong-one -keystore app1.p12";
    assert!(!keytool(folder, wrong).0);
}
