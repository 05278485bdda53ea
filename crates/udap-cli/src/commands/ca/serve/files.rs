//! The files that are served, kept in memory as long as they are the same.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::body::Bytes;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use udap::trust::Crl;

/// A file as it is served.
pub(super) struct Served {
    pub(super) content: Bytes,
    pub(super) media_type: &'static str,
    /// RFC 9110 §8.8.3: changes with every octet.
    pub(super) etag: String,
    /// When a revocation list lapses.
    pub(super) lapses: Option<OffsetDateTime>,
    stamp: (Option<SystemTime>, u64),
}

/// Reads files of one folder when they change.
pub(super) struct Files {
    folder: PathBuf,
    read: Mutex<HashMap<String, Arc<Served>>>,
}

impl Files {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            read: Mutex::default(),
        }
    }

    /// A file by its name, which has to be one of the published ones.
    pub(super) fn get(&self, name: &str) -> io::Result<Arc<Served>> {
        let path = self.folder.join(name);
        let metadata = fs::metadata(&path)?;
        let stamp = (metadata.modified().ok(), metadata.len());
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(served) = read.get(name).filter(|served| served.stamp == stamp) {
            return Ok(Arc::clone(served));
        }
        let content = fs::read(&path)?;
        let is_list = name.ends_with(".crl");
        let lapses = match is_list.then(|| Crl::from_der(&content)) {
            None => None,
            Some(Ok(list)) => list.next_update(),
            Some(Err(error)) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        };
        let served = Arc::new(Served {
            media_type: if is_list {
                "application/pkix-crl"
            } else {
                "application/pkix-cert"
            },
            etag: format!("\"{}\"", hex::encode(Sha256::digest(&content))),
            content: content.into(),
            lapses,
            stamp,
        });
        read.insert(name.to_owned(), Arc::clone(&served));
        Ok(served)
    }
}
