//! Writes `fixtures` and `corpus` anew, from communities of the test kit:
//!
//! ```text
//! cargo run --manifest-path fuzz/Cargo.toml --example seeds
//! ```
//!
//! Keys are new each time and none is kept, so every file of a community changes. Corpus files of
//! other names, such as findings, stay.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use udap::certificate::Certificate;
use udap::jws;
use udap_fuzz::der::{self, tlv, with_extension};
use udap_fuzz::world::{APP, ENDPOINT, NOW, PKI, World, replace, world, x5c_entry};
use udap_testkit::{
    CommunityOptions, KeyKind, LeafFlaw, SigningAlgorithm, StatementBuilder, TestCommunity,
    TestLeaf,
};

fn main() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = Corpus(here.join("corpus"));
    let fixture = Fixture::new();
    fixture.write(&here.join("fixtures"));

    requests(&corpus, &fixture);
    statements(&corpus, &fixture);
    certificates(&corpus, &fixture);
    lists(&corpus, &fixture);
    paths(&corpus, world());
    revocations(&corpus, world());
    claims(&corpus);
    texts(&corpus);
}

/// The folder `corpus`.
struct Corpus(PathBuf);

impl Corpus {
    fn put(&self, target: &str, name: &str, content: impl AsRef<[u8]>) {
        write(&self.0.join(target), name, content.as_ref());
    }
}

fn write(folder: &Path, name: &str, content: &[u8]) {
    fs::create_dir_all(folder).expect("a folder can be made");
    fs::write(folder.join(name), content).expect("a file can be written");
}

/// A community of whose files the target `registration` knows anchor and lists.
struct Fixture {
    community: TestCommunity,
    leaf: TestLeaf,
}

impl Fixture {
    fn new() -> Self {
        let community = TestCommunity::with(CommunityOptions::new("seed").published_at(PKI), NOW);
        let leaf = community.leaf(APP).key_kind(KeyKind::P256).build();
        Self { community, leaf }
    }

