//! The gateway's keys of all sites: the current one of each, and older ones that rows still carry
//! (decisions 26).
//!
//! In a site's directory `SITE.pem` is the current key, which rows are given, and `SITE.KID.pem` an older
//! one. Instances share the directory. What was read is kept in memory; the current key's file is opened
//! each time, so that one who rotates needs to tell nobody.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use crate::RowKey;
use crate::gateway_key::{
    GatewayKey, GatewayKeyError, at, create_directory, draft, file_name, sync_directory,
};

/// Characters of a `kid`: SHA-256 in base64url.
const KID_CHARS: usize = 43;

/// The gateway's keys, by site.
#[derive(Debug, Default)]
pub struct GatewayKeys(BTreeMap<String, Arc<SiteKeys>>);

impl GatewayKeys {
    /// The keys of these sites, each with its directory. Nothing is read yet.
    pub fn new<S: Into<String>, P: Into<PathBuf>>(sites: impl IntoIterator<Item = (S, P)>) -> Self {
        let sites = sites.into_iter().map(|(site, directory)| {
            let site = site.into();
            let keys = SiteKeys::new(directory, site.clone());
            (site, Arc::new(keys))
        });
        Self(sites.collect())
    }

    /// A site's keys.
    #[must_use]
    pub fn site(&self, site: &str) -> Option<&Arc<SiteKeys>> {
        self.0.get(site)
    }

    /// The key of this `kid`, read anew if it is not known. What keeps it from being read is logged.
    #[must_use]
    pub fn key(&self, site: &str, kid: &str) -> Option<Arc<GatewayKey>> {
        self.site(site)?
            .key(kid)
            .inspect_err(|error| tracing::error!(site, kid, %error, "a gateway key cannot be used"))
            .ok()
            .flatten()
    }
}

/// What tells one version of a file from another. It is replaced, never written over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    inode: u64,
    length: u64,
    modified: Option<SystemTime>,
}

