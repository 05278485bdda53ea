//! New registrations.

use serde_json::json;
use udap_testkit::{KeyKind, TestCommunity};
use udap_tests::{Member, Server, Setup, now};

const APP: &str = "https://app.example.org/";

/// Proves: N01, B01, C28, E01, E02, E03, E05, E06, E07, E09, E10, E11, E12
#[tokio::test]
async fn a_client_credentials_app_is_registered_and_switched_on() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of).site("token_mode = \"direct\"")).await;
    let leaf = of.client(APP);
    let statement = server.statement(&leaf);
    let answer = server.post(&statement).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
    let mut body = answer.body.clone();
    let members = body.as_object_mut().unwrap();
    assert_eq!(
        members.remove("software_statement").unwrap(),
        json!(statement.build())
    );
    let client_id = members.remove("client_id").unwrap();
    let client_id = client_id.as_str().unwrap();
    assert_eq!(client_id.len(), 43);
    let issued_at = members
        .remove("client_id_issued_at")
        .unwrap()
        .as_i64()
        .unwrap();
    assert!((now().unix_timestamp() - issued_at).abs() < 60);
    assert_eq!(
        body,
        json!({
            "client_name": "Example App",
            "grant_types": ["client_credentials"],
            "token_endpoint_auth_method": "private_key_jwt",
            "scope": "system/Patient.read",
            "contacts": ["mailto:ops@example.org"],
        })
    );

    let database = server.database().await;
    let row = database.client(client_id).await;
    let text = |column: &str| row.get::<Option<String>, _>(column);
    let number = |column: &str| row.get::<Option<i64>, _>(column);
    assert_eq!(row.width(), server.store().columns());
    assert_eq!(text("client_role").as_deref(), Some("user"));
    assert_eq!(text("client_name").as_deref(), Some("Example App"));
    assert_eq!(text("redirect_uri").as_deref(), Some(APP));
    assert_eq!(text("grant_types").as_deref(), Some("client_credentials"));
    assert_eq!(text("scope").as_deref(), Some("system/Patient.read"));
    assert_eq!(text("site_id").as_deref(), Some("default"));
    for null in [
        "registration_token",
        "registration_uri_path",
        "revoke_date",
        "user_id",
        "jwks_uri",
        "endorsements",
    ] {
        assert_eq!(text(null), None, "{null}");
    }
    assert_eq!(number("is_confidential"), Some(1));
    assert_eq!(number("is_enabled"), Some(1));
    // OpenEMR has had these since 7.0.2 and 7.0.3.
    for since in ["skip_ehr_launch_authorization_flow", "dsi_type"] {
        if row.has(since) {
            assert_eq!(number(since), Some(0), "{since}");
        }
    }
    let jwks: serde_json::Value = serde_json::from_str(&text("jwks").unwrap()).unwrap();
    let keys = jwks["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0]["kty"], "RSA");
    assert_eq!(keys[0]["alg"], "RS384");
    let certificate = udap::certificate::Certificate::from_der(leaf.der()).unwrap();
    assert_eq!(
        keys[0]["kid"],
        json!(certificate.key().unwrap().jwk().thumbprint())
    );
    let secret = text("client_secret").unwrap();
    assert!(secret.starts_with('x') && secret.len() == 86);
}

/// Proves: C28, C29
#[tokio::test]
async fn what_the_app_was_registered_with_is_recorded() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client(APP);
    let statement = server.statement(&leaf).claim("jti", "the-jti");
    let client_id = server.post(&statement).await.client_id();
    let row = server
        .database()
        .await
        .row("SELECT * FROM registration")
        .await;
    let text = |column: &str| row.get::<String, _>(column);
    let bytes = |column: &str| row.get::<Vec<u8>, _>(column);
    let micros = |column: &str| row.get::<i64, _>(column);
    let certificate = udap::certificate::Certificate::from_der(leaf.der()).unwrap();
    assert_eq!(text("client_id"), client_id);
    assert_eq!(text("site"), "default");
    assert_eq!(text("community_id"), "example");
    assert_eq!(text("community_uri"), "https://example.example.net/udap");
    assert_eq!(text("client_uri"), APP);
    assert_eq!(text("statement"), statement.build());
    assert_eq!(text("jti"), "the-jti");
    assert_eq!(text("remote_address"), "127.0.0.1");
    assert_eq!(text("issuer"), certificate.issuer_text());
    assert_eq!(bytes("certificate"), leaf.der());
    assert_eq!(bytes("chain"), of.intermediate().der());
    assert_eq!(bytes("serial"), leaf.serial());
    assert_eq!(
        bytes("certificate_fingerprint"),
        certificate.fingerprint().to_vec()
    );
    assert_eq!(
        micros("not_after"),
        certificate.not_after().unix_timestamp() * 1_000_000
    );
    assert!((micros("registered_at") / 1_000_000 - now().unix_timestamp()).abs() < 60);
}

