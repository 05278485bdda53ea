//! Two communities, two sites, and apps whose statements pass every check.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use udap::certificate::Certificate;
use udap::community::Community;
use udap::enable::EnablePolicy;
use udap::registrar::{Registrar, Step, TokenStep};
use udap::registry::{OperatorAction, RequestContext, Standing};
use udap::rules::{ContactMatch, LinkChecks, Profile};
use udap::site::{Site, TokenMode};
use udap::statement::{ApprovedRegistration, Cancellation, TrustedStatement};
use udap::token::{AuthorizedRequest, TokenClient};
use udap::trust::{CertvalJudge, CrlStore, NoCrlAddress, RevocationMode, TrustPolicy, TrustStore};
use udap_testkit::{KeyKind, SigningAlgorithm, StatementBuilder, TestCommunity, TestKey, TestLeaf};

/// The site that most tests use.
pub(super) const SITE: &str = "default";
/// Another one.
pub(super) const OTHER_SITE: &str = "other";
/// The app that most tests use.
pub(super) const APP: &str = "https://app.example.org/client";

/// The type of client assertion (RFC 7523 §2.2), as a form has it.
const ASSERTION_TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

/// The world around a store.
#[derive(Debug)]
pub struct World {
    /// The community that most tests use.
    pub community: TestCommunity,
    /// Another one, which switches every app on.
    pub other_community: TestCommunity,
    registrar: Registrar,
    requests: AtomicU64,
}

impl World {
    /// When everything happens.
    pub const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

    /// A world in which the first community enables apps by this policy.
    #[must_use]
    pub fn new(enable: EnablePolicy) -> Self {
        let community = TestCommunity::new("one", Self::NOW);
        let other_community = TestCommunity::new("two", Self::NOW);
        let registrar = Registrar::new(
            vec![site(SITE), site(OTHER_SITE)],
            vec![
                policy("one", &community, enable),
                policy("two", &other_community, EnablePolicy::All),
            ],
            Arc::new(CertvalJudge::new()),
            Duration::seconds(60),
        )
        .expect("sites and communities go together");
        Self {
            community,
            other_community,
            registrar,
            requests: AtomicU64::new(0),
        }
    }

    /// A new certificate of the app, with a key of its own.
    #[must_use]
    pub fn leaf(&self, uri: &str) -> TestLeaf {
        self.community
            .leaf(uri)
            .key(&TestKey::generate(KeyKind::Rsa2048))
            .build()
    }

    /// A statement for the site that most tests use, made now.
    pub fn statement(&self, leaf: &TestLeaf) -> StatementBuilder {
        leaf.statement(&endpoint(SITE), Self::NOW)
    }

    /// A statement for another site.
    pub fn statement_at(&self, leaf: &TestLeaf, site: &str) -> StatementBuilder {
        leaf.statement(&endpoint(site), Self::NOW)
    }

    /// A request of its own: nothing in it was there before.
    #[must_use]
    pub fn context(&self) -> RequestContext {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        RequestContext {
            request_id: format!("request-{number}"),
            now: Self::NOW,
            remote_address: Some([192, 0, 2, 1].into()),
            new_client_id: format!("client-{number}"),
        }
    }

    /// An operator's word.
    #[must_use]
    pub fn action(&self, client_id: &str) -> OperatorAction {
        OperatorAction {
            client_id: client_id.to_owned(),
            operator: "operator".to_owned(),
            reason: Some("a reason".to_owned()),
            now: Self::NOW,
        }
    }

    /// Takes a statement through all checks.
    ///
    /// # Panics
    /// If it does not pass.
    #[must_use]
    pub fn approve(&self, statement: &StatementBuilder) -> ApprovedRegistration {
        match self.run(statement) {
            Step::Register(approved) => *approved,
            other => panic!("not approved: {other:?}"),
        }
    }

    /// Takes a cancellation through all checks.
    ///
    /// # Panics
    /// If it does not pass.
    #[must_use]
    pub fn approve_cancellation(&self, statement: &StatementBuilder) -> Cancellation {
        match self.run(&statement.clone().cancellation()) {
            Step::Cancel(cancellation) => *cancellation,
            other => panic!("not approved: {other:?}"),
        }
    }

    /// Takes a statement as far as trust.
    ///
    /// # Panics
    /// If it does not come so far.
    #[must_use]
    pub fn trust(&self, statement: &StatementBuilder) -> TrustedStatement {
        match self.start(statement) {
            Step::NeedStanding(need) => need.statement().clone(),
            other => panic!("not trusted: {other:?}"),
        }
    }

