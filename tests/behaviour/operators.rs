//! Operators and administrators: `udap clients`, and hands in OpenEMR's table.

use serde_json::{Value, json};
use udap_testkit::TestCommunity;
use udap_tests::{Member, Server, Setup, now};

const APP: &str = "https://app.example.org/";

fn run(server: &Server, arguments: &[&str]) -> (bool, Value) {
    let output = server.command(arguments).arg("--json").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let value = serde_json::from_str(&text).unwrap_or(Value::Null);
    (output.status.success(), value)
}

#[tokio::test]
async fn clients_are_listed() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client(APP);
    let client_id = server.post(&server.statement(&leaf)).await.client_id();
    let (success, list) = run(&server, &["clients", "list"]);
    assert!(success);
    let one = &list.as_array().unwrap()[0];
    assert_eq!(one["client_id"], json!(client_id));
    assert_eq!(one["site"], "default");
    assert_eq!(one["community"], "https://example.example.net/udap");
    assert_eq!(one["client_uri"], APP);
    assert_eq!(one["client_name"], "Example App");
    assert_eq!(one["status"], "active");
    assert_eq!(one["enabled"], true);
    let certificate = udap::certificate::Certificate::from_der(leaf.der()).unwrap();
    let fingerprint: String = certificate
        .fingerprint()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(one["certificate"]["fingerprint"], json!(fingerprint));
    for time in ["registered_at", "updated_at"] {
        assert!(one[time].as_str().unwrap().contains('T'), "{one}");
    }
}

/// Proves: D22
#[tokio::test]
async fn a_disabled_client_is_refused_like_a_stranger_until_it_is_enabled() {
    let of = TestCommunity::new("example", now());
    let stranger = TestCommunity::new("stranger", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client(APP);
    let client_id = server.post(&server.statement(&leaf)).await.client_id();
    let (success, summary) = run(
        &server,
        &["clients", "disable", &client_id, "--reason", "test"],
    );
    assert!(success, "{summary}");
    assert_eq!(summary["status"], "blocked");
    let database = server.database().await;
    assert!(!database.is_enabled(&client_id).await);

    let distrusted = server.post(&server.statement(&stranger.client(APP))).await;
    for statement in [
        server.statement(&leaf),
        server.statement(&leaf).cancellation(),
    ] {
        let blocked = server.post(&statement).await;
        assert_eq!(blocked.status, 400);
        assert_eq!(blocked.body, distrusted.body);
    }
    assert!(!database.is_enabled(&client_id).await);

    let (success, summary) = run(&server, &["clients", "enable", &client_id]);
    assert!(success, "{summary}");
    assert_eq!(summary["status"], "active");
    assert!(database.is_enabled(&client_id).await);
    assert_eq!(server.post(&server.statement(&leaf)).await.status, 200);
    let (success, _) = run(&server, &["clients", "disable", "nobody"]);
    assert!(!success);
}

/// Proves: D22
#[tokio::test]
async fn a_blocked_client_cannot_tell_itself_from_a_stranger_by_asking_again() {
    let of = TestCommunity::new("example", now());
    let stranger = TestCommunity::new("stranger", now());
    let setup = Setup::new(&of)
        .limits("registrations_per_minute = 0\nstatements_per_client_per_minute = 3");
    let server = Server::start(&setup).await;
    let leaf = of.client(APP);
    let used = server.statement(&leaf);
    let client_id = server.post(&used).await.client_id();
    let distrusted = server.post(&server.statement(&stranger.client(APP))).await;
    assert!(run(&server, &["clients", "disable", &client_id]).0);
    let again = server.statement(&leaf);
    // A statement from before the block, one sent twice, and more than the limit allows.
    for statement in [&used, &again, &again, &again, &again] {
        let blocked = server.post(statement).await;
        assert_eq!(blocked.status, 400, "{blocked:?}");
        assert_eq!(blocked.body, distrusted.body);
        assert_eq!(blocked.header("retry-after"), "");
    }
    let events = "SELECT count(*) FROM audit_event WHERE kind = 'refused_blocked'";
    assert_eq!(server.database().await.number(events).await, 1);
}

/// Proves: D22
#[tokio::test]
async fn a_block_outlives_cancelling_and_may_hold_everywhere_or_for_a_key() {
    let one = TestCommunity::new("one", now());
    let two = TestCommunity::new("two", now());
    let server = Server::start(&Setup::of(vec![Member::new(&one), Member::new(&two)])).await;
    let (first, second) = (one.client(APP), two.client(APP));
    let client_id = server.post(&server.statement(&first)).await.client_id();
    assert_eq!(server.post(&server.statement(&second)).await.status, 201);
    assert!(run(&server, &["clients", "disable", &client_id, "--everywhere"]).0);
    for leaf in [&first, &second] {
        let refused = server.post(&server.statement(leaf)).await;
        assert_eq!(refused.refusal().1, "unapproved_software_statement");
    }
    let other = two.client("https://other.example.org/");
    let other_id = server.post(&server.statement(&other)).await.client_id();
    assert!(run(&server, &["clients", "disable", &other_id, "--certificate"]).0);
    let same_key = two
        .leaf("https://third.example.org/")
        .key(other.key())
        .build();
    let refused = server.post(&server.statement(&same_key)).await;
    assert_eq!(refused.refusal().1, "unapproved_software_statement");
    let rekeyed = two
        .leaf("https://other.example.org/")
        .key(&udap_testkit::TestKey::generate(
            udap_testkit::KeyKind::P256,
        ))
        .build();
    let answer = server.post(&server.statement(&rekeyed)).await;
    assert_ne!(answer.status, 400, "{answer:?}");
}

#[tokio::test]
async fn what_an_administrator_did_by_hand_is_respected() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client(APP);
    let client_id = server.post(&server.statement(&leaf)).await.client_id();
    let database = server.database().await;
    database
        .execute("UPDATE oauth_clients SET is_enabled = 0")
        .await;
    assert_eq!(server.post(&server.statement(&leaf)).await.status, 200);
    assert!(!database.is_enabled(&client_id).await);
    let (_, list) = run(&server, &["clients", "list"]);
    assert_eq!(list[0]["status"], "disabled");
    assert_eq!(list[0]["enabled"], false);
    database
        .execute("UPDATE oauth_clients SET is_enabled = 1")
        .await;
    assert_eq!(server.post(&server.statement(&leaf)).await.status, 200);
    assert!(database.is_enabled(&client_id).await);
}

