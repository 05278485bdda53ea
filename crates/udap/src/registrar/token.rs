//! A token request's way through the checks, without I/O (G03–G17, decisions 23, 27).

use std::sync::Arc;

use time::OffsetDateTime;

use crate::community::Community;
use crate::registrar::Registrar;
use crate::registrar::material::Material;
use crate::site::Site;
use crate::token::{
    self, AuthorizedRequest, CurrentAssertion, SignedAssertion, TokenClient, TokenErrorCode,
    TokenForm, TokenGrant, TokenRefusal,
};
use crate::trust::{
    self, CrlStore, Distrust, Fetched, Outcome, RevokedCertificate, TrustNeed, TrustedPath,
};

/// Seconds after which an app may come again whose revocation status could not be learned.
const RETRY_UNKNOWN_STATUS_SECONDS: u32 = 60;

/// Where a token request stands.
#[derive(Debug)]
#[must_use]
pub enum TokenStep {
    /// Its assertion holds; is there such a client?
    NeedClient(Box<NeedClient>),
    /// Path building or revocation needs material.
    NeedTrust(Box<NeedTokenTrust>),
    /// Refused.
    Refused(TokenRefusal),
    /// Refused, since a certificate on its path is revoked, for the registry to remember
    /// (decisions 12).
    Revoked(TokenRefusal, Box<RevokedCertificate>),
    /// It may be recorded, and then forwarded.
    Authorized(Box<AuthorizedRequest>),
}

/// A token request whose assertion holds by itself.
#[derive(Debug)]
pub struct NeedClient {
    site: Arc<Site>,
    assertion: CurrentAssertion,
}

/// A token request whose certificate cannot be judged without material from outside.
#[derive(Debug)]
pub struct NeedTokenTrust {
    site: Arc<Site>,
    assertion: CurrentAssertion,
    client: TokenClient,
    community: Arc<Community>,
    material: Material,
}

impl Registrar {
    /// Takes a token request's form through signature and claims. It came without an `Authorization`
    /// header, which is the caller's to refuse (G01).
    pub fn start_token(&self, site: &Arc<Site>, body: &[u8], now: OffsetDateTime) -> TokenStep {
        let current = TokenForm::parse(body)
            .and_then(|form| {
                SignedAssertion::verify_with(form, site, |der| self.certificates.decode(der))
            })
            .and_then(|signed| CurrentAssertion::check(signed, site, self.clock_skew, now));
        match current {
            Ok(assertion) => TokenStep::NeedClient(Box::new(NeedClient {
                site: Arc::clone(site),
                assertion,
            })),
            Err(refusal) => TokenStep::Refused(refusal),
        }
    }
}

impl NeedClient {
    /// The `client_id` to look up.
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.assertion.client_id()
    }

    /// Goes on with the live registration of that id, `None` if there is none or it is switched off.
    pub fn supply(
        self,
        registrar: &Registrar,
        client: Option<TokenClient>,
        crls: &CrlStore,
        now: OffsetDateTime,
    ) -> TokenStep {
        let Some(client) = client.filter(|client| {
            client.client_id == self.assertion.client_id() && client.site == self.site.id
        }) else {
            return TokenStep::Refused(TokenRefusal::unknown_client());
        };
        // Its certificate must name the app, whichever of the community's it is (G06).
        if !(self.assertion.leaf().uri_names()).contains(&client.client_uri) {
            return TokenStep::Refused(TokenRefusal::unknown_client());
        }
        let community = registrar.communities().iter().find(|community| {
            community.uri == client.community_uri && community.serves(&self.site.id)
        });
        let Some(community) = community else {
            return TokenStep::Refused(TokenRefusal::unknown_client());
        };
        // Whom an operator does not admit any more gets nothing any more (C27).
        if !community.admits(&client.client_uri) {
            return TokenStep::Refused(TokenRefusal::unknown_client());
        }
        NeedTokenTrust {
            material: Material::of(self.assertion.candidates().to_vec()),
            site: self.site,
            assertion: self.assertion,
            client,
            community: Arc::clone(community),
        }
        .evaluate(registrar, crls, now)
    }
}

