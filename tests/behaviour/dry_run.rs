//! `udap statement verify --config`: what it foretells is what then happens, and it does nothing.

use serde_json::{Value, json};
use udap_testkit::{
    CertificationBuilder, KeyKind, LeafFlaw, StatementBuilder, TestCommunity, TestKey,
};
use udap_tests::{Database, Member, Server, Setup, now};

const APP: &str = "https://app.example.org/";

/// Tables in which a registration, a refusal or a fetched list leaves something.
const TABLES: [&str; 9] = [
    "registration",
    "spent_jti",
    "audit_event",
    "client_block",
    "revoked_certificate",
    "admin_off",
    "crl",
    "crl_chunk",
    "oauth_clients",
];

async fn counts(database: &Database) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in TABLES {
        counts.push(
            database
                .number(&format!("SELECT count(*) FROM {table}"))
                .await,
        );
    }
    counts
}

/// The dry run of a request: its exit code, and what it says.
fn rehearse(server: &Server, request: &Value, more: &[&str]) -> (Option<i32>, Value) {
    let file = server.folder().join("request.json");
    std::fs::write(&file, request.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let mut words = vec!["statement", "verify", file];
    words.extend(more);
    server.run(&words)
}

/// What the dry run foretells of a statement, and what the server then answers, but for what only a
/// registration can bring about.
async fn both(server: &Server, statement: &StatementBuilder) -> (Value, u16, Value) {
    let request = statement.request();
    let database = server.database().await;
    let before = counts(&database).await;
    let (_, said) = rehearse(server, &request, &[]);
    assert_eq!(counts(&database).await, before, "{said}");
    let answer = server.post_body(&request).await;
    (said, answer.status, answer.body)
}

fn without_ids(mut body: Value) -> Value {
    let members = body.as_object_mut().unwrap();
    members.remove("client_id");
    members.remove("client_id_issued_at");
    body
}

#[tokio::test]
async fn a_good_statement_is_foretold_and_not_spent() {
    let of = TestCommunity::new("example", now());
    let setup = || {
        Setup::of(vec![
            Member::new(&of).with("scopes = [\"system/Patient.read\"]"),
        ])
    };
    let mut server = Server::start(&setup()).await;
    let leaf = of.client(APP);
    let statement = server.statement(&leaf).claim(
        "scope",
        "system/Patient.read system/Observation.read user/Patient.read",
    );
    let (said, status, body) = both(&server, &statement).await;
    assert_eq!(said["outcome"], "registered", "{said}");
    assert_eq!(said["answer"]["status"], 201);
    assert_eq!(status, 201);
    assert_eq!(said["answer"]["body"], without_ids(body.clone()));
    assert_eq!(said["granted_scopes"], json!(["system/Patient.read"]));
    let dropped = said["dropped_scopes"].as_array().unwrap();
    let dropped: Vec<_> = dropped
        .iter()
        .map(|one| (&one["scope"], &one["reason"]))
        .collect();
    assert_eq!(
        dropped,
        [
            (&json!("system/Observation.read"), &json!("above_ceiling")),
            (&json!("user/Patient.read"), &json!("wrong_level")),
        ]
    );
    assert_eq!(said["switch"]["enabled"], true);
    assert_eq!(said["community"], "example");
    assert_eq!(said["path"].as_array().unwrap().len(), 3);

    // Now it is spent, and the next is a modification.
    let (code, again) = rehearse(&server, &statement.request(), &[]);
    assert_eq!(code, Some(1));
    assert_eq!(again["answer"]["body"]["errors"][0]["rule"], "C24");
    let next = server.statement(&leaf);
    server.kill();
    let (code, stopped) = rehearse(&server, &next.request(), &[]);
    assert_eq!(
        (code, &stopped["outcome"]),
        (Some(0), &json!("modified")),
        "{stopped}"
    );
    server.restart();
    server.wait().await;
    let (said, status, body) = both(&server, &next).await;
    assert_eq!(status, 200);
    assert_eq!(said["answer"], json!({"status": 200, "body": body}));
    assert_eq!(stopped["answer"], said["answer"]);

    let end = server.statement(&leaf).cancellation();
    let (said, status, body) = both(&server, &end).await;
    assert_eq!((said["outcome"].as_str(), status), (Some("cancelled"), 200));
    assert_eq!(said["answer"], json!({"status": 200, "body": body}));
    let (said, status, body) = both(&server, &server.statement(&leaf).cancellation()).await;
    assert_eq!(status, 400);
    assert_eq!(said["answer"]["body"], body);
    assert_eq!(body["errors"][0]["rule"], "D14");
}

#[tokio::test]
async fn a_refusal_is_foretold_word_for_word() {
    let of = TestCommunity::new("example", now());
    let strict = TestCommunity::new("strict", now());
    let stranger = TestCommunity::new("stranger", now());
    let server = Server::start(&Setup::of(vec![
        Member::new(&of).with("client_uris = [\"https://app.example.org/\"]"),
        Member::new(&strict).with("profile = \"emr-direct\"\nlink_checks = false"),
    ]))
    .await;
    let leaf = of.client(APP);
    let good = || server.statement(&leaf);
    let other = TestKey::generate(KeyKind::Rsa2048);
    let faulty = server
        .statement(&strict.client(APP))
        .authorization_code()
        .claim("client_name", "")
        .claim("contacts", json!(["mailto:me@gmail.com"]))
        .claim(
            "redirect_uris",
            json!(["https://localhost/cb", "http://app.example.org/"]),
        );
    let revoked = of.leaf(APP).flaw(LeafFlaw::Expired).build();
    let elsewhere = of.client("https://elsewhere.example.org/");
    for (stage, statement) in [
        ("signature", good().sign_with(&other)),
        ("signature", good().header("alg", "HS256")),
        (
            "claims",
            good()
                .claim("aud", "https://elsewhere.example.org/")
                .without("jti"),
        ),
        ("claims", good().claim("exp", 1)),
        ("trust", server.statement(&stranger.client(APP))),
        ("trust", server.statement(&revoked)),
        ("standing", server.statement(&elsewhere)),
        ("metadata", good().claim("scope", "system/Unheard.read")),
        ("metadata", good().claim("grant_types", json!(["password"]))),
        ("metadata", faulty),
    ] {
        let (said, status, body) = both(&server, &statement).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(said["outcome"], "refused", "{said}");
        assert_eq!(said["answer"]["body"], body);
        assert_eq!(said["stage"], stage, "{said}");
        // Each violation is one of a rule of the table, and no other rule is said to be broken.
        let rules = said["rules"].as_array().unwrap();
        let broken: usize = rules
            .iter()
            .filter(|rule| rule["verdict"] == "broken")
            .map(|rule| rule["messages"].as_array().unwrap().len())
            .sum();
        assert_eq!(broken, body["errors"].as_array().unwrap().len(), "{said}");
    }
    // The envelope, too.
    let envelope = json!({"software_statement": good().build(), "udap": "2"});
    let (code, said) = rehearse(&server, &envelope, &[]);
    assert_eq!((code, &said["stage"]), (Some(1), &json!("envelope")));
    let answer = server.post_body(&envelope).await;
    assert_eq!(said["answer"]["body"], answer.body);

    let client_id = server.post(&good()).await.client_id();
    let (code, _) = server.run(&["clients", "disable", &client_id, "--reason", "a doubt"]);
    assert_eq!(code, Some(0));
    let (said, _, body) = both(&server, &good()).await;
    assert_eq!(said["stage"], "standing");
    assert_eq!(said["answer"]["body"], body);
    assert_eq!(said["blocks"][0]["reason"], "a doubt");
    assert!(!said["answer"].to_string().contains("a doubt"));
}

#[tokio::test]
async fn certifications_of_a_whole_request_count() {
    let of = TestCommunity::new("example", now());
    let seal = "https://community.example.net/certifications/seal";
    let server = Server::start(&Setup::of(vec![Member::new(&of).with(&format!(
        "[[certification]]\nuri = \"{seal}\"\nrequired = true"
    ))]))
    .await;
    let leaf = of.client(APP);
    let bare = server.statement(&leaf);
    let (said, status, body) = both(&server, &bare).await;
    assert_eq!((status, &said["answer"]["body"]), (400, &body));
    assert_eq!(said["stage"], "certifications");

    let own = CertificationBuilder::self_signed(&leaf, seal, now());
    let narrow = own.clone().claim("scope", "system/Observation.read");
    for (certification, code) in [(narrow, 1), (own, 0)] {
        let request = server
            .statement(&leaf)
            .request_with(&[certification.build()]);
        let (found, said) = rehearse(&server, &request, &["--explain"]);
        assert_eq!(found, Some(code), "{said}");
        let answer = server.post_body(&request).await;
        assert_eq!(said["answer"]["status"], answer.status);
        let mut answered = answer.body;
        if code == 0 {
            answered = without_ids(answered);
        }
        assert_eq!(said["answer"]["body"], answered);
        let rules = said["rules"].as_array().unwrap().iter();
        let verdicts: Vec<_> = rules
            .filter(|rule| rule["stage"] == "certifications" && rule["rule"] == "F08")
            .map(|rule| rule["verdict"].as_str().unwrap())
            .collect();
        assert_eq!(verdicts, [if code == 0 { "holds" } else { "broken" }]);
    }
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_said_and_the_rest_is_judged() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of).site("token_mode = \"direct\"")).await;
    let leaf = of.client(APP);
    let file = server.folder().join("request.json");
    let judged = |statement: &StatementBuilder| {
        std::fs::write(&file, statement.build()).unwrap();
        let mut command =
            server.command(&["statement", "verify", file.to_str().unwrap(), "--json"]);
        let output = command
            // Nothing listens there.
            .env("UDAP_DATABASE_URL", "mysql://u:p@127.0.0.1:9/udap")
            .env("UDAP_SITE__DEFAULT__OPENEMR_SCHEMA", "openemr")
            .env("UDAP_SITE__DEFAULT__OPENEMR_VERSION", "8.5.0")
            .output()
            .unwrap();
        let said: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), said)
    };
    let (code, said) = judged(&server.statement(&leaf));
    assert_eq!(
        (code, &said["outcome"]),
        (Some(1), &json!("accepted")),
        "{said}"
    );
    assert_eq!(said["answer"]["status"], Value::Null);
    assert_eq!(said["switch"]["enabled"], Value::Null);
    let not_checked = said["not_checked"].to_string();
    assert!(not_checked.contains("not looked up"), "{not_checked}");
    let standing = said["rules"].as_array().unwrap();
    let standing = standing.iter().find(|rule| rule["rule"] == "D22").unwrap();
    assert_eq!(standing["verdict"], "not checked");
    let (code, said) = judged(&server.statement(&leaf).claim("client_name", ""));
    assert_eq!(code, Some(1));
    assert_eq!(said["answer"]["body"]["errors"][0]["rule"], "B20");
}

