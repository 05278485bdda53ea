//! Software statements and authentication tokens, assembled by hand so that any part can be wrong.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use openssl::{ecdsa::EcdsaSig, hash::MessageDigest, pkey::PKey, sign::Signer};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::{Error, KeyKind, TestKey, TestLeaf, error::random};

/// How a token is signed, and what its header then says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// ECDSA with SHA-256.
    Es256,
    /// ECDSA with SHA-384.
    Es384,
    /// ECDSA with SHA-512, which we do not accept.
    Es512,
    /// No signature at all.
    None,
    /// HMAC with the public key's PEM as secret: the classic confusion of algorithms.
    Hs256WithPublicKey,
}

impl SigningAlgorithm {
    /// The value of the header's `alg`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::None => "none",
            Self::Hs256WithPublicKey => "HS256",
        }
    }

    const fn fitting(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Rsa1024 | KeyKind::Rsa2048 | KeyKind::Rsa3072 => Self::Rs256,
            KeyKind::P256 => Self::Es256,
            KeyKind::P384 => Self::Es384,
            KeyKind::P521 => Self::Es512,
        }
    }

    /// Signs as the key can, whether or not that is what the name says: an ES256 header over an
    /// RSA signature is a test case.
    fn sign(self, key: &TestKey, input: &[u8]) -> Result<Vec<u8>, Error> {
        let digest = match self {
            Self::None => return Ok(Vec::new()),
            Self::Hs256WithPublicKey => {
                let secret = PKey::hmac(key.public_pem().as_bytes())?;
                return Ok(
                    Signer::new(MessageDigest::sha256(), &secret)?.sign_oneshot_to_vec(input)?
                );
            }
            Self::Rs256 | Self::Es256 => MessageDigest::sha256(),
            Self::Rs384 | Self::Es384 => MessageDigest::sha384(),
            Self::Es512 => MessageDigest::sha512(),
        };
        let private_key = PKey::private_key_from_pkcs8(key.pkcs8_der())?;
        let signature = Signer::new(digest, &private_key)?.sign_oneshot_to_vec(input)?;
        let width = match key.kind() {
            KeyKind::P256 => 32,
            KeyKind::P384 => 48,
            KeyKind::P521 => 66,
            _ => return Ok(signature),
        };
        // RFC 7518 §3.4: R and S side by side, not DER.
        let parts = EcdsaSig::from_der(&signature)?;
        Ok([
            parts.r().to_vec_padded(width)?,
            parts.s().to_vec_padded(width)?,
        ]
        .concat())
    }
}

/// A signed token in the making; as it begins, a good software statement of the HL7 profile for
/// client_credentials.
#[derive(Debug, Clone)]
#[must_use = "call build() or request()"]
pub struct StatementBuilder {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    raw_header: Option<Vec<u8>>,
    raw_payload: Option<Vec<u8>>,
    key: TestKey,
    algorithm: SigningAlgorithm,
}

impl StatementBuilder {
    /// A statement about the app of `leaf` for the registration endpoint `audience`, issued at
    /// `now` for 300 s.
    ///
    /// # Panics
    /// If the operating system gives no random bytes.
    pub fn new(leaf: &TestLeaf, audience: &str, now: OffsetDateTime) -> Self {
        Self::try_new(leaf, audience, now).expect("there are random bytes")
    }

    pub(crate) fn try_new(
        leaf: &TestLeaf,
        audience: &str,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let builder = Self::token(leaf, leaf.uri(), audience, now)?;
        Ok(builder
            .claim("client_name", "Example App")
            .claim("grant_types", json!(["client_credentials"]))
            .claim("contacts", json!(["mailto:ops@example.org"]))
            .claim("token_endpoint_auth_method", "private_key_jwt")
            .claim("scope", "system/Patient.read"))
    }

    /// An authentication token (client assertion) for the token endpoint `audience`, issued at
    /// `now` for 300 s. The hl7-b2b object is a claim like any other.
    ///
    /// # Panics
    /// If the operating system gives no random bytes.
    pub fn authentication(
        leaf: &TestLeaf,
        client_id: &str,
        audience: &str,
        now: OffsetDateTime,
    ) -> Self {
        Self::token(leaf, client_id, audience, now).expect("there are random bytes")
    }

    pub(crate) fn token(
        leaf: &TestLeaf,
        issuer: &str,
        audience: &str,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let builder = Self {
            header: Map::new(),
            claims: Map::new(),
            raw_header: None,
            raw_payload: None,
            key: leaf.key().clone(),
            algorithm: SigningAlgorithm::Rs256,
        };
        let jti = hex::encode(random::<16>()?);
        Ok(builder
            .algorithm(SigningAlgorithm::fitting(leaf.key().kind()))
            .header("typ", "JWT")
            .x5c(leaf.x5c())
            .claim("iss", issuer)
            .claim("sub", issuer)
            .claim("aud", audience)
            .claim("iat", now.unix_timestamp())
            .claim("exp", now.unix_timestamp() + 300)
            .claim("jti", jti))
    }

