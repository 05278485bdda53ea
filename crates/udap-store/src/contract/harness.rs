//! What a store's tests lend to the contract.

use std::sync::Arc;

use async_trait::async_trait;
use udap::registry::{Foresight, RecheckRegistry, Registry, TokenRegistry};

use crate::KeyRegistry;

/// A client's row, as far as the contract looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Whether it is on.
    pub enabled: bool,
    /// Its redirect URIs, in the table's own form.
    pub redirect_uri: String,
    /// Its keys.
    pub jwks: String,
}

/// A store under test, and an administrator's hand in its table of clients.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The store. A second call stands for a restart: the same data, nothing kept in memory.
    async fn open(&self) -> Arc<dyn Registry>;

    /// The same store, as re-validation sees it.
    async fn records(&self) -> Arc<dyn RecheckRegistry>;

    /// The same store, as a dry run asks it.
    async fn foresight(&self) -> Arc<dyn Foresight>;

    /// The same store, as a gateway asks it.
    async fn tokens(&self) -> Arc<dyn TokenRegistry>;

    /// The same store, as whoever gives rows another key.
    async fn keys(&self) -> Arc<dyn KeyRegistry>;

    /// A client's row.
    async fn row(&self, client_id: &str) -> Option<Row>;

    /// How many rows there are.
    async fn rows(&self) -> u64;

    /// Switches a row on or off, as an administrator does.
    async fn switch(&self, client_id: &str, enabled: bool);

    /// Replaces the keys in a row, and where they are said to be.
    async fn set_keys(&self, client_id: &str, jwks_uri: Option<&str>, jwks: Option<&str>);

    /// Deletes a row.
    async fn remove(&self, client_id: &str);

    /// Gives the client an access token, a refresh token and a user's grant.
    async fn give_tokens(&self, client_id: &str);

    /// How many of these are still good.
    async fn good_tokens(&self, client_id: &str) -> u64;

    /// From now on every write of a client fails after it was made, or no longer does.
    fn break_clients(&self, broken: bool);

    /// What the last audit event of this kind says, as JSON.
    async fn last_event(&self, kind: &str) -> String;

    /// Octets of the longest audit event of this kind.
    async fn longest_event(&self, kind: &str) -> u64;

    /// How many audit events of this kind there are.
    async fn events(&self, kind: &str) -> u64;
}
