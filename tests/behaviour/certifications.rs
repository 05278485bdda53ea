//! What others, or the app itself, attest of an app.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use udap_testkit::{CertificationBuilder, TestCommunity, TestKey, TestLeaf};
use udap_tests::{Answer, Member, Page, Server, Setup, Web, now};

const APP: &str = "https://app.example.org/";
const CERTIFIER: &str = "https://certifier.example.org/";
const BASIC: &str = "https://programs.example.org/basic";
const SELF: &str = "https://programs.example.org/self-declared";
const ICM: &str = "invalid_client_metadata";
const IC: &str = "invalid_certification";
const UC: &str = "unapproved_certification";

/// In which the server's background work comes round.
const TURN: Duration = Duration::from_secs(20);

/// A server that recognises two certifications, and whoever takes part.
struct Scene {
    web: Web,
    certifiers: TestCommunity,
    certifier: TestLeaf,
    app: TestLeaf,
    server: Server,
    _of: TestCommunity,
    _anchors: TempDir,
}

impl Scene {
    /// `more`: of the certification that others attest; nobody needs the other.
    async fn start(more: &str) -> Self {
        let web = Web::start();
        let of = TestCommunity::new("example", now());
        let certifiers = web.community("certifiers");
        web.publish(&certifiers);
        let anchors = tempfile::tempdir().unwrap();
        let root = anchor(&anchors, &certifiers);
        let certifications = format!(
            "[[certification]]\nuri = \"{BASIC}\"\nanchors = [\"{}\"]\nissuers = [\"{CERTIFIER}\"]\n\
             {more}\n[[certification]]\nuri = \"{SELF}\"\n",
            root.display()
        );
        let setup = Setup::new(&of).top(&web.allowed()).top(&certifications);
        Self {
            server: Server::start(&setup).await,
            app: of.client(APP),
            certifier: certifiers.client(CERTIFIER),
            certifiers,
            web,
            _of: of,
            _anchors: anchors,
        }
    }

    fn basic(&self) -> CertificationBuilder {
        CertificationBuilder::new(&self.certifier, APP, BASIC, now())
    }

    fn own(&self) -> CertificationBuilder {
        CertificationBuilder::self_signed(&self.app, SELF, now())
    }

    async fn post(&self, tokens: &[String]) -> Answer {
        let mut body = self.server.statement(&self.app).request();
        body["certifications"] = json!(tokens);
        self.server.post_body(&body).await
    }

    /// The error code, and the codes of what is wrong.
    async fn refused(&self, certification: &CertificationBuilder) -> (String, Vec<String>) {
        let answer = self.post(&[certification.build()]).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.body.get("certifications").is_none());
        let errors = answer.body["errors"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (
            text(&answer.body["error"]),
            errors.iter().map(|one| text(&one["code"])).collect(),
        )
    }
}

fn anchor(folder: &TempDir, certifiers: &TestCommunity) -> PathBuf {
    let path = folder.path().join("certifiers.pem");
    std::fs::write(&path, certifiers.root().pem()).unwrap();
    path
}

/// Proves: N21, F01, F02, F04, F07, F16, E08
#[tokio::test]
async fn recognised_ones_are_answered_and_others_ignored() {
    let scene = Scene::start("").await;
    let (own, basic) = (scene.own().build(), scene.basic().endorsement().build());
    let unknown = "https://programs.example.org/unknown";
    let garbage = [
        "not a JWT".to_owned(),
        CertificationBuilder::new(&scene.certifier, APP, unknown, now()).build(),
    ];
    let answer = scene.post(&garbage).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(answer.body.get("certifications").is_none());
    let mut all = garbage.to_vec();
    all.extend([own.clone(), basic.clone()]);
    let answer = scene.post(&all).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["certifications"], json!([own, basic]));

    let export = scene.server.command(&["audit", "export"]).output().unwrap();
    let log = String::from_utf8(export.stdout).unwrap();
    assert!(log.contains("Example Certification"), "{log}");
    assert!(log.contains(CERTIFIER));
    assert!(!log.contains(&basic), "the whole JWT is not for the log");
}

