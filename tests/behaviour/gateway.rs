//! Tokens through the gateway, before a stand-in for OpenEMR, on MariaDB whatever the other tests run on.

use std::time::Duration;

use serde_json::{Value, json};
use udap_testdb::{Generation, TestServer};
use udap_testkit::{
    KeyKind, LeafFlaw, SigningAlgorithm, StatementBuilder, TestCommunity, TestKey, TestLeaf,
};
use udap_tests::openemr::{Behaviour, StandIn};
use udap_tests::{Answer, MariaDb, Member, Server, Setup, now, udap, until};

const APP: &str = "https://app.example.org/";
const CALLBACK: &str = "https://app.example.org/callback";
const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const FORM: &str = "application/x-www-form-urlencoded";
const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const CEILING: &str = "scopes = [\"openid\", \"fhirUser\", \"launch/patient\", \
                       \"offline_access\", \"patient/*.read\", \"system/*.read\"]";
const MODE: &str = "token_mode = \"gateway\"";
const ALGORITHMS: [(KeyKind, SigningAlgorithm); 4] = [
    (KeyKind::Rsa2048, SigningAlgorithm::Rs256),
    (KeyKind::Rsa2048, SigningAlgorithm::Rs384),
    (KeyKind::P256, SigningAlgorithm::Es256),
    (KeyKind::P384, SigningAlgorithm::Es384),
];

struct Hospital {
    openemr: StandIn,
    server: Server,
}

impl Hospital {
    async fn new(of: &TestCommunity) -> Self {
        Self::with(of, MODE).await
    }

    /// With other keys of the site.
    async fn with(of: &TestCommunity, site: &str) -> Self {
        let store =
            MariaDb::create(TestServer::shared(), Generation::Columns25, &["default"]).await;
        let pool = store.emr("default").pool().clone();
        let openemr = StandIn::start(Behaviour::V8, pool).await;
        let setup = Setup::of(vec![Member::new(of).with(CEILING)])
            .site(site)
            .with_openemrs_own_version()
            .before(&openemr);
        let server = Server::start_on(store, &setup).await;
        Self { openemr, server }
    }

    fn endpoint(&self) -> String {
        self.server.url("/udap/default/token")
    }

    fn assertion_of(&self, leaf: &TestLeaf, client_id: &str) -> StatementBuilder {
        StatementBuilder::authentication(leaf, client_id, &self.endpoint(), now())
    }

    /// A good one, which says what for.
    fn assertion(&self, leaf: &TestLeaf, client_id: &str) -> StatementBuilder {
        let b2b = json!({"hl7-b2b": {
            "version": "1",
            "organization_id": "https://hospital.example.org",
            "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
        }});
        self.assertion_of(leaf, client_id).claim("extensions", b2b)
    }

    async fn ask(&self, assertion: &StatementBuilder) -> Answer {
        self.ask_for(assertion, &[GRANT]).await
    }

    async fn ask_for(&self, assertion: &StatementBuilder, parameters: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .append_pair("client_assertion_type", BEARER)
            .append_pair("client_assertion", &assertion.build())
            .append_pair("udap", "1")
            .finish();
        self.server.post_to(&self.endpoint(), body, FORM).await
    }

    /// A service, registered with this certificate.
    async fn service(&self, leaf: &TestLeaf) -> String {
        let statement = (self.server.statement(leaf)).claim("scope", "system/*.rs");
        self.server.post(&statement).await.client_id()
    }

    async fn reads(&self, token: &Answer) -> u16 {
        let url = format!("{}/Patient", self.openemr.fhir_base_url());
        let token = token.body["access_token"].as_str().unwrap();
        let request = self.server.http().get(url).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    }

    fn asked(&self) -> usize {
        self.openemr.token_requests().len()
    }
}

fn error(answer: &Answer) -> (u16, &str) {
    (
        answer.status,
        answer.body["error"].as_str().unwrap_or_default(),
    )
}

