//! The client assertion: UDAP's authentication token (G03, G04, G07, G16).

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::error::TokenRefusal;
use super::form::TokenForm;
use crate::certificate::{Certificate, CertificateError};
use crate::jws::{self, VerifiedJws};
use crate::jwt;
use crate::limits;
use crate::site::Site;

/// A token request whose assertion was signed with the key of the certificate it brings.
#[derive(Clone, Debug)]
pub struct SignedAssertion {
    form: TokenForm,
    jws: VerifiedJws,
}

impl SignedAssertion {
    /// Verifies the signature, under the algorithms that the site publishes (A21, G04).
    ///
    /// # Errors
    /// `invalid_client`.
    pub fn verify(form: TokenForm, site: &Site) -> Result<Self, TokenRefusal> {
        Self::verify_with(form, site, Certificate::from_der)
    }

    pub(crate) fn verify_with(
        form: TokenForm,
        site: &Site,
        from_der: impl Fn(&[u8]) -> Result<Certificate, CertificateError>,
    ) -> Result<Self, TokenRefusal> {
        match jws::verify_with(form.assertion(), site.token_algorithms(), from_der) {
            Ok(jws) => Ok(Self { form, jws }),
            Err(error) => Err(TokenRefusal::invalid_client(
                "G04",
                format!("client_assertion: {error}"),
            )),
        }
    }
}

/// A token request whose assertion's claims hold, here and now.
#[derive(Clone, Debug)]
pub struct CurrentAssertion {
    signed: SignedAssertion,
    client_id: String,
    jti: String,
    expires_at: OffsetDateTime,
}

impl CurrentAssertion {
    /// Checks `iss`, `sub`, `aud`, `iat`, `exp`, `nbf`, `jti`, and that nothing is asked for that is
    /// not offered.
    ///
    /// # Errors
    /// `invalid_client`; `invalid_request` for `resources` (G16).
    pub fn check(
        signed: SignedAssertion,
        site: &Site,
        clock_skew: Duration,
        now: OffsetDateTime,
    ) -> Result<Self, TokenRefusal> {
        let claims = signed.jws.payload();
        let client_id = issuer(claims)?.to_owned();
        if signed.form.client_id().is_some_and(|id| id != client_id) {
            return Err(TokenRefusal::invalid_client(
                "G07",
                "client_id must be the iss of client_assertion, or be left out",
            ));
        }
        if !jwt::is_for(claims, &site.token_endpoint) {
            return Err(TokenRefusal::invalid_client(
                "G03",
                "aud must be this server's token endpoint, exactly as its metadata shows it",
            ));
        }
        let expires_at = lifetime(claims, clock_skew, now)?;
        let jti = jwt::token_id(claims)
            .ok_or_else(|| {
                TokenRefusal::invalid_client(
                    "G03",
                    "jti is required, as a string of 1 to 256 characters without control characters",
                )
            })?
            .to_owned();
        if claims.contains_key("resources") {
            return Err(TokenRefusal::invalid_request(
                "G16",
                "resources is not supported: leave it out",
            ));
        }
        Ok(Self {
            client_id,
            jti,
            expires_at,
            signed,
        })
    }

    /// `iss`: which app it says it is.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// `jti`, spent under its issuer (G08).
    #[must_use]
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// `exp`.
    #[must_use]
    pub fn expires_at(&self) -> OffsetDateTime {
        self.expires_at
    }

    /// All claims.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        self.signed.jws.payload()
    }

    /// The form.
    #[must_use]
    pub fn form(&self) -> &TokenForm {
        &self.signed.form
    }

    /// The signer's certificate.
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        self.signed.jws.x5c().leaf()
    }

    /// Candidates for path building that came with it.
    #[must_use]
    pub fn candidates(&self) -> &[Certificate] {
        self.signed.jws.x5c().others()
    }
}

fn issuer(claims: &Map<String, Value>) -> Result<&str, TokenRefusal> {
    match (claims.get("iss"), claims.get("sub")) {
        (Some(Value::String(iss)), Some(Value::String(sub)))
            if iss == sub && !iss.is_empty() && iss.len() <= limits::CLIENT_ID_BYTES =>
        {
            Ok(iss)
        }
        _ => Err(TokenRefusal::invalid_client(
            "G03",
            "iss and sub must both be the client_id that the app was given when it registered",
        )),
    }
}

fn lifetime(
    claims: &Map<String, Value>,
    skew: Duration,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, TokenRefusal> {
    let fault = |message: &'static str| TokenRefusal::invalid_client("G03", message);
    let instant = |claim| {
        jwt::instant(claims, claim)
            .ok_or_else(|| fault("iat and exp are required, as integers of seconds since 1970"))
    };
    let (issued_at, expires_at) = (instant("iat")?, instant("exp")?);
    let life = expires_at - issued_at;
    if life <= Duration::ZERO || life > limits::STATEMENT_LIFETIME {
        return Err(fault("exp must be later than iat, by at most 300 seconds"));
    }
    if issued_at > now + skew {
        return Err(fault("iat lies in the future: check the clock"));
    }
    if expires_at <= now - skew {
        return Err(fault("the client assertion has expired"));
    }
    if claims.contains_key("nbf") && instant("nbf")? > now + skew {
        return Err(fault(
            "the client assertion is not valid yet: check the clock",
        ));
    }
    Ok(expires_at)
}
