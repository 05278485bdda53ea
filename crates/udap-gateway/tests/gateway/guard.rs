//! OpenEMR's own token endpoint, guarded (decisions 28).

use crate::support::{Behaviour, GUARDED, ID, Scene};
use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

#[tokio::test]
async fn a_request_that_names_one_of_ours_is_refused() {
    let scene = Scene::new().await;
    let claims = URL_SAFE_NO_PAD.encode(r#"{"sub": "THE-id", "iss": "x"}"#);
    for body in [
        format!("grant_type=authorization_code&code=x&client_id={ID}"),
        "client_id=the-id".to_owned(),
        "client_id=THE-ID++".to_owned(),
        "client_id=x&client_id=the-id".to_owned(),
        format!("client_id=x&client_assertion=e30.{claims}.x"),
        // Nobody can tell whose this is.
        "client_assertion=rubbish".to_owned(),
        "client_id=th%C3%A9-id".to_owned(),
    ] {
        let answer = scene.send(scene.guarded(&body)).await;
        assert_eq!(answer.error(), (401, "invalid_client"), "{body}");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    let basic = scene
        .guarded("grant_type=refresh_token")
        .basic_auth("the-ID", Some("x"));
    assert_eq!(scene.send(basic).await.error(), (401, "invalid_client"));
    let other = scene.http.post(scene.url(GUARDED)).json(&"client_id=x");
    assert_eq!(
        scene.send(other).await.error(),
        (415, "unsupported_media_type")
    );
    let queried = scene
        .http
        .get(scene.url(&format!("{GUARDED}?client_id={ID}")));
    assert_eq!(scene.send(queried).await.error(), (401, "invalid_client"));
    // Other spellings of the path are nobody's.
    for path in [
        "/oauth2/default/TOKEN",
        "/oauth2/default/token/",
        "/oauth2/default//token",
    ] {
        let request = scene.http.post(scene.url(path)).body("client_id=x");
        assert_eq!(
            scene.send(request).await.error(),
            (404, "not_found"),
            "{path}"
        );
    }
    assert!(scene.openemr.seen().is_empty());
}

#[tokio::test]
async fn every_other_request_passes_unchanged() {
    let scene = Scene::new().await;
    let said = r#"{"error": "invalid_client"}"#;
    scene.openemr.behave(Behaviour::Say(401, said.to_owned()));
    let body = "grant_type=password&username=a%20b&password=c+d&client_id=Other&x=%FF";
    let url = scene.url(&format!("{GUARDED}?site=default&a=%20b"));
    let kind = "application/x-www-form-urlencoded; charset=UTF-8";
    let request = scene
        .http
        .post(url)
        .header("content-type", kind)
        .header("host", "emr.example.org")
        .header("cookie", "a=b")
        .header("origin", "https://spa.example.org")
        .header("x-forwarded-for", "198.51.100.7")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .basic_auth("other", Some("secret"))
        .body(body);
    let answer = scene.send(request).await;
    // Whatever OpenEMR says to others, it says to them.
    assert_eq!(answer.error(), (401, "invalid_client"));
    assert_eq!(answer.headers["content-type"], "application/json");
    let seen = &scene.openemr.seen()[0];
    assert_eq!((&seen.method, seen.body.as_str()), (&Method::POST, body));
    assert_eq!(seen.query.as_deref(), Some("site=default&a=%20b"));
    for (name, value) in [
        ("content-type", kind),
        ("host", "emr.example.org"),
        ("cookie", "a=b"),
        ("origin", "https://spa.example.org"),
        ("x-forwarded-for", "198.51.100.7"),
        ("authorization", "Basic b3RoZXI6c2VjcmV0"),
    ] {
        assert_eq!(seen.headers[name], value);
    }
    assert!(!seen.headers.contains_key("x-hop"));

    let preflight = scene.http.request(Method::OPTIONS, scene.url(GUARDED));
    scene.openemr.behave(Behaviour::Say(204, String::new()));
    assert_eq!(scene.send(preflight).await.status, 204);
    assert_eq!(scene.openemr.seen()[1].method, Method::OPTIONS);
}

#[tokio::test]
async fn whose_it_is_must_be_known() {
    let scene = Scene::new().await;
    scene
        .registrations
        .with(|state| state.is_unavailable = true);
    let answer = scene.send(scene.guarded("client_id=other")).await;
    assert_eq!(answer.error(), (503, "temporarily_unavailable"));
    assert!(scene.openemr.seen().is_empty());
    let large = format!("client_id=other&x={}", "x".repeat(192 * 1024));
    let answer = scene.send(scene.guarded(&large)).await;
    assert_eq!(answer.error(), (413, "request_too_large"));
}

/// A proxy that routes OpenEMR's path to us routes what we send there, too.
#[tokio::test]
async fn what_comes_round_in_a_circle_is_stopped() {
    let scene = Scene::new().await;
    scene.openemr.behave(Behaviour::Say(400, "{}".to_owned()));
    let passed = scene.send(scene.guarded("client_id=other")).await;
    assert_eq!(passed.status, 400);
    let via = scene.openemr.seen()[0].headers["via"].clone();
    let again = scene.guarded("client_id=other").header("via", via);
    let answer = scene.send(again).await;
    assert_eq!(answer.error(), (502, "temporarily_unavailable"));
    assert_eq!(scene.openemr.seen().len(), 1);
}
