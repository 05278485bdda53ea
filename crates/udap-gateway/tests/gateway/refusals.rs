//! OpenEMR gets nothing that has not been verified.

use udap_axum::RateLimits;
use udap_testkit::{LeafFlaw, SigningAlgorithm, TestCommunity, TestKey};

use crate::support::{self, GRANT, ID, Scene, form};

/// Proves: G03, G04, G05, G06, G07, G08, G12, G13, G16, G17
#[tokio::test]
async fn nothing_reaches_openemr_unless_everything_has_been_verified() {
    let scene = Scene::new().await;
    let good = || scene.assertion();
    let at = |seconds: i64| support::NOW.unix_timestamp() + seconds;
    let foreign = TestCommunity::new("foreign", support::NOW).client(support::APP);
    let other = scene.of.client("https://other.example.org/");
    let expired = scene.of.leaf(support::APP).flaw(LeafFlaw::Expired).build();
    let client = (401, "invalid_client");
    for (what, assertion, error, rule) in [
        (
            "a foreign key",
            good().sign_with(&TestKey::stranger()),
            client,
            "G04",
        ),
        (
            "no signature",
            good().algorithm(SigningAlgorithm::None),
            client,
            "G04",
        ),
        (
            "no certificate",
            good().without_header("x5c"),
            client,
            "G04",
        ),
        (
            "another aud",
            good().claim("aud", support::OPENEMR),
            client,
            "G03",
        ),
        ("another sub", good().claim("sub", "other"), client, "G03"),
        (
            "expired",
            good().claim("iat", at(-400)).claim("exp", at(-100)),
            client,
            "G03",
        ),
        ("too long", good().claim("exp", at(301)), client, "G03"),
        ("no jti", good().without("jti"), client, "G03"),
        (
            "unknown",
            good().claim("iss", "other").claim("sub", "other"),
            client,
            "G06",
        ),
        (
            "another case",
            good().claim("iss", "the-id").claim("sub", "the-id"),
            client,
            "G06",
        ),
        ("another app", scene.assertion_of(&other), client, "G06"),
        (
            "another community",
            scene.assertion_of(&foreign),
            client,
            "G05",
        ),
        (
            "an expired certificate",
            scene.assertion_of(&expired),
            client,
            "G05",
        ),
        (
            "no purpose",
            scene.assertion_of(&scene.leaf),
            (400, "invalid_grant"),
            "G12",
        ),
        (
            "half a purpose",
            good().claim(
                "extensions",
                serde_json::json!({"hl7-b2b": {"version": "1"}}),
            ),
            (400, "invalid_grant"),
            "G13",
        ),
        (
            "resources",
            good().claim("resources", "x"),
            (400, "invalid_request"),
            "G16",
        ),
        (
            "another scope",
            good().claim("scope", "openid"),
            (400, "invalid_scope"),
            "G21",
        ),
    ] {
        let answer = scene.ask(&assertion).await;
        assert_eq!((answer.error(), answer.rule()), (error, rule), "{what}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{what}");
        assert_eq!(answer.headers["pragma"], "no-cache", "{what}");
    }
    let assertion = good();
    for (parameters, error) in [
        (&[GRANT, ("client_id", "other")][..], client),
        (
            &[GRANT, ("client_secret", "x")][..],
            (400, "invalid_request"),
        ),
        (
            &[("grant_type", "password")][..],
            (400, "unsupported_grant_type"),
        ),
        (
            &[("grant_type", "refresh_token"), ("refresh_token", "x")][..],
            (400, "unauthorized_client"),
        ),
        (
            &[GRANT, ("scope", "system/Patient.write")][..],
            (400, "invalid_scope"),
        ),
    ] {
        let answer = scene.ask_for(&assertion, parameters).await;
        assert_eq!(answer.error(), error, "{parameters:?}");
    }
    assert!(
        scene.openemr.seen().is_empty(),
        "{:?}",
        scene.openemr.seen()
    );
    assert!(scene.registrations.with(|state| state.recorded.is_empty()));

    assert_eq!(scene.ask(&assertion).await.status, 200);
    let replayed = scene.ask(&assertion).await;
    assert_eq!((replayed.error(), replayed.rule()), (client, "G08"));
    assert_eq!(scene.openemr.seen().len(), 1);
}

