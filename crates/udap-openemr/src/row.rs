//! A client's row in OpenEMR's `oauth_clients`.
//!
//! One malformed row breaks OpenEMR's page of API clients for everybody, or every token request of
//! its client. So every value is checked here once more, whatever the rules on metadata let pass.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use udap::key::{Jwk, PublicKey};
use udap::scope::{Scope, ScopeError};
use udap_store::Client;

/// Characters of `client_id`, `client_name` and `grant_types`.
const SHORT_CHARS: usize = 80;

/// Characters of `site_id`.
const SITE_CHARS: usize = 64;

/// Octets of a `text` column.
const TEXT_BYTES: usize = 65_535;

/// Between the elements of a list.
const SEPARATOR: char = '|';

/// Why a client has no row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// A value that must be there is not.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A value is longer than its column.
    #[error("{column} is longer than {limit}")]
    TooLong {
        /// The column.
        column: &'static str,
        /// Its length.
        limit: usize,
    },
    /// A value holds characters that OpenEMR could misread.
    #[error("{0} holds characters that cannot be stored")]
    Characters(&'static str),
    /// An element of a list holds the list's separator.
    #[error("an element of {0} holds the separator")]
    Separator(&'static str),
    /// A URI is not https.
    #[error("{0} is not https")]
    NotHttps(&'static str),
    /// More than one value for a column that OpenEMR reads as one.
    #[error("{0} holds more than one value")]
    TooMany(&'static str),
    /// Not a set of grants that OpenEMR knows.
    #[error("grant_types holds an unknown combination")]
    GrantTypes,
    /// A scope outside OpenEMR's grammar.
    #[error("a scope cannot be stored: {0}")]
    Scope(#[from] ScopeError),
    /// OpenEMR verifies with RSA keys only.
    #[error("the key is not RSA")]
    Key,
}

/// Which key a site's rows hold (design §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowKey {
    /// The app's own: it talks to OpenEMR's token endpoint itself.
    Leaf,
    /// Our gateway's, which signs for the app.
    Gateway(Jwk),
}

/// The value of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnValue<'a> {
    /// NULL.
    Null,
    /// A text.
    Text(&'a str),
    /// A number, or 0 and 1 for no and yes.
    Number(i64),
    /// A `datetime`. OpenEMR's is in its own time zone.
    Time(OffsetDateTime),
}

/// A column with its value.
pub type Column<'a> = (&'static str, ColumnValue<'a>);

/// A checked row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRow {
    client_id: String,
    site_id: String,
    register_date: OffsetDateTime,
    client_name: String,
    contacts: String,
    redirect_uri: String,
    grant_types: String,
    scope: String,
    jwks: String,
    policy_uri: Option<String>,
    tos_uri: Option<String>,
    initiate_login_uri: Option<String>,
    logout_redirect_uris: Option<String>,
    is_enabled: bool,
}

impl ClientRow {
    /// Makes the row of a client.
    ///
    /// # Errors
    /// If a value does not fit its column or OpenEMR's ways of reading it.
    pub fn new(client: &Client, key: &RowKey) -> Result<Self, RowError> {
        let metadata = &client.metadata;
        let grants = texts(metadata, "grant_types");
        let grant_types = grant_types(&grants)?;
        let redirect_uris = texts(metadata, "redirect_uris");
        let redirect_uri = if grants.contains(&"client_credentials") {
            if !redirect_uris.is_empty() {
                return Err(RowError::TooMany("redirect_uri"));
            }
            harmless_uri(client)
        } else {
            redirect_uri(&redirect_uris)?
        };
        Ok(Self {
            client_id: client_id(&client.client_id)?,
            site_id: short(&client.site, "site_id", SITE_CHARS)?,
            register_date: client.now,
            client_name: short(
                text(metadata, "client_name").unwrap_or_default(),
                "client_name",
                SHORT_CHARS,
            )?,
            contacts: list(&texts(metadata, "contacts"), "contacts")?,
            redirect_uri,
            grant_types,
            scope: scope(text(metadata, "scope").unwrap_or_default())?,
            jwks: jwks(key, &client.key)?,
            policy_uri: uri(text(metadata, "policy_uri"), "policy_uri")?,
            tos_uri: uri(text(metadata, "tos_uri"), "tos_uri")?,
            initiate_login_uri: initiate_login_uri(metadata)?,
            logout_redirect_uris: logout_redirect_uri(metadata)?,
            is_enabled: client.enabled,
        })
    }

    /// The client's id.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The app's name.
    #[must_use]
    pub fn client_name(&self) -> &str {
        &self.client_name
    }

    /// All 25 columns of OpenEMR 7.0.3 and later, in its order. Earlier versions lack the last two.
    #[must_use]
    pub fn insert_columns<'a>(&'a self, secret: &'a crate::ClientSecret) -> [Column<'a>; 25] {
        use ColumnValue::{Null, Number, Text, Time};
        [
            ("client_id", Text(&self.client_id)),
            ("client_role", Text("user")),
            ("client_name", Text(&self.client_name)),
            ("client_secret", Text(secret.as_str())),
            // RFC 7592 is not offered (D24).
            ("registration_token", Null),
            ("registration_uri_path", Null),
            ("register_date", Time(self.register_date)),
            ("revoke_date", Null),
            ("contacts", Text(&self.contacts)),
            ("redirect_uri", Text(&self.redirect_uri)),
            ("grant_types", Text(&self.grant_types)),
            ("scope", Text(&self.scope)),
            ("user_id", Null),
            ("site_id", Text(&self.site_id)),
            // Otherwise codes would be redeemed without an assertion.
            ("is_confidential", Number(1)),
            (
                "logout_redirect_uris",
                optional(self.logout_redirect_uris.as_deref()),
            ),
            // It would win over jwks.
            ("jwks_uri", Null),
            ("jwks", Text(&self.jwks)),
            (
                "initiate_login_uri",
                optional(self.initiate_login_uri.as_deref()),
            ),
            ("endorsements", Null),
            ("policy_uri", optional(self.policy_uri.as_deref())),
            ("tos_uri", optional(self.tos_uri.as_deref())),
            ("is_enabled", Number(i64::from(self.is_enabled))),
            ("skip_ehr_launch_authorization_flow", Number(0)),
            // The column's default is 1.
            ("dsi_type", Number(0)),
        ]
    }

    /// The columns that a modification replaces (D02).
    #[must_use]
    pub fn update_columns(&self) -> [Column<'_>; 13] {
        use ColumnValue::{Null, Number, Text};
        [
            ("client_name", Text(&self.client_name)),
            ("revoke_date", Null),
            ("contacts", Text(&self.contacts)),
            ("redirect_uri", Text(&self.redirect_uri)),
            ("grant_types", Text(&self.grant_types)),
            ("scope", Text(&self.scope)),
            (
                "logout_redirect_uris",
                optional(self.logout_redirect_uris.as_deref()),
            ),
            ("jwks_uri", Null),
            ("jwks", Text(&self.jwks)),
            (
                "initiate_login_uri",
                optional(self.initiate_login_uri.as_deref()),
            ),
            ("policy_uri", optional(self.policy_uri.as_deref())),
            ("tos_uri", optional(self.tos_uri.as_deref())),
            ("is_enabled", Number(i64::from(self.is_enabled))),
        ]
    }
}

fn optional(text: Option<&str>) -> ColumnValue<'_> {
    text.map_or(ColumnValue::Null, ColumnValue::Text)
}

