//! Whole files, through [`Config::load`].

mod environment;
mod report;
mod rules;

use std::{fs, path::PathBuf, time::Duration};

use super::{problem::*, settings::*, *};

/// A folder with every file that the examples name.
pub(super) struct Folder(tempfile::TempDir);

/// What a minimal file holds; `{…}` is where a test changes something.
pub(super) const MINIMAL: &str = r#"
public_url = "https://emr.example.org"

[[site]]
id = "default"
fhir_base_url = "https://emr.example.org/apis/default/fhir"
token_endpoint = "https://emr.example.org/oauth2/default/token"
scopes = ["system/Patient.read"]

[[community]]
id = "example"
uri = "https://community.example.org/udap"
anchors = ["root.pem"]
server_certificate = "server.pem"
server_key = "server.key"
enable = "all"
"#;

impl Folder {
    pub(super) fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for path in [
            "root.pem",
            "server.pem",
            "certs/example/root.pem",
            "certs/example/server.pem",
            "certs/certifiers/root.pem",
        ] {
            folder.write(path, "a certificate");
        }
        for path in ["server.key", "certs/example/server.key"] {
            folder.write(path, "a key");
            folder.only_for_us(path);
        }
        folder
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }

    #[cfg(unix)]
    pub(super) fn only_for_us(&self, path: &str) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[cfg(not(unix))]
    pub(super) fn only_for_us(&self, _path: &str) {}

    pub(super) fn load(&self, text: &str) -> Result<Config, ConfigError> {
        self.load_with(text, &[])
    }

    pub(super) fn load_with(
        &self,
        text: &str,
        environment: &[(&str, &str)],
    ) -> Result<Config, ConfigError> {
        self.write("udap.toml", text);
        Config::load(&self.path("udap.toml"), environment.iter().copied())
    }

    /// The report, with this folder's name replaced.
    pub(super) fn report(&self, text: &str, environment: &[(&str, &str)]) -> String {
        self.load_with(text, environment)
            .expect_err("the file is at fault")
            .to_string()
            .replace(&self.0.path().display().to_string(), "FOLDER")
    }
}

/// design.md §7, with MariaDB's schema as there.
const EXAMPLE: &str = r#"
public_url   = "https://emr.example.org"      # what the world sees; never taken from Host headers
listen       = "127.0.0.1:8080"               # plain HTTP behind a proxy…
# tls_certificate = "…"; tls_key = "…"        # …or TLS in process
admin_listen = "127.0.0.1:9090"               # /health/live, /health/ready, /metrics; never public
database_url = "mysql://user:password@host/udap_registry"

[[site]]                                      # one per OpenEMR site
id = "default"
fhir_base_url          = "https://emr.example.org/apis/default/fhir"
authorization_endpoint = "https://emr.example.org/oauth2/default/authorize"
token_endpoint         = "https://emr.example.org/oauth2/default/token"
openemr_schema = "openemr"
token_mode = "direct"                         # or "gateway"
scopes = ["system/Patient.read", "system/*.read"]

[[community]]
id  = "example"
uri = "https://community.example.org/udap"
anchors       = ["certs/example/root.pem"]    # files or folders
intermediates = []
crls          = []
server_certificate = "certs/example/server.pem"
server_key         = "certs/example/server.key"
profile    = "hl7"
revocation = "required"
link_checks = true
enable = "all"
scopes = ["system/*.read", "patient/*.read"]

[fetch]
allow_hosts = []

[[certification]]
uri = "https://community.example.org/certifications/basic"
anchors = ["certs/certifiers/root.pem"]
issuers = ["https://certifier.example.org"]
communities = ["example"]
required = false
"#;

