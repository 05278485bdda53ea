//! Any payload of a client assertion under a registered app's good signature, with what follows a
//! line break as more of the form: nothing is authorized beyond what is registered.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use udap::registrar::TokenStep;
use udap::rules::{LinkChecks, Profile};
use udap::token::{AuthorizedRequest, TokenClient, TokenGrant};
use udap::trust::{Fetched, RevocationMode};
use udap_fuzz::desk::Desk;
use udap_fuzz::world::{APP, NOW, world};
use url::form_urlencoded::Serializer;

const ID: &str = "id";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const SCOPES: [&str; 4] = [
    "system/Patient.read",
    "system/Observation.rs",
    "patient/Patient.read",
    "offline_access",
];

static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let trust = world().trust(RevocationMode::Required, true);
    Desk::new(trust, Profile::Hl7, LinkChecks::Off, world().crls())
});

fuzz_target!(|data: &[u8]| {
    let (payload, more) = match data.iter().position(|octet| *octet == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &b"grant_type=client_credentials"[..]),
    };
    let header = world().header().to_string();
    let mut form = Serializer::new(String::new());
    form.append_pair("udap", "1")
        .append_pair("client_assertion_type", ASSERTION_TYPE)
        .append_pair(
            "client_assertion",
            &world().token(header.as_bytes(), payload),
        );
    let body = [form.finish().as_bytes(), b"&", more].concat();
    let mut step = DESK.registrar.start_token(&DESK.site, &body, NOW);
    for _ in 0..16 {
        step = match step {
            TokenStep::NeedClient(need) => {
                let client = (need.client_id() == ID).then(client);
                need.supply(&DESK.registrar, client, &DESK.crls, NOW)
            }
            TokenStep::NeedTrust(need) => {
                need.supply(&DESK.registrar, Fetched::default(), &DESK.crls, NOW)
            }
            TokenStep::Authorized(request) => return authorized(&request),
            TokenStep::Refused(refusal) | TokenStep::Revoked(refusal, _) => {
                let allowed = |octet: u8| matches!(octet, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
                assert!(refusal.description().bytes().all(allowed));
                assert!(matches!(refusal.code().status(), 400 | 401 | 503));
                return;
            }
        };
    }
    panic!("a token request comes to no end");
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    udap_fuzz::json::mutate(data, size, max_size, seed, fuzzer_mutate)
});

fn client() -> TokenClient {
    TokenClient {
        client_id: ID.to_owned(),
        site: "default".to_owned(),
        community_uri: "https://community.example.net/udap".to_owned(),
        client_uri: APP.to_owned(),
        grant_types: ["client_credentials", "authorization_code", "refresh_token"]
            .map(str::to_owned)
            .to_vec(),
        redirect_uris: vec!["https://app.example.org/callback".to_owned()],
        scopes: SCOPES.map(str::to_owned).to_vec(),
        certificate: world().client.clone(),
    }
}

fn authorized(request: &AuthorizedRequest) {
    assert_eq!(request.client().client_id, ID);
    assert!(!request.jti().is_empty());
    for scope in request.scopes().unwrap_or_default() {
        assert!(SCOPES.contains(&scope.as_str()));
    }
    let is_service = matches!(request.grant(), TokenGrant::ClientCredentials);
    assert_eq!(is_service, request.extension().is_some());
    assert!(!is_service || request.scopes().is_some());
}
