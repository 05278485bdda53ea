//! The client's commands against a server that is not ours, and shares no code with it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use udap_testkit::{TestCommunity, TestLeaf};
use udap_tests::{now, udap};

use crate::proxy::free_address;

const APP: &str = "https://app.example.org/";

/// The server in Python, until it is dropped.
struct Other {
    child: Child,
    base_url: String,
    folder: TempDir,
    of: TestCommunity,
    app: TestLeaf,
}

impl Other {
    fn start() -> Self {
        let of = TestCommunity::new("example", now());
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        let (_, port) = address.rsplit_once(':').unwrap();
        let base_url = format!("http://127.0.0.1:{port}/fhir");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let server = of.server(&base_url);
        write("root.pem", &of.root().pem());
        write("server.pem", &server.chain_pem());
        write("server.key", &server.key().pem());
        let app = of.client(APP);
        write("app.pem", &app.chain_pem());
        write("app.key", &app.key().pem());
        fs::create_dir(folder.path().join("crls")).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/other_server.py");
        let other = Self {
            child: Command::new("python3")
                .arg(script)
                .arg(folder.path())
                .arg(port)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap(),
            base_url,
            folder,
            of,
            app,
        };
        other.publish();
        other
    }

    /// The lists as they are now, for the server and for the client.
    fn publish(&self) {
        let mut pem = String::new();
        for (number, der) in self.of.crls().iter().enumerate() {
            let file = self.folder.path().join(format!("crls/{number}.crl"));
            fs::write(&file, der).unwrap();
            let words = ["crl", "-inform", "DER", "-in"];
            let output = Command::new("openssl")
                .args(words)
                .arg(&file)
                .output()
                .unwrap();
            assert!(output.status.success());
            pem += &String::from_utf8(output.stdout).unwrap();
        }
        fs::write(self.folder.path().join("crls.pem"), pem).unwrap();
    }

    fn wait(&mut self) {
        let mut line = String::new();
        let out = self.child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), self.base_url);
    }

    fn run(&self, line: &str) -> Output {
        let mut command = udap();
        command
            .args(line.split_whitespace())
            .current_dir(self.folder.path());
        command.output().unwrap()
    }

    fn json(&self, line: &str) -> Value {
        let output = self.run(&format!("{line} --json"));
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{line}: {out}{err}");
        serde_json::from_str(&out).unwrap()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Proves: A44, B10, G02, G03, G12
#[test]
#[ignore = "needs python3 and openssl: cargo xtask interop"]
fn an_app_registers_and_gets_tokens_elsewhere_until_its_certificate_is_revoked() {
    let mut other = Other::start();
    other.wait();
    fs::write(
        other.folder.path().join("app.toml"),
        format!(
            "server = {:?}\nanchors = [\"root.pem\"]\ncrl = [\"crls\"]\ncert = \"app.pem\"\nkey = \"app.key\"\n\
             client_name = \"App\"\ngrant = [\"client_credentials\"]\nscope = [\"system/Patient.read\"]\n\
             contact = [\"mailto:ops@example.org\"]\norganization_id = \"https://hospital.example.org\"\n\
             purpose_of_use = [\"urn:oid:2.16.840.1.113883.5.8#TREAT\"]\n",
            other.base_url
        ),
    )
    .unwrap();
    let shown = other.json("discover --app app.toml");
    assert_eq!(shown["trusted"], true);
    assert_eq!(shown["problems"], serde_json::json!([]));
    let registered = other.json("register --app app.toml");
    assert_eq!(registered["status"], 201, "{registered}");
    let again = other.json("update --app app.toml --client-name Other");
    assert_eq!(again["client_id"], registered["client_id"]);
    assert_eq!(again["registration"]["client_name"], "Other");
    let token = other.json("token --app app.toml");
    assert_eq!(token["answer"]["token_type"], "Bearer", "{token}");

    // Another's certificate is no good.
    let stranger = TestCommunity::new("stranger", now()).client(APP);
    let write = |name: &str, text: &str| fs::write(other.folder.path().join(name), text).unwrap();
    write("stranger.pem", &stranger.chain_pem());
    write("stranger.key", &stranger.key().pem());
    let refused = other.run("token --app app.toml --cert stranger.pem --key stranger.key");
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("invalid_client"), "{said}");

    let cancelled = other.json("cancel --app app.toml");
    assert_eq!(cancelled["outcome"], "cancelled");
    assert_eq!(other.run("token --app app.toml").status.code(), Some(1));

    assert_eq!(other.json("register --app app.toml")["status"], 201);
    other.json("token --app app.toml");
    other.of.revoke(&other.app);
    other.publish();
    for verb in ["token", "register"] {
        let refused = other.run(&format!("{verb} --app app.toml"));
        assert_eq!(refused.status.code(), Some(1), "{verb}");
    }
}
