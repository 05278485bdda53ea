//! Software statements through the whole of the core: signature, claims, trust, rules.

mod support;

use serde_json::{Value, json};
use support::{APP, ENDPOINT, NOW, Verdict, World, community, crl_store};
use time::Duration;
use udap::site::TokenMode;
use udap_testkit::{KeyKind, LeafFlaw, SigningAlgorithm, TestCommunity, TestKey};

const ISS: &str = "invalid_software_statement";
const USS: &str = "unapproved_software_statement";
const ICM: &str = "invalid_client_metadata";
const IRU: &str = "invalid_redirect_uri";

fn example() -> (TestCommunity, World) {
    let of = TestCommunity::new("example", NOW);
    let world = World::new(&of);
    (of, world)
}

fn seconds(offset: i64) -> Value {
    json!((NOW + Duration::seconds(offset)).unix_timestamp())
}

/// Proves: B01, B10, C02, C05, E01, E03
#[test]
fn a_good_statement_of_every_key_kind_is_approved() {
    let (of, world) = example();
    for (kind, algorithm) in [
        (KeyKind::Rsa2048, SigningAlgorithm::Rs256),
        (KeyKind::Rsa2048, SigningAlgorithm::Rs384),
        (KeyKind::P256, SigningAlgorithm::Es256),
        (KeyKind::P384, SigningAlgorithm::Es384),
    ] {
        let leaf = of.leaf(APP).key_kind(kind).build();
        let approved = world
            .post(&leaf.statement(ENDPOINT, NOW).algorithm(algorithm))
            .approved();
        assert_eq!(approved.statement().client_uri(), APP);
        assert_eq!(approved.statement().community().id, "example");
        assert_eq!(approved.metadata().client_name(), "Example App");
        assert!(approved.enable());
    }
}

/// Proves: A50, A51, A52, A53, A54, C02
#[test]
fn signatures_that_the_leaf_did_not_make_are_refused() {
    let (of, world) = example();
    let rsa = of.client(APP);
    let p256 = of.leaf(APP).key_kind(KeyKind::P256).build();
    let stranger = TestKey::stranger();
    let good = || rsa.statement(ENDPOINT, NOW);
    for (what, statement, rule) in [
        ("another key", good().sign_with(&stranger), "C02"),
        ("none", good().algorithm(SigningAlgorithm::None), "A53"),
        (
            "the public key as HMAC secret",
            good().algorithm(SigningAlgorithm::Hs256WithPublicKey),
            "A53",
        ),
        (
            "ES256 over an RSA key",
            good().header("alg", "ES256"),
            "A53",
        ),
        (
            "RS256 over an EC key",
            p256.statement(ENDPOINT, NOW).header("alg", "RS256"),
            "A53",
        ),
        (
            "ES384 over P-256",
            p256.statement(ENDPOINT, NOW).header("alg", "ES384"),
            "A53",
        ),
        ("alg in lower case", good().header("alg", "rs256"), "A53"),
        (
            "alg as a list",
            good().header("alg", json!(["RS256"])),
            "A53",
        ),
        ("no alg", good().without_header("alg"), "A53"),
        ("crit", good().header("crit", json!(["exp"])), "A54"),
        ("empty crit", good().header("crit", json!([])), "A54"),
        ("b64", good().header("b64", false), "A54"),
        ("alg twice", good().duplicate_header("alg", "RS256"), "A54"),
        ("iss twice", good().duplicate_claim("iss", APP), "A54"),
        ("no x5c", good().without_header("x5c"), "C03"),
        ("x5c a string", good().header("x5c", "MIIB"), "C03"),
        ("x5c empty", good().header("x5c", json!([])), "C03"),
        ("x5c rubbish", good().header("x5c", json!(["AAAA"])), "C03"),
    ] {
        let verdict = world.post(&statement);
        assert_eq!(verdict.refusal(), (ISS, vec![rule]), "{what}");
        assert!(!verdict.spends(), "{what}");
    }
}

