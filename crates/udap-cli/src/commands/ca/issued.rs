//! What is said of a certificate that was issued, and making its key.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;
use udap_ca::{
    CheckedMetadata, IssuedCertificate, KeyAlgorithm, PrivateKey, ProfileName,
    write_new_private_file, write_public_file,
};

use crate::environment;
use crate::output::{Output, Page, Progress, Report, moment};

#[derive(Serialize)]
pub(super) struct Issued {
    certificate: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<PathBuf>,
    serial: String,
    fingerprint: String,
    names: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    not_before: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<String>,
    /// By which rules the app's metadata is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata_rules: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links_visited: Option<bool>,
    #[serde(skip)]
    next: Option<&'static str>,
    #[serde(skip)]
    now: OffsetDateTime,
}

impl Issued {
    /// Writes the certificate with its issuer's, and says so.
    pub(super) fn write(
        issued: &IssuedCertificate,
        certificate: &Path,
        names: Vec<String>,
    ) -> anyhow::Result<Self> {
        write_public_file(certificate, issued.chain_pem().as_bytes())?;
        Ok(Self {
            certificate: certificate.to_owned(),
            key: None,
            serial: issued.serial().to_string(),
            fingerprint: issued.fingerprint(),
            names,
            not_before: issued.not_before(),
            not_after: issued.not_after(),
            ignored: Vec::new(),
            metadata_rules: None,
            links_visited: None,
            next: None,
            now: environment::now(),
        })
    }

    /// Where its key is.
    pub(super) fn with_key(mut self, key: &NewKey) -> Self {
        self.key = Some(key.path.clone());
        self
    }

    /// What is to be done with it.
    pub(super) fn then(mut self, next: &'static str) -> Self {
        self.next = Some(next);
        self
    }

    /// What was judged before it was issued.
    pub(super) fn judged(mut self, metadata: Option<&CheckedMetadata>) -> Self {
        self.metadata_rules = metadata.map(|metadata| metadata.rules.clone());
        self.links_visited = metadata.map(|metadata| metadata.links_visited);
        self
    }

    /// What a signing request asked for in vain.
    pub(super) fn ignoring(mut self, wishes: Vec<String>) -> Self {
        self.ignored = wishes;
        self
    }
}

impl Report for Issued {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.field("certificate", self.certificate.to_string_lossy());
        page.optional(
            "private key",
            self.key.as_ref().map(|path| path.to_string_lossy()),
        );
        page.list("names", &self.names);
        page.field("valid until", moment(self.not_after, self.now));
        page.field("serial number", &self.serial);
        page.field("SHA-256", &self.fingerprint);
        page.list("ignored", &self.ignored);
        if let Some(rules) = &self.metadata_rules {
            let links = match self.links_visited {
                Some(true) => "its links are live",
                _ => "its links were not visited (--check-links)",
            };
            page.field("metadata", format!("keeps the rules of {rules}; {links}"));
        }
        if let Some(next) = self.next {
            page.blank().line(format!("Next: {next}"));
        }
        page
    }
}

/// What a certificate's holder does with it.
pub(super) const fn next(profile: ProfileName) -> &'static str {
    match profile {
        ProfileName::Client => {
            "give it to the app, which registers with `udap register --cert` and `--key`."
        }
        ProfileName::Server => {
            "name it in the server's udap.toml: server_certificate, and server_key."
        }
        ProfileName::Tls | ProfileName::IssuingCa => "give it to its holder.",
    }
}

/// What is done with one that follows another.
pub(super) const IN_PLACE: &str = "give it to its holder, to be used in place of the earlier one.";

/// A key in its file, which goes again if no certificate is issued for it.
pub(super) struct NewKey {
    path: PathBuf,
    pub(super) key: PrivateKey,
    kept: bool,
}

impl NewKey {
    /// Makes a key and writes it: before the certificate is issued, so that none is without its key.
    pub(super) fn make(
        path: &Path,
        algorithm: KeyAlgorithm,
        output: Output,
    ) -> anyhow::Result<Self> {
        let progress = Progress::begin(output, &format!("making an {algorithm} key"));
        let key = PrivateKey::generate(algorithm)?;
        progress.end();
        write_new_private_file(path, key.to_pem().as_bytes())?;
        Ok(Self {
            path: path.to_owned(),
            key,
            kept: false,
        })
    }

    /// There is a certificate for it.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for NewKey {
    fn drop(&mut self) {
        if !self.kept {
            // Without a certificate it would only be in the way of the next attempt.
            let _ = fs::remove_file(&self.path);
        }
    }
}
