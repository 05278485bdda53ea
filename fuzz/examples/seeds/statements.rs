//! Requests and statements, signed by a client of a community whose anchor and lists are kept.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use udap_fuzz::desk::SELF_DECLARED;
use udap_fuzz::world::{APP, ENDPOINT, NOW, PKI};
use udap_testkit::{
    CertificationBuilder, CommunityOptions, KeyKind, SigningAlgorithm, StatementBuilder,
    TestCommunity, TestLeaf,
};

use super::{Corpus, write};

/// A community of whose files the target `registration` knows anchor and lists.
pub(super) struct Fixture {
    pub(super) community: TestCommunity,
    pub(super) leaf: TestLeaf,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let community = TestCommunity::with(CommunityOptions::new("seed").published_at(PKI), NOW);
        let leaf = community.leaf(APP).key_kind(KeyKind::P256).build();
        Self { community, leaf }
    }

    pub(super) fn write(&self, folder: &Path) {
        write(folder, "root.der", self.community.root().der());
        for authority in [self.community.root(), self.community.intermediate()] {
            let list = self.community.crl(authority).build();
            write(folder, &format!("{}.crl", authority.slug()), &list);
        }
    }

    fn good(&self) -> StatementBuilder {
        self.leaf.statement(ENDPOINT, NOW)
    }

    /// Statements that are accepted, and some that are not.
    fn statements(&self) -> Vec<(&'static str, StatementBuilder)> {
        let good = || self.good();
        let code = || self.good().authorization_code();
        let at = NOW.unix_timestamp();
        vec![
            ("client-credentials", good()),
            ("authorization-code", code()),
            ("emr-direct", code().emr_direct()),
            ("cancellation", good().cancellation()),
            (
                "aud-array",
                good().claim("aud", json!([ENDPOINT, "https://other.example.org/"])),
            ),
            ("nbf", good().claim("nbf", at - 5)),
            (
                "edge-of-time",
                good().claim("iat", at + 60).claim("exp", at + 360),
            ),
            (
                "unknown-claims",
                good().claim("extensions", json!({"hl7-b2b": {"version": "1"}})),
            ),
            ("duplicate-claim", good().duplicate_claim("scope", "openid")),
            (
                "launch",
                code()
                    .claim("initiate_login_uri", "https://app.example.org/launch")
                    .claim(
                        "post_logout_redirect_uris",
                        json!(["https://app.example.org/bye"]),
                    ),
            ),
            (
                "wildcards",
                good().claim("scope", "system/*.rs system/*.$export udap openid"),
            ),
            ("no-contacts", good().without("contacts")),
            (
                "aud-wrong",
                good().claim("aud", "https://other.example.org/"),
            ),
        ]
    }
}

pub(super) fn requests(corpus: &Corpus, fixture: &Fixture) {
    for (name, statement) in fixture.statements() {
        corpus.put("registration", name, statement.request().to_string());
    }
    let certified = json!({
        "udap": "1",
        "software_statement": fixture.good().build(),
        "certifications": [fixture.good().build()],
    });
    corpus.put("registration", "certifications", certified.to_string());

    let nested = format!(
        r#"{{"udap":"1","x":{}1{}}}"#,
        "[".repeat(15),
        "]".repeat(15)
    );
    for (name, body) in [
        (
            "request",
            r#"{"software_statement":"e30.e30.AA","certifications":[],"udap":"1"}"#,
        ),
        (
            "certifications",
            r#"{"udap":"1","certifications":["a.b.c","d.e.f"],"software_statement":"a.b.c"}"#,
        ),
        (
            "nulls",
            r#"{"udap":"1","certifications":null,"software_statement":"a.b.c","x":null}"#,
        ),
        (
            "escapes",
            r#"{"ud\u0061p":"1","software_statement":"\ud83d\ude00\n\"\\","x":"\u0000"}"#,
        ),
        (
            "duplicate",
            r#"{"udap":"1","software_statement":"a.b.c","\u0075dap":"2"}"#,
        ),
        (
            "numbers",
            r#"{"a":[0,-1,1.5e300,18446744073709551615,-9223372036854775808,1e-400,1e400]}"#,
        ),
        ("nested", &nested),
        ("array", "[{},[],true,false,null]"),
        ("spaces", " \t\r\n{ \"udap\" : \"1\" } "),
    ] {
        corpus.put("envelope", name, body);
    }
}