fn text<'a>(metadata: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    metadata.get(name).and_then(Value::as_str)
}

fn texts<'a>(metadata: &'a Map<String, Value>, name: &str) -> Vec<&'a str> {
    metadata
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// OpenEMR's admin pages put the id into a path.
fn client_id(id: &str) -> Result<String, RowError> {
    let column = "client_id";
    let id = short(id, column, SHORT_CHARS)?;
    if id
        .bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    {
        Ok(id)
    } else {
        Err(RowError::Characters(column))
    }
}

fn short(value: &str, column: &'static str, limit: usize) -> Result<String, RowError> {
    if value.is_empty() {
        return Err(RowError::Empty(column));
    }
    if value.chars().count() > limit {
        return Err(RowError::TooLong { column, limit });
    }
    if value.chars().any(char::is_control) {
        return Err(RowError::Characters(column));
    }
    Ok(value.to_owned())
}

/// Printable ASCII without spaces: what URIs consist of, and every schema's charset holds.
fn is_plain(value: &str) -> bool {
    value.bytes().all(|octet| octet.is_ascii_graphic())
}

fn fits(value: String, column: &'static str) -> Result<String, RowError> {
    if value.len() > TEXT_BYTES {
        return Err(RowError::TooLong {
            column,
            limit: TEXT_BYTES,
        });
    }
    Ok(value)
}

fn list(elements: &[&str], column: &'static str) -> Result<String, RowError> {
    for element in elements {
        if element.is_empty() {
            return Err(RowError::Empty(column));
        }
        if !is_plain(element) {
            return Err(RowError::Characters(column));
        }
        if element.contains(SEPARATOR) {
            return Err(RowError::Separator(column));
        }
    }
    fits(elements.join("|"), column)
}

fn grant_types(grants: &[&str]) -> Result<String, RowError> {
    match grants {
        ["client_credentials"]
        | ["authorization_code"]
        | ["authorization_code", "refresh_token"] => Ok(grants.join("|")),
        ["refresh_token", "authorization_code"] => {
            Ok("authorization_code|refresh_token".to_owned())
        }
        _ => Err(RowError::GrantTypes),
    }
}

