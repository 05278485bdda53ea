//! The token endpoint.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use sqlx::MySqlPool;
use uuid::Uuid;

use super::client::{StoredClient, Unreadable};
use super::{Behaviour, Shared, assertion, scope};

const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a user's consent gave.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) scope: String,
}

/// Why there is no token.
#[derive(Debug)]
pub(super) enum Refusal {
    /// With the status.
    InvalidClient(u16),
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    Exception,
}

impl From<Unreadable> for Refusal {
    fn from(_: Unreadable) -> Self {
        Self::Exception
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error, text) = match self {
            Self::InvalidClient(status) => {
                (status, "invalid_client", "Client authentication failed")
            }
            Self::InvalidGrant => (
                400,
                "invalid_grant",
                "The provided authorization grant is invalid",
            ),
            Self::InvalidRequest => (400, "invalid_request", "The request is missing a parameter"),
            Self::InvalidScope => (400, "invalid_scope", "The requested scope is invalid"),
            Self::Exception => (500, "server_error", "Unexpected error"),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({"error": error, "error_description": text, "message": text});
        (status, axum::Json(body)).into_response()
    }
}

pub(super) async fn grant(shared: &Shared, body: &str) -> Result<Value, Refusal> {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    match form.get("grant_type").map(String::as_str) {
        Some("client_credentials") => client_credentials(shared, &form).await,
        Some("authorization_code") => authorization_code(shared, &form).await,
        Some("refresh_token") => refresh_token(shared, &form).await,
        _ => Err(Refusal::InvalidRequest),
    }
}

type Form = BTreeMap<String, String>;

fn assertion_of(form: &Form) -> Option<&str> {
    (form.get("client_assertion_type").map(String::as_str) == Some(BEARER))
        .then(|| form.get("client_assertion"))
        .flatten()
        .map(String::as_str)
}

async fn client_credentials(shared: &Shared, form: &Form) -> Result<Value, Refusal> {
    let assertion = assertion_of(form).ok_or(Refusal::InvalidClient(401))?;
    let client = assertion::authenticate(shared, assertion).await?;
    let asked = form.get("scope").map(String::as_str).unwrap_or_default();
    issue(shared, &client, asked, "oe-system", 300).await
}

async fn authorization_code(shared: &Shared, form: &Form) -> Result<Value, Refusal> {
    let code = form.get("code").ok_or(Refusal::InvalidRequest)?;
    let code = shared
        .codes
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(code)
        .ok_or(Refusal::InvalidGrant)?;
    let client = user_app(shared, form).await?;
    let redirect_uri = form.get("redirect_uri").ok_or(Refusal::InvalidRequest)?;
    // As for a client that it does not know.
    if !client.redirect_uris.contains(redirect_uri) {
        return Err(Refusal::InvalidClient(401));
    }
    if client.id != code.client_id || *redirect_uri != code.redirect_uri {
        return Err(Refusal::InvalidGrant);
    }
    issue(shared, &client, &code.scope, "a-user", 3_600).await
}

/// Each is good once, and brings another.
async fn refresh_token(shared: &Shared, form: &Form) -> Result<Value, Refusal> {
    let token = form.get("refresh_token").ok_or(Refusal::InvalidRequest)?;
    let client = user_app(shared, form).await?;
    let spent = sqlx::query(
        "UPDATE api_refresh_token SET revoked = 1 \
         WHERE token = ? AND client_id = ? AND revoked = 0 AND expiry > NOW()",
    );
    let spent = spent.bind(token).bind(&client.id).execute(&shared.pool);
    let scopes = &shared.refresh_tokens;
    let scope = scopes
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(token);
    match (
        spent.await.expect("the database answers").rows_affected(),
        scope,
    ) {
        (1, Some(scope)) => issue(shared, &client, &scope, "a-user", 3_600).await,
        _ => Err(Refusal::InvalidGrant),
    }
}