    fn write(&self, folder: &Path) {
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

fn requests(corpus: &Corpus, fixture: &Fixture) {
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

fn statements(corpus: &Corpus, fixture: &Fixture) {
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

/// The claims as they were written.
fn payload(token: &str) -> String {
    use base64::Engine;
    let part = token.split('.').nth(1).expect("three parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part);
    String::from_utf8(bytes.expect("base64url")).expect("JSON")
}

fn certificates(corpus: &Corpus, fixture: &Fixture) {
    let Fixture { community, leaf } = fixture;
    let put = |name: &str, der: &[u8]| corpus.put("certificate", name, der);
    put("root", community.root().der());
    put("intermediate", community.intermediate().der());
    put("p256", leaf.der());
    for kind in [KeyKind::P384, KeyKind::Rsa2048, KeyKind::Rsa3072] {
        let leaf = community.leaf(APP).key_kind(kind).build();
        put(&format!("{kind:?}").to_lowercase(), leaf.der());
    }
    for flaw in LeafFlaw::ALL {
        // What is wrong with their paths does not show in them.
        if !flaw.name().contains("intermediate") {
            put(flaw.name(), community.leaf(APP).flaw(flaw).build().der());
        }
    }
    for (name, signed) in odd_signed_parts(Certificate::from_der(leaf.der()).expect("DER").tbs()) {
        put(name, &world().by_intermediate(&signed));
    }
    put("pem", leaf.chain_pem().as_bytes());
    let noise = format!("subject=x\r\n{}\n{}", leaf.key().public_pem(), leaf.pem());
    put("pem-with-noise", noise.as_bytes());

    let x5c = |name: &str, content: &[u8]| corpus.put("x5c", name, content);
    let (own, above, root) = (
        leaf.der(),
        community.intermediate().der(),
        community.root().der(),
    );
    x5c("one", own);
    x5c("three", &[own, above, root].concat());
    x5c("repeated", &[own, above, own, above, above].concat());
    x5c("eleven", &own.repeat(11));
    let texts: Vec<Value> = [own, above].map(|der| x5c_entry(der).into()).to_vec();
    x5c("json", Value::from(texts).to_string().as_bytes());
    x5c("json-empty", b"[]");
    x5c("json-numbers", b"[1,\"\",null,\"MAA=\"]");
    x5c("json-no-list", b"{\"x5c\":\"MAA=\"}");
}

/// A certificate's signed part with extensions that the test kit's certificates lack.
fn odd_signed_parts(signed: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let sequence = |parts: &[Vec<u8>]| tlv(0x30, &parts.concat());
    let text = |tag: u8, text: &str| tlv(tag, text.as_bytes());
    let oid = |octets: &[u8]| tlv(0x06, octets);
    let name = tlv(
        0xa4,
        &sequence(&[tlv(
            0x31,
            &sequence(&[oid(b"\x55\x04\x03"), text(0x0c, "x")]),
        )]),
    );
    let address = tlv(0x87, b"\x0a\x00\x00\x01");
    let net = tlv(0x87, b"\x0a\x00\x00\x00\xff\x00\x00\x00");
    let names = [
        text(0x82, "app.example.org"),
        text(0x81, "a@example.org"),
        text(0x86, APP),
    ];
    let subtrees = |tag: u8, names: &[Vec<u8>]| {
        let each: Vec<Vec<u8>> = names.iter().map(|name| tlv(0x30, name)).collect();
        tlv(tag, &each.concat())
    };
    let hosts = [
        text(0x82, "example.org"),
        text(0x81, "example.org"),
        text(0x86, ".example.org"),
        net.clone(),
        name.clone(),
    ];
    let many: Vec<Vec<u8>> = (0..400)
        .map(|number| text(0x82, &format!("{number}.example.org")))
        .collect();
    let any_policy = oid(b"\x55\x1d\x20\x00");
    let policy = oid(b"\x2b\x06\x01\x04\x01\x81\xfd\x79\x01");
    let notice = sequence(&[
        oid(b"\x2b\x06\x01\x05\x05\x07\x02\x02"),
        sequence(&[
            sequence(&[text(0x0c, "x"), sequence(&[vec![2, 1, 1]])]),
            text(0x0c, "notice"),
        ]),
    ]);
    let cps = sequence(&[oid(b"\x2b\x06\x01\x05\x05\x07\x02\x01"), text(0x16, APP)]);
    let point = |parts: &[Vec<u8>]| sequence(&[sequence(parts)]);
    let full = tlv(
        0xa0,
        &tlv(0xa0, &text(0x86, "http://pki.example.org/x.crl")),
    );
    let relative = tlv(
        0xa0,
        &tlv(0xa1, &sequence(&[oid(b"\x55\x04\x03"), text(0x0c, "x")])),
    );
    let extensions: [(&'static str, &[u8], bool, Vec<u8>); 15] = [
        (
            "policies",
            b"\x55\x1d\x20",
            false,
            sequence(&[
                sequence(&[policy.clone(), sequence(&[notice, cps])]),
                sequence(std::slice::from_ref(&any_policy)),
            ]),
        ),
        (
            "policy-mappings",
            b"\x55\x1d\x21",
            true,
            sequence(&[sequence(&[policy.clone(), policy])]),
        ),
        (
            "policy-constraints",
            b"\x55\x1d\x24",
            true,
            tlv(0x30, b"\x80\x01\x00\x81\x01\x01"),
        ),
        ("inhibit-any-policy", b"\x55\x1d\x36", true, vec![2, 1, 0]),
        (
            "permitted",
            b"\x55\x1d\x1e",
            true,
            sequence(&[subtrees(0xa0, &hosts)]),
        ),
        (
            "excluded",
            b"\x55\x1d\x1e",
            true,
            sequence(&[subtrees(0xa1, &hosts)]),
        ),
        (
            "permitted-many",
            b"\x55\x1d\x1e",
            true,
            sequence(&[subtrees(0xa0, &many)]),
        ),
        (
            "issuer-names",
            b"\x55\x1d\x12",
            false,
            sequence(&[names.concat(), address.clone(), name]),
        ),
        (
            "directory-attributes",
            b"\x55\x1d\x09",
            false,
            sequence(&[sequence(&[
                oid(b"\x55\x04\x03"),
                tlv(0x31, &text(0x0c, "x")),
            ])]),
        ),
        (
            "private-key-period",
            b"\x55\x1d\x10",
            false,
            tlv(0x30, b"\x80\x0f20260101000000Z"),
        ),
        (
            "freshest",
            b"\x55\x1d\x2e",
            false,
            point(std::slice::from_ref(&full)),
        ),
        (
            "points",
            b"\x55\x1d\x1f",
            false,
            sequence(&[
                sequence(&[relative]),
                sequence(&[full, tlv(0x81, b"\x01\x7e")]),
                sequence(&[tlv(0xa2, &text(0x86, PKI))]),
            ]),
        ),
        (
            "name-many",
            b"\x55\x1d\x11",
            false,
            sequence(&[many.concat(), address]),
        ),
        (
            "sia",
            b"\x2b\x06\x01\x05\x05\x07\x01\x0b",
            false,
            sequence(&[sequence(&[
                oid(b"\x2b\x06\x01\x05\x05\x07\x30\x05"),
                text(0x86, PKI),
            ])]),
        ),
        (
            "any-usage",
            b"\x55\x1d\x25",
            true,
            sequence(&[oid(b"\x55\x1d\x25\x00")]),
        ),
    ];
    extensions
        .into_iter()
        .map(|(name, oid, critical, content)| {
            let signed = with_extension(signed, oid, critical, &content);
            (name, signed.expect("the seed has extensions"))
        })
        .collect()
}

fn lists(corpus: &Corpus, fixture: &Fixture) {
    let Fixture { community, leaf } = fixture;
    let issuer = community.intermediate();
    let put = |name: &str, der: &[u8]| corpus.put("crl", name, der);
    put("root", &community.crl(community.root()).build());
    put("empty", &community.crl(issuer).build());
    put(
        "revoked",
        &community.crl(issuer).revoke(leaf.serial()).build(),
    );
    put(
        "hold",
        &community
            .crl(issuer)
            .revoke(&[1])
            .revoke(&[0x7f; 20])
            .on_hold()
            .build(),
    );
    let many = (1..=100_u8).fold(community.crl(issuer), |list, serial| {
        list.revoke(&[serial, 7])
    });
    let many = many.build();
    put("many", &many);
    let pem = format!(
        "-----BEGIN X509 CRL-----\n{}\n-----END X509 CRL-----\n",
        x5c_entry(&many)
    );
    put("pem", pem.as_bytes());
    let signed = signed_part(&many);
    for (name, content) in scopes() {
        let odd = with_extension(&signed, b"\x55\x1d\x1c", true, &content);
        put(
            name,
            &world().by_intermediate(&odd.expect("it has extensions")),
        );
    }
    let delta = with_extension(&signed, b"\x55\x1d\x1b", true, &[2, 1, 1]);
    put(
        "delta",
        &world().by_intermediate(&delta.expect("it has extensions")),
    );
}

/// issuingDistributionPoint in its kinds.
fn scopes() -> [(&'static str, Vec<u8>); 6] {
    let url = tlv(0x86, format!("{PKI}intermediate.crl").as_bytes());
    let point = tlv(0xa0, &tlv(0xa0, &url));
    [
        ("point", tlv(0x30, &point)),
        ("only-users", tlv(0x30, b"\x81\x01\xff")),
        ("only-cas", tlv(0x30, b"\x82\x01\xff")),
        ("some-reasons", tlv(0x30, b"\x83\x02\x01\x7e")),
        (
            "indirect",
            tlv(0x30, &[&point[..], b"\x84\x01\xff"].concat()),
        ),
        ("only-attributes", tlv(0x30, b"\x85\x01\xff")),
    ]
}

fn signed_part(der: &[u8]) -> Vec<u8> {
    der::signed_part(der).expect("a signed part").to_vec()
}

fn paths(corpus: &Corpus, world: &World) {
    let put = |name: &str, parts: &[Vec<u8>]| {
        let parts: Vec<Vec<u8>> = parts.iter().map(|part| world.mark(part)).collect();
        corpus.put("path", name, parts.concat());
    };
    let (leaf, issuer) = (
        world.client.tbs().to_vec(),
        world.intermediate.tbs().to_vec(),
    );
    put("leaf", std::slice::from_ref(&leaf));
    put("two", &[leaf.clone(), issuer.clone()]);
    put(
        "root-too",
        &[
            leaf.clone(),
            issuer.clone(),
            issuer.clone(),
            world.root.tbs().to_vec(),
        ],
    );
    for (name, odd) in odd_signed_parts(&leaf) {
        put(&format!("leaf-{name}"), &[odd, issuer.clone()]);
    }
    for (name, odd) in odd_signed_parts(&issuer) {
        put(&format!("issuer-{name}"), &[leaf.clone(), odd]);
    }
    // Paths through CAs of their own, which here have the issuing CA's key.
    for flaw in [
        LeafFlaw::NameConstraintViolation,
        LeafFlaw::PathLengthExceeded,
        LeafFlaw::IntermediateNotCa,
        LeafFlaw::IntermediateWithoutKeyCertSign,
        LeafFlaw::IntermediateExpired,
        LeafFlaw::UnknownCriticalExtension,
        LeafFlaw::DuplicateExtension,
        LeafFlaw::NoDigitalSignature,
    ] {
        let leaf = world
            .community
            .leaf(APP)
            .key_kind(KeyKind::P256)
            .flaw(flaw)
            .build();
        let mut parts = vec![signed_part(leaf.der())];
        for der in leaf.intermediates().iter().rev() {
            parts.push(with_issuing_key(world, der));
        }
        put(flaw.name(), &parts);
    }
}

fn with_issuing_key(world: &World, der: &[u8]) -> Vec<u8> {
    let point = |certificate: &Certificate| {
        let spki = certificate.key().expect("P-256").spki();
        spki[spki.len() - 64..].to_vec()
    };
    let own = Certificate::from_der(der).expect("DER");
    replace(own.tbs(), &point(&own), &point(&world.intermediate))
}

fn revocations(corpus: &Corpus, world: &World) {
    let community = &world.community;
    let root = signed_part(&community.crl(community.root()).build());
    let list = || community.crl(community.intermediate());
    let put = |name: &str, lists: &[Vec<u8>]| {
        let lists: Vec<Vec<u8>> = lists.iter().map(|list| world.mark(list)).collect();
        corpus.put("revocation", name, lists.concat());
    };
    let good = signed_part(&list().build());
    let revoked = signed_part(&list().revoke(world.leaf.serial()).build());
    let hold = signed_part(&list().revoke(world.leaf.serial()).on_hold().build());
    let hour = time::Duration::hours(1);
    let old = signed_part(
        &list()
            .this_update(NOW - 9 * hour)
            .next_update(NOW - hour)
            .build(),
    );
    put("good", &[good.clone(), root.clone()]);
    put("revoked", &[revoked.clone(), root.clone()]);
    put("hold", &[hold, root.clone()]);
    put("old", &[old.clone(), root.clone()]);
    put("alone", std::slice::from_ref(&good));
    put(
        "four",
        &[
            good.clone(),
            root.clone(),
            revoked,
            root.clone(),
            old,
            root.clone(),
        ],
    );
    let by_root = community
        .crl(community.root())
        .revoke(world.community.intermediate().serial());
    put(
        "issuer-revoked",
        &[good.clone(), signed_part(&by_root.build())],
    );
    for (name, content) in scopes() {
        let odd = with_extension(&good, b"\x55\x1d\x1c", true, &content);
        put(name, &[odd.expect("it has extensions"), root.clone()]);
    }
}

fn claims(corpus: &Corpus) {
    let world = world();
    let of = |statement: &StatementBuilder| -> Map<String, Value> {
        let (_, claims) = jws::peek(&statement.build()).expect("a good token");
        claims
    };
    let put = |name: &str, claims: &Map<String, Value>| {
        corpus.put("claims", name, serde_json::to_vec(claims).expect("JSON"));
    };
    let good = || world.leaf.statement(ENDPOINT, NOW);
    let code = || good().authorization_code().emr_direct();
    put("client-credentials", &of(&good()));
    put("authorization-code", &of(&code()));
    for (name, claim, value) in [
        ("no-refresh", "grant_types", json!(["authorization_code"])),
        (
            "both-grants",
            "grant_types",
            json!(["authorization_code", "client_credentials"]),
        ),
        ("response-types", "response_types", json!(["code", "token"])),
        (
            "redirect-uris",
            "redirect_uris",
            json!(["https://app.example.org/a", "https://app.example.org/b?c=d"]),
        ),
        (
            "custom-scheme",
            "redirect_uris",
            json!(["org.example.app:/cb", "http://localhost:8080/"]),
        ),
        (
            "contacts",
            "contacts",
            json!([
                "mailto:a%40b@example.org,c@example.net?subject=x",
                "tel:+1-201-555-0123",
                "https://example.org/"
            ]),
        ),
        ("name", "client_name", json!("病院 \u{202e}\u{0}")),
        (
            "logo",
            "logo_uri",
            json!("https://app.example.org/a.svg?b=.png"),
        ),
        (
            "scope",
            "scope",
            json!("openid  patient/*.rs user/Patient.cruds launch udap a\"b"),
        ),
        (
            "launch",
            "initiate_login_uri",
            json!("https://app.example.org/launch"),
        ),
        (
            "logout",
            "post_logout_redirect_uris",
            json!(["https://app.example.org/bye"]),
        ),
        (
            "auth-method",
            "token_endpoint_auth_method",
            json!("client_secret_basic"),
        ),
        ("keys", "jwks", json!({"keys": []})),
    ] {
        put(name, &of(&code().claim(claim, value)));
    }
    put(
        "host-contact",
        &of(&code().claim("contacts", json!(["mailto:ops@app.example.org"]))),
    );
}

fn texts(corpus: &Corpus) {
    for (name, lines) in [
        (
            "https",
            "https://app.example.org/cb\nhttps://APP.example.org:8443/cb?x=%2F\nhttps://example.org\n",
        ),
        (
            "hosts",
            "https://[::1]/\nhttps://127.1/\nhttps://0x7f000001/\nhttps://a.localhost/\nhttps://b\u{fc}cher.example/\nhttps://xn--bcher-kva.de/\nhttps://app.example.org./\n",
        ),
        (
            "users",
            "https://user:pass@app.example.org/\nhttps://app.example.org\\@evil.example/\nhttps://app.example.org%40evil.example/\n",
        ),
        (
            "schemes",
            "http://app.example.org/\napp:/cb\njavascript:alert(1)\ndata:text/html,x\nHTTPS://app.example.org/\nhttps:app.example.org\n",
        ),
        (
            "ends",
            "https://app.example.org/*\nhttps://app.example.org/#\nhttps://app.example.org/a|b\nhttps://app.example.org/%zz\n",
        ),
        (
            "logos",
            "https://app.example.org/logo.png\nhttps://app.example.org/logo.JPEG?x\nhttps://app.example.org/logo.svg\nhttps://app.example.org/a.gif;b\n",
        ),
        (
            "mailto",
            "mailto:ops@example.org\nmailto:a%40b@example.org,c@example.net\nmailto:?to=ops@example.org&cc=x@example.org\nMAILTO:ops@b%C3%BCcher.example\n",
        ),
        (
            "mailto-odd",
            "mailto:%22a%20b%22@example.org\nmailto:a@[127.0.0.1]\nmailto:a@b..c\nmailto:@\nmailto:\nmailto:a@example.org%00\n",
        ),
        (
            "others",
            "tel:+1-201-555-0123\nurn:oid:2.999\nhttps://example.org/contact\n",
        ),
    ] {
        corpus.put("uris", name, lines);
    }
    for (name, lines) in [
        (
            "app",
            "openid fhirUser launch/patient offline_access patient/Patient.read",
        ),
        (
            "service",
            "system/Patient.read system/Observation.rs\nsystem/*.read",
        ),
        (
            "wildcards",
            "patient/*.* user/*.cruds system/*.rs\npatient/*.rs\nuser/Patient.*\nsystem/*.write",
        ),
        (
            "refined",
            "patient/Observation.rs?category=http://example.org/codes|laboratory\npatient/Observation.rs",
        ),
        (
            "operations",
            "system/*.$export system/Patient.$export\nsystem/*.$export",
        ),
        (
            "named",
            "user/patient.crus launch api:oemr api:port user/Patient.write\nuser/*.cruds\nlaunch\napi:oemr",
        ),
        (
            "odd",
            "udap  a\"b system/*.read?x=1 system/Pat*.r user/Patient.sr openid openid :a /b\n*\nsystem/*\n",
        ),
    ] {
        corpus.put("scope", name, lines);
    }
}