/// Proves: G03, G04, G14, A21
#[tokio::test]
async fn a_service_of_every_algorithm_gets_a_token_and_reads() {
    let of = TestCommunity::new("example", now());
    let hospital = Hospital::new(&of).await;
    let metadata = hospital
        .server
        .get("/apis/default/fhir/.well-known/udap")
        .await;
    assert_eq!(metadata.body["token_endpoint"], hospital.endpoint());
    let algorithms = &metadata.body["token_endpoint_auth_signing_alg_values_supported"];
    assert_eq!(*algorithms, json!(["RS256", "RS384", "ES256", "ES384"]));
    for (number, (kind, algorithm)) in ALGORITHMS.into_iter().enumerate() {
        let uri = format!("https://app{number}.example.org/");
        let leaf = of.leaf(&uri).key_kind(kind).build();
        let statement = hospital.server.statement(&leaf).algorithm(algorithm);
        let registered = hospital
            .server
            .post(&statement.claim("scope", "system/*.rs"))
            .await;
        let id = registered.client_id();
        let token = hospital
            .ask(&hospital.assertion(&leaf, &id).algorithm(algorithm))
            .await;
        assert_eq!(token.status, 200, "{token:?}");
        assert_eq!(token.body["scope"], registered.body["scope"]);
        assert_eq!(token.header("cache-control"), "no-store");
        assert_eq!(hospital.reads(&token).await, 200);
    }
    assert_eq!(hospital.asked(), 4);
    let metrics = hospital.server.admin("/metrics").await;
    let issued = "udap_tokens_total{site=\"default\",outcome=\"issued\",error=\"\"} 4";
    assert!(metrics.contains(issued), "{metrics}");
    let unheard =
        "udap_tokens_total{site=\"default\",outcome=\"failed\",error=\"upstream_timeout\"} 0";
    assert!(metrics.contains(unheard), "{metrics}");
}

/// Our own client finds the gateway by discovery, and says for what it asks. On threads, since the servers
/// answer while it runs.
#[tokio::test(flavor = "multi_thread")]
async fn our_own_client_gets_a_token() {
    let of = TestCommunity::new("example", now());
    let hospital = Hospital::new(&of).await;
    let leaf = of.client(APP);
    let id = hospital.service(&leaf).await;
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("root.pem", of.root().pem()),
        ("app.pem", leaf.chain_pem()),
        ("app.key", leaf.key().pem()),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let key = folder.path().join("app.key");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let base = hospital.server.url("/apis/default/fhir");
    let mut command = udap();
    command.current_dir(folder.path()).args(["token", "--json"]);
    command.args(["--server", &base, "--anchors", "root.pem"]);
    command.args(["--cert", "app.pem", "--key", "app.key", "--client-id", &id]);
    command.args(["--organization-id", "https://hospital.example.org"]);
    command.args(["--purpose-of-use", "urn:oid:2.16.840.1.113883.5.8#TREAT"]);
    let ran = command.output().unwrap();
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{told}");
    let token: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(token["answer"]["token_type"], "Bearer");
    assert_eq!(hospital.asked(), 1);
}

/// Proves: G05, G08
#[tokio::test]
async fn a_replay_gets_nothing_and_a_revoked_certificate_nothing_from_then_on() {
    let of = TestCommunity::new("example", now());
    let hospital = Hospital::new(&of).await;
    let leaf = of.client(APP);
    let id = hospital.service(&leaf).await;
    let assertion = hospital.assertion(&leaf, &id);
    assert_eq!(hospital.ask(&assertion).await.status, 200);
    assert_eq!(
        error(&hospital.ask(&assertion).await),
        (401, "invalid_client")
    );
    assert_eq!(hospital.asked(), 1);

    of.revoke(&leaf);
    hospital.server.configure(
        &Setup::of(vec![Member::new(&of).with(CEILING)])
            .site(MODE)
            .with_openemrs_own_version()
            .before(&hospital.openemr),
    );
    hospital.server.hang_up();
    until(
        "the new list is taken up",
        Duration::from_secs(20),
        async || {
            let refused = hospital.ask(&hospital.assertion(&leaf, &id)).await;
            error(&refused) == (401, "invalid_client")
        },
    )
    .await;
    let before = hospital.asked();
    let refused = hospital.ask(&hospital.assertion(&leaf, &id)).await;
    assert_eq!(error(&refused), (401, "invalid_client"));
    assert_eq!(hospital.asked(), before);
}