impl NeedTokenTrust {
    /// What to fetch.
    #[must_use]
    pub fn needs(&self) -> &[TrustNeed] {
        &self.material.needs
    }

    /// Goes on with what was fetched; `crls` must hold the CRLs among it already.
    pub fn supply(
        mut self,
        registrar: &Registrar,
        fetched: Fetched,
        crls: &CrlStore,
        now: OffsetDateTime,
    ) -> TokenStep {
        self.material.take(fetched);
        self.evaluate(registrar, crls, now)
    }

    /// By the registration's own community alone (decisions 24).
    fn evaluate(
        mut self,
        registrar: &Registrar,
        crls: &CrlStore,
        now: OffsetDateTime,
    ) -> TokenStep {
        let evidence = self.material.evidence(crls);
        let (outcome, revoked) = trust::evaluate_naming_revoked(
            &*registrar.judge,
            &self.community.trust,
            self.assertion.leaf(),
            &evidence,
            now,
        );
        match outcome {
            Outcome::Trusted(path) => {
                registrar.certificates.remember(path.leaf());
                for issuer in path.intermediates() {
                    registrar.certificates.remember(issuer);
                }
                match self.authorize(path) {
                    Ok(authorized) => TokenStep::Authorized(Box::new(authorized)),
                    Err(refusal) => TokenStep::Refused(refusal),
                }
            }
            Outcome::Need(needs) => {
                self.material.needs = needs;
                TokenStep::NeedTrust(Box::new(self))
            }
            Outcome::Untrusted(distrust) => {
                let refused = refusal(&distrust);
                let revoked = revoked.filter(|(place, _)| distrust == Distrust::Revoked(*place));
                match revoked {
                    Some((_, certificate)) => TokenStep::Revoked(refused, Box::new(certificate)),
                    None => TokenStep::Refused(refused),
                }
            }
        }
    }

    /// What is asked for, once it is known who asks.
    fn authorize(self, path: TrustedPath) -> Result<AuthorizedRequest, TokenRefusal> {
        let form = self.assertion.form();
        let grant = form.grant();
        if !self
            .client
            .grant_types
            .iter()
            .any(|one| one == grant.name())
        {
            return Err(TokenRefusal::new(
                TokenErrorCode::UnauthorizedClient,
                "G02",
                "the app is not registered for this grant type",
            ));
        }
        if let TokenGrant::AuthorizationCode {
            code_verifier: None,
            ..
        } = grant
            && self.site.require_pkce
        {
            return Err(TokenRefusal::invalid_request(
                "G19",
                "code_verifier is required: use PKCE",
            ));
        }
        // OpenEMR would say that it does not know the client.
        if let TokenGrant::AuthorizationCode {
            redirect_uri: Some(redirect_uri),
            ..
        } = grant
            && !self.client.redirect_uris.contains(redirect_uri)
        {
            return Err(TokenRefusal::new(
                TokenErrorCode::InvalidGrant,
                "G20",
                "redirect_uri is not registered",
            ));
        }
        let claims = self.assertion.claims();
        let extension = token::check_extensions(claims, grant, &self.community.b2b)?;
        let scopes = token::ask_for_scopes(form, claims, &self.client)?;
        Ok(AuthorizedRequest {
            assertion: self.assertion,
            site: self.site,
            community: self.community,
            client: self.client,
            path,
            extension,
            scopes,
        })
    }
}

/// A status that cannot be learned gives no token, and says so (decisions 23).
fn refusal(distrust: &Distrust) -> TokenRefusal {
    let message = format!("the app's certificate is not accepted: {distrust}");
    if distrust.may_pass() {
        TokenRefusal::new(TokenErrorCode::TemporarilyUnavailable, "G05", message)
            .retry_after(RETRY_UNKNOWN_STATUS_SECONDS)
    } else {
        TokenRefusal::invalid_client("G05", message)
    }
}
