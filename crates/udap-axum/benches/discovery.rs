//! What a site's metadata costs: signing it, which happens once in half its life, and answering
//! `GET …/.well-known/udap` from what is kept.

#[path = "../../udap/benches/support/mod.rs"]
mod support;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use criterion::Criterion;
use criterion::measurement::Measurement;
use http_body_util::BodyExt;
use support::{Comparison, CpuTime, Ratio};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tower::ServiceExt;
use udap::algorithm::Algorithm;
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
    CertvalJudge, KnownCrls, NoCrlAddress, NoFetching, RevocationMode, TrustPolicy, TrustStore,
};
use udap_axum::{
    Environment, NoLinkChecks, RateLimits, Rules, Service, ServiceParts, SiteSigner,
    TrustedProxies, router,
};
use udap_store::SqliteRegistry;
use udap_testkit::{KeyKind, TestCommunity, TestKey};

const AT: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
const BASE: &str = "https://emr.example.org/apis/default/fhir";
const PATH: &str = "/apis/default/fhir/.well-known/udap";

fn main() {
    let comparison = Comparison::new(vec![
        Ratio::new("metadata/sign", "metadata/bare signature", None),
        Ratio::new("metadata/GET", "metadata/sign", None),
    ]);
    let mut criterion = support::criterion(CpuTime::default());
    discovery(&mut criterion);
    criterion.final_summary();
    comparison.print();
}

fn discovery<M: Measurement>(criterion: &mut Criterion<M>) {
    let community = TestCommunity::new("example", AT);
    let key = TestKey::generate(KeyKind::Rsa2048);
    let leaf = community.leaf(BASE).server().key(&key).build();
    let chain: Vec<_> = leaf.certificates().map(decode).collect();
    let registrar = Arc::new(registrar(&community));
    let site = Arc::clone(registrar.site("default").expect("it has a site"));
    let served = Arc::clone(&registrar.communities()[0]);
    let signer = Signer::from_pem(Algorithm::Rs256, key.pem().as_bytes(), &chain)
        .expect("the key is the certificate's");
    let signer = Arc::new(MetadataSigner::new(
        signer,
        chain[0].clone(),
        Duration::days(1),
    ));

    let mut group = criterion.benchmark_group("metadata");
    let pair = aws_lc_rs::rsa::KeyPair::from_pkcs8(key.pkcs8_der()).expect("an RSA key");
    let random = aws_lc_rs::rand::SystemRandom::new();
    let mut signature = vec![0; pair.public_modulus_len()];
    group.bench_function("bare signature", |bencher| {
        bencher.iter(|| {
            pair.sign(
                &aws_lc_rs::signature::RSA_PKCS1_SHA256,
                &random,
                &[7; 4_000],
                &mut signature,
            )
            .expect("it signs");
        });
    });
    group.bench_function("sign", |bencher| {
        bencher.iter(|| {
            signer
                .sign(&registrar, &site, &served, "jti", AT)
                .expect("it signs")
        });
    });

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let routes = runtime.block_on(routes(&registrar, &signer));
    assert_eq!(
        runtime.block_on(get(&routes)),
        runtime.block_on(get(&routes))
    );
    group.bench_function("GET", |bencher| {
        bencher.iter(|| runtime.block_on(get(&routes)));
    });
    group.finish();
}

async fn get(routes: &Router) -> usize {
    let request = Request::get(PATH).body(Body::empty()).expect("a request");
    let response = routes.clone().oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.expect("a body");
    let length = body.to_bytes().len();
    assert!(length > 1_000);
    length
}

async fn routes(registrar: &Arc<Registrar>, signer: &Arc<MetadataSigner>) -> Router {
    let registry = SqliteRegistry::open_in_memory(Vec::new())
        .await
        .expect("a database in memory");
    let signers = vec![SiteSigner {
        site: "default".to_owned(),
        community: "example".to_owned(),
        signer: Arc::clone(signer),
    }];
    let rules = Rules::new(Arc::clone(registrar), signers);
    let service = Service::new(ServiceParts {
        rules: rules.expect("the signer speaks for the site"),
        registry: Arc::new(registry),
        fetcher: Arc::new(NoFetching),
        links: Arc::new(NoLinkChecks),
        statuses: Arc::new(NoStatuses),
        crls: KnownCrls::default(),
        limits: RateLimits::new(0, 0),
        proxies: TrustedProxies::default(),
        tokens: None,
        environment: Environment {
            now: || AT,
            random_id: || "random".to_owned(),
        },
        default_for_unknown: false,
    });
    router(&Arc::new(service))
}

fn registrar(community: &TestCommunity) -> Registrar {
    let site = Site {
        id: "default".to_owned(),
        fhir_base_url: BASE.to_owned(),
        registration_endpoint: "https://emr.example.org/udap/default/register".to_owned(),
        authorization_endpoint: Some("https://emr.example.org/oauth2/default/authorize".to_owned()),
        token_endpoint: "https://emr.example.org/oauth2/default/token".to_owned(),
        token_mode: TokenMode::Direct,
        scopes: vec![
            "patient/Patient.read".to_owned(),
            "system/Patient.read".to_owned(),
        ],
        verifies_code_assertions: true,
        require_pkce: false,
    };
    let root = decode(community.root().der());
    let community = Community {
        id: community.name().to_owned(),
        uri: "https://example.example.net/udap".to_owned(),
        trust: TrustPolicy {
            store: TrustStore::new(vec![root], Vec::new(), Vec::new())
                .expect("a root is an anchor"),
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
        enable: EnablePolicy::All,
        ceiling: None,
        sites: None,
        client_uri_prefixes: Vec::new(),
        certifications: Vec::new(),
        b2b: udap::token::B2bPolicy::default(),
    };
    let judge = Arc::new(CertvalJudge::new());
    Registrar::new(vec![site], vec![community], judge, Duration::seconds(60))
        .expect("site and community go together")
}

fn decode(der: &[u8]) -> Certificate {
    Certificate::from_der(der).expect("a certificate decodes")
}
