//! A token endpoint with a gateway, before a stand-in for OpenEMR's that notes whatever arrives, all over
//! real sockets.

mod openemr;
mod registry;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use udap::certificate::Certificate;
use udap::certification::NoStatuses;
use udap::community::Community;
use udap::discovery::MetadataSigner;
use udap::enable::EnablePolicy;
use udap::jws::Signer;
use udap::registrar::Registrar;
use udap::rules::{ContactMatch, LinkChecks, Profile};
use udap::site::{Site, TokenMode};
use udap::trust::{
    CertvalJudge, Crl, CrlStore, KnownCrls, NoCrlAddress, NoFetching, RevocationMode, TrustPolicy,
    TrustStore,
};
use udap_axum::{
    Environment, Guard, Health, NoLinkChecks, RateLimits, Rules, Service, ServiceParts, SiteSigner,
    Tokens, TrustedProxies, router,
};
use udap_gateway::{Gateway, GatewaySite, KeyError, SigningKey, SigningKeys};
use udap_store::SqliteRegistry;
use udap_testkit::{StatementBuilder, TestCommunity, TestKey, TestLeaf};

pub(crate) use openemr::{Behaviour, OpenEmr};
pub(crate) use registry::Registrations;

pub(crate) const GRANT: (&str, &str) = ("grant_type", "client_credentials");
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
pub(crate) const APP: &str = "https://app.example.org/";
pub(crate) const ID: &str = "The-ID";
/// The `kid` in the app's row.
pub(crate) const KID: &str = "gateway-key-1";
/// What OpenEMR calls its own token endpoint, wherever it is reached.
pub(crate) const OPENEMR: &str = "https://emr.example.org/oauth2/default/token";
pub(crate) const ENDPOINT: &str = "https://emr.example.org/udap/default/token";
pub(crate) const GUARDED: &str = "/oauth2/default/token";
const BASE: &str = "https://emr.example.org/apis/default/fhir";
const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

static IDS: AtomicU64 = AtomicU64::new(0);

/// One key, under one name.
struct OneKey(Arc<SigningKey>);

impl SigningKeys for OneKey {
    fn key(&self, site: &str, kid: &str) -> Result<Option<Arc<SigningKey>>, KeyError> {
        Ok((site == "default" && kid == KID).then(|| Arc::clone(&self.0)))
    }
}

pub(crate) struct Scene {
    pub(crate) of: TestCommunity,
    pub(crate) leaf: TestLeaf,
    pub(crate) openemr: OpenEmr,
    pub(crate) registrations: Arc<Registrations>,
    pub(crate) service: Arc<Service>,
    pub(crate) http: reqwest::Client,
    address: SocketAddr,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn error(&self) -> (u16, &str) {
        (self.status, self.body["error"].as_str().unwrap_or_default())
    }