impl Version {
    /// By opening it: on a network's file system that is what brings news.
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = File::open(path)?.metadata()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Ok(Self {
            inode,
            length: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

/// The gateway's keys of one site.
#[derive(Debug)]
pub struct SiteKeys {
    directory: PathBuf,
    site: String,
    current: RwLock<Option<(Version, Arc<GatewayKey>)>>,
    older: RwLock<HashMap<String, Arc<GatewayKey>>>,
}

impl SiteKeys {
    /// The keys of a site in a directory. Nothing is read yet.
    pub fn new(directory: impl Into<PathBuf>, site: impl Into<String>) -> Self {
        Self {
            directory: directory.into(),
            site: site.into(),
            current: RwLock::new(None),
            older: RwLock::new(HashMap::new()),
        }
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The key that rows are given now; `None`: there is none yet.
    ///
    /// # Errors
    /// If it cannot be read, is open to others than its owner, or is no RSA key.
    pub fn current(&self) -> Result<Option<Arc<GatewayKey>>, GatewayKeyError> {
        let path = self.path()?;
        let version = match Version::of(&path) {
            Ok(version) => version,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(&path)(error)),
        };
        let known = self.current.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((known_version, key)) = &*known
            && *known_version == version
        {
            return Ok(Some(Arc::clone(key)));
        }
        drop(known);
        let key = Arc::new(GatewayKey::load(&path)?);
        // If it was replaced in between, the version is that of its predecessor, and it is read once more.
        *self.current.write().unwrap_or_else(PoisonError::into_inner) =
            Some((version, Arc::clone(&key)));
        Ok(Some(key))
    }

    /// The key that rows are given now; it is made if there is none yet. Of instances that start at once,
    /// one makes it and all read the same.
    ///
    /// # Errors
    /// As [`current`](Self::current), or if it cannot be made.
    pub fn current_or_new(&self) -> Result<Arc<GatewayKey>, GatewayKeyError> {
        if let Some(key) = self.current()? {
            return Ok(key);
        }
        GatewayKey::load_or_create(&self.directory, &self.site).map(Arc::new)
    }

    /// The key of this `kid`; `None`: none of the site's has it.
    ///
    /// # Errors
    /// If a file that may hold it cannot be read, or should not be used.
    pub fn key(&self, kid: &str) -> Result<Option<Arc<GatewayKey>>, GatewayKeyError> {
        // It comes from a row, and becomes a file's name.
        if !is_kid(kid) {
            return Ok(None);
        }
        let known = self.current.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = known.as_ref().filter(|(_, key)| key.kid() == kid) {
            return Ok(Some(Arc::clone(key)));
        }
        drop(known);
        let older = self.older.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = older.get(kid) {
            return Ok(Some(Arc::clone(key)));
        }
        drop(older);
        if let Some(key) = self.current()?.filter(|key| key.kid() == kid) {
            return Ok(Some(key));
        }
        let path = self.older_path(kid)?;
        if !path.try_exists().map_err(at(&path))? {
            return Ok(None);
        }
        let key = Arc::new(GatewayKey::load(&path)?);
        if key.kid() != kid {
            return Err(GatewayKeyError::Misnamed(path));
        }
        (self.older.write().unwrap_or_else(PoisonError::into_inner))
            .insert(kid.to_owned(), Arc::clone(&key));
        Ok(Some(key))
    }

    /// The `kid`s of older keys whose files are there, in the order of their names.
    ///
    /// # Errors
    /// If the directory cannot be read, or the current key.
    pub fn older(&self) -> Result<Vec<String>, GatewayKeyError> {
        let current = self.current()?;
        let prefix = format!("{}.", self.site);
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at(&self.directory)(error)),
        };
        let mut older = Vec::new();
        for entry in entries {
            let name = entry.map_err(at(&self.directory))?.file_name();
            let kid = name
                .to_str()
                .and_then(|name| name.strip_prefix(&prefix)?.strip_suffix(".pem"));
            // A rotation that was ended early leaves the current key under both names.
            let kid = kid.filter(|kid| {
                is_kid(kid) && current.as_ref().is_none_or(|current| current.kid() != *kid)
            });
            older.extend(kid.map(str::to_owned));
        }
        older.sort();
        Ok(older)
    }

    /// Makes a new current key. The one before it stays, under its `kid`, for the rows that carry it:
    /// at no moment is there a key in a row whose file is missing.
    ///
    /// Only one may do so at a time: [`lock`](Self::lock).
    ///
    /// # Errors
    /// If files cannot be read or written.
    pub fn replace(&self) -> Result<Arc<GatewayKey>, GatewayKeyError> {
        let path = self.path()?;
        create_directory(&self.directory)?;
        let draft = draft(&self.directory)?;
        let placed = self.put(&draft, &path);
        if placed.is_err() {
            let _ = fs::remove_file(&draft);
        }
        placed?;
        self.current_or_new()
    }

    fn put(&self, draft: &Path, path: &Path) -> Result<(), GatewayKeyError> {
        self.check_owner(draft)?;
        if let Some(current) = self.current()? {
            let older = self.older_path(current.kid())?;
            match fs::hard_link(path, &older) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(at(&older)(error));
                }
                _ => {}
            }
            sync_directory(&self.directory)?;
        }
        fs::rename(draft, path).map_err(at(path))?;
        sync_directory(&self.directory)
    }

    /// Removes an older key, which no row carries any more.
    ///
    /// # Errors
    /// If its file cannot be removed.
    pub fn remove(&self, kid: &str) -> Result<(), GatewayKeyError> {
        let path = self.older_path(kid)?;
        (self.older.write().unwrap_or_else(PoisonError::into_inner)).remove(kid);
        fs::remove_file(&path).map_err(at(&path))?;
        sync_directory(&self.directory)
    }

    /// Keeps others from replacing and removing keys of the site until the file is dropped, or this
    /// process ends; `None`: somebody is at it.
    ///
    /// # Errors
    /// If the directory or the lock's file cannot be made.
    pub fn lock(&self) -> Result<Option<File>, GatewayKeyError> {
        let path = self.directory.join(format!(".{}.lock", self.path_stem()?));
        create_directory(&self.directory)?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(at(&path))?;
        if let Err(error) = self.check_owner(&path) {
            // It would be in the way of those who may.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(at(&path)(error)),
        }
    }

    /// A file of our own must have the owner that the key has: the servers could not read what another
    /// account, such as root, writes for itself alone.
    #[cfg(unix)]
    fn check_owner(&self, own: &Path) -> Result<(), GatewayKeyError> {
        use std::os::unix::fs::MetadataExt;
        let path = self.path()?;
        let Ok(key) = fs::metadata(&path) else {
            return Ok(());
        };
        if key.uid() == fs::metadata(own).map_err(at(own))?.uid() {
            Ok(())
        } else {
            Err(GatewayKeyError::Owner(path))
        }
    }

    #[cfg(not(unix))]
    fn check_owner(&self, _own: &Path) -> Result<(), GatewayKeyError> {
        Ok(())
    }

    fn path_stem(&self) -> Result<&str, GatewayKeyError> {
        file_name(&self.site).map(|_| self.site.as_str())
    }

    fn path(&self) -> Result<PathBuf, GatewayKeyError> {
        Ok(self.directory.join(file_name(&self.site)?))
    }

    fn older_path(&self, kid: &str) -> Result<PathBuf, GatewayKeyError> {
        if !is_kid(kid) {
            return Err(GatewayKeyError::SiteId);
        }
        let stem = self.path_stem()?;
        Ok(self.directory.join(format!("{stem}.{kid}.pem")))
    }
}

fn is_kid(text: &str) -> bool {
    text.len() == KID_CHARS
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
}

/// Where a table of clients has the key from that its rows hold.
#[derive(Clone, Debug)]
pub enum RowKeys {
    /// It is always the same.
    Fixed(RowKey),
    /// The gateway's current one, whichever that is when a row is written.
    Gateway(Arc<SiteKeys>),
}

impl RowKeys {
    /// The key for a row that is written now.
    ///
    /// # Errors
    /// If the gateway's cannot be read, or is gone: a table of clients never makes one.
    pub(crate) fn now(&self) -> Result<RowKey, GatewayKeyError> {
        match self {
            Self::Fixed(key) => Ok(key.clone()),
            Self::Gateway(keys) => match keys.current()? {
                Some(key) => Ok(RowKey::Gateway(key.jwk().clone())),
                None => Err(GatewayKeyError::Missing(keys.path()?)),
            },
        }
    }
}

impl From<RowKey> for RowKeys {
    fn from(key: RowKey) -> Self {
        Self::Fixed(key)
    }
}

impl From<Arc<SiteKeys>> for RowKeys {
    fn from(keys: Arc<SiteKeys>) -> Self {
        Self::Gateway(keys)
    }
}

#[cfg(test)]
#[path = "gateway_keys_tests.rs"]
mod tests;
