//! The authority in a folder: files, locks, revocation, and what OpenSSL says of the result.

mod fixture;
mod holders;
mod keys;
mod lists;
mod recovery;
