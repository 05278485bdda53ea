//! What a store would make of a statement, found out without doing it: for a dry run.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{Block, RegistryError};
use crate::statement::{ApprovedRegistration, Cancellation, TrustedStatement};

/// The registration that a statement would replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Its client's id, which stays (D02).
    pub client_id: String,
    /// When the id was given out.
    pub issued_at: OffsetDateTime,
}

/// What would come of an approved statement (decisions 12–14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// What it would replace; `None`: the client would be new.
    pub earlier: Option<Earlier>,
    /// Whether the client's row would be on.
    pub enabled: bool,
    /// Whether the FHIR server lets clients be switched on with no person looking.
    pub server_allows: bool,
    /// Whether an administrator switched the row off, or removed it, which lasts.
    pub admin_off: bool,
    /// Whether an administrator's approval covers what is asked for.
    pub approved: bool,
    /// What the audit would tell, in its own words.
    pub facts: Vec<&'static str>,
    /// Whether the client's tokens would be revoked.
    pub tokens_revoked: bool,
}

/// A store that can be asked what it would do. Nothing is written, nothing is locked: what it says
/// holds for the moment.
#[async_trait]
pub trait Foresight: Send + Sync {
    /// The blocks that name the statement's client, or its key (D22).
    ///
    /// # Errors
    /// If the store fails.
    async fn blocks(&self, statement: &TrustedStatement) -> Result<Vec<Block>, RegistryError>;

    /// What [`Registry::apply`](super::Registry::apply) would do, if blocks and the `jti` let it.
    ///
    /// # Errors
    /// If the client does not fit, or the store fails.
    async fn foresee(&self, approved: &ApprovedRegistration) -> Result<Foreseen, RegistryError>;

    /// The client that [`Registry::cancel`](super::Registry::cancel) would end.
    ///
    /// # Errors
    /// If there is no live registration, or the store fails.
    async fn foresee_end(&self, cancellation: &Cancellation) -> Result<Earlier, RegistryError>;
}
