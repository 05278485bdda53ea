//! The gateway's keys and the rows that carry them: rotating, switching, and ending early (decisions 12,
//! 26, 28).

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use udap::certificate::Certificate;
use udap_testkit::{KeyKind, TestCommunity, TestLeaf};
use udap_tests::{Database, Server, Setup, Store, now, until};

const DIRECT: &str = "token_mode = \"direct\"\n";
const KEY_MOVED: &str = "SELECT count(*) FROM audit_event WHERE kind = 'key_moved'";

/// Apps that a scene has. Enough for a command to be killed among them.
const APPS: usize = 8;

fn kid_of(leaf: &TestLeaf) -> String {
    let certificate = Certificate::from_der(leaf.der()).unwrap();
    certificate.key().unwrap().jwk().thumbprint()
}

async fn kid_in(database: &Database, client_id: &str) -> String {
    let jwks: String = database.client(client_id).await.get("jwks");
    let set: Value = serde_json::from_str(&jwks).unwrap();
    let key = &set["keys"][0];
    assert_eq!((&key["use"], &key["alg"]), (&json!("sig"), &json!("RS384")));
    key["kid"].as_str().unwrap().to_owned()
}

async fn kids(database: &Database, clients: &[String]) -> BTreeSet<String> {
    let mut kids = BTreeSet::new();
    for client_id in clients {
        kids.insert(kid_in(database, client_id).await);
    }
    kids
}

/// The gateway's keys: what is called so, by the `kid` of what it holds.
fn files(server: &Server) -> BTreeSet<String> {
    let folder = server.folder().join("gateway-keys");
    let names = std::fs::read_dir(folder).unwrap();
    names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect()
}

