//! What can go wrong while making test material.

use std::path::PathBuf;

/// Why test material could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Making or signing a certificate or list failed.
    #[error("making a certificate or revocation list failed")]
    Certificate(#[from] rcgen::Error),
    /// OpenSSL failed.
    #[error("OpenSSL failed")]
    OpenSsl(#[from] openssl::error::ErrorStack),
    /// No random bytes.
    #[error("the operating system gave no random bytes")]
    Random,
    /// A certificate just made cannot be read back.
    #[error("a certificate cannot be read back")]
    Unreadable,
    /// A lock was poisoned by a panic elsewhere.
    #[error("an earlier panic left the community unusable")]
    Poisoned,
    /// JSON could not be written.
    #[error("JSON cannot be written")]
    Json(#[from] serde_json::Error),
    /// The output folder is not empty.
    #[error("{} is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The file system failed.
    #[error("cannot write {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write a file")]
    File(#[from] udap_ca::Error),
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    use rand::TryRngCore as _;
    let mut bytes = [0; N];
    rand::rngs::OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|_| Error::Random)?;
    Ok(bytes)
}
