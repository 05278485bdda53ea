//! The form of a token request (G01, G02, decisions 27).

use std::collections::HashSet;
use std::fmt;

use zeroize::Zeroizing;

use super::error::{TokenErrorCode, TokenRefusal};

/// The type of client assertion (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Parameters that only other kinds of client authentication use (G01).
const OTHER_CREDENTIALS: [&str; 2] = ["client_secret", "assertion"];

/// What a token is asked for. Debug output shows no code and no token.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenGrant {
    /// The app acts for itself.
    ClientCredentials,
    /// A user agreed.
    AuthorizationCode {
        /// The code. Secret.
        code: Zeroizing<String>,
        /// Where the user came back to, if the request says so.
        redirect_uri: Option<String>,
        /// What the challenge was made of, if there was one. Secret.
        code_verifier: Option<Zeroizing<String>>,
    },
    /// A user agreed before.
    RefreshToken {
        /// The refresh token. Secret.
        refresh_token: Zeroizing<String>,
    },
}

impl TokenGrant {
    /// `grant_type`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::AuthorizationCode { .. } => "authorization_code",
            Self::RefreshToken { .. } => "refresh_token",
        }
    }
}

impl fmt::Debug for TokenGrant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A token request whose form holds. Nothing in it has been verified.
#[derive(Clone, Debug)]
pub struct TokenForm {
    grant: TokenGrant,
    scope: Option<String>,
    client_id: Option<String>,
    assertion: Assertion,
}

/// A client assertion; secret until it is spent.
#[derive(Clone)]
struct Assertion(Zeroizing<String>);

impl fmt::Debug for Assertion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Assertion")
    }
}

impl TokenForm {
    /// Reads an `application/x-www-form-urlencoded` body. Parameters that are not known are ignored,
    /// empty ones are absent (RFC 6749 §3.2); one that is given twice is an error.
    ///
    /// # Errors
    /// `invalid_request`, `unsupported_grant_type`, `invalid_client`.
    pub fn parse(body: &[u8]) -> Result<Self, TokenRefusal> {
        let mut parameters = Parameters::read(body)?;
        if OTHER_CREDENTIALS
            .iter()
            .any(|name| parameters.take(name).is_some())
        {
            return Err(TokenRefusal::invalid_request(
                "G01",
                "apps authenticate by client_assertion alone: send no client_secret",
            ));
        }
        if parameters.take("udap").as_deref().map(String::as_str) != Some("1") {
            return Err(TokenRefusal::invalid_request(
                "G02",
                "udap must be 1: this endpoint takes UDAP token requests only",
            ));
        }
        let grant = parameters.grant()?;
        let kind = parameters.take("client_assertion_type");
        let assertion = parameters.take("client_assertion");
        let (Some(kind), Some(assertion)) = (kind, assertion) else {
            return Err(TokenRefusal::invalid_client(
                "G02",
                "client_assertion_type and client_assertion are required",
            ));
        };
        if *kind != ASSERTION_TYPE {
            return Err(TokenRefusal::invalid_request(
                "G02",
                "client_assertion_type must be \
                 urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ));
        }
        let plain = |text: Option<Zeroizing<String>>| text.map(|text| text.to_string());
        Ok(Self {
            grant,
            scope: plain(parameters.take("scope")),
            client_id: plain(parameters.take("client_id")),
            assertion: Assertion(assertion),
        })
    }

    /// What is asked for.
    #[must_use]
    pub fn grant(&self) -> &TokenGrant {
        &self.grant
    }

    /// `scope`.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// `client_id`, which must be the assertion's issuer if it is there (G07).
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// The compact JWS.
    #[must_use]
    pub fn assertion(&self) -> &str {
        &self.assertion.0
    }
}

/// The parameters of a form, each once.
struct Parameters(Vec<(String, Zeroizing<String>)>);

impl Parameters {
    fn read(body: &[u8]) -> Result<Self, TokenRefusal> {
        let mut seen = HashSet::new();
        let mut parameters = Vec::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            if !seen.insert(name.to_string()) {
                return Err(TokenRefusal::invalid_request(
                    "G02",
                    "each parameter may be given once",
                ));
            }
            if !value.is_empty() {
                parameters.push((name.into_owned(), Zeroizing::new(value.into_owned())));
            }
        }
        Ok(Self(parameters))
    }

    fn take(&mut self, name: &str) -> Option<Zeroizing<String>> {
        let position = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(position).1)
    }

