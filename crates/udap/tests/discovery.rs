//! Server metadata, judged as a client would.

mod support;

use serde_json::{Map, Value, json};
use support::{NOW, World, community, crl_store};
use time::Duration;
use udap::algorithm::Algorithm;
use udap::certificate::Certificate;
use udap::certification::{Certifiers, RecognisedCertification};
use udap::discovery::{MetadataError, MetadataSigner, SignedMetadata};
use udap::jws::{self, Signer};
use udap::site::TokenMode;
use udap_testkit::{TestCommunity, TestLeaf};

const BASE: &str = "https://emr.example.org/apis/default/fhir";

fn signer(leaf: &TestLeaf, lifetime: Duration) -> MetadataSigner {
    let chain = Certificate::from_pem_bundle(leaf.chain_pem().as_bytes()).unwrap();
    let signer = Signer::from_pem(Algorithm::Rs256, leaf.key().pem().as_bytes(), &chain).unwrap();
    MetadataSigner::new(signer, chain[0].clone(), lifetime)
}

fn sign(world: &World, leaf: &TestLeaf) -> Result<SignedMetadata, MetadataError> {
    let community = &world.registrar.communities()[0];
    signer(leaf, Duration::hours(24)).sign(&world.registrar, &world.site, community, "jti-1", NOW)
}

fn claims(document: &Map<String, Value>) -> (Map<String, Value>, jws::VerifiedJws) {
    let token = document["signed_metadata"].as_str().unwrap();
    let verified = jws::verify(token, &[Algorithm::Rs256]).unwrap();
    (verified.payload().clone(), verified)
}

/// Proves: A03, A08, A09, A10, A11, A12, A13, A14, A15, A16, A17, A18, A19, A20, A21, A22, A23, A24
#[test]
fn a_gateway_site_shows_all_members() {
    let of = TestCommunity::new("example", NOW);
    let world = World::new(&of);
    let mut document = sign(&world, &of.server(BASE)).unwrap().document;
    document.insert("signed_metadata".to_owned(), json!("…"));
    insta::assert_json_snapshot!(document);
}

/// Proves: A07, A10, A12, A21
#[test]
fn a_direct_site_lists_rs384_for_tokens_and_no_extension() {
    let of = TestCommunity::new("example", NOW);
    let world = World::with(TokenMode::Direct, vec![community(&of)], crl_store(&[&of]));
    let mut document = sign(&world, &of.server(BASE)).unwrap().document;
    document.insert("signed_metadata".to_owned(), json!("…"));
    insta::assert_json_snapshot!(document);
}

/// Proves: A26, A27, A28, A29, A30, A31, A32, A33, A41, A44
#[test]
fn signed_metadata_is_what_clients_check() {
    let of = TestCommunity::new("example", NOW);
    let world = World::new(&of);
    let signed = sign(&world, &of.server(BASE)).unwrap();
    let (claims, verified) = claims(&signed.document);
    assert_eq!(verified.algorithm(), Algorithm::Rs256);
    assert!(verified.x5c().leaf().uri_names().contains(&BASE.to_owned()));
    assert_eq!(
        verified.x5c().others().len(),
        1,
        "leaf and intermediate, no root"
    );
    assert_eq!(claims["iss"], BASE);
    assert_eq!(claims["sub"], BASE);
    assert_eq!(claims["jti"], "jti-1");
    let (iat, exp) = (
        claims["iat"].as_i64().unwrap(),
        claims["exp"].as_i64().unwrap(),
    );
    assert_eq!(iat, NOW.unix_timestamp() - 60);
    assert_eq!(exp - iat, 24 * 3600);
    assert_eq!(signed.expires_at.unix_timestamp(), exp);
    assert_eq!(signed.renew_at, NOW + (signed.expires_at - NOW) / 2);
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "registration_endpoint",
    ] {
        assert_eq!(claims[endpoint], signed.document[endpoint], "{endpoint}");
    }
}

/// Proves: A16, A18
#[test]
fn without_an_authorization_endpoint_codes_are_not_offered() {
    let of = TestCommunity::new("example", NOW);
    let mut site = support::site(TokenMode::Gateway);
    site.authorization_endpoint = None;
    let registrar = udap::registrar::Registrar::new(
        vec![site],
        vec![community(&of)],
        std::sync::Arc::new(udap::trust::CertvalJudge::new()),
        Duration::seconds(60),
    )
    .unwrap();
    let document = signer(&of.server(BASE), Duration::hours(1))
        .sign(
            &registrar,
            &registrar.sites()[0],
            &registrar.communities()[0],
            "j",
            NOW,
        )
        .unwrap()
        .document;
    assert_eq!(
        document["grant_types_supported"],
        json!(["client_credentials"])
    );
    assert!(!document.contains_key("authorization_endpoint"));
    assert_eq!(
        document["udap_authorization_extensions_required"],
        json!(["hl7-b2b"])
    );
    assert!(!claims(&document).0.contains_key("authorization_endpoint"));
    let scopes = document["scopes_supported"].to_string();
    assert!(scopes.contains("system/Patient.read") && !scopes.contains("patient/"));
}

/// Proves: A14, A15, A36, F03
#[test]
fn certifications_are_listed_per_community() {
    let of = TestCommunity::new("example", NOW);
    let mut configured = community(&of);
    configured.certifications = ["basic", "extra"]
        .map(|name| RecognisedCertification {
            uri: format!("https://example.net/{name}"),
            required: name == "basic",
            certifiers: Certifiers::App,
        })
        .to_vec();
    let world = World::with(TokenMode::Gateway, vec![configured], crl_store(&[&of]));
    let document = sign(&world, &of.server(BASE)).unwrap().document;
    assert_eq!(
        document["udap_certifications_supported"],
        json!(["https://example.net/basic", "https://example.net/extra"])
    );
    assert_eq!(
        document["udap_certifications_required"],
        json!(["https://example.net/basic"])
    );
}

/// Proves: A28, A32
#[test]
fn a_certificate_that_cannot_speak_for_the_site_does_not() {
    let of = TestCommunity::new("example", NOW);
    let world = World::new(&of);
    let foreign = of.server("https://emr.example.org/apis/default/fhir/");
    assert_eq!(sign(&world, &foreign).unwrap_err(), MetadataError::NotNamed);
    let expired = of
        .leaf(BASE)
        .server()
        .validity(NOW - Duration::days(2), NOW - Duration::days(1))
        .build();
    assert_eq!(sign(&world, &expired).unwrap_err(), MetadataError::Expired);
    let short = of
        .leaf(BASE)
        .server()
        .validity(NOW - Duration::days(2), NOW + Duration::hours(2))
        .build();
    assert_eq!(
        sign(&world, &short).unwrap().expires_at,
        NOW + Duration::hours(2)
    );
}
