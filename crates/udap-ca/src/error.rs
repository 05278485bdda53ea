//! Everything that can go wrong in the certificate authority.

use std::path::PathBuf;

use time::OffsetDateTime;

use crate::{KeyAlgorithm, Serial};

/// Why the certificate authority refused or failed.
///
/// No variant carries key material.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A URI cannot stand in a subject alternative name (J02).
    #[error("the URI `{uri}` cannot stand in a certificate: {reason}")]
    InvalidUri {
        /// The URI as given.
        uri: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A host is neither a DNS name nor an IP address.
    #[error("`{host}` is neither a DNS name nor an IP address")]
    InvalidHost {
        /// The host as given.
        host: String,
    },
    /// An address for revocation lists or CA certificates cannot be used (J08).
    #[error("the address `{url}` cannot be published in certificates: {reason}")]
    InvalidPublicationUrl {
        /// The address as given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A subject's name is empty, too long, or holds control characters.
    #[error("the {field} of the subject {reason}")]
    InvalidSubject {
        /// Which part of the name.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A certificate policy is not an object identifier in dotted form.
    #[error("`{oid}` is not an object identifier")]
    InvalidPolicyOid {
        /// The text as given.
        oid: String,
    },
    /// A serial number is not hexadecimal, or has no octet, or more than 20.
    #[error("a serial number is 1 to 20 octets in hexadecimal")]
    InvalidSerial,
    /// An unknown name of a revocation reason.
    #[error("`{name}` is not a revocation reason of RFC 5280 that ends a certificate")]
    InvalidReason {
        /// The text as given.
        name: String,
    },
    /// An unknown name of a key algorithm.
    #[error("`{name}` is not one of rsa2048, rsa3072, rsa4096, p256, p384")]
    UnknownKeyAlgorithm {
        /// The text as given.
        name: String,
    },
    /// A leaf without any subject alternative name (J01).
    #[error("a certificate needs at least one URI or host name")]
    NoSubjectAltName,
    /// The key algorithm does not fit the profile (J04, J07, J09).
    #[error("a {profile} certificate cannot have a {algorithm} key: {reason}")]
    KeyAlgorithmNotAllowed {
        /// The profile's name.
        profile: &'static str,
        /// The algorithm asked for.
        algorithm: KeyAlgorithm,
        /// The rule.
        reason: &'static str,
    },
    /// A validity period of nothing, or beyond the profile's maximum (J07).
    #[error("a {profile} certificate is valid for 1 to {maximum_days} days")]
    LifetimeNotAllowed {
        /// The profile's name.
        profile: &'static str,
        /// The longest period in days.
        maximum_days: i64,
    },
    /// A revocation list would lapse before it begins.
    #[error("a revocation list needs a period of validity above zero")]
    CrlLifetimeNotAllowed,
    /// The URI was issued to another party before (J03).
    #[error(
        "the URI `{uri}` belongs to {party}, who got certificate {serial}; it is never issued to another party"
    )]
    UriBelongsToAnother {
        /// The URI asked for.
        uri: String,
        /// The first holder's subject.
        party: String,
        /// The first holder's certificate.
        serial: Serial,
    },
    /// The URI was issued to the same party before, and nothing says that the holder is the same (J03).
    #[error(
        "the URI `{uri}` was issued before, in certificate {serial}: renew or rekey that one, or confirm that the holder is the same (--same-holder {serial})"
    )]
    UriIssuedBefore {
        /// The URI, as it was issued.
        uri: String,
        /// The latest certificate that names it.
        serial: Serial,
    },
    /// The earlier certificate is another party's (J03).
    #[error("certificate {serial} belongs to {party}, which is another party")]
    NotTheSameHolder {
        /// The earlier certificate.
        serial: Serial,
        /// Its subject.
        party: String,
    },
    /// The key is another party's (J03).
    #[error(
        "the key was certified for another party, in certificate {serial}: a holder's key is its own; make a new one"
    )]
    KeyBelongsToAnother {
        /// The other party's certificate.
        serial: Serial,
    },
    /// The key is one of the authority's own.
    #[error("the key is the certificate authority's own")]
    KeyOfTheAuthority,
    /// The key was disclosed.
    #[error(
        "the key was disclosed: certificate {serial} was revoked for keyCompromise; make a new key"
    )]
    KeyCompromised {
        /// The revoked certificate.
        serial: Serial,
    },
    /// Rekeying with the key that there is.
    #[error("certificate {serial} has this very key: renew it instead, or make a new key")]
    SameKey {
        /// The earlier certificate.
        serial: Serial,
    },
    /// A revoked certificate is not renewed.
    #[error(
        "certificate {serial} is revoked, so it is not renewed; rekey it, if its holder may have another"
    )]
    RevokedNotRenewed {
        /// The certificate.
        serial: Serial,
    },
    /// A CA's certificate is not renewed like a leaf.
    #[error("certificate {serial} is the issuing CA's own: `udap ca renew-ca` renews it")]
    NotALeaf {
        /// The certificate.
        serial: Serial,
    },
    /// A certificate signing request whose signature is not by its own key.
    #[error("the signing request is not signed with its own key, so nobody has proved to hold it")]
    NoProofOfPossession,
    /// The random source gave a serial number that was given out before.
    #[error("the random source repeated serial number {serial}; nothing was issued")]
    SerialRepeated {
        /// The repeated number.
        serial: Serial,
    },
    /// The issuing certificate is not valid at this time.
    #[error("the issuing certificate is valid from {not_before} to {not_after} only")]
    IssuerNotValid {
        /// Begin of its validity.
        not_before: OffsetDateTime,
        /// End of its validity.
        not_after: OffsetDateTime,
    },
    /// The issuing certificate has been revoked.
    #[error("the issuing certificate has been revoked: set up a new authority, in another folder")]
    IssuerRevoked,
    /// No certificate has this serial number.
    #[error(
        "no certificate with serial number {serial} was issued here; `udap ca list` shows which were"
    )]
    UnknownSerial {
        /// The number asked for.
        serial: Serial,
    },
    /// The certificate was revoked before.
    #[error("certificate {serial} is revoked already")]
    AlreadyRevoked {
        /// The certificate.
        serial: Serial,
    },
    /// The folder holds a certificate authority, or a part of one.
    #[error("{} exists: an existing certificate authority is never overwritten", path.display())]
    AlreadyExists {
        /// The file in the way.
        path: PathBuf,
    },
    /// The folder holds no certificate authority.
    #[error("{} holds no certificate authority: `udap ca init` sets one up", path.display())]
    NotInitialised {
        /// The folder.
        path: PathBuf,
    },
    /// Another process is writing.
    #[error("another process is using the certificate authority in {}: try again when it has ended", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A key file can be read by others than its owner.
    #[error("the key file {} can be read by others (chmod 600)", path.display())]
    KeyFileReadable {
        /// The key file.
        path: PathBuf,
    },
    /// The root's key is kept elsewhere, so nothing can be signed with it.
    #[error("the root's key is not in this folder: bring root.key back for this command")]
    RootKeyAbsent,
    /// A certificate and a key do not belong together.
    #[error("the CA certificate and its key do not belong together")]
    KeyMismatch,
    /// A certificate that shall sign certificates is not a CA's.
    #[error(
        "the certificate is not a CA certificate that may sign certificates and revocation lists"
    )]
    NotACa,
    /// The key is encrypted, and no passphrase was given.
    #[error("the key {} is encrypted: its passphrase is needed", path.display())]
    PassphraseNeeded {
        /// The key file.
        path: PathBuf,
    },
    /// The passphrase does not open the key.
    #[error("the passphrase does not open the key")]
    WrongPassphrase,

    /// A PKCS#12 file does not open.
    #[error(
        "the password does not open the PKCS#12 file, or it is damaged, or encrypted in a way that is too old"
    )]
    KeyStoreClosed,
    /// An empty passphrase.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The setting up was interrupted.
    #[error("the certificate authority in {} was not set up to the end; nothing was issued: run `udap ca init` again", path.display())]
    Unfinished {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is of a version before the first release.
    #[error("{} was written by a version before the first release, which this one does not read: set up a new authority in another folder", path.display())]
    OldIndex {
        /// The old index.
        path: PathBuf,
    },
    /// The index was written by a newer version.
    #[error("the index has version {found}, this program knows version {known}")]
    IndexVersion {
        /// The version in the file.
        found: u32,
        /// The version of this program.
        known: u32,
    },
    /// The index cannot be read or written.
    #[error("the index of the certificate authority (ca.db) cannot be used")]
    Index(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// PEM or DER that cannot be read.
    #[error("the {what} cannot be read")]
    Unreadable {
        /// What was expected.
        what: &'static str,
    },
    /// The cryptographic library failed.
    #[error("signing or generating a key failed")]
    Crypto(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file system failed.
    #[error("cannot access {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

impl From<rcgen::Error> for Error {
    fn from(error: rcgen::Error) -> Self {
        Self::Crypto(Box::new(error))
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Index(Box::new(error))
    }
}
