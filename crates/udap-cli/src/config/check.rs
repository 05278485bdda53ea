//! From what stands in the file to what the program may rely on; every fault is collected.

mod community;
mod sections;
mod site;

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use super::{
    address, database, file,
    files::{self, Kind},
    network,
    problem::{Fault, Place, Problems},
    settings::{Backend, Config, Tls, Warning},
    tree::Sections,
};

/// Ids stand in paths, log lines and the names of environment variables.
const LONGEST_ID: usize = 64;

/// Checks on their way: where paths start, what was found.
pub(super) struct Checker<'a> {
    folder: &'a Path,
    problems: &'a mut Problems,
    notes: Vec<Warning>,
}

/// The configuration, or `None` with at least one problem added.
pub(super) fn check(path: &Path, sections: Sections, problems: &mut Problems) -> Option<Config> {
    let mut checker = Checker {
        folder: path.parent().unwrap_or(path),
        problems,
        notes: Vec::new(),
    };
    let config = checker.config(path, sections);
    // A value that was reported may have left a usable default behind.
    config.filter(|_| problems.is_empty())
}

impl Checker<'_> {
    fn config(&mut self, path: &Path, sections: Sections) -> Option<Config> {
        let Sections {
            top,
            sites,
            communities,
            certifications,
            fetch,
            limits,
            protocol,
            recheck,
        } = sections;
        let public_url = self.public_url(top.public_url.as_deref());
        let database = self.database(&top);
        if let Some(Backend::Mysql(url)) = &database
            && url.expose().password().is_some()
            && top.database_url.is_some()
            && !self.problems.is_from_variable(Place::Top, "database_url")
            && files::readable_by_others(path)
        {
            self.notes.push(Warning(format!(
                "database_url: others on this machine may read the password in {}; chmod 600 it, or use \
                 database_url_file",
                path.display()
            )));
        }
        let tls = self.tls(&top);
        let plain = top.tls_certificate.is_none() && top.tls_key.is_none();
        let listen = self.listen(&top.listen, plain && !top.allow_plain);
        let admin_listen = self.at(
            Place::Top,
            "admin_listen",
            network::listen_address(&top.admin_listen),
        );
        if let (Some(listen), Some(admin)) = (listen, admin_listen)
            && listen == admin
            && listen.port() != 0
        {
            let fault = Fault::new(
                "is the same as listen",
                "choose another port: it is never public",
            );
            self.fault(Place::Top, "admin_listen", fault);
        }
        let audit_key_file = self.optional(&top.audit_key_file, |checker, key| {
            checker.at(
                Place::Top,
                "audit_key_file",
                files::key_file(checker.folder, key),
            )
        });

        let site_ids: Vec<String> = sites.iter().filter_map(|site| site.id.clone()).collect();
        let community_ids: Vec<String> = communities
            .iter()
            .filter_map(|community| community.id.clone())
            .collect();
        let public = public_url.as_ref().map(|(text, _)| text.as_str());
        let sites = self.sites(sites, database.as_ref(), public);
        let communities = self.communities(communities, &site_ids);
        let certifications = self.certifications(certifications, &community_ids);
        let fetch = self.fetch(&fetch);
        let limits = self.limits(&limits, listen);
        let protocol = self.protocol(&protocol);
        let recheck = self.recheck(&recheck);

        let (public_url, public_path) = public_url?;
        Some(Config {
            path: path.to_owned(),
            public_url,
            public_path,
            listen: listen?,
            tls: tls?,
            admin_listen: admin_listen?,
            database: database?,
            audit_key_file: audit_key_file?,
            sites: sites?,
            communities: communities?,
            certifications: certifications?,
            fetch: fetch?,
            limits: limits?,
            protocol: protocol?,
            recheck: recheck?,
            notes: std::mem::take(&mut self.notes),
        })
    }

    fn public_url(&mut self, text: Option<&str>) -> Option<(String, String)> {
        let advice = "the https address under which the world reaches this server";
        let text = self
            .problems
            .require(Place::Top, "public_url", text, advice)?;
        let text = text.trim_end_matches('/');
        let path = address::web_address(text).and_then(|url| address::route_path(&url));
        let path = self.at(Place::Top, "public_url", path)?;
        Some((text.to_owned(), path))
    }

    fn database(&mut self, top: &file::Top) -> Option<Backend> {
        let (key, text) = match (&top.database_url, &top.database_url_file) {
            (Some(_), Some(_)) => {
                let fault = Fault::new("stands beside database_url", "keep one of the two");
                self.fault(Place::Top, "database_url_file", fault);
                return None;
            }
            (Some(url), None) => ("database_url", url.clone()),
            (None, None) => ("database_url", file::DATABASE_URL.to_owned()),
            (None, Some(path)) => {
                let key = "database_url_file";
                let path = self.secret_file(Place::Top, key, path)?;
                (key, self.at(Place::Top, key, files::secret(&path))?)
            }
        };
        self.at(Place::Top, key, database::backend(&text, self.folder))
    }

    fn tls(&mut self, top: &file::Top) -> Option<Option<Tls>> {
        let alone = |other: &str| {
            Fault::new(
                format!("stands without {other}"),
                "TLS needs both; plain HTTP neither",
            )
        };
        match (&top.tls_certificate, &top.tls_key) {
            (None, None) => Some(None),
            (Some(_), None) => {
                self.fault(Place::Top, "tls_certificate", alone("tls_key"));
                None
            }
            (None, Some(_)) => {
                self.fault(Place::Top, "tls_key", alone("tls_certificate"));
                None
            }
            (Some(certificate), Some(key)) => {
                let certificate = self.file(Place::Top, "tls_certificate", certificate);
                let key = self.at(Place::Top, "tls_key", files::key_file(self.folder, key));
                Some(Some(Tls {
                    certificate: certificate?,
                    key: key?,
                }))
            }
        }
    }

    fn listen(&mut self, text: &str, loopback_only: bool) -> Option<std::net::SocketAddr> {
        let listen = self.at(Place::Top, "listen", network::listen_address(text))?;
        if loopback_only && !network::is_loopback_address(listen) {
            let fault = Fault::new(
                "offers plain HTTP to other machines",
                "set tls_certificate and tls_key, or allow_plain = true if a proxy on a network of its own adds TLS",
            );
            self.fault(Place::Top, "listen", fault);
            return None;
        }
        Some(listen)
    }

    fn fault(&mut self, place: Place, key: &str, fault: Fault) {
        self.problems.add(place, key, fault);
    }

    fn at<T>(&mut self, place: Place, key: &str, result: Result<T, Fault>) -> Option<T> {
        self.problems.check(place, key, result)
    }

    /// `Some(None)` for a key that is left out; `None` for one at fault.
    fn optional<T, U>(
        &mut self,
        value: &Option<T>,
        check: impl FnOnce(&mut Self, &T) -> Option<U>,
    ) -> Option<Option<U>> {
        match value {
            None => Some(None),
            Some(value) => check(self, value).map(Some),
        }
    }

    /// A whole list, or `None` if any item is at fault: all items are looked at.
    fn each<T, U>(
        &mut self,
        place: Place,
        key: &str,
        items: &[T],
        check: impl Fn(&T) -> Result<U, Fault>,
    ) -> Option<Vec<U>> {
        let checked: Vec<Option<U>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.at(place, &format!("{key}[{index}]"), check(item)))
            .collect();
        checked.into_iter().collect()
    }

    fn paths(&mut self, place: Place, key: &str, paths: &[PathBuf]) -> Option<Vec<PathBuf>> {
        let folder = self.folder;
        self.each(place, key, paths, |path| {
            files::existing(folder, path, Kind::FileOrFolder)
        })
    }

    fn file(&mut self, place: Place, key: &str, path: &Path) -> Option<PathBuf> {
        self.at(place, key, files::existing(self.folder, path, Kind::File))
    }

    /// A secret that is no key: orchestrators mount these readable, so others' rights are worth a warning only.
    fn secret_file(&mut self, place: Place, key: &str, path: &Path) -> Option<PathBuf> {
        let path = self.file(place, key, path)?;
        if files::readable_by_others(&path) {
            self.notes.push(Warning(format!(
                "{key}: others on this machine may read {}",
                path.display()
            )));
        }
        Some(path)
    }

    fn number(
        &mut self,
        place: Place,
        key: &str,
        value: i64,
        range: RangeInclusive<i64>,
    ) -> Option<u32> {
        let fitting = range
            .contains(&value)
            .then(|| u32::try_from(value).ok())
            .flatten();
        let fault = || {
            Fault::new(
                format!("is {value}"),
                format!("choose a number from {} to {}", range.start(), range.end()),
            )
        };
        self.at(place, key, fitting.ok_or_else(fault))
    }

    /// An id, once: `taken` holds those before it.
    fn id(&mut self, place: Place, id: Option<String>, taken: &mut Vec<String>) -> Option<String> {
        let id =
            self.problems
                .require(place, "id", id, "a short name of letters, digits and . _ -")?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        // "." and ".." mean something else in a path.
        let dots = id.bytes().all(|byte| byte == b'.');
        if id.len() > LONGEST_ID || dots || !id.bytes().all(plain) {
            let fault = Fault::new(
                "is not a plain id",
                format!("use up to {LONGEST_ID} letters, digits and . _ - (not dots alone)"),
            );
            self.fault(place, "id", fault);
            return None;
        }
        if taken.contains(&id) {
            self.fault(
                place,
                "id",
                Fault::new("is used twice", "give each its own"),
            );
            return None;
        }
        taken.push(id.clone());
        Some(id)
    }

    /// The ids in a list, each known; all of them if the list is left out.
    fn known_ids(
        &mut self,
        place: Place,
        key: &str,
        named: Option<&Vec<String>>,
        known: &[String],
    ) -> Option<Vec<String>> {
        let Some(named) = named else {
            return Some(known.to_vec());
        };
        if named.is_empty() {
            let fault = Fault::new("is empty", "leave it out to mean all, or name at least one");
            self.fault(place, key, fault);
            return None;
        }
        self.each(place, key, named, |id| match known.contains(id) {
            true => Ok(id.clone()),
            false => Err(Fault::new(
                format!("names none of the file, {id:?}"),
                format!("those there are {}", known.join(", ")),
            )),
        })
    }

    /// Scopes or patterns of them: RFC 6749 §3.3 characters.
    fn scopes(&mut self, place: Place, scopes: &[String]) -> Option<Vec<String>> {
        if scopes.is_empty() {
            let fault = Fault::new("is empty", "name at least one scope");
            self.fault(place, "scopes", fault);
            return None;
        }
        let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        self.each(place, "scopes", scopes, |scope| {
            if !scope.is_empty() && scope.bytes().all(allowed) {
                return Ok(scope.clone());
            }
            Err(Fault::new(
                "is not a scope",
                "write one scope an item, without spaces, quotes or backslashes",
            ))
        })
    }
}