/// Proves: A54, B03
#[test]
fn what_is_no_compact_jws_is_refused() {
    let (of, world) = example();
    let good = of.client(APP).statement(ENDPOINT, NOW).build();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    for (what, text) in [
        ("one part", "abc".to_owned()),
        ("four parts", format!("{good}.AAAA")),
        ("empty parts", "..".to_owned()),
        ("padding", format!("{good}=")),
        ("a newline", format!("{good}\n")),
        ("no signature", format!("{signed}.")),
        (
            "a JSON serialisation",
            json!({"payload": signed, "signature": signature}).to_string(),
        ),
    ] {
        let (code, _) = world
            .post_body(&udap_testkit::request_body(&text))
            .refusal();
        assert_eq!(code, ISS, "{what}");
    }
}

/// Proves: A55
#[test]
fn keys_that_the_header_points_at_are_never_used() {
    let (of, world) = example();
    let leaf = of.client(APP);
    let statement = leaf
        .statement(ENDPOINT, NOW)
        .header("x5u", "http://127.0.0.1:1/x5u")
        .header("jku", "http://127.0.0.1:1/jku")
        .header("jwk", json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}))
        .header("kid", "other");
    let (verdict, asked) = world.post_bytes(statement.request().to_string().as_bytes());
    verdict.approved();
    assert!(asked.is_empty());
}

/// Proves: B11, C17, C18
#[test]
fn the_issuer_is_a_uri_name_of_the_leaf_letter_by_letter() {
    let (of, world) = example();
    let leaf = of.client(APP);
    for iss in [
        "https://app.example.org",
        "https://APP.example.org/",
        "https://app.example.org:443/",
        "HTTPS://app.example.org/",
        "https://other.example.org/",
        "invalid_iss",
    ] {
        let statement = leaf
            .statement(ENDPOINT, NOW)
            .claim("iss", iss)
            .claim("sub", iss);
        assert_eq!(
            world.post(&statement).refusal(),
            (ISS, vec!["C17"]),
            "{iss}"
        );
    }
    let second = of
        .leaf(APP)
        .before_uri("https://first.example.org/")
        .build();
    world.post(&second.statement(ENDPOINT, NOW)).approved();
    let of_length = |length: usize| format!("https://long.example.org/{:a>1$}", "", length - 25);
    let longest = of.client(&of_length(2_048));
    world.post(&longest.statement(ENDPOINT, NOW)).approved();
    let longer = of.client(&of_length(2_049));
    assert_eq!(
        world.post(&longer.statement(ENDPOINT, NOW)).refusal(),
        (ISS, vec!["C17"])
    );
    for flaw in [LeafFlaw::NoSan, LeafFlaw::DnsSanOnly] {
        let leaf = of.leaf(APP).flaw(flaw).build();
        let statement = leaf.statement(ENDPOINT, NOW);
        assert_eq!(
            world.post(&statement).refusal(),
            (ISS, vec!["C17"]),
            "{flaw:?}"
        );
    }
}

/// Proves: B12, B13
#[test]
fn subject_and_audience_are_exact() {
    let (of, world) = example();
    let leaf = of.client(APP);
    let statement = || leaf.statement(ENDPOINT, NOW);
    assert_eq!(
        world
            .post(&statement().claim("sub", "https://other.example.org/"))
            .refusal(),
        (ISS, vec!["B12"])
    );
    assert_eq!(
        world.post(&statement().without("sub")).refusal(),
        (ISS, vec!["B12"])
    );
    for aud in [
        json!("http://emr.example.org/udap/default/register"),
        json!("https://emr.example.org/udap/default/register/"),
        json!("https://EMR.example.org/udap/default/register"),
        json!(["https://other.example.org/register"]),
        json!([ENDPOINT, 1]),
        json!([]),
        json!({"0": ENDPOINT}),
        json!(null),
    ] {
        let verdict = world.post(&statement().claim("aud", aud.clone()));
        assert_eq!(verdict.refusal(), (ISS, vec!["B13"]), "{aud}");
    }
    world
        .post(&statement().claim("aud", json!(["https://other.example.org/", ENDPOINT])))
        .approved();
}

