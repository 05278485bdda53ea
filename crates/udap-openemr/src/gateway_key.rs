//! The gateway's key of a site, in a directory that instances share (decisions 26).

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rcgen::{KeyPair, PKCS_RSA_SHA384, PublicKeyData, RsaKeySize};
use udap::key::{Jwk, KeyError, KeyKind, PublicKey};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayKeyError {
    /// The site's id cannot be a file's name.
    #[error("the site's id cannot be a file's name")]
    SiteId,
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key file is open to others than its owner.
    #[error("{} can be read by others than its owner: chmod 600", .0.display())]
    Readable(PathBuf),
    /// The file holds no usable private key.
    #[error("{} holds no private key in PEM", .0.display())]
    Malformed(PathBuf),
    /// The key is not RSA of 2048 to 8192 bits.
    #[error("{} holds no RSA key of 2048 to 8192 bits", .0.display())]
    Kind(PathBuf),
    /// The key is another than its file's name says.
    #[error("{} holds another key than its name says", .0.display())]
    Misnamed(PathBuf),
    /// The key belongs to another account.
    #[error("{} belongs to another account: run this as that one", .0.display())]
    Owner(PathBuf),
    /// There is no key.
    #[error("{} is missing", .0.display())]
    Missing(PathBuf),
    /// No key could be generated.
    #[error("no key could be generated")]
    Generate,
}

/// The RSA key with which the gateway signs for a site's clients, and which their rows carry.
pub struct GatewayKey {
    pem: Zeroizing<String>,
    public: PublicKey,
    kid: String,
}

impl GatewayKey {
    /// Reads the site's key, `SITE.pem`; makes it if it is missing. Of instances that start at
    /// once, one makes it and all read the same.
    ///
    /// # Errors
    /// If it cannot be read or made, is open to others than its owner, or is no RSA key.
    pub fn load_or_create(directory: &Path, site: &str) -> Result<Self, GatewayKeyError> {
        let path = directory.join(file_name(site)?);
        if !path.try_exists().map_err(at(&path))? {
            create_directory(directory)?;
            create(directory, &path)?;
        }
        Self::load(&path)
    }

    /// Reads the site's key; `None` if there is none yet. Makes nothing.
    ///
    /// # Errors
    /// If it cannot be read, is open to others than its owner, or is no RSA key.
    pub fn find(directory: &Path, site: &str) -> Result<Option<Self>, GatewayKeyError> {
        let path = directory.join(file_name(site)?);
        if !path.try_exists().map_err(at(&path))? {
            return Ok(None);
        }
        Self::load(&path).map(Some)
    }

    pub(crate) fn load(path: &Path) -> Result<Self, GatewayKeyError> {
        check_mode(path)?;
        let pem = Zeroizing::new(fs::read_to_string(path).map_err(at(path))?);
        let pair =
            KeyPair::from_pem(&pem).map_err(|_| GatewayKeyError::Malformed(path.to_owned()))?;
        let public = PublicKey::from_spki(&pair.subject_public_key_info())
            .map_err(|_: KeyError| GatewayKeyError::Kind(path.to_owned()))?;
        if !matches!(public.kind(), KeyKind::Rsa { .. }) {
            return Err(GatewayKeyError::Kind(path.to_owned()));
        }
        let kid = public.jwk().thumbprint();
        Ok(Self { pem, public, kid })
    }

    /// The public key, for clients' rows.
    #[must_use]
    pub fn jwk(&self) -> &Jwk {
        self.public.jwk()
    }

    /// Its thumbprint (RFC 7638).
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The private key in PEM (PKCS #8). Secret.
    #[must_use]
    pub fn private_pem(&self) -> &str {
        &self.pem
    }
}

/// Names the key without showing it.
impl fmt::Debug for GatewayKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GatewayKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> GatewayKeyError {
    let path = path.to_owned();
    |source| GatewayKeyError::File { path, source }
}

pub(crate) fn file_name(site: &str) -> Result<String, GatewayKeyError> {
    let plain = site
        .bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_'));
    if site.is_empty() || site.starts_with('.') || !plain {
        return Err(GatewayKeyError::SiteId);
    }
    Ok(format!("{site}.pem"))
}

pub(crate) fn create_directory(directory: &Path) -> Result<(), GatewayKeyError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(at(directory))
}