    /// The rule that a refusal names.
    pub(crate) fn rule(&self) -> &str {
        let text = self.body["error_description"].as_str().unwrap_or_default();
        text.rsplit('(')
            .next()
            .unwrap_or_default()
            .trim_end_matches(')')
    }
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::limited(RateLimits::new(0, 0)).await
    }

    pub(crate) async fn limited(limits: RateLimits) -> Self {
        let of = TestCommunity::new("example", NOW);
        let leaf = of.client(APP);
        let key = TestKey::rsa();
        let openemr = OpenEmr::start(&key).await;
        let registrations = Arc::new(Registrations::of(&leaf));
        let signing = SigningKey::from_pem(key.pem().as_bytes(), KID).unwrap();
        let environment = Environment {
            now: || NOW,
            random_id: || format!("id-{}", IDS.fetch_add(1, Ordering::SeqCst)),
        };
        let gateway = Gateway::new(
            vec![GatewaySite {
                id: "default".to_owned(),
                token_endpoint: OPENEMR.to_owned(),
                upstream: openemr.url(),
            }],
            Arc::new(OneKey(Arc::new(signing))),
            environment,
            Vec::new(),
        );
        let tokens = Tokens {
            registry: registrations.clone(),
            forwarder: Arc::new(gateway.unwrap()),
            guards: vec![Guard {
                site: "default".to_owned(),
                path: GUARDED.to_owned(),
            }],
        };
        let crls = of.crls();
        let crls = crls.iter().map(|der| Arc::new(Crl::from_der(der).unwrap()));
        let service = Arc::new(Service::new(ServiceParts {
            rules: rules(&of),
            registry: Arc::new(SqliteRegistry::open_in_memory(Vec::new()).await.unwrap()),
            fetcher: Arc::new(NoFetching),
            links: Arc::new(NoLinkChecks),
            statuses: Arc::new(NoStatuses),
            crls: KnownCrls::new(CrlStore::new(crls.collect())),
            limits,
            proxies: TrustedProxies::default(),
            tokens: Some(tokens),
            environment,
            default_for_unknown: false,
        }));
        let address = serve(router(&service)).await;
        Self {
            of,
            leaf,
            openemr,
            registrations,
            service,
            http: reqwest::Client::builder().build().unwrap(),
            address,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn assertion_of(&self, leaf: &TestLeaf) -> StatementBuilder {
        StatementBuilder::authentication(leaf, ID, ENDPOINT, NOW)
    }

    /// A good one, which says what for.
    pub(crate) fn assertion(&self) -> StatementBuilder {
        self.assertion_of(&self.leaf).claim("extensions", b2b())
    }

    /// Asks by client_credentials.
    pub(crate) async fn ask(&self, assertion: &StatementBuilder) -> Answer {
        let grant = [("grant_type", "client_credentials")];
        self.ask_for(assertion, &grant).await
    }

    pub(crate) async fn ask_for(
        &self,
        assertion: &StatementBuilder,
        parameters: &[(&str, &str)],
    ) -> Answer {
        self.post(&form(&assertion.build(), parameters)).await
    }

    pub(crate) async fn post(&self, body: &str) -> Answer {
        self.send(self.request(body)).await
    }

    pub(crate) fn request(&self, body: &str) -> reqwest::RequestBuilder {
        let request = self.http.post(self.url("/udap/default/token"));
        request.header("content-type", FORM).body(body.to_owned())
    }

    pub(crate) fn guarded(&self, body: &str) -> reqwest::RequestBuilder {
        let request = self.http.post(self.url(GUARDED));
        request.header("content-type", FORM).body(body.to_owned())
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.unwrap();
        Answer {
            status,
            headers,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        }
    }

    pub(crate) fn revoke(&self) {
        self.of.revoke(&self.leaf);
        let crls = self.of.crls();
        let crls = crls.iter().map(|der| Arc::new(Crl::from_der(der).unwrap()));
        self.service.crls().add(crls);
    }

    pub(crate) async fn problems(&self) -> Vec<String> {
        Health::look(&self.service).await.problems
    }
}

/// The app is one that users use.
pub(crate) fn for_users(scene: &Scene) {
    let texts = |text: &str| text.split(' ').map(str::to_owned).collect();
    scene.registrations.with(|state| {
        state.client.grant_types = texts("authorization_code refresh_token");
        state.client.scopes = texts("openid offline_access patient/Patient.read");
    });
}

pub(crate) fn b2b() -> Value {
    json!({"hl7-b2b": {
        "version": "1",
        "organization_id": "https://hospital.example.org",
        "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
    }})
}

pub(crate) fn form(assertion: &str, parameters: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(parameters)
        .append_pair("client_assertion_type", BEARER)
        .append_pair("client_assertion", assertion)
        .append_pair("udap", "1");
    form.finish()
}

async fn serve(routes: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

fn rules(of: &TestCommunity) -> Rules {
    let parse = |der: &[u8]| Certificate::from_der(der).unwrap();
    let scopes = "openid offline_access patient/Patient.read system/Patient.read";
    let site = Site {
        id: "default".to_owned(),
        fhir_base_url: BASE.to_owned(),
        registration_endpoint: "https://emr.example.org/udap/default/register".to_owned(),
        authorization_endpoint: Some("https://emr.example.org/oauth2/default/authorize".to_owned()),
        token_endpoint: ENDPOINT.to_owned(),
        token_mode: TokenMode::Gateway,
        scopes: scopes.split(' ').map(str::to_owned).collect(),
        verifies_code_assertions: true,
        require_pkce: false,
    };
    let store = TrustStore::new(
        vec![parse(of.root().der())],
        vec![parse(of.intermediate().der())],
        Vec::new(),
    );
    let community = Community {
        id: "example".to_owned(),
        uri: registry::COMMUNITY.to_owned(),
        trust: TrustPolicy {
            store: store.unwrap(),
            revocation: RevocationMode::Required,
            no_crl_address: NoCrlAddress::Accept,
            aia: true,
            ocsp: true,
        },
        profile: Profile::Hl7,
        contact_match: ContactMatch::Registrable,
        allow_client_credentials: true,
        allow_http_pages: false,
        link_checks: LinkChecks::Off,
        enable: EnablePolicy::All,
        ceiling: None,
        sites: None,
        client_uri_prefixes: Vec::new(),
        certifications: Vec::new(),
        b2b: udap::token::B2bPolicy::default(),
    };
    let registrar = Registrar::new(
        vec![site],
        vec![community],
        Arc::new(CertvalJudge::new()),
        Duration::seconds(60),
    );
    let leaf = of.server(BASE);
    let chain = Certificate::from_pem_bundle(leaf.chain_pem().as_bytes()).unwrap();
    let algorithm = udap::algorithm::Algorithm::Rs256;
    let signer = Signer::from_pem(algorithm, leaf.key().pem().as_bytes(), &chain).unwrap();
    let signers = vec![SiteSigner {
        site: "default".to_owned(),
        community: "example".to_owned(),
        signer: Arc::new(MetadataSigner::new(
            signer,
            chain[0].clone(),
            Duration::hours(24),
        )),
    }];
    Rules::new(registrar.unwrap(), signers).unwrap()
}