#[tokio::test]
async fn without_the_network_the_verdict_says_on_what_it_would_depend() {
    let of = TestCommunity::new("example", now());
    let strict = TestCommunity::new("strict", now());
    let server = Server::start(&Setup::of(vec![
        Member::new(&of),
        Member::new(&strict).with("profile = \"emr-direct\""),
    ]))
    .await;
    let unlisted = of.leaf(APP).flaw(LeafFlaw::DeadCrlAddress).build();
    let request = server.statement(&unlisted).request();
    let (code, said) = rehearse(&server, &request, &["--offline"]);
    assert_eq!(
        (code, &said["outcome"]),
        (Some(1), &json!("undecided")),
        "{said}"
    );
    assert!(
        said["not_checked"]
            .to_string()
            .contains("127.0.0.1:9/dead.crl")
    );

    let app = server
        .statement(&strict.client(APP))
        .authorization_code()
        .emr_direct()
        .request();
    let (code, said) = rehearse(&server, &app, &["--offline"]);
    assert_eq!(
        (code, &said["outcome"]),
        (Some(1), &json!("registered")),
        "{said}"
    );
    assert_eq!(said["complete"], false, "what was not looked at is no pass");
    assert!(said["not_checked"].to_string().contains("would depend"));
    let links = said["rules"].as_array().unwrap().iter();
    for rule in links.filter(|rule| rule["stage"] == "links") {
        // Terms and privacy policy are not among what is visited.
        let is_visited = rule["rule"] != "I14";
        let verdict = if is_visited {
            "not checked"
        } else {
            "does not apply"
        };
        assert_eq!(rule["verdict"], verdict, "{rule}");
    }

    // With the network they are visited, by the dry run as by the server.
    let (code, said) = rehearse(&server, &app, &[]);
    assert_eq!((code, &said["stage"]), (Some(1), &json!("links")), "{said}");
    let visits = said["links"].as_array().unwrap();
    assert_eq!(visits.len(), 3);
    assert!(visits.iter().all(|visit| visit["outcome"] != "live"));
    let answer = server.post_body(&app).await;
    assert_eq!(said["answer"]["body"], answer.body);
}