pub(super) fn statements(corpus: &Corpus, fixture: &Fixture) {
    for (name, statement) in fixture.statements() {
        let token = statement.build();
        let payload = payload(&token);
        corpus.put("statement", name, &payload);
    }

    let kinds = [
        ("rs256", KeyKind::Rsa2048, None),
        ("rs384", KeyKind::Rsa2048, Some(SigningAlgorithm::Rs384)),
        ("es256", KeyKind::P256, None),
        ("es384", KeyKind::P384, None),
        ("none", KeyKind::P256, Some(SigningAlgorithm::None)),
    ];
    for (name, kind, algorithm) in kinds {
        let leaf = fixture.community.leaf(APP).key_kind(kind).build();
        let mut statement = leaf.statement(ENDPOINT, NOW);
        if let Some(algorithm) = algorithm {
            statement = statement.algorithm(algorithm);
        }
        corpus.put("jws", name, statement.build());
    }
    let crit = fixture
        .good()
        .header("crit", json!([]))
        .header("b64", false);
    corpus.put("jws", "crit", crit.build());
    corpus.put(
        "jws",
        "no-x5c",
        fixture.good().without_header("x5c").build(),
    );
    corpus.put("jws", "not-json", fixture.good().raw_payload("x").build());
    corpus.put("jws", "dots", "e30.e30.");

    let payload = payload(&fixture.good().build());
    for (name, header) in [
        ("leaf", r#"{"alg":"ES256","x5c":["leaf","intermediate"]}"#),
        (
            "three",
            r#"{"alg":"ES256","typ":"JWT","x5c":["leaf","root","intermediate","leaf"]}"#,
        ),
        ("crit", r#"{"alg":"ES256","crit":["exp"],"x5c":["leaf"]}"#),
        ("b64", r#"{"alg":"ES256","b64":true,"x5c":["leaf"]}"#),
        ("null-alg", r#"{"alg":null,"x5c":["leaf"]}"#),
        ("other-alg", r#"{"alg":"ES384","x5c":["leaf"]}"#),
        (
            "references",
            r#"{"alg":"ES256","kid":"a","jku":"http://127.0.0.1/","jwk":{},"x5u":"http://127.0.0.1/","x5c":["leaf"]}"#,
        ),
        (
            "reversed",
            r#"{"alg":"ES256","x5c":["intermediate","leaf"]}"#,
        ),
        (
            "duplicate",
            r#"{"alg":"ES256","alg":"ES256","x5c":["leaf"]}"#,
        ),
    ] {
        corpus.put("jws_signed", name, [header, "\n", &payload].concat());
    }
    corpus.put(
        "jws_signed",
        "empty-payload",
        "{\"alg\":\"ES256\",\"x5c\":[\"leaf\"]}\n{}",
    );
}

/// Certifications that apps declare themselves.
pub(super) fn certifications(corpus: &Corpus, fixture: &Fixture) {
    let good = || CertificationBuilder::self_signed(&fixture.leaf, SELF_DECLARED, NOW);
    for (name, certification) in [
        ("good", good()),
        ("endorsement", good().endorsement()),
        ("aud", good().claim("aud", json!([ENDPOINT]))),
        (
            "status",
            good().claim(
                "certification_status_endpoint",
                "https://certifier.example.org/status?a=b",
            ),
        ),
        (
            "restricted",
            good()
                .claim("client_name", "Example App")
                .claim(
                    "grant_types",
                    json!(["authorization_code", "refresh_token"]),
                )
                .claim("response_types", json!(["code"]))
                .claim("contacts", json!(["mailto:ops@example.org"]))
                .claim(
                    "scope",
                    "openid fhirUser offline_access launch/patient patient/*.read",
                )
                .claim(
                    "redirect_uris",
                    json!([
                        "https://app.example.org/*",
                        "https://app.example.org/cb?server=*"
                    ]),
                ),
        ),
        (
            "jwks",
            good().claim("jwks", json!({"keys": [{"kty": "EC"}]})),
        ),
        ("jwks-text", good().claim("jwks", "{\"keys\":[]}")),
        (
            "other-sub",
            good().claim("sub", "https://other.example.org/"),
        ),
        ("expired", good().claim("exp", NOW.unix_timestamp() - 60)),
        ("duplicate", good().duplicate_claim("sub", APP)),
    ] {
        corpus.put("certification", name, payload(&certification.build()));
    }
}

/// Client assertions, with the rest of a form.
pub(super) fn tokens(corpus: &Corpus, fixture: &Fixture) {
    let endpoint = "https://emr.example.org/udap/default/token";
    let plain = || StatementBuilder::authentication(&fixture.leaf, "id", endpoint, NOW);
    let b2b = json!({"hl7-b2b": {
        "version": "1",
        "subject_name": "Ann",
        "organization_id": "https://hospital.example.org",
        "purpose_of_use": ["TREAT"],
        "consent_policy": ["https://hospital.example.org/consent"],
        "consent_reference": ["https://hospital.example.org/fhir/Consent/1"],
    }});
    let service = || plain().claim("extensions", b2b.clone());
    let code =
        "grant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Fa%2F&code_verifier=v";
    for (name, assertion, form) in [
        (
            "service",
            service(),
            "grant_type=client_credentials&scope=system%2F*.read",
        ),
        (
            "scope-claim",
            service().claim("scope", "system/*.rs"),
            "grant_type=client_credentials",
        ),
        ("code", plain(), code),
        (
            "refresh",
            plain(),
            "grant_type=refresh_token&refresh_token=r&scope=patient%2F*.rs",
        ),
        (
            "without-b2b",
            plain(),
            "grant_type=client_credentials&client_id=id",
        ),
        ("resources", plain().claim("resources", json!([])), code),
        (
            "twice",
            service(),
            "grant_type=client_credentials&grant_type=client_credentials",
        ),
    ] {
        let seed = [&payload(&assertion.build()), "\n", form].concat();
        corpus.put("token", name, seed);
    }
}

/// The claims as they were written.
fn payload(token: &str) -> String {
    let part = token.split('.').nth(1).expect("three parts");
    let bytes = URL_SAFE_NO_PAD.decode(part);
    String::from_utf8(bytes.expect("base64url")).expect("JSON")
}
