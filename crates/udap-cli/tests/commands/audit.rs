//! `udap audit`, on the log of a demo that registered an app.

use std::net::TcpListener;

use serde_json::Value;

use crate::ran::{Place, Ran};

/// A demo that ran once, and has ended.
struct Demo(Place);

impl Demo {
    fn new() -> Self {
        let place = Place::new();
        // Some other test may take a port between; then another is tried.
        for _ in 0..5 {
            let port = free_port();
            let ran = place.run(&format!("demo --dir demo --port {port} --once"));
            if ran.code == Some(0) {
                return Self(place);
            }
            let _ = std::fs::remove_dir_all(place.path("demo"));
        }
        panic!("the demo does not run")
    }

    fn audit(&self, line: &str) -> Ran {
        self.0.run(&format!("audit --config demo/udap.toml {line}"))
    }

    fn clients(&self, line: &str) -> Ran {
        self.0
            .run(&format!("clients --config demo/udap.toml {line}"))
    }

    fn client_id(&self) -> String {
        let list = self.clients("list --json").good().json();
        list[0]["client_id"].as_str().unwrap().to_owned()
    }

    /// With a key from now on.
    fn use_key(&self, content: &str) {
        use std::os::unix::fs::PermissionsExt;
        self.0.write("demo/audit.key", content);
        std::fs::set_permissions(
            self.0.path("demo/audit.key"),
            std::fs::Permissions::from_mode(0o600),
        )
        .unwrap();
        let toml = self.0.read("demo/udap.toml");
        if !toml.contains("audit_key_file") {
            self.0.write(
                "demo/udap.toml",
                format!("audit_key_file = \"audit.key\"\n{toml}"),
            );
        }
    }

    /// What somebody does who can write the database.
    fn tamper(&self, sql: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            use sqlx::{AssertSqlSafe, ConnectOptions};
            let mut connection = sqlx::sqlite::SqliteConnectOptions::new()
                .filename(self.0.path("demo/udap.db"))
                .connect()
                .await
                .unwrap();
            sqlx::query(AssertSqlSafe(sql.to_owned()))
                .execute(&mut connection)
                .await
                .unwrap();
        });
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // The next one is for health and metrics.
    listener.local_addr().unwrap().port().min(65_534)
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_server_that_stopped_leaves_nothing_unsealed_and_the_log_is_whole() {
    let demo = Demo::new();
    let report = demo.audit("verify --json").good().json();
    assert_eq!(report["whole"], true);
    assert_eq!(
        (&report["batches"], &report["events"]),
        (&1.into(), &1.into())
    );
    assert_eq!(report["unsealed"]["events"], 0);
    // Without a key that is worth less, and it says so.
    assert_eq!(report["keyed"], false);
    let told = demo.audit("verify").good();
    assert!(
        told.out
            .contains("anybody who can write the database could have rewritten")
    );

    let seal = report["last_seal"].as_str().unwrap();
    demo.audit(&format!("verify --expect-batch 1 --expect-seal {seal}"))
        .good();
    let cut = demo.audit("verify --expect-batch 2").refused();
    assert!(
        cut.err.contains("batch 2 and what followed was cut off"),
        "{cut:?}"
    );
    demo.audit(&format!("verify --expect-seal {}", "00".repeat(32)))
        .refused();
    demo.audit("verify --expect-seal 00").misused();
}

#[test]
fn a_change_in_the_database_is_found_and_exits_with_1() {
    let demo = Demo::new();
    demo.tamper("UPDATE audit_event SET client_id = 'other'");
    let told = demo.audit("verify").refused();
    assert!(told.err.contains("NOT whole"), "{told:?}");
    assert!(
        told.err
            .contains("batch 1: the events are not those that were sealed")
    );
    let report = demo.audit("verify --json").refused().json();
    assert_eq!(report["whole"], false);
    assert_eq!(report["findings"][0]["finding"], "events_altered");
    demo.audit("purge --before 2020-01-01T00:00:00Z --yes")
        .refused();
}

#[test]
fn an_operators_command_is_sealed_by_a_command_if_no_server_runs() {
    let demo = Demo::new();
    demo.clients(&format!("disable {}", demo.client_id()))
        .good();
    let waiting = demo.audit("verify --json").good().json();
    assert!(
        waiting["unsealed"]["events"].as_u64().unwrap() >= 1,
        "{waiting}"
    );
    let sealed = demo.audit("seal --json").good().json();
    assert_eq!(sealed["sealed"][0]["batch"], 2);
    assert_eq!(sealed["left_to_server"], false);
    let report = demo.audit("verify --json").good().json();
    assert_eq!(report["unsealed"]["events"], 0);
    assert_eq!(report["last_seal"], sealed["sealed"][0]["seal"]);
    assert!(
        demo.audit("seal")
            .good()
            .out
            .contains("Everything is sealed")
    );
}

