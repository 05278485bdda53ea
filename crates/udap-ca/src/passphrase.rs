//! Private keys under a passphrase: PKCS#8 EncryptedPrivateKeyInfo (RFC 5958 §3) with PBES2
//! (RFC 8018 §6.2), as `openssl pkey` reads and writes it.

use std::fmt;

use pkcs8::{
    EncryptedPrivateKeyInfoRef,
    pkcs5::{pbes2, scrypt},
};
use rand::Rng;
use zeroize::Zeroizing;

use crate::Error;

/// The label of an encrypted PKCS#8 key in PEM (RFC 7468 §11).
const LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// The cost of a guess, by OWASP's advice (N = 2^14, r = 8, p = 5). A larger N would take more than
/// the 32 MiB that OpenSSL allows.
const LOG_N: u8 = 14;
const R: u32 = 8;
const P: u32 = 5;

/// What opens an encrypted key. It is wiped from memory when it is dropped, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// A passphrase, character for character but for the end of its line: files end with one.
    ///
    /// # Errors
    /// [`Error::EmptyPassphrase`].
    pub fn new(text: &str) -> Result<Self, Error> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(Error::EmptyPassphrase);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// Whether a key in PEM is encrypted.
pub(crate) fn is_encrypted(pem: &str) -> bool {
    pem.contains(&format!("-----BEGIN {LABEL}-----"))
}

/// Encrypts a PKCS#8 key (DER) and writes it in PEM.
pub(crate) fn encrypt(
    key: &[u8],
    passphrase: &Passphrase,
    rng: &mut impl Rng,
) -> Result<String, Error> {
    let crypto = |error: pkcs8::pkcs5::Error| Error::Crypto(error.to_string().into());
    let cost = scrypt::Params::new(LOG_N, R, P).map_err(|error| Error::Crypto(error.into()))?;
    let (salt, iv): ([u8; 16], [u8; 16]) = (rng.random(), rng.random());
    let scheme = pbes2::Parameters::generate_scrypt_aes256cbc(cost, &salt, iv).map_err(crypto)?;
    let encrypted = scheme.encrypt(passphrase.as_str(), key).map_err(crypto)?;
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: scheme.into(),
        encrypted_data: pkcs8::der::asn1::OctetStringRef::new(&encrypted)
            .map_err(|error| Error::Crypto(error.into()))?,
    };
    let der = pkcs8::der::Encode::to_der(&info).map_err(|error| Error::Crypto(error.into()))?;
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    Ok(pem::encode_config(&pem::Pem::new(LABEL, der), config))
}

/// The PKCS#8 key (DER) within an encrypted one (PEM).
pub(crate) fn decrypt(pem: &str, passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, Error> {
    let unreadable = || Error::Unreadable {
        what: "private key (encrypted PKCS#8 in PEM)",
    };
    let block = pem::parse(pem).map_err(|_| unreadable())?;
    if block.tag() != LABEL {
        return Err(unreadable());
    }
    let info = EncryptedPrivateKeyInfoRef::try_from(block.contents()).map_err(|_| unreadable())?;
    let scheme = info.encryption_algorithm.pbes2().ok_or_else(unreadable)?;
    scheme
        .decrypt(passphrase.as_str(), info.encrypted_data.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| Error::WrongPassphrase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyAlgorithm, PrivateKey};
    use rand::{SeedableRng as _, rngs::StdRng};

    #[test]
    fn an_encrypted_key_is_opened_by_its_passphrase_only() {
        let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let secret = Passphrase::new("correct horse\n").unwrap();
        let pem = key
            .to_encrypted_pem(&secret, &mut StdRng::seed_from_u64(1))
            .unwrap();
        assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        let same = Passphrase::new("correct horse").unwrap();
        let opened = PrivateKey::from_pem_with(&pem, Some(&same)).unwrap();
        assert_eq!(opened.public_key(), key.public_key());
        let other = Passphrase::new("correct horse ").unwrap();
        assert!(matches!(
            PrivateKey::from_pem_with(&pem, Some(&other)),
            Err(Error::WrongPassphrase)
        ));
        assert!(matches!(
            PrivateKey::from_pem_with(&pem, None),
            Err(Error::PassphraseNeeded { .. })
        ));
    }

    #[test]
    fn a_passphrase_is_never_empty_and_never_shown() {
        assert!(matches!(
            Passphrase::new("\r\n"),
            Err(Error::EmptyPassphrase)
        ));
        let secret = Passphrase::new("hunter2").unwrap();
        assert_eq!(format!("{secret:?}"), "Passphrase(…)");
    }
}