async fn register(server: &Server, leaf: &TestLeaf) -> String {
    let answer = server.post(&server.statement(leaf)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.client_id()
}

fn leaves(of: &TestCommunity) -> Vec<TestLeaf> {
    (0..APPS)
        .map(|number| of.client(&format!("https://app{number}.example.org/")))
        .collect()
}

/// Updates of rows take a while from now on.
async fn slow_down(server: &Server, database: &Database) {
    let tables = ["a", "b", "c", "d", "e", "f", "g"].map(|name| format!("oauth_clients AS {name}"));
    let pause = match server.store() {
        // All combinations of rows take a while to count.
        Store::Embedded(_) => format!("BEGIN SELECT count(*) FROM {}; END", tables.join(", ")),
        Store::MariaDb(_) => "FOR EACH ROW SET @paused = SLEEP(0.2)".to_owned(),
    };
    database
        .execute(&format!(
            "CREATE TRIGGER slow_oauth_clients BEFORE UPDATE ON oauth_clients {pause}"
        ))
        .await;
}

/// Starts a command that moves rows, and kills it when it has moved some.
async fn kill_in_the_middle(server: &Server, database: &Database, arguments: &[&str]) -> i64 {
    slow_down(server, database).await;
    let before = database.number(KEY_MOVED).await;
    let mut command = server.command(arguments).spawn().unwrap();
    until("a row is moved", Duration::from_secs(60), async || {
        database.number(KEY_MOVED).await >= before + 2
    })
    .await;
    command.kill().unwrap();
    command.wait().unwrap();
    // What the database was doing for it ends, too.
    tokio::time::sleep(Duration::from_secs(1)).await;
    database.execute("DROP TRIGGER slow_oauth_clients").await;
    let moved = database.number(KEY_MOVED).await - before;
    assert!(
        (2..i64::try_from(APPS).unwrap()).contains(&moved),
        "{moved}"
    );
    moved
}

#[tokio::test]
async fn a_rotation_moves_every_row_and_the_running_server_writes_the_new_key() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let database = server.database().await;
    let rsa = of.client("https://app.example.org/");
    let elliptic = of
        .leaf("https://elliptic.example.org/")
        .key_kind(KeyKind::P256)
        .build();
    let mut clients = vec![
        register(&server, &rsa).await,
        register(&server, &elliptic).await,
    ];
    let old = kids(&database, &clients).await;
    assert_eq!(old.len(), 1);
    assert_eq!(server.run(&["gateway", "status"]).0, Some(0));

    let (code, rotated) = server.run(&["gateway", "rotate-key"]);
    assert_eq!(code, Some(0), "{rotated}");
    assert_eq!(
        (&rotated[0]["moved"], &rotated[0]["rows"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(rotated[0]["removed"], json!(old));
    let new = kids(&database, &clients).await;
    assert_eq!(json!(new), json!([rotated[0]["kid"]]));
    assert!(new.is_disjoint(&old));
    assert_eq!(files(&server), BTreeSet::from(["default.pem".to_owned()]));
    assert_eq!(database.number(KEY_MOVED).await, 2);

    // The server was not told: it writes the new key, for new apps and for known ones.
    let another = of.client("https://another.example.org/");
    clients.push(register(&server, &another).await);
    assert_eq!(server.post(&server.statement(&rsa)).await.status, 200);
    assert_eq!(kids(&database, &clients).await, new);
    let (code, status) = server.run(&["gateway", "status"]);
    assert_eq!(code, Some(0), "{status}");
    assert_eq!(status[0]["rows"]["as_wanted"], 3);
    assert_eq!(status[0]["older_keys"], json!([]));

    for arguments in [
        ["gateway", "rotate-key", "--site", "nowhere"],
        ["gateway", "switch-rows", "--site", "nowhere"],
    ] {
        assert_eq!(server.run(&arguments).0, Some(1));
    }
}

#[tokio::test]
async fn statements_that_come_during_a_rotation_leave_no_row_behind() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let database = server.database().await;
    let leaves = leaves(&of);
    let mut clients = Vec::new();
    for leaf in &leaves {
        clients.push(register(&server, leaf).await);
    }
    for round in 1..=3 {
        let before = kids(&database, &clients).await;
        let mut rotating = server.command(&["gateway", "rotate-key"]).spawn().unwrap();
        let mut statements = 0;
        while rotating.try_wait().unwrap().is_none() {
            let leaf = &leaves[statements % APPS];
            assert_eq!(server.post(&server.statement(leaf)).await.status, 200);
            statements += 1;
        }
        assert!(rotating.wait().unwrap().success(), "round {round}");
        assert!(statements > 0);
        let after = kids(&database, &clients).await;
        assert_eq!(after.len(), 1);
        assert!(after.is_disjoint(&before));
        assert_eq!(files(&server), BTreeSet::from(["default.pem".to_owned()]));
    }
}

#[tokio::test]
async fn a_rotation_that_was_killed_is_brought_to_its_end() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let database = server.database().await;
    let mut clients = Vec::new();
    for leaf in leaves(&of) {
        clients.push(register(&server, &leaf).await);
    }
    let old = kids(&database, &clients).await;
    let moved = kill_in_the_middle(&server, &database, &["gateway", "rotate-key"]).await;

    // Whichever key a row carries, its file is there.
    let mixed = kids(&database, &clients).await;
    assert_eq!(mixed.len(), 2);
    assert!(mixed.is_superset(&old));
    let old_file = format!("default.{}.pem", old.first().unwrap());
    assert_eq!(
        files(&server),
        BTreeSet::from(["default.pem".to_owned(), old_file])
    );
    let (code, status) = server.run(&["gateway", "status"]);
    assert_eq!(code, Some(1), "{status}");
    assert_eq!(status[0]["rows"]["as_wanted"], moved);
    assert_eq!(status[0]["rows"]["older_key"], json!(8 - moved));

    let (code, rotated) = server.run(&["gateway", "rotate-key"]);
    assert_eq!(code, Some(0), "{rotated}");
    assert_eq!(rotated[0]["resumed"], true);
    assert_eq!(rotated[0]["moved"], json!(8 - moved));
    let new = kids(&database, &clients).await;
    assert_eq!(new, &mixed - &old);
    assert_eq!(files(&server), BTreeSet::from(["default.pem".to_owned()]));
    assert_eq!(database.number(KEY_MOVED).await, 8);
}

/// Proves: G25
#[tokio::test]
async fn switching_to_direct_and_back_rewrites_rows_and_names_the_apps_that_are_left() {
    let of = TestCommunity::new("example", now());
    let mut server = Server::start(&Setup::new(&of)).await;
    let database = server.database().await;
    let leaves = leaves(&of);
    let mut clients = Vec::new();
    for leaf in &leaves {
        clients.push(register(&server, leaf).await);
    }
    let elliptic = of
        .leaf("https://elliptic.example.org/")
        .key_kind(KeyKind::P256)
        .build();
    let odd = register(&server, &elliptic).await;
    let gateways = kids(&database, &clients).await;

    server.configure(&Setup::new(&of).site(DIRECT));
    server.kill_and_restart().await;
    let (code, status) = server.run(&["gateway", "status"]);
    assert_eq!(code, Some(1), "{status}");
    assert_eq!(status[0]["rows"]["gateway_key"], 9);
    assert_eq!(status[0]["rows"]["as_wanted"], 0);
    kill_in_the_middle(&server, &database, &["gateway", "switch-rows"]).await;
    let (code, switched) = server.run(&["gateway", "switch-rows"]);
    // All were served but one, which is named.
    assert_eq!(code, Some(1), "{switched}");
    assert_eq!(
        switched[0]["unserved"],
        json!({
            "key": [{"client_id": odd, "client_uri": "https://elliptic.example.org/"}],
            "authorization_code": [],
        })
    );
    for (client_id, leaf) in clients.iter().zip(&leaves) {
        assert_eq!(kid_in(&database, client_id).await, kid_of(leaf));
        assert!(database.is_enabled(client_id).await);
    }
    assert_eq!(kid_in(&database, &odd).await, *gateways.first().unwrap());
    assert_eq!(database.number(KEY_MOVED).await, 8);
    // A command that moved everything finds nothing to do.
    assert_eq!(server.run(&["gateway", "switch-rows"]).1[0]["moved"], 0);
    assert_eq!(server.run(&["gateway", "rotate-key"]).0, Some(1));

    server.configure(&Setup::new(&of));
    server.kill_and_restart().await;
    kill_in_the_middle(&server, &database, &["gateway", "switch-rows"]).await;
    let (code, switched) = server.run(&["gateway", "switch-rows", "--site", "default"]);
    assert_eq!(code, Some(0), "{switched}");
    clients.push(odd);
    assert_eq!(kids(&database, &clients).await, gateways);
    assert_eq!(server.run(&["gateway", "status"]).0, Some(0));
}

#[tokio::test]
async fn apps_whose_codes_the_new_mode_does_not_protect_are_named() {
    let of = TestCommunity::new("example", now());
    // 8.1 verifies assertions for codes, but can be reached around the gateway.
    let version = "openemr_version = \"8.1.0\"\n";
    let setup = |mode: &str| {
        Setup::new(&of)
            .with_openemrs_own_version()
            .site(&format!("{mode}{version}"))
    };
    let server = Server::start(&setup(DIRECT)).await;
    let leaf = of.client("https://app.example.org/");
    let statement = server.statement(&leaf).authorization_code();
    let answer = server.post(&statement).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let client_id = answer.client_id();
    assert_eq!(server.run(&["gateway", "status"]).0, Some(0));

    server.configure(&setup("token_mode = \"gateway\"\n"));
    let (code, switched) = server.run(&["gateway", "switch-rows"]);
    assert_eq!(code, Some(1), "{switched}");
    assert_eq!(switched[0]["moved"], 1);
    let named = &switched[0]["unserved"]["authorization_code"];
    assert_eq!(named[0]["client_id"], json!(client_id));

    server.configure(&setup("token_mode = \"gateway\"\ntoken_guard = true\n"));
    let (code, switched) = server.run(&["gateway", "switch-rows"]);
    assert_eq!(code, Some(0), "{switched}");
}
