//! Communities of different rules, side by side in one server.

use serde_json::json;
use udap_testkit::{StatementBuilder, TestCommunity, TestLeaf};
use udap_tests::{Member, Server, Setup, now};

const APP: &str = "https://app.example.org/";

struct Beside {
    plain: TestLeaf,
    strict: TestLeaf,
    server: Server,
}

/// An app of a community with HL7's rules alone, and one of a community with EMR Direct's.
async fn beside() -> Beside {
    let plain = TestCommunity::new("plain", now());
    let strict = TestCommunity::new("strict", now());
    let server = Server::start(&Setup::of(vec![
        Member::new(&plain),
        Member::new(&strict).with("profile = \"emr-direct\"\nlink_checks = false"),
    ]))
    .await;
    Beside {
        plain: plain.client(APP),
        strict: strict.client(APP),
        server,
    }
}

/// Proves: E24, E26, B20, B21, B26, B28, B29, B31, B34
#[tokio::test]
async fn seven_faults_are_told_in_one_answer_under_either_profile() {
    let Beside {
        plain,
        strict,
        server,
    } = beside().await;
    let faulty = |leaf: &TestLeaf| {
        server
            .statement(leaf)
            .authorization_code()
            .emr_direct()
            .claim("client_name", "")
            .claim("grant_types", json!(["authorization_code", "password"]))
            .claim("redirect_uris", json!(["http://app.example.org/cb"]))
            .claim("token_endpoint_auth_method", "none")
            .claim("contacts", json!(["ops@example.org"]))
            .claim("logo_uri", "https://app.example.org/logo.svg")
            .claim("policy_uri", "privacy")
    };
    for leaf in [&plain, &strict] {
        let answer = server.post(&faulty(leaf)).await;
        let (status, code, mut rules) = answer.refusal();
        assert_eq!((status, code), (400, "invalid_client_metadata"));
        rules.sort_unstable();
        assert_eq!(rules, ["B20", "B21", "B26", "B28", "B29", "B31", "B34"]);
        let errors = answer.body["errors"].as_array().unwrap();
        let description = answer.body["error_description"].as_str().unwrap();
        for error in errors {
            for member in ["claim", "rule"] {
                let word = error[member].as_str().unwrap();
                assert!(description.contains(word), "{word}: {description}");
            }
        }
        assert_eq!(errors.len(), 7);
    }
    assert_eq!(server.database().await.clients().await, 0);
}

/// Proves: I01, I02, I03, I06, I16
#[tokio::test]
async fn what_one_community_registers_another_of_the_same_server_refuses() {
    let Beside {
        plain,
        strict,
        server,
    } = beside().await;
    let app = |leaf: &TestLeaf| server.statement(leaf).authorization_code().emr_direct();
    let service = |leaf: &TestLeaf| server.statement(leaf).emr_direct();
    type Build<'a> = &'a dyn Fn(&TestLeaf) -> StatementBuilder;
    let cases: [(Build<'_>, &[&str]); 4] = [
        (&|leaf| app(leaf).without("tos_uri"), &["I01"]),
        (
            &|leaf| app(leaf).claim("contacts", json!(["mailto:me@gmail.com"])),
            &["I16"],
        ),
        (
            &|leaf| app(leaf).claim("redirect_uris", json!(["https://127.0.0.1/cb"])),
            &["I06"],
        ),
        (
            &|leaf| service(leaf).without("logo_uri").without("client_uri"),
            &["I01", "I01"],
        ),
    ];
    for (number, (build, rules)) in cases.into_iter().enumerate() {
        let accepted = server.post(&build(&plain)).await;
        let is_first = number == 0;
        assert_eq!(
            accepted.status,
            if is_first { 201 } else { 200 },
            "{accepted:?}"
        );
        let refused = server.post(&build(&strict)).await;
        assert_eq!(
            refused.refusal(),
            (400, refused.body["error"].as_str().unwrap(), rules.to_vec())
        );
    }
    // What either asks for is there: either registers it.
    for (leaf, status) in [(&plain, 200), (&strict, 201)] {
        assert_eq!(server.post(&app(leaf)).await.status, status);
    }
    let nowhere = server
        .post(&app(&strict).claim("redirect_uris", json!([])))
        .await;
    assert_eq!(
        nowhere.refusal(),
        (400, "invalid_client_metadata", vec!["B25"])
    );
    assert_eq!(server.database().await.clients().await, 2);
}
