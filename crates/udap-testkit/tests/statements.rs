//! Good statements verify with another library; the odd ones are odd as said.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use josekit::jws::{self, ES256, ES384, ES512, HS256, JwsVerifier, RS256, RS384};
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::datetime};
use udap_testkit::{
    CertificationBuilder, KeyKind, SigningAlgorithm, TestCommunity, TestKey, TestLeaf, request_body,
};

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
const URI: &str = "https://app.example.org/udap";
const AUDIENCE: &str = "https://emr.example.org/udap/default/register";

fn leaf(kind: KeyKind) -> TestLeaf {
    TestCommunity::new("statements", NOW)
        .leaf(URI)
        .key_kind(kind)
        .build()
}

fn part(token: &str, index: usize) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD
        .decode(token.split('.').nth(index).unwrap())
        .unwrap()
}

fn json_part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&part(token, index)).unwrap()
}

#[test]
fn every_real_algorithm_verifies_with_josekit() {
    type Make = fn(&[u8]) -> Box<dyn JwsVerifier>;
    let cases: [(KeyKind, SigningAlgorithm, Make); 5] = [
        (KeyKind::Rsa2048, SigningAlgorithm::Rs256, |k| {
            Box::new(RS256.verifier_from_der(k).unwrap())
        }),
        (KeyKind::Rsa2048, SigningAlgorithm::Rs384, |k| {
            Box::new(RS384.verifier_from_der(k).unwrap())
        }),
        (KeyKind::P256, SigningAlgorithm::Es256, |k| {
            Box::new(ES256.verifier_from_der(k).unwrap())
        }),
        (KeyKind::P384, SigningAlgorithm::Es384, |k| {
            Box::new(ES384.verifier_from_der(k).unwrap())
        }),
        (KeyKind::P521, SigningAlgorithm::Es512, |k| {
            Box::new(ES512.verifier_from_der(k).unwrap())
        }),
    ];
    for (kind, algorithm, verifier) in cases {
        let leaf = leaf(kind);
        let token = leaf.statement(AUDIENCE, NOW).algorithm(algorithm).build();
        let verifier = verifier(leaf.key().spki_der());
        let (payload, header) = jws::deserialize_compact(&token, &*verifier).unwrap();
        assert_eq!(payload, part(&token, 1));
        assert_eq!(header.x509_certificate_chain().unwrap()[0], leaf.der());
    }
}

#[test]
fn the_default_is_a_whole_client_credentials_statement() {
    let leaf = leaf(KeyKind::P256);
    let token = leaf.statement(AUDIENCE, NOW).build();
    let header = json_part(&token, 0);
    assert_eq!(header["alg"], "ES256", "fits the key");
    assert_eq!(header["x5c"], json!(leaf.x5c()));
    let claims = json_part(&token, 1);
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!(URI), &json!(URI)));
    assert_eq!(claims["aud"], AUDIENCE);
    assert_eq!(claims["iat"], NOW.unix_timestamp());
    assert_eq!(claims["exp"], NOW.unix_timestamp() + 300);
    assert_eq!(claims["grant_types"], json!(["client_credentials"]));
    assert!(claims.get("redirect_uris").is_none());
    let again = json_part(&leaf.statement(AUDIENCE, NOW).build(), 1);
    assert_ne!(claims["jti"], again["jti"]);

    let code = json_part(
        &leaf.statement(AUDIENCE, NOW).authorization_code().build(),
        1,
    );
    assert_eq!(code["response_types"], json!(["code"]));
    assert!(code["redirect_uris"].is_array() && code["logo_uri"].is_string());
}

