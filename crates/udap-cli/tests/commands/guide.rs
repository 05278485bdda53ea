//! `docs/ca.md`: its commands, in their order, as they stand there.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::ran::Place;

/// The blocks of the page: language and text.
fn blocks() -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ca.md");
    let text = std::fs::read_to_string(page).unwrap();
    text.split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.split_once('\n'))
        .map(|(language, text)| (language.to_owned(), text.to_owned()))
        .collect()
}

/// An address on which nobody listens.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn the_guide_leads_from_nothing_to_a_revoked_app() {
    let place = Place::new();
    let [pki, public, admin] = [(); 3].map(|()| free_address());
    let ours = |text: &str| {
        text.replace("https://emr.example.org", &format!("http://{public}"))
            .replace("127.0.0.1:8088", &pki)
            .replace("pki.example.org", &pki)
    };
    let wait_for = |address: &str| {
        let (host, port) = address.split_once(':').unwrap();
        format!(
            "for i in $(seq 100); do (: < /dev/tcp/{host}/{port}) 2> /dev/null && break; sleep 0.1; done\n"
        )
    };
    let folder = Path::new(env!("CARGO_BIN_EXE_udap")).parent().unwrap();
    let mut script = format!(
        "set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\nPATH='{}':\"$PATH\"\n",
        folder.display()
    );
    for (position, (language, text)) in blocks().into_iter().enumerate() {
        let text = ours(&text);
        match language.as_str() {
            // A mark before each, to see which said what.
            "sh" => script += &format!("echo '=== {position}'\n{text}"),
            "toml" => {
                let listen = format!("listen = {public:?}\nadmin_listen = {admin:?}\n");
                script += &format!("cat > udap.toml <<'END'\n{listen}{text}END\n");
            }
            // For a web server, and for a timer.
            "nginx" | "cron" => {}
            other => panic!("a block of {other}"),
        }
        if text.contains("udap ca serve") {
            script += &wait_for(&pki);
        }
        if text.contains("udap serve &") {
            script += &wait_for(&admin);
            script += &wait_for(&public);
        }
    }
    let ran = Command::new("bash")
        .args(["-c", &script])
        .current_dir(place.path(""))
        .env("no_proxy", "*")
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert!(ran.status.success(), "{out}\n{err}");
    let said: Vec<&str> = out.split("=== ").collect();
    let lists: Vec<&&str> = said
        .iter()
        .filter(|one| one.contains("First App") && one.contains("status"))
        .collect();
    let [before, after] = lists.as_slice() else {
        panic!("the clients are listed twice: {out}");
    };
    assert!(before.contains("active"), "{before}");
    assert!(
        after.contains("disabled") && after.contains("revoked"),
        "{after}"
    );
    assert!(out.contains("ignored"), "{out}");
    let exported = said.iter().find(|one| one.contains("\"keys\""));
    assert!(
        exported.is_some_and(|one| one.contains("\"RS256\"")),
        "{out}"
    );
}
