//! Token requests through the whole of the core: form, assertion, client, trust, extension, scopes.

mod support;

use serde_json::{Value, json};
use support::{APP, NOW, World, community, crl_store};
use time::Duration;
use udap::certificate::Certificate;
use udap::registrar::TokenStep;
use udap::site::TokenMode;
use udap::token::{AuthorizedRequest, TokenClient, TokenRefusal};
use udap::trust::{CrlStore, Fetched};
use udap_testkit::{
    KeyKind, LeafFlaw, SigningAlgorithm, StatementBuilder, TestCommunity, TestKey, TestLeaf,
};

const ID: &str = "the-id";
const CALLBACK: &str = "https://app.example.org/callback";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct Scene {
    of: TestCommunity,
    world: World,
    leaf: TestLeaf,
    client: TokenClient,
}

#[derive(Debug)]
enum End {
    Authorized(Box<AuthorizedRequest>),
    Refused(TokenRefusal),
    Revoked(TokenRefusal),
}

impl Scene {
    fn new() -> Self {
        let of = TestCommunity::new("example", NOW);
        let world = World::new(&of);
        let leaf = of.client(APP);
        let client = TokenClient {
            client_id: ID.to_owned(),
            site: "default".to_owned(),
            community_uri: "https://example.example.net/udap".to_owned(),
            client_uri: APP.to_owned(),
            grant_types: vec!["client_credentials".to_owned()],
            redirect_uris: Vec::new(),
            scopes: texts("system/Patient.read system/Observation.rs"),
            certificate: certificate(&leaf),
        };
        Self {
            of,
            world,
            leaf,
            client,
        }
    }

    fn for_users(mut self) -> Self {
        self.client.grant_types = texts("authorization_code refresh_token");
        self.client.redirect_uris = texts(CALLBACK);
        self.client.scopes = texts("openid offline_access patient/Patient.read");
        self
    }

    fn endpoint(&self) -> &str {
        &self.world.site.token_endpoint
    }

    fn assertion_of(&self, leaf: &TestLeaf) -> StatementBuilder {
        StatementBuilder::authentication(leaf, ID, self.endpoint(), NOW)
    }

    /// A good one, which says what for.
    fn assertion(&self) -> StatementBuilder {
        self.assertion_of(&self.leaf).claim("extensions", b2b())
    }

    fn post(&self, assertion: &StatementBuilder) -> End {
        self.post_with(assertion, &[("grant_type", "client_credentials")])
    }

    fn post_with(&self, assertion: &StatementBuilder, parameters: &[(&str, &str)]) -> End {
        self.run(&form(&assertion.build(), parameters), &self.world.crls)
    }

    fn run(&self, body: &str, crls: &CrlStore) -> End {
        let registrar = &self.world.registrar;
        let mut step = registrar.start_token(&self.world.site, body.as_bytes(), NOW);
        loop {
            step = match step {
                TokenStep::NeedClient(need) => {
                    let known = need.client_id() == self.client.client_id;
                    let client = known.then(|| self.client.clone());
                    need.supply(registrar, client, crls, NOW)
                }
                TokenStep::NeedTrust(need) => need.supply(registrar, Fetched::default(), crls, NOW),
                TokenStep::Refused(refusal) => return End::Refused(refusal),
                TokenStep::Revoked(refusal, _) => return End::Revoked(refusal),
                TokenStep::Authorized(authorized) => return End::Authorized(authorized),
            };
        }
    }
}

impl End {
    #[track_caller]
    fn authorized(self) -> Box<AuthorizedRequest> {
        match self {
            Self::Authorized(authorized) => authorized,
            other => panic!("not authorized: {other:?}"),
        }
    }

    #[track_caller]
    fn refused(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::Refused(refusal) | Self::Revoked(refusal) => (
                refusal.code().as_str(),
                refusal.code().status(),
                refusal.rule(),
            ),
            Self::Authorized(authorized) => panic!("authorized: {authorized:?}"),
        }
    }
}

fn certificate(leaf: &TestLeaf) -> Certificate {
    Certificate::from_der(leaf.der()).unwrap()
}

