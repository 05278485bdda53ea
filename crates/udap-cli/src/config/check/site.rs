//! `[[site]]`.

use url::Url;

use super::Checker;
use crate::config::{
    address, database, file,
    problem::{Fault, Place},
    settings::{Backend, Scopes, Site, TokenMode},
};

/// What earlier sites took.
#[derive(Default)]
struct Taken {
    ids: Vec<String>,
    fhir_paths: Vec<String>,
    guarded_paths: Vec<String>,
    schemas: Vec<String>,
}

impl Checker<'_> {
    pub(super) fn sites(
        &mut self,
        sites: Vec<file::Site>,
        database: Option<&Backend>,
        public_url: Option<&str>,
    ) -> Option<Vec<Site>> {
        let some = (!sites.is_empty()).then_some(());
        let advice =
            "one [[site]] for each OpenEMR site, with id, fhir_base_url, token_endpoint and scopes";
        self.problems.require(Place::Top, "site", some, advice)?;
        let mut taken = Taken::default();
        let checked: Vec<Option<Site>> = sites
            .into_iter()
            .enumerate()
            .map(|(index, site)| {
                self.site(Place::Site(index), site, database, public_url, &mut taken)
            })
            .collect();
        checked.into_iter().collect()
    }

    fn site(
        &mut self,
        place: Place,
        site: file::Site,
        database: Option<&Backend>,
        public_url: Option<&str>,
        taken: &mut Taken,
    ) -> Option<Site> {
        let id = self.id(place, site.id, &mut taken.ids);
        let fhir = self.fhir_base_url(place, site.fhir_base_url, &mut taken.fhir_paths);
        let authorization_endpoint =
            self.optional(&site.authorization_endpoint, |checker, text| {
                checker.at(place, "authorization_endpoint", address::web_address(text))?;
                Some(text.clone())
            });
        let token = self.token_endpoint(place, site.token_endpoint);
        let upstream = self.optional(&site.upstream_token_url, |checker, text| {
            checker.at(place, "upstream_token_url", address::web_address(text))
        });
        let guarded_path = match &token {
            Some((_, url)) if site.token_guard => self
                .guarded_path(place, url, public_url, &mut taken.guarded_paths)
                .map(Some),
            _ => Some(None),
        };
        let upstream_key = match site.upstream_token_url {
            Some(_) => "upstream_token_url",
            None => "token_endpoint",
        };
        let upstream = match (upstream, &token) {
            (Some(Some(url)), _) => Some(url),
            (Some(None), Some((_, url))) => Some(url.clone()),
            _ => None,
        };
        let circle = match (&upstream, public_url, &id) {
            (Some(url), Some(public), Some(id)) => {
                url.as_str() == format!("{public}/udap/{id}/token")
            }
            _ => false,
        };
        if circle {
            let fault = Fault::new(
                "is this server's own gateway",
                "name OpenEMR's token endpoint",
            );
            self.fault(place, upstream_key, fault);
        }
        let openemr_schema =
            self.openemr_schema(place, site.openemr_schema, database, &mut taken.schemas);
        let scopes = self.site_scopes(place, site.scopes);
        let gateway_keys = self.at(
            place,
            "gateway_keys",
            crate::config::files::resolve(self.folder, &site.gateway_keys),
        );
        let openemr_version = self.optional(&site.openemr_version, |checker, text| {
            checker.at(place, "openemr_version", version(text))
        });
        let registration = self.optional(&site.upstream_registration_endpoint, |checker, text| {
            checker.at(
                place,
                "upstream_registration_endpoint",
                address::web_address(text),
            )
        });
        let upstream_token_file = self.optional(&site.upstream_token_file, |checker, path| {
            checker.secret_file(place, "upstream_token_file", path)
        });

        let (fhir_base_url, fhir_path) = fhir?;
        let (token_endpoint, _) = token?;
        Some(Site {
            id: id?,
            fhir_base_url,
            fhir_path,
            authorization_endpoint: authorization_endpoint?,
            token_endpoint,
            openemr_schema: openemr_schema?,
            token_mode: site.token_mode,
            scopes: scopes?,
            upstream_token_url: upstream?,
            guarded_path: guarded_path?,
            gateway_keys: gateway_keys?,
            require_pkce: site.require_pkce,
            honour_manual_approval: site.honour_manual_approval,
            openemr_version: openemr_version?,
            upstream_registration_endpoint: registration?,
            upstream_token_file: upstream_token_file?,
        })
    }

    fn fhir_base_url(
        &mut self,
        place: Place,
        text: Option<String>,
        taken: &mut Vec<String>,
    ) -> Option<(String, String)> {
        let key = "fhir_base_url";
        let advice = "the address of the site's FHIR server, as apps write it";
        let text = self.problems.require(place, key, text, advice)?;
        if text.ends_with('/') {
            let fault = Fault::new(
                "ends in a slash",
                "remove it: certificates and apps name this address letter by letter",
            );
            self.fault(place, key, fault);
            return None;
        }
        let path = address::web_address(&text).and_then(|url| address::route_path(&url));
        let path = self.at(place, key, path)?;
        if taken.contains(&path) {
            let fault = Fault::new(
                format!("has the path of another site, {path:?}"),
                "requests are told apart by path alone: give each site its own",
            );
            self.fault(place, key, fault);
            return None;
        }
        taken.push(path.clone());
        Some((text, path))
    }

    fn token_endpoint(&mut self, place: Place, text: Option<String>) -> Option<(String, Url)> {
        let advice = "the address of OpenEMR's token endpoint";
        let text = self
            .problems
            .require(place, "token_endpoint", text, advice)?;
        let url = self.at(place, "token_endpoint", address::web_address(&text))?;
        Some((text, url))
    }

    fn guarded_path(
        &mut self,
        place: Place,
        url: &Url,
        public_url: Option<&str>,
        taken: &mut Vec<String>,
    ) -> Option<String> {
        let path = self.at(place, "token_endpoint", address::route_path(url))?;
        let own = public_url.and_then(|url| Url::parse(&format!("{url}/udap/")).ok());
        if own.is_some_and(|own| path.starts_with(own.path())) {
            let fault = Fault::new(
                format!("has a path of this server, {path:?}"),
                "name OpenEMR's token endpoint, not the gateway's",
            );
            self.fault(place, "token_endpoint", fault);
            return None;
        }
        if path.is_empty() || taken.contains(&path) {
            let fault = Fault::new(
                format!("has a path that cannot be guarded, {path:?}"),
                "token_guard needs a path that no other guarded site has",
            );
            self.fault(place, "token_endpoint", fault);
            return None;
        }
        taken.push(path.clone());
        Some(path)
    }

    fn openemr_schema(
        &mut self,
        place: Place,
        schema: Option<String>,
        database: Option<&Backend>,
        taken: &mut Vec<String>,
    ) -> Option<Option<String>> {
        let key = "openemr_schema";
        let fault = match (&schema, database) {
            (None, Some(Backend::Mysql(_))) => Fault::new(
                "is required",
                "the schema on that server that holds oauth_clients",
            ),
            (Some(_), Some(Backend::Sqlite(_))) => Fault::new(
                "stands beside a SQLite database_url",
                "leave it out to use the embedded store, or set database_url to OpenEMR's server",
            ),
            (Some(name), Some(Backend::Mysql(url))) if url.schema() == name => Fault::new(
                "is the schema of database_url",
                "give udap's own tables a schema of their own, such as udap_registry",
            ),
            (Some(name), _) if taken.iter().any(|other| other.eq_ignore_ascii_case(name)) => {
                Fault::new(
                    "is the schema of another site",
                    "each OpenEMR site has a schema of its own, as its sqlconf.php says",
                )
            }
            (Some(name), _) => {
                taken.push(name.clone());
                self.at(place, key, database::schema_name(name))?;
                return Some(schema);
            }
            (None, _) => return Some(None),
        };
        self.fault(place, key, fault);
        None
    }

    fn site_scopes(&mut self, place: Place, scopes: Option<Scopes>) -> Option<Scopes> {
        let advice = "a list of the scopes that the site offers, or \"discover\"";
        match self.problems.require(place, "scopes", scopes, advice)? {
            Scopes::Discover => Some(Scopes::Discover),
            Scopes::List(scopes) => self.scopes(place, &scopes).map(Scopes::List),
        }
    }
}

impl Site {
    /// Whether token requests go through the gateway.
    pub(crate) fn is_gateway(&self) -> bool {
        self.token_mode == TokenMode::Gateway
    }
}

/// OpenEMR counts with two to four numbers: 8.5, 7.0.4, 7.0.3.1.
fn version(text: &str) -> Result<String, Fault> {
    let numbers: Vec<&str> = text.split('.').collect();
    let plain = |number: &&str| {
        (1..=4).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit())
    };
    if (2..=4).contains(&numbers.len()) && numbers.iter().all(plain) {
        return Ok(text.to_owned());
    }
    Err(Fault::new(
        "is not a version",
        "write numbers and dots, such as \"7.0.4\"",
    ))
}
