//! Where registrations live: what a store must do, so that any FHIR server can have one.

mod crl_archive;
mod details;
mod foresight;
mod recheck;
mod tokens;

use std::error::Error;
use std::net::IpAddr;

use async_trait::async_trait;
use serde::Serialize;
use time::OffsetDateTime;

pub use crl_archive::{CrlArchive, CrlRecord, CrlVersion};
pub use details::{Block, RegistrationDetails};
pub use foresight::{Earlier, Foreseen, Foresight};
pub use recheck::{CheckResult, LiveRegistration, Position, RecheckRegistry, TrustOff};
pub use tokens::{TokenRegistry, TokenStanding};

use crate::error::Refusal;
use crate::statement::{ApprovedRegistration, Cancellation, TrustedStatement};
use crate::trust::RevokedCertificate;

/// What the registry holds against a trusted statement, before any rule is looked at
/// (decisions 1, 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Clear,
    /// An operator blocked this client, everywhere or here, or its key (D22); or its certificate
    /// was once seen revoked.
    Blocked,
    /// Its `jti` has been used (C24).
    Spent,
}

/// Facts about the request that no statement holds.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The request's correlation id: random, unique. A retry after an unknown commit outcome finds
    /// its own row by it (decisions 3).
    pub request_id: String,
    /// Now.
    pub now: OffsetDateTime,
    /// The remote address, for the audit (C29).
    pub remote_address: Option<IpAddr>,
    /// The `client_id` that a new client gets: at least 128 random bits, base64url (E11).
    pub new_client_id: String,
}

/// A committed registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The client's id.
    pub client_id: String,
    /// When this id was given out.
    pub issued_at: OffsetDateTime,
    /// Whether the client is new (201) or was modified (200; D07, D09).
    pub created: bool,
    /// Whether it is switched on.
    pub enabled: bool,
}

/// A committed cancellation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// The client's id, which is never given out again (D15).
    pub client_id: String,
}

/// Why nothing was committed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The statement's `jti` was used before (C24–C26).
    #[error("the statement has been used before")]
    Replayed,
    /// The client, or its key, is blocked (D22).
    #[error("the client is blocked")]
    Blocked,
    /// There is no live registration to cancel (D14), or no client of the name that an operator
    /// gave.
    #[error("there is no such registration")]
    NotRegistered,
    /// The client does not fit the FHIR server's own table, which holds less than the rules allow.
    #[error("claim {claim} {message}")]
    Unfit {
        /// The claim.
        claim: &'static str,
        /// What is wrong with it, as the end of a sentence.
        message: &'static str,
    },
    /// A certificate on the path of an accepted certification's certifier was once seen revoked
    /// (decisions 12).
    #[error("a certifier's certificate was once seen revoked")]
    CertifierRevoked,
    /// The store cannot be reached, or is too busy: the same request may succeed later.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The store failed, or holds what it should not.
    #[error("the store failed")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

/// A registration as operators see it (decisions 39).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RegistrationSummary {
    /// The client's id.
    pub client_id: String,
    /// The site.
    pub site: String,
    /// The community's URI.
    pub community: String,
    /// The client URI.
    pub client_uri: String,
    /// The name that the app gave itself.
    pub client_name: String,
    /// Where it stands.
    pub status: RegistrationStatus,
    /// Whether the client's row is on.
    pub enabled: bool,
    /// The certificate that it last registered with.
    pub certificate: CertificateSummary,
    /// When its `client_id` was given out.
    #[serde(with = "time::serde::rfc3339")]
    pub registered_at: OffsetDateTime,
    /// When it was last changed by a statement, an operator or a check.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// Why it is off, if it is.
    pub reason: Option<String>,
}

/// A certificate as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateSummary {
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: String,
    /// When it expires.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
}

/// Where a registration stands (decisions 39).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationStatus {
    /// Registered and on.
    Active,
    /// Registered and off.
    Disabled,
    /// Blocked by an operator.
    Blocked,
    /// Being created at a remote server.
    Pending,
    /// Cancelled by the app.
    Cancelled,
}