fn texts(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn b2b() -> Value {
    json!({"hl7-b2b": {
        "version": "1",
        "organization_id": "https://hospital.example.org",
        "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
    }})
}

fn form(assertion: &str, parameters: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(parameters)
        .append_pair("client_assertion_type", ASSERTION_TYPE)
        .append_pair("client_assertion", assertion)
        .append_pair("udap", "1");
    form.finish()
}

const CLIENT: (&str, u16) = ("invalid_client", 401);

/// Proves: G03, G04, G05, G06, G12, G14
#[test]
fn an_app_of_every_key_kind_is_authorized_for_what_is_registered() {
    let mut scene = Scene::new();
    for (kind, algorithm) in [
        (KeyKind::Rsa2048, SigningAlgorithm::Rs256),
        (KeyKind::Rsa2048, SigningAlgorithm::Rs384),
        (KeyKind::P256, SigningAlgorithm::Es256),
        (KeyKind::P384, SigningAlgorithm::Es384),
    ] {
        scene.leaf = scene.of.leaf(APP).key_kind(kind).build();
        let authorized = scene
            .post(&scene.assertion().algorithm(algorithm))
            .authorized();
        assert_eq!(authorized.client().client_id, ID);
        assert_eq!(authorized.community().id, "example");
        assert_eq!(authorized.scopes().unwrap(), scene.client.scopes);
        assert!(authorized.extension().is_some());
    }
    // Other URIs beside the registered one do no harm (G06).
    let two = scene
        .of
        .leaf("https://other.example.org/")
        .and_uri(APP)
        .build();
    scene
        .post(&scene.assertion_of(&two).claim("extensions", b2b()))
        .authorized();
}

/// Proves: G03, G04, G05, G06, G07, G09, G16
#[test]
fn whatever_is_wrong_with_an_assertion_authenticates_nobody() {
    let scene = Scene::new();
    let good = || scene.assertion();
    let at = |seconds: i64| json!(NOW.unix_timestamp() + seconds);
    let foreign = TestCommunity::new("foreign", NOW).client(APP);
    let other = scene.of.client("https://other.example.org/");
    for (what, assertion, rule) in [
        (
            "a foreign key",
            good().sign_with(&TestKey::stranger()),
            "G04",
        ),
        ("none", good().algorithm(SigningAlgorithm::None), "G04"),
        (
            "the public key as a secret",
            good().algorithm(SigningAlgorithm::Hs256WithPublicKey),
            "G04",
        ),
        (
            "an algorithm of another key",
            good().header("alg", "ES256"),
            "G04",
        ),
        ("no x5c", good().without_header("x5c"), "G04"),
        ("crit", good().header("crit", json!(["exp"])), "G04"),
        ("iss twice", good().duplicate_claim("iss", ID), "G04"),
        ("no iss", good().without("iss"), "G03"),
        ("no sub", good().without("sub"), "G03"),
        ("another sub", good().claim("sub", "other"), "G03"),
        ("empty", good().claim("iss", "").claim("sub", ""), "G03"),
        (
            "another aud",
            good().claim("aud", "https://emr.example.org/"),
            "G03",
        ),
        ("no aud", good().without("aud"), "G03"),
        (
            "expired",
            good().claim("iat", at(-400)).claim("exp", at(-100)),
            "G03",
        ),
        ("too long", good().claim("exp", at(301)), "G03"),
        ("backwards", good().claim("exp", at(-1)), "G03"),
        (
            "from the future",
            good().claim("iat", at(61)).claim("exp", at(300)),
            "G03",
        ),
        ("times as text", good().claim("exp", "1900000000"), "G03"),
        ("not yet valid", good().claim("nbf", at(100)), "G03"),
        ("no jti", good().without("jti"), "G03"),
        ("a long jti", good().claim("jti", "j".repeat(257)), "G03"),
        (
            "another id",
            good().claim("iss", "other").claim("sub", "other"),
            "G06",
        ),
        (
            "another app's certificate",
            scene.assertion_of(&other),
            "G06",
        ),
        (
            "another community's certificate",
            scene.assertion_of(&foreign),
            "G05",
        ),
    ] {
        let (code, status, refused) = scene.post(&assertion).refused();
        assert_eq!(((code, status), refused), (CLIENT, rule), "{what}");
    }
    for flaw in LeafFlaw::ALL {
        let errors = flaw.registration_errors();
        if errors.is_empty() {
            continue;
        }
        let leaf = scene.of.leaf(APP).flaw(flaw).build();
        let assertion = scene.assertion_of(&leaf).claim("extensions", b2b());
        let body = form(&assertion.build(), &[("grant_type", "client_credentials")]);
        let end = scene.run(&body, &crl_store(&[&scene.of]));
        let (code, _, rule) = end.refused();
        let unknown = code == "temporarily_unavailable" && rule == "G05";
        assert!(code == "invalid_client" || unknown, "{flaw:?}: {code}");
    }
    let named = [("grant_type", "client_credentials"), ("client_id", "other")];
    assert_eq!(scene.post_with(&good(), &named).refused().2, "G07");
    let named = [("grant_type", "client_credentials"), ("client_id", ID)];
    scene.post_with(&good(), &named).authorized();
    let resources = scene.post(&good().claim("resources", json!([]))).refused();
    assert_eq!(resources, ("invalid_request", 400, "G16"));
    scene
        .post(&good().claim("aud", json!(["x", scene.endpoint()])))
        .authorized();
    // Unknown claims are ignored (G09).
    scene.post(&good().claim("colour", "green")).authorized();
}

/// Proves: G05, G06
#[test]
fn only_where_and_as_what_it_is_registered() {
    let mut scene = Scene::new();
    let assertion = scene.assertion();
    scene.client.site = "other".to_owned();
    assert_eq!(scene.post(&assertion).refused().2, "G06");
    scene.client.site = "default".to_owned();
    scene.client.community_uri = "https://gone.example.net/udap".to_owned();
    assert_eq!(scene.post(&assertion).refused().2, "G06");
    scene.client.community_uri = "https://example.example.net/udap".to_owned();
    scene.client.grant_types = texts("authorization_code");
    assert_eq!(
        scene.post(&assertion).refused(),
        ("unauthorized_client", 400, "G02")
    );
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    assert_eq!(
        scene
            .post_with(&scene.assertion_of(&scene.leaf), &refresh)
            .refused(),
        ("unauthorized_client", 400, "G02")
    );
}

/// Proves: G05
#[test]
fn a_revoked_certificate_gets_nothing_and_an_unknown_status_nothing_for_now() {
    let scene = Scene::new();
    let body = form(
        &scene.assertion().build(),
        &[("grant_type", "client_credentials")],
    );
    scene.run(&body, &scene.world.crls).authorized();
    scene.of.revoke(&scene.leaf);
    let end = scene.run(&body, &crl_store(&[&scene.of]));
    assert!(matches!(&end, End::Revoked(_)), "{end:?}");
    assert_eq!(end.refused(), (CLIENT.0, CLIENT.1, "G05"));
    let leaf = (scene.of.leaf(APP))
        .crl_addresses(&["http://ca.example.net/list.crl"])
        .build();
    let assertion = scene.assertion_of(&leaf).claim("extensions", b2b());
    let body = form(&assertion.build(), &[("grant_type", "client_credentials")]);
    let End::Refused(refusal) = scene.run(&body, &CrlStore::new(Vec::new())) else {
        panic!("it is not known");
    };
    assert_eq!(refusal.code().as_str(), "temporarily_unavailable");
    assert!(refusal.retry_after_seconds().is_some());
}

/// Proves: G12, G13
#[test]
fn who_asks_and_what_for_is_judged_last() {
    let scene = Scene::new();
    let without = scene.assertion_of(&scene.leaf);
    assert_eq!(
        scene.post(&without).refused(),
        ("invalid_grant", 400, "G12")
    );
    let broken = without.claim("extensions", json!({"hl7-b2b": {"version": "1"}}));
    assert_eq!(scene.post(&broken).refused(), ("invalid_grant", 400, "G13"));
    let stranger = broken.sign_with(&TestKey::stranger());
    assert_eq!(scene.post(&stranger).refused().2, "G04");
    let mut configured = community(&scene.of);
    configured.b2b.required = false;
    let optional = Scene {
        world: World::with(
            TokenMode::Gateway,
            vec![configured],
            crl_store(&[&scene.of]),
        ),
        ..scene
    };
    let without = optional.assertion_of(&optional.leaf);
    assert!(optional.post(&without).authorized().extension().is_none());
}

/// Proves: G17, G21
#[test]
fn no_more_is_asked_for_than_is_registered() {
    let scene = Scene::new();
    let asked = |scope: Option<&str>, said: Option<Value>| {
        let mut assertion = scene.assertion();
        if let Some(said) = said {
            assertion = assertion.claim("scope", said);
        }
        let mut parameters = vec![("grant_type", "client_credentials")];
        parameters.extend(scope.map(|scope| ("scope", scope)));
        match scene.post_with(&assertion, &parameters) {
            End::Authorized(authorized) => authorized.scopes().unwrap().join(" "),
            other => {
                let (code, status, rule) = other.refused();
                assert_eq!((code, status), ("invalid_scope", 400));
                rule.to_owned()
            }
        }
    };
    for (scope, expected) in [
        ("system/Patient.read", "system/Patient.read"),
        // The same permission, in the registered form.
        ("system/Patient.rs", "system/Patient.read"),
        ("system/Observation.read", "system/Observation.rs"),
        ("system/*.read", "system/Patient.read system/Observation.rs"),
        (
            "system/Patient.read system/Group.read nonsense",
            "system/Patient.read",
        ),
        ("system/Patient.cruds", "G21"),
        ("system/Patient.r", "G21"),
        ("system/Patient.write", "G21"),
        ("patient/Patient.read", "G21"),
        ("openid", "G21"),
        (" ", "G21"),
    ] {
        assert_eq!(asked(Some(scope), None), expected, "{scope}");
    }
    let patient = json!("system/Patient.read");
    assert_eq!(asked(None, Some(patient.clone())), "system/Patient.read");
    assert_eq!(
        asked(Some("system/*.read"), Some(patient.clone())),
        "system/Patient.read"
    );
    assert_eq!(asked(Some("system/Observation.read"), Some(patient)), "G21");
    assert_eq!(asked(None, Some(json!(["system/Patient.read"]))), "G17");
}

/// Proves: G17
#[test]
fn no_more_is_passed_on_than_is_registered_or_the_assertion_says() {
    let scene = Scene::new();
    let grant = ("grant_type", "client_credentials");
    let asked = [grant, ("scope", "system/Patient.read")];
    let registered = scene.post_with(&scene.assertion(), &asked).authorized();
    let limited = scene.assertion().claim("scope", "system/Patient.read");
    let limited = scene.post(&limited).authorized();
    for (granted, is_registered, is_said) in [
        ("system/Patient.rs", true, true),
        ("system/Observation.read", true, false),
        ("system/Patient.read system/Group.read", false, false),
    ] {
        assert_eq!(registered.admits(granted), is_registered, "{granted}");
        assert_eq!(limited.admits(granted), is_said, "{granted}");
    }
}

/// Proves: G02, G12, G19, G20
#[test]
fn a_users_code_and_refresh_token_keep_their_own_scopes() {
    let mut scene = Scene::new().for_users();
    let assertion = scene.assertion_of(&scene.leaf);
    let code = [("grant_type", "authorization_code"), ("code", "x")];
    assert_eq!(
        scene.post_with(&assertion, &code).authorized().scopes(),
        None
    );
    // OpenEMR would take the gateway for unknown.
    let [grant, value] = code;
    for (redirect_uri, is_good) in [
        (CALLBACK, true),
        ("https://app.example.org/callback/", false),
        ("https://app.example.org/CALLBACK", false),
        ("", true),
    ] {
        let with = [grant, value, ("redirect_uri", redirect_uri)];
        let end = scene.post_with(&assertion, &with);
        if is_good {
            assert!(matches!(end, End::Authorized(_)), "{redirect_uri}");
        } else {
            assert_eq!(
                end.refused(),
                ("invalid_grant", 400, "G20"),
                "{redirect_uri}"
            );
        }
    }
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
        ("scope", "patient/Patient.rs launch"),
    ];
    let narrowed = scene.post_with(&assertion, &refresh).authorized();
    assert_eq!(narrowed.scopes().unwrap(), ["patient/Patient.read"]);
    assert_eq!(
        scene.post_with(&scene.assertion(), &code).refused().2,
        "G12"
    );

    let mut site = support::site(TokenMode::Gateway);
    site.require_pkce = true;
    scene.world.site = std::sync::Arc::new(site);
    assert_eq!(
        scene.post_with(&assertion, &code).refused(),
        ("invalid_request", 400, "G19")
    );
    let with = [code[0], code[1], ("code_verifier", "v")];
    scene.post_with(&assertion, &with).authorized();
}

/// Proves: G06
#[test]
fn a_younger_certificate_takes_the_place_of_the_registered_one() {
    let scene = Scene::new();
    let later = scene
        .of
        .leaf(APP)
        .validity(NOW - Duration::hours(1), NOW + Duration::days(100))
        .build();
    let assertion = scene.assertion_of(&later).claim("extensions", b2b());
    assert!(scene.post(&assertion).authorized().renews_certificate());
    assert!(
        !scene
            .post(&scene.assertion())
            .authorized()
            .renews_certificate()
    );
    let earlier = scene
        .of
        .leaf(APP)
        .validity(NOW - Duration::days(100), NOW + Duration::days(300))
        .build();
    let assertion = scene.assertion_of(&earlier).claim("extensions", b2b());
    assert!(!scene.post(&assertion).authorized().renews_certificate());
}