#[tokio::test]
async fn an_administrators_approval_ends_when_the_app_asks_for_more() {
    let of = TestCommunity::new("example", now());
    let member = Member::new(&of).with("enable = \"never\"");
    let server = Server::start(&Setup::of(vec![member])).await;
    let leaf = of.client(APP);
    let client_id = server.post(&server.statement(&leaf)).await.client_id();
    let database = server.database().await;
    assert!(!database.is_enabled(&client_id).await);
    database
        .execute("UPDATE oauth_clients SET is_enabled = 1")
        .await;
    assert_eq!(server.post(&server.statement(&leaf)).await.status, 200);
    assert!(database.is_enabled(&client_id).await, "approved");
    let more = server
        .statement(&leaf)
        .claim("scope", "system/Patient.read system/Observation.read");
    assert_eq!(server.post(&more).await.status, 200);
    assert!(
        !database.is_enabled(&client_id).await,
        "the approval did not cover that"
    );
}

#[tokio::test]
async fn config_check_says_what_a_new_app_gets() {
    let of = TestCommunity::new("example", now());
    let member = Member::new(&of).with("scopes = [\"system/*.read\"]");
    let server = Server::start(&Setup::of(vec![member])).await;
    let (success, checked) = run(&server, &["config", "check"]);
    assert!(success);
    let offer = &checked["offers"][0];
    assert_eq!(offer["enabled"], "at once");
    assert!(
        offer["scopes"]
            .as_array()
            .unwrap()
            .contains(&json!("system/Patient.read"))
    );
    std::fs::remove_file(server.folder().join("example/root.pem")).unwrap();
    let (success, _) = run(&server, &["config", "check"]);
    assert!(!success);
}

