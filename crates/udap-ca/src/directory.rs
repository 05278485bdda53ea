//! The certificate authority of a community in a folder.
//!
//! ```text
//! root.pem  root.key  intermediate.pem  intermediate.key    keys: PKCS#8 in PEM, mode 0600
//! root.crl  intermediate.crl                                DER, as published
//! root.cer  intermediate.cer                                DER, as published (AIA)
//! issued/SERIAL.pem                                         every leaf, without its key
//! ca.json                                                   the index
//! ca.lock                                                   held by the one writer
//! ```
//! `root.key` may be kept elsewhere; then only the root's own list cannot be renewed here.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use rand::Rng;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::{
    Authority, Error, Index, IssuedCertificate, IssuerRole, KeyAlgorithm, LeafRequest, PrivateKey,
    ProfileName, PublicKey, Publication, RevocationReason, Serial, Subject,
    authority::check_publication_url,
    files::{check_private, refuse_existing, write_new_private_file, write_public_file},
    index::{Entry, INDEX_VERSION},
    profile::CRL_LIFETIME,
};

const INDEX: &str = "ca.json";
const LOCK: &str = "ca.lock";
const ISSUED: &str = "issued";
const ROOT: &str = "root";
const INTERMEDIATE: &str = "intermediate";

/// How a new certificate authority is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitOptions {
    /// The community's name; the CAs are called "NAME Root CA" and "NAME Issuing CA".
    pub name: String,
    /// The operator's organisation.
    pub organization: Option<String>,
    /// The community's URI, kept in the index.
    pub community: Option<String>,
    /// The root's key: RSA-4096 or P-384 (J09).
    pub root_key: KeyAlgorithm,
    /// The issuing CA's key.
    pub intermediate_key: KeyAlgorithm,
    /// Folder of http URLs where the revocation lists will be (`root.crl`, `intermediate.crl`).
    pub crl_base_url: Option<String>,
    /// Folder of http URLs where the CA certificates will be (`root.cer`, `intermediate.cer`).
    pub certificate_base_url: Option<String>,
    /// How long each revocation list is valid.
    pub crl_lifetime: Duration,
}

impl InitOptions {
    /// RSA-4096 for both CAs, no published addresses, lists valid for 7 days.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            organization: None,
            community: None,
            root_key: KeyAlgorithm::Rsa4096,
            intermediate_key: KeyAlgorithm::Rsa4096,
            crl_base_url: None,
            certificate_base_url: None,
            crl_lifetime: CRL_LIFETIME,
        }
    }
}

/// A community's certificate authority in a folder, opened for writing by this process alone.
#[derive(Debug)]
pub struct CaDirectory {
    path: PathBuf,
    root: Option<Authority>,
    intermediate: Authority,
    index: Index,
    /// Held, not read: the operating system lets it go when this is dropped.
    _lock: Lock,
}