/// Proves: G03, G04, G05, G06, G07, G12, G13
#[tokio::test]
async fn nothing_reaches_openemr_that_has_not_been_verified() {
    let of = TestCommunity::new("example", now());
    let hospital = Hospital::new(&of).await;
    let leaf = of.client(APP);
    let id = hospital.service(&leaf).await;
    let good = || hospital.assertion(&leaf, &id);
    let at = |seconds: i64| now().unix_timestamp() + seconds;
    let foreign = TestCommunity::new("foreign", now()).client(APP);
    let other = of.client("https://other.example.org/");
    let expired = of.leaf(APP).flaw(LeafFlaw::Expired).build();
    let client = (401, "invalid_client");
    let openemrs = hospital.openemr.token_endpoint();
    for (what, assertion, expected) in [
        (
            "a foreign key",
            good().sign_with(&TestKey::stranger()),
            client,
        ),
        (
            "no signature",
            good().algorithm(SigningAlgorithm::None),
            client,
        ),
        ("no certificate", good().without_header("x5c"), client),
        ("OpenEMR's aud", good().claim("aud", openemrs), client),
        (
            "expired",
            good().claim("iat", at(-400)).claim("exp", at(-100)),
            client,
        ),
        ("too long", good().claim("exp", at(400)), client),
        ("no jti", good().without("jti"), client),
        ("unknown", hospital.assertion(&leaf, "unknown"), client),
        (
            "another case",
            hospital.assertion(&leaf, &id.to_uppercase()),
            client,
        ),
        ("another app", hospital.assertion(&other, &id), client),
        (
            "another community",
            hospital.assertion(&foreign, &id),
            client,
        ),
        (
            "an expired certificate",
            hospital.assertion(&expired, &id),
            client,
        ),
        (
            "no purpose",
            hospital.assertion_of(&leaf, &id),
            (400, "invalid_grant"),
        ),
    ] {
        let refused = hospital.ask(&assertion).await;
        assert_eq!(error(&refused), expected, "{what}");
    }
    let refused = hospital
        .ask_for(&good(), &[GRANT, ("client_id", "other")])
        .await;
    assert_eq!(error(&refused), client);
    let refused = hospital
        .ask_for(&good(), &[GRANT, ("scope", "patient/Patient.rs")])
        .await;
    assert_eq!(error(&refused), (400, "invalid_scope"));

    let (code, _) = hospital.server.run(&["clients", "disable", &id]);
    assert_eq!(code, Some(0));
    assert_eq!(error(&hospital.ask(&good()).await), client);
    let (code, _) = hospital.server.run(&["clients", "enable", &id]);
    assert_eq!(code, Some(0));
    assert_eq!(
        hospital.asked(),
        0,
        "{:?}",
        hospital.openemr.token_requests()
    );
    assert_eq!(hospital.ask(&good()).await.status, 200);
    let cancelled = hospital.server.statement(&leaf).cancellation();
    assert_eq!(hospital.server.post(&cancelled).await.status, 200);
    assert_eq!(error(&hospital.ask(&good()).await), client);
    assert_eq!(hospital.asked(), 1);
}

