//! What a server under test is configured with.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use udap_testkit::TestCommunity;

use crate::openemr::StandIn;

use crate::Store;

/// A community of the server under test.
#[derive(Debug)]
pub struct Member<'a> {
    community: &'a TestCommunity,
    settings: String,
    /// In place of the community's own.
    crls: Option<Vec<Vec<u8>>>,
    intermediate: bool,
}

/// A server under test, before it starts.
#[derive(Debug)]
pub struct Setup<'a> {
    pub(crate) members: Vec<Member<'a>>,
    pub(crate) site: String,
    pub(crate) sites: Vec<String>,
    pub(crate) top: String,
    pub(crate) limits: String,
    /// Whether OpenEMR's version is read from its own table.
    pub(crate) own_version: bool,
    openemr: Option<String>,
}

impl<'a> Member<'a> {
    /// A community with its intermediate and CRLs configured, all of whose apps are switched on.
    #[must_use]
    pub fn new(community: &'a TestCommunity) -> Self {
        Self {
            community,
            settings: String::new(),
            crls: None,
            intermediate: true,
        }
    }

    /// More keys of `[[community]]`.
    #[must_use]
    pub fn with(mut self, settings: &str) -> Self {
        self.settings.push_str(settings);
        self.settings.push('\n');
        self
    }

    /// With these CRL files in DER, in place of the community's own lists.
    #[must_use]
    pub fn crls(mut self, lists: Vec<Vec<u8>>) -> Self {
        self.crls = Some(lists);
        self
    }

    /// Without its intermediate.
    #[must_use]
    pub fn without_intermediate(mut self) -> Self {
        self.intermediate = false;
        self
    }
}

impl<'a> Setup<'a> {
    /// One site `default` in gateway mode, which takes all algorithms, and one community.
    #[must_use]
    pub fn new(community: &'a TestCommunity) -> Self {
        Self::of(vec![Member::new(community)])
    }

    /// As [`new`](Self::new), with these communities.
    #[must_use]
    pub fn of(members: Vec<Member<'a>>) -> Self {
        Self {
            members,
            site: "token_mode = \"gateway\"\n".to_owned(),
            sites: vec!["default".to_owned()],
            top: String::new(),
            limits: "registrations_per_minute = 0\nstatements_per_client_per_minute = 0\n"
                .to_owned(),
            own_version: false,
            openemr: None,
        }
    }

    /// Other keys of `[[site]]`, in place of gateway mode.
    #[must_use]
    pub fn site(mut self, settings: &str) -> Self {
        settings.clone_into(&mut self.site);
        self
    }

    /// These sites, in place of `default` alone.
    #[must_use]
    pub fn sites(mut self, ids: &[&str]) -> Self {
        self.sites = ids.iter().map(|&id| id.to_owned()).collect();
        self
    }

    /// More keys at the top level.
    #[must_use]
    pub fn top(mut self, settings: &str) -> Self {
        self.top.push_str(settings);
        self.top.push('\n');
        self
    }

    /// Other keys of `[limits]`, in place of no limits.
    #[must_use]
    pub fn limits(mut self, settings: &str) -> Self {
        settings.clone_into(&mut self.limits);
        self
    }

    /// With the version that OpenEMR's own table tells, in place of one that admits every
    /// registration.
    #[must_use]
    pub fn with_openemrs_own_version(mut self) -> Self {
        self.own_version = true;
        self
    }

    /// Before this OpenEMR: its endpoints, and the scopes that it lists.
    #[must_use]
    pub fn before(mut self, openemr: &StandIn) -> Self {
        self.openemr = Some(openemr.base().to_owned());
        self
    }

    fn scopes(&self) -> &'static str {
        match self.openemr {
            Some(_) => "\"discover\"",
            None => {
                "[\"openid\", \"fhirUser\", \"launch/patient\", \"offline_access\", \
                 \"patient/Patient.read\", \"patient/Observation.read\", \"user/Patient.read\", \
                 \"system/Patient.read\", \"system/Observation.read\", \"system/Patient.write\"]"
            }
        }
    }

    /// Writes `udap.toml` and what it names into `folder`.
    pub(crate) fn write(&self, folder: &Path, store: &Store, address: &str, admin: &str) {
        let scheme = if self.top.contains("tls_certificate") {
            "https"
        } else {
            "http"
        };
        let public_url = format!("{scheme}://{address}");
        let openemr = self.openemr.as_ref().unwrap_or(&public_url);
        let mut toml = format!(
            "public_url = \"{public_url}\"\nlisten = \"{address}\"\nadmin_listen = \"{admin}\"\n{}{}\n[limits]\n{}\n",
            store.top(),
            self.top,
            self.limits
        );
        for id in &self.sites {
            writeln!(
                toml,
                "[[site]]\nid = \"{id}\"\nfhir_base_url = \"{public_url}/apis/{id}/fhir\"\n\
                 authorization_endpoint = \"{openemr}/oauth2/{id}/authorize\"\n\
                 token_endpoint = \"{openemr}/oauth2/{id}/token\"\nscopes = {}\n{}{}",
                self.scopes(),
                store.site(
                    id,
                    self.own_version || self.site.contains("openemr_version")
                ),
                self.site
            )
            .expect("a string takes it");
        }
        for member in &self.members {
            let name = member.community.name();
            member.write_files(folder, &self.sites, &public_url);
            let enable = if member.settings.contains("enable") {
                ""
            } else {
                "enable = \"all\"\n"
            };
            let list = |wanted: bool, entry: &str| {
                if wanted {
                    format!("[\"{entry}\"]")
                } else {
                    "[]".to_owned()
                }
            };
            writeln!(
                toml,
                "[[community]]\nid = \"{name}\"\nuri = \"https://{name}.example.net/udap\"\n\
                 anchors = [\"{name}/root.pem\"]\nintermediates = {}\ncrls = {}\n\
                 server_certificate = \"{name}/server.pem\"\nserver_key = \"{name}/server.key\"\n{enable}{}",
                list(member.intermediate, &format!("{name}/intermediate.pem")),
                list(member.crls.as_ref().is_none_or(|lists| !lists.is_empty()), &format!("{name}/crls")),
                member.settings
            )
            .expect("a string takes it");
        }
        fs::write(folder.join("udap.toml"), toml).expect("the configuration is written");
    }
}

impl Member<'_> {
    fn write_files(&self, folder: &Path, sites: &[String], public_url: &str) {
        let of = self.community;
        let folder = folder.join(of.name());
        let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).expect(name);
        fs::create_dir_all(folder.join("crls")).expect("the folder is made");
        write("root.pem", of.root().pem().as_bytes());
        write("intermediate.pem", of.intermediate().pem().as_bytes());
        let crls = self.crls.clone().unwrap_or_else(|| of.crls());
        for (index, der) in crls.iter().enumerate() {
            write(&format!("crls/{index}.crl"), der);
        }
        let mut bases = sites
            .iter()
            .map(|id| format!("{public_url}/apis/{id}/fhir"));
        let mut server = of.leaf(&bases.next().expect("there is a site")).server();
        for base in bases {
            server = server.and_uri(&base);
        }
        let server = server.build();
        write("server.pem", server.chain_pem().as_bytes());
        let mut key = fs::OpenOptions::new();
        std::io::Write::write_all(
            &mut key
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(folder.join("server.key"))
                .expect("the key file is made"),
            server.key().pem().as_bytes(),
        )
        .expect("the key is written");
    }
}
