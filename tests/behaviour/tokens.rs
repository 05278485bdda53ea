//! The whole way: an app registers, gets a token from OpenEMR with what was registered, reads, and is
//! switched off. Before a stand-in for OpenEMR, on MariaDB whatever the other tests run on.

use serde_json::{Value, json};
use udap_testdb::{Generation, TestServer};
use udap_testkit::{KeyKind, SigningAlgorithm, StatementBuilder, TestCommunity, TestKey, TestLeaf};
use udap_tests::openemr::{Behaviour, StandIn};
use udap_tests::{Answer, MariaDb, Member, Server, Setup, now};

const APP: &str = "https://app.example.org/";
const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A certificate whose key no other has: those of most tests come from a few.
fn with_a_key_of_its_own(of: &TestCommunity) -> TestLeaf {
    of.leaf(APP)
        .key(&TestKey::generate(KeyKind::Rsa2048))
        .build()
}

struct Hospital {
    openemr: StandIn,
    server: Server,
}

impl Hospital {
    async fn new(of: &TestCommunity, generation: Generation, behaviour: Behaviour) -> Self {
        let store = MariaDb::create(TestServer::shared(), generation, &["default"]).await;
        let pool = store.emr("default").pool().clone();
        let openemr = StandIn::start(behaviour, pool).await;
        // What the community may have: nothing that an administrator has to think about.
        let ceiling = "scopes = [\"openid\", \"fhirUser\", \"launch/patient\", \
                       \"offline_access\", \"patient/*.read\", \"system/*.read\"]";
        let setup = Setup::of(vec![Member::new(of).with(ceiling)])
            .site("token_mode = \"direct\"")
            .with_openemrs_own_version()
            .before(&openemr);
        let server = Server::start_on(store, &setup).await;
        Self { openemr, server }
    }

    fn assertion(&self, leaf: &TestLeaf, client_id: &str) -> StatementBuilder {
        let endpoint = self.openemr.token_endpoint();
        StatementBuilder::authentication(leaf, client_id, &endpoint, now())
            .algorithm(SigningAlgorithm::Rs384)
    }

    async fn token(&self, form: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let endpoint = self.openemr.token_endpoint();
        let kind = "application/x-www-form-urlencoded";
        self.server.post_to(&endpoint, body, kind).await
    }

    async fn client_credentials(&self, assertion: &StatementBuilder, scope: &str) -> Answer {
        self.token(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", BEARER),
            ("client_assertion", &assertion.build()),
            ("scope", scope),
            ("udap", "1"),
        ])
        .await
    }

    async fn reads(&self, token: &Answer) -> u16 {
        let url = format!("{}/Patient", self.openemr.fhir_base_url());
        let token = token.body["access_token"].as_str().unwrap();
        let request = self.server.http().get(url).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    }

    fn operator(&self, arguments: &[&str]) -> Value {
        let (code, summary) = self.server.run(arguments);
        assert_eq!(code, Some(0), "{summary}");
        summary
    }
}

