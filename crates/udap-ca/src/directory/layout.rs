//! What the files are called, and what a crash leaves of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{Error, IssuerRole, Serial};

/// The index.
pub(super) const INDEX: &str = "ca.db";
/// The index of versions before the first release.
pub(super) const OLD_INDEX: &str = "ca.json";
/// The folder of every leaf.
pub(super) const ISSUED: &str = "issued";

/// A CA's certificate in PEM.
pub(super) fn pem_file(issuer: IssuerRole) -> String {
    format!("{}.pem", issuer.as_str())
}

/// A CA's key.
pub(super) fn key_file(issuer: IssuerRole) -> String {
    format!("{}.key", issuer.as_str())
}

/// A CA's certificate in DER, as it is published.
pub(super) fn cer_file(issuer: IssuerRole) -> String {
    format!("{}.cer", issuer.as_str())
}

/// A CA's revocation list in DER, as it is published.
pub(super) fn crl_file(issuer: IssuerRole) -> String {
    format!("{}.crl", issuer.as_str())
}

/// A leaf with its issuer's certificate.
pub(super) fn issued_file(folder: &Path, serial: &Serial) -> PathBuf {
    folder.join(ISSUED).join(format!("{serial}.pem"))
}

/// What [`super::CaDirectory::init`] writes.
pub(super) fn files_of_an_authority(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let names = IssuerRole::ALL.map(|issuer| {
        [
            key_file(issuer),
            pem_file(issuer),
            cer_file(issuer),
            crl_file(issuer),
        ]
    });
    names
        .into_iter()
        .flatten()
        .map(move |name| folder.join(name))
}

/// Removes what writers left that were killed. To be called by the one who holds the lock: no other
/// is just writing.
pub(super) fn remove_left_overs(folder: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let entry = entry.map_err(Error::io(folder))?;
        let name = entry.file_name();
        let is_left_over = name
            .to_str()
            .is_some_and(|name| is_of_an_authority(name) && name.ends_with(".tmp"));
        if is_left_over {
            fs::remove_file(entry.path()).map_err(Error::io(entry.path()))?;
        }
    }
    Ok(())
}

/// Whether a temporary file is for one of ours: in the folder may be other things.
fn is_of_an_authority(name: &str) -> bool {
    let Some((stem, _)) = name.strip_prefix('.').and_then(|name| name.split_once('.')) else {
        return false;
    };
    IssuerRole::ALL.iter().any(|issuer| issuer.as_str() == stem) || stem.parse::<Serial>().is_ok()
}
