//! The certificate authority of a community in a folder.
//!
//! ```text
//! root.pem  root.key  intermediate.pem  intermediate.key    keys: PKCS#8 in PEM, mode 0600
//! root.crl  intermediate.crl                                DER, as published
//! root.cer  intermediate.cer                                DER, as published (AIA)
//! issued/SERIAL.pem                                         every leaf, without its key
//! ca.db                                                     the index (SQLite)
//! ca.lock                                                   held by the one writer
//! ```
//! `root.key` may be kept elsewhere; then only the root's own list cannot be renewed here.
//!
//! A command may be killed at any moment. What it had not finished, the next opening finishes:
//! files are written from the index, a revocation gets its list ([`CaDirectory::resume`]), an
//! interrupted setting up begins afresh.

mod init;
mod issue;
mod issuing_ca;
mod layout;
mod lists;
mod lock;

pub use init::InitOptions;

use std::{
    cell::OnceCell,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{
    Authority, Error, Index, IssuerRole, Passphrase, PrivateKey, ProfileName, PublicKey,
    Publication, Serial, Settings,
    authority::to_pem,
    files::{check_private, write_public_file},
    index::SetUp,
};
use layout::{
    INDEX, ISSUED, OLD_INDEX, cer_file, crl_file, issued_file, key_file, pem_file,
    remove_left_overs,
};
use lock::Lock;

/// A community's certificate authority in a folder, opened for writing by this process alone.
#[derive(Debug)]
pub struct CaDirectory {
    path: PathBuf,
    passphrase: Option<Passphrase>,
    /// Filled when it is needed, which is seldom: its key may have been taken away.
    root: OnceCell<Authority>,
    intermediate: Authority,
    index: Index,
    /// Held, not read: the operating system lets it go when this is dropped.
    _lock: Lock,
}

impl CaDirectory {
    /// Opens an authority for writing.
    ///
    /// # Errors
    /// Those of [`CaDirectory::open_with`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, None)
    }

    /// Opens an authority for writing, whose keys may be encrypted.
    ///
    /// # Errors
    /// [`Error::NotInitialised`]; [`Error::Unfinished`]; [`Error::OldIndex`]; [`Error::Locked`] if
    /// another process has it open; [`Error::PassphraseNeeded`], [`Error::WrongPassphrase`];
    /// [`Error::KeyFileReadable`], [`Error::KeyMismatch`], [`Error::NotACa`],
    /// [`Error::Unreadable`], [`Error::Index`], [`Error::IndexVersion`] for damaged or unsafe
    /// files; [`Error::Io`].
    pub fn open_with(path: &Path, passphrase: Option<Passphrase>) -> Result<Self, Error> {
        check_is_there(path)?;
        let lock = Lock::take(path)?;
        let opened = Index::open(&path.join(INDEX))?;
        let index = ready(path, opened)?;
        remove_left_overs(path)?;
        if has_key(path, IssuerRole::Root)? {
            check_private(&path.join(key_file(IssuerRole::Root)))?;
        }
        let secret = passphrase.as_ref();
        let intermediate = load(path, IssuerRole::Intermediate, index.settings(), secret)?;
        let mut directory = Self {
            path: path.to_owned(),
            passphrase,
            root: OnceCell::new(),
            intermediate,
            index,
            _lock: lock,
        };
        directory.write_missing_files()?;
        Ok(directory)
    }

    /// Opens the index for reading, while another process may write.
    ///
    /// # Errors
    /// [`Error::NotInitialised`]; [`Error::Unfinished`]; [`Error::OldIndex`]; [`Error::Index`];
    /// [`Error::IndexVersion`].
    pub fn read_index(path: &Path) -> Result<Index, Error> {
        check_is_there(path)?;
        ready(path, Index::read(&path.join(INDEX))?)
    }

    /// A certificate and its issuer's in PEM, without the root, from a folder that another process
    /// may be writing to.
    ///
    /// # Errors
    /// [`Error::UnknownSerial`]; [`Error::Index`]; [`Error::Io`]; [`Error::Unreadable`].
    pub fn read_chain(path: &Path, index: &Index, serial: &Serial) -> Result<Vec<Vec<u8>>, Error> {
        let entry = index.known(serial)?;
        let mut chain = vec![index.certificate_der(serial)?];
        if entry.issuer == IssuerRole::Intermediate {
            chain.push(read_certificate(path, IssuerRole::Intermediate)?);
        }
        Ok(chain)
    }

    /// Certificates that a killed command listed and did not write any more.
    fn write_missing_files(&mut self) -> Result<(), Error> {
        let unfiled = self.index.unfiled()?;
        if unfiled.is_empty() {
            return Ok(());
        }
        remove_left_overs(&self.path.join(ISSUED))?;
        for serial in unfiled {
            if self.index.known(&serial)?.profile == ProfileName::IssuingCa {
                self.replace_issuing_ca(&serial)?;
                continue;
            }
            let leaf = to_pem(&self.index.certificate_der(&serial)?);
            let issuer = self.intermediate.certificate_pem();
            self.file(&serial, &format!("{leaf}{issuer}"))?;
        }
        Ok(())
    }

    fn file(&mut self, serial: &Serial, chain: &str) -> Result<(), Error> {
        write_public_file(&issued_file(&self.path, serial), chain.as_bytes())?;
        self.index.is_filed(serial)
    }

    /// The issuing CA.
    #[must_use]
    pub fn intermediate(&self) -> &Authority {
        &self.intermediate
    }

    /// Whether the root's key is in the folder.
    #[must_use]
    pub fn has_root_key(&self) -> bool {
        self.root.get().is_some() || self.path.join(key_file(IssuerRole::Root)).exists()
    }

    /// What opened the keys, if they are encrypted.
    #[must_use]
    pub fn passphrase(&self) -> Option<&Passphrase> {
        self.passphrase.as_ref()
    }

    /// What was issued and revoked.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where an authority's revocation list (DER) lies.
    #[must_use]
    pub fn crl_path(&self, issuer: IssuerRole) -> PathBuf {
        self.path.join(crl_file(issuer))
    }

    /// Where an authority's certificate (PEM) lies.
    #[must_use]
    pub fn certificate_path(&self, issuer: IssuerRole) -> PathBuf {
        self.path.join(pem_file(issuer))
    }

    fn authority(&self, issuer: IssuerRole) -> Result<&Authority, Error> {
        if issuer == IssuerRole::Intermediate {
            return Ok(&self.intermediate);
        }
        if let Some(root) = self.root.get() {
            return Ok(root);
        }
        if !has_key(&self.path, issuer)? {
            return Err(Error::RootKeyAbsent);
        }
        let settings = self.index.settings();
        let root = load(&self.path, issuer, settings, self.passphrase.as_ref())?;
        Ok(self.root.get_or_init(|| root))
    }

    fn public_key_of(&self, issuer: IssuerRole) -> Result<PublicKey, Error> {
        PublicKey::of_certificate(&read_certificate(&self.path, issuer)?)
    }
}

