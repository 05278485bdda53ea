//! A running server, and what it answers.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use udap_testkit::{StatementBuilder, TestLeaf};

use crate::{Answer, Database, MariaDb, Setup, Store, answer, now, udap};

/// How long a server may take to start, on a machine that is busy building.
const START: Duration = Duration::from_secs(60);

/// Lines of its log that are shown when a test fails.
const LAST_LINES: usize = 40;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    folder: TempDir,
    store: Store,
    address: String,
    admin: String,
    http: reqwest::Client,
}

impl Server {
    /// Makes a store, writes the configuration, starts the server and waits until it is ready.
    ///
    /// # Panics
    /// If it does not get ready.
    pub async fn start(setup: &Setup<'_>) -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let store = Store::as_asked(folder.path(), &setup.sites).await;
        Self::start_in(folder, store, setup).await
    }

    /// As [`start`](Self::start), on this store.
    ///
    /// # Panics
    /// If it does not get ready.
    pub async fn start_on(store: MariaDb, setup: &Setup<'_>) -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        Self::start_in(folder, Store::MariaDb(Box::new(store)), setup).await
    }

    async fn start_in(folder: TempDir, store: Store, setup: &Setup<'_>) -> Self {
        let (address, admin) = (free_address(), free_address());
        setup.write(folder.path(), &store, &address, &admin);
        let child = spawn(folder.path());
        let mut server = Self {
            child,
            folder,
            store,
            address,
            admin,
            http: client(),
        };
        server.wait().await;
        server
    }

    /// Waits until it is ready.
    ///
    /// # Panics
    /// If it does not get ready.
    pub async fn wait(&mut self) {
        let deadline = Instant::now() + START;
        loop {
            if let Ok(answer) = self
                .http
                .get(format!("http://{}/health/ready", self.admin))
                .send()
                .await
                && answer.status().is_success()
            {
                return;
            }
            let ended = self.child.try_wait().expect("the server can be asked");
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "the server did not start: {ended:?}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the server has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The folder with `udap.toml`, and with the database if that is a file.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Address and port of the public listener.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The registration endpoint of the site `default`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.endpoint_of("default")
    }

    /// The registration endpoint of a site.
    #[must_use]
    pub fn endpoint_of(&self, site: &str) -> String {
        format!("http://{}/udap/{site}/register", self.address)
    }

    /// The URL of a path of the public listener.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A good client_credentials statement for the site `default`.
    pub fn statement(&self, leaf: &TestLeaf) -> StatementBuilder {
        leaf.statement(&self.endpoint(), now())
    }

    /// Registers at the site `default`.
    pub async fn post(&self, statement: &StatementBuilder) -> Answer {
        self.post_body(&statement.request()).await
    }

    /// Sends a body to the registration endpoint of the site `default`.
    pub async fn post_body(&self, body: &Value) -> Answer {
        self.post_to(&self.endpoint(), body.to_string(), "application/json")
            .await
    }

    /// Sends anything anywhere.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn post_to(&self, url: &str, body: impl Into<reqwest::Body>, kind: &str) -> Answer {
        let request = self.http.post(url).header("content-type", kind).body(body);
        answer(request).await
    }

    /// Gets a path of the public listener.
    pub async fn get(&self, path: &str) -> Answer {
        answer(self.http.get(self.url(path))).await
    }

    /// Gets a path of the admin listener as text.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn admin(&self, path: &str) -> String {
        let url = format!("http://{}{path}", self.admin);
        let answer = self.http.get(url).send().await.expect("there is an answer");
        answer.text().await.expect("the answer is text")
    }

    /// The HTTP client, for requests of another kind.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The database, opened beside the server.
    pub async fn database(&self) -> Database {
        Database::open(&self.store).await
    }

    /// Its store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// A `udap` command with this server's configuration.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = udap();
        command
            .args(arguments)
            .arg("--config")
            .arg(self.folder.path().join("udap.toml"));
        command
    }

    /// Runs a `udap` command with this server's configuration: its exit code, and its JSON.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let mut command = self.command(arguments);
        let output = command.arg("--json").output().expect("udap starts");
        let value = serde_json::from_slice(&output.stdout).unwrap_or_else(
            |_| serde_json::json!({ "stderr": String::from_utf8_lossy(&output.stderr) }),
        );
        (output.status.code(), value)
    }

    /// Writes another configuration in place of the one that it was started with.
    pub fn configure(&self, setup: &Setup<'_>) {
        setup.write(self.folder.path(), &self.store, &self.address, &self.admin);
    }

    /// Sends SIGHUP: take up what has changed.
    ///
    /// # Panics
    /// If it is not running.
    pub fn hang_up(&self) {
        let mut kill = Command::new("kill");
        let status = kill.args(["-HUP", &self.child.id().to_string()]).status();
        assert!(status.expect("kill starts").success());
    }

    /// What `/health/ready` says.
    ///
    /// # Panics
    /// If that is not JSON.
    pub async fn health(&self) -> Value {
        let text = self.admin("/health/ready").await;
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"))
    }

    /// `kill -9`, then the same server again.
    ///
    /// # Panics
    /// If it does not get ready.
    pub async fn kill_and_restart(&mut self) {
        self.kill();
        self.restart();
        self.wait().await;
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// If it cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server ends");
    }

    /// Starts it again after it has ended, and does not [`wait`](Self::wait) for it.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn restart(&mut self) {
        self.child = spawn(self.folder.path());
        self.http = client();
    }

    /// The process id.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the server to end by itself, at most so long.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn ended(&mut self, within: Duration) -> std::process::ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("the server can be asked") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server still runs");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            // Why the test fails is often said there.
            let log = self.log();
            let told = log.lines().filter(|line| !line.contains("\"INFO\""));
            let told: Vec<_> = told.collect();
            println!(
                "{}",
                told[told.len().saturating_sub(LAST_LINES)..].join("\n")
            );
        }
    }
}

fn client() -> reqwest::Client {
    // A second test of this process has installed it already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("there is an HTTP client")
}

fn spawn(folder: &Path) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .expect("the log is made");
    udap()
        .arg("serve")
        .arg("--config")
        .arg(folder.join("udap.toml"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("the log is shared"))
        .stderr(log)
        .spawn()
        .expect("udap starts")
}

/// A port that nobody uses. Below those that the system gives out by itself: one of these, free now, may
/// be the end of somebody's connection when the server wants it.
fn free_address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        // Test programs at the same time begin far apart.
        let port = 10_000 + (std::process::id().wrapping_mul(97).wrapping_add(step)) % 22_000;
        let address = format!("127.0.0.1:{port}");
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}
