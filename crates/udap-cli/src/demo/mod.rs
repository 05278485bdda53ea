//! The demonstration: a community, a server and an app, with the same code as everything else.

mod place;
mod row;

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;
use udap_client::{Client, ClientOptions, Identity, Registered, StatementRequest, Trust};

use crate::commands::stop_signal;
use crate::config::Config;
use crate::serve::Server;
use crate::{environment, material};

use place::{NO_ENVIRONMENT, Place};

/// What the demo's app asks for.
const APP_NAME: &str = "Demo App";
const APP_CONTACT: &str = "mailto:ops@app.example.org";
const APP_SCOPE: &str = "system/Patient.read system/Observation.read";

/// Runs the demonstration.
///
/// # Errors
/// If the folder holds something else, the port is taken, or a step fails.
pub(crate) async fn run(folder: &Path, port: u16, once: bool) -> anyhow::Result<()> {
    let place = Place::new(folder, port);
    step(
        1,
        "A trust community: its certificate authority, a server and an app",
    );
    place.prepare()?;

    step(
        2,
        "The server: discovery and registration on the embedded store",
    );
    let config = Config::load(&place.configuration(), NO_ENVIRONMENT)?;
    let server = Server::start(&config).await.with_context(|| {
        format!("the server does not start; if port {port} is taken, choose another with --port")
    })?;
    say(format!("serving {}", place.base_url()));
    say(format!(
        "its metadata: {}/.well-known/udap",
        place.base_url()
    ));

    step(
        3,
        "The app asks the server what it offers, and checks who says so",
    );
    let client = Client::new(&ClientOptions::default())?;
    let discovery = client.discover(&place.base_url(), None).await?;
    let trust = Trust::new(place.trust_policy()?, material::crls(&place.crls())?);
    let verified = discovery.verify(&trust, environment::now())?;
    say("signed_metadata: signature, certificate path, revocation, names and endpoints are right");
    say(format!(
        "valid until {}",
        crate::output::timestamp(verified.expires_at())
    ));
    let endpoint = discovery.registration_endpoint()?;
    say(format!("registration_endpoint: {endpoint}"));

    step(
        4,
        "The app signs a software statement with its certificate and posts it",
    );
    let identity = Identity::from_pem(
        &material::read(&place.app_certificate())?,
        &material::read(&place.app_key())?,
    )?;
    let statement = StatementRequest::new(endpoint)
        .client_name(APP_NAME)
        .client_credentials()
        .contact(APP_CONTACT)
        .scope(APP_SCOPE)
        .sign(&identity, environment::now(), &environment::random_id())?;
    show_statement(&statement)?;
    let registered = client.register(endpoint, &statement).await?;
    show_answer(&registered);

    step(5, "The server has checked, before it wrote anything");
    for check in CHECKS {
        say(check);
    }

    step(
        6,
        "The app's row in OpenEMR's table oauth_clients, created and enabled",
    );
    for (column, value) in row::read(&place.database(), registered.client_id()).await? {
        say(format!("{column:<16} {value}"));
    }
    show_next(&place);

    if once {
        return server.stop().await;
    }
    println!("\nServing until Ctrl-C.");
    let mut server = server;
    tokio::select! {
        ended = server.failed() => {
            ended?;
            bail!("the server ended");
        }
        signal = stop_signal() => {
            signal?;
            println!("\nStopping.");
            server.stop().await
        }
    }
}

/// In the order in which a request meets them.
const CHECKS: [&str; 7] = [
    "signature: made with the key of the certificate that came with it (RS256)",
    "claims: issuer is a URI in that certificate; audience is this endpoint; not older than 5 minutes",
    "path: app <- Demo Issuing CA <- Demo Root CA, an anchor of this community; all valid today",
    "revocation: neither certificate is on its issuer's revocation list",
    "rules: name, contacts, grant types, scopes; every violation would be told at once",
    "replay: this statement's jti has never been seen, and never will be accepted again",
    "policy: the community says enable = \"all\", so nobody has to click 'Enable'",
];

fn show_statement(statement: &str) -> anyhow::Result<()> {
    let (header, claims) = udap::jws::peek(statement)?;
    say(format!(
        "header: alg {}, x5c with {} certificates",
        header
            .get("alg")
            .and_then(Value::as_str)
            .unwrap_or_default(),
        header
            .get("x5c")
            .and_then(Value::as_array)
            .map_or(0, Vec::len),
    ));
    for (name, value) in &claims {
        say(format!("{name:<28} {value}"));
    }
    Ok(())
}

fn show_answer(registered: &Registered) {
    println!();
    let word = if registered.is_new() {
        "Created"
    } else {
        "OK: registered before, all replaced"
    };
    say(format!("HTTP {} {word}", registered.status()));
    for (name, value) in registered.document() {
        if name != "software_statement" {
            say(format!("{name:<28} {value}"));
        }
    }
}

fn show_next(place: &Place) {
    let (base, app, key) = (
        place.base_url(),
        place.app_certificate().display().to_string(),
        place.app_key().display().to_string(),
    );
    let register = format!(
        "udap register --server {base} --cert {app} --key {key} \\\n      --client-name \"{APP_NAME}\" \
         --grant client_credentials --contact {APP_CONTACT} --scope \"system/Patient.read\""
    );
    let configuration = place.configuration().display().to_string();
    println!("\nTo try next, in another terminal (udap is target/debug/udap):\n");
    for (what, command) in [
        (
            "register again: the same client_id, everything replaced",
            register,
        ),
        (
            "tamper with it: a statement for another endpoint is refused, with the reason",
            format!(
                "udap statement sign --cert {app} --key {key} --aud https://elsewhere.example.org/ \\\n      \
                 --client-name X --grant client_credentials --contact {APP_CONTACT} --scope system/Patient.read \\\n  \
                 | python3 -c 'import json,sys; print(json.dumps({{\"udap\":\"1\",\"software_statement\":sys.stdin.read().strip()}}))' \\\n  \
                 | curl -s -H 'Content-Type: application/json' -d @- {}",
                place.registration_endpoint()
            ),
        ),
        (
            "what the server offers",
            format!("curl -s {base}/.well-known/udap"),
        ),
        (
            "who is registered",
            format!("udap clients list --config {configuration}"),
        ),
        (
            "cancel the registration",
            format!("udap cancel --server {base} --cert {app} --key {key}"),
        ),
    ] {
        println!("  # {what}\n  {command}\n");
    }
}

fn step(number: u8, title: &str) {
    println!("\n{number}. {title}\n");
}

fn say(text: impl AsRef<str>) {
    println!("   {}", crate::output::clean(text.as_ref()));
}
