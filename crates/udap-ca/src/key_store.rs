//! PKCS#12 files (RFC 7292): what is in one, but for the key itself.

use openssl::pkcs12::Pkcs12;

use crate::{Error, Passphrase};

/// What a PKCS#12 file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStore {
    /// Its certificates in DER: that of the key first, if there is one.
    pub certificates: Vec<Vec<u8>>,
    /// Whether there is a private key, and then whether it is that of the first certificate.
    pub key: Option<bool>,
}

impl KeyStore {
    /// Whether the bytes have the form of such a file, whatever is in it.
    #[must_use]
    pub fn is_one(content: &[u8]) -> bool {
        Pkcs12::from_der(content).is_ok()
    }

    /// Opens a file. Without a password only those open that have an empty one.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if it is no such file; [`Error::KeyStoreClosed`] if the password does not
    /// open it.
    pub fn open(content: &[u8], password: Option<&Passphrase>) -> Result<Self, Error> {
        let store = Pkcs12::from_der(content).map_err(|_| Error::Unreadable {
            what: "PKCS#12 file",
        })?;
        let opened = store
            .parse2(password.map_or("", Passphrase::as_str))
            .map_err(|_| Error::KeyStoreClosed)?;
        let key = opened.pkey.as_ref().map(|key| {
            let certificate = opened.cert.as_ref();
            let public = certificate.and_then(|certificate| certificate.public_key().ok());
            public.is_some_and(|public| key.public_eq(&public))
        });
        let others = opened.ca.iter().flatten();
        let certificates = opened.cert.iter().map(|one| one.to_der());
        let certificates = certificates.chain(others.map(|one| one.to_der()));
        Ok(Self {
            certificates: certificates.collect::<Result<_, _>>()?,
            key,
        })
    }
}
