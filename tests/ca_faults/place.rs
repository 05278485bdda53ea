//! A folder in which commands run.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use sqlx::{Connection, Executor, SqliteConnection};
use tempfile::TempDir;
use udap_tests::udap;

pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(place.path("out")).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = udap();
        command
            .args(line.split_whitespace())
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn spawn(&self, line: &str) -> Child {
        self.command(line).spawn().unwrap()
    }

    pub(crate) fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs a command that has to go well.
    #[track_caller]
    pub(crate) fn succeed(&self, line: &str) {
        let output = self.run(line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
    }

    /// What a command says in JSON, or what went wrong.
    pub(crate) fn ask(&self, line: &str) -> Result<Value, String> {
        let output = self.run(line);
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`udap {line}` failed: {said}"));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| format!("{line}: {error}"))
    }

    /// Changes the authority's index behind its back.
    pub(crate) fn change(&self, sql: &'static str, serial: &str) {
        let path = self.path("ca/ca.db");
        let serial = serial.to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let url = format!("sqlite://{}", path.display());
            let mut database = SqliteConnection::connect(&url).await.unwrap();
            database.execute("PRAGMA foreign_keys = OFF").await.unwrap();
            let changed = sqlx::query(sql)
                .bind(serial)
                .execute(&mut database)
                .await
                .unwrap();
            assert_eq!(changed.rows_affected(), 1);
            database.close().await.unwrap();
        });
    }

    /// What openssl says, if it goes well.
    pub(crate) fn openssl(&self, line: &str) -> Result<String, String> {
        let output = Command::new("openssl")
            .args(line.split_whitespace())
            .current_dir(self.0.path())
            .output()
            .expect("the openssl command line tool is needed for this test");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() {
            Ok(text)
        } else {
            Err(format!("openssl {line}: {text}"))
        }
    }
}
