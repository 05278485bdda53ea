//! The app's certificates and private key.

use time::OffsetDateTime;
use udap::algorithm::Algorithm;
use udap::certificate::{Certificate, CertificateError};
use udap::jws::{Signer, SignerError};
use udap::key::{KeyError, KeyKind};
use udap::limits;
use zeroize::Zeroizing;

use crate::statement::StatementError;

/// Why certificates and key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The certificate file holds something else.
    #[error("the certificate file cannot be used: {0}")]
    Certificate(#[from] CertificateError),
    /// More certificates than a server has to accept in `x5c` (C04).
    #[error("the certificate file holds {0} certificates, a server accepts {max}", max = limits::X5C_CERTIFICATES)]
    TooMany(usize),
    /// The leaf's key is of a kind or size that no server accepts (C15).
    #[error("the first certificate cannot sign statements: {0}")]
    LeafKey(#[from] KeyError),
    /// The key file holds no private key.
    #[error("the key file holds no private key in PEM")]
    NoKey,
    /// The private key is encrypted.
    #[error(
        "the private key is encrypted; decrypt it first, for example with `openssl pkey -in KEY -out PLAIN`"
    )]
    EncryptedKey,
    /// The algorithm that was asked for does not fit the key (A53).
    #[error("{algorithm} does not fit the key of the certificate; {fitting} does")]
    Algorithm {
        /// What was asked for.
        algorithm: Algorithm,
        /// What the key's kind takes by default.
        fitting: Algorithm,
    },
    /// Key and leaf do not belong together.
    #[error(
        "the private key is not that of the first certificate; the app's own certificate must stand first"
    )]
    NotTheLeafs,
    /// The key could not be used.
    #[error("the private key cannot be used: {0}")]
    Key(SignerError),
}

/// The app's certificate, the certificates of its issuers, and the leaf's private key.
#[derive(Debug)]
pub struct Identity {
    leaf: Certificate,
    chain: Vec<Certificate>,
    signer: Signer,
}

impl Identity {
    /// Reads the contents of a certificate file (PEM, the leaf first; DER of one certificate is
    /// taken too) and of a key file (PEM: PKCS #8, PKCS #1 or SEC 1, not encrypted).
    ///
    /// The algorithm is that of the key: RS256 for RSA, which every server supports (A50), ES256
    /// for P-256, ES384 for P-384.
    ///
    /// # Errors
    /// [`IdentityError`]: either is no such file, or they do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        Self::read(certificates, key, None)
    }

    /// As [`Identity::from_pem`], with an algorithm of choice: RSA keys can do RS384 too.
    ///
    /// # Errors
    /// Those of [`Identity::from_pem`]; [`IdentityError::Algorithm`] if it does not fit the key.
    pub fn from_pem_with(
        certificates: &[u8],
        key: &[u8],
        algorithm: Algorithm,
    ) -> Result<Self, IdentityError> {
        Self::read(certificates, key, Some(algorithm))
    }

    fn read(
        certificates: &[u8],
        key: &[u8],
        algorithm: Option<Algorithm>,
    ) -> Result<Self, IdentityError> {
        let mut chain = Certificate::from_pem_bundle(certificates)?;
        let leaf = chain.first().ok_or(CertificateError::Missing)?.clone();
        // A root at the end says nothing to a server, which has its own (A41).
        chain.retain(|one| *one == leaf || !one.is_self_signed());
        if chain.len() > limits::X5C_CERTIFICATES {
            return Err(IdentityError::TooMany(chain.len()));
        }
        let public = leaf.key()?;
        let fitting = match public.kind() {
            KeyKind::Rsa { .. } => Algorithm::Rs256,
            KeyKind::P256 => Algorithm::Es256,
            KeyKind::P384 => Algorithm::Es384,
        };
        let algorithm = algorithm.unwrap_or(fitting);
        if !algorithm.fits(public) {
            return Err(IdentityError::Algorithm { algorithm, fitting });
        }
        let key = private_key(key)?;
        let signer = Signer::from_pem(algorithm, key.as_bytes(), &chain).map_err(|error| {
            match error {
                // A key of the other kind, or on the other curve, is not the leaf's either.
                SignerError::NotTheCertificates | SignerError::Key => IdentityError::NotTheLeafs,
                other => IdentityError::Key(other),
            }
        })?;
        Ok(Self {
            leaf,
            chain,
            signer,
        })
    }

    /// The app's own certificate.
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// What goes into `x5c`: the leaf, then its issuers, without a root.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The algorithm that it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.signer.algorithm()
    }

    /// What signs.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The client URIs that the certificate allows as `iss`, in its order (B11).
    #[must_use]
    pub fn client_uris(&self) -> &[String] {
        self.leaf.uri_names()
    }

    /// The URI under which it signs at `now`: the chosen one, or else the first that the certificate
    /// names (B11).
    ///
    /// # Errors
    /// [`StatementError::NoClientUri`], [`StatementError::ForeignUri`],
    /// [`StatementError::NotValidNow`].
    pub(crate) fn issuer(
        &self,
        chosen: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<&str, StatementError> {
        let named = self.client_uris();
        let uri = match chosen {
            None => named.first().ok_or(StatementError::NoClientUri)?,
            Some(uri) => {
                let same = named.iter().find(|one| *one == uri);
                same.ok_or_else(|| StatementError::ForeignUri {
                    uri: uri.to_owned(),
                    named: named.to_vec(),
                })?
            }
        };
        if !self.is_valid_at(now) {
            return Err(StatementError::NotValidNow {
                not_before: self.leaf.not_before(),
                not_after: self.leaf.not_after(),
            });
        }
        Ok(uri)
    }

    /// Whether the certificate is valid at `now`.
    #[must_use]
    pub fn is_valid_at(&self, now: OffsetDateTime) -> bool {
        self.leaf.is_valid_at(now)
    }
}

