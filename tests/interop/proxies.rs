//! The proxies' configurations in `docs/proxies.md`, as they stand there.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use udap_testkit::TestCommunity;
use udap_tests::{Page, Server, Setup, Web, answer, now, until};

const APP: &str = "https://app.example.org/";

/// The blocks of a language in the documentation, with our ports in place of the example's.
fn blocks(language: &str, registrar: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/proxies.md");
    let text = fs::read_to_string(path).unwrap();
    let blocks: Vec<&str> = text
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'))
        .collect();
    assert_eq!(blocks.len(), 2, "{language}");
    assert!(blocks[0].contains("127.0.0.1:8080"));
    blocks.concat().replace("127.0.0.1:8080", registrar)
}

/// A proxy, until it is dropped.
struct Proxy {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Asked to, it takes its children with it.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").arg(id).status();
        let _ = self.child.wait();
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

impl Proxy {
    fn start(program: &str, configuration: impl Fn(&str, &Path) -> (String, Vec<String>)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        let (text, arguments) = configuration(&address, folder.path());
        let file = folder.path().join("proxy.conf");
        fs::write(&file, text).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        Self {
            child,
            address,
            _folder: folder,
        }
    }

    fn nginx(registrar: &str, openemr: &str) -> Self {
        let rules = blocks("nginx", registrar);
        Self::start("nginx", |address, folder| {
            let folder = folder.display();
            let text = format!(
                "daemon off; master_process off; pid {folder}/pid; error_log stderr;\n\
                 events {{}}\n\
                 http {{ access_log off; client_body_temp_path {folder}/body;\n\
                 proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;\n\
                 uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n\
                 server {{ listen {address}; server_name emr.example.org;\n{rules}\n\
                 location / {{ proxy_pass http://{openemr}; }} }} }}\n"
            );
            (
                text,
                vec!["-e".to_owned(), "stderr".to_owned(), "-c".to_owned()],
            )
        })
    }

    fn apache(registrar: &str, openemr: &str) -> Self {
        let rules = blocks("apache", registrar);
        Self::start("apache2", |address, folder| {
            let modules = "/usr/lib/apache2/modules";
            let loaded: String = [
                "mpm_event",
                "authz_core",
                "headers",
                "proxy",
                "proxy_http",
                "rewrite",
            ]
            .map(|name| format!("LoadModule {name}_module {modules}/mod_{name}.so\n"))
            .concat();
            let folder = folder.display();
            let text = format!(
                "{loaded}ServerName emr.example.org\nListen {address}\nPidFile {folder}/pid\n\
                 DefaultRuntimeDir {folder}\nErrorLog /dev/stderr\nUser nobody\nGroup nogroup\n\
                 <VirtualHost *>\n{rules}\nProxyPass \"/\" \"http://{openemr}/\"\n</VirtualHost>\n"
            );
            (
                text,
                vec!["-D".to_owned(), "FOREGROUND".to_owned(), "-f".to_owned()],
            )
        })
    }
}

async fn works_behind(proxy: impl Fn(&str, &str) -> Proxy) {
    let of = TestCommunity::new("example", now());
    let setup = Setup::new(&of).limits("registrations_per_minute = 60\n");
    let server = Server::start(&setup).await;
    let openemr = Web::start();
    let path = "/oauth2/default/registration";
    openemr.set(path, Page::Body(b"open".to_vec()));
    openemr.set("/apis/default/fhir/metadata", Page::Body(b"fhir".to_vec()));
    let proxy = proxy(server.address(), &format!("127.0.0.1:{}", openemr.port()));
    let url = |path: &str| format!("http://{}{path}", proxy.address);
    let get = async |path: &str| server.http().get(url(path)).send().await;
    until("the proxy answers", Duration::from_secs(20), async || {
        get("/apis/default/fhir/metadata").await.is_ok()
    })
    .await;

    let fhir = get("/apis/default/fhir/metadata").await.unwrap();
    assert_eq!(fhir.text().await.unwrap(), "fhir");
    let metadata = answer(
        server
            .http()
            .get(url("/apis/default/fhir/.well-known/udap")),
    )
    .await;
    assert_eq!(metadata.status, 200);
    assert_eq!(metadata.body["registration_endpoint"], server.endpoint());
    let leaf = of.client(APP);
    let post = async |body: String| {
        let request = server
            .http()
            .post(url("/udap/default/register"))
            .header("content-type", "application/json")
            // Who pretends to come from elsewhere is seen through.
            .header("x-forwarded-for", "203.0.113.7");
        answer(request.body(body)).await
    };
    let registered = post(server.statement(&leaf).request().to_string()).await;
    assert_eq!(registered.status, 201);
    let event = server.run(&["audit", "export"]);
    assert_eq!(event.0, Some(0));
    assert!(!event.1.to_string().contains("203.0.113.7"));
    let open = get(path).await.unwrap();
    assert_eq!(open.status(), 403);
    assert_eq!(openemr.requests(path), 0);
    // Neither lets through what the registrar would not read.
    let long = format!("{{\"software_statement\":\"{}\"}}", "x".repeat(300 * 1024));
    let request = server
        .http()
        .post(url("/udap/default/register"))
        .header("content-type", "application/json");
    let refused = request.body(long).send().await.unwrap();
    assert_eq!(refused.status(), 413);
}

#[tokio::test]
#[ignore = "needs nginx: cargo xtask interop"]
async fn nginx_routes_as_documented() {
    works_behind(Proxy::nginx).await;
}

#[tokio::test]
#[ignore = "needs apache2: cargo xtask interop"]
async fn apache_routes_as_documented() {
    works_behind(Proxy::apache).await;
}