/// Proves: N02, B20, B21, B25, B28, B29, B30, I01, I16
#[tokio::test]
async fn an_authorization_code_app_with_all_that_emr_direct_asks_for_is_registered() {
    let of = TestCommunity::new("example", now());
    let member = Member::new(&of).with("profile = \"emr-direct\"\nlink_checks = false");
    let server = Server::start(&Setup::of(vec![member])).await;
    let statement = server
        .statement(&of.client(APP))
        .authorization_code()
        .emr_direct();
    let answer = server.post(&statement).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    for member in [
        "redirect_uris",
        "response_types",
        "grant_types",
        "logo_uri",
        "client_uri",
        "tos_uri",
        "policy_uri",
        "contacts",
    ] {
        assert_eq!(
            &answer.body[member],
            statement.claim_value(member).unwrap(),
            "{member}"
        );
    }
    let database = server.database().await;
    let row = database.client(&answer.client_id()).await;
    assert_eq!(
        row.get::<String, _>("grant_types"),
        "authorization_code|refresh_token"
    );
    let redirect_uris: Vec<_> = statement
        .claim_value("redirect_uris")
        .unwrap()
        .as_array()
        .unwrap()
        .clone();
    let joined: Vec<_> = redirect_uris
        .iter()
        .map(|uri| uri.as_str().unwrap())
        .collect();
    assert_eq!(row.get::<String, _>("redirect_uri"), joined.join("|"));
}

/// Proves: B06, B07, B08, N19
#[tokio::test]
async fn unsigned_and_unknown_members_are_ignored() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let statement = server
        .statement(&of.client(APP))
        .claim("x_unknown", json!({"a": [1]}))
        .claim("jwks", json!({"keys": []}))
        .claim("logo_uri", json!(null));
    let mut body = statement.request();
    body["redirect_uris"] = json!(["https://evil.example.org/"]);
    body["client_name"] = json!("Evil");
    body["grant_types"] = json!([]);
    body["certifications"] = json!(null);
    let request = server
        .http()
        .post(server.endpoint())
        .header("content-type", "Application/JSON; charset=utf-8")
        .header("authorization", "Bearer nonsense")
        .body(body.to_string());
    let answer = udap_tests::answer(request).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.body["client_name"], "Example App");
    let app = server
        .statement(&of.client("https://second.example.org/"))
        .authorization_code();
    let mut body = app.request();
    body["redirect_uris"] = json!(["https://evil.example.org/"]);
    body["scope"] = json!("system/Patient.read");
    let with_person = server.post_body(&body).await;
    assert_eq!(with_person.status, 201, "{with_person:?}");
    let signed = app.claim_value("redirect_uris").unwrap();
    assert_eq!(&with_person.body["redirect_uris"], signed);
    let row = server
        .database()
        .await
        .client(&with_person.client_id())
        .await;
    assert_eq!(json!([row.get::<String, _>("redirect_uri")]), *signed);
    assert!(!row.get::<String, _>("scope").contains("system/"));
    for absent in [
        "redirect_uris",
        "x_unknown",
        "jwks",
        "logo_uri",
        "client_secret",
        "iss",
        "jti",
        "certifications",
    ] {
        assert!(answer.body.get(absent).is_none(), "{absent}");
    }
}

