//! Communities and lists that change while the server runs.

use std::time::Duration;

use udap_testkit::{TestCommunity, TestLeaf};
use udap_tests::{Member, Server, Setup, Web, now, until};

const APP: &str = "https://app.example.org/";
const USS: &str = "unapproved_software_statement";
const SOON: Duration = Duration::from_secs(40);

async fn status(server: &Server, of: &TestCommunity) -> u16 {
    let leaf = of.client(APP);
    server.post(&server.statement(&leaf)).await.status
}

async fn becomes(server: &Server, status: &str) {
    until(status, SOON, async || {
        server.health().await["status"] == status
    })
    .await;
}

#[tokio::test]
async fn a_set_that_is_not_sound_is_refused_and_the_old_one_still_serves() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    assert_eq!(server.health().await["status"], "ready");
    let anchor = server.folder().join("example/root.pem");
    std::fs::write(&anchor, "-----BEGIN CERTIFICATE-----\nbroken\n").unwrap();
    server.hang_up();
    becomes(&server, "degraded").await;
    let health = server.health().await;
    let problem = health["problems"][0].as_str().unwrap();
    assert!(problem.contains("example/root.pem"), "{problem}");
    assert!(
        problem.contains("what was served before goes on"),
        "{problem}"
    );
    assert!(server.log().contains("the reload is refused"));
    assert_eq!(status(&server, &of).await, 201);
    assert_eq!(
        server
            .get("/apis/default/fhir/.well-known/udap")
            .await
            .status,
        200
    );

    std::fs::write(&anchor, of.root().pem()).unwrap();
    server.hang_up();
    becomes(&server, "ready").await;
    assert_eq!(status(&server, &of).await, 200);
    assert!(server.log().contains("communities reloaded"));
}

#[tokio::test]
async fn a_community_is_added_by_signal_and_another_by_looking() {
    let [first, second, third] =
        ["first", "second", "third"].map(|name| TestCommunity::new(name, now()));
    let server = Server::start(&Setup::new(&first)).await;
    assert_eq!(status(&server, &first).await, 201);
    assert_eq!(status(&server, &second).await, 400);
    let two = || vec![Member::new(&first), Member::new(&second)];
    server.configure(&Setup::of(two()));
    server.hang_up();
    until("the second registers", SOON, async || {
        status(&server, &second).await == 201
    })
    .await;
    let mut three = two();
    three.push(Member::new(&third));
    server.configure(&Setup::of(three));
    until("the third registers, without a signal", SOON, async || {
        status(&server, &third).await == 201
    })
    .await;
    for of in [&first, &second] {
        assert_eq!(status(&server, of).await, 200);
    }
    becomes(&server, "ready").await;
    assert_eq!(server.database().await.clients().await, 3);
}

/// Proves: C10
#[tokio::test]
async fn an_anchor_that_two_communities_share_is_refused_by_reload_too() {
    let (of, other) = (
        TestCommunity::new("example", now()),
        TestCommunity::new("other", now()),
    );
    let server = Server::start(&Setup::new(&of)).await;
    server.configure(&Setup::of(vec![
        Member::new(&of),
        Member::new(&other).with("anchors_of = 1"),
    ]));
    let written = std::fs::read_to_string(server.folder().join("udap.toml")).unwrap();
    // The other community has both roots, which is well-formed each for itself.
    let written = written.replace("anchors_of = 1\n", "").replace(
        "anchors = [\"other/root.pem\"]",
        "anchors = [\"other/root.pem\", \"example/root.pem\"]",
    );
    std::fs::write(server.folder().join("udap.toml"), written).unwrap();
    server.hang_up();
    becomes(&server, "degraded").await;
    let health = server.health().await;
    let problem = health["problems"][0].as_str().unwrap();
    assert!(problem.contains("anchor"), "{problem}");
    assert_eq!(status(&server, &of).await, 201);
    let refused = server.post(&server.statement(&other.client(APP))).await;
    assert_eq!(refused.refusal(), (400, USS, vec!["C05"]));
}

#[tokio::test]
async fn what_a_refused_reload_lacked_is_taken_up_when_it_is_there() {
    let (first, second) = (
        TestCommunity::new("first", now()),
        TestCommunity::new("second", now()),
    );
    let server = Server::start(&Setup::new(&first)).await;
    server.configure(&Setup::of(vec![Member::new(&first), Member::new(&second)]));
    // As if the configuration were copied before what it names.
    let anchor = server.folder().join("second/root.pem");
    std::fs::remove_file(&anchor).unwrap();
    server.hang_up();
    becomes(&server, "degraded").await;
    std::fs::write(&anchor, second.root().pem()).unwrap();
    becomes(&server, "ready").await;
    assert_eq!(status(&server, &second).await, 201);
}

/// Proves: C19, C30
#[tokio::test]
async fn a_list_revokes_though_the_reload_is_refused_and_another_list_is_broken() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let [first, second] =
        ["https://a.example.org/", "https://b.example.org/"].map(|app| of.client(app));
    let mut ids = Vec::new();
    for leaf in [&first, &second] {
        ids.push(server.post(&server.statement(leaf)).await.client_id());
    }
    let database = server.database().await;
    let folder = server.folder().join("example");
    let publish = |leaf: &TestLeaf| {
        of.revoke(leaf);
        for (index, list) in of.crls().iter().enumerate() {
            std::fs::write(folder.join(format!("crls/{index}.crl")), list).unwrap();
        }
    };
    let goes_off = async |client_id: &str| {
        until("it is switched off", SOON, async || {
            !database.is_enabled(client_id).await
        })
        .await;
    };
    std::fs::write(folder.join("root.pem"), "broken").unwrap();
    publish(&first);
    goes_off(&ids[0]).await;
    becomes(&server, "degraded").await;
    std::fs::write(folder.join("root.pem"), of.root().pem()).unwrap();
    becomes(&server, "ready").await;

    std::fs::write(folder.join("crls/-half.crl"), [0x30, 0x82]).unwrap();
    publish(&second);
    goes_off(&ids[1]).await;
    becomes(&server, "degraded").await;
    let health = server.health().await;
    assert!(health.to_string().contains("-half.crl"), "{health}");
    std::fs::remove_file(folder.join("crls/-half.crl")).unwrap();
    becomes(&server, "ready").await;
}

/// Proves: C20, C21
#[tokio::test]
async fn fetched_lists_outlive_a_restart_and_their_server() {
    let web = Web::start();
    let of = web.community("example");
    let revoked = of.client("https://revoked.example.org/");
    of.revoke(&revoked);
    web.publish(&of);
    let setup = Setup::of(vec![Member::new(&of).crls(Vec::new())]).top(&web.allowed());
    let mut server = Server::start(&setup).await;
    assert_eq!(status(&server, &of).await, 201);
    drop(web);
    server.kill_and_restart().await;
    assert_eq!(status(&server, &of).await, 200);
    let another = of.client("https://another.example.org/");
    let answer = server.post(&server.statement(&another)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let answer = server.post(&server.statement(&revoked)).await;
    assert_eq!(answer.refusal(), (400, USS, vec!["C19"]));
    assert_eq!(server.run(&["audit", "verify"]).0, Some(0));
}
