//! Certifications and endorsements, from the request to what is approved.

mod support;

use std::sync::Arc;

use serde_json::{Value, json};
use support::{APP, ENDPOINT, NOW, Verdict, World, certificates, community, crl_store};
use time::{Duration, OffsetDateTime};
use udap::certificate::Certificate;
use udap::certification::{Certifiers, RecognisedCertification};
use udap::error::Refusal;
use udap::limits;
use udap::registry::Registered;
use udap::response;
use udap::site::TokenMode;
use udap::trust::{
    Crl, CrlStore, Fetched, NoCrlAddress, RevocationMode, TrustNeed, TrustPolicy, TrustStore,
};
use udap_testkit::{
    CertificationBuilder, KeyKind, LeafFlaw, SigningAlgorithm, StatementBuilder, TestCommunity,
    TestKey, TestLeaf,
};

const BASIC: &str = "https://programs.example.org/basic";
const GOLD: &str = "https://programs.example.org/gold";
const SELF: &str = "https://programs.example.org/self-declared";
const CERTIFIER: &str = "https://certifier.example.org/";

/// An app's community, and certifiers of another CA.
struct Scene {
    of: TestCommunity,
    certifiers: TestCommunity,
    app: TestLeaf,
    certifier: TestLeaf,
    world: World,
}

fn recognised(uri: &str, certifiers: Certifiers) -> RecognisedCertification {
    RecognisedCertification {
        uri: uri.to_owned(),
        required: false,
        certifiers,
    }
}

fn by(certifiers: &TestCommunity, issuers: &[&str]) -> Certifiers {
    let (anchors, _) = certificates(certifiers);
    Certifiers::Recognised {
        issuers: issuers.iter().map(|&one| one.to_owned()).collect(),
        trust: Arc::new(TrustPolicy {
            store: TrustStore::new(anchors, Vec::new(), Vec::new()).unwrap(),
            revocation: RevocationMode::Required,
            no_crl_address: NoCrlAddress::Accept,
            aia: true,
            ocsp: true,
        }),
    }
}

impl Scene {
    fn new() -> Self {
        Self::with(|of, certifiers| crl_store(&[of, certifiers]))
    }

    fn with(crls: impl FnOnce(&TestCommunity, &TestCommunity) -> CrlStore) -> Self {
        let of = TestCommunity::new("example", NOW);
        let certifiers = TestCommunity::new("certifiers", NOW);
        let mut configured = community(&of);
        configured.certifications = vec![
            recognised(BASIC, by(&certifiers, &[CERTIFIER])),
            recognised(GOLD, by(&certifiers, &["https://gold.example.org/"])),
            recognised(SELF, Certifiers::App),
        ];
        let world = World::with(TokenMode::Gateway, vec![configured], crls(&of, &certifiers));
        Self {
            app: of.client(APP),
            certifier: certifiers.client(CERTIFIER),
            of,
            certifiers,
            world,
        }
    }

    fn statement(&self) -> StatementBuilder {
        self.app.statement(ENDPOINT, NOW)
    }

    fn basic(&self) -> CertificationBuilder {
        CertificationBuilder::new(&self.certifier, APP, BASIC, NOW)
    }

    fn post(&self, certifications: &[&CertificationBuilder]) -> Verdict {
        let tokens: Vec<_> = certifications.iter().map(|one| one.build()).collect();
        self.post_with(&self.statement(), &tokens)
    }

    fn post_with(&self, statement: &StatementBuilder, tokens: &[String]) -> Verdict {
        let mut body = statement.request();
        body["certifications"] = json!(tokens);
        self.world.post_body(&body)
    }
}

fn accepted(verdict: Verdict) -> Vec<String> {
    let approved = verdict.approved();
    let answer = response::registered(
        &approved,
        &Registered {
            client_id: "id".to_owned(),
            issued_at: NOW,
            created: true,
            enabled: true,
        },
    );
    match answer.get("certifications") {
        None => Vec::new(),
        Some(Value::Array(tokens)) => {
            assert!(!tokens.is_empty(), "left out rather than empty");
            tokens
                .iter()
                .map(|token| token.as_str().unwrap().to_owned())
                .collect()
        }
        other => panic!("{other:?}"),
    }
}