    fn grant(&mut self) -> Result<TokenGrant, TokenRefusal> {
        let grant_type = self
            .take("grant_type")
            .ok_or_else(|| TokenRefusal::invalid_request("G02", "grant_type is required"))?;
        match grant_type.as_str() {
            "client_credentials" => Ok(TokenGrant::ClientCredentials),
            "authorization_code" => {
                let code = self
                    .take("code")
                    .ok_or_else(|| TokenRefusal::invalid_request("G02", "code is required"))?;
                Ok(TokenGrant::AuthorizationCode {
                    code,
                    redirect_uri: self.take("redirect_uri").map(|text| text.to_string()),
                    code_verifier: self.take("code_verifier"),
                })
            }
            "refresh_token" => {
                let refresh_token = self.take("refresh_token").ok_or_else(|| {
                    TokenRefusal::invalid_request("G02", "refresh_token is required")
                })?;
                Ok(TokenGrant::RefreshToken { refresh_token })
            }
            _ => Err(TokenRefusal::new(
                TokenErrorCode::UnsupportedGrantType,
                "G02",
                "grant_type must be client_credentials, authorization_code or refresh_token",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "grant_type=client_credentials&udap=1&client_assertion=a.b.c&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

    fn refused(body: &str) -> (&'static str, u16, &'static str) {
        let refusal = TokenForm::parse(body.as_bytes()).unwrap_err();
        (
            refusal.code().as_str(),
            refusal.code().status(),
            refusal.rule(),
        )
    }

    /// Proves: G02
    #[test]
    fn forms_of_all_grants_are_read() {
        let form =
            TokenForm::parse(format!("{GOOD}&scope=a+b&client_id=id&x=1").as_bytes()).unwrap();
        assert_eq!(form.grant(), &TokenGrant::ClientCredentials);
        assert_eq!((form.scope(), form.client_id()), (Some("a b"), Some("id")));
        assert_eq!(form.assertion(), "a.b.c");
        let code = GOOD.replace("client_credentials", "authorization_code");
        let form = TokenForm::parse(
            format!("{code}&code=secret&redirect_uri=https%3A%2F%2Fa%2F&code_verifier=secret")
                .as_bytes(),
        )
        .unwrap();
        let TokenGrant::AuthorizationCode {
            code: sent,
            redirect_uri,
            code_verifier,
        } = form.grant()
        else {
            panic!("{form:?}");
        };
        assert_eq!(
            (sent.as_str(), redirect_uri.as_deref()),
            ("secret", Some("https://a/"))
        );
        assert!(code_verifier.is_some() && form.scope().is_none());
        assert!(!format!("{form:?}").contains("secret") && !format!("{form:?}").contains("a.b.c"));
        let refresh = GOOD.replace("client_credentials", "refresh_token");
        let form = TokenForm::parse(format!("{refresh}&refresh_token=secret").as_bytes()).unwrap();
        assert_eq!(form.grant().name(), "refresh_token");
    }

    /// Proves: G01, G02
    #[test]
    fn what_is_missing_twice_there_or_of_another_kind_is_refused() {
        let invalid = ("invalid_request", 400);
        for (body, (code, status), rule) in [
            (String::new(), invalid, "G02"),
            (GOOD.replace("&udap=1", ""), invalid, "G02"),
            (GOOD.replace("udap=1", "udap=2"), invalid, "G02"),
            (
                GOOD.replace("grant_type=client_credentials&", ""),
                invalid,
                "G02",
            ),
            (
                GOOD.replace("grant_type=client_credentials", "grant_type="),
                invalid,
                "G02",
            ),
            (
                GOOD.replace("client_credentials", "password"),
                ("unsupported_grant_type", 400),
                "G02",
            ),
            (
                GOOD.replace("client_credentials", "authorization_code"),
                invalid,
                "G02",
            ),
            (
                GOOD.replace("client_credentials", "refresh_token"),
                invalid,
                "G02",
            ),
            (format!("{GOOD}&scope=a&scope=a"), invalid, "G02"),
            (format!("{GOOD}&x=&x="), invalid, "G02"),
            (format!("{GOOD}&client_secret=x"), invalid, "G01"),
            (GOOD.replace("jwt-bearer", "saml2-bearer"), invalid, "G02"),
            (
                GOOD.replace("client_assertion=a.b.c", "client_assertion="),
                ("invalid_client", 401),
                "G02",
            ),
            (
                GOOD.replace("&client_assertion_type=", "&other="),
                ("invalid_client", 401),
                "G02",
            ),
        ] {
            assert_eq!(refused(&body), (code, status, rule), "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_answered(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = TokenForm::parse(&body);
            let _ = TokenForm::parse(&[GOOD.as_bytes(), b"&", &body].concat());
        }
    }
}
