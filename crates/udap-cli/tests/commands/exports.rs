//! `udap ca export`.

use serde_json::Value;

use crate::openssl::{openssl, openssl_says};
use crate::ran::{Place, is_private};

fn with_app(key: &str) -> (Place, String) {
    let place = Place::new();
    place
        .run("ca init --dir ca --name Example --key p384")
        .good();
    let issued = place
        .run(&format!(
            "ca issue client --dir ca --key-type {key} --name App --uri https://app.example.org --out app.pem --json"
        ))
        .good()
        .json();
    place.write_private("word", "open sesame\n");
    (place, issued["serial"].as_str().unwrap().to_owned())
}

/// Proves: J13
#[test]
fn a_pkcs12_file_opens_in_openssl_and_holds_key_and_chain() {
    let (place, serial) = with_app("rsa2048");
    let export =
        format!("ca export --dir ca {serial} --format p12 --key app.key --p12-password-file word");
    place.run(&format!("{export} --out app.p12")).good();
    assert!(is_private(&place.path("app.p12")));
    let open = |file: &str, options: &str| {
        openssl(
            &place,
            &format!("pkcs12 -in {file} -passin file:word -noenc {options}"),
        )
    };
    let (_, info) = open("app.p12", "-info -noout");
    assert!(
        info.contains("PBES2, PBKDF2, AES-256-CBC") && info.contains("sha256"),
        "{info}"
    );
    let (good, text) = open("app.p12", "");
    assert!(good, "{text}");
    assert_eq!(
        text.matches("BEGIN CERTIFICATE").count(),
        2,
        "leaf and issuing CA"
    );
    place.write("out.key", text);
    assert_eq!(
        openssl_says(&place, "pkey -in out.key -pubout"),
        openssl_says(&place, "pkey -in app.key -pubout")
    );
    assert!(!openssl(&place, "pkcs12 -in app.p12 -passin pass:wrong -noenc").0);

    let legacy = place
        .run(&format!("{export} --legacy --out old.p12"))
        .good();
    assert!(legacy.err.contains("easily broken"), "{legacy:?}");
    let (good, info) = open("old.p12", "-info -noout");
    assert!(
        good && info.contains("pbeWithSHA1And3-KeyTripleDES-CBC"),
        "{info}"
    );
}

#[test]
fn a_pkcs12_file_needs_the_right_key_a_password_and_a_place() {
    let (place, serial) = with_app("p256");
    place.write("empty", "");
    let export = format!("ca export --dir ca {serial} --format p12");
    place.run(&export).misused();
    place.run(&format!("{export} --out app.p12")).misused();
    for (options, word) in [
        (
            "--key ca/intermediate.key --p12-password-file word",
            "belong together",
        ),
        ("--key app.key --p12-password-file empty", "empty"),
        ("--key app.key --p12-password-file missing", "missing"),
        ("--key app.key", "no terminal"),
    ] {
        let options = options.replace("empty", "word2");
        if word == "empty" {
            place.write_private("word2", "\n");
        }
        let refused = place
            .run(&format!("{export} {options} --out app.p12"))
            .refused();
        assert!(refused.err.contains(word), "{refused:?}");
    }
    assert!(!place.path("app.p12").exists());
}

/// Proves: J13
#[test]
fn pem_x5c_and_jwks_say_the_same() {
    for key in ["rsa2048", "p256", "p384"] {
        let (place, serial) = with_app(key);
        let pem = place
            .run(&format!("ca export --dir ca {serial}"))
            .good()
            .out;
        assert_eq!(pem, place.read("app.pem"));
        let x5c = place
            .run(&format!("ca export --dir ca {serial} --format x5c"))
            .good()
            .json();
        let body = |pem: &str| -> Vec<Value> {
            pem.split("-----BEGIN CERTIFICATE-----")
                .skip(1)
                .map(|block| {
                    let body = block.split("-----END").next().unwrap();
                    Value::from(body.split_whitespace().collect::<String>())
                })
                .collect()
        };
        assert_eq!(x5c, Value::from(body(&pem)));

        // A file needs no folder.
        place
            .run("ca export app.pem --format jwks --out keys.json")
            .good();
        let keys: Value = serde_json::from_str(&place.read("keys.json")).unwrap();
        let jwk = &keys["keys"][0];
        assert_eq!(jwk["x5c"], x5c);
        assert_eq!(jwk["use"], "sig");
        let (kind, algorithm) = match key {
            "rsa2048" => ("RSA", "RS256"),
            "p256" => ("EC", "ES256"),
            _ => ("EC", "ES384"),
        };
        assert_eq!(
            (&jwk["kty"], &jwk["alg"]),
            (&kind.into(), &algorithm.into())
        );
        let member = if kind == "RSA" { "n" } else { "y" };
        let length = jwk[member].as_str().unwrap().len();
        assert_eq!(
            length,
            match key {
                "rsa2048" => 342,
                "p256" => 43,
                _ => 64,
            }
        );
        assert!(jwk.get("d").is_none(), "no private key");
        place
            .run("ca export app.pem --format jwks --out keys.json")
            .refused();
    }
}
