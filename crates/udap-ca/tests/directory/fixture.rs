//! An authority in a folder of its own.

use std::{path::Path, process::Command};

use rand::{SeedableRng as _, rngs::StdRng};
use time::{OffsetDateTime, macros::datetime};
use udap_ca::{
    CaDirectory, Entry, Error, Filter, InitOptions, KeyAlgorithm, LeafProfile, LeafRequest, Serial,
    Subject,
};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

pub(crate) fn options() -> InitOptions {
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

pub(crate) struct Fixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) rng: StdRng,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            rng: StdRng::seed_from_u64(1),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn init(&mut self) -> CaDirectory {
        CaDirectory::init(self.folder.path(), &options(), NOW, &mut self.rng).unwrap()
    }

    pub(crate) fn issue(
        &mut self,
        ca: &mut CaDirectory,
        uri: &str,
        party: &str,
    ) -> Result<Serial, Error> {
        let (issued, _) =
            ca.issue_with_new_key(&client(uri, party), KeyAlgorithm::P256, NOW, &mut self.rng)?;
        Ok(issued.serial().clone())
    }
}

pub(crate) fn entries(ca: &CaDirectory) -> Vec<Entry> {
    ca.index().list(&Filter::default(), NOW).unwrap()
}

pub(crate) fn client(uri: &str, party: &str) -> LeafRequest {
    let uris = vec![uri.parse().unwrap()];
    let subject = Subject::new("App", Some(party)).unwrap();
    LeafRequest::new(LeafProfile::UdapClient { uris }, subject)
}

pub(crate) fn openssl(folder: &Path, arguments: &[&str]) -> (bool, String) {
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

pub(crate) fn openssl_verify(folder: &Path, leaf: &str, now: OffsetDateTime) -> (bool, String) {
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