/// Proves: B14, B15, B17
#[test]
fn a_statement_lives_at_most_300_seconds_and_now() {
    let (of, world) = example();
    let leaf = of.client(APP);
    let post = |iat: Value, exp: Value| {
        world.post(
            &leaf
                .statement(ENDPOINT, NOW)
                .claim("iat", iat)
                .claim("exp", exp),
        )
    };
    post(seconds(0), seconds(300)).approved();
    post(seconds(60), seconds(61)).approved();
    post(seconds(-300), seconds(-59)).approved();
    for (what, iat, exp, rule) in [
        ("301 s", seconds(0), seconds(301), "B14"),
        ("expired", seconds(-300), seconds(-60), "B14"),
        ("from the future", seconds(61), seconds(100), "B15"),
        ("backwards", seconds(0), seconds(-1), "B15"),
        ("no life", seconds(0), seconds(0), "B15"),
        ("a string", json!("1"), seconds(100), "B17"),
        (
            "a fraction",
            seconds(0),
            json!(NOW.unix_timestamp() as f64 + 100.5),
            "B17",
        ),
        (
            "beyond the calendar",
            json!(i64::MAX - 1),
            json!(i64::MAX),
            "B17",
        ),
        ("null", seconds(0), json!(null), "B17"),
    ] {
        assert_eq!(post(iat, exp).refusal(), (ISS, vec![rule]), "{what}");
    }
    let statement = leaf.statement(ENDPOINT, NOW).claim("nbf", seconds(61));
    assert_eq!(world.post(&statement).refusal(), (ISS, vec!["B15"]));
    world
        .post(&leaf.statement(ENDPOINT, NOW).claim("nbf", seconds(60)))
        .approved();
}

/// Proves: B16
#[test]
fn a_jti_is_a_bounded_string() {
    let (of, world) = example();
    let leaf = of.client(APP);
    for jti in [
        json!(""),
        json!("a".repeat(257)),
        json!("a\nb"),
        json!(7),
        json!(null),
    ] {
        let statement = leaf.statement(ENDPOINT, NOW).claim("jti", jti.clone());
        assert_eq!(
            world.post(&statement).refusal(),
            (ISS, vec!["B16"]),
            "{jti}"
        );
    }
    world
        .post(&leaf.statement(ENDPOINT, NOW).claim("jti", "ä".repeat(256)))
        .approved();
}

/// Proves: C01
#[test]
fn all_claims_at_fault_are_named_and_the_signature_comes_before_them() {
    let (of, world) = example();
    let leaf = of.client(APP);
    let statement = leaf
        .statement(ENDPOINT, NOW)
        .claim("aud", "x")
        .without("jti")
        .claim("sub", "x");
    assert_eq!(
        world.post(&statement).refusal(),
        (ISS, vec!["B12", "B13", "B16"])
    );
    let forged = statement.sign_with(&TestKey::stranger());
    assert_eq!(world.post(&forged).refusal(), (ISS, vec!["C02"]));
    // Claims come before the path (decisions 1).
    let stranger = TestCommunity::new("stranger", NOW).client(APP);
    let statement = stranger.statement(ENDPOINT, NOW).claim("aud", "x");
    assert_eq!(world.post(&statement).refusal(), (ISS, vec!["B13"]));
}

