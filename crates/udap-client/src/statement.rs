//! Software statements: what an app asks to be registered with, signed (B10–B33).

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};
use udap::jws::SignerError;
use udap::limits;

use crate::identity::Identity;

/// How long a statement lives: the longest that is allowed (B14).
pub const STATEMENT_LIFETIME: Duration = limits::STATEMENT_LIFETIME;

/// Claims that are the statement's own business and not metadata.
const OWN_CLAIMS: [&str; 7] = ["iss", "sub", "aud", "iat", "exp", "nbf", "jti"];

/// Why a statement cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The certificate has no URI, so it cannot say who the app is (B11).
    #[error(
        "the certificate names no URI in its subject alternative name, so it identifies no app"
    )]
    NoClientUri,
    /// The chosen URI is not one of the certificate's (B11).
    #[error("the certificate does not name the URI `{uri}`; it names {}", .named.join(", "))]
    ForeignUri {
        /// What was chosen.
        uri: String,
        /// What the certificate allows.
        named: Vec<String>,
    },
    /// The certificate is not valid now: every server would refuse it (C11).
    #[error("the certificate is valid from {not_before} to {not_after} only")]
    NotValidNow {
        /// The first instant of its validity.
        not_before: OffsetDateTime,
        /// The last instant of its validity.
        not_after: OffsetDateTime,
    },
    /// The metadata holds a claim that the statement sets by itself.
    #[error("the metadata holds `{0}`, which each statement sets by itself; remove it there")]
    OwnClaim(String),
    /// The metadata file is no JSON object.
    #[error("the metadata cannot be read: {0}")]
    Json(#[from] udap::json::JsonError),
    /// Signing failed.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// What is to be registered. Every method replaces what was said before, except those for one
/// entry of a list, which add to it.
#[derive(Clone, Debug)]
pub struct StatementRequest {
    audience: String,
    client_uri: Option<String>,
    metadata: Map<String, Value>,
}

impl StatementRequest {
    /// A statement for a server's registration endpoint, exactly as discovery shows it (B13).
    #[must_use]
    pub fn new(registration_endpoint: &str) -> Self {
        let mut metadata = Map::new();
        metadata.insert(
            "token_endpoint_auth_method".to_owned(),
            json!("private_key_jwt"),
        );
        Self {
            audience: registration_endpoint.to_owned(),
            client_uri: None,
            metadata,
        }
    }

    /// A statement that cancels the registration: an empty list of grant types, and nothing else
    /// (D10).
    #[must_use]
    pub fn cancellation(registration_endpoint: &str) -> Self {
        let mut metadata = Map::new();
        metadata.insert("grant_types".to_owned(), json!([]));
        Self {
            audience: registration_endpoint.to_owned(),
            client_uri: None,
            metadata,
        }
    }

    /// Chooses one of the certificate's URIs as the app's identity; otherwise it is the first
    /// (B11).
    #[must_use]
    pub fn client_identity(mut self, uri: &str) -> Self {
        self.client_uri = Some(uri.to_owned());
        self
    }

    /// Takes over all members of a JSON object with metadata, in place of what is there. Members
    /// that are null are left out.
    ///
    /// # Errors
    /// [`StatementError::Json`] if it is no object or repeats a key;
    /// [`StatementError::OwnClaim`].
    pub fn metadata_json(mut self, text: &[u8]) -> Result<Self, StatementError> {
        for (name, value) in udap::json::object(text)? {
            if OWN_CLAIMS.contains(&name.as_str()) {
                return Err(StatementError::OwnClaim(name));
            }
            self.metadata.insert(name, value);
        }
        Ok(self)
    }

    /// Any other member of the metadata (B33). The claims that the statement sets by itself
    /// (`iss`, `sub`, `aud`, `iat`, `exp`, `jti`) are not touched by it.
    #[must_use]
    pub fn member(mut self, name: &str, value: Value) -> Self {
        self.metadata.insert(name.to_owned(), value);
        self
    }

    /// The app's name (B20).
    #[must_use]
    pub fn client_name(self, name: &str) -> Self {
        self.text("client_name", name)
    }

    /// One grant type more (B21).
    #[must_use]
    pub fn grant_type(self, grant_type: &str) -> Self {
        self.entry("grant_types", grant_type)
    }

    /// An app that acts for itself (B22).
    #[must_use]
    pub fn client_credentials(self) -> Self {
        self.grant_type("client_credentials")
    }

    /// An app with users (B22, B25).
    #[must_use]
    pub fn authorization_code<'a>(self, redirect_uris: impl IntoIterator<Item = &'a str>) -> Self {
        redirect_uris
            .into_iter()
            .fold(self.grant_type("authorization_code"), Self::redirect_uri)
    }

    /// One redirect URI more (B25–B27).
    #[must_use]
    pub fn redirect_uri(self, uri: &str) -> Self {
        self.entry("redirect_uris", uri)
    }

    /// One contact more, as a URI: `mailto:…` (B28).
    #[must_use]
    pub fn contact(self, uri: &str) -> Self {
        self.entry("contacts", uri)
    }

    /// The app's logo (B29).
    #[must_use]
    pub fn logo_uri(self, uri: &str) -> Self {
        self.text("logo_uri", uri)
    }

    /// The scopes, separated by spaces (B32).
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        self.text("scope", scope)
    }

    /// The app's home page (B34).
    #[must_use]
    pub fn client_uri(self, uri: &str) -> Self {
        self.text("client_uri", uri)
    }

    /// The app's terms of service (B34).
    #[must_use]
    pub fn tos_uri(self, uri: &str) -> Self {
        self.text("tos_uri", uri)
    }

    /// The app's privacy policy (B34).
    #[must_use]
    pub fn policy_uri(self, uri: &str) -> Self {
        self.text("policy_uri", uri)
    }

    /// The claims of the statement that `identity` would sign at `now`.
    ///
    /// # Errors
    /// [`StatementError::NoClientUri`], [`StatementError::ForeignUri`],
    /// [`StatementError::NotValidNow`].
    pub fn claims(
        &self,
        identity: &Identity,
        now: OffsetDateTime,
        jti: &str,
    ) -> Result<Map<String, Value>, StatementError> {
        let client_uri = identity.issuer(self.client_uri.as_deref(), now)?;
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        claim("iss", json!(client_uri));
        claim("sub", json!(client_uri));
        claim("aud", json!(self.audience));
        claim("iat", json!(now.unix_timestamp()));
        claim("exp", json!((now + STATEMENT_LIFETIME).unix_timestamp()));
        claim("jti", json!(jti));
        for (name, value) in self.metadata() {
            claim(&name, value);
        }
        Ok(claims)
    }

    /// The claims about the app, without those that the statement sets by itself: what the rules on
    /// client metadata are about (B20–B46).
    #[must_use]
    pub fn metadata(&self) -> Map<String, Value> {
        let mut metadata = self.metadata.clone();
        metadata.retain(|name, _| !OWN_CLAIMS.contains(&name.as_str()));
        if self.asks_for_codes() && !metadata.contains_key("response_types") {
            metadata.insert("response_types".to_owned(), json!(["code"]));
        }
        metadata
    }

    /// Signs the statement: a compact JWS with `alg` and `x5c` (B10).
    ///
    /// # Errors
    /// Those of [`StatementRequest::claims`]; [`StatementError::Signer`].
    pub fn sign(
        &self,
        identity: &Identity,
        now: OffsetDateTime,
        jti: &str,
    ) -> Result<String, StatementError> {
        let claims = self.claims(identity, now, jti)?;
        Ok(identity.signer().sign(&claims, None)?)
    }

    /// Whether response types are due (B30).
    fn asks_for_codes(&self) -> bool {
        self.metadata
            .get("grant_types")
            .and_then(Value::as_array)
            .is_some_and(|types| types.iter().any(|one| one == "authorization_code"))
    }

    fn text(self, name: &str, value: &str) -> Self {
        self.member(name, json!(value))
    }

    fn entry(mut self, name: &str, value: &str) -> Self {
        match self.metadata.get_mut(name) {
            Some(Value::Array(entries)) => entries.push(json!(value)),
            _ => {
                self.metadata.insert(name.to_owned(), json!([value]));
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;
    use udap::algorithm::Algorithm;
    use udap_testkit::TestCommunity;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00:00.75 UTC);
    const ENDPOINT: &str = "https://emr.example.org/udap/default/register";
    const URI: &str = "https://app.example.org";

    fn identity() -> Identity {
        let leaf = TestCommunity::new("example", NOW).client(URI);
        Identity::from_pem(leaf.chain_pem().as_bytes(), leaf.key().pem().as_bytes()).unwrap()
    }

    /// Proves: B10, B11, B12, B13, B14, B16, B17, B30, B31
    #[test]
    fn a_statement_carries_the_claims_that_the_ig_asks_for() {
        let identity = identity();
        let statement = StatementRequest::new(ENDPOINT)
            .client_name("Example App")
            .authorization_code(["https://app.example.org/a", "https://app.example.org/b"])
            .grant_type("refresh_token")
            .contact("mailto:ops@app.example.org")
            .logo_uri("https://app.example.org/logo.png")
            .scope("patient/*.read")
            .sign(&identity, NOW, "the-jti")
            .unwrap();
        let verified = udap::jws::verify(&statement, &Algorithm::ALL).unwrap();
        assert_eq!(verified.x5c().leaf(), identity.leaf());
        let iat = NOW.unix_timestamp();
        assert_eq!(
            Value::Object(verified.payload().clone()),
            json!({
                "iss": URI, "sub": URI, "aud": ENDPOINT,
                "iat": iat, "exp": iat + 300, "jti": "the-jti",
                "token_endpoint_auth_method": "private_key_jwt",
                "client_name": "Example App",
                "grant_types": ["authorization_code", "refresh_token"],
                "redirect_uris": ["https://app.example.org/a", "https://app.example.org/b"],
                "contacts": ["mailto:ops@app.example.org"],
                "logo_uri": "https://app.example.org/logo.png",
                "scope": "patient/*.read",
                "response_types": ["code"],
            })
        );
    }

    /// Proves: B30, D10
    #[test]
    fn response_types_are_left_out_unless_codes_are_asked_for() {
        let claims = |request: StatementRequest| request.claims(&identity(), NOW, "j").unwrap();
        let service = claims(StatementRequest::new(ENDPOINT).client_credentials());
        assert!(!service.contains_key("response_types"));
        let cancel = claims(StatementRequest::cancellation(ENDPOINT));
        assert_eq!(cancel["grant_types"], json!([]));
        let names: Vec<&String> = cancel.keys().collect();
        assert_eq!(
            names,
            ["iss", "sub", "aud", "iat", "exp", "jti", "grant_types"]
        );
    }

    /// Proves: B11
    #[test]
    fn the_identity_is_one_of_the_certificates_uris() {
        let identity = identity();
        let request = StatementRequest::new(ENDPOINT);
        let chosen = request
            .clone()
            .client_identity(URI)
            .claims(&identity, NOW, "j")
            .unwrap();
        assert_eq!(chosen["iss"], URI);
        // Another spelling is another URI.
        for foreign in ["https://other.example.org", "https://app.example.org/"] {
            assert!(matches!(
                request
                    .clone()
                    .client_identity(foreign)
                    .claims(&identity, NOW, "j"),
                Err(StatementError::ForeignUri { .. })
            ));
        }
    }

    #[test]
    fn an_expired_certificate_signs_nothing() {
        let late = NOW + Duration::days(4_000);
        assert!(matches!(
            StatementRequest::new(ENDPOINT).sign(&identity(), late, "j"),
            Err(StatementError::NotValidNow { .. })
        ));
    }

    #[test]
    fn metadata_comes_from_a_file_too() {
        let request = StatementRequest::new(ENDPOINT)
            .client_name("Old")
            .metadata_json(br#"{"client_name":"New","software_id":"x","tos_uri":null,"grant_types":["authorization_code"]}"#)
            .unwrap();
        let claims = request.claims(&identity(), NOW, "j").unwrap();
        assert_eq!(claims["client_name"], "New");
        assert_eq!(claims["software_id"], "x");
        assert_eq!(claims["response_types"], json!(["code"]));
        assert!(!claims.contains_key("tos_uri"));
    }

    #[test]
    fn metadata_never_sets_the_statements_own_claims() {
        for name in OWN_CLAIMS {
            let file = json!({ name: "evil" }).to_string();
            assert_eq!(
                StatementRequest::new(ENDPOINT)
                    .metadata_json(file.as_bytes())
                    .unwrap_err(),
                StatementError::OwnClaim(name.to_owned())
            );
            let claims = StatementRequest::new(ENDPOINT)
                .member(name, json!("evil"))
                .claims(&identity(), NOW, "j")
                .unwrap();
            assert_ne!(claims.get(name), Some(&json!("evil")));
        }
        for bad in [&b"[]"[..], b"{", b"{\"a\":1,\"a\":2}"] {
            assert!(StatementRequest::new(ENDPOINT).metadata_json(bad).is_err());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_text_survives_signing(name in ".{0,60}", scope in ".{0,60}") {
            let statement = StatementRequest::new(ENDPOINT)
                .client_name(&name)
                .scope(&scope)
                .sign(&identity(), NOW, "j")
                .unwrap();
            let verified = udap::jws::verify(&statement, &Algorithm::ALL).unwrap();
            prop_assert_eq!(&verified.payload()["client_name"], &json!(name));
            prop_assert_eq!(&verified.payload()["scope"], &json!(scope));
        }
    }
}
