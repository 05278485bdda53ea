//! Certifications and endorsements: what a certifier attests of an app, signed (F05, F06, F13, UDAP
//! Certifications and Endorsements §1).

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};
use udap::certification::is_redirect_pattern;
use udap::jws::SignerError;

use crate::identity::Identity;
use crate::statement::StatementError;

/// The longest life of a certification (F06): three years of 365 days, which three calendar years
/// never fall short of.
pub const CERTIFICATION_LIFETIME: Duration = Duration::days(3 * 365);

/// Parameters that restrict what may be registered (F08): those of RFC 7591, and three of UDAP's own.
const RESTRICTIONS: [&str; 16] = [
    "client_name",
    "client_uri",
    "contacts",
    "extensions",
    "grant_types",
    "ip_allowed",
    "jwks",
    "launch_uri",
    "logo_uri",
    "policy_uri",
    "redirect_uris",
    "response_types",
    "scope",
    "software_id",
    "software_version",
    "tos_uri",
];

/// The one that goes without saying.
const AUTH_METHOD: &str = "token_endpoint_auth_method";

/// Why a certification cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificationError {
    /// The certifier's certificate cannot sign it.
    #[error(transparent)]
    Certifier(#[from] StatementError),
    /// It lives longer than is allowed (F06).
    #[error("a certification may live three years at most, that is 1095 days")]
    TooLong,
    /// It does not live at all.
    #[error("a certification has to live a day at least")]
    TooShort,
    /// It has no name (F13).
    #[error("a certification needs a name")]
    NoName,
    /// It says not who certifies (F13).
    #[error(
        "a certification of another's app needs the certifier's name (certification_issuer); only an \
         app that certifies itself does without"
    )]
    NoIssuerName,
    /// It names no program, by which servers recognise it (F02, F13).
    #[error("a certification needs at least one URI of a certification program")]
    NoUris,
    /// The status endpoint is not one that a server asks (F15).
    #[error("the status endpoint must be an https URL")]
    StatusEndpoint,
    /// Keys are named in the certification itself (F13).
    #[error("`jwks_uri` is forbidden in a certification: put the keys into `jwks`")]
    JwksUri,
    /// A parameter that restricts nothing: a server would not look at it.
    #[error(
        "`{0}` is no parameter that a certification can restrict; known are {known} and {AUTH_METHOD}",
        known = RESTRICTIONS.join(", ")
    )]
    UnknownRestriction(String),
    /// The file with restrictions is no JSON object.
    #[error("the restrictions cannot be read: {0}")]
    Json(#[from] udap::json::JsonError),
    /// Signing failed.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// What is to be attested of an app.
#[derive(Clone, Debug)]
pub struct CertificationRequest {
    certifier: Option<String>,
    app: Option<String>,
    lifetime: Duration,
    uris: Vec<String>,
    members: Map<String, Value>,
    restrictions: Map<String, Value>,
}

impl CertificationRequest {
    /// A certification of this name (`certification_name`). As it begins, an app certifies itself, for
    /// a year.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let this = Self {
            certifier: None,
            app: None,
            lifetime: Duration::days(365),
            uris: Vec::new(),
            members: Map::new(),
            restrictions: Map::new(),
        };
        this.member("certification_name", json!(name))
    }

    /// Chooses one of the certificate's URIs as the certifier's identity (`iss`); otherwise it is the
    /// first.
    #[must_use]
    pub fn certifier(mut self, uri: &str) -> Self {
        self.certifier = Some(uri.to_owned());
        self
    }

    /// The client URI of the app that is certified (`sub`).
    #[must_use]
    pub fn app(mut self, client_uri: &str) -> Self {
        self.app = Some(client_uri.to_owned());
        self
    }

    /// One program more (`certification_uris`).
    #[must_use]
    pub fn uri(mut self, uri: &str) -> Self {
        self.uris.push(uri.to_owned());
        self
    }

    /// The certifier's name (`certification_issuer`).
    #[must_use]
    pub fn issuer_name(self, name: &str) -> Self {
        self.member("certification_issuer", json!(name))
    }

    /// How long it lives, if the certificate does not end before.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// For the server with this registration endpoint alone (`aud`).
    #[must_use]
    pub fn audience(self, registration_endpoint: &str) -> Self {
        self.member("aud", json!(registration_endpoint))
    }

    /// What it is about (`certification_description`).
    #[must_use]
    pub fn description(self, text: &str) -> Self {
        self.member("certification_description", json!(text))
    }

    /// The program's logo (`certification_logo`).
    #[must_use]
    pub fn logo(self, uri: &str) -> Self {
        self.member("certification_logo", json!(uri))
    }

    /// Where servers ask whether it still holds (`certification_status_endpoint`, F15).
    #[must_use]
    pub fn status_endpoint(self, url: &str) -> Self {
        self.member("certification_status_endpoint", json!(url))
    }

    /// An endorsement, to be shown to users (F16).
    #[must_use]
    pub fn endorsement(self) -> Self {
        self.member("is_endorsement", json!(true))
    }

    /// The app's developer (`developer_name`).
    #[must_use]
    pub fn developer_name(self, name: &str) -> Self {
        self.member("developer_name", json!(name))
    }

    /// A parameter that restricts what may be registered (F08).
    ///
    /// # Errors
    /// [`CertificationError::JwksUri`], [`CertificationError::UnknownRestriction`].
    pub fn restrict(mut self, name: &str, value: Value) -> Result<Self, CertificationError> {
        match name {
            "jwks_uri" => Err(CertificationError::JwksUri),
            known if known == AUTH_METHOD || RESTRICTIONS.contains(&known) => {
                self.restrictions.insert(name.to_owned(), value);
                Ok(self)
            }
            other => Err(CertificationError::UnknownRestriction(other.to_owned())),
        }
    }

    /// All members of a JSON object as restrictions.
    ///
    /// # Errors
    /// [`CertificationError::Json`] if it is no object or repeats a key; those of
    /// [`restrict`](Self::restrict).
    pub fn restrict_json(self, text: &[u8]) -> Result<Self, CertificationError> {
        let members = udap::json::object(text)?;
        members
            .into_iter()
            .try_fold(self, |this, (name, value)| this.restrict(&name, value))
    }

    /// What a server would not take, or not as it is meant. None of it keeps the certification from
    /// being signed.
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        let texts = |name: &str| {
            let values = self.restrictions.get(name).and_then(Value::as_array);
            values.into_iter().flatten().filter_map(Value::as_str)
        };
        let mut doubts = Vec::new();
        for uri in texts("redirect_uris").filter(|uri| !is_redirect_pattern(uri)) {
            doubts.push(format!(
                "redirect URI {uri}: * stands for one whole path component or one whole query \
                 parameter value, and nowhere else: servers refuse this one"
            ));
        }
        let is_reachable = |uri: &&str| uri.starts_with("mailto:") || uri.starts_with("https:");
        for contact in texts("contacts").filter(|uri| !is_reachable(uri)) {
            doubts.push(format!(
                "contact {contact}: neither a mailto: nor an https: URI"
            ));
        }
        let is_for_services = texts("grant_types").any(|grant| grant == "client_credentials");
        if is_for_services && self.restrictions.contains_key("redirect_uris") {
            doubts.push("redirect URIs have no place beside client_credentials".to_owned());
        }
        doubts
    }

    /// When the one that `identity` signs at `now` ends: after its lifetime, or with the certificate.
    #[must_use]
    pub fn ends_at(&self, identity: &Identity, now: OffsetDateTime) -> OffsetDateTime {
        let wanted = now.checked_add(self.lifetime);
        let end = identity.leaf().not_after();
        wanted.map_or(end, |wanted| wanted.min(end))
    }

    /// The claims of the certification that `identity` would sign at `now`.
    ///
    /// # Errors
    /// [`CertificationError`]: it would not be one that a server accepts.
    pub fn claims(
        &self,
        identity: &Identity,
        now: OffsetDateTime,
        jti: &str,
    ) -> Result<Map<String, Value>, CertificationError> {
        if self.lifetime > CERTIFICATION_LIFETIME {
            return Err(CertificationError::TooLong);
        }
        if self.lifetime < Duration::DAY {
            return Err(CertificationError::TooShort);
        }
        let issuer = identity.issuer(self.certifier.as_deref(), now)?;
        let app = self.app.as_deref().unwrap_or(issuer);
        let has_text = |name: &str| {
            let text = self.members.get(name).and_then(Value::as_str);
            text.is_some_and(|text| !text.trim().is_empty())
        };
        if !has_text("certification_name") {
            return Err(CertificationError::NoName);
        }
        if app != issuer && !has_text("certification_issuer") {
            return Err(CertificationError::NoIssuerName);
        }
        if self.uris.is_empty() {
            return Err(CertificationError::NoUris);
        }
        let status = self.members.get("certification_status_endpoint");
        if status.is_some_and(|url| !url.as_str().is_some_and(is_https)) {
            return Err(CertificationError::StatusEndpoint);
        }
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        claim("iss", json!(issuer));
        claim("sub", json!(app));
        claim("iat", json!(now.unix_timestamp()));
        claim("exp", json!(self.ends_at(identity, now).unix_timestamp()));
        claim("jti", json!(jti));
        claim("certification_uris", json!(self.uris));
        claims.extend(self.members.clone());
        claims.extend(self.restrictions.clone());
        Ok(claims)
    }

    /// Signs the certification: a compact JWS with `alg` and `x5c`.
    ///
    /// # Errors
    /// Those of [`CertificationRequest::claims`]; [`CertificationError::Signer`].
    pub fn sign(
        &self,
        identity: &Identity,
        now: OffsetDateTime,
        jti: &str,
    ) -> Result<String, CertificationError> {
        let claims = self.claims(identity, now, jti)?;
        Ok(identity.signer().sign(&claims, None)?)
    }

    fn member(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }
}

