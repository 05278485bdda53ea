//! Whether to believe a server's metadata (A44; IG §2.3; UDAP Server Metadata §3).

use serde_json::{Map, Value};
use time::OffsetDateTime;
use udap::algorithm::Algorithm;
use udap::certificate::Certificate;
use udap::jws::{self, JwsError, VerifiedJws};
use udap::limits::CLOCK_SKEW;
use udap::trust::{Distrust, TrustedPath};
use url::Url;

use crate::client::Client;
use crate::discovery::{Discovery, DiscoveryError};
use crate::fetch::HttpError;
use crate::trust::Trust;

/// The endpoints that are in both parts.
const ENDPOINTS: [&str; 3] = [
    "token_endpoint",
    "registration_endpoint",
    "authorization_endpoint",
];

/// Why metadata must not be believed. A client stops here (A44).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// There is no signed part.
    #[error(transparent)]
    Missing(#[from] DiscoveryError),
    /// What fetches revocation lists cannot be set up.
    #[error(transparent)]
    Setup(#[from] HttpError),
    /// The signed part is no JWS signed with RS256 by its own certificate (A26, A27).
    #[error("signed_metadata is refused: {0}")]
    Jws(#[from] JwsError),
    /// A claim is missing or of the wrong kind.
    #[error("signed_metadata has no usable claim `{0}`")]
    Claim(&'static str),
    /// It was signed for another server (A28).
    #[error("signed_metadata is of `{issuer}`, not of the FHIR base URL `{base_url}`")]
    OtherServer {
        /// Its `iss`.
        issuer: String,
        /// What was asked.
        base_url: String,
    },
    /// The server's certificate does not name the server (A28).
    #[error("the server's certificate does not name the FHIR base URL `{base_url}`")]
    NotNamed {
        /// What was asked.
        base_url: String,
    },
    /// `sub` is not `iss` (A29).
    #[error("`sub` of signed_metadata is not its `iss`")]
    Subject,
    /// It has expired, or is from the future (A29, A44).
    #[error("signed_metadata is valid from {issued_at} to {expires_at} only")]
    NotValidNow {
        /// Its `iat`.
        issued_at: OffsetDateTime,
        /// Its `exp`.
        expires_at: OffsetDateTime,
    },
    /// An endpoint is not what was signed (A30, A33).
    #[error("`{0}` differs between the metadata and what the server signed")]
    Endpoint(&'static str),
    /// The server's certificate is not trusted (A44).
    #[error("the server's certificate is not trusted: {0}")]
    Distrust(Distrust),
}

/// Metadata whose signed part is the server's own, by a trusted certificate.
#[derive(Clone, Debug)]
pub struct VerifiedMetadata {
    path: TrustedPath,
    expires_at: OffsetDateTime,
}

impl VerifiedMetadata {
    /// The server's certificate and its path.
    #[must_use]
    pub fn path(&self) -> &TrustedPath {
        &self.path
    }

    /// Until when the metadata may be believed.
    #[must_use]
    pub fn expires_at(&self) -> OffsetDateTime {
        self.expires_at
    }
}

/// The signed part, with everything checked but the path.
struct SignedPart {
    jws: VerifiedJws,
    expires_at: OffsetDateTime,
}

impl SignedPart {
    fn leaf(&self) -> &Certificate {
        self.jws.x5c().leaf()
    }

    fn candidates(&self) -> &[Certificate] {
        self.jws.x5c().others()
    }

    fn trusted(
        self,
        path: Result<TrustedPath, Distrust>,
    ) -> Result<VerifiedMetadata, MetadataError> {
        Ok(VerifiedMetadata {
            path: path.map_err(MetadataError::Distrust)?,
            expires_at: self.expires_at,
        })
    }
}

impl Discovery {
    /// Verifies the signed metadata at `now`: signature, claims, endpoints, and the certificate's
    /// path by `trust` (A44). Fetches nothing.
    ///
    /// # Errors
    /// [`MetadataError`]: the first check that fails; the client must then stop.
    pub fn verify(
        &self,
        trust: &Trust,
        now: OffsetDateTime,
    ) -> Result<VerifiedMetadata, MetadataError> {
        let signed = self.signed_part(now)?;
        let path = trust.judge(signed.leaf(), signed.candidates(), now);
        signed.trusted(path)
    }

    /// As [`Discovery::verify`], fetching missing revocation lists with `client`.
    ///
    /// # Errors
    /// Those of [`Discovery::verify`].
    pub async fn verify_with(
        &self,
        client: &Client,
        trust: &Trust,
        now: OffsetDateTime,
    ) -> Result<VerifiedMetadata, MetadataError> {
        let signed = self.signed_part(now)?;
        let network = client.network(Url::parse(self.base_url()).ok().as_ref())?;
        let path = trust
            .judge_with(&network, signed.leaf(), signed.candidates(), now)
            .await;
        signed.trusted(path)
    }

    /// The certificate that signed the metadata, after all checks but that of its path: whether
    /// it can be trusted is not known.
    ///
    /// # Errors
    /// Those of [`Discovery::verify`], but for [`MetadataError::Distrust`].
    pub fn signer(&self, now: OffsetDateTime) -> Result<Certificate, MetadataError> {
        Ok(self.signed_part(now)?.leaf().clone())
    }

    fn signed_part(&self, now: OffsetDateTime) -> Result<SignedPart, MetadataError> {
        let jws = jws::verify(self.signed_metadata()?, &[Algorithm::Rs256])?;
        let claims = jws.payload();
        let issuer = text(claims, "iss")?;
        if issuer != self.base_url() {
            return Err(MetadataError::OtherServer {
                issuer: issuer.to_owned(),
                base_url: self.base_url().to_owned(),
            });
        }
        if !jws
            .x5c()
            .leaf()
            .uri_names()
            .iter()
            .any(|name| name == issuer)
        {
            return Err(MetadataError::NotNamed {
                base_url: issuer.to_owned(),
            });
        }
        if text(claims, "sub")? != issuer {
            return Err(MetadataError::Subject);
        }
        let (issued_at, expires_at) = (date(claims, "iat")?, date(claims, "exp")?);
        if issued_at > now + CLOCK_SKEW || expires_at <= now - CLOCK_SKEW || expires_at <= issued_at
        {
            return Err(MetadataError::NotValidNow {
                issued_at,
                expires_at,
            });
        }
        for endpoint in ENDPOINTS {
            let (signed, shown) = (claims.get(endpoint), self.document().get(endpoint));
            let both_absent_is_fine = endpoint == "authorization_endpoint";
            match (signed, shown) {
                (None, None) if both_absent_is_fine => {}
                (Some(signed), Some(shown)) if signed == shown => {}
                _ => return Err(MetadataError::Endpoint(endpoint)),
            }
        }
        Ok(SignedPart { jws, expires_at })
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, MetadataError> {
    claims
        .get(name)
        .and_then(Value::as_str)
        .ok_or(MetadataError::Claim(name))
}

fn date(claims: &Map<String, Value>, name: &'static str) -> Result<OffsetDateTime, MetadataError> {
    claims
        .get(name)
        .and_then(Value::as_i64)
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or(MetadataError::Claim(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::Duration;
    use time::macros::datetime;
    use udap::jws::Signer;
    use udap::trust::{Crl, CrlStore, NoCrlAddress, RevocationMode, TrustPolicy, TrustStore};
    use udap_testkit::{TestCommunity, TestLeaf};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
    const BASE: &str = "https://emr.example.org/apis/default/fhir";

    struct Server {
        community: TestCommunity,
        leaf: TestLeaf,
        document: Value,
        claims: Value,
    }

    impl Server {
        fn new() -> Self {
            let community = TestCommunity::new("example", NOW);
            let leaf = community.server(BASE);
            let endpoints = json!({
                "token_endpoint": "https://emr.example.org/token",
                "registration_endpoint": "https://emr.example.org/register",
                "authorization_endpoint": "https://emr.example.org/authorize",
            });
            let mut claims = endpoints.clone();
            let at = NOW.unix_timestamp();
            for (name, value) in [
                ("iss", json!(BASE)),
                ("sub", json!(BASE)),
                ("iat", json!(at - 60)),
                ("exp", json!(at + 3_600)),
                ("jti", json!("j")),
            ] {
                claims[name] = value;
            }
            Self {
                community,
                leaf,
                document: endpoints,
                claims,
            }
        }

        fn discovery(&self, algorithm: Algorithm) -> Discovery {
            let chain = Certificate::from_pem_bundle(self.leaf.chain_pem().as_bytes()).unwrap();
            let key = self.leaf.key().pem();
            let signer = Signer::from_pem(algorithm, key.as_bytes(), &chain).unwrap();
            let mut document = self.document.clone();
            let claims = self.claims.as_object().unwrap();
            document["signed_metadata"] = json!(signer.sign(claims, None).unwrap());
            Discovery::parse(BASE, None, document.to_string().as_bytes()).unwrap()
        }

        fn verify(&self) -> Result<VerifiedMetadata, MetadataError> {
            self.discovery(Algorithm::Rs256)
                .verify(&trust(&self.community), NOW)
        }

        fn with(mut self, name: &str, value: Value) -> Self {
            self.claims[name] = value;
            self
        }
    }

    fn trust(community: &TestCommunity) -> Trust {
        let root = Certificate::from_der(community.root().der()).unwrap();
        let policy = TrustPolicy {
            store: TrustStore::new(vec![root], Vec::new(), Vec::new()).unwrap(),
            revocation: RevocationMode::Required,
            no_crl_address: NoCrlAddress::Accept,
            aia: false,
            ocsp: false,
        };
        let crls = community.crls();
        let crls = crls
            .iter()
            .map(|der| Crl::from_der(der).unwrap().into())
            .collect();
        Trust::new(policy, CrlStore::new(crls))
    }

    /// Proves: A44
    #[test]
    fn good_metadata_is_believed_until_it_expires() {
        let server = Server::new();
        let verified = server.verify().unwrap();
        assert_eq!(verified.expires_at(), NOW + Duration::HOUR);
        assert_eq!(verified.path().leaf().der(), server.leaf.der());
    }

    /// Proves: A26
    #[test]
    fn another_algorithm_than_rs256_is_refused() {
        let server = Server::new();
        let discovery = server.discovery(Algorithm::Rs384);
        assert!(matches!(
            discovery.verify(&trust(&server.community), NOW),
            Err(MetadataError::Jws(JwsError::Algorithm))
        ));
    }

    /// Proves: A28, A44
    #[test]
    fn metadata_of_another_server_is_refused() {
        let other = json!("https://other.example.org/fhir");
        assert!(matches!(
            Server::new()
                .with("iss", other.clone())
                .with("sub", other.clone())
                .verify(),
            Err(MetadataError::OtherServer { .. })
        ));
        assert!(matches!(
            Server::new().with("sub", other).verify(),
            Err(MetadataError::Subject)
        ));
        let mut server = Server::new();
        server.leaf = server.community.server("https://other.example.org/fhir");
        assert!(matches!(
            server.verify(),
            Err(MetadataError::NotNamed { .. })
        ));
    }

    /// Proves: A29, A44
    #[test]
    fn expired_and_future_metadata_is_refused() {
        let at = NOW.unix_timestamp();
        for (iat, exp, fits) in [
            (at + 60, at + 100, true),
            (at + 61, at + 100, false),
            (at - 100, at - 59, true),
            (at - 100, at - 60, false),
            (at, at, false),
        ] {
            let verified = Server::new()
                .with("iat", json!(iat))
                .with("exp", json!(exp))
                .verify();
            assert_eq!(verified.is_ok(), fits, "{iat} {exp}: {verified:?}");
        }
        for bad in [json!(null), json!("1"), json!(1.5), json!(i64::MAX)] {
            assert!(matches!(
                Server::new().with("exp", bad).verify(),
                Err(MetadataError::Claim("exp"))
            ));
        }
    }

    /// Proves: A30, A33
    #[test]
    fn every_endpoint_must_be_the_signed_one() {
        for endpoint in ENDPOINTS {
            let forged = Server::new().with(endpoint, json!("https://evil.example.net/"));
            assert!(
                matches!(forged.verify(), Err(MetadataError::Endpoint(name)) if name == endpoint)
            );
            let missing = Server::new().with(endpoint, Value::Null);
            assert!(missing.verify().is_err());
        }
        let mut without = Server::new().with("authorization_endpoint", Value::Null);
        without.document["authorization_endpoint"] = Value::Null;
        assert!(without.verify().is_ok());
    }

    /// Proves: A44
    #[test]
    fn the_certificate_must_chain_to_an_anchor_and_not_be_revoked() {
        let server = Server::new();
        let stranger = TestCommunity::new("stranger", NOW);
        let discovery = server.discovery(Algorithm::Rs256);
        assert!(matches!(
            discovery.verify(&trust(&stranger), NOW),
            Err(MetadataError::Distrust(_))
        ));
        server.community.revoke(&server.leaf);
        assert!(matches!(
            server.verify(),
            Err(MetadataError::Distrust(Distrust::Revoked(_)))
        ));
    }

    /// Proves: A24, A44
    #[test]
    fn unsigned_or_tampered_metadata_is_refused() {
        let server = Server::new();
        let unsigned =
            Discovery::parse(BASE, None, server.document.to_string().as_bytes()).unwrap();
        assert!(matches!(
            unsigned.verify(&trust(&server.community), NOW),
            Err(MetadataError::Missing(_))
        ));
        let mut document = server.discovery(Algorithm::Rs256).document().clone();
        let signed = document["signed_metadata"].as_str().unwrap();
        let (input, signature) = signed.rsplit_once('.').unwrap();
        let flipped = if signature.starts_with('A') { "B" } else { "A" };
        document["signed_metadata"] = json!(format!("{input}.{flipped}{}", &signature[1..]));
        let tampered =
            Discovery::parse(BASE, None, Value::Object(document).to_string().as_bytes()).unwrap();
        assert!(matches!(
            tampered.verify(&trust(&server.community), NOW),
            Err(MetadataError::Jws(JwsError::Signature))
        ));
    }
}
