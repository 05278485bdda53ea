//! Certificates, revocation lists and keys from files.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use udap::algorithm::Algorithm;
use udap::certificate::Certificate;
use udap::limits;
use udap::trust::{Crl, CrlStore};
use udap_client::Identity;
use zeroize::Zeroizing;

use crate::output::Output;

/// What is read from any one file: the largest revocation list, in PEM.
const FILE_BYTES: u64 = 2 * limits::CRL_BYTES as u64;

/// Endings of files in a folder that are looked at.
const CERTIFICATE_ENDINGS: [&str; 4] = ["pem", "crt", "cer", "der"];
const CRL_ENDINGS: [&str; 3] = ["crl", "pem", "der"];

/// The content of a file, or of standard input for `-`.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(FILE_BYTES)
            .read_to_end(&mut content)
    } else {
        File::open(path).and_then(|file| file.take(FILE_BYTES).read_to_end(&mut content))
    };
    read.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(content)
}

/// The certificates of one file, in its order.
pub(crate) fn chain(path: &Path) -> anyhow::Result<Vec<Certificate>> {
    Certificate::from_pem_bundle(&read(path)?)
        .with_context(|| format!("no certificates in {}", path.display()))
}

/// The certificates of files and folders. In a folder files that hold none, keys for example, are
/// passed over; broken ones are not.
pub(crate) fn certificates(paths: &[PathBuf]) -> anyhow::Result<Vec<Certificate>> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.extend(chain(path)?);
            continue;
        }
        let before = found.len();
        for file in files_in(path, &CERTIFICATE_ENDINGS)? {
            let content = read(&file)?;
            let is_other_pem = is_pem(&content) && !has_block(&content, "CERTIFICATE");
            if !is_other_pem {
                let certificates = Certificate::from_pem_bundle(&content);
                found.extend(
                    certificates
                        .with_context(|| format!("no certificates in {}", file.display()))?,
                );
            }
        }
        if found.len() == before {
            bail!(
                "the folder {} holds no certificates (files ending in .pem, .crt, .cer or .der)",
                path.display()
            );
        }
    }
    Ok(found)
}

/// A folder's files that may hold certificates.
pub(crate) fn certificate_files_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    files_in(folder, &CERTIFICATE_ENDINGS)
}

/// The revocation lists of files and folders.
pub(crate) fn crls(paths: &[PathBuf]) -> anyhow::Result<CrlStore> {
    let (found, faults) = readable_crls(paths);
    match faults.into_iter().next() {
        Some(fault) => Err(fault),
        None => Ok(CrlStore::new(found)),
    }
}

/// Those revocation lists of files and folders that can be read, and what is wrong with the others.
pub(crate) fn readable_crls(paths: &[PathBuf]) -> (Vec<Arc<Crl>>, Vec<anyhow::Error>) {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    let mut note = |lists: anyhow::Result<Vec<Arc<Crl>>>| match lists {
        Ok(lists) => found.extend(lists),
        Err(fault) => faults.push(fault),
    };
    for path in paths {
        if !path.is_dir() {
            note(read(path).and_then(|content| crls_of(path, &content)));
            continue;
        }
        match files_in(path, &CRL_ENDINGS) {
            Ok(files) => files.iter().for_each(|file| note(crls_in_folder(file))),
            Err(fault) => note(Err(fault)),
        }
    }
    (found, faults)
}

/// The lists of a file in a folder, where other things may lie too.
fn crls_in_folder(file: &Path) -> anyhow::Result<Vec<Arc<Crl>>> {
    let content = read(file)?;
    let is_other_pem = is_pem(&content) && !has_block(&content, "X509 CRL");
    if is_other_pem || Certificate::from_der(&content).is_ok() {
        return Ok(Vec::new());
    }
    crls_of(file, &content)
}

fn crls_of(path: &Path, content: &[u8]) -> anyhow::Result<Vec<Arc<Crl>>> {
    let refused = || format!("no revocation list in {}", path.display());
    if !is_pem(content) {
        let crl = Crl::from_der(content).with_context(refused)?;
        return Ok(vec![Arc::new(crl)]);
    }
    let blocks = pem::parse_many(content).with_context(refused)?;
    let lists: Vec<Arc<Crl>> = blocks
        .iter()
        .filter(|block| block.tag() == "X509 CRL")
        .map(|block| Crl::from_der(block.contents()).map(Arc::new))
        .collect::<Result<_, _>>()
        .with_context(refused)?;
    if lists.is_empty() {
        bail!(refused());
    }
    Ok(lists)
}

/// An app's certificates and key. A key that others may read is warned about, since whoever reads
/// it is the app.
pub(crate) fn identity(
    certificate: &Path,
    key: &Path,
    algorithm: Option<Algorithm>,
    output: Output,
) -> anyhow::Result<Identity> {
    let certificates = read(certificate)?;
    let key_content = Zeroizing::new(read(key)?);
    if is_readable_by_others(key) {
        output.warn(&format!(
            "the private key {} can be read by others: chmod 600 {0}",
            key.display()
        ));
    }
    let identity = match algorithm {
        None => Identity::from_pem(&certificates, &key_content),
        Some(algorithm) => Identity::from_pem_with(&certificates, &key_content, algorithm),
    };
    identity.with_context(|| format!("{} with {}", certificate.display(), key.display()))
}

/// Refuses a file with a secret that others than its owner can read.
pub(crate) fn refuse_readable_by_others(path: &Path) -> anyhow::Result<()> {
    if is_readable_by_others(path) {
        bail!("{} can be read by others: chmod 600 {0}", path.display());
    }
    Ok(())
}

#[cfg(unix)]
fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_path: &Path) -> bool {
    false
}

/// A folder's files with one of these endings, by name.
fn files_in(folder: &Path, endings: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let unreadable = || format!("cannot read the folder {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        if path.is_file() && ending.is_some_and(|one| endings.iter().any(|known| one == *known)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file holds PEM.
pub(crate) fn is_pem(content: &[u8]) -> bool {
    has_text(content, b"-----BEGIN ")
}

fn has_block(content: &[u8], label: &str) -> bool {
    has_text(content, format!("-----BEGIN {label}-----").as_bytes())
}

fn has_text(content: &[u8], text: &[u8]) -> bool {
    content.windows(text.len()).any(|window| window == text)
}
