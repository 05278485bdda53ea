//! `docs/ca.md` and `docs/community.md`: their commands, in their order, as they stand there.
//!
//! Blocks of `sh` have to succeed, those of `sh refused` to end with status 1. What a block of `text`
//! shows has to be in what the block before it printed; `…` stands for anything.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::ran::Place;

/// A block of a page: what stands behind its fence, and its text.
struct Block {
    kind: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(page);
    let text = std::fs::read_to_string(page).unwrap();
    text.split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.split_once('\n'))
        .map(|(kind, text)| Block {
            kind: kind.to_owned(),
            text: text.to_owned(),
        })
        .collect()
}

/// An address on which nobody listens.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Runs a page's commands. Its blocks, with this machine's addresses, and what each printed.
fn run(page: &str) -> Vec<(Block, String)> {
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
    let mut blocks = blocks(page);
    for block in &mut blocks {
        let text = ours(&block.text);
        // A mark before each, to see which said what.
        script += "echo '=== '\n";
        match block.kind.as_str() {
            "sh" => script += &text,
            "sh refused" => {
                script += &format!(
                    "set +e\n( {text} ) 2>&1\ncode=$?\nset -e\n\
                     [ $code = 1 ] || {{ echo \"ended with $code\"; exit 9; }}\n"
                );
            }
            "toml" => {
                let listen = format!("listen = {public:?}\nadmin_listen = {admin:?}\n");
                script += &format!("cat > udap.toml <<'END'\n{listen}{text}END\n");
            }
            // For a web server, for a timer, and what was printed.
            "nginx" | "cron" | "text" => {}
            other => panic!("a block of {other}"),
        }
        if text.contains("udap ca serve") {
            script += &wait_for(&pki);
        }
        if text.contains("udap serve &") {
            script += &wait_for(&admin);
            script += &wait_for(&public);
        }
        block.text = text;
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
    let said: Vec<String> = out.split("=== ").skip(1).map(str::to_owned).collect();
    assert_eq!(said.len(), blocks.len(), "{out}");
    blocks.into_iter().zip(said).collect()
}

/// Compares what is shown with what was printed. How many lines that were.
fn compare(said: &[(Block, String)]) -> usize {
    let mut shown = 0;
    for pair in said.windows(2) {
        let [(_, printed), (block, _)] = pair else {
            unreachable!("windows of two")
        };
        if block.kind != "text" {
            continue;
        }
        for line in block.text.lines() {
            assert!(
                printed.lines().any(|one| fits(line, one)),
                "`{line}` is not in\n{printed}"
            );
            shown += 1;
        }
    }
    shown
}

/// Whether a line is what is shown of it.
fn fits(shown: &str, printed: &str) -> bool {
    let mut rest = printed.trim();
    let mut parts = shown.trim().split('…');
    let begins = parts.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(begins) else {
        return false;
    };
    rest = after;
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || shown.trim().ends_with('…')
}

/// What the blocks printed that list the clients.
fn lists(said: &[(Block, String)]) -> Vec<&str> {
    said.iter()
        .filter(|(block, _)| block.text.contains("udap clients list"))
        .map(|(_, printed)| printed.as_str())
        .collect()
}

#[test]
fn the_guide_leads_from_nothing_to_a_revoked_app() {
    let said = run("ca.md");
    let lists = lists(&said);
    let [before, after] = lists.as_slice() else {
        panic!("the clients are listed twice: {lists:?}");
    };
    assert!(before.contains("active"), "{before}");
    assert!(
        after.contains("disabled") && after.contains("revoked"),
        "{after}"
    );
    let has = |text: &str| said.iter().any(|(_, printed)| printed.contains(text));
    assert!(has("ignored"));
    assert!(
        said.iter()
            .any(|(_, printed)| printed.contains("\"keys\"") && printed.contains("\"RS256\""))
    );
}

#[test]
fn the_transcript_shows_what_is_printed_from_a_new_community_to_a_renewed_app() {
    let said = run("community.md");
    assert!(compare(&said) > 30);
    let lists = lists(&said);
    assert_eq!(lists.len(), 3, "{lists:?}");
    let ids: Vec<&str> = lists
        .iter()
        .filter_map(|list| list.lines().find(|line| line.contains("client_id")))
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    assert!(
        ids.len() == 3 && ids.iter().all(|id| *id == ids[0]),
        "{ids:?}"
    );
}

#[test]
fn what_is_shown_fits_only_what_was_printed() {
    for (shown, printed, is_so) in [
        ("a  b", "a  b", true),
        ("  a", "a", true),
        ("a", "a b", false),
        ("a …", "a b", true),
        ("a … c", "a b c", true),
        ("a … c", "a b", false),
        ("… c", "a b c", true),
        ("b", "a", false),
    ] {
        assert_eq!(fits(shown, printed), is_so, "{shown} / {printed}");
    }
}