#[tokio::test]
async fn config_check_tells_services_from_apps_with_a_person() {
    let of = TestCommunity::new("example", now());
    let closed = TestCommunity::new("closed", now());
    let server = Server::start(&Setup::of(vec![
        Member::new(&of).with("enable = \"patient\"\nscopes = [\"patient/*.read\", \"openid\"]"),
        Member::new(&closed).with("enable = \"never\"\nallow_client_credentials = false"),
    ]))
    .await;
    let (success, checked) = run(&server, &["config", "check"]);
    assert!(success);
    let granted = |community: usize| {
        let grants = checked["offers"][community]["grants"].as_array().unwrap();
        let of = |grant: &Value| {
            let text = |name: &str| grant[name].as_str().unwrap().to_owned();
            let scopes = grant["scopes"].as_array().unwrap().len();
            (text("grant_type"), text("enabled"), scopes > 0)
        };
        grants.iter().map(of).collect::<Vec<_>>()
    };
    let (services, persons) = (
        "client_credentials".to_owned(),
        "authorization_code".to_owned(),
    );
    let by_hand = "only by an administrator".to_owned();
    assert_eq!(
        granted(0),
        [
            (services, by_hand.clone(), false),
            (
                persons.clone(),
                "at once if it asks for patient scopes only".to_owned(),
                true
            ),
        ]
    );
    assert_eq!(granted(1), [(persons, by_hand, true)]);
    let output = server.command(&["config", "check"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("nothing: such an app is refused"), "{text}");
    assert!(text.contains("openid patient/Patient.read"), "{text}");
}

/// Proves: B40, B43, B44
#[tokio::test]
async fn scopes_that_were_asked_for_in_vain_are_shown() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client(APP);
    let more = server.statement(&leaf).claim(
        "scope",
        "system/Patient.read system/Patient.write patient/Patient.read",
    );
    let client_id = server.post(&more).await.client_id();
    let dropped = || {
        let (success, shown) = run(&server, &["clients", "show", &client_id]);
        assert!(success, "{shown}");
        let dropped = shown["dropped_scopes"].as_array().unwrap().clone();
        let pair = |one: Value| (one["scope"].clone(), one["reason"].clone());
        dropped.into_iter().map(pair).collect::<Vec<_>>()
    };
    assert_eq!(
        dropped(),
        [
            (json!("system/Patient.write"), json!("not_named")),
            (json!("patient/Patient.read"), json!("wrong_level")),
        ]
    );
    let output = server
        .command(&["clients", "show", &client_id])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("does not fit the grant type"), "{text}");
    // What an operator does says nothing of scopes; the last statement does.
    assert!(run(&server, &["clients", "disable", &client_id]).0);
    assert_eq!(dropped().len(), 2);
    assert!(run(&server, &["clients", "enable", &client_id]).0);
    assert_eq!(server.post(&server.statement(&leaf)).await.status, 200);
    assert_eq!(dropped(), []);
}

#[tokio::test]
async fn one_client_is_shown_with_its_history() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let leaf = of.client(APP);
    let client_id = server.post(&server.statement(&leaf)).await.client_id();
    assert_eq!(server.post(&server.statement(&leaf)).await.status, 200);
    assert!(
        run(
            &server,
            &["clients", "disable", &client_id, "--reason", "a test"]
        )
        .0
    );

    let (success, shown) = run(&server, &["clients", "show", &client_id]);
    assert!(success, "{shown}");
    let (_, list) = run(&server, &["clients", "list"]);
    for (member, value) in list[0].as_object().unwrap() {
        assert_eq!(&shown[member], value, "{member}");
    }
    assert_eq!(shown["community_id"], "example");
    assert_eq!(shown["scopes"], json!(["system/Patient.read"]));
    assert_eq!(shown["grant_types"], json!(["client_credentials"]));
    assert_eq!(shown["redirect_uris"], json!([]));
    assert!(!shown["contacts"].as_array().unwrap().is_empty());
    let chain = shown["certificate_chain"].as_array().unwrap();
    assert_eq!(chain.len(), 2, "the app's and its issuer's");
    assert_eq!(chain[0]["fingerprint"], shown["certificate"]["fingerprint"]);
    assert_eq!(chain[0]["issuer"], chain[1]["subject"]);
    let leaf = udap::certificate::Certificate::from_der(leaf.der()).unwrap();
    assert_eq!(chain[0]["serial"], json!(leaf.serial_hex()));
    assert_eq!(shown["row_exists"], true);
    assert_eq!(shown["trust_off"], Value::Null);
    let block = &shown["blocks"][0];
    assert_eq!(
        (&block["scope"], &block["reason"]),
        (&json!("registration"), &json!("a test"))
    );
    let history = shown["history"].as_array().unwrap();
    let kinds: Vec<_> = history
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds[..2], ["registered", "modified"]);
    let blocked = history.iter().find(|event| event["kind"] == "blocked");
    let blocked = blocked.expect("it was blocked");
    assert_eq!(blocked["reason"], "a test");
    assert!(blocked["operator"].is_string());

    let text = server
        .command(&["clients", "show", &client_id])
        .output()
        .unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.contains(&client_id) && text.contains("history") && text.contains(": a test"),
        "{text}"
    );
    assert!(!run(&server, &["clients", "show", "nobody"]).0);
}
