//! Token requests, authenticated by a signed token with the app's certificate (IG §4.2, §5.2; UDAP
//! JWT-Based Client Authentication §4, §5).

use std::fmt;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use udap::b2b::{self, B2bExtension};
use udap::jws::SignerError;
use udap::limits;
use url::Url;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use crate::fetch::HttpError;
use crate::identity::Identity;

/// How long an authentication token lives: the longest that is allowed (G03).
const LIFETIME_SECONDS: i64 = limits::STATEMENT_LIFETIME.whole_seconds();

/// The type of client assertion (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a token is asked for.
#[derive(Clone, Debug)]
enum Grant {
    ClientCredentials,
    Code {
        code: String,
        redirect_uri: String,
        code_verifier: Option<Zeroizing<String>>,
    },
    Refresh {
        refresh_token: Zeroizing<String>,
    },
}

/// A token request in the making.
#[derive(Clone)]
pub struct TokenRequest {
    token_endpoint: String,
    client_id: String,
    grant: Grant,
    scope: Option<String>,
    extensions: Map<String, Value>,
}

impl TokenRequest {
    /// For an app that acts for itself. Servers of the B2B workflow ask for
    /// [`b2b`](Self::b2b) (G12).
    ///
    /// `token_endpoint` exactly as discovery shows it: it is the token's audience.
    #[must_use]
    pub fn client_credentials(token_endpoint: &str, client_id: &str) -> Self {
        Self::new(token_endpoint, client_id, Grant::ClientCredentials)
    }

    /// For a code that came back with a user, and the verifier of its challenge (G19).
    #[must_use]
    pub fn code(
        token_endpoint: &str,
        client_id: &str,
        code: &str,
        redirect_uri: &str,
        code_verifier: Option<&str>,
    ) -> Self {
        let grant = Grant::Code {
            code: code.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            code_verifier: code_verifier.map(|text| Zeroizing::new(text.to_owned())),
        };
        Self::new(token_endpoint, client_id, grant)
    }

    /// For a refresh token (G22).
    #[must_use]
    pub fn refresh(token_endpoint: &str, client_id: &str, refresh_token: &str) -> Self {
        let refresh_token = Zeroizing::new(refresh_token.to_owned());
        Self::new(token_endpoint, client_id, Grant::Refresh { refresh_token })
    }

    fn new(token_endpoint: &str, client_id: &str, grant: Grant) -> Self {
        Self {
            token_endpoint: token_endpoint.to_owned(),
            client_id: client_id.to_owned(),
            grant,
            scope: None,
            extensions: Map::new(),
        }
    }

    /// The scopes to ask for, separated by spaces.
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        self.scope = Some(scope.to_owned());
        self
    }

    /// Says who asks, and what for (G13).
    #[must_use]
    pub fn b2b(self, extension: &B2bExtension) -> Self {
        self.extension(b2b::NAME, extension.to_value())
    }

    /// Any other authorization extension object.
    #[must_use]
    pub fn extension(mut self, name: &str, object: Value) -> Self {
        self.extensions.insert(name.to_owned(), object);
        self
    }

    /// The claims of the authentication token (G03): `iss` and `sub` are the client id.
    #[must_use]
    pub fn claims(&self, now: OffsetDateTime, jti: &str) -> Map<String, Value> {
        let now = now.unix_timestamp();
        let mut claims = Map::new();
        for (name, value) in [
            ("iss", json!(self.client_id)),
            ("sub", json!(self.client_id)),
            ("aud", json!(self.token_endpoint)),
            ("iat", json!(now)),
            ("exp", json!(now + LIFETIME_SECONDS)),
            ("jti", json!(jti)),
        ] {
            claims.insert(name.to_owned(), value);
        }
        if !self.extensions.is_empty() {
            claims.insert("extensions".to_owned(), self.extensions.clone().into());
        }
        claims
    }

    /// The form to post (G02), with a token that `identity` signs at `now`. `jti` is a fresh random id.
    ///
    /// # Errors
    /// If signing fails.
    pub fn sign(
        &self,
        identity: &Identity,
        now: OffsetDateTime,
        jti: &str,
    ) -> Result<SignedTokenRequest, SignerError> {
        let assertion = identity.signer().sign(&self.claims(now, jti), None)?;
        let mut form = Serializer::new(String::new());
        match &self.grant {
            Grant::ClientCredentials => {
                form.append_pair("grant_type", "client_credentials");
            }
            Grant::Code {
                code,
                redirect_uri,
                code_verifier,
            } => {
                form.append_pair("grant_type", "authorization_code")
                    .append_pair("code", code)
                    .append_pair("redirect_uri", redirect_uri);
                if let Some(verifier) = code_verifier {
                    form.append_pair("code_verifier", verifier);
                }
            }
            Grant::Refresh { refresh_token } => {
                form.append_pair("grant_type", "refresh_token")
                    .append_pair("refresh_token", refresh_token);
            }
        }
        if let Some(scope) = &self.scope {
            form.append_pair("scope", scope);
        }
        form.append_pair("client_assertion_type", ASSERTION_TYPE)
            .append_pair("client_assertion", &assertion)
            .append_pair("udap", "1");
        Ok(SignedTokenRequest {
            token_endpoint: self.token_endpoint.clone(),
            form: Zeroizing::new(form.finish()),
        })
    }
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TokenRequest")
            .field("token_endpoint", &self.token_endpoint)
            .field("client_id", &self.client_id)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// A signed token request, for [`Client::token`](crate::Client::token), or to post otherwise.
