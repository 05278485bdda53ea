//! Statements with one flaw each, signed by a good client.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    Error, KeyKind, SigningAlgorithm, StatementBuilder, TestCommunity, TestKey, TestLeaf,
    request_body,
};

const ISS: &[&str] = &["invalid_software_statement"];
const ICM: &[&str] = &["invalid_client_metadata"];
const IRU: &[&str] = &["invalid_redirect_uri"];
const ACCEPTED: &[&str] = &[];

/// What a case may build on.
pub(super) struct Context<'a> {
    pub(super) community: &'a TestCommunity,
    pub(super) leaf: &'a TestLeaf,
    pub(super) audience: &'a str,
    pub(super) now: OffsetDateTime,
    /// A good statement.
    pub(super) good: StatementBuilder,
}

impl Context<'_> {
    fn good(&self) -> StatementBuilder {
        self.good.clone()
    }

    fn seconds_from_now(&self, seconds: i64) -> i64 {
        self.now.unix_timestamp() + seconds
    }

    fn other_key(kind: KeyKind) -> Result<TestKey, Error> {
        TestKey::try_generate(kind)
    }
}

type Make = fn(&Context<'_>) -> Result<StatementBuilder, Error>;

/// A case that is about a statement, or about the request around it.
pub(super) struct StatementCase {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) requirements: &'static [&'static str],
    pub(super) errors: &'static [&'static str],
    make: Make,
    envelope: Option<fn(&mut Value)>,
}

impl StatementCase {
    pub(super) fn request(&self, context: &Context<'_>) -> Result<Value, Error> {
        let mut body = request_body(&(self.make)(context)?.try_build()?);
        if let Some(change) = self.envelope {
            change(&mut body);
        }
        Ok(body)
    }
}

const fn case(
    name: &'static str,
    requirements: &'static [&'static str],
    errors: &'static [&'static str],
    description: &'static str,
    make: Make,
) -> StatementCase {
    StatementCase {
        name,
        description,
        requirements,
        errors,
        make,
        envelope: None,
    }
}

const fn envelope_case(
    name: &'static str,
    requirements: &'static [&'static str],
    errors: &'static [&'static str],
    description: &'static str,
    envelope: fn(&mut Value),
) -> StatementCase {
    let make: Make = |c| Ok(c.good());
    StatementCase {
        name,
        description,
        requirements,
        errors,
        make,
        envelope: Some(envelope),
    }
}