/// Proves: N04, D01
#[tokio::test]
async fn the_same_client_uri_in_two_communities_is_two_clients() {
    let one = TestCommunity::new("one", now());
    let two = TestCommunity::new("two", now());
    let server = Server::start(&Setup::of(vec![Member::new(&one), Member::new(&two)])).await;
    let first = server.post(&server.statement(&one.client(APP))).await;
    let second = server
        .post(
            &server
                .statement(&two.client(APP))
                .claim("client_name", "Other App"),
        )
        .await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_ne!(first.client_id(), second.client_id());
    let database = server.database().await;
    let row = database.client(&first.client_id()).await;
    assert_eq!(row.get::<String, _>("client_name"), "Example App");
    // Cancelled there, it lives on here.
    let cancellation = server.statement(&two.client(APP)).cancellation();
    let cancelled = server.post(&cancellation).await;
    assert_eq!(
        (cancelled.status, cancelled.client_id()),
        (200, second.client_id())
    );
    assert!(database.is_enabled(&first.client_id()).await);
    assert!(!database.is_enabled(&second.client_id()).await);
}

/// Proves: B13, A45
#[tokio::test]
async fn each_site_has_its_own_endpoint_and_clients() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of).sites(&["default", "clinic"])).await;
    let leaf = of.client(APP);
    let first = server.post(&server.statement(&leaf)).await;
    let clinic = server.endpoint_of("clinic");
    let statement = leaf.statement(&clinic, now());
    let wrong = server.post_body(&statement.request()).await;
    assert_eq!(
        wrong.refusal(),
        (400, "invalid_software_statement", vec!["B13"])
    );
    let second = server
        .post_to(&clinic, statement.request().to_string(), "application/json")
        .await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_ne!(first.client_id(), second.client_id());
}

/// Proves: A51, A52
#[tokio::test]
async fn a_gateway_site_registers_every_kind_of_key_and_its_row_holds_the_gateways_own() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let database = server.database().await;
    let mut rows = Vec::new();
    for (index, kind) in [KeyKind::Rsa2048, KeyKind::P256, KeyKind::P384]
        .into_iter()
        .enumerate()
    {
        let leaf = of
            .leaf(&format!("https://app{index}.example.org/"))
            .key_kind(kind)
            .build();
        let answer = server.post(&server.statement(&leaf)).await;
        assert_eq!(answer.status, 201, "{kind:?}: {answer:?}");
        let row = database.client(&answer.client_id()).await;
        rows.push(row.get::<String, _>("jwks"));
    }
    assert!(rows[0].contains("\"RSA\""));
    assert_eq!(rows[0], rows[1]);
    assert_eq!(rows[0], rows[2]);
}

/// Proves: B40, B43, B44, B46, E04
#[tokio::test]
async fn what_is_granted_is_what_the_answer_and_the_row_say() {
    let of = TestCommunity::new("example", now());
    let member = Member::new(&of).with("scopes = [\"system/*.read\"]");
    let server = Server::start(&Setup::of(vec![member])).await;
    let statement = server.statement(&of.client(APP)).claim(
        "scope",
        "openid system/*.read system/Patient.write patient/Patient.read udap nonsense",
    );
    let answer = server.post(&statement).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(
        answer.body["scope"],
        "system/Patient.read system/Observation.read"
    );
    let row = server.database().await.client(&answer.client_id()).await;
    assert_eq!(
        row.get::<String, _>("scope"),
        "system/Patient.read system/Observation.read"
    );
}

#[tokio::test]
async fn who_is_switched_on_is_the_communitys_policy() {
    let of = TestCommunity::new("example", now());
    let member = Member::new(&of).with("enable = \"patient\"");
    let server = Server::start(&Setup::of(vec![member])).await;
    let database = server.database().await;
    let system = server.post(&server.statement(&of.client(APP))).await;
    assert_eq!(system.status, 201);
    assert!(!database.is_enabled(&system.client_id()).await);
    let patient = server
        .statement(&of.client("https://patient.example.org/"))
        .authorization_code()
        .claim(
            "scope",
            "openid fhirUser launch/patient offline_access patient/Patient.read",
        );
    let patient = server.post(&patient).await;
    assert_eq!(patient.status, 201, "{patient:?}");
    assert!(database.is_enabled(&patient.client_id()).await);
}
