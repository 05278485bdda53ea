//! `udap ca sign`, `renew`, `rekey`, `needs-renewal` and the filters of `list`.

use serde_json::Value;

use crate::openssl::{openssl, openssl_says};
use crate::ran::Place;

const URI: &str = "https://app.example.org";

fn community() -> Place {
    let place = Place::new();
    place
        .run("ca init --dir ca --name Example --key p384")
        .good();
    place
}

/// A client's certificate in app.pem; its serial number.
fn with_app(days: u32) -> (Place, String) {
    let place = community();
    let line = format!(
        "ca issue client --dir ca --key-type p256 --name App --org Operator --uri {URI} --out app.pem --days {days} --json"
    );
    let issued = place.run(&line).good().json();
    let serial = issued["serial"].as_str().unwrap().to_owned();
    (place, serial)
}

fn request(place: &Place, options: &str) {
    let line = format!(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -subj /CN=Mallory \
         -out own.csr {options}"
    );
    openssl_says(place, &line);
}

#[test]
fn a_request_by_openssl_gives_its_key_and_nothing_else() {
    let place = community();
    request(
        &place,
        "-addext basicConstraints=critical,CA:TRUE -addext subjectAltName=URI:https://bank.example.org,DNS:evil.example.org",
    );
    let signed = place
        .run(&format!(
            "ca sign --dir ca --csr own.csr --name App --org Operator --uri {URI} --out app.pem --json"
        ))
        .good()
        .json();
    assert_eq!(signed["names"], serde_json::json!([URI]));
    let ignored = signed["ignored"].to_string();
    for wish in [
        "Mallory",
        "bank.example.org",
        "evil.example.org",
        "basicConstraints",
    ] {
        assert!(ignored.contains(wish), "{ignored}");
    }
    let text = openssl_says(&place, "x509 -in app.pem -noout -text");
    for absent in ["Mallory", "bank", "evil", "CA:TRUE"] {
        assert!(!text.contains(absent), "{absent}: {text}");
    }
    let key = |line: &str| openssl_says(&place, line);
    assert_eq!(
        key("x509 -in app.pem -noout -pubkey"),
        key("pkey -in own.key -pubout")
    );
    place
        .run(&format!(
            "verify --anchors ca/root.pem --crl ca --uri {URI} app.pem"
        ))
        .good();
    place.run("lint app.pem").good();
}

/// Proves: J02
#[test]
fn uris_are_taken_from_a_request_only_when_asked_and_then_checked() {
    let place = community();
    let sign = "ca sign --dir ca --csr own.csr --name App --org Operator --out app.pem";
    request(
        &place,
        "-addext subjectAltName=URI:https://app.example.org,URI:urn:oid:2.999",
    );
    place.run(sign).misused();
    place
        .run(&format!("{sign} --profile tls --uri-from-csr"))
        .misused();
    let signed = place
        .run(&format!("{sign} --uri-from-csr --json"))
        .good()
        .json();
    assert_eq!(signed["names"], serde_json::json!([URI, "urn:oid:2.999"]));

    for (names, word) in [
        ("URI:https://nodots/a", "host"),
        ("DNS:app.example.org", "no URI"),
    ] {
        request(&place, &format!("-addext subjectAltName={names}"));
        let line = sign.replace("app.pem", "other.pem");
        let refused = place.run(&format!("{line} --uri-from-csr")).refused();
        assert!(refused.err.contains(word), "{refused:?}");
    }
}

#[test]
fn a_request_that_proves_nothing_is_refused() {
    let place = community();
    request(&place, "-outform DER");
    let mut der = std::fs::read(place.path("own.csr")).unwrap();
    *der.last_mut().unwrap() ^= 1;
    place.write("own.csr", der);
    let sign = "ca sign --dir ca --name App --uri urn:a:b --out app.pem --csr";
    let refused = place.run(&format!("{sign} own.csr")).refused();
    assert!(refused.err.contains("its own key"), "{refused:?}");
    place.run(&format!("{sign} ca/root.pem")).refused();
    assert!(!place.path("app.pem").exists());
}

#[test]
fn a_renewed_certificate_has_the_same_key_and_a_rekeyed_one_another() {
    let (place, serial) = with_app(10);
    let renewed = place
        .run("ca renew --dir ca app.pem --out new.pem --json")
        .good()
        .json();
    assert_ne!(renewed["serial"], serial.as_str());
    let public = |file: &str| openssl_says(&place, &format!("x509 -in {file} -noout -pubkey"));
    assert_eq!(public("new.pem"), public("app.pem"));
    place
        .run(&format!(
            "verify --anchors ca/root.pem --crl ca --uri {URI} new.pem"
        ))
        .good();

    place
        .run(&format!(
            "ca rekey --dir ca {serial} --out rekeyed.pem --revoke superseded"
        ))
        .good();
    assert_ne!(public("rekeyed.pem"), public("app.pem"));
    assert_eq!(
        public("rekeyed.pem"),
        openssl_says(&place, "pkey -in rekeyed.key -pubout")
    );
    let judged = place
        .run("verify --json --anchors ca/root.pem --crl ca -- app.pem")
        .refused()
        .json();
    assert_eq!(judged["reason"]["code"], "certificate_revoked");
    let refused = place
        .run("ca renew --dir ca app.pem --out no.pem")
        .refused();
    assert!(refused.err.contains("rekey"), "{refused:?}");

    request(&place, "");
    place
        .run("ca rekey --dir ca rekeyed.pem --csr own.csr --out third.pem")
        .good();
    assert_eq!(
        public("third.pem"),
        openssl_says(&place, "pkey -in own.key -pubout")
    );
    let same = place
        .run("ca rekey --dir ca third.pem --csr own.csr --out fourth.pem")
        .refused();
    assert!(same.err.contains("renew it instead"), "{same:?}");
}

