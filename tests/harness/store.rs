//! Where the server under test keeps its registry and its clients.

use std::path::{Path, PathBuf};

use udap_testdb::{Generation, OpenEmr, Schema, TestServer};

/// Names the store of every server that does not choose its own; without it the embedded one.
pub const STORE_VARIABLE: &str = "UDAP_TEST_STORE";

/// The version that the configuration says OpenEMR has, however old its tables: one that admits
/// every registration that the embedded store admits (decisions 28, 29).
const ADMITS_ALL: &str = "8.5.0";

/// A store, made for one server under test.
#[derive(Debug)]
pub enum Store {
    /// A file in the server's own folder.
    Embedded(PathBuf),
    /// Schemas on MariaDB.
    MariaDb(Box<MariaDb>),
}

/// A registry's schema and an OpenEMR for each site, on one server.
#[derive(Debug)]
pub struct MariaDb {
    pub(crate) registry: Schema,
    url: String,
    generation: Generation,
    sites: Vec<(String, OpenEmr)>,
}

impl Store {
    /// The one that [`STORE_VARIABLE`] asks for.
    pub(crate) async fn as_asked(folder: &Path, sites: &[String]) -> Self {
        match asked() {
            None => Self::Embedded(folder.join("udap.db")),
            Some(generation) => Self::MariaDb(Box::new(
                MariaDb::create(TestServer::shared(), generation, sites).await,
            )),
        }
    }

    /// How many columns its table of clients has.
    #[must_use]
    pub fn columns(&self) -> usize {
        match self {
            Self::Embedded(_) => Generation::Columns25.columns(),
            Self::MariaDb(on) => on.generation.columns(),
        }
    }

    /// What stands at the top of the configuration.
    pub(crate) fn top(&self) -> String {
        match self {
            Self::Embedded(_) => String::new(),
            Self::MariaDb(on) => format!("database_url = \"{}\"\n", on.url),
        }
    }

    /// What stands in a site's configuration.
    pub(crate) fn site(&self, id: &str, with_own_version: bool) -> String {
        let Self::MariaDb(on) = self else {
            return String::new();
        };
        let mut settings = format!("openemr_schema = \"{}\"\n", on.emr(id).schema().name());
        if !with_own_version {
            settings.push_str(&format!("openemr_version = \"{ADMITS_ALL}\"\n"));
        }
        settings
    }
}

impl MariaDb {
    /// Empty schemas for these sites.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn create<S: AsRef<str>>(
        server: &TestServer,
        generation: Generation,
        sites: &[S],
    ) -> Self {
        let registry = Schema::create(server, None).await;
        let mut of_sites = Vec::new();
        for site in sites {
            let emr = OpenEmr::create(server, generation).await;
            of_sites.push((site.as_ref().to_owned(), emr));
        }
        Self {
            url: registry.url().to_owned(),
            registry,
            generation,
            sites: of_sites,
        }
    }

    /// With another account for the server under test, and what else its URL says.
    #[must_use]
    pub fn with_url(mut self, url: impl FnOnce(&Schema) -> String) -> Self {
        self.url = url(&self.registry);
        self
    }

    /// The registry's own schema.
    #[must_use]
    pub fn registry(&self) -> &Schema {
        &self.registry
    }

    /// The OpenEMR of a site.
    ///
    /// # Panics
    /// If there is no such site.
    #[must_use]
    pub fn emr(&self, site: &str) -> &OpenEmr {
        self.sites
            .iter()
            .find_map(|(id, emr)| (id == site).then_some(emr))
            .unwrap_or_else(|| panic!("the store was made without a site {site}"))
    }

    /// The OpenEMRs of all sites.
    pub(crate) fn emrs(&self) -> impl Iterator<Item = &OpenEmr> {
        self.sites.iter().map(|(_, emr)| emr)
    }
}

/// The generation that the variable names; none for the embedded store.
fn asked() -> Option<Generation> {
    let name = std::env::var(STORE_VARIABLE).unwrap_or_default();
    match name.as_str() {
        "" | "embedded" => None,
        "mariadb-23" => Some(Generation::Columns23),
        "mariadb-24" => Some(Generation::Columns24),
        "mariadb-25" => Some(Generation::Columns25),
        other => panic!("{STORE_VARIABLE}: there is no store {other}"),
    }
}
