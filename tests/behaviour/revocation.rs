//! Revocation lists from distribution points, and answers of OCSP responders.

use std::time::{Duration, Instant};

use serde_json::json;
use time::Duration as Span;
use udap_testkit::{LeafFlaw, TestCommunity, TestKey, TestLeaf};
use udap_tests::{Answer, Member, Page, Server, Setup, Web, now, until};

const APP: &str = "https://app.example.org/";
const USS: &str = "unapproved_software_statement";

/// A community none of whose lists is in a file.
fn listless(of: &TestCommunity) -> Member<'_> {
    Member::new(of).crls(Vec::new())
}

async fn post(server: &Server, leaf: &TestLeaf) -> Answer {
    server.post(&server.statement(leaf)).await
}

fn assert_revoked(answer: &Answer, what: &str) {
    assert_eq!(answer.refusal(), (400, USS, vec!["C19"]), "{what}");
    assert_eq!(answer.body["errors"][0]["code"], "certificate_revoked");
    assert_eq!(answer.header("retry-after"), "", "it will not pass");
}

fn assert_unknown(answer: &Answer, what: &str) {
    assert_eq!(answer.refusal(), (400, USS, vec!["C21"]), "{what}");
    assert_eq!(answer.body["errors"][0]["code"], "revocation_unknown");
    let seconds: u32 = answer.header("retry-after").parse().expect(what);
    assert!((10..=600).contains(&seconds), "{what}: {seconds}");
}

/// Proves: N11, C19, C20
#[tokio::test]
async fn a_fetched_list_revokes_leaves_and_issuers() {
    let web = Web::start();
    let of = web.community("example");
    let good = of.client(APP);
    let leaf = of.leaf(APP).flaw(LeafFlaw::Revoked).build();
    let below = of.leaf(APP).flaw(LeafFlaw::IntermediateRevoked).build();
    web.publish(&of);
    let server = Server::start(&Setup::of(vec![listless(&of)]).top(&web.allowed())).await;
    assert_revoked(&post(&server, &leaf).await, "the leaf");
    assert_revoked(&post(&server, &below).await, "its issuer");
    let database = server.database().await;
    assert_eq!(database.clients().await, 0);
    assert_eq!(database.number("SELECT count(*) FROM spent_jti").await, 0);
    assert_eq!(post(&server, &good).await.status, 201);
    assert_eq!(web.requests("/example/root.crl"), 1, "asked for once");
    assert_eq!(web.requests("/example/intermediate.crl"), 1);
    assert_eq!(web.requests("/example/intermediate.cer"), 0);
}

/// Proves: N12, C20, C21, C22
#[tokio::test]
async fn a_list_that_cannot_be_had_refuses_and_the_next_address_is_tried() {
    const LIST: &str = "intermediate.crl";
    let web = Web::start();
    let [good, other] = ["good", "other"].map(|name| web.community(name));
    let bad: Vec<_> = [
        "missing", "expired", "forged", "foreign", "html", "redirect", "inside", "declared",
        "endless", "failing",
    ]
    .map(|name| web.community(name))
    .into();
    let silent = TestCommunity::new("silent", now());
    for of in bad.iter().chain([&good, &other]) {
        web.publish(of);
    }
    for of in &bad {
        let list = || of.crl(of.intermediate());
        let page = match of.name() {
            "missing" => Page::Status(404),
            "expired" => Page::Body(
                list()
                    .this_update(now() - Span::days(8))
                    .next_update(now() - Span::hours(1))
                    .build(),
            ),
            "forged" => Page::Body(list().signed_by(&TestKey::stranger()).build()),
            "foreign" => Page::Body(other.crl(other.intermediate()).build()),
            "html" => Page::Body(b"<html><body>Sign in to the network</body></html>".to_vec()),
            "redirect" => {
                web.set("/moved.crl", Page::Body(list().build()));
                Page::Redirect(web.url("/moved.crl"))
            }
            "inside" => Page::Redirect("http://169.254.169.254/latest/meta-data/".to_owned()),
            "failing" => Page::Status(503),
            name => Page::Zeros {
                bytes: 100 << 20,
                declared: name == "declared",
            },
        };
        web.set(&format!("/{}/{LIST}", of.name()), page);
    }
    let mut members: Vec<_> = bad.iter().map(listless).collect();
    members.extend([&good, &silent].map(listless));
    let server = Server::start(&Setup::of(members).top(&web.allowed())).await;
    for of in &bad {
        let begun = Instant::now();
        let answer = post(&server, &of.client(APP)).await;
        assert_unknown(&answer, of.name());
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", of.name());
    }
    assert_eq!(web.requests("/moved.crl"), 0, "no redirect is followed");
    let database = server.database().await;
    assert_eq!(database.clients().await, 0);
    assert_eq!(database.number("SELECT count(*) FROM spent_jti").await, 0);

    let missing = web.url("/missing.crl");
    let there = web.url(&format!("/good/{LIST}"));
    let second = good
        .leaf(APP)
        .crl_addresses(&["ldap://ca.example.net/list", &missing, &there])
        .build();
    assert_eq!(post(&server, &second).await.status, 201);
    assert_eq!(web.requests("/missing.crl"), 1);
    let answer = post(&server, &silent.client(APP)).await;
    assert_eq!(answer.status, 201, "no address at all: {answer:?}");
    assert_eq!(database.clients().await, 2);
}

