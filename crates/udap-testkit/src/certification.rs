//! Certifications and endorsements, assembled by hand so that any part can be wrong.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::{Error, SigningAlgorithm, StatementBuilder, TestKey, TestLeaf};

/// How long a certification lives if the certificate does not end before: well under the three
/// years that are allowed (F06).
const LIFETIME: Duration = Duration::days(90);

/// A certification in the making; as it begins, a good one without restrictions (UDAP
/// Certifications and Endorsements §1).
#[derive(Debug, Clone)]
#[must_use = "call build()"]
pub struct CertificationBuilder {
    token: StatementBuilder,
}

impl CertificationBuilder {
    /// Certifies the app `client_uri` as the `certifier`, under the certification `uri`, from
    /// `now` for 90 days or to the certificate's end.
    ///
    /// # Panics
    /// If the operating system gives no random bytes.
    pub fn new(certifier: &TestLeaf, client_uri: &str, uri: &str, now: OffsetDateTime) -> Self {
        let ends = (now + LIFETIME).min(certifier.not_after());
        let token = StatementBuilder::token(certifier, certifier.uri(), "", now)
            .expect("there are random bytes")
            .without("aud")
            .claim("sub", client_uri)
            .claim("exp", ends.unix_timestamp())
            .claim("certification_name", "Example Certification")
            .claim("certification_issuer", "Example Certifier")
            .claim("certification_uris", json!([uri]));
        Self { token }
    }

    /// A certification that the app signs about itself: `sub` is `iss`, and no certifier is named.
    ///
    /// # Panics
    /// If the operating system gives no random bytes.
    pub fn self_signed(app: &TestLeaf, uri: &str, now: OffsetDateTime) -> Self {
        Self::new(app, app.uri(), uri, now).without("certification_issuer")
    }

    /// Makes it an endorsement (F16).
    pub fn endorsement(self) -> Self {
        self.claim("is_endorsement", true)
    }

    /// Sets a claim; a member of RFC 7591 restricts what may be registered (F08).
    pub fn claim(self, name: &str, value: impl Into<Value>) -> Self {
        self.map(|token| token.claim(name, value))
    }

    /// Leaves a claim out.
    pub fn without(self, name: &str) -> Self {
        self.map(|token| token.without(name))
    }

    /// Sets a header member; `alg` too, whatever it is signed with.
    pub fn header(self, name: &str, value: impl Into<Value>) -> Self {
        self.map(|token| token.header(name, value))
    }

    /// Leaves a header member out.
    pub fn without_header(self, name: &str) -> Self {
        self.map(|token| token.without_header(name))
    }

    /// Uses these bytes as the header.
    pub fn raw_header(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.map(|token| token.raw_header(bytes))
    }

    /// Uses these bytes as the payload.
    pub fn raw_payload(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.map(|token| token.raw_payload(bytes))
    }

    /// Writes a claim a second time at the payload's end; comes after all other claims.
    pub fn duplicate_claim(self, name: &str, value: impl Into<Value>) -> Self {
        self.map(|token| token.duplicate_claim(name, value))
    }

    /// Writes a header member a second time at the header's end; comes after all others.
    pub fn duplicate_header(self, name: &str, value: impl Into<Value>) -> Self {
        self.map(|token| token.duplicate_header(name, value))
    }

    /// Sets the header's `x5c`, fit or not.
    pub fn x5c(self, certificates: Vec<String>) -> Self {
        self.map(|token| token.x5c(certificates))
    }

    /// Signs with another key than the leaf's; the algorithm stays.
    pub fn sign_with(self, key: &TestKey) -> Self {
        self.map(|token| token.sign_with(key))
    }

    /// Signs in another way, and says so in the header.
    pub fn algorithm(self, algorithm: SigningAlgorithm) -> Self {
        self.map(|token| token.algorithm(algorithm))
    }

    /// The value of a claim as it now stands.
    #[must_use]
    pub fn claim_value(&self, name: &str) -> Option<&Value> {
        self.token.claim_value(name)
    }

    /// The compact JWS.
    ///
    /// # Panics
    /// If OpenSSL cannot sign.
    #[must_use]
    pub fn build(&self) -> String {
        self.token.build()
    }

    /// The compact JWS, or why it cannot be made.
    ///
    /// # Errors
    /// [`Error::OpenSsl`] if OpenSSL cannot sign.
    pub fn try_build(&self) -> Result<String, Error> {
        self.token.try_build()
    }

    fn map(mut self, change: impl FnOnce(StatementBuilder) -> StatementBuilder) -> Self {
        self.token = change(self.token);
        self
    }
}
