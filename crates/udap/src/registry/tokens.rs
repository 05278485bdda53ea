//! What token requests need of a registry (G06, G08, decisions 12, 26, 27).

use async_trait::async_trait;

use super::{RegistryError, RequestContext};
use crate::token::{AuthorizedRequest, TokenClient};

/// What became of an authorized token request when it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenStanding {
    /// It is recorded and its `jti` spent: it may be forwarded.
    Recorded {
        /// The `kid` (RFC 7638) of the key that the client's row carries, with which the gateway has to
        /// sign. It may be none of the gateway's, if somebody changed the row.
        kid: String,
    },
    /// Its `jti` was used before (G08).
    Replayed,
    /// The app is cancelled, blocked or switched off, its key is blocked, or a certificate of its path
    /// was once seen revoked (decisions 12). Its `jti` is spent.
    Off,
}

/// A registry whose clients get their tokens by a gateway.
#[async_trait]
pub trait TokenRegistry: Send + Sync {
    /// The registration of a `client_id`, `None` unless it is live and its row is on. A look, without a
    /// lock: what it says is looked at again by [`record_token_request`](Self::record_token_request).
    ///
    /// `client_id`s are compared octet by octet, whatever the database's collation does.
    ///
    /// # Errors
    /// If the store fails.
    async fn token_client(&self, client_id: &str) -> Result<Option<TokenClient>, RegistryError>;

    /// Whether the client that a site's FHIR server finds for a `client_id` is one of ours, whatever
    /// became of its registration. The FHIR server's own table decides which one that is: its collation
    /// may fold letter case, accents and spaces at the end (decisions 28).
    ///
    /// # Errors
    /// If the store fails, or the site is none of its own: then it is not known, and nobody may be let
    /// pass.
    async fn is_ours(&self, site: &str, client_id: &str) -> Result<bool, RegistryError>;

    /// Records a request before anything is forwarded, in one transaction: the app's standing is looked
    /// at under lock, the `jti` is spent, a younger certificate takes the place of the registration's
    /// ([`AuthorizedRequest::renews_certificate`]), and the audit has who asked and what for.
    ///
    /// # Errors
    /// If the store fails: then nothing may be forwarded.
    async fn record_token_request(
        &self,
        request: &AuthorizedRequest,
        context: &RequestContext,
    ) -> Result<TokenStanding, RegistryError>;

    /// Revokes all tokens of a client to which the FHIR server gave more than is registered, and
    /// records why (decisions 27).
    ///
    /// # Errors
    /// If the store fails.
    async fn revoke_excess(
        &self,
        client_id: &str,
        context: &RequestContext,
    ) -> Result<(), RegistryError>;
}
