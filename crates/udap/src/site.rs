//! A site: one FHIR server with its own clients and its own registration endpoint.

use crate::algorithm::Algorithm;
use crate::rules::GrantsOffered;

/// How a site's clients get tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenMode {
    /// The app talks to the FHIR server's own token endpoint, which for OpenEMR takes RS384 only:
    /// the client's row holds the app's own key.
    Direct,
    /// Our token endpoint verifies UDAP authentication tokens and forwards: the client's row holds
    /// the gateway's key.
    Gateway,
}

/// One site. Every URL is what the world sees, exactly as configured: never from a `Host` header,
/// and compared octet by octet (A43, B13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The site's name in paths and configuration.
    pub id: String,
    /// The FHIR base URL, without a trailing slash (A28).
    pub fhir_base_url: String,
    /// Where registrations are posted: the only `aud` that is accepted (B13).
    pub registration_endpoint: String,
    /// The authorization endpoint, if there is one (A18).
    pub authorization_endpoint: Option<String>,
    /// The token endpoint that discovery shows (A19).
    pub token_endpoint: String,
    /// How tokens are got.
    pub token_mode: TokenMode,
    /// Concrete scopes that the site's FHIR server knows, in its order.
    pub scopes: Vec<String>,
    /// Whether the FHIR server verifies client assertions when codes are exchanged. Without that
    /// `authorization_code` is neither listed nor registered (decisions 29).
    pub verifies_code_assertions: bool,
    /// Whether codes are exchanged at our token endpoint only with a `code_verifier` (G19).
    pub require_pkce: bool,
}

impl Site {
    /// Algorithms that a software statement may be signed with, RS256 first (decisions 9, 10).
    #[must_use]
    pub fn registration_algorithms(&self) -> &'static [Algorithm] {
        match self.token_mode {
            TokenMode::Direct => &Algorithm::RSA,
            TokenMode::Gateway => &Algorithm::ALL,
        }
    }

    /// Algorithms that a client assertion may be signed with.
    #[must_use]
    pub fn token_algorithms(&self) -> &'static [Algorithm] {
        match self.token_mode {
            TokenMode::Direct => &[Algorithm::Rs384],
            TokenMode::Gateway => &Algorithm::ALL,
        }
    }

    /// The grants that the site offers to a community's apps (decisions 10, 18, 29).
    #[must_use]
    pub fn grants(&self, client_credentials: bool) -> GrantsOffered {
        GrantsOffered {
            authorization_code: self.authorization_endpoint.is_some()
                && self.verifies_code_assertions,
            client_credentials,
        }
    }
}