fn redirect_uri(uris: &[&str]) -> Result<String, RowError> {
    let column = "redirect_uri";
    if uris.is_empty() {
        return Err(RowError::Empty(column));
    }
    if !uris.iter().all(|uri| is_https(uri)) {
        return Err(RowError::NotHttps(column));
    }
    if uris.iter().any(|uri| uri.contains('#')) {
        return Err(RowError::Characters(column));
    }
    list(uris, column)
}

/// NULL breaks OpenEMR, so a client without redirection has a URI of its own, or an empty text.
fn harmless_uri(client: &Client) -> String {
    text(&client.metadata, "client_uri")
        .into_iter()
        .chain([client.client_uri.as_str()])
        .find(|uri| redirect_uri(&[uri]).is_ok())
        .unwrap_or_default()
        .to_owned()
}

fn is_https(uri: &str) -> bool {
    uri.get(..8)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

fn scope(scopes: &str) -> Result<String, RowError> {
    let column = "scope";
    if scopes.is_empty() {
        return Err(RowError::Empty(column));
    }
    // An empty element, that is a double space, would break every token request of the client.
    for scope in scopes.split(' ') {
        scope.parse::<Scope>()?;
    }
    fits(scopes.to_owned(), column)
}

fn uri(uri: Option<&str>, column: &'static str) -> Result<Option<String>, RowError> {
    match uri {
        None => Ok(None),
        Some("") => Err(RowError::Empty(column)),
        Some(uri) if !is_plain(uri) => Err(RowError::Characters(column)),
        Some(uri) => fits(uri.to_owned(), column).map(Some),
    }
}

/// OpenEMR appends `?launch=…` as it stands.
fn initiate_login_uri(metadata: &Map<String, Value>) -> Result<Option<String>, RowError> {
    let column = "initiate_login_uri";
    match text(metadata, column) {
        Some(text) if !is_https(text) => Err(RowError::NotHttps(column)),
        Some(text) if text.contains(['?', '#']) => Err(RowError::Characters(column)),
        text => uri(text, column),
    }
}

/// OpenEMR compares the whole column: only one value is of use.
fn logout_redirect_uri(metadata: &Map<String, Value>) -> Result<Option<String>, RowError> {
    let column = "logout_redirect_uris";
    match texts(metadata, "post_logout_redirect_uris").as_slice() {
        [] => Ok(None),
        [one] if !is_https(one) => Err(RowError::NotHttps(column)),
        [one] if one.contains(SEPARATOR) => Err(RowError::Separator(column)),
        [one] => uri(Some(one), column),
        _ => Err(RowError::TooMany(column)),
    }
}

/// The thumbprint of the key that OpenEMR verifies with: the first RSA key of `jwks`, whatever the
/// `kid`s say. None if there is none, or if `jwks_uri` names another place, which wins.
pub(crate) fn kid(jwks_uri: Option<&str>, jwks: Option<&str>) -> Option<String> {
    if jwks_uri.is_some_and(|uri| !uri.is_empty()) {
        return None;
    }
    let set: Value = serde_json::from_str(jwks?).ok()?;
    set.get("keys")?.as_array()?.iter().find_map(|key| {
        let text = |name: &str| key.get(name)?.as_str().map(str::to_owned);
        if text("kty")? != "RSA" {
            return None;
        }
        let (e, n) = (text("e")?, text("n")?);
        Some(Jwk::Rsa { e, n }.thumbprint())
    })
}

/// The thumbprint of the key that a row is to hold.
pub(crate) fn wanted_kid(key: &RowKey, leaf: &PublicKey) -> Result<String, RowError> {
    match jwk(key, leaf) {
        jwk @ Jwk::Rsa { .. } => Ok(jwk.thumbprint()),
        Jwk::Ec { .. } => Err(RowError::Key),
    }
}

fn jwk<'a>(key: &'a RowKey, leaf: &'a PublicKey) -> &'a Jwk {
    match key {
        RowKey::Leaf => leaf.jwk(),
        RowKey::Gateway(jwk) => jwk,
    }
}

/// One RSA key: OpenEMR takes the first of the set, whatever the `kid`.
pub(crate) fn jwks(key: &RowKey, leaf: &PublicKey) -> Result<String, RowError> {
    let jwk = jwk(key, leaf);
    let Jwk::Rsa { e, n } = jwk else {
        return Err(RowError::Key);
    };
    Ok(json!({
        "keys": [{
            "kty": "RSA",
            "use": "sig",
            "alg": "RS384",
            "kid": jwk.thumbprint(),
            "n": n,
            "e": e,
        }]
    })
    .to_string())
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