#[tokio::test]
async fn rules_are_told_one_by_one_and_usage_is_watched() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(
        &Setup::of(vec![Member::new(&of).with("enable = \"never\"")]).sites(&["default", "other"]),
    )
    .await;
    let leaf = of.client(APP);
    let statement = server.statement(&leaf).claim("client_name", "").build();
    let told = |words: &[&str]| {
        let output = server.command(words).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (code, out, _) = told(&["statement", "verify", &statement, "--explain"]);
    assert_eq!(code, Some(1));
    assert!(
        out.starts_with("WOULD BE REFUSED: 400 invalid_client_metadata"),
        "{out}"
    );
    let line = |rule: &str, claim: &str| {
        out.lines()
            .find(|line| line.contains(&format!("  {rule}   {claim}")))
            .unwrap_or_else(|| panic!("{rule}: {out}"))
            .to_owned()
    };
    assert!(line("B20", "client_name").contains("broken"));
    assert!(line("C05", "x5c").contains("holds"));
    assert!(line("I16", "contacts").contains("does not apply"));
    assert!(line("F11", "certifications").contains("not reached"));

    let good = server.statement(&leaf).build();
    let (code, out, _) = told(&["statement", "verify", &good]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("an administrator does"), "{out}");
    assert!(!out.contains("rule by rule"));
    let nowhere = server
        .statement(&leaf)
        .claim("aud", "https://x.example.org/")
        .build();
    assert_eq!(told(&["statement", "verify", &nowhere]).0, Some(2));
    let (code, out, _) = told(&["statement", "verify", &nowhere, "--site", "other"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("(B13)"), "{out}");
    assert_eq!(
        told(&["statement", "verify", &good, "--site", "third"]).0,
        Some(2)
    );
    assert_eq!(told(&["statement", "verify", &good, "--fetch"]).0, Some(2));
    assert_eq!(server.database().await.clients().await, 0);
}