fn refusal(verdict: Verdict) -> Refusal {
    match verdict {
        Verdict::RefusedAfterTrust(refusal) => refusal,
        other => panic!("not refused after trust: {other:?}"),
    }
}

/// The error code, and the codes of all violations.
fn refused(verdict: Verdict) -> (&'static str, Vec<&'static str>) {
    let refusal = refusal(verdict);
    let codes = refusal.violations().iter().map(|one| one.code).collect();
    (refusal.code().as_str(), codes)
}

const IC: &str = "invalid_certification";
const UC: &str = "unapproved_certification";
const ICM: &str = "invalid_client_metadata";

/// Proves: F01, F04, F05, F07, F16, E08, N21
#[test]
fn good_ones_are_accepted_and_answered_in_the_order_of_the_request() {
    let scene = Scene::new();
    let basic = scene.basic();
    let endorsement = scene.basic().endorsement();
    let own = CertificationBuilder::self_signed(&scene.app, SELF, NOW);
    let expected: Vec<_> = [&own, &basic, &endorsement].map(|one| one.build()).to_vec();
    let verdict = scene.post(&[&own, &basic, &endorsement, &basic]);
    let approved = match &verdict {
        Verdict::Register(approved) => approved,
        other => panic!("{other:?}"),
    };
    let seen: Vec<_> = approved
        .certifications()
        .iter()
        .map(|one| (one.issuer(), one.uris(), one.is_endorsement()))
        .collect();
    assert_eq!(
        seen,
        [
            (APP, &[SELF.to_owned()][..], false),
            (CERTIFIER, &[BASIC.to_owned()][..], false),
            (CERTIFIER, &[BASIC.to_owned()][..], true),
        ]
    );
    assert_eq!(accepted(verdict), expected);
    for (kind, algorithm) in [
        (KeyKind::P256, SigningAlgorithm::Es256),
        (KeyKind::P384, SigningAlgorithm::Es384),
        (KeyKind::Rsa2048, SigningAlgorithm::Rs384),
    ] {
        let leaf = scene.certifiers.leaf(CERTIFIER).key_kind(kind).build();
        let one = CertificationBuilder::new(&leaf, APP, BASIC, NOW).algorithm(algorithm);
        assert_eq!(accepted(scene.post(&[&one])).len(), 1, "{algorithm:?}");
    }
}

/// Proves: F02, N21
#[test]
fn what_is_not_recognised_is_ignored_however_bad_it_is() {
    let scene = Scene::new();
    let other = "https://programs.example.org/other";
    let unknown = CertificationBuilder::new(&scene.certifier, APP, other, NOW);
    let tokens = [
        String::new(),
        "garbage".to_owned(),
        "a.b.c".to_owned(),
        unknown.build(),
        unknown.sign_with(&TestKey::stranger()).build(),
        scene.basic().without("certification_uris").build(),
        scene.basic().claim("certification_uris", BASIC).build(),
        scene
            .basic()
            .claim("certification_uris", json!([1]))
            .build(),
        scene
            .basic()
            .claim("certification_uris", json!([format!("{BASIC}/")]))
            .build(),
    ];
    assert!(accepted(scene.post_with(&scene.statement(), &tokens)).is_empty());
    let mut tokens = tokens.to_vec();
    let good = scene.basic().build();
    tokens.push(good.clone());
    assert_eq!(
        accepted(scene.post_with(&scene.statement(), &tokens)),
        [good]
    );
}

