//! `udap verify` and `udap testpki`.

use crate::ran::Place;

/// Proves: C05, C11, C12, C13, C14, C15, C19, C21, C22, J13
#[test]
fn every_certificate_of_the_test_tree_is_judged_as_its_manifest_says() {
    let place = Place::new();
    let tree = place.run("testpki --out tree --json").good().json();
    let cases = tree["cases"].as_array().unwrap();
    assert!(cases.len() >= 20, "{}", cases.len());
    for case in cases {
        let chain = format!("tree/{}", case["files"]["chain"].as_str().unwrap());
        let uri = case["uri"].as_str().unwrap();
        let expected = &case["expected"];
        let path_trusted = expected["path_trusted"].as_bool().unwrap();
        let line = format!(
            "verify --json --anchors tree/anchors --intermediates tree/intermediates --crl tree/crls {chain}"
        );
        let judged = place.run(&line);
        assert_eq!(
            judged.code,
            Some(i32::from(!path_trusted)),
            "{}: {judged:?}",
            case["name"]
        );
        let judged = judged.json();
        assert_eq!(judged["trusted"], path_trusted);
        assert_eq!(
            judged["reason"].is_null(),
            path_trusted,
            "a refusal says why"
        );

        let names = path_trusted && expected["names_uri"].as_bool().unwrap();
        let judged = place.run_words(line.split_whitespace().chain(["--uri", uri]));
        assert_eq!(
            judged.code,
            Some(i32::from(!names)),
            "{}: {judged:?}",
            case["name"]
        );
    }
}

#[test]
fn the_tree_is_only_written_where_nothing_is() {
    let place = Place::new();
    place.write("tree/file", "kept");
    place.run("testpki --out tree").refused();
    assert_eq!(place.read("tree/file"), "kept");
}

struct Community(Place);

impl Community {
    fn new() -> Self {
        let place = Place::new();
        place
            .run("ca init --dir ca --name Example --key p384 --crl-url http://127.0.0.1:9/")
            .good();
        place
            .run("ca issue client --dir ca --key-type p256 --name App --uri https://app.example.org --out app.pem")
            .good();
        std::fs::create_dir(place.path("anchors")).unwrap();
        std::fs::copy(place.path("ca/root.pem"), place.path("anchors/root.pem")).unwrap();
        Self(place)
    }

    fn reason(&self, line: &str) -> String {
        let judged = self.0.run(&format!("--json {line}")).refused().json();
        judged["reason"]["code"].as_str().unwrap().to_owned()
    }
}

/// Proves: C19, C21
#[test]
fn revocation_is_required_unless_told_otherwise() {
    let community = Community::new();
    let line = "verify --anchors anchors app.pem";
    assert_eq!(community.reason(line), "revocation_unknown");
    assert_eq!(
        community.reason(&format!("{line} --revocation required")),
        "revocation_unknown"
    );
    let refusal = community.0.run(line).refused();
    assert!(
        refusal.out.contains("--crl"),
        "it says what to do: {refusal:?}"
    );
    let accepted = community
        .0
        .run(&format!("{line} --revocation when-available"))
        .good();
    assert!(accepted.out.contains("note"), "{accepted:?}");
    community.0.run(&format!("{line} --revocation off")).good();
    community
        .0
        .run("verify --anchors anchors --crl ca app.pem")
        .good();
    // Of one list each, only one certificate's status is known.
    assert_eq!(
        community.reason("verify --anchors anchors --crl ca/root.crl app.pem"),
        "revocation_unknown"
    );
    community.0.run("ca revoke --dir ca app.pem").good();
    for mode in ["required", "when-available"] {
        let line = format!("verify --anchors anchors --crl ca --revocation {mode} app.pem");
        assert_eq!(community.reason(&line), "certificate_revoked");
    }
    community
        .0
        .run("verify --anchors anchors --crl ca --revocation off app.pem")
        .good();
}

/// Proves: C11
#[test]
fn the_time_of_judging_can_be_chosen() {
    let community = Community::new();
    let line = "verify --anchors anchors --revocation off app.pem";
    assert_eq!(
        community.reason(&format!("{line} --at 2020-01-01T00:00:00Z")),
        "certificate_not_yet_valid"
    );
    assert_eq!(
        community.reason(&format!("{line} --at 2099-01-01T00:00:00+01:00")),
        "certificate_expired"
    );
    community.0.run(&format!("{line} --at yesterday")).misused();
}

/// Proves: C06
#[test]
fn intermediates_may_come_with_the_leaf_or_beside_it() {
    let community = Community::new();
    let place = &community.0;
    let chain = place.read("app.pem");
    let end = chain.find("-----END CERTIFICATE-----\n").unwrap() + 26;
    place.write("leaf.pem", &chain[..end]);
    assert_eq!(
        community.reason("verify --anchors anchors --crl ca leaf.pem"),
        "issuer_unknown"
    );
    place
        .run("verify --anchors anchors --crl ca --intermediates ca/intermediate.pem -- leaf.pem")
        .good();
    place
        .run("verify --intermediates ca/intermediate.cer --crl ca --anchors anchors leaf.pem")
        .good();
    // The folder holds lists and keys besides.
    place
        .run("verify leaf.pem --crl ca/root.crl ca/intermediate.crl --anchors ca")
        .good();
}

/// Proves: C16
#[test]
fn a_policy_that_does_not_hold_is_refused() {
    let community = Community::new();
    let line = "verify --anchors anchors --crl ca --policy 2.16.840.1.113883.3.7204.1.1 -- app.pem";
    assert_eq!(community.reason(line), "path_invalid");
    community
        .0
        .run("verify --anchors anchors --policy nonsense -- app.pem")
        .refused();
}

#[test]
fn what_cannot_be_read_is_named() {
    let community = Community::new();
    let place = &community.0;
    place.write("empty/readme.txt", "");
    place.write(
        "broken/root.pem",
        "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n",
    );
    for (line, named) in [
        ("verify --anchors anchors missing.pem", "missing.pem"),
        ("verify --anchors missing app.pem", "missing"),
        ("verify --anchors empty app.pem", "empty"),
        ("verify --anchors broken app.pem", "broken/root.pem"),
        ("verify --anchors anchors ca/root.crl", "ca/root.crl"),
        (
            "verify --anchors anchors --crl app.pem -- app.pem",
            "app.pem",
        ),
        ("verify --anchors anchors ca/root.key", "ca/root.key"),
    ] {
        let ran = place.run(line).refused();
        assert!(ran.err.contains(named), "{line}: {ran:?}");
        assert_eq!(ran.out, "", "{line}");
    }
    place.run("verify app.pem").misused();
    place.run("verify --anchors anchors").misused();
    place
        .run("verify --anchors anchors app.pem --revocation maybe")
        .misused();
}

/// Proves: C13
#[test]
fn a_ca_certificate_is_no_leaf() {
    let community = Community::new();
    assert_eq!(
        community.reason("verify --anchors anchors --crl ca ca/intermediate.pem"),
        "leaf_is_ca"
    );
}
