//! A signed statement whose JWT claims hold, here and now (B10–B17, C17, C18).

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use crate::certificate::Certificate;
use crate::error::{ErrorCode, Refusal, Violation};
use crate::jwt;
use crate::limits;
use crate::site::Site;
use crate::statement::SignedStatement;

/// A statement that was signed by the key it brings, made for this endpoint, and valid now.
#[derive(Clone, Debug)]
pub struct CurrentStatement {
    signed: SignedStatement,
    client_uri: String,
    jti: String,
    expires_at: OffsetDateTime,
}

impl CurrentStatement {
    /// Checks `iss`, `sub`, `aud`, `iat`, `exp`, `nbf` and `jti`.
    ///
    /// # Errors
    /// `invalid_software_statement`, naming every claim that does not hold.
    pub fn check(
        signed: SignedStatement,
        site: &Site,
        clock_skew: Duration,
        now: OffsetDateTime,
    ) -> Result<Self, Refusal> {
        let claims = signed.jws.payload();
        let checked = (
            issuer(claims, signed.jws.x5c().leaf()),
            subject(claims),
            audience(claims, &site.registration_endpoint),
            lifetime(claims, clock_skew, now),
            token_id(claims),
        );
        match checked {
            (Ok(client_uri), Ok(()), Ok(()), Ok(expires_at), Ok(jti)) => Ok(Self {
                signed,
                client_uri,
                jti,
                expires_at,
            }),
            (issuer, subject, audience, lifetime, token_id) => {
                let faults = [
                    issuer.err(),
                    subject.err(),
                    audience.err(),
                    lifetime.err(),
                    token_id.err(),
                ];
                Err(Refusal::claims(faults.into_iter().flatten()))
            }
        }
    }

    /// `iss`: the client URI that identifies the app and its operator (B11).
    #[must_use]
    pub fn client_uri(&self) -> &str {
        &self.client_uri
    }

    /// `jti`.
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

    /// The signer's certificate.
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        self.signed.jws.x5c().leaf()
    }

    /// Candidates for path building that came with the statement.
    #[must_use]
    pub fn candidates(&self) -> &[Certificate] {
        self.signed.jws.x5c().others()
    }

    /// The compact JWS as it was sent (E02).
    #[must_use]
    pub fn software_statement(&self) -> &str {
        self.signed.request.software_statement()
    }

    /// The certifications as they were sent.
    #[must_use]
    pub fn certifications(&self) -> &[String] {
        self.signed.request.certifications()
    }
}

impl Refusal {
    fn claims(faults: impl IntoIterator<Item = Violation>) -> Self {
        let mut faults = faults.into_iter();
        let first = faults.next().unwrap_or_else(|| {
            Violation::of(
                "C01",
                "software_statement",
                "claims",
                "the claims do not hold",
            )
        });
        faults.fold(
            Self::new(ErrorCode::InvalidSoftwareStatement, first),
            Self::and,
        )
    }
}

/// B11, C17, C18: the issuer is a URI name of the certificate, octet by octet.
fn issuer(claims: &Map<String, Value>, leaf: &Certificate) -> Result<String, Violation> {
    let fault = |code, message: &'static str| Err(Violation::of("C17", "iss", code, message));
    match claims.get("iss") {
        Some(Value::String(iss)) if iss.len() > limits::CLIENT_URI_BYTES => {
            fault("iss_too_long", "may have at most 2048 characters")
        }
        Some(Value::String(iss)) if leaf.uri_names().iter().any(|name| name == iss) => {
            Ok(iss.clone())
        }
        Some(Value::String(_)) => fault(
            "iss_not_in_certificate",
            "must equal, letter by letter, a URI in the certificate's subject alternative name",
        ),
        _ => fault("iss_missing", "is required, as a string"),
    }
}

/// B12.
fn subject(claims: &Map<String, Value>) -> Result<(), Violation> {
    match (claims.get("sub"), claims.get("iss")) {
        (Some(Value::String(sub)), Some(Value::String(iss))) if sub == iss => Ok(()),
        _ => Err(Violation::of("B12", "sub", "sub_not_iss", "must equal iss")),
    }
}

/// B13.
fn audience(claims: &Map<String, Value>, endpoint: &str) -> Result<(), Violation> {
    if jwt::is_for(claims, endpoint) {
        Ok(())
    } else {
        Err(Violation::of(
            "B13",
            "aud",
            "aud_not_this_endpoint",
            "must be this server's registration endpoint, exactly as its metadata shows it",
        ))
    }
}

/// B14, B15, B17 (decisions 4).
fn lifetime(
    claims: &Map<String, Value>,
    skew: Duration,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, Violation> {
    let issued_at = instant(claims, "iat")?;
    let expires_at = instant(claims, "exp")?;
    let life = expires_at - issued_at;
    if life <= Duration::ZERO {
        return Err(Violation::of(
            "B15",
            "exp",
            "exp_before_iat",
            "must be later than iat",
        ));
    }
    if life > limits::STATEMENT_LIFETIME {
        return Err(Violation::of(
            "B14",
            "exp",
            "lifetime_too_long",
            "may be at most 300 seconds later than iat",
        ));
    }
    if issued_at > now + skew {
        return Err(Violation::of(
            "B15",
            "iat",
            "iat_in_the_future",
            "lies in the future: check the clock",
        ));
    }
    if expires_at <= now - skew {
        return Err(Violation::of(
            "B14",
            "exp",
            "statement_expired",
            "the statement has expired",
        ));
    }
    if claims.contains_key("nbf") && instant(claims, "nbf")? > now + skew {
        return Err(Violation::of(
            "B15",
            "nbf",
            "not_yet_valid",
            "the statement is not valid yet: check the clock",
        ));
    }
    Ok(expires_at)
}

/// B17.
fn instant(claims: &Map<String, Value>, claim: &'static str) -> Result<OffsetDateTime, Violation> {
    jwt::instant(claims, claim).ok_or_else(|| {
        Violation::of(
            "B17",
            claim,
            "time_not_integer",
            "is required, as an integer of seconds since 1970",
        )
    })
}

/// B16 (decisions 3).
fn token_id(claims: &Map<String, Value>) -> Result<String, Violation> {
    let jti = jwt::token_id(claims).ok_or_else(|| {
        Violation::of(
            "B16",
            "jti",
            "jti_malformed",
            "is required, as a string of 1 to 256 characters without control characters",
        )
    })?;
    Ok(jti.to_owned())
}