#[rustfmt::skip]
pub(super) const STATEMENT_CASES: &[StatementCase] = &[
    // Good ones.
    case("authorization-code", &["B25", "B29", "B30"], ACCEPTED, "A good authorization_code app.",
        |c| Ok(c.good().authorization_code())),
    case("emr-direct", &["I01"], ACCEPTED, "All that EMR Direct's rules ask for.",
        |c| Ok(c.good().authorization_code().emr_direct())),
    case("aud-array", &["B13"], ACCEPTED, "aud is an array that holds our endpoint.",
        |c| Ok(c.good().claim("aud", json!([c.audience])))),
    case("x5c-leaf-only", &["C06"], ACCEPTED, "x5c holds the leaf only.",
        |c| Ok(c.good().x5c(c.leaf.x5c().into_iter().take(1).collect()))),
    case("x5c-with-root", &["C04"], ACCEPTED, "x5c holds the root too.",
        |c| Ok(c.good().x5c(with_root(c)))),
    case("unknown-claim", &["B07"], ACCEPTED, "A claim that nobody knows.",
        |c| Ok(c.good().claim("x_unknown", json!({"a": [1, 2]})))),
    // Signature and header.
    case("foreign-signature", &["C02"], ISS, "Signed with another key than the leaf's.",
        |c| Ok(c.good().sign_with(&Context::other_key(KeyKind::Rsa2048)?))),
    case("alg-none", &["A53"], ISS, "alg is none; no signature.",
        |c| Ok(c.good().algorithm(SigningAlgorithm::None))),
    case("alg-hs256-public-key", &["A53"], ISS, "HMAC with the public key as secret.",
        |c| Ok(c.good().algorithm(SigningAlgorithm::Hs256WithPublicKey))),
    case("alg-es256-over-rsa", &["A53"], ISS, "alg is ES256, the key is RSA.",
        |c| Ok(c.good().header("alg", "ES256"))),
    case("crit", &["A54"], ISS, "A critical header parameter is unknown.",
        |c| Ok(c.good().header("crit", json!(["x-unknown"])).header("x-unknown", true))),
    case("crit-empty", &["A54"], ISS, "crit is an empty array.",
        |c| Ok(c.good().header("crit", json!([])))),
    case("duplicate-header", &["B02"], ISS, "alg is there twice.",
        |c| Ok(c.good().duplicate_header("alg", "RS256"))),
    case("no-x5c", &["B10"], ISS, "No x5c.",
        |c| Ok(c.good().without_header("x5c"))),
    case("x5c-reversed", &["C02", "C03"], ISS, "x5c begins with the intermediate.",
        |c| Ok(c.good().x5c(c.leaf.x5c().into_iter().rev().collect()))),
    case("x5c-base64url", &["C03"], ISS, "x5c is base64url instead of base64.",
        |c| Ok(c.good().x5c(c.leaf.certificates().map(|der| BASE64_URL_SAFE_NO_PAD.encode(der)).collect()))),
    case("x5c-eleven", &["C04"], ISS, "x5c holds eleven certificates.",
        |c| Ok(c.good().x5c(c.leaf.x5c().into_iter().cycle().take(11).collect()))),
    // Standard claims.
    case("iss-not-in-san", &["B11", "C17"], ISS, "iss and sub are a URI that the leaf does not name.",
        |c| Ok(c.good().claim("iss", "https://other.example.org").claim("sub", "https://other.example.org"))),
    case("iss-trailing-slash", &["C18"], ISS, "iss and sub have a slash that the leaf's URI lacks.",
        |c| { let uri = format!("{}/", c.leaf.uri()); Ok(c.good().claim("iss", uri.clone()).claim("sub", uri)) }),
    case("sub-differs", &["B12"], ISS, "sub is not iss.",
        |c| Ok(c.good().claim("sub", "https://other.example.org"))),
    case("aud-wrong", &["B13"], ISS, "aud is another endpoint.",
        |c| Ok(c.good().claim("aud", "https://other.example.org/register"))),
    case("expired", &["B14"], ISS, "exp lies ten minutes back.",
        |c| Ok(c.good().claim("iat", c.seconds_from_now(-900)).claim("exp", c.seconds_from_now(-600)))),
    case("lifetime-301", &["B14"], ISS, "exp is 301 s after iat.",
        |c| Ok(c.good().claim("exp", c.seconds_from_now(301)))),
    case("iat-in-future", &["B15"], ISS, "iat lies ten minutes ahead.",
        |c| Ok(c.good().claim("iat", c.seconds_from_now(600)).claim("exp", c.seconds_from_now(900)))),
    case("times-as-text", &["B17"], ISS, "exp is text.",
        |c| Ok(c.good().claim("exp", c.seconds_from_now(300).to_string()))),
    case("no-jti", &["B16"], ISS, "No jti.",
        |c| Ok(c.good().without("jti"))),
    case("duplicate-claim", &["B02"], ISS, "scope is there twice.",
        |c| Ok(c.good().duplicate_claim("scope", "system/*.*"))),
    case("payload-not-json", &["E24"], ISS, "The payload is no JSON.",
        |c| Ok(c.good().raw_payload("payload"))),
    // Metadata.
    case("no-client-name", &["B20"], ICM, "No client_name.",
        |c| Ok(c.good().without("client_name"))),
    case("no-grant-types", &["B21", "D11"], ICM, "No grant_types.",
        |c| Ok(c.good().without("grant_types"))),
    case("grant-types-text", &["D11"], ICM, "grant_types is an empty text, not an array.",
        |c| Ok(c.good().claim("grant_types", ""))),
    case("both-grants", &["B22"], ICM, "authorization_code and client_credentials together.",
        |c| Ok(c.good().authorization_code().claim("grant_types", json!(["authorization_code", "client_credentials"])))),
    case("refresh-token-alone", &["B22", "B23"], ICM, "refresh_token alone.",
        |c| Ok(c.good().claim("grant_types", json!(["refresh_token"])))),
    case("password-grant", &["B21"], ICM, "The password grant.",
        |c| Ok(c.good().claim("grant_types", json!(["password"])))),
    case("redirect-uri-unasked", &["B25"], ICM, "A redirect URI with client_credentials.",
        |c| Ok(c.good().claim("redirect_uris", json!(["https://app.example.org/callback"])))),
    case("no-redirect-uri", &["B25"], ICM, "No redirect URI with authorization_code.",
        |c| Ok(c.good().authorization_code().without("redirect_uris"))),
    case("redirect-uri-http", &["B26"], IRU, "A redirect URI without TLS.",
        |c| Ok(c.good().authorization_code().claim("redirect_uris", json!(["http://app.example.org/callback"])))),
    case("redirect-uri-custom-scheme", &["B26"], IRU, "A redirect URI with a scheme of its own.",
        |c| Ok(c.good().authorization_code().claim("redirect_uris", json!(["org.example.app:/callback"])))),
    case("redirect-uri-fragment", &["B27"], IRU, "A redirect URI with a fragment.",
        |c| Ok(c.good().authorization_code().claim("redirect_uris", json!(["https://app.example.org/callback#a"])))),
    case("redirect-uri-user", &["B27"], IRU, "A redirect URI that names a user.",
        |c| Ok(c.good().authorization_code().claim("redirect_uris", json!(["https://app.example.org@evil.example.net/"])))),
    case("no-logo", &["B29"], ICM, "No logo with authorization_code.",
        |c| Ok(c.good().authorization_code().without("logo_uri"))),
    case("logo-http", &["B29"], ICM, "A logo without TLS.",
        |c| Ok(c.good().authorization_code().claim("logo_uri", "http://app.example.org/logo.png"))),
    case("logo-svg", &["B29"], ICM, "A logo in SVG.",
        |c| Ok(c.good().authorization_code().claim("logo_uri", "https://app.example.org/logo.svg"))),
    case("no-response-types", &["B30"], ICM, "No response_types with authorization_code.",
        |c| Ok(c.good().authorization_code().without("response_types"))),
    case("no-contacts", &["B28"], ICM, "No contacts.",
        |c| Ok(c.good().without("contacts"))),
    case("contacts-not-mailto", &["B28"], ICM, "No contact is a mailto URI.",
        |c| Ok(c.good().claim("contacts", json!(["https://app.example.org/contact"])))),
    case("client-secret-basic", &["B31"], ICM, "Another authentication method.",
        |c| Ok(c.good().claim("token_endpoint_auth_method", "client_secret_basic"))),
    case("no-scope", &["B32"], ICM, "No scope.",
        |c| Ok(c.good().without("scope"))),
    // The envelope.
    envelope_case("no-udap", &["B04"], ICM, "The request lacks udap.",
        |body| remove(body, "udap")),
    envelope_case("udap-2", &["B04"], ICM, "The request's udap is \"2\".",
        |body| set(body, "udap", json!("2"))),
    envelope_case("udap-number", &["B04"], ICM, "The request's udap is a number.",
        |body| set(body, "udap", json!(1))),
    envelope_case("no-software-statement", &["B03"], ISS, "The request lacks the statement.",
        |body| remove(body, "software_statement")),
    envelope_case("top-level-metadata", &["B06"], ACCEPTED, "Metadata outside the statement is ignored.",
        |body| set(body, "redirect_uris", json!(["http://evil.example.net/"]))),
];

fn with_root(context: &Context<'_>) -> Vec<String> {
    use base64::prelude::BASE64_STANDARD;
    let mut certificates = context.leaf.x5c();
    certificates.push(BASE64_STANDARD.encode(context.community.root().der()));
    certificates
}

fn set(body: &mut Value, name: &str, value: Value) {
    if let Some(object) = body.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

fn remove(body: &mut Value, name: &str) {
    if let Some(object) = body.as_object_mut() {
        object.remove(name);
    }
}