/// Whom a block is for (decisions 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockScope {
    /// The client URI at its site and in its community.
    Registration,
    /// The client URI at every site, in every community.
    Everywhere,
    /// The key of its current certificate, whoever uses it.
    Key,
}

/// An operator's word on a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorAction {
    /// The client.
    pub client_id: String,
    /// Who says so, for the audit.
    pub operator: String,
    /// Why, for the audit.
    pub reason: Option<String>,
    /// Now.
    pub now: OffsetDateTime,
}

/// Where registrations live.
///
/// Every change is one transaction: the client, the record, the spent `jti` and the audit event
/// are all there, or none is (E27, decisions 3). Only values that have passed every check are
/// taken.
#[async_trait]
pub trait Registry: Send + Sync {
    /// What speaks against a trusted statement: a block before a replay, so that a blocked client
    /// cannot tell by a replay that it is trusted otherwise.
    ///
    /// # Errors
    /// If the store fails.
    async fn standing(
        &self,
        statement: &TrustedStatement,
        now: OffsetDateTime,
    ) -> Result<Standing, RegistryError>;

    /// Creates the client, or replaces everything that an earlier statement of the same site,
    /// community and client URI registered (D01–D09, D16, D20).
    ///
    /// # Errors
    /// If the statement was used before, the client is blocked, or the store fails. Then no client
    /// has changed; a blocked client's `jti` is spent.
    async fn apply(
        &self,
        approved: &ApprovedRegistration,
        context: &RequestContext,
    ) -> Result<Registered, RegistryError>;

    /// Cancels the client and revokes its tokens; its row is kept for the audit (D10–D15). The
    /// `jti` is spent even if there was no registration.
    ///
    /// # Errors
    /// If there is no live registration, the statement was used before, the client is blocked, or
    /// the store fails.
    async fn cancel(
        &self,
        cancellation: &Cancellation,
        context: &RequestContext,
    ) -> Result<Cancelled, RegistryError>;

    /// Spends the `jti` of a statement that was refused after trust, and records why
    /// (decisions 3).
    ///
    /// # Errors
    /// If the statement was used before, or the store fails.
    async fn record_refusal(
        &self,
        statement: &TrustedStatement,
        refusal: &Refusal,
        context: &RequestContext,
    ) -> Result<(), RegistryError>;

    /// Remembers that a certificate was seen revoked: it stays refused, though a later list omits it
    /// (decisions 12).
    ///
    /// # Errors
    /// If the store fails.
    async fn remember_revoked(
        &self,
        revoked: &RevokedCertificate,
        now: OffsetDateTime,
    ) -> Result<(), RegistryError>;

    /// All registrations, oldest first.
    ///
    /// # Errors
    /// If the store fails.
    async fn list(&self) -> Result<Vec<RegistrationSummary>, RegistryError>;

    /// All about the registration of a `client_id`; `None` if there never was one.
    ///
    /// # Errors
    /// If the store fails.
    async fn details(&self, client_id: &str) -> Result<Option<RegistrationDetails>, RegistryError>;

    /// Blocks a client, or its key: it is switched off, its tokens are revoked, and every later
    /// statement is refused (decisions 12).
    ///
    /// # Errors
    /// If there is no such client, or the store fails.
    async fn block(
        &self,
        action: &OperatorAction,
        scope: BlockScope,
    ) -> Result<RegistrationSummary, RegistryError>;

    /// Lifts blocks and an administrator's switch, and approves the client as it now is
    /// (decisions 12).
    ///
    /// # Errors
    /// If there is no such client, or the store fails.
    async fn enable(&self, action: &OperatorAction) -> Result<RegistrationSummary, RegistryError>;

    /// Forgets `jti`s that can no longer be replayed at `now` (C25), and revoked certificates that
    /// have expired. Returns how many `jti`s.
    ///
    /// A request in progress is judged at the time when it came: `now` must lie before that.
    ///
    /// # Errors
    /// If the store fails.
    async fn purge(&self, now: OffsetDateTime) -> Result<u64, RegistryError>;

    /// Whether the store can be written to.
    ///
    /// # Errors
    /// If it cannot.
    async fn ready(&self) -> Result<(), RegistryError>;
}