/// The app that redeems what a user gave it.
async fn user_app(shared: &Shared, form: &Form) -> Result<StoredClient, Refusal> {
    match assertion_of(form) {
        Some(assertion) if shared.behaviour == Behaviour::V8 => {
            assertion::authenticate(shared, assertion).await
        }
        // As old ones do with an assertion, and all before 8.5 without: the id is enough.
        _ => {
            let id = form.get("client_id").ok_or(Refusal::InvalidClient(401))?;
            StoredClient::find(&shared.pool, id)
                .await?
                .filter(|client| client.is_enabled)
                .ok_or(Refusal::InvalidClient(401))
        }
    }
}

async fn issue(
    shared: &Shared,
    client: &StoredClient,
    asked: &str,
    user: &str,
    seconds: i64,
) -> Result<Value, Refusal> {
    let asked: Vec<&str> = asked.split_whitespace().collect();
    if !asked
        .iter()
        .all(|one| scope::is_supported(shared.behaviour, one))
    {
        return Err(Refusal::InvalidScope);
    }
    let granted = scope::finalize(shared.behaviour, &asked, &client.scope)?;
    let token = Uuid::new_v4().to_string();
    for (sql, values) in [
        (
            "INSERT INTO api_token (user_id, token, expiry, client_id, scope) \
             VALUES (?, ?, NOW() + INTERVAL ? SECOND, ?, ?)",
            vec![
                user.to_owned(),
                token.clone(),
                seconds.to_string(),
                client.id.clone(),
                json!(granted).to_string(),
            ],
        ),
        (
            "DELETE FROM oauth_trusted_user WHERE user_id = ? AND client_id = ?",
            vec![user.to_owned(), client.id.clone()],
        ),
        (
            "INSERT INTO oauth_trusted_user (user_id, client_id, scope, session_cache) \
             VALUES (?, ?, ?, '{}')",
            vec![user.to_owned(), client.id.clone(), granted.join(" ")],
        ),
    ] {
        let mut query = sqlx::query(sql);
        for value in values {
            query = query.bind(value);
        }
        query
            .execute(&shared.pool)
            .await
            .expect("the database answers");
    }
    let mut answer = json!({
        "token_type": "Bearer",
        "expires_in": seconds,
        "access_token": token,
        "scope": granted.join(" "),
    });
    if granted.iter().any(|scope| *scope == "offline_access") {
        answer["refresh_token"] =
            json!(refreshable(shared, client, user, &granted.join(" ")).await);
    }
    Ok(answer)
}

/// A refresh token for what was granted.
async fn refreshable(shared: &Shared, client: &StoredClient, user: &str, scope: &str) -> String {
    let token = Uuid::new_v4().to_string();
    let insert = sqlx::query(
        "INSERT INTO api_refresh_token (user_id, client_id, token, expiry) \
         VALUES (?, ?, ?, NOW() + INTERVAL 3 MONTH)",
    );
    let insert = insert.bind(user).bind(&client.id).bind(&token);
    let inserted = insert.execute(&shared.pool).await;
    inserted.expect("the database answers");
    let mut scopes = (shared.refresh_tokens.lock()).unwrap_or_else(PoisonError::into_inner);
    scopes.insert(token.clone(), scope.to_owned());
    token
}

/// Whether a token is good for a read: not revoked, not expired, and its user's grant is there.
pub(super) async fn status(pool: &MySqlPool, token: &str) -> StatusCode {
    let row: Option<(bool, Option<String>, bool)> = sqlx::query_as(
        "SELECT revoked = 1, \
         (SELECT MAX(session_cache) FROM oauth_trusted_user \
          WHERE oauth_trusted_user.client_id = api_token.client_id \
          AND oauth_trusted_user.user_id = api_token.user_id), expiry > NOW() \
         FROM api_token WHERE token = ?",
    )
    .bind(token)
    .fetch_optional(pool)
    .await
    .expect("the database answers");
    match row {
        Some((false, Some(_), true)) => StatusCode::OK,
        Some((false, None, _)) => StatusCode::BAD_REQUEST,
        _ => StatusCode::UNAUTHORIZED,
    }
}