/// Proves: F04, F05, F06, F09, F10, F13, F14, E25, N21
#[test]
fn whatever_is_wrong_with_a_recognised_one_refuses_the_registration() {
    let scene = Scene::new();
    let at = |moment: OffsetDateTime| json!(moment.unix_timestamp());
    let good = || scene.basic();
    let years = |certification: CertificationBuilder, days: i64| {
        certification
            .claim("iat", at(NOW - Duration::days(days)))
            .claim("exp", at(NOW + Duration::days(30)))
    };
    for (what, certification, code) in [
        (
            "a foreign signature",
            good().sign_with(&TestKey::stranger()),
            "certification_signature",
        ),
        (
            "alg none",
            good().algorithm(SigningAlgorithm::None),
            "certification_alg",
        ),
        ("rs256", good().header("alg", "rs256"), "certification_alg"),
        (
            "no x5c",
            good().without_header("x5c"),
            "certification_malformed",
        ),
        (
            "crit",
            good().header("crit", json!([])),
            "certification_malformed",
        ),
        (
            "another's sub",
            good().claim("sub", "https://other.example.org/"),
            "certification_sub",
        ),
        ("no sub", good().without("sub"), "certification_sub"),
        (
            "an iss that the certificate does not name",
            good().claim("iss", "https://certifier.example.org"),
            "certification_iss",
        ),
        (
            "for another endpoint",
            good().claim("aud", "https://other.example.org/register"),
            "certification_aud",
        ),
        (
            "expired",
            good().claim("exp", at(NOW - Duration::seconds(60))),
            "certification_expired",
        ),
        (
            "from the future",
            good().claim("iat", at(NOW + Duration::seconds(61))),
            "certification_iat",
        ),
        (
            "not valid yet",
            good().claim("nbf", at(NOW + Duration::days(1))),
            "certification_nbf",
        ),
        ("no exp", good().without("exp"), "certification_time"),
        ("no iat", good().without("iat"), "certification_time"),
        (
            "exp a string",
            good().claim("exp", "1900000000"),
            "certification_time",
        ),
        ("no jti", good().without("jti"), "certification_jti"),
        (
            "longer than three years",
            years(good(), 3 * 365),
            "certification_lifetime",
        ),
        (
            "longer than its certificate",
            good().claim(
                "exp",
                at(scene.certifier.not_after() + Duration::seconds(1)),
            ),
            "certification_outlives_certificate",
        ),
        (
            "no name",
            good().without("certification_name"),
            "certification_name",
        ),
        (
            "no issuer",
            good().without("certification_issuer"),
            "certification_issuer",
        ),
        (
            "jwks_uri",
            good().claim("jwks_uri", "https://app.example.org/jwks"),
            "certification_jwks_uri",
        ),
        (
            "a contact of another kind",
            good().claim("contacts", json!(["mailto:ops@example.org", "tel:1"])),
            "certification_contacts",
        ),
        (
            "redirect URIs of a service",
            good()
                .claim("grant_types", json!(["client_credentials"]))
                .claim("redirect_uris", json!(["https://app.example.org/cb"])),
            "certification_redirect_uris",
        ),
        (
            "is_endorsement a string",
            good().claim("is_endorsement", "true"),
            "certification_member",
        ),
        (
            "a URI that is none",
            good().claim("certification_uris", json!([BASIC, 1])),
            "certification_member",
        ),
        (
            "developer_address a string",
            good().claim("developer_address", "Main Street"),
            "certification_member",
        ),
        (
            "a status endpoint in plain http",
            good().claim(
                "certification_status_endpoint",
                "http://certifier.example.org/",
            ),
            "certification_status_endpoint",
        ),
        ("sub twice", good().duplicate_claim("sub", APP), ""),
    ] {
        let verdict = scene.post(&[&certification]);
        if code.is_empty() {
            // Not even readable: not recognised.
            assert!(accepted(verdict).is_empty(), "{what}");
        } else {
            assert_eq!(refused(verdict), (IC, vec![code]), "{what}");
        }
    }
    for (what, certification) in [
        ("three years", years(good(), 3 * 365 - 30)),
        ("our endpoint", good().claim("aud", ENDPOINT)),
        (
            "our endpoint among others",
            good().claim("aud", json!(["https://other.example.org/", ENDPOINT])),
        ),
        (
            "a member that nobody knows",
            good().claim("seal", json!({"colour": "gold"})),
        ),
        (
            "within the skew",
            good().claim("iat", at(NOW + Duration::seconds(60))),
        ),
    ] {
        assert_eq!(accepted(scene.post(&[&certification])).len(), 1, "{what}");
    }
}

