//! `udap token`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::ran::{Place, is_private};
use crate::server::Server;

const IDENTITY: &str = "--anchors root.pem --cert app.pem --key app.key --client-id the-id";
const B2B: &str = "--organization-id https://hospital.example.org --purpose-of-use \
                   urn:oid:2.16.840.1.113883.5.8#TREAT";

fn good() -> Value {
    json!({"access_token": "secret-token", "token_type": "Bearer", "expires_in": 300,
           "scope": "system/Patient.read"})
}

/// Proves: G02, G03, G13
#[test]
fn a_service_gets_a_token_and_says_what_for() {
    let server = Server::start();
    let place = server.place();
    server.answer_token(200, good());
    let base = &server.base_url;
    let line = format!("token --server {base} {IDENTITY} {B2B} --scope system/Patient.read");
    let told = place.run(&line).good();
    assert!(told.out.contains("secret-token"), "{told:?}");
    let form = &server.forms()[0];
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["scope"], "system/Patient.read");
    let (_, claims) = udap::jws::peek(&form["client_assertion"]).unwrap();
    assert_eq!(claims["iss"], "the-id");
    assert_eq!(claims["aud"], format!("{}/token", server.address()));
    let extension = json!({
        "version": "1",
        "organization_id": "https://hospital.example.org",
        "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
    });
    assert_eq!(claims["extensions"], json!({"hl7-b2b": extension}));

    // From a file, under its name or without, with one member changed.
    place.write("b2b.json", json!({"hl7-b2b": extension}).to_string());
    let line = format!("token --server {base} {IDENTITY} --b2b b2b.json --subject-name Ann --json");
    assert_eq!(place.run(&line).good().json()["answer"], good());
    let (_, claims) = udap::jws::peek(&server.forms()[1]["client_assertion"]).unwrap();
    assert_eq!(claims["extensions"]["hl7-b2b"]["subject_name"], "Ann");
    assert!(!server.forms()[1].contains_key("scope"));

    let line = format!("token --server {base} {IDENTITY} {B2B} --out token.json");
    let told = place.run(&line).good();
    assert!(!told.out.contains("secret-token"));
    assert!(place.read("token.json").contains("secret-token"));
    assert!(is_private(&place.path("token.json")));
    // A file is never written over.
    place.run(&line).refused();
}

#[test]
fn what_does_not_fit_is_told_before_anything_is_sent() {
    let server = Server::start();
    let place = server.place();
    let base = &server.base_url;
    let with = |more: &str| place.run(&format!("token --server {base} {IDENTITY} {more}"));
    for more in [
        "--redirect-uri https://app.example.org/cb",
        "--for authorization_code --organization-id https://a.example.org",
        "--for refresh_token",
        "--refresh-token-file token.json",
        "--for password",
    ] {
        with(more).misused();
    }
    let refused = with("--organization-id none").refused();
    assert!(refused.err.contains("organization_id") && refused.err.contains("purpose_of_use"));
    let refused = place.run(&format!(
        "token --server {base} --anchors stranger.pem --cert app.pem --key app.key --client-id a"
    ));
    assert!(refused.refused().err.contains("not to be believed"));
    assert!(server.forms().is_empty());
}

#[test]
fn a_refusal_says_what_to_do() {
    let server = Server::start();
    let place = server.place();
    server.answer_token(
        401,
        json!({"error": "invalid_client", "error_description": "the certificate was revoked"}),
    );
    let line = format!("token --server {} {IDENTITY} {B2B}", server.base_url);
    let refused = place.run(&line).refused();
    assert!(
        refused.err.contains("the certificate was revoked"),
        "{refused:?}"
    );
    assert!(refused.err.contains("udap verify"));
    let told = place.run(&format!("{line} --json")).refused().json();
    assert_eq!(told["error"], "invalid_client");
    server.answer_token(200, json!({"token_type": "Bearer"}));
    let broken = place.run(&line).refused();
    assert!(broken.err.contains("without an access_token"), "{broken:?}");
}

/// Proves: G02, G19
#[test]
fn a_user_is_sent_to_agree_and_the_code_is_redeemed() {
    let server = Server::start();
    let place = server.place();
    server.answer_token(200, good());
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port();
    let redirect_uri = format!("http://127.0.0.1:{port}/callback");
    let mut child = start(
        &place,
        &format!(
            "token --endpoint {0}/token --cert app.pem --key app.key --client-id the-id \
             --for authorization_code --authorization-endpoint {0}/authorize \
             --redirect-uri {redirect_uri} --scope openid patient/Patient.read --parameter launch=abc",
            server.address()
        ),
    );
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = lines
        .map(Result::unwrap)
        .find_map(|line| url::Url::parse(line.trim()).ok())
        .unwrap();
    let value = |name: &str| {
        let found = address.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned()).unwrap()
    };
    assert_eq!(address.path(), "/authorize");
    assert_eq!(value("client_id"), "the-id");
    assert_eq!(value("scope"), "openid patient/Patient.read");
    assert_eq!(value("launch"), "abc");
    assert_eq!(value("code_challenge_method"), "S256");
    let page = get(&format!(
        "{redirect_uri}?code=the-code&state={}",
        value("state")
    ));
    assert!(page.contains("close this page"), "{page}");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let form = &server.forms()[0];
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code"], "the-code");
    assert_eq!(form["redirect_uri"], redirect_uri);
    // The verifier is that of the challenge.
    assert_eq!(challenge(&form["code_verifier"]), value("code_challenge"));
    assert!(!form.contains_key("scope"));
}

/// Proves: G19
#[test]
fn elsewhere_the_address_is_pasted_and_must_answer_this_request() {
    let server = Server::start();
    let place = server.place();
    server.answer_token(200, good());
    let line = format!(
        "token --endpoint {0}/token --cert app.pem --key app.key --client-id the-id \
         --for authorization_code --authorization-endpoint {0}/authorize \
         --redirect-uri https://app.example.org/cb",
        server.address()
    );
    let pasted = |text: &str| place.run_with_input(line.split_whitespace(), text.as_bytes());
    for text in [
        "",
        "nonsense\n",
        "https://app.example.org/cb?code=a&state=guessed\n",
        "https://evil.example.net/cb?code=a\n",
    ] {
        pasted(text).refused();
    }
    assert!(server.forms().is_empty());
}

/// Proves: G22
#[test]
fn a_refresh_token_is_taken_from_the_file_that_was_written() {
    let server = Server::start();
    let place = server.place();
    server.answer_token(200, good());
    let mut kept = good();
    kept["refresh_token"] = json!("secret-refresh");
    place.write_private("kept.json", kept.to_string());
    place.write_private("bare", "secret-refresh\n");
    let line = |file: &str| {
        let base = &server.base_url;
        format!("token --server {base} {IDENTITY} --for refresh_token --refresh-token-file {file}")
    };
    for file in ["kept.json", "bare"] {
        place.run(&line(file)).good();
    }
    assert!(
        server
            .forms()
            .iter()
            .all(|form| form["refresh_token"] == "secret-refresh")
    );
    place.write("none.json", good().to_string());
    place.run(&line("none.json")).refused();
}

fn start(place: &Place, line: &str) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_udap"))
        .args(line.split_whitespace())
        .current_dir(place.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn get(url: &str) -> String {
    use std::io::{Read, Write};
    let url = url::Url::parse(url).unwrap();
    let address = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let target = &url[url::Position::BeforePath..];
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

fn challenge(verifier: &str) -> String {
    use base64::Engine;
    use sha2::Digest;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(verifier))
}
