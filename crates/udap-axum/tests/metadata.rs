//! How long signed metadata are kept, on a clock of the test's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tower::ServiceExt;
use udap::algorithm::Algorithm;
use udap::certificate::Certificate;
use udap::certification::NoStatuses;
use udap::community::Community;
use udap::discovery::MetadataSigner;
use udap::enable::EnablePolicy;
use udap::jws::{self, Signer};
use udap::registrar::Registrar;
use udap::rules::{ContactMatch, LinkChecks, Profile};
use udap::site::{Site, TokenMode};
use udap::trust::{
    CertvalJudge, KnownCrls, NoCrlAddress, NoFetching, RevocationMode, TrustPolicy, TrustStore,
};
use udap_axum::{
    Environment, NoLinkChecks, RateLimits, Rules, RulesError, Service, ServiceParts, SiteSigner,
    TrustedProxies, router,
};
use udap_store::SqliteRegistry;
use udap_testkit::{TestCommunity, TestLeaf};

const START: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
const BASE: &str = "https://emr.example.org/apis/default/fhir";
const PATH: &str = "/apis/default/fhir/.well-known/udap";

// The clock is a plain function, so that each test process has one: one test uses it.
static CLOCK: AtomicI64 = AtomicI64::new(0);
static IDS: AtomicU64 = AtomicU64::new(0);

fn at(since_start: Duration) {
    CLOCK.store(since_start.whole_seconds(), Ordering::SeqCst);
}

fn environment() -> Environment {
    Environment {
        now: || START + Duration::seconds(CLOCK.load(Ordering::SeqCst)),
        random_id: || format!("id-{}", IDS.fetch_add(1, Ordering::SeqCst)),
    }
}

fn registrar(of: &TestCommunity) -> Registrar {
    let parse = |der: &[u8]| Certificate::from_der(der).unwrap();
    let site = Site {
        id: "default".to_owned(),
        fhir_base_url: BASE.to_owned(),
        registration_endpoint: "https://emr.example.org/udap/default/register".to_owned(),
        authorization_endpoint: None,
        token_endpoint: "https://emr.example.org/udap/default/token".to_owned(),
        token_mode: TokenMode::Gateway,
        scopes: vec!["system/Patient.read".to_owned()],
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
        uri: "https://example.example.net/udap".to_owned(),
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
    Registrar::new(
        vec![site],
        vec![community],
        Arc::new(CertvalJudge::new()),
        Duration::seconds(60),
    )
    .unwrap()
}

async fn service(of: &TestCommunity, leaf: &TestLeaf) -> Result<Service, RulesError> {
    let chain = Certificate::from_pem_bundle(leaf.chain_pem().as_bytes()).unwrap();
    let signer = Signer::from_pem(Algorithm::Rs256, leaf.key().pem().as_bytes(), &chain).unwrap();
    let signer = MetadataSigner::new(signer, chain[0].clone(), Duration::hours(24));
    let signers = vec![SiteSigner {
        site: "default".to_owned(),
        community: "example".to_owned(),
        signer: Arc::new(signer),
    }];
    Ok(Service::new(ServiceParts {
        rules: Rules::new(registrar(of), signers)?,
        registry: Arc::new(SqliteRegistry::open_in_memory(Vec::new()).await.unwrap()),
        fetcher: Arc::new(NoFetching),
        links: Arc::new(NoLinkChecks),
        statuses: Arc::new(NoStatuses),
        crls: KnownCrls::default(),
        limits: RateLimits::new(0, 0),
        proxies: TrustedProxies::default(),
        tokens: None,
        environment: environment(),
        default_for_unknown: false,
    }))
}

/// Status, Cache-Control, and the claims of the signed metadata.
async fn get(routes: &Router) -> (StatusCode, String, Value) {
    let request = Request::get(PATH).body(Body::empty()).unwrap();
    let response = routes.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let cache = response.headers()["cache-control"]
        .to_str()
        .unwrap()
        .to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let claims = match serde_json::from_slice::<Value>(&body) {
        Err(_) => Value::Null,
        Ok(document) => {
            let token = document["signed_metadata"].as_str().unwrap();
            let verified = jws::verify(token, &[Algorithm::Rs256]).unwrap();
            Value::from(verified.payload().clone())
        }
    };
    (status, cache, claims)
}

/// Proves: A31, A32, A37, A42
#[tokio::test]
async fn metadata_are_signed_anew_at_half_life_and_never_beyond_their_certificate() {
    let of = TestCommunity::new("example", START);
    let until = START + Duration::hours(20);
    let leaf = of
        .leaf(BASE)
        .server()
        .validity(START - Duration::days(1), until)
        .build();
    at(Duration::ZERO);
    let routes = router(&Arc::new(service(&of, &leaf).await.unwrap()));

    let (status, cache, first) = get(&routes).await;
    assert_eq!(
        (status, cache.as_str()),
        (StatusCode::OK, "public, max-age=300")
    );
    assert_eq!(first["exp"], until.unix_timestamp());
    at(Duration::hours(10) - Duration::SECOND);
    assert_eq!(get(&routes).await.2, first, "kept until half its life");

    at(Duration::hours(10));
    let (_, _, second) = get(&routes).await;
    assert_ne!(second["jti"], first["jti"]);
    assert_eq!(
        second["iat"].as_i64().unwrap() - first["iat"].as_i64().unwrap(),
        36_000
    );
    assert_eq!(second["exp"], first["exp"]);

    at(Duration::hours(20) - Duration::seconds(100));
    let (_, cache, _) = get(&routes).await;
    assert_eq!(cache, "public, max-age=100", "not kept beyond its life");

    at(Duration::hours(20) + Duration::SECOND);
    let (status, cache, claims) = get(&routes).await;
    assert_eq!(
        (status, cache.as_str()),
        (StatusCode::NO_CONTENT, "no-store")
    );
    assert!(claims.is_null());
}

/// Proves: A28
#[tokio::test]
async fn a_server_certificate_for_another_base_url_stops_the_start() {
    let of = TestCommunity::new("example", START);
    let leaf = of.server(&format!("{BASE}/"));
    let refused = service(&of, &leaf).await;
    assert!(matches!(refused, Err(RulesError::NoSigner { .. })));
}