#[test]
fn a_key_that_comes_later_another_key_and_a_lost_key_are_told() {
    let demo = Demo::new();
    demo.use_key(&"k".repeat(31));
    let short = demo.audit("verify").refused();
    assert!(short.err.contains("shorter than 32 octets"), "{short:?}");
    assert!(!short.err.contains("kkk"));
    demo.0.run("config check --config demo/udap.toml").refused();

    demo.use_key(&"k".repeat(32));
    demo.0.run("config check --config demo/udap.toml").good();
    assert!(
        demo.audit("verify")
            .refused()
            .err
            .contains("sealed without a key")
    );
    demo.clients(&format!("disable {}", demo.client_id()))
        .good();
    demo.audit("seal").good();
    demo.audit("verify").refused();
    let told = demo.audit("verify --keyed-since 2").good();
    assert!(told.out.contains("Batches without a key: 1."), "{told:?}");

    demo.use_key(&"x".repeat(32));
    let other = demo.audit("verify --keyed-since 2").refused();
    assert!(
        other
            .err
            .contains("batch 2: the seal was changed, or made with another key")
    );
    let toml = demo.0.read("demo/udap.toml");
    demo.0
        .write("demo/udap.toml", toml.replace("audit_key_file", "#"));
    assert!(
        demo.audit("verify")
            .refused()
            .err
            .contains("batch 2: sealed with a key")
    );
}

#[test]
fn events_are_exported_as_json_lines_without_statements_unless_asked_for() {
    let demo = Demo::new();
    let client_id = demo.client_id();
    demo.clients(&format!("disable {client_id} --reason test"))
        .good();
    let events = lines(&demo.audit("export").good());
    assert_eq!(events[0]["kind"], "registered");
    assert_eq!(events[0]["client_id"], client_id);
    assert_eq!(
        (&events[0]["batch"], &events[0]["position"]),
        (&1.into(), &1.into())
    );
    assert!(events[0]["occurred_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(events[0]["detail"]["remote_address"], "127.0.0.1");
    assert_eq!(events[0]["detail"]["software_statement"], Value::Null);
    let blocked = events
        .iter()
        .find(|event| event["kind"] == "blocked")
        .unwrap();
    assert_eq!(blocked["detail"]["reason"], "test");
    assert_eq!(blocked["batch"], Value::Null);

    let with = lines(&demo.audit("export --with-statements").good());
    let statement = with[0]["detail"]["software_statement"].as_str().unwrap();
    assert_eq!(statement.split('.').count(), 3);
    demo.audit("export --with-statements --format fhir")
        .misused();

    assert_eq!(
        demo.audit("export --until 2020-01-01T00:00:00Z").good().out,
        ""
    );
    assert_eq!(
        demo.audit("export --since 2999-01-01T00:00:00Z").good().out,
        ""
    );
    assert_eq!(demo.audit("export --client nobody").good().out, "");
    let of_client = lines(&demo.audit(&format!("export --client {client_id}")).good());
    assert_eq!(of_client.len(), events.len());
    demo.audit("export --since yesterday").misused();
}

#[test]
fn events_are_exported_as_fhir_resources() {
    let demo = Demo::new();
    let out = demo.audit("export --format fhir").good();
    let resources = lines(&out);
    assert_eq!(resources.len(), 1);
    assert_eq!(resources[0]["resourceType"], "AuditEvent");
    assert_eq!(resources[0]["subtype"][0]["code"], "registered");
    assert_eq!(resources[0]["agent"][0]["network"]["address"], "127.0.0.1");
    let agent = &resources[0]["agent"][0]["who"]["identifier"]["value"];
    assert_eq!(agent, "https://app.example.org/demo");
    assert!(!out.out.contains("eyJ"), "a statement");
}

#[test]
fn a_purge_wants_a_yes_and_leaves_a_log_that_is_whole() {
    let demo = Demo::new();
    demo.audit("purge --before 2020-01-01T00:00:00Z").misused();
    demo.audit("purge --before 2999-01-01T00:00:00Z --yes")
        .misused();
    let none = demo
        .audit("purge --before 2020-01-01T00:00:00Z --yes")
        .good();
    assert!(none.out.contains("nothing was removed"));
    assert_eq!(lines(&demo.audit("export").good()).len(), 1);

    let now = crate::ran::now();
    let before = now
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap();
    let done = demo
        .audit(&format!(
            "purge --before {before} --yes --reason old --json"
        ))
        .good()
        .json();
    assert_eq!(
        (&done["batches"], &done["events"], &done["through"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(done["sealed"][0]["batch"], 2);
    let report = demo.audit("verify --json").good().json();
    assert_eq!(report["purge"]["through"], 1);
    let left = lines(&demo.audit("export").good());
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["kind"], "audit_purged");
    assert_eq!(left[0]["detail"]["reason"], "old");
}

#[test]
fn a_database_that_is_gone_is_no_empty_log() {
    let demo = Demo::new();
    std::fs::remove_file(demo.0.path("demo/udap.db")).unwrap();
    let gone = demo.audit("verify").refused();
    assert!(gone.err.contains("there is no database"), "{gone:?}");
    assert!(!demo.0.path("demo/udap.db").exists());
}