    /// A client assertion for the site that most tests use, made now, which says what for.
    pub fn assertion(&self, leaf: &TestLeaf, client: &TokenClient) -> StatementBuilder {
        let audience = site(&client.site).token_endpoint;
        StatementBuilder::authentication(leaf, &client.client_id, &audience, Self::NOW)
            .algorithm(SigningAlgorithm::Rs384)
            .claim(
                "extensions",
                json!({"hl7-b2b": {
                    "version": "1",
                    "organization_id": "https://hospital.example.org",
                    "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
                }}),
            )
    }

    /// Takes a token request for `client_credentials` through all checks.
    ///
    /// # Panics
    /// If it does not pass.
    #[must_use]
    pub fn authorize(
        &self,
        client: &TokenClient,
        assertion: &StatementBuilder,
    ) -> AuthorizedRequest {
        let sites = self.registrar.sites();
        let site = sites.iter().find(|site| site.id == client.site);
        let site = site.expect("the client is at one of the sites");
        let body = format!(
            "grant_type=client_credentials&udap=1&client_assertion_type={ASSERTION_TYPE}\
             &client_assertion={}",
            assertion.build()
        );
        let issued = assertion
            .claim_value("iat")
            .and_then(serde_json::Value::as_i64);
        let now = issued
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .expect("the assertion has a time");
        let crls = CrlStore::new(Vec::new());
        match self.registrar.start_token(site, body.as_bytes(), now) {
            TokenStep::NeedClient(need) => {
                match need.supply(&self.registrar, Some(client.clone()), &crls, now) {
                    TokenStep::Authorized(authorized) => *authorized,
                    other => panic!("not authorized: {other:?}"),
                }
            }
            other => panic!("not authorized: {other:?}"),
        }
    }

    fn run(&self, statement: &StatementBuilder) -> Step {
        match self.start(statement) {
            Step::NeedStanding(need) => need.supply(&self.registrar, Standing::Clear),
            other => other,
        }
    }

    fn start(&self, statement: &StatementBuilder) -> Step {
        let audience = statement.claim_value("aud").and_then(|aud| aud.as_str());
        let site = self
            .registrar
            .sites()
            .iter()
            .find(|site| Some(site.registration_endpoint.as_str()) == audience)
            .expect("the statement is for one of the sites");
        let body = statement.request().to_string();
        let issued = statement
            .claim_value("iat")
            .and_then(serde_json::Value::as_i64);
        let now = issued
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .expect("the statement has a time");
        self.registrar
            .start(site, body.as_bytes(), &CrlStore::new(Vec::new()), now)
    }
}

fn endpoint(site: &str) -> String {
    format!("https://emr.example.org/udap/{site}/register")
}

fn site(id: &str) -> Site {
    let scopes = [
        "openid",
        "fhirUser",
        "offline_access",
        "launch/patient",
        "patient/Patient.read",
        "patient/Observation.read",
        "system/Patient.read",
        "system/Observation.read",
    ];
    Site {
        id: id.to_owned(),
        fhir_base_url: format!("https://emr.example.org/apis/{id}/fhir"),
        registration_endpoint: endpoint(id),
        authorization_endpoint: Some(format!("https://emr.example.org/oauth2/{id}/authorize")),
        token_endpoint: format!("https://emr.example.org/oauth2/{id}/token"),
        token_mode: TokenMode::Direct,
        scopes: scopes.map(str::to_owned).to_vec(),
        verifies_code_assertions: true,
        require_pkce: false,
    }
}

fn policy(id: &str, community: &TestCommunity, enable: EnablePolicy) -> Community {
    let anchor = Certificate::from_der(community.root().der()).expect("the root decodes");
    Community {
        id: id.to_owned(),
        uri: format!("https://{id}.example.org/udap"),
        trust: TrustPolicy {
            store: TrustStore::new(vec![anchor], Vec::new(), Vec::new())
                .expect("the root is an anchor"),
            revocation: RevocationMode::Off,
            no_crl_address: NoCrlAddress::Accept,
            aia: false,
            ocsp: false,
        },
        profile: Profile::Hl7,
        contact_match: ContactMatch::Registrable,
        allow_client_credentials: true,
        allow_http_pages: false,
        link_checks: LinkChecks::Off,
        enable,
        // Launches have to be named.
        ceiling: None,
        sites: None,
        client_uri_prefixes: Vec::new(),
        certifications: Vec::new(),
        b2b: udap::token::B2bPolicy::default(),
    }
}