/// Proves: F07, F09, F10, E25
#[test]
fn a_certifier_that_is_not_trusted_refuses_the_registration() {
    let scene = Scene::new();
    let stranger = TestCommunity::new("stranger", NOW);
    let revoked = scene.certifiers.client(CERTIFIER);
    let on_basic = |leaf: &TestLeaf| CertificationBuilder::new(leaf, APP, BASIC, NOW);
    let flawed = |flaw| on_basic(&scene.certifiers.leaf(CERTIFIER).flaw(flaw).build());
    for (what, certification, code) in [
        (
            "a foreign CA",
            on_basic(&stranger.client(CERTIFIER)),
            "issuer_unknown",
        ),
        (
            "the app's own community",
            on_basic(&scene.of.client(CERTIFIER)),
            "issuer_unknown",
        ),
        (
            "another certifier of the same CA",
            on_basic(&scene.certifiers.client("https://other.example.org/")),
            "certifier_not_recognised",
        ),
        (
            "the app itself",
            CertificationBuilder::self_signed(&scene.of.client(APP), BASIC, NOW),
            "certifier_not_recognised",
        ),
        (
            "somebody else for what the app declares itself",
            CertificationBuilder::new(&scene.certifier, APP, SELF, NOW),
            "certifier_not_the_app",
        ),
        (
            "one that is recognised for one of two",
            scene
                .basic()
                .claim("certification_uris", json!([BASIC, GOLD])),
            "certifier_not_recognised",
        ),
        (
            "not valid yet",
            flawed(LeafFlaw::NotYetValid),
            "certificate_not_yet_valid",
        ),
        ("a CA", flawed(LeafFlaw::CaLeaf), "leaf_is_ca"),
    ] {
        assert_eq!(
            refused(scene.post(&[&certification])),
            (UC, vec![code]),
            "{what}"
        );
    }
    // Before it is revoked, and after.
    assert_eq!(accepted(scene.post(&[&on_basic(&revoked)])).len(), 1);
    scene.certifiers.revoke(&revoked);
    let world = World::with(
        TokenMode::Gateway,
        {
            let mut configured = community(&scene.of);
            configured.certifications =
                vec![recognised(BASIC, by(&scene.certifiers, &[CERTIFIER]))];
            vec![configured]
        },
        crl_store(&[&scene.of, &scene.certifiers]),
    );
    let mut body = scene.statement().request();
    body["certifications"] = json!([on_basic(&revoked).build()]);
    assert_eq!(
        refused(world.post_body(&body)),
        (UC, vec!["certificate_revoked"])
    );
}

/// Proves: F07
#[test]
fn what_the_app_declares_itself_is_judged_by_its_community() {
    let scene = Scene::new();
    let own = |leaf: &TestLeaf| CertificationBuilder::self_signed(leaf, SELF, NOW);
    // Another certificate of the same app.
    assert_eq!(
        accepted(scene.post(&[&own(&scene.of.client(APP))])).len(),
        1
    );
    let stranger = TestCommunity::new("stranger", NOW);
    assert_eq!(
        refused(scene.post(&[&own(&stranger.client(APP))])),
        (UC, vec!["issuer_unknown"])
    );
    assert_eq!(
        refused(scene.post(&[&own(&scene.certifiers.client(APP))])),
        (UC, vec!["issuer_unknown"])
    );
}