#[test]
fn the_documented_example_is_read() {
    let folder = Folder::new();
    let config = folder.load(EXAMPLE).unwrap();
    let site = config.site("default").unwrap();
    assert_eq!(site.openemr_schema.as_deref(), Some("openemr"));
    assert_eq!(site.fhir_path, "/apis/default/fhir");
    assert_eq!(
        site.authorization_endpoint.as_deref(),
        Some("https://emr.example.org/oauth2/default/authorize")
    );
    assert_eq!(site.upstream_token_url.as_str(), site.token_endpoint);
    assert_eq!(
        config.registration_endpoint(site),
        "https://emr.example.org/udap/default/register"
    );
    assert_eq!(
        config.gateway_endpoint(site),
        "https://emr.example.org/udap/default/token"
    );
    let community = config.communities_of(site).next().unwrap();
    assert_eq!(community.link_checks, LinkChecks::On);
    assert_eq!(community.enable, Enable::All);
    assert_eq!(community.anchors, [folder.path("certs/example/root.pem")]);
    assert_eq!(
        community.server_key,
        folder.path("certs/example/server.key")
    );
    assert_eq!(
        config.certifications[0].issuers,
        ["https://certifier.example.org"]
    );
    let Backend::Mysql(url) = &config.database else {
        panic!("the example uses MySQL")
    };
    assert_eq!(url.expose().password(), Some("password"));
    assert_eq!(url.to_string(), "mysql://user@host/udap_registry");
}

#[test]
fn the_documented_example_is_read_with_sqlite() {
    let folder = Folder::new();
    let sqlite = EXAMPLE
        .replace(
            "mysql://user:password@host/udap_registry",
            "sqlite://udap.db",
        )
        .replace("openemr_schema = \"openemr\"\n", "");
    let config = folder.load(&sqlite).unwrap();
    assert_eq!(config.database, Backend::Sqlite(folder.path("udap.db")));
}

#[test]
fn defaults_are_as_documented() {
    let folder = Folder::new();
    let config = folder.load(MINIMAL).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.admin_listen.to_string(), "127.0.0.1:9090");
    assert_eq!(config.database, Backend::Sqlite(folder.path("udap.db")));
    assert_eq!((config.tls, config.audit_key_file), (None, None));
    let site = &config.sites[0];
    assert_eq!(site.token_mode, TokenMode::Direct);
    assert_eq!(site.gateway_keys, folder.path("gateway-keys"));
    assert!(site.honour_manual_approval && !site.require_pkce && site.guarded_path.is_none());
    let community = &config.communities[0];
    assert_eq!(community.profile, Profile::Hl7);
    assert_eq!(community.revocation, Revocation::Required);
    assert_eq!(community.no_crl_address, NoCrlAddress::Accept);
    assert_eq!(community.contact_match, ContactMatch::Registrable);
    assert_eq!(community.b2b, B2b::Required);
    assert!(community.allow_client_credentials && !community.allow_http_pages);
    assert_eq!(community.link_checks, LinkChecks::Off);
    assert_eq!(
        (community.scopes.clone(), community.purposes_max),
        (None, None)
    );
    assert_eq!(community.sites, ["default"]);
    assert!(config.fetch.aia && config.fetch.ocsp && config.fetch.allow_hosts.is_empty());
    assert_eq!(config.fetch.crl_refresh, Duration::from_secs(60 * 60));
    assert_eq!(config.limits.registrations_per_minute.unwrap().get(), 60);
    assert_eq!(
        config
            .limits
            .statements_per_client_per_minute
            .unwrap()
            .get(),
        10
    );
    assert_eq!(config.limits.tokens_per_minute.unwrap().get(), 600);
    assert_eq!(config.limits.trusted_proxies.len(), 2);
    assert_eq!(config.protocol.clock_skew, Duration::from_secs(60));
    assert_eq!(
        config.protocol.unknown_community,
        UnknownCommunity::NoContent
    );
    assert_eq!(
        config.protocol.signed_metadata,
        Duration::from_secs(24 * 3600)
    );
    assert_eq!(config.recheck.interval, Duration::from_secs(3600));
    assert_eq!(config.recheck.unknown_grace, Duration::from_secs(72 * 3600));
}