/// Proves: B42, B43, D15, G25
#[tokio::test]
async fn an_app_gets_what_it_registered_until_it_is_switched_off() {
    let of = TestCommunity::new("example", now());
    for (generation, behaviour, form) in [
        (Generation::Columns23, Behaviour::V7_0_3, ".read"),
        (Generation::Columns24, Behaviour::V7_0_3, ".read"),
        (Generation::Columns25, Behaviour::V8, ".rs"),
    ] {
        let hospital = Hospital::new(&of, generation, behaviour).await;
        let server = &hospital.server;
        let metadata = server.get("/apis/default/fhir/.well-known/udap").await.body;
        let endpoint = hospital.openemr.token_endpoint();
        assert_eq!(metadata["token_endpoint"], endpoint);
        let algorithms = &metadata["token_endpoint_auth_signing_alg_values_supported"];
        assert_eq!(*algorithms, json!(["RS384"]));

        let leaf = with_a_key_of_its_own(&of);
        let asked =
            format!("system/*{form} system/Patient.write system/Nothing.read user/Patient.read");
        let statement = server.statement(&leaf).claim("scope", asked);
        let registered = server.post(&statement).await;
        let id = registered.client_id();
        let scope = registered.body["scope"].as_str().unwrap();
        let granted: Vec<&str> = scope.split(' ').collect();
        assert_eq!(granted.len(), 6, "{scope}");
        for one in &granted {
            assert!(one.starts_with("system/") && one.ends_with(form), "{one}");
        }
        let page = hospital.openemr.clients_page().await.unwrap();
        assert_eq!(page, [(id.clone(), true)]);

        // All that was granted can be asked for, at once.
        let token = hospital
            .client_credentials(&hospital.assertion(&leaf, &id), scope)
            .await;
        assert_eq!((token.status, &token.body["scope"]), (200, &json!(scope)));
        assert_eq!(hospital.reads(&token).await, 200);
        for (wrong, status) in [
            (
                hospital
                    .assertion(&leaf, &id)
                    .algorithm(SigningAlgorithm::Rs256),
                400,
            ),
            (hospital.assertion(&with_a_key_of_its_own(&of), &id), 400),
            (
                hospital
                    .assertion(&leaf, &id)
                    .claim("aud", server.endpoint()),
                400,
            ),
            (hospital.assertion(&leaf, &id.to_uppercase()), 401),
        ] {
            let refused = hospital.client_credentials(&wrong, scope).await;
            assert_eq!(
                (refused.status, &refused.body["error"]),
                (status, &json!("invalid_client"))
            );
        }

        hospital.operator(&["clients", "disable", &id]);
        assert_ne!(hospital.reads(&token).await, 200);
        let assertion = hospital.assertion(&leaf, &id);
        assert_eq!(
            hospital.client_credentials(&assertion, scope).await.status,
            401
        );
        hospital.operator(&["clients", "enable", &id]);
        assert_ne!(
            hospital.reads(&token).await,
            200,
            "an old token stays revoked"
        );
        let assertion = hospital.assertion(&leaf, &id);
        let token = hospital.client_credentials(&assertion, scope).await;
        assert_eq!(hospital.reads(&token).await, 200);

        // Another key: OpenEMR takes it at once, and the old one no longer.
        let renewed = with_a_key_of_its_own(&of);
        let statement = server.statement(&renewed).claim("scope", scope);
        assert_eq!(server.post(&statement).await.status, 200);
        assert_ne!(hospital.reads(&token).await, 200);
        let assertion = hospital.assertion(&leaf, &id);
        assert_eq!(
            hospital.client_credentials(&assertion, scope).await.status,
            400
        );
        let assertion = hospital.assertion(&renewed, &id);
        let token = hospital.client_credentials(&assertion, scope).await;
        assert_eq!(token.status, 200);

        let cancelled = server
            .post(&server.statement(&renewed).cancellation())
            .await;
        assert_eq!(cancelled.status, 200);
        assert_ne!(hospital.reads(&token).await, 200);
        let assertion = hospital.assertion(&renewed, &id);
        assert_eq!(
            hospital.client_credentials(&assertion, scope).await.status,
            401
        );
        let page = hospital.openemr.clients_page().await.unwrap();
        assert_eq!(page, [(id, false)]);
    }
}

/// Decisions 29.
#[tokio::test]
async fn a_user_gives_an_app_a_code_and_it_redeems_it_with_its_key() {
    let of = TestCommunity::new("example", now());
    let hospital = Hospital::new(&of, Generation::Columns25, Behaviour::V8).await;
    let server = &hospital.server;
    let leaf = of.client(APP);
    let redirect = "https://app.example.org/callback";
    let scope = "openid fhirUser offline_access launch/patient patient/Patient.rs";
    let statement = server
        .statement(&leaf)
        .authorization_code()
        .claim(
            "redirect_uris",
            json!(["https://app.example.org/other", redirect]),
        )
        .claim("scope", scope);
    let registered = server.post(&statement).await;
    assert_eq!(
        (registered.status, &registered.body["scope"]),
        (201, &json!(scope))
    );
    let id = registered.client_id();
    let elsewhere = "https://app.example.org/callback/";
    assert_eq!(
        hospital.openemr.authorize(&id, elsewhere, scope).await,
        Err(401)
    );
    let code = hospital
        .openemr
        .authorize(&id, redirect, scope)
        .await
        .unwrap();
    let assertion = hospital.assertion(&leaf, &id).build();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", redirect),
        ("client_assertion_type", BEARER),
        ("client_assertion", assertion.as_str()),
    ];
    let token = hospital.token(&form).await;
    assert_eq!((token.status, &token.body["scope"]), (200, &json!(scope)));
    assert_eq!(hospital.reads(&token).await, 200);
    assert_eq!(
        hospital.token(&form).await.status,
        400,
        "a code is good once"
    );
    hospital.operator(&["clients", "disable", &id]);
    assert_ne!(hospital.reads(&token).await, 200);
}

/// Rows that somebody else broke are what breaks the page: the stand-in shows that ours do not.
#[tokio::test]
async fn one_row_that_openemr_cannot_read_takes_its_page_of_clients() {
    let of = TestCommunity::new("example", now());
    let hospital = Hospital::new(&of, Generation::Columns25, Behaviour::V8).await;
    let server = &hospital.server;
    for number in 0..3 {
        let leaf = of.client(&format!("https://app{number}.example.org/"));
        assert_eq!(server.post(&server.statement(&leaf)).await.status, 201);
    }
    assert_eq!(hospital.openemr.clients_page().await.unwrap().len(), 3);
    let database = server.database().await;
    for broken in [
        "UPDATE oauth_clients SET redirect_uri = NULL",
        "UPDATE oauth_clients SET redirect_uri = '', dsi_type = 3",
    ] {
        database.execute(broken).await;
        assert!(hospital.openemr.clients_page().await.is_none());
    }
}
