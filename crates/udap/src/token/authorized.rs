//! A token request that has passed every check.

use std::sync::Arc;

use time::OffsetDateTime;

use super::assertion::CurrentAssertion;
use super::client::TokenClient;
use super::form::TokenGrant;
use super::scope;
use crate::b2b::B2bExtension;
use crate::certificate::Certificate;
use crate::community::Community;
use crate::site::Site;
use crate::trust::TrustedPath;

/// A token request that has passed every check of the core: the only value that a registry records,
/// and a gateway forwards.
#[derive(Clone, Debug)]
pub struct AuthorizedRequest {
    pub(crate) assertion: CurrentAssertion,
    pub(crate) site: Arc<Site>,
    pub(crate) community: Arc<Community>,
    pub(crate) client: TokenClient,
    pub(crate) path: TrustedPath,
    pub(crate) extension: Option<B2bExtension>,
    pub(crate) scopes: Option<Vec<String>>,
}

impl AuthorizedRequest {
    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The community that trusts the app's certificate.
    #[must_use]
    pub fn community(&self) -> &Community {
        &self.community
    }

    /// The app, as it is registered.
    #[must_use]
    pub fn client(&self) -> &TokenClient {
        &self.client
    }

    /// What is asked for.
    #[must_use]
    pub fn grant(&self) -> &TokenGrant {
        self.assertion.form().grant()
    }

    /// The scopes to ask for, each registered; `None`: those of the code or refresh token.
    #[must_use]
    pub fn scopes(&self) -> Option<&[String]> {
        self.scopes.as_deref()
    }

    /// Whether a `scope` that the FHIR server granted is no more than is registered; where the assertion
    /// itself says `scope`, no more than was asked for (G17, decisions 27). FHIR servers may compare
    /// loosely.
    #[must_use]
    pub fn admits(&self, granted: &str) -> bool {
        let registered = &self.client.scopes;
        let limit = match &self.scopes {
            Some(asked) if self.assertion.claims().contains_key("scope") => asked,
            _ => registered,
        };
        scope::lies_within(limit, granted)
    }

    /// Who asks, and what for.
    #[must_use]
    pub fn extension(&self) -> Option<&B2bExtension> {
        self.extension.as_ref()
    }

    /// `jti`, spent under the client's id.
    #[must_use]
    pub fn jti(&self) -> &str {
        self.assertion.jti()
    }

    /// `exp`: until then, and for the clock skew after it, the `jti` must be remembered.
    #[must_use]
    pub fn expires_at(&self) -> OffsetDateTime {
        self.assertion.expires_at()
    }

    /// The certificate that was used.
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        self.assertion.leaf()
    }

    /// The path to the anchor.
    #[must_use]
    pub fn path(&self) -> &TrustedPath {
        &self.path
    }

    /// Whether the certificate is another than the registration's, and younger: it takes its place
    /// (decisions 27).
    #[must_use]
    pub fn renews_certificate(&self) -> bool {
        let (used, known) = (self.leaf(), &self.client.certificate);
        used.fingerprint() != known.fingerprint() && used.not_before() > known.not_before()
    }
}