/// Proves: C05, C11, C12, C13, C14, C15, C19, C21, C22, E21
#[test]
fn every_flaw_of_a_certificate_gets_the_verdict_that_is_due() {
    for flaw in LeafFlaw::ALL {
        let of = TestCommunity::new("example", NOW);
        let leaf = of.leaf(APP).flaw(flaw).build();
        let mut configured = community(&of);
        if flaw == LeafFlaw::NoCrlAddress {
            configured.trust.no_crl_address = udap::trust::NoCrlAddress::Accept;
        }
        let world = World::with(TokenMode::Gateway, vec![configured], crl_store(&[&of]));
        let verdict = world.post(&leaf.statement(ENDPOINT, NOW));
        match flaw {
            LeafFlaw::NoCrlAddress => {
                verdict.approved();
            }
            LeafFlaw::NoSan | LeafFlaw::DnsSanOnly => {
                assert_eq!(verdict.refusal().0, ISS, "{flaw:?}")
            }
            _ => {
                assert_eq!(verdict.refusal().0, USS, "{flaw:?}: {verdict:?}");
                assert!(!verdict.spends(), "{flaw:?}");
            }
        }
    }
}

/// Proves: A53
#[test]
fn a_direct_site_takes_rsa_keys_only_and_says_so() {
    let of = TestCommunity::new("example", NOW);
    let world = World::with(TokenMode::Direct, vec![community(&of)], crl_store(&[&of]));
    world
        .post(&of.client(APP).statement(ENDPOINT, NOW))
        .approved();
    let leaf = of.leaf(APP).key_kind(KeyKind::P256).build();
    let verdict = world.post(&leaf.statement(ENDPOINT, NOW));
    assert_eq!(verdict.refusal(), (ISS, vec!["A53"]));
    let Verdict::Refused(refusal) = verdict else {
        panic!("refused before trust");
    };
    assert!(
        refusal
            .description()
            .contains("this site accepts RSA keys only")
    );
}

/// Proves: D10, D11, D12
#[test]
fn only_an_empty_array_of_grant_types_cancels() {
    let (of, world) = example();
    let leaf = of.client(APP);
    let statement = || leaf.statement(ENDPOINT, NOW);
    let cancel = statement()
        .cancellation()
        .without("client_name")
        .without("contacts");
    assert!(matches!(world.post(&cancel), Verdict::Cancel(_)));
    for grant_types in [json!(""), json!(null), json!({}), json!([""])] {
        let verdict = world.post(&statement().claim("grant_types", grant_types.clone()));
        let (code, rules) = verdict.refusal();
        assert_eq!(code, ICM, "{grant_types}");
        assert!(
            rules
                .iter()
                .all(|rule| ["B21", "B22", "D11"].contains(rule)),
            "{rules:?}"
        );
        assert!(verdict.spends());
    }
    let named = statement()
        .without("grant_types")
        .claim("client_name", "\"grant_types\":[]");
    assert_eq!(world.post(&named).refusal().0, ICM);
}

/// Proves: E24, B26
#[test]
fn faulty_redirect_uris_alone_have_their_own_code() {
    let (of, world) = example();
    let leaf = of.client(APP);
    let statement = || {
        leaf.statement(ENDPOINT, NOW)
            .authorization_code()
            .claim("redirect_uris", json!(["http://app.example.org/callback"]))
    };
    assert_eq!(world.post(&statement()).refusal(), (IRU, vec!["B26"]));
    let (code, rules) = world.post(&statement().without("client_name")).refusal();
    assert_eq!(code, ICM);
    assert!(rules.contains(&"B20") && rules.contains(&"B26"));
}

/// Proves: C27
#[test]
fn an_app_outside_the_admitted_client_uris_is_not_approved() {
    let of = TestCommunity::new("example", NOW);
    let mut configured = community(&of);
    configured.client_uri_prefixes = vec!["https://admitted.example.org/".to_owned()];
    let world = World::with(TokenMode::Gateway, vec![configured], crl_store(&[&of]));
    let verdict = world.post(&of.client(APP).statement(ENDPOINT, NOW));
    assert_eq!(verdict.refusal(), (USS, vec!["C27"]));
    let admitted = of.client("https://admitted.example.org/app");
    world.post(&admitted.statement(ENDPOINT, NOW)).approved();
}
