//! A table of clients that fails when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use sqlx::{Database, Transaction};
use time::OffsetDateTime;
use udap::key::PublicKey;

use crate::client_table::{Client, ClientTable, ClientTableError, TokenRow};

/// Writes through to another table, and fails afterwards while the switch is set: the worst moment.
pub struct FaultyClients<DB: Database> {
    /// The table.
    pub clients: Arc<dyn ClientTable<DB>>,
    /// Whether it fails.
    pub broken: Arc<AtomicBool>,
}

impl<DB: Database> FaultyClients<DB> {
    fn outcome(&self) -> Result<(), ClientTableError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(ClientTableError::Unfit("told to fail".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl<DB: Database> ClientTable<DB> for FaultyClients<DB> {
    async fn prepare(&self, transaction: &mut Transaction<'_, DB>) -> Result<(), ClientTableError> {
        self.clients.prepare(transaction).await
    }

    async fn create(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client: &Client,
    ) -> Result<(), ClientTableError> {
        self.clients.create(transaction, client).await?;
        self.outcome()
    }

    async fn update(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client: &Client,
    ) -> Result<(), ClientTableError> {
        self.clients.update(transaction, client).await?;
        self.outcome()
    }

    async fn enabled(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
    ) -> Result<Option<bool>, ClientTableError> {
        self.clients.enabled(transaction, client_id).await
    }

    async fn allows_enabling(
        &self,
        transaction: &mut Transaction<'_, DB>,
    ) -> Result<bool, ClientTableError> {
        self.clients.allows_enabling(transaction).await
    }

    async fn fits(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client: &Client,
    ) -> Result<(), ClientTableError> {
        self.clients.fits(transaction, client).await
    }

    async fn seen_enabled(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
    ) -> Result<Option<bool>, ClientTableError> {
        self.clients.seen_enabled(transaction, client_id).await
    }

    async fn found_as(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
    ) -> Result<Option<String>, ClientTableError> {
        self.clients.found_as(transaction, client_id).await
    }

    async fn set_enabled(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
        enabled: bool,
    ) -> Result<(), ClientTableError> {
        self.clients
            .set_enabled(transaction, client_id, enabled)
            .await?;
        self.outcome()
    }

    async fn cancel(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
        now: OffsetDateTime,
    ) -> Result<(), ClientTableError> {
        self.clients.cancel(transaction, client_id, now).await?;
        self.outcome()
    }

    async fn token_row(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
    ) -> Result<Option<TokenRow>, ClientTableError> {
        self.clients.token_row(transaction, client_id).await
    }

    async fn seen_token_row(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
    ) -> Result<Option<TokenRow>, ClientTableError> {
        self.clients.seen_token_row(transaction, client_id).await
    }

    fn wanted_kid(&self, leaf: &PublicKey) -> Result<String, ClientTableError> {
        self.clients.wanted_kid(leaf)
    }

    async fn set_key(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
        leaf: &PublicKey,
    ) -> Result<(), ClientTableError> {
        self.clients.set_key(transaction, client_id, leaf).await?;
        self.outcome()
    }

    async fn revoke_tokens(
        &self,
        transaction: &mut Transaction<'_, DB>,
        client_id: &str,
    ) -> Result<(), ClientTableError> {
        self.clients.revoke_tokens(transaction, client_id).await?;
        self.outcome()
    }
}
