//! The statements on each of our tables. Their SQL holds to what SQLite, MariaDB and MySQL have in
//! common: no upserts, no RETURNING, every value bound.

pub(crate) mod admin_off;
pub(crate) mod audit_event;
pub(crate) mod audit_log;
pub(crate) mod audit_seal;
pub(crate) mod client_block;
pub(crate) mod crl;
pub(crate) mod expired;
pub(crate) mod gate;
pub(crate) mod lease;
pub(crate) mod live_registration;
pub(crate) mod registration;
pub(crate) mod revoked_certificate;
pub(crate) mod spent_assertion;
pub(crate) mod spent_jti;
pub(crate) mod standing;
pub(crate) mod token_client;