/// Writes the key beside its place and then links it there, which fails if somebody was faster:
/// nobody ever reads half a key, and none is overwritten.
fn create(directory: &Path, path: &Path) -> Result<(), GatewayKeyError> {
    let draft = draft(directory)?;
    let linked = match fs::hard_link(&draft, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(at(path)(error)),
        _ => Ok(()),
    };
    // If it stays, it is a private file of no use to anybody.
    let _ = fs::remove_file(&draft);
    linked?;
    sync_directory(directory)
}

/// A new key in a file of its own, to be put in its place.
pub(crate) fn draft(directory: &Path) -> Result<PathBuf, GatewayKeyError> {
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA384, RsaKeySize::_3072)
        .map_err(|_| GatewayKeyError::Generate)?;
    let pem = Zeroizing::new(pair.serialize_pem());
    let draft = directory.join(format!(".{}.tmp", Uuid::new_v4()));
    match write_private(&draft, pem.as_bytes()) {
        Ok(()) => Ok(draft),
        Err(error) => {
            let _ = fs::remove_file(&draft);
            Err(at(&draft)(error))
        }
    }
}

/// What was put in its place is still there after a power cut.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), GatewayKeyError> {
    #[cfg(unix)]
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(at(directory))?;
    Ok(())
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), GatewayKeyError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).map_err(at(path))?.permissions().mode();
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(GatewayKeyError::Readable(path.to_owned()))
    }
}

#[cfg(not(unix))]
fn check_mode(_path: &Path) -> Result<(), GatewayKeyError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_ever_after() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("keys");
        assert!(GatewayKey::find(&directory, "default").unwrap().is_none());
        assert!(!directory.exists());
        let made = GatewayKey::load_or_create(&directory, "default").unwrap();
        let found = GatewayKey::find(&directory, "default").unwrap();
        assert_eq!(found.unwrap().kid(), made.kid());
        let read = GatewayKey::load_or_create(&directory, "default").unwrap();
        assert_eq!(made.jwk(), read.jwk());
        assert_eq!(made.kid(), made.jwk().thumbprint());
        assert!(matches!(made.public.kind(), KeyKind::Rsa { bits: 3072 }));
        let files: Vec<_> = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(files, ["default.pem"]);
        assert!(!format!("{made:?}").contains("PRIVATE"));
    }

    #[test]
    fn of_many_who_start_at_once_all_have_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let kids: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        GatewayKey::load_or_create(folder.path(), "default")
                            .unwrap()
                            .kid()
                            .to_owned()
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(kids.iter().all(|kid| *kid == kids[0]));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_is_private_or_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        GatewayKey::load_or_create(folder.path(), "default").unwrap();
        let path = folder.path().join("default.pem");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            GatewayKey::load_or_create(folder.path(), "default"),
            Err(GatewayKeyError::Readable(_))
        ));
    }

    #[test]
    fn a_site_that_is_no_file_name_and_a_file_that_is_no_key_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for site in ["", "..", "a/b", ".hidden", "a\\b", "é"] {
            assert!(matches!(
                GatewayKey::load_or_create(folder.path(), site),
                Err(GatewayKeyError::SiteId)
            ));
        }
        write_private(&folder.path().join("bad.pem"), b"rubbish").unwrap();
        assert!(matches!(
            GatewayKey::load_or_create(folder.path(), "bad"),
            Err(GatewayKeyError::Malformed(_))
        ));
        let elliptic = KeyPair::generate().unwrap().serialize_pem();
        write_private(&folder.path().join("ec.pem"), elliptic.as_bytes()).unwrap();
        assert!(matches!(
            GatewayKey::load_or_create(folder.path(), "ec"),
            Err(GatewayKeyError::Kind(_))
        ));
    }
}
