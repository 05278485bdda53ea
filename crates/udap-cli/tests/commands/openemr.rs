//! An OpenEMR for the binary: its tables on a real MariaDB, its discovery on a small web server, and a
//! configuration with the account that `udap db grants` describes.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::DATE;
use axum::response::{IntoResponse, Response};
use axum::{
    Json, Router,
    routing::{get, post},
};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc2822;
use udap_testdb::{OpenEmr, OpenEmrBuilder, Schema, TestServer};
use udap_testkit::TestCommunity;
use uuid::Uuid;

use crate::ran::{Place, Ran, now};

const PASSWORD: &str = "a-password";

/// A site `default` with its OpenEMR, and one community.
pub(crate) struct Emr {
    pub(crate) place: Place,
    pub(crate) openemr: OpenEmr,
    pub(crate) registry: Schema,
    pub(crate) web: Web,
    pub(crate) user: String,
    community: TestCommunity,
    public_url: String,
}

impl Emr {
    /// All as it should be, but for what the server itself does at its first start.
    pub(crate) async fn new(openemr: OpenEmrBuilder) -> Self {
        let emr = Self::without_account(openemr).await;
        let script = emr.grants(&["--host", "%"]).good().out;
        emr.run_as_administrator(&emr.without_later_columns(&script))
            .await;
        emr
    }

    /// As long as the database's administrator has done nothing.
    pub(crate) async fn without_account(openemr: OpenEmrBuilder) -> Self {
        let server = TestServer::shared();
        let web = Web::start();
        let openemr = openemr.create(server).await;
        openemr.set_global("site_addr_oath", &web.address).await;
        let emr = Self {
            place: Place::new(),
            openemr,
            registry: Schema::create(server, None).await,
            web,
            user: format!("udap_{}", &Uuid::new_v4().simple().to_string()[..24]),
            community: TestCommunity::new("example", now()),
            public_url: format!("http://127.0.0.1:{}", free_port()),
        };
        emr.write_files();
        emr.configure(&emr.database_url(), "");
        emr
    }

    /// The URL of the registrar's schema with its own account.
    pub(crate) fn database_url(&self) -> String {
        TestServer::shared().url_of(&self.user, PASSWORD, self.registry.name())
    }

    /// Writes `udap.toml`, with more keys for the site.
    pub(crate) fn configure(&self, database_url: &str, site: &str) {
        let (public_url, web) = (&self.public_url, &self.web.address);
        let listen = public_url.strip_prefix("http://").unwrap();
        let schema = self.openemr.schema().name();
        let admin = free_port();
        self.place.write(
            "udap.toml",
            format!(
                r#"
public_url = "{public_url}"
listen = "{listen}"
admin_listen = "127.0.0.1:{admin}"
database_url = "{database_url}"
[[site]]
id = "default"
fhir_base_url = "{public_url}/apis/default/fhir"
token_endpoint = "{web}/oauth2/default/token"
openemr_schema = "{schema}"
token_mode = "gateway"
scopes = ["system/Patient.read", "system/Observation.read"]
{site}
[[community]]
id = "example"
uri = "https://example.example.net/udap"
anchors = ["root.pem"]
intermediates = ["intermediate.pem"]
crls = ["crls"]
server_certificate = "server.pem"
server_key = "server.key"
enable = "all"
"#
            ),
        );
    }

    fn write_files(&self) {
        let (place, of) = (&self.place, &self.community);
        place.write("root.pem", of.root().pem());
        place.write("intermediate.pem", of.intermediate().pem());
        for (index, list) in of.crls().iter().enumerate() {
            place.write(&format!("crls/{index}.crl"), list);
        }
        let server = of.server(&format!("{}/apis/default/fhir", self.public_url));
        place.write("server.pem", server.chain_pem());
        place.write_private("server.key", server.key().pem());
        let app = of.client("https://app.example.org/");
        place.write("app.pem", app.chain_pem());
        place.write_private("app.key", app.key().pem());
    }

    pub(crate) fn grants(&self, more: &[&str]) -> Ran {
        self.place.run_words(["db", "grants"].iter().chain(more))
    }

    /// Runs a printed script with the password filled in.
    pub(crate) async fn run_as_administrator(&self, script: &str) {
        let script = script.replace("<password>", PASSWORD);
        TestServer::shared().execute(None, &script).await;
    }

