//! A registered app, as a registry knows it when a token is asked for.

use crate::certificate::Certificate;

/// A live registration: neither cancelled nor switched off, as far as a look without a lock can tell.
/// What is decided is looked at again when the request is recorded.
#[derive(Clone, Debug)]
pub struct TokenClient {
    /// The client's id.
    pub client_id: String,
    /// The site that it is registered at.
    pub site: String,
    /// Its community's URI.
    pub community_uri: String,
    /// Its client URI, which its certificate must name (G06).
    pub client_uri: String,
    /// `grant_types` as registered.
    pub grant_types: Vec<String>,
    /// `redirect_uris` as registered.
    pub redirect_uris: Vec<String>,
    /// `scope` as registered.
    pub scopes: Vec<String>,
    /// The certificate that it last used.
    pub certificate: Certificate,
}
