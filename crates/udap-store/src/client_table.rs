//! What creates clients: the part that plugs into the store (decisions 31).

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};
use sqlx::{Database, Transaction};
use time::OffsetDateTime;
use udap::key::PublicKey;

/// A client as a table is to hold it.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id.
    pub client_id: String,
    /// The site that it belongs to.
    pub site: String,
    /// The client URI: the URI in its certificate that identifies it.
    pub client_uri: String,
    /// What is registered: the metadata members of the answer (E12), all checked by the rules.
    pub metadata: Map<String, Value>,
    /// The key of its certificate.
    pub key: PublicKey,
    /// Whether it is on.
    pub enabled: bool,
    /// Now.
    pub now: OffsetDateTime,
}

/// What a client's row says about its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// Whether it is on.
    pub enabled: bool,
    /// The RFC 7638 thumbprint of the key that the FHIR server verifies this client's assertions with;
    /// `None`: it has none that it could verify with.
    pub kid: Option<String>,
}

/// Why a client could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientTableError {
    /// It does not fit the table.
    #[error("the client does not fit the table: {0}")]
    Unfit(#[source] Box<dyn Error + Send + Sync>),
    /// A claim does not fit this one table: the app can change it.
    #[error("claim {claim} {message}")]
    UnfitClaim {
        /// The claim.
        claim: &'static str,
        /// What is wrong with it, as the end of a sentence.
        message: &'static str,
    },
    /// The row that was read back differs from the one that was written.
    #[error("column {0} reads back differently from what was written")]
    ReadBack(&'static str),
    /// A row of this id exists already: somebody else's.
    #[error("a row of this client_id exists already")]
    Taken,
    /// The table has another structure than before: the next transaction finds out which.
    #[error("the table's structure has changed")]
    Changed,
    /// There is no such row.
    #[error("the client's row is gone")]
    Gone,
    /// The key that rows hold cannot be had.
    #[error("the key for the clients' rows cannot be had: {0}")]
    Key(#[source] Box<dyn Error + Send + Sync>),
    /// The table's structure could not be made or recognised.
    #[error("the table cannot be prepared: {0}")]
    Prepare(#[source] Box<dyn Error + Send + Sync>),
    /// No random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

/// A site and what creates its clients.
pub struct SiteClients<DB: Database> {
    /// The site's id.
    pub site: String,
    /// Its table of clients.
    pub clients: Arc<dyn ClientTable<DB>>,
}

/// A table of clients in the store's own database server, so that a client and its record are
/// written in one transaction.
///
/// Rows are addressed by `client_id`s that the store gave out: no other row is ever touched (D21).
#[async_trait]
pub trait ClientTable<DB: Database>: Send + Sync {
    /// Makes the table ready, in the transaction that migrates the store's own tables. For a table
    /// of somebody else's there is nothing to do.
    ///
    /// # Errors
    /// If it cannot be made ready.
    async fn prepare(&self, transaction: &mut Transaction<'_, DB>) -> Result<(), ClientTableError> {
        let _ = transaction;
        Ok(())
    }

    /// Inserts a client's row. A row of this id that exists already is an error, never replaced.
    ///
    /// # Errors
    /// If the client does not fit or the database fails.
    async fn create(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client: &Client,
    ) -> Result<(), ClientTableError>;

    /// Replaces everything in a client's row that an earlier statement put there (D02).
    ///
    /// # Errors
    /// If the client does not fit, the row is gone or the database fails.
    async fn update(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client: &Client,
    ) -> Result<(), ClientTableError>;

    /// Locks a client's row and says whether it is on; `None` if it is gone.
    ///
    /// # Errors
    /// If the database fails.
    async fn enabled(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
    ) -> Result<Option<bool>, ClientTableError>;

    /// Switches a client's row on or off. Without a row nothing happens.
    ///
    /// # Errors
    /// If the database fails.
    async fn set_enabled(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
        enabled: bool,
    ) -> Result<(), ClientTableError>;

    /// Switches a client's row off for good and marks it as cancelled; the row stays for the audit
    /// (D15). Without a row nothing happens.
    ///
    /// # Errors
    /// If the database fails.
    async fn cancel(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
        now: OffsetDateTime,
    ) -> Result<(), ClientTableError>;

    /// Whether clients may be switched on with no person looking, as far as the table's owner is
    /// concerned (decisions 14).
    ///
    /// # Errors
    /// If the database fails, or does not say.
    async fn allows_enabling(
        &self,
        transaction: &mut Transaction<'_, DB>,
    ) -> Result<bool, ClientTableError> {
        let _ = transaction;
        Ok(true)
    }

    /// Whether the table could hold a client, as far as that can be told without writing it.
    ///
    /// # Errors
    /// If it does not fit, or the database fails.
    async fn fits(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client: &Client,
    ) -> Result<(), ClientTableError>;

    /// As [`ClientTable::enabled`], for looking only: locks nothing.
    ///
    /// # Errors
    /// If the database fails.
    async fn seen_enabled(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
    ) -> Result<Option<bool>, ClientTableError>;

    /// The id of the client that the FHIR server finds for this one, by whatever comparison its table has;
    /// `None` if it finds none. Locks nothing.
    ///
    /// # Errors
    /// If the database fails.
    async fn found_as(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
    ) -> Result<Option<String>, ClientTableError>;

    /// Locks a client's row and says whether it is on, and with which key the FHIR server verifies;
    /// `None` if it is gone.
    ///
    /// # Errors
    /// If the database fails.
    async fn token_row(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
    ) -> Result<Option<TokenRow>, ClientTableError>;

    /// As [`ClientTable::token_row`], for looking only: locks nothing.
    ///
    /// # Errors
    /// If the database fails.
    async fn seen_token_row(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
    ) -> Result<Option<TokenRow>, ClientTableError>;

    /// The thumbprint of the key that the row of a client whose own key is `leaf` is to hold.
    ///
    /// # Errors
    /// [`ClientTableError::Unfit`] if no row can hold it.
    fn wanted_kid(&self, leaf: &PublicKey) -> Result<String, ClientTableError>;

    /// Puts that key into a client's row, and nothing else. Without a row nothing happens.
    ///
    /// # Errors
    /// [`ClientTableError::Unfit`] if no row can hold it, or the database fails.
    async fn set_key(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
        leaf: &PublicKey,
    ) -> Result<(), ClientTableError>;

    /// Revokes the tokens that the client holds, and what users granted it.
    ///
    /// # Errors
    /// If the database fails.
    async fn revoke_tokens(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
    ) -> Result<(), ClientTableError>;
}