/// Proves: N21, F05, F06, F08, F09, F10, F14, E25
#[tokio::test]
async fn whatever_is_wrong_with_a_recognised_one_is_told() {
    let scene = Scene::start("").await;
    let stranger = TestCommunity::new("stranger", now());
    let good = || scene.basic();
    for (certification, error, code) in [
        (
            good().sign_with(&TestKey::stranger()),
            IC,
            "certification_signature",
        ),
        (good().header("alg", "rs256"), IC, "certification_alg"),
        (
            good().claim("sub", "https://other.example.org/"),
            IC,
            "certification_sub",
        ),
        (
            good().claim("aud", "https://other.example.org/"),
            IC,
            "certification_aud",
        ),
        (
            good().claim("exp", now().unix_timestamp() - 61),
            IC,
            "certification_expired",
        ),
        (
            good().claim("scope", "system/Observation.read"),
            IC,
            "certification_exceeded",
        ),
        (
            CertificationBuilder::new(&stranger.client(CERTIFIER), APP, BASIC, now()),
            UC,
            "issuer_unknown",
        ),
        (
            CertificationBuilder::self_signed(&scene.app, BASIC, now()),
            UC,
            "certifier_not_recognised",
        ),
    ] {
        let (said, codes) = scene.refused(&certification).await;
        assert_eq!((said.as_str(), codes), (error, vec![code.to_owned()]));
    }
    assert_eq!(scene.server.database().await.clients().await, 0);
    assert_eq!(scene.post(&[good().build()]).await.status, 201);

    // Its certifier's certificate is revoked, and the next list says so.
    let [late, later] = [(); 2].map(|()| {
        let leaf = scene.certifiers.client(CERTIFIER);
        scene.certifiers.revoke(&leaf);
        [CertificationBuilder::new(&leaf, APP, BASIC, now()).build()]
    });
    scene.web.publish(&scene.certifiers);
    assert_eq!(scene.server.run(&["crl", "refresh"]).0, Some(0));
    // Another process fetched it: this one takes it up in the background.
    udap_tests::until("the new list counts", TURN, async || {
        let answer = scene.post(&late).await;
        answer.body["errors"][0]["code"] == "certificate_revoked" && answer.body["error"] == UC
    })
    .await;

    // Once seen revoked, it stays so, though a later list omits it. The other was never seen.
    let intermediate = scene.certifiers.intermediate();
    let sign = scene.certifiers.client(CERTIFIER);
    let forgetful = scene.certifiers.crl(intermediate).empty();
    let forgetful = forgetful.revoke(sign.serial()).number(99);
    let file = "/certifiers/intermediate.crl";
    scene.web.set(file, Page::Body(forgetful.build()));
    assert_eq!(scene.server.run(&["crl", "refresh"]).0, Some(0));
    let sign = [CertificationBuilder::new(&sign, APP, BASIC, now()).build()];
    udap_tests::until("the later list counts", TURN, async || {
        scene.post(&sign).await.status == 400
    })
    .await;
    assert_eq!(
        scene.post(&later).await.body["certifications"],
        json!(later)
    );
    assert_eq!(scene.post(&late).await.refusal(), (400, UC, vec!["F07"]));
}

/// Proves: N21, F03, F11, A14, A15
#[tokio::test]
async fn where_one_is_required_metadata_say_so_and_nobody_registers_without() {
    let scene = Scene::start("required = true").await;
    let metadata = scene
        .server
        .get("/apis/default/fhir/.well-known/udap")
        .await;
    assert_eq!(
        metadata.body["udap_certifications_supported"],
        json!([BASIC, SELF])
    );
    assert_eq!(
        metadata.body["udap_certifications_required"],
        json!([BASIC])
    );
    for tokens in [
        vec![],
        vec![scene.own().build()],
        vec!["garbage".to_owned()],
    ] {
        let answer = scene.post(&tokens).await;
        assert_eq!(answer.refusal(), (400, ICM, vec!["F11"]));
        assert_eq!(answer.header("retry-after"), "");
    }
    assert_eq!(scene.post(&[scene.basic().build()]).await.status, 201);
    // It is needed each time, but for an end.
    assert_eq!(scene.post(&[]).await.refusal(), (400, ICM, vec!["F11"]));
    let end = scene.server.statement(&scene.app).cancellation();
    assert_eq!(scene.server.post(&end).await.status, 200);
}

/// Proves: F15
#[tokio::test]
async fn a_certifier_that_cannot_be_asked_refuses_for_now() {
    let scene = Scene::start("").await;
    // Nobody answers there; what is asked is never in plain http, nor inside.
    let endpoint = format!("https://{}/status", scene.web.host());
    let before = scene.web.connections();
    for endpoint in [
        "https://certifier.invalid/status",
        "https://127.0.0.1/status",
        "https://169.254.169.254/status",
        endpoint.as_str(),
    ] {
        let asking = scene
            .basic()
            .claim("certification_status_endpoint", endpoint);
        let answer = scene.post(&[asking.build()]).await;
        assert_eq!(answer.refusal(), (400, IC, vec!["F15"]), "{endpoint}");
        assert!(!answer.header("retry-after").is_empty());
        assert!(!answer.body.to_string().contains("127.0.0.1"));
    }
    assert!(!scene.web.heads().contains("/status"));
    assert!(
        scene.web.connections() > before,
        "the allowed host was tried, by TLS"
    );
    assert_eq!(scene.server.database().await.clients().await, 0);
}

/// Proves: F02
#[tokio::test]
async fn a_community_recognises_its_own_alone() {
    let of = TestCommunity::new("example", now());
    let other = TestCommunity::new("other", now());
    let certification = format!(
        "[[certification]]\nuri = \"{SELF}\"\ncommunities = [\"other\"]\nrequired = true\n"
    );
    let members = vec![Member::new(&of), Member::new(&other)];
    let server = Server::start(&Setup::of(members).top(&certification)).await;
    let post = async |leaf: &TestLeaf, flaw: bool| {
        let mut own = CertificationBuilder::self_signed(leaf, SELF, now());
        if flaw {
            own = own.without("jti");
        }
        let mut body = server.statement(leaf).request();
        body["certifications"] = json!([own.build()]);
        server.post_body(&body).await
    };
    let (leaf, other_leaf) = (of.client(APP), other.client(APP));
    let answer = post(&leaf, true).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(server.post(&server.statement(&leaf)).await.status, 200);
    assert_eq!(
        post(&other_leaf, true).await.refusal(),
        (400, IC, vec!["F05"])
    );
    let missing = server.post(&server.statement(&other_leaf)).await;
    assert_eq!(missing.refusal(), (400, ICM, vec!["F11"]));
    assert_eq!(post(&other_leaf, false).await.status, 201);
}