/// The one private key among a file's blocks: OpenSSL puts `EC PARAMETERS` before it, and
/// certificate and key are often kept in one file.
fn private_key(file: &[u8]) -> Result<Zeroizing<String>, IdentityError> {
    let blocks = pem::parse_many(file).map_err(|_| IdentityError::NoKey)?;
    let block = blocks
        .iter()
        .find(|block| block.tag().ends_with("PRIVATE KEY"))
        .ok_or(IdentityError::NoKey)?;
    let encrypted =
        block.tag() == "ENCRYPTED PRIVATE KEY" || block.headers().get("DEK-Info").is_some();
    if encrypted {
        return Err(IdentityError::EncryptedKey);
    }
    Ok(Zeroizing::new(pem::encode(block)))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use udap_testkit::{KeyKind as TestKind, TestCommunity, TestKey};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
    const URI: &str = "https://app.example.org";

    fn parts(kind: TestKind) -> (String, String) {
        let community = TestCommunity::new("example", NOW);
        let leaf = community.leaf(URI).key_kind(kind).build();
        (leaf.chain_pem(), leaf.key().pem().to_string())
    }

    /// Proves: A50, A51, A52, A53
    #[test]
    fn the_algorithm_is_that_of_the_key() {
        for (kind, expected, other) in [
            (TestKind::Rsa2048, Algorithm::Rs256, Algorithm::Es256),
            (TestKind::P256, Algorithm::Es256, Algorithm::Es384),
            (TestKind::P384, Algorithm::Es384, Algorithm::Rs256),
        ] {
            let (chain, key) = parts(kind);
            let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
            assert_eq!(identity.algorithm(), expected);
            assert_eq!(identity.client_uris(), [URI]);
            assert_eq!(
                Identity::from_pem_with(chain.as_bytes(), key.as_bytes(), other).unwrap_err(),
                IdentityError::Algorithm {
                    algorithm: other,
                    fitting: expected
                }
            );
        }
        let (chain, key) = parts(TestKind::Rsa2048);
        let identity =
            Identity::from_pem_with(chain.as_bytes(), key.as_bytes(), Algorithm::Rs384).unwrap();
        assert_eq!(identity.algorithm(), Algorithm::Rs384);
    }

    /// Proves: A40
    #[test]
    fn the_chain_is_the_leaf_and_its_issuer_without_the_root() {
        let community = TestCommunity::new("example", NOW);
        let leaf = community.client(URI);
        let file = format!("{}{}", leaf.chain_pem(), community.root().pem());
        let identity = Identity::from_pem(file.as_bytes(), leaf.key().pem().as_bytes()).unwrap();
        let chain: Vec<&[u8]> = identity.chain().iter().map(Certificate::der).collect();
        assert_eq!(chain, [leaf.der(), community.intermediate().der()]);
    }

    #[test]
    fn key_and_leaf_must_belong_together() {
        let (chain, key) = parts(TestKind::P256);
        for other in [TestKind::P256, TestKind::P384, TestKind::Rsa2048] {
            let stranger = TestKey::generate(other);
            assert_eq!(
                Identity::from_pem(chain.as_bytes(), stranger.pem().as_bytes()).unwrap_err(),
                IdentityError::NotTheLeafs
            );
        }
        let community = TestCommunity::new("example", NOW);
        let leaf = community.client(URI);
        let reversed = format!("{}{}", community.intermediate().pem(), leaf.pem());
        assert!(Identity::from_pem(reversed.as_bytes(), leaf.key().pem().as_bytes()).is_err());
        assert!(Identity::from_pem(chain.as_bytes(), key.as_bytes()).is_ok());
    }

    #[test]
    fn the_key_is_found_among_other_blocks_and_never_read_encrypted() {
        let (chain, key) = parts(TestKind::P256);
        let both = format!("{chain}{key}");
        assert!(Identity::from_pem(both.as_bytes(), both.as_bytes()).is_ok());
        assert_eq!(
            Identity::from_pem(chain.as_bytes(), chain.as_bytes()).unwrap_err(),
            IdentityError::NoKey
        );
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        assert_eq!(
            Identity::from_pem(chain.as_bytes(), encrypted.as_bytes()).unwrap_err(),
            IdentityError::EncryptedKey
        );
        assert_eq!(
            Identity::from_pem(b"", key.as_bytes()).unwrap_err(),
            IdentityError::Certificate(CertificateError::Missing)
        );
    }
}
