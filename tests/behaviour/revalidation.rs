//! Registered clients are looked at again: lists that are new, certificates that expire, communities
//! that go.

use std::time::Duration;

use serde_json::{Value, json};
use time::Duration as Span;
use udap_testkit::{LeafFlaw, TestCommunity, TestKey, TestLeaf};
use udap_tests::{Database, Member, Page, Server, Setup, Web, now, until};

const USS: &str = "unapproved_software_statement";

/// What the server does by itself takes at most that, on a machine that is busy building.
const SOON: Duration = Duration::from_secs(40);

fn app(number: usize) -> String {
    format!("https://app{number}.example.org/")
}

async fn register(server: &Server, leaf: &TestLeaf) -> String {
    let answer = server.post(&server.statement(leaf)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.client_id()
}

/// How `udap clients list` shows a client.
fn listed(server: &Server, client_id: &str) -> Value {
    let (exit, list) = server.run(&["clients", "list"]);
    assert_eq!(exit, Some(0), "{list}");
    let clients = list.as_array().unwrap();
    let one = clients.iter().find(|one| one["client_id"] == client_id);
    one.unwrap().clone()
}

fn assert_off(server: &Server, client_id: &str, reason: &str) {
    let client = listed(server, client_id);
    assert_eq!(client["status"], "disabled", "{client}");
    assert_eq!(client["enabled"], false);
    assert_eq!(client["reason"], reason);
}

async fn goes_off(database: &Database, client_id: &str) {
    until("it is switched off", SOON, async || {
        !database.is_enabled(client_id).await
    })
    .await;
}

/// `udap clients recheck`, when the server is not at it itself.
async fn recheck(server: &Server, arguments: &[&str]) -> (Option<i32>, Value) {
    let arguments = [&["clients", "recheck"], arguments].concat();
    for _ in 0..100 {
        let (exit, report) = server.run(&arguments);
        if !report.to_string().contains("try again") {
            return (exit, report);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the server looks at its clients for ever: {}", server.log());
}

/// Proves: C19, C30
#[tokio::test]
async fn an_emergency_refresh_switches_off_what_a_new_list_names() {
    let web = Web::start();
    let of = web.community("example");
    web.publish(&of);
    let setup = Setup::of(vec![Member::new(&of).crls(Vec::new())]).top(&web.allowed());
    let server = Server::start(&setup).await;
    let (leaf, other) = (of.client(&app(1)), of.client(&app(2)));
    let client_id = register(&server, &leaf).await;
    let other_id = register(&server, &other).await;

    of.revoke(&leaf);
    web.publish(&of);
    let (exit, report) = server.run(&["crl", "refresh"]);
    assert_eq!(exit, Some(0), "{report}");
    assert_eq!(report["clients_switched_off"], 1, "{report}");
    let lists = report["lists"].as_array().unwrap();
    assert!(
        lists
            .iter()
            .any(|one| one["outcome"] == "new" && one["entries"] == 1)
    );
    let database = server.database().await;
    assert!(!database.is_enabled(&client_id).await);
    assert!(database.is_enabled(&other_id).await);
    assert_off(&server, &client_id, "its certificate was revoked");
    assert_eq!(listed(&server, &other_id)["status"], "active");

    // At once: a certificate that was seen revoked is remembered with its client.
    let refused = server.post(&server.statement(&leaf)).await;
    assert_eq!(refused.refusal().1, USS, "{refused:?}");
    until("the server has the list too", SOON, async || {
        let refused = server.post(&server.statement(&leaf)).await;
        refused.body["errors"][0]["code"] == "certificate_revoked"
    })
    .await;
    let (exit, report) = server.run(&["crl", "refresh"]);
    assert_eq!(
        (exit, &report["clients_switched_off"]),
        (Some(0), &json!(0))
    );

    let renewed = of.leaf(&app(1)).key(&TestKey::rsa()).build();
    let answer = server.post(&server.statement(&renewed)).await;
    assert_eq!(
        (answer.status, answer.client_id()),
        (200, client_id.clone())
    );
    assert!(database.is_enabled(&client_id).await);
    assert_eq!(listed(&server, &client_id)["status"], "active");
    let refused = server.post(&server.statement(&leaf)).await;
    assert_eq!(refused.refusal().1, USS, "the old one stays refused");
    assert!(database.is_enabled(&client_id).await);

    // What happened is in the log, and nobody has changed it.
    let (exit, verified) = server.run(&["audit", "verify"]);
    assert_eq!(exit, Some(0), "{verified}");
    let events = "SELECT count(*) FROM audit_event WHERE kind = 'rechecked'";
    assert_ne!(database.number(events).await, 0);
}

/// Proves: C19, C30
#[tokio::test]
async fn lists_in_files_switch_off_leaves_and_all_below_an_issuer() {
    let of = TestCommunity::new("example", now());
    // Its issuer is revoked from the start, but the server does not know it yet.
    let below = [1, 2].map(|n| of.leaf(&app(n)).flaw(LeafFlaw::IntermediateRevoked).build());
    let fresh = TestCommunity::new("fresh", now());
    let leaf = of.client(&app(3));
    let empty = |ca| of.crl(ca).empty().build();
    let member = Member::new(&of).crls(vec![empty(of.root()), empty(of.intermediate())]);
    let server = Server::start(&Setup::of(vec![member, Member::new(&fresh)])).await;
    let mut off = Vec::new();
    for leaf in below.iter().chain([&leaf]) {
        off.push(register(&server, leaf).await);
    }
    let stays = register(&server, &of.client(&app(4))).await;
    let elsewhere = register(&server, &fresh.client(&app(3))).await;
    of.revoke(&leaf);
    let folder = server.folder().join("example/crls");
    for (index, list) in of.crls().iter().enumerate() {
        std::fs::write(folder.join(format!("{index}.crl")), list).unwrap();
    }
    let database = server.database().await;
    for client_id in &off {
        goes_off(&database, client_id).await;
        assert_off(&server, client_id, "its certificate was revoked");
    }
    for client_id in [&stays, &elsewhere] {
        assert!(database.is_enabled(client_id).await);
    }
    assert_eq!(server.run(&["audit", "verify"]).0, Some(0));
}

/// Proves: C30
#[tokio::test]
async fn a_client_goes_off_when_its_certificate_expires() {
    let of = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    let ends = now() + Span::seconds(8);
    let leaf = of
        .leaf(&app(1))
        .validity(now() - Span::days(1), ends)
        .build();
    let client_id = register(&server, &leaf).await;
    let database = server.database().await;
    assert!(database.is_enabled(&client_id).await);
    goes_off(&database, &client_id).await;
    assert!(now() >= ends - Span::seconds(1), "not before");
    assert_off(&server, &client_id, "its certificate has expired");
    let refused = server.post(&server.statement(&leaf)).await;
    assert_eq!(refused.refusal(), (400, USS, vec!["C11"]));
    let renewed = of.client(&app(1));
    let answer = server.post(&server.statement(&renewed)).await;
    assert_eq!(
        (answer.status, answer.client_id()),
        (200, client_id.clone())
    );
    assert!(database.is_enabled(&client_id).await);
}

/// Proves: C30
#[tokio::test]
async fn a_community_that_is_taken_away_takes_its_clients_along() {
    let (kept, gone) = (
        TestCommunity::new("kept", now()),
        TestCommunity::new("gone", now()),
    );
    let both = Setup::of(vec![Member::new(&kept), Member::new(&gone)]);
    let server = Server::start(&both).await;
    let stays = register(&server, &kept.client(&app(1))).await;
    let goes = [
        register(&server, &gone.client(&app(1))).await,
        register(&server, &gone.client(&app(2))).await,
    ];
    server.configure(&Setup::new(&kept));
    server.hang_up();
    let database = server.database().await;
    for client_id in &goes {
        goes_off(&database, client_id).await;
    }
    let (exit, report) = recheck(&server, &[]).await;
    assert_eq!(exit, Some(0), "{report}");
    assert_eq!(report["held_back"], json!([]));
    assert!(database.is_enabled(&stays).await);
    for client_id in &goes {
        let client = listed(&server, client_id);
        assert_eq!(client["status"], "disabled", "{client}");
    }
    let refused = server.post(&server.statement(&gone.client(&app(1)))).await;
    assert_eq!(refused.refusal(), (400, USS, vec!["C05"]));
    // It comes back with its community, but not by itself.
    server.configure(&both);
    server.hang_up();
    until("the community is back", SOON, async || {
        server
            .post(&server.statement(&gone.client(&app(1))))
            .await
            .status
            == 200
    })
    .await;
    assert!(database.is_enabled(&goes[0]).await);
    assert!(!database.is_enabled(&goes[1]).await);
}

/// Proves: C30
#[tokio::test]
async fn a_pass_that_would_switch_off_too_many_stops_and_asks() {
    const CLIENTS: usize = 12;
    let of = TestCommunity::new("example", now());
    let exchanged = TestCommunity::new("example", now());
    let server = Server::start(&Setup::new(&of)).await;
    for number in 0..CLIENTS {
        register(&server, &of.client(&app(number))).await;
    }
    server.configure(&Setup::new(&exchanged));
    server.hang_up();
    until("ready says so", SOON, async || {
        server.health().await.to_string().contains("was stopped")
    })
    .await;
    let health = server.health().await;
    assert_eq!(health["status"], "degraded");
    let said = "12 of the 12 clients of community https://example.example.net/udap";
    assert!(
        health["problems"][0].as_str().unwrap().contains(said),
        "{health}"
    );
    let on = "SELECT count(*) FROM oauth_clients WHERE is_enabled = 1";
    let database = server.database().await;
    let (exit, report) = recheck(&server, &[]).await;
    assert_eq!(exit, Some(1), "{report}");
    assert_eq!(
        report["held_back"],
        json!([{"community": "https://example.example.net/udap", "clients": 12, "of": 12}])
    );
    assert_eq!(report["switched_off"], json!({}));
    assert_eq!(database.number(on).await, 12);

    let (exit, report) = recheck(&server, &["--force"]).await;
    assert_eq!(exit, Some(0), "{report}");
    assert_eq!(report["switched_off"], json!({"untrusted": 12}));
    assert_eq!(database.number(on).await, 0);
    assert_eq!(server.run(&["audit", "verify"]).0, Some(0));
}

/// Proves: C21, C30
#[tokio::test]
async fn a_status_that_is_unknown_leaves_a_client_on_for_as_long_as_configured() {
    for (grace, stays) in [(72, true), (0, false)] {
        let web = Web::start();
        let of = web.community("example");
        web.publish(&of);
        let settings = format!(
            "{}\n[recheck]\nunknown_grace_hours = {grace}",
            web.allowed()
        );
        let setup = Setup::of(vec![Member::new(&of).crls(Vec::new())]).top(&settings);
        let server = Server::start(&setup).await;
        let lapses = now() + Span::seconds(5);
        let list = of.crl(of.intermediate()).next_update(lapses).build();
        web.set("/example/intermediate.crl", Page::Body(list));
        let client_id = register(&server, &of.client(&app(1))).await;
        web.set("/example/intermediate.crl", Page::Status(503));
        until("the list has lapsed", SOON, async || now() > lapses).await;
        let (exit, report) = recheck(&server, &[]).await;
        assert_eq!(exit, Some(0), "{report}");
        let database = server.database().await;
        assert_eq!(database.is_enabled(&client_id).await, stays, "{report}");
        if stays {
            assert_eq!(
                (&report["unsettled"], &report["switched_off"]),
                (&json!(1), &json!({}))
            );
        } else {
            assert_eq!(report["switched_off"], json!({"unknown": 1}));
            let reason = "its certificate's revocation status is unknown";
            assert_off(&server, &client_id, reason);
        }
        // On again by itself.
        web.publish(&of);
        let (exit, report) = recheck(&server, &[]).await;
        assert_eq!((exit, &report["good"]), (Some(0), &json!(1)), "{report}");
        assert!(database.is_enabled(&client_id).await);
    }
}

/// Proves: C19, C30, C31
#[tokio::test]
async fn a_responder_is_asked_again_and_revokes() {
    let web = Web::start();
    let of = TestCommunity::new("example", now());
    let leaf = of.leaf(&app(1)).responder(&web.url("/ocsp")).build();
    let about = || of.ocsp(of.intermediate(), leaf.serial());
    web.set("/ocsp", Page::Body(about().build()));
    let setup = Setup::of(vec![Member::new(&of).crls(Vec::new())]).top(&web.allowed());
    let server = Server::start(&setup).await;
    let client_id = register(&server, &leaf).await;
    let (exit, report) = recheck(&server, &[]).await;
    assert_eq!((exit, &report["good"]), (Some(0), &json!(1)), "{report}");
    web.set("/ocsp", Page::Body(about().revoked().build()));
    let (exit, report) = recheck(&server, &[]).await;
    assert_eq!(
        (exit, &report["switched_off"]),
        (Some(0), &json!({"revoked": 1}))
    );
    assert_off(&server, &client_id, "its certificate was revoked");
    // The server's own answer says that it is good, still.
    let refused = server.post(&server.statement(&leaf)).await;
    assert_eq!(refused.refusal().1, USS, "{refused:?}");
    assert!(!server.database().await.is_enabled(&client_id).await);
    web.set("/ocsp", Page::Body(about().build()));
    let (exit, report) = recheck(&server, &[]).await;
    assert_eq!(exit, Some(0), "{report}");
    assert!(!server.database().await.is_enabled(&client_id).await);
}

/// Proves: C30
#[tokio::test]
async fn a_pass_that_another_process_is_at_is_made_up_for() {
    let (kept, gone) = (
        TestCommunity::new("kept", now()),
        TestCommunity::new("gone", now()),
    );
    let both = vec![Member::new(&kept), Member::new(&gone)];
    let server = Server::start(&Setup::of(both)).await;
    let client_id = register(&server, &gone.client(&app(1))).await;
    let database = server.database().await;
    // As a server leaves it that is killed in the middle of a pass.
    database
        .execute(&format!(
            "REPLACE INTO lease (name, holder, expires_at) VALUES ('recheck', 'killed', {})",
            (now().unix_timestamp() + 6) * 1_000_000
        ))
        .await;
    let (exit, refused) = server.run(&["clients", "recheck"]);
    assert_eq!(exit, Some(1));
    assert!(refused.to_string().contains("try again"), "{refused}");
    server.configure(&Setup::new(&kept));
    server.hang_up();
    goes_off(&database, &client_id).await;
}
