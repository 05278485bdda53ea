//! OpenEMR's token endpoint: RS384 only, by the key in the row, its own name as the audience, a `jti` once.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::any;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use udap::algorithm::Algorithm;
use udap::jws;
use udap::key::PublicKey;
use udap_testkit::TestKey;
use url::Url;

use super::{BEARER, ID, KID, NOW, OPENEMR};

/// How it takes a request.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    /// Verifies it, and grants what it asks for.
    Honest,
    /// Answers this, whatever it is asked.
    Say(u16, String),
    /// Verifies it, and answers with this in place of the scope that was asked for.
    Grant(Option<&'static str>),
    /// As that, after a second.
    GrantLate(&'static str),
    /// Points elsewhere.
    Redirect,
    /// Says nothing.
    Hang,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) peer: SocketAddr,
}

impl Seen {
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .into_owned()
            .collect()
    }
}

pub(crate) struct OpenEmr {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    key: PublicKey,
    behaviour: Mutex<Behaviour>,
    seen: Mutex<Vec<Seen>>,
    spent: Mutex<HashSet<String>>,
}

impl OpenEmr {
    pub(crate) async fn start(key: &TestKey) -> Self {
        let shared = Arc::new(Shared {
            key: PublicKey::from_spki(key.spki_der()).unwrap(),
            behaviour: Mutex::new(Behaviour::Honest),
            seen: Mutex::default(),
            spent: Mutex::default(),
        });
        let routes = Router::new()
            .fallback(any(token))
            .with_state(Arc::clone(&shared));
        let address = super::serve(routes).await;
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> Url {
        format!("http://{}/oauth2/default/token", self.address)
            .parse()
            .unwrap()
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap() = behaviour;
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }
}

async fn token(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = String::from_utf8(body.to_vec()).unwrap();
    shared.seen.lock().unwrap().push(Seen {
        method,
        query,
        headers,
        body: body.clone(),
        peer,
    });
    let behaviour = shared.behaviour.lock().unwrap().clone();
    let granted = match behaviour {
        Behaviour::Honest => None,
        Behaviour::Grant(scope) => Some(scope),
        Behaviour::GrantLate(scope) => {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some(Some(scope))
        }
        Behaviour::Redirect => return Redirect::temporary("/elsewhere").into_response(),
        Behaviour::Say(status, text) => {
            let kind = [("content-type", "application/json")];
            return (StatusCode::from_u16(status).unwrap(), kind, text).into_response();
        }
        Behaviour::Hang => {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            return StatusCode::OK.into_response();
        }
    };
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    if let Err(why) = authenticate(&shared, &form) {
        let said = json!({"error": "invalid_client", "message": why});
        return (StatusCode::UNAUTHORIZED, axum::Json(said)).into_response();
    }
    let asked = form.get("scope").map_or("openid", String::as_str);
    let mut answer = json!({
        "access_token": "secret-token",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": asked,
    });
    match granted {
        None => {}
        Some(Some(scope)) => answer["scope"] = json!(scope),
        Some(None) => {
            answer.as_object_mut().unwrap().remove("scope");
        }
    }
    axum::Json(answer).into_response()
}

fn authenticate(shared: &Shared, form: &BTreeMap<String, String>) -> Result<(), &'static str> {
    let is = |holds: bool, why| if holds { Ok(()) } else { Err(why) };
    is(
        form.get("client_assertion_type")
            .is_some_and(|kind| kind == BEARER),
        "type",
    )?;
    let assertion = form.get("client_assertion").ok_or("assertion")?;
    let (header, claims) = jws::peek(assertion).map_err(|_| "form")?;
    is(
        Value::from(header) == json!({"alg": "RS384", "kid": KID, "typ": "JWT"}),
        "header",
    )?;
    let (signed, signature) = assertion.rsplit_once('.').ok_or("form")?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "form")?;
    shared
        .key
        .verify_jws(Algorithm::Rs384, signed.as_bytes(), &signature)
        .map_err(|_| "signature")?;
    let jti = claims["jti"].as_str().ok_or("jti")?.to_owned();
    is((1..=100).contains(&jti.len()), "jti")?;
    is(shared.spent.lock().unwrap().insert(jti.clone()), "replay")?;
    let now = NOW.unix_timestamp();
    let expected = json!({
        "iss": ID, "sub": ID, "aud": OPENEMR, "iat": now, "exp": now + 60, "jti": jti,
    });
    is(Value::from(claims) == expected, "claims")
}