/// Proves: G05
#[tokio::test]
async fn a_revoked_certificate_gets_nothing_from_the_next_request_on() {
    let scene = Scene::new().await;
    assert_eq!(scene.ask(&scene.assertion()).await.status, 200);
    scene.revoke();
    let refused = scene.ask(&scene.assertion()).await;
    assert_eq!(refused.error(), (401, "invalid_client"));
    assert_eq!(refused.rule(), "G05");
    assert_eq!(scene.openemr.seen().len(), 1);
}

/// Proves: G01, G02
#[tokio::test]
async fn what_is_no_udap_token_request_is_refused_unread() {
    let scene = Scene::new().await;
    let body = form(&scene.assertion().build(), &[GRANT]);
    let basic = scene.request(&body).basic_auth(ID, Some("x"));
    let answer = scene.send(basic).await;
    assert_eq!(
        (answer.error(), answer.rule()),
        ((400, "invalid_request"), "G01")
    );
    let url = scene.url("/udap/default/token?client_secret=x");
    let kind = "application/x-www-form-urlencoded";
    let queried = scene.http.post(url).header("content-type", kind);
    let answer = scene.send(queried.body(body.clone())).await;
    assert_eq!(
        (answer.error(), answer.rule()),
        ((400, "invalid_request"), "G02")
    );
    let url = scene.url("/udap/default/token");
    for kind in ["application/json", "multipart/form-data", "text/plain"] {
        let request = scene.http.post(&url).header("content-type", kind);
        let answer = scene.send(request.body(body.clone())).await;
        assert_eq!(answer.error(), (415, "unsupported_media_type"), "{kind}");
    }
    let large = format!("{body}&x={}", "x".repeat(192 * 1024));
    assert_eq!(scene.post(&large).await.error(), (413, "request_too_large"));
    let get = scene.send(scene.http.get(&url)).await;
    assert_eq!(get.error(), (405, "method_not_allowed"));
    assert!(scene.openemr.seen().is_empty());
}

/// Decisions 12: a look without a lock is not the last one. Decisions 27: no database, no token.
#[tokio::test]
async fn who_is_off_or_cannot_be_recorded_gets_nothing() {
    let scene = Scene::new().await;
    scene.registrations.with(|state| state.is_off = true);
    let refused = scene.ask(&scene.assertion()).await;
    assert_eq!(
        (refused.error(), refused.rule()),
        ((401, "invalid_client"), "G06")
    );
    scene
        .registrations
        .with(|state| state.is_unavailable = true);
    let refused = scene.ask(&scene.assertion()).await;
    assert_eq!(refused.error(), (503, "temporarily_unavailable"));
    assert!(refused.headers.contains_key("retry-after"));
    assert!(scene.openemr.seen().is_empty());
}

/// Decisions 35.
#[tokio::test]
async fn a_client_that_asks_too_often_has_to_wait() {
    let scene = Scene::limited(RateLimits::new(0, 0).with_tokens(2)).await;
    for _ in 0..2 {
        assert_eq!(scene.ask(&scene.assertion()).await.status, 200);
    }
    let refused = scene.ask(&scene.assertion()).await;
    assert_eq!(refused.error(), (429, "rate_limited"));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(scene.openemr.seen().len(), 2);
    // Whoever sends nothing but rubbish is stopped by its address.
    let mut answers = Vec::new();
    for _ in 0..18 {
        answers.push(scene.post("rubbish").await.status);
    }
    assert_eq!((answers[0], answers[17]), (400, 429), "{answers:?}");
}
