//! What OpenEMR gets, and what the app gets.

use udap_testkit::{KeyKind, SigningAlgorithm};

use crate::support::{self, Behaviour, GRANT, ID, Scene, b2b, for_users, form};

/// Proves: G03, G04, G11, G21
#[tokio::test]
async fn an_app_of_every_algorithm_gets_a_token_that_openemr_gave() {
    let mut scene = Scene::new().await;
    for (kind, algorithm) in [
        (KeyKind::Rsa2048, SigningAlgorithm::Rs256),
        (KeyKind::Rsa2048, SigningAlgorithm::Rs384),
        (KeyKind::P256, SigningAlgorithm::Es256),
        (KeyKind::P384, SigningAlgorithm::Es384),
    ] {
        scene.leaf = scene.of.leaf(support::APP).key_kind(kind).build();
        let answer = scene.ask(&scene.assertion().algorithm(algorithm)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body["access_token"], "secret-token");
        assert_eq!(answer.body["token_type"], "Bearer");
        assert_eq!(answer.body["expires_in"], 300);
        assert_eq!(
            answer.body["scope"],
            "system/Patient.read system/Observation.rs"
        );
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["pragma"], "no-cache");
    }
    let seen = scene.openemr.seen();
    assert_eq!(seen.len(), 4);
    assert_eq!(scene.registrations.with(|state| state.recorded.len()), 4);
    // The connection is kept.
    assert!(seen.iter().all(|one| one.peer == seen[0].peer));
}

/// Proves: G01, G02
#[tokio::test]
async fn nothing_of_the_caller_reaches_openemr_but_what_it_asks_for() {
    let scene = Scene::new().await;
    let parameters = [
        GRANT,
        ("scope", "system/Patient.rs"),
        ("client_id", ID),
        ("x", "secret-x"),
    ];
    let request = scene
        .request(&form(&scene.assertion().build(), &parameters))
        .header("cookie", "secret-cookie=1")
        .header("x-forwarded-for", "secret-forwarded")
        .header("user-agent", "secret-agent")
        .header("referer", "https://secret.example.org/");
    assert_eq!(scene.send(request).await.status, 200);
    let seen = scene.openemr.seen();
    let names: Vec<String> = seen[0].form().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "grant_type",
            "scope",
            "client_assertion_type",
            "client_assertion"
        ]
    );
    assert_eq!(seen[0].form()[1].1, "system/Patient.read");
    assert_eq!(seen[0].query, None);
    assert!(!format!("{seen:?}").contains("secret"), "{seen:?}");
    let mut headers: Vec<_> = seen[0].headers.keys().map(|name| name.as_str()).collect();
    headers.sort_unstable();
    let expected = [
        "accept",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    ];
    assert_eq!(headers, expected);
}

/// Proves: G02, G22
#[tokio::test]
async fn a_users_code_and_refresh_token_are_redeemed_as_they_came() {
    let scene = Scene::new().await;
    for_users(&scene);
    scene
        .openemr
        .behave(Behaviour::Grant(Some("openid nonce patient/Patient.rs")));
    let assertion = || scene.assertion_of(&scene.leaf);
    let code = [
        ("grant_type", "authorization_code"),
        ("code", "a code"),
        ("redirect_uri", "https://app.example.org/callback"),
        ("code_verifier", "a verifier"),
    ];
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "a token"),
        ("scope", "openid"),
    ];
    for (asked, sent) in [(&code[..], 4), (&refresh[..], 3)] {
        let answer = scene.ask_for(&assertion(), asked).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let seen = scene.openemr.seen();
        let form = seen.last().unwrap().form();
        let owned: Vec<_> = (asked.iter())
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        assert_eq!((&form[..sent], form.len()), (&owned[..], sent + 2));
    }
}

/// Proves: G17, G21
#[tokio::test]
async fn more_than_is_registered_is_withheld_and_revoked() {
    let scene = Scene::new().await;
    for (granted, is_passed) in [
        (Some("system/Patient.rs"), true),
        (Some(""), true),
        (None, true),
        (Some("system/Patient.cruds"), false),
        (Some("system/Patient.read system/Group.read"), false),
    ] {
        scene.openemr.behave(Behaviour::Grant(granted));
        let before = scene.registrations.with(|state| state.revoked.len());
        let answer = scene.ask(&scene.assertion()).await;
        let revoked = scene.registrations.with(|state| state.revoked.len());
        if is_passed {
            let shown = granted.unwrap_or("system/Patient.read system/Observation.rs");
            assert_eq!((answer.status, &answer.body["scope"]), (200, &shown.into()));
            assert_eq!(revoked, before);
        } else {
            assert_eq!(answer.error(), (502, "server_error"), "{granted:?}");
            assert!(!answer.body.to_string().contains("secret-token"));
            assert_eq!(revoked, before + 1);
        }
    }
    // Where nothing was asked for, an answer that does not say what it grants may grant anything.
    for_users(&scene);
    scene.openemr.behave(Behaviour::Grant(None));
    let code = [("grant_type", "authorization_code"), ("code", "x")];
    let assertion = scene.assertion_of(&scene.leaf);
    assert_eq!(scene.ask_for(&assertion, &code).await.status, 502);
    // And the assertion's own scope limits what is passed on.
    scene.registrations.with(|state| {
        state.client.grant_types = vec!["client_credentials".to_owned()];
        state.client.scopes.push("system/Patient.read".to_owned());
        state.client.scopes.push("system/Group.read".to_owned());
    });
    scene
        .openemr
        .behave(Behaviour::Grant(Some("system/Group.read")));
    assert_eq!(scene.ask(&scene.assertion()).await.status, 200);
    let limited = scene.assertion_of(&scene.leaf).claim("extensions", b2b());
    let limited = limited.claim("scope", "system/Patient.read");
    assert_eq!(scene.ask(&limited).await.status, 502);
}