/// Every default of the documentation's tables, written into a file, changes nothing.
#[test]
fn documented_defaults_written_out_change_nothing() {
    let folder = Folder::new();
    let minimal = format!("{MINIMAL}\n[[certification]]\nuri = \"urn:example:basic\"\n");
    let mut written_out = minimal.clone();
    let mut count = 0;
    for part in DOCUMENTATION.split("\n## ") {
        let heading = part.lines().next().unwrap_or_default().trim_matches('`');
        let entries: Vec<String> = part
            .lines()
            .filter_map(key_and_default)
            .map(|(key, default)| format!("{key} = {default}"))
            .collect();
        count += entries.len();
        let entries = entries.join("\n");
        written_out = match heading {
            "Top level" => format!("{entries}\n{written_out}"),
            list if list.starts_with("[[") => {
                written_out.replacen(list, &format!("{list}\n{entries}"), 1)
            }
            table if table.starts_with('[') => format!("{written_out}\n{table}\n{entries}\n"),
            _ => written_out,
        };
    }
    assert!(count > 30, "the documentation has {count} defaults only");
    let config = folder
        .load(&written_out)
        .unwrap_or_else(|error| panic!("{error}\n{written_out}"));
    assert_eq!(config, folder.load(&minimal).unwrap());
}

const DOCUMENTATION: &str = include_str!("../../../../docs/configuration.md");

/// The first two code spans of a table row: | `key` | type | `default` | …
fn key_and_default(row: &str) -> Option<(&str, &str)> {
    let cells: Vec<&str> = row.split(" | ").collect();
    let key = cells.first()?.strip_prefix("| `")?.strip_suffix('`')?;
    let default = cells.get(2)?.strip_prefix('`')?.strip_suffix('`')?;
    Some((key, default))
}

#[test]
fn every_key_is_documented_with_its_variable() {
    use super::{problem::Place, tree};
    for (place, heading, variable) in [
        (Place::Top, "## Top level", "UDAP_"),
        (Place::Site(0), "## `[[site]]`", "UDAP_SITE__ID__"),
        (
            Place::Community(0),
            "## `[[community]]`",
            "UDAP_COMMUNITY__ID__",
        ),
        (
            Place::Certification(0),
            "## `[[certification]]`",
            "UDAP_CERTIFICATION__0__",
        ),
        (Place::Fetch, "## `[fetch]`", "UDAP_FETCH__"),
        (Place::Limits, "## `[limits]`", "UDAP_LIMITS__"),
        (Place::Protocol, "## `[protocol]`", "UDAP_PROTOCOL__"),
        (Place::Recheck, "## `[recheck]`", "UDAP_RECHECK__"),
    ] {
        let (_, section) = DOCUMENTATION.split_once(heading).expect(heading);
        let section = section.split("\n## ").next().unwrap();
        let documented: Vec<&str> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        let mut known = tree::keys_at(place).to_vec();
        let mut sorted = documented.clone();
        known.sort_unstable();
        sorted.sort_unstable();
        assert_eq!(sorted, known, "{heading}");
        for key in documented {
            let name = format!("`{variable}{}`", key.to_uppercase());
            assert!(section.contains(&name), "{heading}: {name}");
        }
    }
}

#[test]
fn no_secret_is_in_debug_or_errors() {
    let folder = Folder::new();
    folder.write("token", "hunter2-token");
    let text = EXAMPLE
        .replace("user:password@", "user:hunter2-password@")
        .replace(
            "token_mode =",
            "upstream_token_file = \"token\"\ntoken_mode =",
        );
    let config = folder.load(&text).unwrap();
    assert!(
        !format!("{config:#?} {} {:?}", config.database, config.warnings()).contains("hunter2")
    );
    for broken in [
        text.replace("/udap_registry", ""),
        text.replace("/udap_registry\"", "/udap_registry"),
        text.replace(
            "database_url = \"mysql://user:hunter2-password@host/udap_registry\"",
            "database_url = { password = \"hunter2\" }",
        ),
        text.replace("mysql://", "postgres://"),
        text.replace("database_url =", "database_url_file ="),
        text.replace("/udap_registry", "/udap_registry?ssl-mode=DISABLED"),
        text.replace(
            "https://emr.example.org\"",
            "https://u:hunter2@emr.example.org\"",
        ),
    ] {
        let error = folder.load(&broken).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn the_place_of_a_syntax_error_is_named() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.report("public_url = \"x\"\nlisten = nonsense\n", &[]), @r#"FOLDER/udap.toml: line 2, column 10: invalid float, expected `nan`"#);
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(Path::new("/no/such/udap.toml"), [("A", "B")]).unwrap_err();
    assert!(
        error.to_string().starts_with("/no/such/udap.toml: "),
        "{error}"
    );
}
