//! An OpenEMR that refuses, fails, or does not answer (decisions 27).

use std::time::Duration;

use crate::support::{self, Behaviour, GRANT, Scene, form};

/// Decisions 27.
#[tokio::test]
async fn openemrs_own_refusals_are_passed_on() {
    let scene = Scene::new().await;
    for (status, code) in [(400, "invalid_grant"), (400, "invalid_scope"), (401, "odd")] {
        let said = format!(r#"{{"error": "{code}", "error_description": "é", "hint": 1}}"#);
        scene.openemr.behave(Behaviour::Say(status, said.clone()));
        let answer = scene.ask(&scene.assertion()).await;
        assert_eq!(answer.status, status);
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(answer.body, said);
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["pragma"], "no-cache");
    }
}

/// Decisions 27.
#[tokio::test]
async fn an_openemr_that_fails_is_no_fault_of_the_app() {
    let scene = Scene::new().await;
    let (failed, gone) = ((502, "server_error"), (502, "temporarily_unavailable"));
    let token = r#""access_token": "secret-token", "token_type": "Bearer", "scope": "openid""#;
    for (behaviour, error) in [
        (Behaviour::Say(200, "<html>secret-token".to_owned()), failed),
        (Behaviour::Say(200, format!("[{{{token}}}]")), failed),
        (Behaviour::Say(200, "{}".to_owned()), failed),
        (
            Behaviour::Say(
                200,
                r#"{"access_token": 7, "token_type": "Bearer"}"#.to_owned(),
            ),
            failed,
        ),
        (
            Behaviour::Say(
                200,
                format!(r#"{{{token}, "x": "{}"}}"#, "x".repeat(64 * 1024)),
            ),
            failed,
        ),
        (Behaviour::Say(404, "Not Found".to_owned()), failed),
        (Behaviour::Say(400, "{}".to_owned()), failed),
        (
            Behaviour::Say(
                500,
                r#"{"error": "server_error", "trace": "secret"}"#.to_owned(),
            ),
            failed,
        ),
        (Behaviour::Say(503, "{}".to_owned()), gone),
        (Behaviour::Redirect, failed),
    ] {
        scene.openemr.behave(behaviour.clone());
        let before = scene.openemr.seen().len();
        let answer = scene.ask(&scene.assertion()).await;
        assert_eq!(answer.error(), error, "{behaviour:?}");
        assert!(!answer.body.to_string().contains("secret"), "{answer:?}");
        assert_eq!(scene.openemr.seen().len(), before + 1, "it is asked once");
    }
}

#[tokio::test]
async fn an_openemr_that_does_not_accept_the_gateway_is_an_alarm() {
    let scene = Scene::new().await;
    assert_eq!(scene.problems().await, [] as [String; 0]);
    let said = r#"{"error": "invalid_client"}"#;
    scene.openemr.behave(Behaviour::Say(401, said.to_owned()));
    let answer = scene.ask(&scene.assertion()).await;
    assert_eq!(answer.error(), (502, "server_error"));
    let problems = scene.problems().await;
    assert!(problems[0].contains("site default"), "{problems:?}");
    // A key that the gateway does not have is another.
    scene.openemr.behave(Behaviour::Honest);
    scene
        .registrations
        .with(|state| state.kid = "other".to_owned());
    let answer = scene.ask(&scene.assertion()).await;
    assert_eq!(answer.error(), (500, "server_error"));
    let problems = scene.problems().await;
    assert!(
        problems.len() == 1 && problems[0].contains("kid"),
        "{problems:?}"
    );
    assert_eq!(scene.openemr.seen().len(), 1);
    scene
        .registrations
        .with(|state| state.kid = support::KID.to_owned());
    assert_eq!(scene.ask(&scene.assertion()).await.status, 200);
    assert_eq!(scene.problems().await, [] as [String; 0]);
}

/// Decisions 27: what it did is not known, so that it is not asked again.
#[tokio::test]
async fn an_openemr_that_does_not_answer_is_asked_once() {
    let scene = Scene::new().await;
    scene.openemr.behave(Behaviour::Hang);
    let started = tokio::time::Instant::now();
    let answer = scene.ask(&scene.assertion()).await;
    assert_eq!(answer.error(), (504, "temporarily_unavailable"));
    assert!(answer.headers.contains_key("retry-after"));
    let taken = started.elapsed();
    assert!(taken >= udap_gateway::limits::FORWARD_TIME);
    assert!(taken < udap_gateway::limits::FORWARD_TIME + Duration::from_secs(5));
    assert_eq!(scene.openemr.seen().len(), 1);
}

/// An app that goes away does not stop what has been recorded: what OpenEMR granted is still judged.
#[tokio::test]
async fn a_caller_that_hangs_up_does_not_stop_what_was_begun() {
    let scene = Scene::new().await;
    scene
        .openemr
        .behave(Behaviour::GrantLate("system/Group.read"));
    let body = form(&scene.assertion().build(), &[GRANT]);
    let request = scene.request(&body).timeout(Duration::from_millis(300));
    assert!(request.send().await.is_err());
    let started = tokio::time::Instant::now();
    while scene.registrations.with(|state| state.revoked.is_empty()) {
        assert!(started.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
