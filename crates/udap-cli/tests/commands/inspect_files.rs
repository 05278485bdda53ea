//! `udap inspect`: signing requests, PKCS#12, chains, special revocation lists, and colours.

use std::process::Command;

use serde_json::{Value, json};

use crate::openssl::openssl_says;
use crate::ran::Place;
use crate::server::Server;

fn items(place: &Place, line: &str) -> Vec<Value> {
    let seen = place.run(&format!("inspect --json {line}")).good().json();
    seen["items"].as_array().unwrap().clone()
}

fn kinds(items: &[Value]) -> Vec<&str> {
    items
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect()
}

/// A community with app.pem, app.key and word, the passphrase.
fn with_app() -> Place {
    let place = Place::new();
    place
        .run("ca init --dir ca --name Example --key p384")
        .good();
    place
        .run("ca issue client --dir ca --key-type p256 --name App --uri https://app.example.org --out app.pem")
        .good();
    place.write_private("word", "open sesame\n");
    place
}

#[test]
fn a_signing_request_shows_what_it_asks_for_and_whether_its_maker_has_the_key() {
    let place = Place::new();
    let make = "req -new -newkey rsa:2048 -nodes -keyout own.key -subj /CN=Mallory \
                -addext basicConstraints=critical,CA:TRUE \
                -addext subjectAltName=URI:https://app.example.org,DNS:evil.example.org";
    openssl_says(&place, &format!("{make} -out own.pem"));
    openssl_says(&place, "req -in own.pem -outform DER -out own.der");
    let found = items(&place, "own.pem");
    assert_eq!(kinds(&found), ["request"]);
    assert_eq!(items(&place, "own.der"), found);
    let request = &found[0];
    assert_eq!(request["proof_of_possession"], true);
    assert_eq!(request["subject"], "CN=Mallory");
    assert_eq!(request["key"], "RSA-2048");
    assert_eq!(request["asks_for"]["ca"], true);
    assert_eq!(
        request["asks_for"]["names"],
        json!([
            { "type": "URI", "value": "https://app.example.org" },
            { "type": "DNS", "value": "evil.example.org" },
        ])
    );

    let mut changed = std::fs::read(place.path("own.der")).unwrap();
    let at = changed
        .windows(7)
        .position(|seven| seven == b"Mallory")
        .unwrap();
    changed[at] = b'm';
    place.write("changed.der", &changed);
    let request = &items(&place, "changed.der")[0];
    assert_eq!(request["subject"], "CN=mallory");
    assert_eq!(request["proof_of_possession"], false);
    let shown = place.run("inspect changed.der").good().out;
    assert!(shown.contains("NOT GOOD"), "{shown}");
}

#[test]
fn pkcs12_shows_certificates_and_that_there_is_a_key_but_never_the_key() {
    let place = with_app();
    place
        .run("ca export app.pem --format p12 --key app.key --p12-password-file word --out app.p12")
        .good();
    let found = items(&place, "app.p12 --password-file word");
    assert_eq!(
        kinds(&found),
        ["key-store", "certificate", "certificate", "chain"]
    );
    assert_eq!(
        found[0],
        json!({ "kind": "key-store", "certificates": 2, "private_key": true, "key_fits": true })
    );
    assert_eq!(found[1]["names"][0]["value"], "https://app.example.org");
    assert_eq!(found[3]["in_order"], true);
    let shown = place.run("inspect app.p12 --password-file word").good().out;
    let secret = openssl_says(&place, "pkey -in app.key -noout -text");
    let secret: String = secret
        .lines()
        .skip_while(|line| !line.starts_with("priv:"))
        .skip(1)
        .take(1)
        .collect();
    let secret = secret.trim().trim_end_matches(':');
    assert!(secret.len() > 20, "{secret}");
    for text in [&shown, &found[0].to_string()] {
        assert!(!text.contains(secret) && !text.contains(&secret.replace(':', "")));
    }
    assert!(shown.contains("not shown"), "{shown}");

    place.write_private("other", "open barley\n");
    let wrong = place.run("inspect app.p12 --password-file other").refused();
    assert!(wrong.err.contains("does not open"), "{}", wrong.err);
    let none = place.run("inspect app.p12").refused();
    assert!(none.err.contains("--password-file"), "{}", none.err);
}

#[test]
fn pkcs12_without_key_and_password_needs_no_asking() {
    let place = with_app();
    openssl_says(
        &place,
        "pkcs12 -export -nokeys -in app.pem -passout pass: -out certificates.p12",
    );
    let found = items(&place, "certificates.p12");
    assert_eq!(found[0]["private_key"], false);
    assert_eq!(found[0]["certificates"], 2);
    assert!(found[0].get("key_fits").is_none());
}

