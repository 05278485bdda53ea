//! nginx and Apache, with the rules that `docs/proxies.md` gives.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

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
    assert_eq!(blocks.len(), 3, "{language}");
    assert!(blocks[0].contains("127.0.0.1:8080"));
    blocks.concat().replace("127.0.0.1:8080", registrar)
}

/// A proxy, until it is dropped.
pub(crate) struct Proxy {
    child: Child,
    pub(crate) address: String,
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

pub(crate) fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

impl Proxy {
    fn start(
        program: &str,
        address: &str,
        configuration: impl Fn(&Path) -> (String, Vec<String>),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (text, arguments) = configuration(folder.path());
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
            address: address.to_owned(),
            _folder: folder,
        }
    }

    /// Before a registrar and an OpenEMR.
    pub(crate) fn nginx(address: &str, registrar: &str, openemr: &str) -> Self {
        let rules = blocks("nginx", registrar);
        Self::start("nginx", address, |folder| {
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

    /// Before a registrar and an OpenEMR.
    pub(crate) fn apache(address: &str, registrar: &str, openemr: &str) -> Self {
        let rules = blocks("apache", registrar);
        Self::start("apache2", address, |folder| {
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