/// Proves: F08, F13
#[test]
fn a_certification_restricts_what_is_registered() {
    let scene = Scene::new();
    let app = || {
        scene
            .statement()
            .authorization_code()
            .emr_direct()
            .claim("software_id", "app")
            .claim("software_version", "1.2")
            .claim("initiate_login_uri", "https://app.example.org/launch")
            .claim(
                "post_logout_redirect_uris",
                json!(["https://app.example.org/bye"]),
            )
    };
    let post = |name: &str, value: Value| {
        scene.post_with(&app(), &[scene.basic().claim(name, value).build()])
    };
    let leaf = &scene.app;
    let key = Certificate::from_der(leaf.der()).unwrap();
    let jwk = serde_json::to_value(key.key().unwrap().jwk()).unwrap();
    for (name, value) in [
        ("client_name", json!("Example App")),
        ("software_id", json!("app")),
        ("software_version", json!("1.2")),
        ("client_uri", json!("https://app.example.org/")),
        ("logo_uri", json!("https://app.example.org/logo.png")),
        ("tos_uri", json!("https://app.example.org/terms")),
        ("policy_uri", json!("https://app.example.org/privacy")),
        ("launch_uri", json!("https://app.example.org/launch")),
        (
            "initiate_login_uri",
            json!("https://app.example.org/launch"),
        ),
        (
            "post_logout_redirect_uris",
            json!(["https://app.example.org/bye", "https://app.example.org/"]),
        ),
        ("token_endpoint_auth_method", json!("private_key_jwt")),
        (
            "contacts",
            json!(["https://app.example.org/help", "mailto:ops@example.org"]),
        ),
        (
            "grant_types",
            json!(["authorization_code", "client_credentials", "refresh_token"]),
        ),
        ("response_types", json!(["code"])),
        ("redirect_uris", json!(["https://app.example.org/*"])),
        (
            "redirect_uris",
            json!([
                "https://app.example.org/callback",
                "https://app.example.org/other"
            ]),
        ),
        (
            "scope",
            json!("openid fhirUser offline_access launch/patient patient/*.read"),
        ),
        (
            "jwks",
            json!({"keys": [{"kty": "RSA", "n": "x", "e": "AQAB"}, jwk]}),
        ),
        ("jwks", json!(json!({"keys": [jwk]}).to_string())),
        ("ip_allowed", json!(["198.51.100.0/24"])),
    ] {
        assert_eq!(
            accepted(post(name, value.clone())).len(),
            1,
            "{name} {value}"
        );
    }
    for (name, value) in [
        ("client_name", json!("Example app")),
        ("software_id", json!("other")),
        ("software_version", json!("1.3")),
        ("client_uri", json!("https://app.example.org")),
        ("logo_uri", json!("https://app.example.org/logo.gif")),
        ("tos_uri", json!("https://app.example.org/")),
        ("policy_uri", json!("https://app.example.org/")),
        ("launch_uri", json!("https://app.example.org/other")),
        ("initiate_login_uri", json!("https://app.example.org/other")),
        (
            "post_logout_redirect_uris",
            json!(["https://app.example.org/other"]),
        ),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("contacts", json!(["mailto:other@example.org"])),
        ("grant_types", json!(["authorization_code"])),
        ("response_types", json!([])),
        ("redirect_uris", json!(["https://app.example.org/*/cb"])),
        ("redirect_uris", json!([])),
        (
            "scope",
            json!("openid fhirUser offline_access launch/patient"),
        ),
        ("scope", json!("patient/*.read")),
        (
            "jwks",
            json!({"keys": [{"kty": "RSA", "n": "x", "e": "AQAB"}]}),
        ),
    ] {
        let refusal = refusal(post(name, value.clone()));
        assert_eq!(refusal.code().as_str(), IC, "{name} {value}");
        let [violation] = refusal.violations() else {
            panic!("{name} {value}: {refusal:?}");
        };
        assert_eq!(violation.code, "certification_exceeded");
        assert!(violation.message.contains(name), "{violation:?}");
        assert_eq!(violation.pointer, "/certifications/0");
    }
    for (name, value) in [
        ("client_name", json!(["Example App"])),
        ("redirect_uris", json!("https://app.example.org/callback")),
        ("redirect_uris", json!(["https://*.example.org/callback"])),
        ("grant_types", json!([1])),
        ("scope", json!([])),
        ("jwks", json!([])),
        ("jwks", json!("keys")),
    ] {
        let (code, violations) = refused(post(name, value.clone()));
        assert_eq!(
            (code, &violations[..]),
            (IC, &["certification_member"][..]),
            "{name} {value}"
        );
    }
    // What is certified and not registered at all is not what was certified.
    let plain = scene.basic().claim("software_id", "app").build();
    assert_eq!(
        refused(scene.post_with(&scene.statement(), &[plain])),
        (IC, vec!["certification_exceeded"])
    );
}

