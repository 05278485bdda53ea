//! The audit log on database files: sealed, verified, purged, tampered with.

mod log;
mod sealing;
mod tampering;
