//! A stand-in for OpenEMR: its token endpoint, its page of clients, a FHIR read and its discovery
//! documents, over a database that holds its tables.
//!
//! It behaves as complete OpenEMRs were seen to: RS384 only, with the first RSA key of a row whatever
//! the `kid`; a row that it cannot read ends in 500, and takes the page of all clients with it.

mod assertion;
mod client;
mod scope;
mod token;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use sqlx::MySqlPool;

use client::StoredClient;
use token::Code;

/// What differs between versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// As 7.0.3.3: SMART v1 scopes, assertions are looked at for client_credentials alone.
    V7_0_3,
    /// As 8.0 and 8.1.1.
    V8,
}

/// A running stand-in.
#[derive(Debug)]
pub struct StandIn {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    behaviour: Behaviour,
    base: String,
    pool: MySqlPool,
    codes: Mutex<HashMap<String, Code>>,
    /// With the scope of each.
    refresh_tokens: Mutex<HashMap<String, String>>,
    requests: Mutex<Vec<String>>,
}

impl StandIn {
    /// Starts one for the site `default` on the tables that a pool is connected to.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(behaviour: Behaviour, pool: MySqlPool) -> Self {
        Self::start_as(behaviour, pool, None).await
    }

    /// The same behind a proxy: `site_address` is what OpenEMR's `site_addr_oath` says, scheme, host
    /// and port.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start_as(
        behaviour: Behaviour,
        pool: MySqlPool,
        site_address: Option<&str>,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let shared = Arc::new(Shared {
            behaviour,
            base: site_address.map_or_else(|| format!("http://{address}"), str::to_owned),
            pool,
            codes: Mutex::default(),
            refresh_tokens: Mutex::default(),
            requests: Mutex::default(),
        });
        let routes = Router::new()
            .route(
                "/oauth2/default/.well-known/openid-configuration",
                get(openid_configuration),
            )
            .route(
                "/apis/default/fhir/.well-known/smart-configuration",
                get(smart_configuration),
            )
            .route("/oauth2/default/token", post(token_request))
            .route("/apis/default/fhir/Patient", get(fhir_read))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, shared }
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.shared.base
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its token endpoint, which assertions are to name.
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        self.shared.token_endpoint()
    }

    /// The FHIR base URL.
    #[must_use]
    pub fn fhir_base_url(&self) -> String {
        format!("{}/apis/default/fhir", self.shared.base)
    }

    /// Bodies of the token requests that came, in their order.
    #[must_use]
    pub fn token_requests(&self) -> Vec<String> {
        let requests = self.shared.requests.lock();
        requests.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the page of API clients shows: every client's id, and whether it is enabled; `None` if one
    /// row breaks the page.
    ///
    /// # Panics
    /// If the database fails.
    pub async fn clients_page(&self) -> Option<Vec<(String, bool)>> {
        let rows = client::all(&self.shared.pool).await;
        rows.into_iter()
            .map(|row| row.map(|client| (client.id, client.is_enabled)).ok())
            .collect()
    }

    /// What a user's login and consent give the app: a code. The error: the status of the page.
    ///
    /// # Errors
    /// If the client is unknown or does not have this redirect URI.
    ///
    /// # Panics
    /// If the database fails.
    pub async fn authorize(
        &self,
        client_id: &str,
        redirect_uri: &str,
        scope: &str,
    ) -> Result<String, u16> {
        let client = StoredClient::find(&self.shared.pool, client_id).await;
        let client = client.map_err(|_| 500_u16)?.ok_or(401_u16)?;
        if !client.redirect_uris.iter().any(|uri| uri == redirect_uri) {
            return Err(401);
        }
        let code = uuid::Uuid::new_v4().to_string();
        let mut codes = self
            .shared
            .codes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        codes.insert(
            code.clone(),
            Code {
                client_id: client.id,
                redirect_uri: redirect_uri.to_owned(),
                scope: scope.to_owned(),
            },
        );
        Ok(code)
    }
}

impl Shared {
    fn note(&self, body: &str) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push(body.to_owned());
    }

    fn token_endpoint(&self) -> String {
        format!("{}/oauth2/default/token", self.base)
    }
}

async fn openid_configuration(State(shared): State<Arc<Shared>>) -> axum::Json<Value> {
    axum::Json(json!({
        "issuer": format!("{}/oauth2/default", shared.base),
        "authorization_endpoint": format!("{}/oauth2/default/authorize", shared.base),
        "token_endpoint": shared.token_endpoint(),
        "scopes_supported": scope::supported(shared.behaviour),
        // Which is not true.
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "RS384"],
    }))
}

/// Its list is nested one array too deep.
async fn smart_configuration(State(shared): State<Arc<Shared>>) -> axum::Json<Value> {
    axum::Json(json!({
        "token_endpoint": shared.token_endpoint(),
        "scopes_supported": [scope::supported(shared.behaviour)],
    }))
}

async fn token_request(State(shared): State<Arc<Shared>>, body: String) -> Response {
    shared.note(&body);
    match token::grant(&shared, &body).await {
        Ok(answer) => (StatusCode::OK, axum::Json(answer)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Asks the database at each request, as OpenEMR does: of the client's row it knows nothing here.
async fn fhir_read(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> StatusCode {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let Some(token) = token else {
        return StatusCode::UNAUTHORIZED;
    };
    token::status(&shared.pool, token).await
}