pub struct SignedTokenRequest {
    token_endpoint: String,
    form: Zeroizing<String>,
}

impl SignedTokenRequest {
    /// Where it goes.
    #[must_use]
    pub fn token_endpoint(&self) -> &str {
        &self.token_endpoint
    }

    /// The body, as `application/x-www-form-urlencoded`. Secret.
    #[must_use]
    pub fn form(&self) -> &str {
        &self.form
    }
}

impl fmt::Debug for SignedTokenRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SignedTokenRequest")
            .field("token_endpoint", &self.token_endpoint)
            .finish_non_exhaustive()
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The server refused.
    #[error(transparent)]
    Refused(#[from] TokenRefused),
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer that is none of RFC 6749's.
    #[error("{url} answered with status {status}, but {why}")]
    Answer {
        /// The endpoint.
        url: Url,
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// A refusal (RFC 6749 §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRefused {
    /// The HTTP status.
    pub status: u16,
    /// The error code, for example `invalid_client`; `None` if the answer has none.
    pub error: Option<String>,
    /// A sentence for people.
    pub description: Option<String>,
    /// The value of `Retry-After`, if the server invites to come back.
    pub retry_after: Option<String>,
}

impl fmt::Display for TokenRefused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the server gave no token (status {}",
            self.status
        )?;
        match &self.error {
            Some(error) => write!(formatter, ", {error})")?,
            None => formatter.write_str(", without an error code)")?,
        }
        match &self.description {
            Some(description) => write!(formatter, ": {description}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TokenRefused {}

/// What the server gave (RFC 6749 §5.1). Debug output shows no token.
#[derive(Clone, PartialEq)]
pub struct Tokens {
    document: Map<String, Value>,
}

impl Tokens {
    pub(crate) fn read(
        url: Url,
        status: u16,
        retry_after: Option<String>,
        body: &[u8],
    ) -> Result<Self, TokenError> {
        let document = udap::json::object(body);
        if status != 200 {
            let document = document.unwrap_or_default();
            let text = |name: &str| {
                let text = document.get(name).and_then(Value::as_str);
                text.filter(|text| !text.is_empty()).map(str::to_owned)
            };
            return Err(TokenError::Refused(TokenRefused {
                status,
                error: text("error"),
                description: text("error_description"),
                retry_after,
            }));
        }
        let unusable = |why| TokenError::Answer {
            url: url.clone(),
            status,
            why,
        };
        let document = document.map_err(|_| unusable("without a JSON object"))?;
        let is_text = |name: &str| {
            let text = document.get(name).and_then(Value::as_str);
            text.is_some_and(|text| !text.is_empty())
        };
        if !is_text("access_token") {
            return Err(unusable("without an access_token"));
        }
        if !is_text("token_type") {
            return Err(unusable("without a token_type"));
        }
        Ok(Self { document })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.document.get(name).and_then(Value::as_str)
    }

    /// The access token. Secret.
    #[must_use]
    pub fn access_token(&self) -> &str {
        self.text("access_token").unwrap_or_default()
    }

    /// Its type, usually `Bearer`.
    #[must_use]
    pub fn token_type(&self) -> &str {
        self.text("token_type").unwrap_or_default()
    }

    /// Seconds that it lives, if the server says so.
    #[must_use]
    pub fn expires_in(&self) -> Option<u64> {
        self.document.get("expires_in").and_then(Value::as_u64)
    }

    /// The scopes that were granted; `None`: those that were asked for (G21).
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.text("scope")
    }

    /// The refresh token, if there is one. Secret.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&str> {
        self.text("refresh_token")
    }

    /// The whole answer. Secret.
    #[must_use]
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tokens")
            .field("token_type", &self.token_type())
            .field("expires_in", &self.expires_in())
            .field("scope", &self.scope())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use time::macros::datetime;
    use udap_testkit::TestCommunity;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
    const ENDPOINT: &str = "https://emr.example.org/udap/default/token";

    fn identity() -> Identity {
        let leaf = TestCommunity::new("example", NOW).client("https://app.example.org/");
        let (chain, key) = (leaf.chain_pem(), leaf.key().pem());
        Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
    }

    fn form(request: &TokenRequest) -> BTreeMap<String, String> {
        let signed = request.sign(&identity(), NOW, "j").unwrap();
        assert!(!format!("{signed:?}{request:?}").contains("secret"));
        url::form_urlencoded::parse(signed.form().as_bytes())
            .into_owned()
            .collect()
    }

    /// Proves: G02, G03, G12
    #[test]
    fn a_service_sends_a_signed_token_and_says_what_for() {
        let b2b = B2bExtension::parse(&json!({
            "version": "1",
            "organization_id": "https://hospital.example.org",
            "purpose_of_use": ["TREAT"],
        }))
        .unwrap();
        let request = TokenRequest::client_credentials(ENDPOINT, "id")
            .scope("system/Patient.read system/Group.read")
            .b2b(&b2b);
        let form = form(&request);
        assert_eq!(form["grant_type"], "client_credentials");
        assert_eq!(form["scope"], "system/Patient.read system/Group.read");
        assert_eq!(form["udap"], "1");
        assert_eq!(form["client_assertion_type"], ASSERTION_TYPE);
        assert!(!form.contains_key("client_id"));
        let (header, claims) = udap::jws::peek(&form["client_assertion"]).unwrap();
        assert_eq!(header["alg"], "RS256");
        assert_eq!(header["x5c"].as_array().unwrap().len(), 2);
        assert_eq!(
            (&claims["iss"], &claims["sub"]),
            (&json!("id"), &json!("id"))
        );
        assert_eq!(claims["aud"], ENDPOINT);
        assert_eq!(
            claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
            300
        );
        assert_eq!(claims["extensions"], json!({"hl7-b2b": b2b.to_value()}));
    }

    /// Proves: G02, G12
    #[test]
    fn a_code_is_sent_with_its_verifier_and_a_refresh_token_alone() {
        let code = TokenRequest::code(
            ENDPOINT,
            "id",
            "secret code",
            "https://app.example.org/cb?x=1",
            Some("secret verifier"),
        );
        let sent = form(&code);
        assert_eq!(sent["grant_type"], "authorization_code");
        assert_eq!(sent["code"], "secret code");
        assert_eq!(sent["redirect_uri"], "https://app.example.org/cb?x=1");
        assert_eq!(sent["code_verifier"], "secret verifier");
        let (_, claims) = udap::jws::peek(&sent["client_assertion"]).unwrap();
        assert!(!claims.contains_key("extensions"));
        let sent = form(&TokenRequest::refresh(ENDPOINT, "id", "secret token"));
        assert_eq!(sent["grant_type"], "refresh_token");
        assert_eq!(sent["refresh_token"], "secret token");
        assert!(!sent.contains_key("scope"));
    }

    fn read(status: u16, body: &str) -> Result<Tokens, TokenError> {
        Tokens::read(Url::parse(ENDPOINT).unwrap(), status, None, body.as_bytes())
    }

    #[test]
    fn an_answer_is_read_and_shows_no_token_in_a_log() {
        let tokens = read(
            200,
            r#"{"access_token":"secret","token_type":"Bearer","expires_in":300,"scope":"a b","refresh_token":"secret"}"#,
        )
        .unwrap();
        assert_eq!(tokens.access_token(), "secret");
        assert_eq!(tokens.expires_in(), Some(300));
        assert_eq!(tokens.scope(), Some("a b"));
        assert_eq!(tokens.refresh_token(), Some("secret"));
        assert!(!format!("{tokens:?}").contains("secret"));
        for body in [
            "",
            "[]",
            "{}",
            r#"{"access_token":""}"#,
            r#"{"access_token":"a"}"#,
        ] {
            assert!(
                matches!(read(200, body), Err(TokenError::Answer { .. })),
                "{body}"
            );
        }
        let refused = read(400, r#"{"error":"invalid_scope","error_description":"no"}"#);
        let Err(TokenError::Refused(refused)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(refused.error.as_deref(), Some("invalid_scope"));
        assert!(matches!(read(502, "<html>"), Err(TokenError::Refused(_))));
    }
}
