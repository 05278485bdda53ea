//! Registrations in memory: one app, and what was recorded.

use std::collections::HashSet;
use std::sync::Mutex;

use async_trait::async_trait;
use udap::certificate::Certificate;
use udap::registry::{RegistryError, RequestContext, TokenRegistry, TokenStanding};
use udap::token::{AuthorizedRequest, TokenClient};
use udap_testkit::TestLeaf;

use super::{APP, ID, KID};

pub(super) const COMMUNITY: &str = "https://example.example.net/udap";

/// What is known, and what has happened; to be set by tests.
pub(crate) struct State {
    pub(crate) client: TokenClient,
    /// The `kid` in the app's row.
    pub(crate) kid: String,
    pub(crate) is_off: bool,
    pub(crate) is_unavailable: bool,
    pub(crate) recorded: Vec<String>,
    pub(crate) revoked: Vec<String>,
    spent: HashSet<String>,
}

pub(crate) struct Registrations(Mutex<State>);

impl Registrations {
    pub(super) fn of(leaf: &TestLeaf) -> Self {
        let texts = |text: &str| text.split(' ').map(str::to_owned).collect();
        Self(Mutex::new(State {
            client: TokenClient {
                client_id: ID.to_owned(),
                site: "default".to_owned(),
                community_uri: COMMUNITY.to_owned(),
                client_uri: APP.to_owned(),
                grant_types: texts("client_credentials"),
                redirect_uris: texts("https://app.example.org/callback"),
                scopes: texts("system/Patient.read system/Observation.rs"),
                certificate: Certificate::from_der(leaf.der()).unwrap(),
            },
            kid: KID.to_owned(),
            is_off: false,
            is_unavailable: false,
            recorded: Vec::new(),
            revoked: Vec::new(),
            spent: HashSet::new(),
        }))
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    fn ask<T>(&self, look: impl FnOnce(&mut State) -> T) -> Result<T, RegistryError> {
        self.with(|state| {
            if state.is_unavailable {
                return Err(RegistryError::Unavailable("gone".into()));
            }
            Ok(look(state))
        })
    }
}

#[async_trait]
impl TokenRegistry for Registrations {
    async fn token_client(&self, client_id: &str) -> Result<Option<TokenClient>, RegistryError> {
        self.ask(|state| (state.client.client_id == client_id).then(|| state.client.clone()))
    }

    async fn is_ours(&self, site: &str, client_id: &str) -> Result<bool, RegistryError> {
        assert_eq!(site, "default");
        let client_id = client_id.trim_end_matches(' ').to_lowercase();
        self.ask(|state| state.client.client_id.to_lowercase() == client_id)
    }

    async fn record_token_request(
        &self,
        request: &AuthorizedRequest,
        _: &RequestContext,
    ) -> Result<TokenStanding, RegistryError> {
        self.ask(|state| {
            if !state.spent.insert(request.jti().to_owned()) {
                return TokenStanding::Replayed;
            }
            if state.is_off {
                return TokenStanding::Off;
            }
            state.recorded.push(request.jti().to_owned());
            TokenStanding::Recorded {
                kid: state.kid.clone(),
            }
        })
    }

    async fn revoke_excess(
        &self,
        client_id: &str,
        _: &RequestContext,
    ) -> Result<(), RegistryError> {
        self.ask(|state| state.revoked.push(client_id.to_owned()))
    }
}
