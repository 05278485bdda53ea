//! Rows of `oauth_clients` as OpenEMR reads them.

use serde_json::Value;
use sqlx::mysql::MySqlRow;
use sqlx::{MySqlPool, Row};

/// A row that OpenEMR cannot read: an exception, and a 500.
#[derive(Debug)]
pub(super) struct Unreadable;

/// A client.
#[derive(Debug)]
pub(super) struct StoredClient {
    pub(super) id: String,
    pub(super) is_enabled: bool,
    pub(super) is_confidential: bool,
    pub(super) redirect_uris: Vec<String>,
    pub(super) scope: String,
    jwks: Option<String>,
}

impl StoredClient {
    /// The table compares ids without letter case, the code with.
    pub(super) async fn find(pool: &MySqlPool, id: &str) -> Result<Option<Self>, Unreadable> {
        let row = sqlx::query("SELECT * FROM oauth_clients WHERE client_id = ?")
            .bind(id)
            .fetch_optional(pool)
            .await
            .expect("the database answers");
        let Some(row) = row else { return Ok(None) };
        let client = Self::read(&row)?;
        Ok((client.id == id).then_some(client))
    }

    fn read(row: &MySqlRow) -> Result<Self, Unreadable> {
        let text = |column: &str| row.get::<Option<String>, _>(column);
        let number = |column: &str| row.try_get_unchecked::<i64, _>(column).ok();
        // setRedirectUri(null) throws, and so does setDSIType beyond what it knows.
        let redirect_uri = text("redirect_uri").ok_or(Unreadable)?;
        if number("dsi_type").is_some_and(|kind| kind > 2) {
            return Err(Unreadable);
        }
        Ok(Self {
            id: text("client_id").unwrap_or_default(),
            is_enabled: number("is_enabled") == Some(1),
            is_confidential: number("is_confidential") == Some(1),
            redirect_uris: redirect_uri.split('|').map(str::to_owned).collect(),
            scope: text("scope").unwrap_or_default(),
            jwks: text("jwks").filter(|text| !text.is_empty()),
        })
    }

    /// The first RSA key; `None` if there is none.
    pub(super) fn key(&self) -> Result<Option<(String, String)>, Unreadable> {
        let Some(text) = &self.jwks else {
            return Ok(None);
        };
        let jwks: Value = serde_json::from_str(text).map_err(|_| Unreadable)?;
        let members = jwks.as_object().ok_or(Unreadable)?;
        let keys = members.get("keys").and_then(Value::as_array);
        let key = keys
            .into_iter()
            .flatten()
            .find(|key| key["kty"] == "RSA")
            .and_then(|key| Some((key["n"].as_str()?.to_owned(), key["e"].as_str()?.to_owned())));
        Ok(key)
    }
}

/// All rows, for the page of clients.
pub(super) async fn all(pool: &MySqlPool) -> Vec<Result<StoredClient, Unreadable>> {
    sqlx::query("SELECT * FROM oauth_clients ORDER BY register_date, client_id")
        .fetch_all(pool)
        .await
        .expect("the database answers")
        .iter()
        .map(StoredClient::read)
        .collect()
}