impl CaDirectory {
    /// Sets up root and issuing CA in `path`, which is made if missing, and signs their first
    /// revocation lists.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if any file of an authority is there; [`Error::Locked`];
    /// [`Error::KeyAlgorithmNotAllowed`], [`Error::InvalidSubject`],
    /// [`Error::InvalidPublicationUrl`], [`Error::InvalidUri`] for the options; [`Error::Crypto`];
    /// [`Error::Io`].
    pub fn init(
        path: &Path,
        options: &InitOptions,
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<Self, Error> {
        if !matches!(options.root_key, KeyAlgorithm::Rsa4096 | KeyAlgorithm::P384) {
            return Err(Error::KeyAlgorithmNotAllowed {
                profile: ROOT,
                algorithm: options.root_key,
                reason: "a root lives for 20 years, so it is RSA-4096 or P-384",
            });
        }
        let mut index = new_index(options)?;
        let organization = options.organization.as_deref();
        let root_subject = Subject::new(&format!("{} Root CA", options.name.trim()), organization)?;
        let subject = Subject::new(&format!("{} Issuing CA", options.name.trim()), organization)?;

        fs::create_dir_all(path.join(ISSUED)).map_err(Error::io(path))?;
        let lock = lock(path)?;
        for name in [
            INDEX.to_owned(),
            pem_file(ROOT),
            key_file(ROOT),
            pem_file(INTERMEDIATE),
            key_file(INTERMEDIATE),
        ] {
            refuse_existing(&path.join(name))?;
        }

        let root_key = PrivateKey::generate(options.root_key)?;
        write_new_private_file(&path.join(key_file(ROOT)), root_key.to_pem().as_bytes())?;
        let intermediate_key = PrivateKey::generate(options.intermediate_key)?;
        write_new_private_file(
            &path.join(key_file(INTERMEDIATE)),
            intermediate_key.to_pem().as_bytes(),
        )?;

        let root = Authority::new_root(
            &root_subject,
            root_key,
            publication(&index, ROOT)?,
            now,
            rng,
        )?;
        let intermediate = root.new_issuing_ca(
            &subject,
            intermediate_key,
            publication(&index, INTERMEDIATE)?,
            now,
            rng,
        )?;
        for (name, authority) in [(ROOT, &root), (INTERMEDIATE, &intermediate)] {
            write_public_file(
                &path.join(pem_file(name)),
                authority.certificate_pem().as_bytes(),
            )?;
            write_public_file(&path.join(cer_file(name)), authority.certificate_der())?;
        }
        index.add(Entry::new(
            &intermediate.as_issued(),
            IssuerRole::Root,
            ProfileName::IssuingCa,
            &subject,
            Vec::new(),
            options.intermediate_key,
        ))?;

        let path = path.to_owned();
        let mut directory = Self {
            path,
            root: Some(root),
            intermediate,
            index,
            _lock: lock,
        };
        // Writes the index too, as the last step but for the lists.
        directory.sign_crls(now)?;
        Ok(directory)
    }

    /// Opens an authority for writing.
    ///
    /// # Errors
    /// [`Error::NotInitialised`]; [`Error::Locked`] if another process has it open;
    /// [`Error::KeyFileReadable`], [`Error::KeyMismatch`], [`Error::NotACa`],
    /// [`Error::Unreadable`], [`Error::Index`], [`Error::IndexVersion`] for damaged or unsafe
    /// files; [`Error::Io`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        if !path.join(INDEX).exists() {
            return Err(Error::NotInitialised {
                path: path.to_owned(),
            });
        }
        let lock = lock(path)?;
        let index = Self::read_index(path)?;
        let root = match fs::symlink_metadata(path.join(key_file(ROOT))) {
            Ok(_) => Some(load(path, ROOT, true, &index)?),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io(path.join(key_file(ROOT)))(error)),
        };
        let intermediate = load(path, INTERMEDIATE, false, &index)?;
        Ok(Self {
            path: path.to_owned(),
            root,
            intermediate,
            index,
            _lock: lock,
        })
    }

    /// Reads the index only, for lists; needs no lock, since the file is replaced whole.
    ///
    /// # Errors
    /// [`Error::NotInitialised`]; [`Error::Index`]; [`Error::IndexVersion`]; [`Error::Io`].
    pub fn read_index(path: &Path) -> Result<Index, Error> {
        let file = path.join(INDEX);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Error::NotInitialised {
                    path: path.to_owned(),
                });
            }
            Err(error) => return Err(Error::io(file)(error)),
        };
        let index: Index =
            serde_json::from_slice(&text).map_err(|source| Error::Index { path: file, source })?;
        if index.version != INDEX_VERSION {
            return Err(Error::IndexVersion {
                found: index.version,
                known: INDEX_VERSION,
            });
        }
        Ok(index)
    }

    /// Issues a leaf for a key whose private half is elsewhere.
    ///
    /// # Errors
    /// [`Error::UriBelongsToAnother`] (J03); [`Error::IssuerRevoked`]; those of
    /// [`Authority::issue`]; [`Error::Io`].
    pub fn issue(
        &mut self,
        request: &LeafRequest,
        key: &PublicKey,
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<IssuedCertificate, Error> {
        if self.index.issuing_ca_is_revoked() {
            return Err(Error::IssuerRevoked);
        }
        self.index.check_party(&request.profile, &request.subject)?;
        let issued = self.intermediate.issue(request, key, now, rng)?;
        self.index.add(Entry::new(
            &issued,
            IssuerRole::Intermediate,
            request.profile.name(),
            &request.subject,
            request.profile.names(),
            key.algorithm(),
        ))?;
        // The index first: no certificate ever exists that could not be revoked.
        self.save_index()?;
        let file = self
            .path
            .join(ISSUED)
            .join(pem_file(&issued.serial().to_string()));
        write_public_file(&file, issued.chain_pem().as_bytes())?;
        Ok(issued)
    }

    /// Makes a key and issues a leaf for it. The key is returned, not kept.
    ///
    /// # Errors
    /// Those of [`CaDirectory::issue`].
    pub fn issue_with_new_key(
        &mut self,
        request: &LeafRequest,
        algorithm: KeyAlgorithm,
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<(IssuedCertificate, PrivateKey), Error> {
        // Before the costly key.
        request.check(algorithm)?;
        let key = PrivateKey::generate(algorithm)?;
        let issued = self.issue(request, key.public_key(), now, rng)?;
        Ok((issued, key))
    }

    /// Revokes a certificate and signs its issuer's new revocation list. If signing or writing
    /// the list fails, the revocation stands and the next list carries it.
    ///
    /// # Errors
    /// [`Error::UnknownSerial`]; [`Error::AlreadyRevoked`]; [`Error::RootKeyAbsent`] for the
    /// issuing CA's certificate; those of [`Authority::sign_crl`]; [`Error::Io`].
    pub fn revoke(
        &mut self,
        serial: &Serial,
        reason: RevocationReason,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let entry = self.index.find(serial);
        let issuer = entry
            .ok_or_else(|| Error::UnknownSerial {
                serial: serial.clone(),
            })?
            .issuer;
        self.authority(issuer)?;
        self.index.revoke(serial, reason, now)?;
        self.sign_crl(issuer, now)
    }

    /// Signs and writes new revocation lists of the issuing CA and, if its key is here, of the
    /// root. To be run before the present ones lapse.
    ///
    /// # Errors
    /// Those of [`Authority::sign_crl`]; [`Error::Io`].
    pub fn sign_crls(&mut self, now: OffsetDateTime) -> Result<(), Error> {
        if self.root.is_some() {
            self.sign_crl(IssuerRole::Root, now)?;
        }
        self.sign_crl(IssuerRole::Intermediate, now)
    }

    fn sign_crl(&mut self, issuer: IssuerRole, now: OffsetDateTime) -> Result<(), Error> {
        let number = self.index.next_crl_number(issuer);
        // Before signing, so that a number is never used twice, whatever happens.
        self.save_index()?;
        let revoked = self.index.revoked_by(issuer);
        let lifetime = self.index.crl_lifetime();
        let list = self
            .authority(issuer)?
            .sign_crl(number, &revoked, now, lifetime)?;
        write_public_file(&self.crl_path(issuer), &list)
    }

    /// The issuing CA.
    #[must_use]
    pub fn intermediate(&self) -> &Authority {
        &self.intermediate
    }

    /// The root, if its key is in the folder.
    #[must_use]
    pub fn root(&self) -> Option<&Authority> {
        self.root.as_ref()
    }

    /// What was issued and revoked.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Where an authority's revocation list (DER) lies.
    #[must_use]
    pub fn crl_path(&self, issuer: IssuerRole) -> PathBuf {
        self.path.join(crl_file(stem(issuer)))
    }

    /// Where an authority's certificate (PEM) lies.
    #[must_use]
    pub fn certificate_path(&self, issuer: IssuerRole) -> PathBuf {
        self.path.join(pem_file(stem(issuer)))
    }

    fn authority(&self, issuer: IssuerRole) -> Result<&Authority, Error> {
        match issuer {
            IssuerRole::Root => self.root.as_ref().ok_or(Error::RootKeyAbsent),
            IssuerRole::Intermediate => Ok(&self.intermediate),
        }
    }

    fn save_index(&self) -> Result<(), Error> {
        let path = self.path.join(INDEX);
        let mut text = serde_json::to_vec_pretty(&self.index).map_err(|source| Error::Index {
            path: path.clone(),
            source,
        })?;
        text.push(b'\n');
        write_public_file(&path, &text)
    }
}

fn new_index(options: &InitOptions) -> Result<Index, Error> {
    if options.crl_lifetime < Duration::SECOND {
        return Err(Error::CrlLifetimeNotAllowed);
    }
    if let Some(community) = &options.community {
        community.parse::<crate::SanUri>()?;
    }
    for url in options
        .crl_base_url
        .iter()
        .chain(&options.certificate_base_url)
    {
        check_publication_url(url)?;
    }
    Ok(Index {
        version: INDEX_VERSION,
        community: options.community.clone(),
        crl_base_url: options.crl_base_url.clone(),
        certificate_base_url: options.certificate_base_url.clone(),
        crl_lifetime_seconds: options.crl_lifetime.whole_seconds(),
        root_crl_number: 0,
        intermediate_crl_number: 0,
        certificates: Vec::new(),
    })
}

fn publication(index: &Index, name: &str) -> Result<Publication, Error> {
    let under = |base: &Option<String>, file: String| {
        base.as_ref()
            .map(|base| format!("{}/{file}", base.trim_end_matches('/')))
    };
    let crl_url = under(&index.crl_base_url, crl_file(name));
    let certificate_url = under(&index.certificate_base_url, cer_file(name));
    Publication::new(crl_url.as_deref(), certificate_url.as_deref())
}

fn load(path: &Path, name: &str, is_root: bool, index: &Index) -> Result<Authority, Error> {
    let key_path = path.join(key_file(name));
    check_private(&key_path)?;
    let key_pem = fs::read_to_string(&key_path)
        .map(Zeroizing::new)
        .map_err(Error::io(key_path))?;
    let certificate_path = path.join(pem_file(name));
    let certificate = fs::read(&certificate_path).map_err(Error::io(certificate_path))?;
    let certificate = pem::parse(certificate)
        .ok()
        .filter(|block| block.tag() == "CERTIFICATE")
        .ok_or(Error::Unreadable {
            what: "CA certificate",
        })?
        .into_contents();
    let private_key = PrivateKey::from_pem(&key_pem)?;
    Authority::from_parts(certificate, private_key, is_root, publication(index, name)?)
}

/// The one writer's lock. It is given back by name, not by closing the file: a process that is just
/// being started holds a copy of it for a moment.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file, which follows, gives it back too.
        let _ = self.0.unlock();
    }
}

fn lock(path: &Path) -> Result<Lock, Error> {
    let lock_path = path.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(Error::io(&lock_path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(Error::Locked {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(Error::io(lock_path)(error)),
    }
}

const fn stem(issuer: IssuerRole) -> &'static str {
    match issuer {
        IssuerRole::Root => ROOT,
        IssuerRole::Intermediate => INTERMEDIATE,
    }
}

fn pem_file(name: &str) -> String {
    format!("{name}.pem")
}

fn key_file(name: &str) -> String {
    format!("{name}.key")
}

fn cer_file(name: &str) -> String {
    format!("{name}.cer")
}

fn crl_file(name: &str) -> String {
    format!("{name}.crl")
}
