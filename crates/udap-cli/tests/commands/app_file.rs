//! Options that are typed once, in a file.

use serde_json::json;

use crate::ran::{Place, is_private};
use crate::server::Server;

fn app_file(server: &Server, place: &Place, more: &str) {
    let base = &server.base_url;
    place.write(
        "apps/app.toml",
        format!(
            "# kept by hand\nserver = \"{base}\"\nanchors = [\"../root.pem\"]\ncert = \"../app.pem\"\n\
             key = \"../app.key\"\nclient_name = \"App\"\ngrant = [\"client_credentials\"]\n\
             scope = [\"system/Patient.read\"]\ncontact = [\"mailto:a@example.org\"]\n\
             organization_id = \"https://hospital.example.org\"\npurpose_of_use = [\"TREAT\"]\n\
             timeout = 20\nallow_plain_http = true\n{more}"
        ),
    );
}

/// Proves: B20, B28, B32
#[test]
fn an_app_registers_gets_a_token_and_ends_with_nothing_typed_twice() {
    let server = Server::start();
    let place = server.place();
    app_file(&server, &place, "");
    server.answer(
        201,
        json!({"client_id": "the-id", "grant_types": ["client_credentials"]}),
    );
    place.run("register --app apps/app.toml").good();
    let statement = server.requests()[0]["software_statement"].clone();
    let (_, claims) = udap::jws::peek(statement.as_str().unwrap()).unwrap();
    assert_eq!(claims["client_name"], "App");
    assert_eq!(claims["scope"], "system/Patient.read");
    let kept = place.read("apps/app.toml");
    assert!(
        kept.starts_with("client_id = \"the-id\"\n# kept by hand\n"),
        "{kept}"
    );

    server.answer_token(200, json!({"access_token": "a", "token_type": "Bearer"}));
    place.run("token --app apps/app.toml --json").good();
    let form = &server.forms()[0];
    assert_eq!(form["scope"], "system/Patient.read");
    let (_, claims) = udap::jws::peek(&form["client_assertion"]).unwrap();
    assert_eq!(claims["iss"], "the-id");
    assert_eq!(
        claims["extensions"]["hl7-b2b"]["purpose_of_use"],
        json!(["TREAT"])
    );

    // What is typed comes first.
    server.answer(
        200,
        json!({"client_id": "the-id", "grant_types": ["client_credentials"]}),
    );
    place
        .run("--json update --app=apps/app.toml --client-name Other")
        .good();
    let statement = server.requests()[1]["software_statement"].clone();
    let (_, claims) = udap::jws::peek(statement.as_str().unwrap()).unwrap();
    assert_eq!(claims["client_name"], "Other");
    assert_eq!(place.read("apps/app.toml"), kept);

    server.answer(200, json!({"client_id": "the-id", "grant_types": []}));
    place.run("cancel --app apps/app.toml").good();
    let shown = place.run("discover --app apps/app.toml --json").good();
    assert_eq!(shown.json()["trusted"], true);
    let signed = place.run("statement sign --app apps/app.toml --aud https://a.example.org/");
    assert_eq!(signed.good().out.matches('.').count(), 2);
}

#[test]
fn the_file_stays_where_it_is_and_as_readable_as_it_was() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let server = Server::start();
    let place = server.place();
    app_file(&server, &place, "");
    let (real, link) = (place.path("apps/app.toml"), place.path("apps/link.toml"));
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o600)).unwrap();
    symlink("app.toml", &link).unwrap();
    server.answer(201, json!({"client_id": "the-id"}));
    place.run("register --app apps/link.toml").good();
    assert!(is_private(&real));
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(
        place
            .read("apps/app.toml")
            .starts_with("client_id = \"the-id\"\n")
    );
    // What a server calls the app cannot become an option.
    let kept = place.read("apps/app.toml");
    for id in [
        "\nendpoint = 'https://evil.example.net/'\n#",
        "",
        "é",
        "\u{1b}[2J",
    ] {
        server.answer(200, json!({"client_id": id}));
        place.run("update --app apps/app.toml").refused();
        assert_eq!(place.read("apps/app.toml"), kept, "{id:?}");
    }
}

#[test]
fn an_endpoint_that_is_typed_rules_out_the_server_of_the_file() {
    let server = Server::start();
    let place = server.place();
    app_file(&server, &place, "community = \"urn:example\"\n");
    server.answer(201, json!({"client_id": "the-id"}));
    let line = format!(
        "register --app apps/app.toml --endpoint {}",
        server.endpoint()
    );
    place.run(&line).good();
}

#[test]
fn a_file_that_says_what_no_option_takes_is_refused() {
    let server = Server::start();
    let place = server.place();
    app_file(&server, &place, "clientname = \"App\"\n");
    let refused = place.run("register --app apps/app.toml").misused();
    assert!(
        refused.err.contains("did you mean `client_name`"),
        "{refused:?}"
    );
    for (more, said) in [
        ("metadata = { a = 1 }\n", "metadata: must be a text"),
        (
            "redirect_uri = [1]\n",
            "redirect_uri: its entries must be texts",
        ),
        ("broken", "is no TOML"),
    ] {
        app_file(&server, &place, more);
        let refused = place.run("register --app apps/app.toml").refused();
        assert!(refused.err.contains(said), "{refused:?}");
    }
    let refused = place.run("token --app none.toml --json").refused();
    assert!(refused.err.contains("cannot read none.toml"));
    assert!(server.requests().is_empty());
}