#[test]
fn needs_renewal_answers_by_its_exit_status() {
    let (place, serial) = with_app(10);
    place.run("ca needs-renewal app.pem").good();
    place.run("ca needs-renewal app.pem --within 9d").refused();
    place
        .run(&format!("ca needs-renewal --dir ca {serial}"))
        .good();
    let found = place.run("ca needs-renewal --dir ca --json").good().json();
    assert_eq!(found[0]["certificate"], serial.as_str());
    assert_eq!(found[0]["names"][0], URI);
    for line in [
        "ca needs-renewal",
        "ca needs-renewal missing.pem",
        "ca needs-renewal 00ff",
        "ca needs-renewal --dir missing",
        "ca needs-renewal --dir ca 00ff",
        "ca needs-renewal app.pem --within soon",
    ] {
        place.run(line).misused();
    }
    place
        .run(&format!("ca renew --dir ca {serial} --out new.pem"))
        .good();
    place.run("ca needs-renewal --dir ca").refused();
    place.run("ca needs-renewal app.pem").good();
}

#[test]
fn lists_are_filtered() {
    let (place, serial) = with_app(10);
    place
        .run("ca issue tls --dir ca --key-type p256 --name Web --dns emr.example.org --out web.pem")
        .good();
    let listed = |options: &str| -> Vec<Value> {
        let all = place
            .run(&format!("ca list --dir ca --json {options}"))
            .good()
            .json();
        let names = |one: &Value| one["common_name"].clone();
        all.as_array().unwrap().iter().map(names).collect()
    };
    assert_eq!(listed(""), ["Example Issuing CA", "App", "Web"]);
    assert_eq!(listed("--expiring-within 30d"), ["App"]);
    assert_eq!(listed("--uri HTTPS://app.example.org:443/"), ["App"]);
    assert_eq!(listed("--status revoked"), [""; 0]);
    place.run(&format!("ca revoke --dir ca {serial}")).good();
    assert_eq!(listed("--status revoked"), ["App"]);
    assert_eq!(listed("--status valid"), ["Example Issuing CA", "Web"]);
    place.run("ca list --dir ca --status lost").misused();
}

#[test]
fn the_issuing_ca_is_renewed_where_the_roots_key_is() {
    let (place, _) = with_app(10);
    let renewed = place.run("ca renew-ca --dir ca --json").good().json();
    assert_eq!(renewed["certificate"], "ca/intermediate.pem");
    let verify = "verify --anchors ca/root.pem --crl ca";
    place.run(&format!("{verify} -- app.pem")).good();
    let serial = renewed["serial"].as_str().unwrap();
    let refused = place
        .run(&format!("ca renew --dir ca {serial} --out x.pem"))
        .refused();
    assert!(refused.err.contains("renew-ca"), "{refused:?}");
    std::fs::remove_file(place.path("ca/root.key")).unwrap();
    let refused = place.run("ca renew-ca --dir ca").refused();
    assert!(refused.err.contains("root.key"), "{refused:?}");
}

#[test]
fn commands_at_the_same_time_wait_for_one_another() {
    let place = community();
    let serials: Vec<String> = std::thread::scope(|scope| {
        let issue = |number: usize| {
            let line = format!(
                "ca issue client --dir ca --key-type p256 --name A{number} --uri https://a.example.org/{number} \
                 --out a{number}.pem --json"
            );
            let issued = place.run(&line).good().json();
            issued["serial"].as_str().unwrap().to_owned()
        };
        let all: Vec<_> = (0..6)
            .map(|number| scope.spawn(move || issue(number)))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let listed = place.run("ca list --dir ca --json").good().out;
    assert!(
        serials
            .iter()
            .all(|serial| listed.contains(serial.as_str())),
        "{listed}"
    );
}

/// Proves: J08, J09
#[test]
fn openssl_checks_the_whole_path_and_every_list() {
    let (place, serial) = with_app(10);
    let verify = || {
        for name in ["root", "intermediate"] {
            openssl_says(
                &place,
                &format!("crl -inform DER -in ca/{name}.crl -out {name}.crl.pem"),
            );
        }
        openssl(
            &place,
            "verify -x509_strict -crl_check_all -CAfile ca/root.pem -untrusted ca/intermediate.pem \
             -CRLfile root.crl.pem -CRLfile intermediate.crl.pem app.pem",
        )
    };
    assert!(verify().0, "{}", verify().1);
    place
        .run(&format!(
            "ca revoke --dir ca {serial} --reason keyCompromise"
        ))
        .good();
    assert!(verify().1.contains("certificate revoked"));
    let list = openssl_says(
        &place,
        "crl -inform DER -in ca/intermediate.crl -noout -text",
    );
    assert!(list.contains("Key Compromise"), "{list}");
    assert!(list.to_lowercase().contains(&serial), "{list}");
}
