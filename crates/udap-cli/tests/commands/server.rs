//! A small UDAP server for the client commands: signed metadata, and answers as told.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};
use udap::algorithm::Algorithm;
use udap::certificate::Certificate;
use udap::jws::Signer;
use udap_testkit::{CommunityOptions, TestCommunity, TestLeaf};

use crate::ran::{Place, now};

/// A community whose lists and metadata one server on this machine shows.
pub(crate) struct Server {
    pub(crate) base_url: String,
    pub(crate) community: TestCommunity,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    metadata: Mutex<(u16, String)>,
    answer: Mutex<(u16, Value)>,
    requests: Mutex<Vec<Value>>,
    tokens: Mutex<(u16, Value)>,
    forms: Mutex<Vec<BTreeMap<String, String>>>,
    files: Mutex<Vec<(String, Vec<u8>)>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let options = CommunityOptions::new("example").published_at(&format!("{address}/pki"));
        let server = Self {
            base_url: format!("{address}/fhir"),
            community: TestCommunity::with(options, now()),
            shared: Arc::default(),
        };
        server.publish();
        server.sign(|_, _| {});
        let router = router(Arc::clone(&server.shared));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        server
    }

    pub(crate) fn address(&self) -> &str {
        self.base_url.strip_suffix("/fhir").unwrap()
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}/register", self.address())
    }

    /// Shows the community's lists and CA certificates as they are now.
    pub(crate) fn publish(&self) {
        *self.shared.files.lock().unwrap() = self.community.published();
    }

    /// Shows no list and no CA certificate any more.
    pub(crate) fn hide(&self) {
        self.shared.files.lock().unwrap().clear();
    }

    /// Shows metadata, after `change` had its way with the unsigned and the signed part.
    /// Gives the certificate that signed.
    pub(crate) fn sign(&self, change: impl FnOnce(&mut Value, &mut Value)) -> TestLeaf {
        let leaf = self.community.server(&self.base_url);
        let chain = Certificate::from_pem_bundle(leaf.chain_pem().as_bytes()).unwrap();
        let key = leaf.key().pem();
        let signer = Signer::from_pem(Algorithm::Rs256, key.as_bytes(), &chain).unwrap();
        let mut document = json!({
            "udap_versions_supported": ["1"],
            "udap_profiles_supported": ["udap_dcr", "udap_authn", "udap_authz"],
            "udap_authorization_extensions_supported": [],
            "udap_authorization_extensions_required": [],
            "udap_certifications_supported": [],
            "udap_certifications_required": [],
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": ["system/Patient.read"],
            "token_endpoint": format!("{}/token", self.address()),
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
            "registration_endpoint": self.endpoint(),
            "registration_endpoint_jwt_signing_alg_values_supported": ["RS256"],
        });
        let at = now().unix_timestamp();
        let mut claims = json!({
            "iss": self.base_url, "sub": self.base_url,
            "iat": at - 60, "exp": at + 3_600, "jti": "j",
            "token_endpoint": document["token_endpoint"],
            "registration_endpoint": document["registration_endpoint"],
        });
        change(&mut document, &mut claims);
        let claims: &Map<String, Value> = claims.as_object().unwrap();
        document["signed_metadata"] = json!(signer.sign(claims, None).unwrap());
        self.show(200, &document.to_string());
        leaf
    }

    /// What discovery answers.
    pub(crate) fn show(&self, status: u16, body: &str) {
        *self.shared.metadata.lock().unwrap() = (status, body.to_owned());
    }

    /// What registration answers.
    pub(crate) fn answer(&self, status: u16, body: Value) {
        *self.shared.answer.lock().unwrap() = (status, body);
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// What the token endpoint answers.
    pub(crate) fn answer_token(&self, status: u16, body: Value) {
        *self.shared.tokens.lock().unwrap() = (status, body);
    }

    /// The forms that the token endpoint was sent.
    pub(crate) fn forms(&self) -> Vec<BTreeMap<String, String>> {
        self.shared.forms.lock().unwrap().clone()
    }

    /// A folder with the community's root, another root, and an app's certificate and key.
    pub(crate) fn place(&self) -> Place {
        let place = Place::new();
        place.write("root.pem", self.community.root().pem());
        let stranger = TestCommunity::new("stranger", now());
        place.write("stranger.pem", stranger.root().pem());
        let app = self.community.client("https://app.example.org");
        place.write("app.pem", app.chain_pem());
        place.write("app.key", app.key().pem());
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(
            place.path("app.key"),
            std::fs::Permissions::from_mode(0o600),
        )
        .unwrap();
        place
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/fhir/.well-known/udap", get(metadata))
        .route("/register", post(register))
        .route("/token", post(token))
        .fallback(file)
        .with_state(shared)
}

async fn metadata(State(shared): State<Arc<Shared>>) -> Response {
    let (status, body) = shared.metadata.lock().unwrap().clone();
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

async fn register(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    shared
        .requests
        .lock()
        .unwrap()
        .push(serde_json::from_slice(&body).unwrap());
    let (status, body) = shared.answer.lock().unwrap().clone();
    (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
}

async fn token(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let form = url::form_urlencoded::parse(&body).into_owned().collect();
    shared.forms.lock().unwrap().push(form);
    let (status, body) = shared.tokens.lock().unwrap().clone();
    (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
}

async fn file(State(shared): State<Arc<Shared>>, uri: axum::http::Uri) -> Response {
    let files = shared.files.lock().unwrap();
    let name = uri.path().strip_prefix("/pki/").unwrap_or_default();
    match files.iter().find(|(known, _)| known == name) {
        Some((_, content)) => content.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