/// The names of the files that peers fetch, all DER: revocation lists and CA certificates.
#[must_use]
pub fn published_files() -> [String; 4] {
    let [root, intermediate] = IssuerRole::ALL.map(|issuer| (crl_file(issuer), cer_file(issuer)));
    [root.0, root.1, intermediate.0, intermediate.1]
}

fn check_is_there(path: &Path) -> Result<(), Error> {
    if path.join(INDEX).exists() {
        return Ok(());
    }
    let old = path.join(OLD_INDEX);
    if old.exists() {
        return Err(Error::OldIndex { path: old });
    }
    Err(Error::NotInitialised {
        path: path.to_owned(),
    })
}

fn ready(path: &Path, (index, set_up): (Index, SetUp)) -> Result<Index, Error> {
    match set_up {
        SetUp::Ready => Ok(index),
        SetUp::Unfinished | SetUp::Empty => Err(Error::Unfinished {
            path: path.to_owned(),
        }),
    }
}

fn publication(settings: &Settings, issuer: IssuerRole) -> Result<Publication, Error> {
    let under = |base: &Option<String>, file: String| {
        base.as_ref()
            .map(|base| format!("{}/{file}", base.trim_end_matches('/')))
    };
    let crl_url = under(&settings.crl_base_url, crl_file(issuer));
    let certificate_url = under(&settings.certificate_base_url, cer_file(issuer));
    Publication::new(crl_url.as_deref(), certificate_url.as_deref())
}

fn has_key(path: &Path, issuer: IssuerRole) -> Result<bool, Error> {
    let key = path.join(key_file(issuer));
    match fs::symlink_metadata(&key) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io(key)(error)),
    }
}

fn load(
    path: &Path,
    issuer: IssuerRole,
    settings: &Settings,
    passphrase: Option<&Passphrase>,
) -> Result<Authority, Error> {
    let key_path = path.join(key_file(issuer));
    check_private(&key_path)?;
    let key_pem = fs::read_to_string(&key_path)
        .map(Zeroizing::new)
        .map_err(Error::io(&key_path))?;
    let certificate = read_certificate(path, issuer)?;
    let key = PrivateKey::from_pem_with(&key_pem, passphrase).map_err(|error| match error {
        Error::PassphraseNeeded { .. } => Error::PassphraseNeeded { path: key_path },
        other => other,
    })?;
    let is_root = issuer == IssuerRole::Root;
    Authority::from_parts(certificate, key, is_root, publication(settings, issuer)?)
}

fn read_certificate(path: &Path, issuer: IssuerRole) -> Result<Vec<u8>, Error> {
    let path = path.join(pem_file(issuer));
    let text = fs::read(&path).map_err(Error::io(path))?;
    let block = pem::parse(text)
        .ok()
        .filter(|block| block.tag() == "CERTIFICATE");
    let unreadable = Error::Unreadable {
        what: "CA certificate",
    };
    Ok(block.ok_or(unreadable)?.into_contents())
}
