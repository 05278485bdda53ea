//! The demo's folder: a CA, certificates, the configuration and the database.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use time::Duration;
use udap::trust::{NoCrlAddress, RevocationMode, TrustPolicy, TrustStore};
use udap_ca::{
    CaDirectory, InitOptions, KeyAlgorithm, LeafProfile, LeafRequest, SanUri, Subject,
    write_new_private_file, write_public_file,
};

use super::say;
use crate::config::Config;
use crate::{environment, material};

/// The community's URI, and the app's: names, not addresses; nothing is fetched from them.
const COMMUNITY_URI: &str = "https://community.example.org/udap";
const APP_URI: &str = "https://app.example.org/demo";

/// The demo is what its folder says, whatever the environment does.
pub(super) const NO_ENVIRONMENT: [(&str, &str); 0] = [];

/// Where the demo lives.
pub(super) struct Place {
    folder: PathBuf,
    port: u16,
}

impl Place {
    pub(super) fn new(folder: &Path, port: u16) -> Self {
        Self {
            folder: folder.to_owned(),
            port,
        }
    }

    pub(super) fn public_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn base_url(&self) -> String {
        format!("{}/apis/default/fhir", self.public_url())
    }

    pub(super) fn registration_endpoint(&self) -> String {
        format!("{}/udap/default/register", self.public_url())
    }

    pub(super) fn configuration(&self) -> PathBuf {
        self.folder.join("udap.toml")
    }

    pub(super) fn database(&self) -> PathBuf {
        self.folder.join("udap.db")
    }

    pub(super) fn app_certificate(&self) -> PathBuf {
        self.folder.join("app.pem")
    }

    pub(super) fn app_key(&self) -> PathBuf {
        self.folder.join("app.key")
    }

    pub(super) fn crls(&self) -> [PathBuf; 2] {
        ["ca/root.crl", "ca/intermediate.crl"].map(|name| self.folder.join(name))
    }

    /// Trust as the app configures it.
    pub(super) fn trust_policy(&self) -> anyhow::Result<TrustPolicy> {
        let anchors = material::certificates(&[self.folder.join("ca/root.pem")])?;
        Ok(TrustPolicy {
            store: TrustStore::new(anchors, Vec::new(), Vec::new())?,
            revocation: RevocationMode::Required,
            no_crl_address: NoCrlAddress::Refuse,
            aia: false,
            ocsp: false,
        })
    }

    /// Makes what is not there yet.
    ///
    /// # Errors
    /// If the folder holds something that is not a demo on this port.
    pub(super) fn prepare(&self) -> anyhow::Result<()> {
        if self.configuration().exists() {
            return self.take_up();
        }
        if self.folder.exists() && fs::read_dir(&self.folder)?.next().is_some() {
            bail!(
                "{} is not empty and holds no demo: choose another folder with --dir",
                self.folder.display()
            );
        }
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot make the folder {}", self.folder.display()))?;
        let mut ca = self.make_ca()?;
        let server = LeafProfile::UdapServer {
            base_urls: vec![self.base_url().parse::<SanUri>()?],
        };
        self.issue(&mut ca, "server", server, "Demo Server")?;
        let app = LeafProfile::UdapClient {
            uris: vec![APP_URI.parse::<SanUri>()?],
        };
        self.issue(&mut ca, "app", app, "Demo App")?;
        // Last, since it is the sign that the folder is complete.
        write_public_file(&self.configuration(), self.toml().as_bytes())?;
        self.made(&self.configuration(), "the server's configuration");
        Ok(())
    }

    fn take_up(&self) -> anyhow::Result<()> {
        let config = Config::load(&self.configuration(), NO_ENVIRONMENT)?;
        if config.public_url != self.public_url() {
            bail!(
                "{} holds a demo on another port: use that port, or another folder with --dir",
                self.folder.display()
            );
        }
        // The lists of an old demo have lapsed.
        CaDirectory::open(&self.folder.join("ca"))?.sign_crls(environment::now())?;
        say(format!(
            "found in {}, with new revocation lists",
            self.folder.display()
        ));
        Ok(())
    }

    fn make_ca(&self) -> anyhow::Result<CaDirectory> {
        let options = InitOptions {
            organization: Some("Demo Community".to_owned()),
            community: Some(COMMUNITY_URI.to_owned()),
            root_key: KeyAlgorithm::P384,
            intermediate_key: KeyAlgorithm::P384,
            ..InitOptions::new("Demo")
        };
        let folder = self.folder.join("ca");
        let ca = CaDirectory::init(
            &folder,
            &options,
            environment::now(),
            &mut environment::rng(),
        )?;
        self.made(&folder, "root and issuing CA, with their revocation lists");
        command(&format!(
            "udap ca init --dir {} --community {COMMUNITY_URI} --name Demo --org \"Demo Community\" --key p384",
            folder.display()
        ));
        Ok(ca)
    }

    fn issue(
        &self,
        ca: &mut CaDirectory,
        name: &str,
        profile: LeafProfile,
        holder: &str,
    ) -> anyhow::Result<()> {
        let uris = profile.names().join(" ");
        let verb = profile_verb(&profile);
        let mut request = LeafRequest::new(profile, Subject::new(holder, None)?);
        request.lifetime = Duration::days(365);
        let (issued, key) = ca.issue_with_new_key(
            &request,
            KeyAlgorithm::Rsa2048,
            environment::now(),
            &mut environment::rng(),
        )?;
        let certificate = self.folder.join(format!("{name}.pem"));
        let key_file = self.folder.join(format!("{name}.key"));
        write_new_private_file(&key_file, key.to_pem().as_bytes())?;
        write_public_file(&certificate, issued.chain_pem().as_bytes())?;
        self.made(&certificate, &format!("certificate that names {uris}"));
        command(&format!(
            "udap ca issue {verb} --dir {} --uri {uris} --name \"{holder}\" --out {}",
            self.folder.join("ca").display(),
            certificate.display()
        ));
        Ok(())
    }

    fn made(&self, path: &Path, what: &str) {
        let shown = path.strip_prefix(&self.folder).unwrap_or(path);
        say(format!("{:<12} {what}", shown.display()));
    }

    fn toml(&self) -> String {
        let public = self.public_url();
        format!(
            r#"# The demo's server. docs/configuration.md explains every key.
public_url   = "{public}"
listen       = "127.0.0.1:{port}"
admin_listen = "127.0.0.1:{admin}"
database_url = "sqlite://udap.db"

[[site]]
id = "default"
fhir_base_url          = "{public}/apis/default/fhir"
authorization_endpoint = "{public}/oauth2/default/authorize"
token_endpoint         = "{public}/oauth2/default/token"
token_mode = "direct"
scopes = [
  "openid", "fhirUser", "launch/patient", "offline_access",
  "patient/Patient.read", "patient/Observation.read",
  "system/Patient.read", "system/Observation.read",
]

[[community]]
id  = "demo"
uri = "{COMMUNITY_URI}"
anchors       = ["ca/root.pem"]
intermediates = ["ca/intermediate.pem"]
crls          = ["ca/root.crl", "ca/intermediate.crl"]
server_certificate = "server.pem"
server_key         = "server.key"
enable = "all"
"#,
            port = self.port,
            admin = u32::from(self.port) + 1,
        )
    }
}

fn profile_verb(profile: &LeafProfile) -> &'static str {
    match profile {
        LeafProfile::UdapClient { .. } => "client",
        LeafProfile::UdapServer { .. } => "server",
        LeafProfile::TlsServer { .. } => "tls",
    }
}

fn command(text: &str) {
    println!("                $ {text}");
}