/// Proves: G02, G12, G19, G20
#[tokio::test]
async fn a_user_gives_a_code_and_nobody_redeems_it_around_the_gateway() {
    let of = TestCommunity::new("example", now());
    let store = MariaDb::create(TestServer::shared(), Generation::Columns25, &["default"]).await;
    let pool = store.emr("default").pool().clone();
    let openemr = StandIn::start(Behaviour::V8, pool).await;
    let site = format!("{MODE}\ntoken_guard = true\nrequire_pkce = true");
    let setup = Setup::of(vec![Member::new(&of).with(CEILING)])
        .site(&site)
        .with_openemrs_own_version()
        .before(&openemr);
    let server = Server::start_on(store, &setup).await;
    let hospital = Hospital { openemr, server };
    let server = &hospital.server;
    let leaf = of.client(APP);
    let scope = "openid fhirUser offline_access launch/patient patient/Patient.rs";
    let statement = server
        .statement(&leaf)
        .authorization_code()
        .claim("redirect_uris", json!([CALLBACK]))
        .claim("scope", scope);
    let id = server.post(&statement).await.client_id();
    let code = hospital
        .openemr
        .authorize(&id, CALLBACK, scope)
        .await
        .unwrap();
    let grant = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
    ];
    let assertion = || hospital.assertion_of(&leaf, &id);
    let refused = hospital.ask_for(&assertion(), &grant).await;
    assert_eq!(
        error(&refused),
        (400, "invalid_request"),
        "without a verifier"
    );

    let elsewhere = [
        grant[0],
        grant[1],
        ("redirect_uri", "https://app.example.org/"),
        ("code_verifier", "a-verifier"),
    ];
    let refused = hospital.ask_for(&assertion(), &elsewhere).await;
    assert_eq!(error(&refused), (400, "invalid_grant"), "not registered");

    // The proxy routes OpenEMR's own path to the guard.
    let guarded = server.url("/oauth2/default/token");
    let around = format!("grant_type=authorization_code&code={code}&client_id={id}");
    for body in [
        around.clone(),
        around.to_uppercase().replace("CLIENT_ID", "client_id"),
    ] {
        let refused = server.post_to(&guarded, body, FORM).await;
        assert_eq!(error(&refused), (401, "invalid_client"));
    }
    assert_eq!(hospital.asked(), 0);
    let passed = server
        .post_to(&guarded, "grant_type=password&client_id=other", FORM)
        .await;
    assert_eq!(
        (error(&passed), hospital.asked()),
        ((400, "invalid_request"), 1)
    );

    let [grant, code, callback] = grant;
    let with = [grant, code, callback, ("code_verifier", "a-verifier")];
    let token = hospital.ask_for(&assertion(), &with).await;
    assert_eq!((token.status, &token.body["scope"]), (200, &json!(scope)));
    assert_eq!(hospital.reads(&token).await, 200);
    let sent = hospital.openemr.token_requests().pop().unwrap();
    assert!(
        sent.contains("code_verifier=a-verifier") && !sent.contains("client_id="),
        "{sent}"
    );
    let again = hospital.ask_for(&assertion(), &with).await;
    assert_eq!(error(&again), (400, "invalid_grant"), "a code is good once");
}