    /// Without the lines that the script says to leave out for this version.
    fn without_later_columns(&self, script: &str) -> String {
        let columns = self.openemr.generation().columns();
        let fails = |line: &&str| {
            (columns < 25 && line.starts_with("GRANT SELECT (dsi_type) "))
                || (columns < 24 && line.starts_with("GRANT SELECT (skip_ehr_launch"))
        };
        let lines: Vec<_> = script.lines().filter(|line| !fails(line)).collect();
        lines.join("\n")
    }

    /// Runs statements as administrator, in OpenEMR's schema.
    pub(crate) async fn execute(&self, statements: &str) {
        let schema = Some(self.openemr.schema().name());
        TestServer::shared().execute(schema, statements).await;
    }

    /// Makes the registrar's tables, as a first start does.
    pub(crate) fn make_tables(&self) {
        self.place.run("clients list").good();
    }

    /// Lets the server run while an app registers. The answer is the client's id.
    pub(crate) fn register_an_app(&self) -> String {
        let _server = self.serve();
        let ran = self.place.run(&format!(
            "register --endpoint {}/udap/default/register --cert app.pem --key app.key --json \
             --client-name App --grant client_credentials --scope system/Patient.read \
             --contact mailto:a@example.org",
            self.public_url
        ));
        let answer = ran.good().json();
        let id = answer
            .pointer("/response/client_id")
            .or(answer.get("client_id"));
        id.and_then(Value::as_str).unwrap().to_owned()
    }

    fn serve(&self) -> Serving {
        let child = Command::new(env!("CARGO_BIN_EXE_udap"))
            .arg("serve")
            .current_dir(self.place.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let serving = Serving(child);
        let address = self.public_url.strip_prefix("http://").unwrap();
        let end = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "the server does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        serving
    }
}

impl Drop for Emr {
    fn drop(&mut self) {
        let statement = format!("DROP USER IF EXISTS '{}'@'%'", self.user);
        // On a thread of its own, since the test's runtime cannot be waited for from within.
        let _ = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(TestServer::shared().execute(None, &statement));
            std::io::Result::Ok(())
        })
        .join();
    }
}

struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// OpenEMR's web server, as far as discovery goes.
pub(crate) struct Web {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    document: Mutex<Value>,
    /// Seconds by which its clock is ahead.
    ahead: Mutex<i64>,
    /// Whether its API is off.
    is_closed: Mutex<bool>,
}

impl Web {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let web = Self {
            address,
            shared: Arc::default(),
        };
        web.change(|_| {});
        let router = Router::new()
            .route(
                "/oauth2/default/.well-known/openid-configuration",
                get(discovery),
            )
            .route("/oauth2/default/token", post(token))
            .with_state(Arc::clone(&web.shared));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        web
    }

    /// Shows the usual document, after `change` had its way with it.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut document = json!({
            "issuer": format!("{}/oauth2/default", self.address),
            "token_endpoint": format!("{}/oauth2/default/token", self.address),
            "scopes_supported": ["openid", "system/Patient.read", "system/Observation.read"],
        });
        change(&mut document);
        *self.shared.document.lock().unwrap() = document;
    }

    /// Switches its token endpoint off.
    pub(crate) fn close(&self) {
        *self.shared.is_closed.lock().unwrap() = true;
    }

    /// Sets its clock.
    pub(crate) fn set_ahead(&self, seconds: i64) {
        *self.shared.ahead.lock().unwrap() = seconds;
    }
}

async fn discovery(State(shared): State<Arc<Shared>>) -> Response {
    let document = shared.document.lock().unwrap().clone();
    let ahead = time::Duration::seconds(*shared.ahead.lock().unwrap());
    let date = (now() + ahead).format(&Rfc2822).unwrap();
    let date = date.replace("+0000", "GMT");
    ([(DATE, date)], Json(document)).into_response()
}

/// It has no clients.
async fn token(State(shared): State<Arc<Shared>>) -> Response {
    if *shared.is_closed.lock().unwrap() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let said = json!({"error": "invalid_client"});
    (StatusCode::UNAUTHORIZED, Json(said)).into_response()
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
