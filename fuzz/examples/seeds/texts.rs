//! Claims, URIs and scopes.

use serde_json::{Map, Value, json};
use udap::jws;
use udap_fuzz::world::{ENDPOINT, NOW, world};
use udap_testkit::StatementBuilder;

use super::Corpus;

pub(super) fn claims(corpus: &Corpus) {
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

pub(super) fn texts(corpus: &Corpus) {
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
