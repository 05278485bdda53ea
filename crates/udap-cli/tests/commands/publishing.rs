//! `udap ca publish` and `udap ca serve`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::ran::Place;

const INIT: &str = "ca init --dir ca --name Example --key p384";

#[test]
fn what_peers_fetch_is_copied_and_nothing_else() {
    let place = Place::new();
    place.run(INIT).good();
    place.run("ca publish --dir ca --out public").good();
    let mut names: Vec<_> = std::fs::read_dir(place.path("public"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "intermediate.cer",
            "intermediate.crl",
            "root.cer",
            "root.crl"
        ]
    );
    place.run("ca publish --dir missing --out public").refused();
}

/// A server that ends with the test.
struct Serving {
    child: Child,
    address: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn start(place: &Place, options: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_udap"))
            .args("ca serve --dir ca --listen 127.0.0.1:0".split(' '))
            .args(options.split_whitespace())
            .current_dir(place.path(""))
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut address = None;
        for line in log.lines().map_while(Result::ok) {
            if let Some(at) = line.find("127.0.0.1:") {
                let end =
                    line[at..].find(|one: char| one != '.' && one != ':' && !one.is_ascii_digit());
                address = Some(line[at..at + end.unwrap_or(line.len() - at)].to_owned());
                break;
            }
        }
        Self {
            child,
            address: address.expect("it says where it listens"),
        }
    }

    /// Status line with headers in lower case, and body.
    fn ask(&self, method: &str, path: &str, headers: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: pki.example.org\r\nconnection: close\r\n{headers}\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        (head.to_lowercase(), answer[end + 4..].to_vec())
    }
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head
        .lines()
        .find(|line| line.starts_with(&format!("{name}:")));
    line.unwrap_or_else(|| panic!("no {name} in {head}"))[name.len() + 1..].trim()
}

#[test]
fn lists_and_certificates_are_served_with_their_media_types_and_an_etag() {
    let place = Place::new();
    place
        .run(&format!("{INIT} --crl-url http://pki.example.org/lists"))
        .good();
    let serving = Serving::start(&place, "--no-sign");
    for (path, media_type, file) in [
        ("/root.crl", "application/pkix-crl", "root.crl"),
        (
            "/lists/intermediate.crl",
            "application/pkix-crl",
            "intermediate.crl",
        ),
        (
            "/intermediate.cer",
            "application/pkix-cert",
            "intermediate.cer",
        ),
    ] {
        let (head, body) = serving.ask("GET", path, "");
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert_eq!(header(&head, "content-type"), media_type);
        assert_eq!(body, std::fs::read(place.path("ca").join(file)).unwrap());
        let age = header(&head, "cache-control");
        assert!(age.contains("max-age="), "{age}");
        assert_eq!(head.contains("\nexpires:"), path.ends_with(".crl"));

        let tag = header(&head, "etag").to_owned();
        let (head, body) = serving.ask("GET", path, &format!("if-none-match: {tag}\r\n"));
        assert!(
            head.starts_with("http/1.1 304") && body.is_empty(),
            "{head}"
        );
        let (head, body) = serving.ask("HEAD", path, "");
        assert!(
            head.starts_with("http/1.1 200") && body.is_empty(),
            "{head}"
        );
    }
    for path in [
        "/",
        "/root.key",
        "/ca.db",
        "/issued/",
        "/../ca/root.key",
        "/%2e%2e/ca/root.key",
        "/root.pem",
    ] {
        assert!(
            serving.ask("GET", path, "").0.starts_with("http/1.1 404"),
            "{path}"
        );
    }
    assert!(
        serving
            .ask("POST", "/root.crl", "content-length: 0\r\n")
            .0
            .starts_with("http/1.1 405")
    );

    let before = serving.ask("GET", "/intermediate.crl", "").1;
    place.run("ca crl --dir ca").good();
    let after = serving.ask("GET", "/intermediate.crl", "").1;
    assert_ne!(before, after, "a new list is served at once");
}

/// Proves: J09
#[test]
fn a_list_is_signed_anew_before_it_lapses_if_the_key_is_there() {
    let place = Place::new();
    place.write_private("word", "open sesame");
    place.run(&format!("{INIT} --password-file word")).good();
    let list = place.path("ca/intermediate.crl");
    // So short a time is left that it is due at once.
    let database = "update revocation_list set lifetime_seconds = 3;";
    let path = place.path("ca/ca.db");
    sqlite(&path, database);
    place.run("ca crl --dir ca --password-file word").good();
    sqlite(
        &path,
        "update revocation_list set lifetime_seconds = 604800;",
    );
    std::thread::sleep(std::time::Duration::from_secs(3));
    let before = std::fs::read(&list).unwrap();
    let _serving = Serving::start(&place, "--password-file word");
    for _ in 0..100 {
        if std::fs::read(&list).unwrap() != before {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("the list was left to lapse");
}

fn sqlite(path: &std::path::Path, sql: &str) {
    rusqlite::Connection::open(path)
        .unwrap()
        .execute_batch(sql)
        .unwrap();
}