/// Proves: F03, F11, N21
#[test]
fn one_that_is_required_must_be_there_and_hold() {
    let mut scene = Scene::new();
    let mut configured = community(&scene.of);
    configured.certifications = vec![
        RecognisedCertification {
            required: true,
            ..recognised(BASIC, by(&scene.certifiers, &[CERTIFIER]))
        },
        recognised(SELF, Certifiers::App),
    ];
    let crls = crl_store(&[&scene.of, &scene.certifiers]);
    scene.world = World::with(TokenMode::Gateway, vec![configured], crls);
    let own = CertificationBuilder::self_signed(&scene.app, SELF, NOW);
    let missing = (ICM, vec!["certification_missing"]);
    assert_eq!(refused(scene.world.post(&scene.statement())), missing);
    assert_eq!(refused(scene.post(&[])), missing);
    assert_eq!(refused(scene.post(&[&own])), missing);
    assert_eq!(accepted(scene.post(&[&scene.basic()])).len(), 1);
    // One that is there and broken is not said to be missing.
    let broken = scene.basic().without("jti");
    assert_eq!(
        refused(scene.post(&[&broken])),
        (IC, vec!["certification_jti"])
    );
    // Everything is told at once.
    let own = own.without("certification_name");
    assert_eq!(
        refused(scene.post(&[&own])),
        (IC, vec!["certification_name", "certification_missing"])
    );
    // A cancellation needs none (D12).
    let cancelled = scene.world.post(&scene.statement().cancellation());
    assert!(matches!(cancelled, Verdict::Cancel(_)), "{cancelled:?}");
}

