//! `docs/openemr.md`: its commands, in their order, as they stand there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use udap_testdb::{Generation, OpenEmr, TestServer};
use udap_tests::openemr::{Behaviour, StandIn};
use udap_tests::udap;

use crate::proxy::{Proxy, free_address};

/// The blocks of the page's steps: language and text. What follows them is read when it is needed.
fn blocks() -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openemr.md");
    let text = fs::read_to_string(page).unwrap();
    let (steps, _) = text.split_once("\n## Who switches").expect("the steps end");
    steps
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.split_once('\n'))
        .map(|(language, text)| (language.to_owned(), text.to_owned()))
        .collect()
}

/// What is on the path of whoever follows the page.
fn programs(folder: &Path, database: &Path) {
    fs::create_dir(folder).unwrap();
    let udap = udap().get_program().to_owned();
    symlink(udap, folder.join("udap")).unwrap();
    // Whoever runs the test administers its database, and only that one.
    let sudo = folder.join("sudo");
    let socket = database.display();
    let script = format!("#!/bin/sh\nexec \"$@\" --user=root --socket='{socket}'\n");
    fs::write(&sudo, script).unwrap();
    fs::set_permissions(&sudo, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx, mariadb and openssl: cargo xtask interop"]
async fn the_guide_leads_from_nothing_to_the_first_app() {
    let database = TestServer::private();
    let openemr = OpenEmr::create(&database, Generation::Columns25).await;
    let (public, registrar, admin) = (free_address(), free_address(), free_address());
    let base = format!("http://{public}");
    openemr.set_global("site_addr_oath", &base).await;
    let pool = openemr.pool().clone();
    let stand_in = StandIn::start_as(Behaviour::V8, pool, Some(&base)).await;
    let _proxy = Proxy::nginx(&public, &registrar, &stand_in.address().to_string());

    let folder = tempfile::tempdir().unwrap();
    programs(&folder.path().join("bin"), database.socket().unwrap());
    let ours = |text: &str| {
        text.replace("https://emr.example.org", &base)
            .replace("127.0.0.1:3306", &format!("127.0.0.1:{}", database.port()))
            .replace("\"openemr\"", &format!("{:?}", openemr.schema().name()))
    };
    let mut script = String::from(
        "set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n\
         PATH=\"$PWD/bin:$PATH\"\n",
    );
    for (language, text) in blocks() {
        let text = ours(&text);
        match language.as_str() {
            "toml" => {
                let listen = format!("listen = {registrar:?}\nadmin_listen = {admin:?}\n");
                script += &format!("cat > udap.toml <<'END'\n{listen}{text}END\n");
            }
            "sh" => script += &text,
            other => panic!("a block of {other}"),
        }
        if text.contains("udap serve &") {
            script += &format!(
                "until python3 -c 'import urllib.request as u; \
                 u.urlopen(\"http://{admin}/health/ready\")' 2> /dev/null; do sleep 0.2; done\n"
            );
        }
    }
    let ran = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("no_proxy", "*")
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert!(ran.status.success(), "{out}\n{err}");
    assert!(out.contains("active"), "{out}");
    let page = stand_in.clients_page().await.unwrap();
    assert_eq!(page.len(), 1);
    assert!(page[0].1, "it is enabled");
    let row = openemr.client(&page[0].0).await.unwrap();
    assert_eq!(row["client_name"].as_deref(), Some("First App"));
    assert!(!folder.path().join("registrar/password").exists());
}