#[test]
fn of_a_chain_is_told_who_signed_whom_and_whether_the_order_is_right() {
    let place = with_app();
    let root = place.read("ca/root.pem");
    let chain = place.read("app.pem");
    let at = chain.rfind("-----BEGIN").unwrap();
    let (leaf, issuing) = chain.split_at(at);
    place.write("good.pem", format!("{leaf}{issuing}{root}"));
    place.write("turned.pem", format!("{root}{issuing}{leaf}"));
    place.write("gap.pem", format!("{leaf}{root}"));
    let links = |file: &str| {
        let found = items(&place, file);
        let chain = found.last().unwrap().clone();
        assert_eq!(chain["kind"], "chain", "{file}");
        let links = chain["certificates"].as_array().unwrap();
        let links: Vec<_> = links
            .iter()
            .map(|one| (one["signed_by"].clone(), one["self_signed"] == true))
            .collect();
        (chain["in_order"] == true, links)
    };
    let (good, turned) = (links("good.pem"), links("turned.pem"));
    assert_eq!(
        good,
        (
            true,
            vec![(json!([1]), false), (json!([2]), false), (json!([]), true)]
        )
    );
    assert_eq!(
        turned,
        (
            false,
            vec![(json!([]), true), (json!([0]), false), (json!([1]), false)]
        )
    );
    assert_eq!(
        links("gap.pem"),
        (false, vec![(json!([]), false), (json!([]), true)])
    );

    // Another authority of the same name did not sign the leaf.
    place
        .run("ca init --dir other --name Example --key p384")
        .good();
    let namesake = place.read("other/intermediate.pem");
    place.write("namesake.pem", format!("{leaf}{namesake}"));
    let (in_order, by) = links("namesake.pem");
    assert!(!in_order && by[0] == (json!([]), false), "{by:?}");
    let shown = place.run("inspect namesake.pem").good().out;
    assert!(shown.contains("NOT signed by its issuer"), "{shown}");
    assert_eq!(kinds(&items(&place, "ca/root.pem")), ["certificate"]);
}

#[test]
fn a_list_tells_its_number_and_whether_it_is_only_a_part() {
    let place = with_app();
    let whole = &items(&place, "ca/intermediate.crl")[0];
    assert_eq!(whole["scope"], Value::Null);
    assert_eq!(whole["delta_base"], Value::Null);
    assert_eq!(whole["others"], json!([]));
    place.write(
        "ca.cnf",
        "[ca]\ndefault_ca=d\n[d]\ndatabase=db\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=7\n\
         crl_extensions=x\n[x]\nauthorityKeyIdentifier=keyid\n2.5.29.27=critical,ASN1:INTEGER:5\n\
         issuingDistributionPoint=critical,@p\n[p]\nfullname=URI:http://pki.example.org/part.crl\n\
         onlyuser=TRUE\nindirectCRL=TRUE\n",
    );
    place.write("db", "");
    place.write("number", "1F\n");
    openssl_says(
        &place,
        "ca -gencrl -config ca.cnf -cert ca/intermediate.pem -keyfile ca/intermediate.key -out part.crl",
    );
    let part = &items(&place, "part.crl")[0];
    assert_eq!(part["number"], "1f");
    assert_eq!(part["delta_base"], "05");
    assert_eq!(
        part["scope"],
        json!({
            "urls": ["http://pki.example.org/part.crl"],
            "only_user_certificates": true,
            "only_ca_certificates": false,
            "only_attribute_certificates": false,
            "only_some_reasons": false,
            "indirect": true,
        })
    );
    let shown = place.run("inspect part.crl").good().out;
    for part in ["since list 5", "end entities only", "indirect"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let number = shown.lines().find(|line| line.contains("number"));
    assert!(number.unwrap().ends_with("31"), "{shown}");
}

#[test]
fn metadata_at_an_address_is_checked_against_it() {
    let server = Server::start();
    let place = server.place();
    let url = server.base_url.clone();
    let good = &items(&place, &url)[0];
    assert_eq!(good["consistent"], true);
    assert!(good.get("inconsistency").is_none());
    server.sign(|_, claims| {
        claims["iss"] = "https://other.example.org".into();
    });
    let bad = &items(&place, &url)[0];
    assert_eq!(bad["consistent"], false);
    assert!(bad["inconsistency"].is_string());
    let shown = place.run(&format!("inspect {url}")).good().out;
    assert!(shown.contains("NOT GOOD"), "{shown}");
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let place = with_app();
    let shown = |variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_udap"));
        command
            .args(["inspect", "app.pem"])
            .current_dir(place.path(""));
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        let output = command.envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let plain = shown(&[]);
    assert!(!plain.contains('\u{1b}'), "this is no terminal: {plain}");
    let coloured = shown(&[("CLICOLOR_FORCE", "1")]);
    assert!(coloured.contains("\u{1b}[1mcertificate\u{1b}[0m"));
    let unwanted = shown(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]);
    assert_eq!(unwanted, plain);
}