fn is_https(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use udap::algorithm::Algorithm;
    use udap_testkit::TestCommunity;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
    const CERTIFIER: &str = "https://certifier.example.org";
    const APP: &str = "https://app.example.org";
    const BASIC: &str = "https://community.example.org/certifications/basic";

    fn certifier() -> Identity {
        let leaf = TestCommunity::new("certifiers", NOW).client(CERTIFIER);
        Identity::from_pem(leaf.chain_pem().as_bytes(), leaf.key().pem().as_bytes()).unwrap()
    }

    fn good() -> CertificationRequest {
        CertificationRequest::new("Basic")
            .app(APP)
            .uri(BASIC)
            .issuer_name("Example Certifier")
            .lifetime(Duration::days(90))
    }

    fn refused(request: &CertificationRequest) -> CertificationError {
        request.claims(&certifier(), NOW, "j").unwrap_err()
    }

    /// Proves: F05, F13
    #[test]
    fn a_certification_has_the_members_that_the_specification_asks_for() {
        let identity = certifier();
        let request = good()
            .audience("https://emr.example.org/udap/default/register")
            .restrict_json(br#"{"scope": "system/*.read", "ip_allowed": ["192.0.2.7"]}"#)
            .unwrap();
        let token = request.sign(&identity, NOW, "the-jti").unwrap();
        let verified = udap::jws::verify(&token, &Algorithm::ALL).unwrap();
        assert_eq!(verified.x5c().leaf(), identity.leaf());
        let iat = NOW.unix_timestamp();
        assert_eq!(
            Value::Object(verified.payload().clone()),
            json!({
                "iss": CERTIFIER, "sub": APP, "iat": iat, "exp": iat + 90 * 86_400, "jti": "the-jti",
                "aud": "https://emr.example.org/udap/default/register",
                "certification_name": "Basic",
                "certification_issuer": "Example Certifier",
                "certification_uris": [BASIC],
                "scope": "system/*.read",
                "ip_allowed": ["192.0.2.7"],
            })
        );
    }

    /// Proves: F13
    #[test]
    fn what_a_server_would_not_accept_is_not_signed() {
        use CertificationError as E;
        assert_eq!(refused(&good().issuer_name(" ")), E::NoIssuerName);
        assert_eq!(
            refused(&CertificationRequest::new("").uri(BASIC)),
            E::NoName
        );
        assert_eq!(refused(&CertificationRequest::new("Basic")), E::NoUris);
        for endpoint in ["http://certifier.example.org/status", "status", ""] {
            let request = good().status_endpoint(endpoint);
            assert_eq!(refused(&request), E::StatusEndpoint, "{endpoint}");
        }
        assert!(matches!(
            refused(&good().certifier("https://elsewhere.example.org")),
            E::Certifier(StatementError::ForeignUri { .. })
        ));
        assert_eq!(
            good()
                .restrict("jwks_uri", json!("https://x/"))
                .unwrap_err(),
            E::JwksUri
        );
        for name in [
            "iss",
            "exp",
            "certification_name",
            "redirect_uri",
            "is_endorsement",
        ] {
            assert_eq!(
                good().restrict(name, json!("x")).unwrap_err(),
                E::UnknownRestriction(name.to_owned())
            );
        }
    }

    /// Proves: F13
    #[test]
    fn an_app_certifies_itself_without_naming_a_certifier() {
        let request = CertificationRequest::new("Seal").uri(BASIC).endorsement();
        let claims = request.claims(&certifier(), NOW, "j").unwrap();
        assert_eq!(claims["sub"], claims["iss"]);
        assert_eq!(claims["is_endorsement"], true);
        assert!(!claims.contains_key("certification_issuer"));
    }

    /// Proves: F06
    #[test]
    fn it_lives_three_years_at_most_and_never_beyond_its_certificate() {
        let identity = certifier();
        let long = good().lifetime(Duration::days(1_095));
        let claims = long.claims(&identity, NOW, "j").unwrap();
        assert_eq!(claims["exp"], identity.leaf().not_after().unix_timestamp());
        assert_eq!(
            refused(&good().lifetime(Duration::days(1_096))),
            CertificationError::TooLong
        );
        assert_eq!(
            refused(&good().lifetime(Duration::ZERO)),
            CertificationError::TooShort
        );
        let late = identity.leaf().not_after() + Duration::SECOND;
        assert!(good().claims(&identity, late, "j").is_err());
    }

    /// Proves: F08
    #[test]
    fn a_wildcard_out_of_place_is_pointed_out() {
        let doubts = |uris: Value| {
            let request = good().restrict("redirect_uris", uris).unwrap();
            request.doubts().len()
        };
        assert_eq!(
            doubts(json!([
                "https://a.example.org/*",
                "https://a.example.org/cb?x=*"
            ])),
            0
        );
        assert_eq!(
            doubts(json!([
                "https://*.example.org/cb",
                "https://a.example.org/cb*"
            ])),
            2
        );
        let beside = good()
            .restrict("redirect_uris", json!(["https://a.example.org/cb"]))
            .and_then(|one| one.restrict("grant_types", json!(["client_credentials"])))
            .and_then(|one| one.restrict("contacts", json!(["tel:1"])));
        assert_eq!(beside.unwrap().doubts().len(), 2);
    }
}