/// Proves: F15
#[test]
fn its_certifier_is_asked_last_and_has_to_stand_to_it() {
    let scene = Scene::new();
    let endpoint = "https://certifier.example.org/status";
    let asking = scene
        .basic()
        .claim("certification_status_endpoint", endpoint);
    let post = |certifications: &[&CertificationBuilder], answer: Option<&[u8]>| {
        let tokens: Vec<_> = certifications.iter().map(|one| one.build()).collect();
        let mut body = scene.statement().request();
        body["certifications"] = json!(tokens);
        let mut asked = Vec::new();
        let verdict = scene.world.drive(
            body.to_string().as_bytes(),
            |_| Fetched::default(),
            |queries| {
                asked.extend(queries.iter().map(|one| one.url().to_owned()));
                queries.iter().map(|_| answer.map(<[u8]>::to_vec)).collect()
            },
        );
        (verdict, asked)
    };
    let (verdict, asked) = post(&[&scene.basic(), &asking], Some(br#"{"valid": true}"#));
    assert_eq!(accepted(verdict).len(), 2);
    let jti = asking.claim_value("jti").unwrap().as_str().unwrap();
    let exp = asking.claim_value("exp").unwrap();
    assert_eq!(asked, [format!("{endpoint}?jti={jti}&exp={exp}")]);

    let (verdict, _) = post(&[&scene.basic(), &asking], Some(br#"{"valid": false}"#));
    let withdrawn = refusal(verdict);
    assert_eq!(withdrawn.violations()[0].code, "certification_withdrawn");
    assert_eq!(withdrawn.violations()[0].pointer, "/certifications/1");
    assert_eq!(withdrawn.retry_after_seconds(), None);
    for answer in [None, Some(&b"gone"[..]), Some(br#"{"valid": "true"}"#)] {
        let unknown = refusal(post(&[&asking], answer).0);
        assert_eq!(unknown.code().as_str(), IC);
        assert_eq!(unknown.violations()[0].code, "certification_status_unknown");
        assert!(unknown.retry_after_seconds().is_some());
    }
    // Nobody is asked about one that does not count anyway, nor beside one that does not.
    for certifications in [
        vec![asking.clone().without("jti")],
        vec![asking.clone().sign_with(&TestKey::stranger())],
        vec![asking.clone(), scene.basic().claim("sub", "urn:other")],
    ] {
        let certifications: Vec<_> = certifications.iter().collect();
        let (verdict, asked) = post(&certifications, Some(br#"{"valid": true}"#));
        refusal(verdict);
        assert!(asked.is_empty());
    }
}

/// Proves: F07
#[test]
fn what_a_certifiers_path_depends_on_is_fetched_and_unknown_status_invites_back() {
    let scene = Scene::with(|of, _| crl_store(&[of]));
    let lists: Vec<_> = (scene.certifiers.crls().iter())
        .map(|der| Arc::new(Crl::from_der(der).unwrap()))
        .collect();
    let leaf = (scene.certifiers.leaf(CERTIFIER))
        .issuer_addresses(&["http://ca.example.net/intermediate.cer"])
        .crl_addresses(&["http://ca.example.net/intermediate.crl"])
        .build();
    let only_leaf =
        CertificationBuilder::new(&leaf, APP, BASIC, NOW).x5c(vec![leaf.x5c().remove(0)]);
    let intermediate = Certificate::from_der(scene.certifiers.intermediate().der()).unwrap();
    let post = |bring_lists: bool| {
        let mut body = scene.statement().request();
        body["certifications"] = json!([only_leaf.build()]);
        let mut issuers = 0;
        let verdict = scene.world.drive(
            body.to_string().as_bytes(),
            |needs| {
                let mut fetched = Fetched::default();
                for need in needs {
                    match need {
                        TrustNeed::Issuer { .. } => {
                            issuers += 1;
                            fetched.certificates.push(intermediate.clone());
                        }
                        TrustNeed::Crl(_) if bring_lists => fetched.crls.clone_from(&lists),
                        _ => {}
                    }
                }
                fetched
            },
            |_| Vec::new(),
        );
        (verdict, issuers)
    };
    let (verdict, issuers) = post(true);
    assert_eq!(accepted(verdict).len(), 1);
    assert_eq!(issuers, 1);
    let unknown = refusal(post(false).0);
    assert_eq!(unknown.code().as_str(), UC);
    assert_eq!(unknown.violations()[0].code, "revocation_unknown");
    assert!(unknown.retry_after_seconds().is_some());
}

/// Proves: F07
#[test]
fn all_certifications_of_a_request_share_one_budget_of_issuers() {
    let scene = Scene::new();
    let stranger = TestCommunity::new("stranger", NOW);
    let certifications: Vec<_> = (0..limits::CERTIFICATIONS)
        .map(|number| {
            let urls: Vec<_> = (0..3)
                .map(|other| format!("http://ca.example.net/{number}-{other}.cer"))
                .collect();
            let urls: Vec<_> = urls.iter().map(String::as_str).collect();
            let leaf = stranger.leaf(CERTIFIER).issuer_addresses(&urls).build();
            CertificationBuilder::new(&leaf, APP, BASIC, NOW).x5c(vec![leaf.x5c().remove(0)])
        })
        .collect();
    let mut body = scene.statement().request();
    body["certifications"] = certifications
        .iter()
        .map(|one| json!(one.build()))
        .collect();
    let mut asked = 0;
    let verdict = scene.world.drive(
        body.to_string().as_bytes(),
        |needs| {
            asked += needs.len();
            Fetched::default()
        },
        |_| Vec::new(),
    );
    let (code, violations) = refused(verdict);
    assert_eq!(code, UC);
    assert!(violations.iter().all(|one| *one == "issuer_unknown"));
    assert!(asked <= limits::AIA_FETCHES, "{asked}");
}

/// Proves: F10
#[test]
fn all_that_is_wrong_with_one_is_told() {
    let scene = Scene::new();
    let wrong = CertificationBuilder::self_signed(&scene.app, BASIC, NOW)
        .without("jti")
        .claim("client_name", "Another App")
        .claim(
            "certification_status_endpoint",
            "http://certifier.example.org/",
        );
    let (code, mut told) = refused(scene.post(&[&wrong]));
    told.sort_unstable();
    assert_eq!(code, IC);
    assert_eq!(
        told,
        [
            "certification_exceeded",
            "certification_jti",
            "certification_status_endpoint",
            "certifier_not_recognised",
        ]
    );
}

#[test]
fn of_many_recognised_ones_the_first_five_are_looked_at() {
    let scene = Scene::new();
    let mut tokens: Vec<_> = (0..limits::CERTIFICATIONS)
        .map(|_| scene.basic().build())
        .collect();
    let first = tokens.clone();
    tokens.push(scene.basic().sign_with(&TestKey::stranger()).build());
    assert_eq!(
        accepted(scene.post_with(&scene.statement(), &tokens)),
        first
    );
    tokens.rotate_right(1);
    assert_eq!(
        refused(scene.post_with(&scene.statement(), &tokens)),
        (IC, vec!["certification_signature"])
    );
}
