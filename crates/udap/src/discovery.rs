//! UDAP metadata of a site, for one community (A01–A43; IG §2, UDAP Server Metadata §1).

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use crate::certificate::Certificate;
use crate::community::Community;
use crate::jws::{Signer, SignerError};
use crate::limits;
use crate::registrar::Registrar;
use crate::site::{Site, TokenMode};

/// A site's metadata as one community's apps see it, and until when it may be shown.
#[derive(Clone, Debug)]
pub struct SignedMetadata {
    /// The document, `signed_metadata` included.
    pub document: Map<String, Value>,
    /// When the signature expires.
    pub expires_at: OffsetDateTime,
    /// When it is time to sign anew: at half life (A32).
    pub renew_at: OffsetDateTime,
}

/// Why no metadata can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The community does not serve the site.
    #[error("the community does not serve the site")]
    NotServed,
    /// The server certificate does not name the site's FHIR base URL (A28).
    #[error("the server certificate does not name the FHIR base URL")]
    NotNamed,
    /// The server certificate has expired, or is not valid yet.
    #[error("the server certificate is not valid now")]
    Expired,
    /// The key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// What signs a community's metadata: its server certificate with key, and for how long.
#[derive(Debug)]
pub struct MetadataSigner {
    signer: Signer,
    leaf: Certificate,
    lifetime: Duration,
}

/// The longest life that the IG allows (A29).
const MAX_LIFETIME: Duration = Duration::days(365);

impl MetadataSigner {
    /// A signer for the leaf of `chain`, whose key `signer` holds.
    #[must_use]
    pub fn new(signer: Signer, leaf: Certificate, lifetime: Duration) -> Self {
        Self {
            signer,
            leaf,
            lifetime: lifetime.min(MAX_LIFETIME),
        }
    }

    /// The server certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.leaf
    }

    /// Whether the certificate names the site's FHIR base URL, octet by octet (A28).
    #[must_use]
    pub fn names(&self, site: &Site) -> bool {
        self.leaf.uri_names().contains(&site.fhir_base_url)
    }

    /// Signs a site's metadata. `jti` is a fresh random id (A31).
    ///
    /// # Errors
    /// If the community does not serve the site, or the certificate cannot speak for it now.
    pub fn sign(
        &self,
        registrar: &Registrar,
        site: &Site,
        community: &Community,
        jti: &str,
        now: OffsetDateTime,
    ) -> Result<SignedMetadata, MetadataError> {
        let mut document = document(registrar, site, community).ok_or(MetadataError::NotServed)?;
        if !self.names(site) {
            return Err(MetadataError::NotNamed);
        }
        if !self.leaf.is_valid_at(now) {
            return Err(MetadataError::Expired);
        }
        // Readers whose clock is behind ours must not find it in the future (decisions 10).
        let issued_at = now - limits::CLOCK_SKEW;
        let expires_at = (issued_at + self.lifetime).min(self.leaf.not_after());
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), json!(site.fhir_base_url));
        claims.insert("sub".to_owned(), json!(site.fhir_base_url));
        claims.insert("iat".to_owned(), json!(issued_at.unix_timestamp()));
        claims.insert("exp".to_owned(), json!(expires_at.unix_timestamp()));
        claims.insert("jti".to_owned(), json!(jti));
        for endpoint in [
            "authorization_endpoint",
            "token_endpoint",
            "registration_endpoint",
        ] {
            if let Some(url) = document.get(endpoint) {
                claims.insert(endpoint.to_owned(), url.clone());
            }
        }
        let signed = self.signer.sign(&claims, None)?;
        document.insert("signed_metadata".to_owned(), Value::String(signed));
        Ok(SignedMetadata {
            document,
            expires_at,
            renew_at: now + (expires_at - now) / 2,
        })
    }
}

/// The unsigned members, `None` if the community does not serve the site.
fn document(
    registrar: &Registrar,
    site: &Site,
    community: &Community,
) -> Option<Map<String, Value>> {
    let offer = registrar.offer(site, community)?;
    let grants = &offer.metadata.grants;
    let mut grant_types = Vec::new();
    if grants.authorization_code {
        grant_types.extend(["authorization_code", "refresh_token"]);
    }
    if grants.client_credentials {
        grant_types.push("client_credentials");
    }
    let mut profiles = vec!["udap_dcr", "udap_authn"];
    if grants.client_credentials {
        profiles.push("udap_authz");
    }
    // OpenEMR's own token endpoint ignores the extension, so a `direct` site offers none
    // (decisions 10).
    let extensions: &[&str] = match site.token_mode {
        TokenMode::Gateway if grants.client_credentials => &["hl7-b2b"],
        _ => &[],
    };
    // An extension that every token request must bring is one that codes bring too (A13).
    let extensions_required: &[&str] = if grants.authorization_code {
        &[]
    } else {
        extensions
    };
    let certifications = |required: bool| -> Vec<&str> {
        community
            .certifications
            .iter()
            .filter(|certification| certification.required || !required)
            .map(|certification| certification.uri.as_str())
            .collect()
    };
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("udap_versions_supported", json!(["1"]));
    put("udap_profiles_supported", json!(profiles));
    put("udap_authorization_extensions_supported", json!(extensions));
    put(
        "udap_authorization_extensions_required",
        json!(extensions_required),
    );
    put(
        "udap_certifications_supported",
        json!(certifications(false)),
    );
    put("udap_certifications_required", json!(certifications(true)));
    put("grant_types_supported", json!(grant_types));
    put(
        "scopes_supported",
        json!(offer.scopes.supported_for(offer.metadata.grants)),
    );
    if grants.authorization_code
        && let Some(url) = &site.authorization_endpoint
    {
        put("authorization_endpoint", json!(url));
    }
    put("token_endpoint", json!(site.token_endpoint));
    put(
        "token_endpoint_auth_methods_supported",
        json!(["private_key_jwt"]),
    );
    put(
        "token_endpoint_auth_signing_alg_values_supported",
        json!(site.token_algorithms()),
    );
    put("registration_endpoint", json!(site.registration_endpoint));
    put(
        "registration_endpoint_jwt_signing_alg_values_supported",
        json!(site.registration_algorithms()),
    );
    Some(members)
}