/// Proves: G02, G03, G04, G22
#[tokio::test]
async fn a_users_app_of_every_algorithm_redeems_its_code_and_refresh_token() {
    let of = TestCommunity::new("example", now());
    let hospital = Hospital::with(&of, &format!("{MODE}\ntoken_guard = true")).await;
    let scope = "openid offline_access launch/patient patient/Patient.rs";
    for (number, (kind, algorithm)) in ALGORITHMS.into_iter().enumerate() {
        let uri = format!("https://app{number}.example.org/");
        let callback = format!("{uri}callback");
        let leaf = of.leaf(&uri).key_kind(kind).build();
        let statement = (hospital.server.statement(&leaf).algorithm(algorithm))
            .authorization_code()
            .claim(
                "grant_types",
                json!(["authorization_code", "refresh_token"]),
            )
            .claim("redirect_uris", json!([callback]))
            .claim("scope", scope);
        let id = hospital.server.post(&statement).await.client_id();
        let code = hospital.openemr.authorize(&id, &callback, scope).await;
        let assertion = || hospital.assertion_of(&leaf, &id).algorithm(algorithm);
        let parameters = [
            ("grant_type", "authorization_code"),
            ("code", &code.unwrap()),
            ("redirect_uri", &callback),
            ("code_verifier", "a-verifier"),
        ];
        let token = hospital.ask_for(&assertion(), &parameters).await;
        assert_eq!(token.status, 200, "{token:?}");
        assert_eq!(hospital.reads(&token).await, 200);
        let refresh_token = token.body["refresh_token"].as_str().unwrap();
        let parameters = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        let token = hospital.ask_for(&assertion(), &parameters).await;
        assert_eq!(token.status, 200, "{token:?}");
        assert_eq!(hospital.reads(&token).await, 200);
        let again = hospital.ask_for(&assertion(), &parameters).await;
        assert_eq!(
            error(&again),
            (400, "invalid_grant"),
            "a refresh token is good once"
        );
    }
}

/// Decisions 27: a row that OpenEMR does not accept, and one that it cannot read, are no fault of the app.
#[tokio::test]
async fn an_openemr_that_does_not_accept_us_is_an_alarm() {
    let of = TestCommunity::new("example", now());
    let hospital = Hospital::new(&of).await;
    let leaf = of.client(APP);
    let id = hospital.service(&leaf).await;
    let database = hospital.server.database().await;
    // Which the registrar does not see, and OpenEMR does.
    database
        .execute("UPDATE oauth_clients SET is_confidential = 0")
        .await;
    let failed = hospital.ask(&hospital.assertion(&leaf, &id)).await;
    assert_eq!(error(&failed), (502, "server_error"));
    let health: Value = hospital.server.health().await;
    assert_eq!(health["status"], "degraded", "{health}");
    database
        .execute("UPDATE oauth_clients SET is_confidential = 1")
        .await;
    let token = hospital.ask(&hospital.assertion(&leaf, &id)).await;
    assert_eq!(token.status, 200);
    assert_eq!(hospital.server.health().await["status"], "ready");
    database
        .execute("UPDATE oauth_clients SET redirect_uri = NULL")
        .await;
    let failed = hospital.ask(&hospital.assertion(&leaf, &id)).await;
    assert_eq!(error(&failed), (502, "server_error"));
}

/// The doctor sees from outside whether the guard is where apps would ask. On threads, since the stand-in
/// answers while it runs.
#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tries_the_guard() {
    let of = TestCommunity::new("example", now());
    let open = Hospital::with(&of, &format!("{MODE}\ntoken_guard = true")).await;
    let guard = |server: &Server| {
        let (_, findings) = server.run(&["doctor"]);
        let findings = findings.as_array().expect("findings").clone();
        let found = findings.into_iter().find(|one| one["check"] == "guard");
        found.expect("the guard is looked at")
    };
    // The configured address is OpenEMR's own: nobody routes it to us.
    assert_eq!(guard(&open.server)["severity"], "error");

    // Here it is one of ours, as behind a proxy with the right rules.
    let store = MariaDb::create(TestServer::shared(), Generation::Columns25, &["default"]).await;
    let openemr = open.openemr.token_endpoint();
    let site = format!("{MODE}\ntoken_guard = true\nupstream_token_url = \"{openemr}\"");
    let server = Server::start_on(store, &Setup::new(&of).site(&site)).await;
    assert_eq!(
        guard(&server)["severity"],
        "ok",
        "nobody has registered yet"
    );
    let registered = server.post(&server.statement(&of.client(APP))).await;
    assert_eq!(registered.status, 201);
    let before = open.asked();
    assert_eq!(guard(&server)["severity"], "ok");
    // The gateway's way is tried, too, and only that reaches OpenEMR.
    assert_eq!(open.asked(), before + 1);
}