/// Proves: N12, C20, C21
#[tokio::test]
async fn lists_that_hang_or_drip_hold_up_nobody_else() {
    let slow = Web::start();
    let quick = Web::start();
    let (hanging, dripping) = (slow.community("hanging"), slow.community("dripping"));
    let second = quick.community("second");
    let file = TestCommunity::new("file", now());
    for of in [&hanging, &dripping] {
        slow.publish(of);
    }
    quick.publish(&second);
    slow.set("/hanging/intermediate.crl", Page::Hang);
    slow.set("/dripping/intermediate.crl", Page::Drip);
    // Another name for this machine: downloads from one host wait for each other.
    let [hang, there] = ["/hang.crl", "/second/intermediate.crl"]
        .map(|path| format!("http://localhost:{}{path}", quick.port()));
    quick.set("/hang.crl", Page::Hang);
    let allowed = format!(
        "[fetch]\nallow_hosts = [\"{}\", \"{}\", \"localhost:{}\"]",
        slow.host(),
        quick.host(),
        quick.port()
    );
    let members = [&hanging, &dripping, &second].map(listless);
    let mut members = Vec::from(members);
    members.push(Member::new(&file));
    let server = Server::start(&Setup::of(members).top(&allowed)).await;

    let timed = async |leaf: TestLeaf| {
        let begun = Instant::now();
        (post(&server, &leaf).await, begun.elapsed())
    };
    let leaf = second.leaf(APP).crl_addresses(&[&hang, &there]).build();
    let ((hung, took), (dripped, took_too), (waited, _), (meanwhile, at_once)) = tokio::join!(
        timed(hanging.client(APP)),
        timed(dripping.client(APP)),
        timed(leaf),
        timed(file.client(APP)),
    );
    assert_unknown(&hung, "hangs");
    assert_unknown(&dripped, "drips");
    assert!(took.max(took_too) < Duration::from_secs(30));
    assert_eq!(waited.status, 201, "the second address: {waited:?}");
    assert_eq!(meanwhile.status, 201);
    assert!(at_once < took, "{at_once:?} {took:?}");
    assert_eq!(server.database().await.clients().await, 2);
    // A moment later nobody waits again.
    let (again, took) = timed(hanging.client(APP)).await;
    assert_unknown(&again, "hangs still");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

/// Proves: C20, C21
#[tokio::test]
async fn a_failure_is_remembered_for_seconds_only() {
    let web = Web::start();
    let of = web.community("example");
    let server = Server::start(&Setup::of(vec![listless(&of)]).top(&web.allowed())).await;
    let leaf = of.client(APP);
    for _ in 0..3 {
        assert_unknown(&post(&server, &leaf).await, "nothing is there");
    }
    assert_eq!(web.requests("/example/intermediate.crl"), 1);
    web.publish(&of);
    let begun = Instant::now();
    until(
        "the list is asked for again",
        Duration::from_secs(30),
        async || post(&server, &leaf).await.status == 201,
    )
    .await;
    assert!(begun.elapsed() > Duration::from_secs(3), "remembered");
    assert_eq!(web.requests("/example/intermediate.crl"), 2);
}

/// Proves: C20
#[tokio::test]
async fn an_unchanged_list_is_not_sent_again_and_an_older_one_is_not_taken() {
    let web = Web::start();
    let of = web.community("example");
    web.publish(&of);
    let older = of.crl(of.intermediate()).build();
    let list = of.crl(of.intermediate()).build();
    web.set("/example/intermediate.crl", Page::Tagged(list, "v2"));
    let server = Server::start(&Setup::of(vec![listless(&of)]).top(&web.allowed())).await;
    let leaf = of.client(APP);
    assert_eq!(post(&server, &leaf).await.status, 201);
    let outcome = |code| {
        let (exit, report) = server.run(&["crl", "refresh"]);
        assert_eq!(exit, Some(code), "{report}");
        assert_eq!(report["clients_switched_off"], 0);
        report["lists"][0].clone()
    };
    let refreshed = outcome(0);
    assert_eq!(
        refreshed["url"],
        json!(web.url("/example/intermediate.crl"))
    );
    assert_eq!(refreshed["outcome"], "unchanged");
    assert!(web.heads().contains("if-none-match: \"v2\""));
    web.set("/example/intermediate.crl", Page::Body(older));
    let refused = outcome(1);
    assert_eq!(refused["outcome"], "failed");
    assert_eq!(refused["failure"], "older");
    assert_eq!(
        post(&server, &leaf).await.status,
        200,
        "the valid one stays"
    );
}

/// Proves: C19, C21, C31
#[tokio::test]
async fn a_responder_answers_for_certificates_without_a_list() {
    let web = Web::start();
    let of = TestCommunity::new("example", now());
    let stranger = TestCommunity::new("stranger", now());
    let leaf = |path: &str| {
        let leaf = of
            .leaf(&format!("https://{path}.example.org/"))
            .responder(&web.url(&format!("/{path}")))
            .build();
        (leaf, format!("/{path}"))
    };
    let (good, path) = leaf("good");
    let about = |leaf: &TestLeaf| of.ocsp(of.intermediate(), leaf.serial());
    web.set(&path, Page::Body(about(&good).build()));
    let (revoked, path) = leaf("revoked");
    web.set(&path, Page::Body(about(&revoked).revoked().build()));
    let mut unknown = Vec::new();
    for name in ["missing", "unknown", "forged", "another", "stale", "hang"] {
        let (leaf, path) = leaf(name);
        let answer = about(&leaf);
        let page = match name {
            "missing" => Page::Status(404),
            "hang" => Page::Hang,
            "unknown" => Page::Body(answer.unknown().build()),
            "forged" => Page::Body(answer.signed_by(stranger.intermediate().key()).build()),
            "another" => Page::Body(about(&good).build()),
            _ => Page::Body(
                answer
                    .this_update(now() - Span::days(3))
                    .next_update(Some(now() - Span::days(2)))
                    .build(),
            ),
        };
        web.set(&path, page);
        unknown.push((name, leaf));
    }
    let server = Server::start(&Setup::of(vec![listless(&of)]).top(&web.allowed())).await;
    assert_revoked(&post(&server, &revoked).await, "revoked");
    for (name, leaf) in &unknown {
        assert_unknown(&post(&server, leaf).await, name);
    }
    assert_eq!(server.database().await.clients().await, 0);
    assert_eq!(post(&server, &good).await.status, 201);
    assert_eq!(post(&server, &good).await.status, 200);
    assert_eq!(web.requests("/good"), 1, "the answer is kept");

    let off = web.allowed() + "\nocsp = false";
    let server = Server::start(&Setup::of(vec![listless(&of)]).top(&off)).await;
    let before = web.connections();
    assert_unknown(&post(&server, &good).await, "responders are not asked");
    assert_eq!(web.connections(), before);
    assert_eq!(server.database().await.clients().await, 0);
}

/// Proves: C19, C20
#[tokio::test]
async fn many_that_need_one_list_wait_for_one_download() {
    let web = Web::start();
    let of = web.community("example");
    web.publish(&of);
    let server = Server::start(&Setup::of(vec![listless(&of)]).top(&web.allowed())).await;
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..16 {
        let leaf = of.client(&format!("https://app{number}.example.org/"));
        let request = server.http().post(server.endpoint());
        let request = request.json(&server.statement(&leaf).request());
        waiting.spawn(async move { request.send().await.unwrap().status().as_u16() });
    }
    assert_eq!(waiting.join_all().await, [201; 16]);
    assert_eq!(web.requests("/example/intermediate.crl"), 1);
    assert_eq!(
        web.connections(),
        2,
        "that, and the root's: {}",
        web.heads()
    );
}

/// Proves: C19, C21, C22
#[tokio::test]
async fn how_strict_revocation_is_depends_on_the_community() {
    let web = Web::start();
    let [lenient, off] = ["lenient", "off"].map(|name| web.community(name));
    let refusing = TestCommunity::new("refusing", now());
    let revoked = lenient.client("https://revoked.example.org/");
    let stale = lenient
        .crl(lenient.intermediate())
        .revoke(revoked.serial())
        .this_update(now() - Span::days(8))
        .next_update(now() - Span::hours(1))
        .build();
    let members = vec![
        listless(&lenient).with("revocation = \"when-available\""),
        listless(&off).with("revocation = \"off\""),
        listless(&refusing).with("no_crl_address = \"refuse\""),
    ];
    let server = Server::start(&Setup::of(members).top(&web.allowed())).await;
    assert_eq!(post(&server, &off.client(APP)).await.status, 201);
    assert_eq!(web.connections(), 0, "none is looked at");
    let answer = post(&server, &refusing.client(APP)).await;
    assert_eq!(answer.refusal(), (400, USS, vec!["C22"]));
    assert_eq!(server.database().await.clients().await, 1);
    web.set("/lenient/intermediate.crl", Page::Body(stale));
    assert_revoked(&post(&server, &revoked).await, "by a list that has lapsed");
    let answer = post(&server, &lenient.client(APP)).await;
    assert_eq!(answer.status, 201, "nothing says that it is: {answer:?}");
}
