//! The certificate authority of a UDAP trust community.
//!
//! Three layers, each usable without the next:
//!
//! * [`Authority`]: a CA certificate with its key, in memory. Issues certificates by the
//!   community's profiles and signs revocation lists. No I/O, no clock.
//! * [`Index`]: what has been issued, to whom, and what has been revoked.
//! * [`CaDirectory`]: root, issuing CA, index and revocation lists in a folder, with every write
//!   atomic and one writer at a time.
//!
//! Beside them: [`SigningRequest`] reads requests, [`export`] writes what other programs read, and
//! [`lint`] says whether a certificate, ours or not, keeps the profile.
//!
//! The profiles are those of the requirement list's section J: see [`profile`].

mod authority;
mod directory;
mod error;
pub mod export;
mod extension;
mod files;
mod index;
mod key;
mod key_store;
pub mod lint;
mod metadata;
mod passphrase;
pub mod profile;
mod revocation;
mod san;
mod serial;
mod signing_request;

pub use authority::{Authority, IssuedCertificate, Publication};
pub use directory::{CaDirectory, InitOptions, published_files};
pub use error::Error;
pub use extension::PolicyOid;
pub use files::{write_new_private_file, write_public_file};
pub use index::{
    CertificateStatus, Earlier, Entry, Filter, Index, IssuerRole, ProfileName, Revocation,
    Settings, Succession,
};
pub use key::{KeyAlgorithm, PrivateKey, PublicKey};
pub use key_store::KeyStore;
pub use metadata::{CheckedMetadata, Renewal};
pub use passphrase::Passphrase;
pub use profile::{LeafProfile, LeafRequest, Subject};
pub use revocation::{RevocationReason, RevokedCertificate};
pub use san::{SanHost, SanUri};
pub use serial::Serial;
pub use signing_request::SigningRequest;
