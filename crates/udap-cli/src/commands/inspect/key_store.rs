//! PKCS#12 files.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use udap_ca::{Error, KeyStore};

use crate::commands::ca::{ask, passphrase_in};
use crate::output::Page;

/// Where a password is to be had.
#[derive(Clone, Copy)]
pub(super) enum Password<'a> {
    /// In this file.
    File(&'a Path),
    /// From the person at the terminal.
    Ask,
    /// Nowhere: what comes from the network is not opened.
    None,
}

/// What is told of a file beside its certificates.
#[derive(Serialize)]
pub(super) struct KeyStoreReport {
    certificates: usize,
    private_key: bool,
    /// Whether the key is the first certificate's.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_fits: Option<bool>,
}

/// Opens a file.
pub(super) fn open(content: &[u8], password: Password<'_>) -> anyhow::Result<KeyStore> {
    let asked = || anyhow::Ok(ask("Password of the PKCS#12 file: ")?);
    let password = match password {
        Password::File(path) => passphrase_in(path)?,
        // Many hold no key, and have no password.
        Password::Ask => match KeyStore::open(content, None) {
            Err(Error::KeyStoreClosed) => asked()?,
            opened => return Ok(opened?),
        },
        Password::None => {
            return KeyStore::open(content, None)
                .context("download it, and inspect the file: its password is not for an address");
        }
    };
    Ok(KeyStore::open(content, Some(&password))?)
}

impl KeyStoreReport {
    pub(super) fn new(store: &KeyStore) -> Self {
        Self {
            certificates: store.certificates.len(),
            private_key: store.key.is_some(),
            key_fits: store.key,
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        page.title("PKCS#12");
        let mut inner = Page::default();
        inner.field("certificates", self.certificates.to_string());
        match self.key_fits {
            Some(true) => inner.field("private key", "that of the first certificate (not shown)"),
            Some(false) => inner.judged("private key", false, "NOT that of the first certificate"),
            None => inner.field("private key", "none"),
        };
        page.nested(inner);
    }
}