#[test]
fn odd_signatures_are_what_they_say() {
    let leaf = leaf(KeyKind::Rsa2048);
    let verifier = RS256.verifier_from_der(leaf.key().spki_der()).unwrap();

    let foreign = TestKey::generate(KeyKind::Rsa2048);
    let token = leaf.statement(AUDIENCE, NOW).sign_with(&foreign).build();
    assert!(jws::deserialize_compact(&token, &verifier).is_err());
    let theirs = RS256.verifier_from_der(foreign.spki_der()).unwrap();
    jws::deserialize_compact(&token, &theirs).unwrap();

    let none = leaf
        .statement(AUDIENCE, NOW)
        .algorithm(SigningAlgorithm::None)
        .build();
    assert_eq!(json_part(&none, 0)["alg"], "none");
    assert!(none.ends_with('.'));

    let confused = leaf
        .statement(AUDIENCE, NOW)
        .algorithm(SigningAlgorithm::Hs256WithPublicKey);
    let secret = HS256.verifier_from_bytes(leaf.key().public_pem()).unwrap();
    jws::deserialize_compact(confused.build(), &secret).unwrap();

    let renamed = leaf.statement(AUDIENCE, NOW).header("alg", "ES256").build();
    assert_eq!(json_part(&renamed, 0)["alg"], "ES256");
    assert_eq!(part(&renamed, 2).len(), 256, "an RSA signature");
}

#[test]
fn any_part_can_be_replaced() {
    let leaf = leaf(KeyKind::P256);
    let builder = || leaf.statement(AUDIENCE, NOW);
    assert!(
        json_part(&builder().without("jti").build(), 1)
            .get("jti")
            .is_none()
    );
    assert!(
        json_part(&builder().without_header("x5c").build(), 0)
            .get("x5c")
            .is_none()
    );
    assert_eq!(json_part(&builder().claim("x", 1).build(), 1)["x"], 1);
    assert_eq!(part(&builder().raw_payload("{").build(), 1), b"{");
    assert_eq!(part(&builder().raw_header("[]").build(), 0), b"[]");

    let text = |bytes| String::from_utf8(bytes).unwrap();
    let twice = text(part(
        &builder()
            .duplicate_claim("iss", "https://evil.example.net")
            .build(),
        1,
    ));
    assert_eq!(twice.matches("\"iss\":").count(), 2);
    serde_json::from_str::<Value>(&twice).unwrap();
    let twice = text(part(&builder().duplicate_header("alg", "none").build(), 0));
    assert_eq!(twice.matches("\"alg\":").count(), 2);

    let body = builder().request();
    assert_eq!(
        body,
        request_body(body["software_statement"].as_str().unwrap())
    );
    assert_eq!(body["certifications"], json!([]));
}

#[test]
fn a_certification_is_signed_by_its_certifier_and_names_the_app() {
    let certifiers = TestCommunity::new("certifiers", NOW);
    let certifier = certifiers.leaf("https://certifier.example.org").build();
    let basic = "https://community.example.org/certifications/basic";
    let builder = certifier.certify(URI, basic, NOW);
    let token = builder.build();
    let verifier = RS256.verifier_from_der(certifier.key().spki_der()).unwrap();
    let (_, header) = jws::deserialize_compact(&token, &verifier).unwrap();
    assert_eq!(header.x509_certificate_chain().unwrap()[0], certifier.der());
    let claims = json_part(&token, 1);
    assert_eq!(claims["iss"], certifier.uri());
    assert_eq!(claims["sub"], URI);
    assert_eq!(claims["certification_uris"], json!([basic]));
    assert_eq!(claims["certification_issuer"], "Example Certifier");
    assert!(claims.get("aud").is_none());
    assert!(claims["exp"].as_i64().unwrap() <= certifier.not_after().unix_timestamp());

    let request = leaf(KeyKind::Rsa2048)
        .statement(AUDIENCE, NOW)
        .request_with(std::slice::from_ref(&token));
    assert_eq!(request["certifications"], json!([token]));
}

#[test]
fn a_self_signed_certification_names_its_signer_as_the_app() {
    let app = leaf(KeyKind::Rsa2048);
    let builder = CertificationBuilder::self_signed(&app, "https://example.org/seal", NOW);
    let claims = json_part(&builder.endorsement().build(), 1);
    assert_eq!(claims["iss"], claims["sub"]);
    assert_eq!(claims["is_endorsement"], true);
    assert!(claims.get("certification_issuer").is_none());
}