    /// Turns it into a registration for authorization_code with refresh_token.
    pub fn authorization_code(self) -> Self {
        self.claim(
            "grant_types",
            json!(["authorization_code", "refresh_token"]),
        )
        .claim("redirect_uris", json!(["https://app.example.org/callback"]))
        .claim("logo_uri", "https://app.example.org/logo.png")
        .claim("response_types", json!(["code"]))
        .claim(
            "scope",
            "openid fhirUser offline_access launch/patient patient/Patient.read",
        )
    }

    /// Adds what EMR Direct's rules ask for besides (I01), on the contacts' domain.
    pub fn emr_direct(self) -> Self {
        self.claim("logo_uri", "https://app.example.org/logo.png")
            .claim("client_uri", "https://app.example.org/")
            .claim("tos_uri", "https://app.example.org/terms")
            .claim("policy_uri", "https://app.example.org/privacy")
    }

    /// Turns it into a cancellation (D10).
    pub fn cancellation(self) -> Self {
        self.claim("grant_types", json!([]))
    }

    /// Sets a claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a claim out.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets a header member; `alg` too, whatever it is signed with.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a header member out.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Uses these bytes as the header.
    pub fn raw_header(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.raw_header = Some(bytes.into());
        self
    }

    /// Uses these bytes as the payload.
    pub fn raw_payload(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.raw_payload = Some(bytes.into());
        self
    }

    /// Writes a claim a second time at the payload's end; comes after all other claims.
    pub fn duplicate_claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.raw_payload = Some(with_duplicate(&self.claims, name, &value.into()));
        self
    }

    /// Writes a header member a second time at the header's end; comes after all others.
    pub fn duplicate_header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.raw_header = Some(with_duplicate(&self.header, name, &value.into()));
        self
    }

    /// Sets the header's `x5c`, fit or not.
    pub fn x5c(self, certificates: Vec<String>) -> Self {
        self.header("x5c", certificates)
    }

    /// Signs with another key than the leaf's; the algorithm stays.
    pub fn sign_with(mut self, key: &TestKey) -> Self {
        self.key = key.clone();
        self
    }

    /// Signs in another way, and says so in the header.
    pub fn algorithm(mut self, algorithm: SigningAlgorithm) -> Self {
        self.algorithm = algorithm;
        self.header("alg", algorithm.name())
    }

    /// The value of a claim as it now stands.
    #[must_use]
    pub fn claim_value(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// The compact JWS.
    ///
    /// # Panics
    /// If OpenSSL cannot sign.
    #[must_use]
    pub fn build(&self) -> String {
        self.try_build().expect("a statement can be signed")
    }

    /// The compact JWS, or why it cannot be made.
    ///
    /// # Errors
    /// [`Error::OpenSsl`] if OpenSSL cannot sign.
    pub fn try_build(&self) -> Result<String, Error> {
        let header = self
            .raw_header
            .clone()
            .map_or_else(|| serde_json::to_vec(&self.header), Ok)?;
        let payload = self
            .raw_payload
            .clone()
            .map_or_else(|| serde_json::to_vec(&self.claims), Ok)?;
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let input = format!("{}.{}", encode(&header), encode(&payload));
        let signature = self.algorithm.sign(&self.key, input.as_bytes())?;
        Ok(format!("{input}.{}", encode(&signature)))
    }

    /// The registration request that carries the statement.
    ///
    /// # Panics
    /// If OpenSSL cannot sign.
    #[must_use]
    pub fn request(&self) -> Value {
        request_body(&self.build())
    }

    /// The registration request that carries the statement and `certifications`, compact JWSs.
    ///
    /// # Panics
    /// If OpenSSL cannot sign.
    #[must_use]
    pub fn request_with(&self, certifications: &[String]) -> Value {
        request_body_with(&self.build(), certifications)
    }
}

/// A registration request (UDAP DCR §3) that carries `statement` and no certifications.
#[must_use]
pub fn request_body(statement: &str) -> Value {
    request_body_with(statement, &[])
}

/// A registration request (UDAP DCR §3) that carries `statement` and `certifications`.
#[must_use]
pub fn request_body_with(statement: &str, certifications: &[String]) -> Value {
    json!({ "software_statement": statement, "certifications": certifications, "udap": "1" })
}

fn with_duplicate(object: &Map<String, Value>, name: &str, value: &Value) -> Vec<u8> {
    let whole = Value::Object(object.clone()).to_string();
    let open = whole.strip_suffix('}').unwrap_or(&whole);
    let comma = if object.is_empty() { "" } else { "," };
    format!("{open}{comma}{}:{value}}}", Value::from(name)).into_bytes()
}
