//! Asking a user: the authorization request with PKCE, and what comes back (IG §7.2; G19, G20).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use url::Url;
use zeroize::Zeroizing;

/// Characters that a verifier has at least (RFC 7636 §4.1).
const VERIFIER_CHARS: usize = 43;

/// An authorization request, and what it takes to redeem its code.
#[derive(Clone)]
pub struct AuthorizationRequest {
    url: Url,
    redirect_uri: String,
    state: String,
    code_verifier: Zeroizing<String>,
}

/// Why there is no code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// The authorization endpoint cannot be used.
    #[error("the authorization endpoint is no URL")]
    Endpoint,
    /// A verifier or state that can be guessed.
    #[error("{0} must be a random text of at least 43 unreserved characters")]
    Guessable(&'static str),
    /// What came back is not at the redirect URI.
    #[error("this is not where the user was to be sent back to: {0}")]
    Elsewhere(String),
    /// What came back is not the answer to this request (IG §7.2).
    #[error("the state is not the one that was sent: this answers another request")]
    State,
    /// The server or the user refused (RFC 6749 §4.1.2.1).
    #[error("the server refused: {error}{}", .description.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
    Refused {
        /// The error code.
        error: String,
        /// A sentence for people.
        description: Option<String>,
    },
    /// There is neither a code nor an error.
    #[error("there is neither a code nor an error in what came back")]
    Nothing,
}

impl AuthorizationRequest {
    /// A request for a user of the app `client_id`. `state` and `code_verifier` are fresh random texts
    /// of at least 43 characters from `A–Z a–z 0–9 - . _ ~`.
    ///
    /// # Errors
    /// [`AuthorizationError::Endpoint`], [`AuthorizationError::Guessable`].
    pub fn new(
        authorization_endpoint: &str,
        client_id: &str,
        redirect_uri: &str,
        scope: Option<&str>,
        state: &str,
        code_verifier: &str,
    ) -> Result<Self, AuthorizationError> {
        let mut url =
            Url::parse(authorization_endpoint).map_err(|_| AuthorizationError::Endpoint)?;
        for (name, text) in [("state", state), ("the code verifier", code_verifier)] {
            let is_unreserved =
                |octet: u8| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
            if text.len() < VERIFIER_CHARS || !text.bytes().all(is_unreserved) {
                return Err(AuthorizationError::Guessable(name));
            }
        }
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(code_verifier));
        let mut pairs = url.query_pairs_mut();
        pairs
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", redirect_uri);
        if let Some(scope) = scope {
            pairs.append_pair("scope", scope);
        }
        pairs
            .append_pair("state", state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        drop(pairs);
        Ok(Self {
            url,
            redirect_uri: redirect_uri.to_owned(),
            state: state.to_owned(),
            code_verifier: Zeroizing::new(code_verifier.to_owned()),
        })
    }

    /// The same, with one parameter more, such as `aud` or `launch` (SMART App Launch).
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Where to send the user.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Where the user is sent back to.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// What proves that whoever redeems the code asked for it. Secret.
    #[must_use]
    pub fn code_verifier(&self) -> &str {
        &self.code_verifier
    }

    /// The code in the URL that the user was sent back to.
    ///
    /// # Errors
    /// If it answers another request, or holds an error.
    pub fn code(&self, came_back: &Url) -> Result<String, AuthorizationError> {
        let mut place = came_back.clone();
        place.set_query(None);
        place.set_fragment(None);
        let wanted = Url::parse(&self.redirect_uri).ok().map(|mut url| {
            url.set_query(None);
            url
        });
        if wanted.as_ref() != Some(&place) {
            return Err(AuthorizationError::Elsewhere(place.into()));
        }
        let value = |name: &str| {
            let mut values = came_back.query_pairs().filter(|(key, _)| key == name);
            // One that is given twice is none.
            match (values.next(), values.next()) {
                (Some((_, value)), None) => Some(value.into_owned()),
                _ => None,
            }
        };
        if value("state").as_deref() != Some(&self.state) {
            return Err(AuthorizationError::State);
        }
        if let Some(error) = value("error") {
            return Err(AuthorizationError::Refused {
                error,
                description: value("error_description"),
            });
        }
        value("code").ok_or(AuthorizationError::Nothing)
    }
}

impl fmt::Debug for AuthorizationRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuthorizationRequest")
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    /// The example of RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn request() -> AuthorizationRequest {
        AuthorizationRequest::new(
            "https://emr.example.org/authorize?tenant=1",
            "id",
            "https://app.example.org/cb?x=1",
            Some("openid patient/Patient.read"),
            STATE,
            VERIFIER,
        )
        .unwrap()
        .parameter("aud", "https://emr.example.org/fhir")
    }

    /// Proves: G19
    #[test]
    fn a_request_has_state_and_a_challenge_and_keeps_the_verifier() {
        let url = request().url().to_string();
        assert!(url.starts_with("https://emr.example.org/authorize?tenant=1&response_type=code&"));
        assert!(url.contains("&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&"));
        assert!(url.contains("code_challenge_method=S256"));
        assert!(url.contains(&format!("state={STATE}")));
        assert!(url.contains("redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb%3Fx%3D1"));
        assert!(!url.contains(VERIFIER) && !format!("{:?}", request()).contains(VERIFIER));
        for (state, verifier) in [
            ("short", VERIFIER),
            (STATE, "short"),
            (STATE, &VERIFIER.replace('-', "+")),
        ] {
            let made = AuthorizationRequest::new(
                "https://emr.example.org/",
                "id",
                "https://a/",
                None,
                state,
                verifier,
            );
            assert!(matches!(made, Err(AuthorizationError::Guessable(_))));
        }
    }

    /// Proves: G19
    #[test]
    fn only_an_answer_to_this_very_request_has_a_code() {
        let code = |url: &str| request().code(&Url::parse(url).unwrap());
        let base = "https://app.example.org/cb";
        assert_eq!(
            code(&format!("{base}?x=1&code=a%2Fb&state={STATE}")).unwrap(),
            "a/b"
        );
        assert_eq!(
            code(&format!(
                "{base}?error=access_denied&error_description=no&state={STATE}"
            )),
            Err(AuthorizationError::Refused {
                error: "access_denied".to_owned(),
                description: Some("no".to_owned())
            })
        );
        assert_eq!(
            code(&format!("{base}?code=a")),
            Err(AuthorizationError::State)
        );
        assert_eq!(
            code(&format!("{base}?code=a&state=other")),
            Err(AuthorizationError::State)
        );
        assert_eq!(
            code(&format!("{base}?code=a&state={STATE}&state={STATE}")),
            Err(AuthorizationError::State)
        );
        assert_eq!(
            code(&format!("{base}?code=a&code=b&state={STATE}")),
            Err(AuthorizationError::Nothing)
        );
        for elsewhere in ["https://evil.example.net/cb", "https://app.example.org/cb/"] {
            let answer = code(&format!("{elsewhere}?code=a&state={STATE}"));
            assert!(
                matches!(answer, Err(AuthorizationError::Elsewhere(_))),
                "{elsewhere}"
            );
        }
    }
}
