//! `database_url`: where our own tables are.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use url::Url;

use super::{address::is_loopback, problem::Fault};

/// Where our own tables are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Backend {
    /// A file of ours, created if missing, which also holds the embedded client table.
    Sqlite(PathBuf),
    /// A schema on OpenEMR's MariaDB or MySQL server.
    Mysql(SecretUrl),
}

/// A URL with a password in it, shown without.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretUrl(Url);

impl SecretUrl {
    /// The whole URL, password included: for the driver only.
    pub(crate) fn expose(&self) -> &Url {
        &self.0
    }

    /// Whether the server is this machine or a socket, so that the connection cannot be listened to.
    pub(crate) fn is_local(&self) -> bool {
        self.0.query_pairs().any(|(name, _)| name == "socket")
            || self
                .0
                .host()
                .is_some_and(|host| is_loopback(&host_of(host)))
    }

    /// The schema of our own tables.
    pub(crate) fn schema(&self) -> &str {
        self.0.path().trim_start_matches('/')
    }
}

/// The parser takes hosts of schemes other than the web's as mere names.
fn host_of(host: url::Host<&str>) -> url::Host<String> {
    let host = host.to_owned();
    match &host {
        url::Host::Domain(name) => url::Host::parse(name).unwrap_or(host),
        _ => host,
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        shown.set_query(None);
        shown.set_fragment(None);
        match shown.set_password(None) {
            Ok(()) => formatter.write_str(shown.as_str()),
            // Only a URL without a host cannot lose its password.
            Err(()) => formatter.write_str("(hidden)"),
        }
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretUrl({self})")
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite://{}", path.display()),
            Self::Mysql(url) => url.fmt(formatter),
        }
    }
}

/// Reads a `database_url`. No part of it is ever in a fault: it may be a password.
pub(crate) fn backend(text: &str, folder: &Path) -> Result<Backend, Fault> {
    if let Some(rest) = text.strip_prefix("sqlite:") {
        sqlite(rest.strip_prefix("//").unwrap_or(rest), folder)
    } else if text.starts_with("mysql:") {
        mysql(text)
    } else {
        Err(Fault::new(
            "is neither sqlite:// nor mysql://",
            "write \"sqlite://udap.db\" or \"mysql://user:password@host/udap_registry\"",
        ))
    }
}

fn sqlite(rest: &str, folder: &Path) -> Result<Backend, Fault> {
    let (file, query) = rest.split_once('?').unwrap_or((rest, ""));
    // `mode=rwc` is what we do anyway, and many habitually write it.
    if !matches!(query, "" | "mode=rwc") {
        return Err(Fault::new(
            "has parameters after a ?",
            "leave them out: the file is created and opened as it has to be",
        ));
    }
    if file.is_empty() || file.contains(":memory:") {
        return Err(Fault::new(
            "names no file",
            "write \"sqlite://udap.db\"; a database in memory would forget every app at a restart",
        ));
    }
    let path = folder.join(file);
    match path.parent() {
        Some(parent) if parent.is_dir() => Ok(Backend::Sqlite(path)),
        parent => Err(Fault::new(
            format!(
                "lies in a folder that does not exist, {}",
                parent.unwrap_or(folder).display()
            ),
            "create the folder; the file itself is created at the first start",
        )),
    }
}

fn mysql(text: &str) -> Result<Backend, Fault> {
    let malformed = |what: &str| {
        Fault::new(
            what.to_owned(),
            "write \"mysql://user:password@host/udap_registry\", with special characters of the password \
             percent-encoded",
        )
    };
    let url = Url::parse(text).map_err(|error| malformed(&format!("is not a URL ({error})")))?;
    if url.scheme() != "mysql" || url.cannot_be_a_base() {
        return Err(malformed("is not a mysql:// URL"));
    }
    // An unescaped # in a password ends the URL early.
    if url.fragment().is_some() {
        return Err(malformed("holds a #"));
    }
    let url = SecretUrl(url);
    if url.0.host_str().is_none_or(str::is_empty) && !url.is_local() {
        return Err(malformed("names no host"));
    }
    schema_name(url.schema()).map_err(|_| malformed("names no schema after the host"))?;
    let local = url.is_local();
    for (name, value) in url.0.query_pairs() {
        parameter(&name, &value, local)?;
    }
    Ok(Backend::Mysql(url))
}

/// The driver ignores names it does not know, so that a misspelt `ssl-mode` would be no `ssl-mode`; its other
/// parameters (character set, time zone) are ours to set.
fn parameter(name: &str, value: &str, local: bool) -> Result<(), Fault> {
    match name {
        "ssl-mode" | "sslmode" => match value.to_ascii_lowercase().as_str() {
            "verify_identity" => Ok(()),
            "disabled" | "preferred" | "required" | "verify_ca" if local => Ok(()),
            _ => Err(Fault::new(
                "has an ssl-mode that is unknown, or too weak for another machine",
                "leave it out (VERIFY_IDENTITY is used), and name the server's CA with ssl-ca",
            )),
        },
        "socket" | "ssl-ca" | "sslca" | "ssl-cert" | "sslcert" | "ssl-key" | "sslkey" => {
            match Path::new(value).is_absolute() {
                true => Ok(()),
                false => Err(Fault::new(
                    "has a relative path after the ?",
                    "write the path in full, from /",
                )),
            }
        }
        "statement-cache-capacity" if value.parse::<u16>().is_ok() => Ok(()),
        _ => Err(Fault::new(
            "has a parameter that is unknown or cannot be used",
            "known are ssl-mode, ssl-ca, ssl-cert, ssl-key, socket and statement-cache-capacity",
        )),
    }
}

/// MySQL allows 64 characters.
const LONGEST_SCHEMA: usize = 64;

/// A schema name that needs no quoting tricks.
pub(crate) fn schema_name(name: &str) -> Result<(), Fault> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte);
    if !name.is_empty() && name.len() <= LONGEST_SCHEMA && name.bytes().all(plain) {
        return Ok(());
    }
    Err(Fault::new(
        "is not a schema name",
        "use up to 64 letters, digits, _ - and $",
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn here(text: &str) -> Result<Backend, Fault> {
        backend(text, Path::new("/"))
    }

    #[test]
    fn sqlite_files_are_relative_to_the_folder() {
        for text in [
            "sqlite://udap.db",
            "sqlite:udap.db",
            "sqlite://udap.db?mode=rwc",
            "sqlite:///udap.db",
        ] {
            assert_eq!(
                here(text),
                Ok(Backend::Sqlite(PathBuf::from("/udap.db"))),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_database_is_refused() {
        for text in [
            "",
            "udap.db",
            "postgres://h/x",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite://x.db?cache=shared",
            "sqlite:///no/such/folder/x.db",
            "mysql:",
            "mysql:x",
            "mysql:///x",
            "mysql://host",
            "mysql://host/",
            "mysql://host/a/b",
            "mysql://user:se#cret@host/x",
            "mysql://user@localhost/x?ssl_mode=VERIFY_IDENTITY",
            "mysql://user@localhost/x?ssl-mode=none",
            "mysql://user@localhost/x?timezone=SYSTEM",
            "mysql://user@localhost/x?ssl-ca=ca.pem",
            "mysql:///x?socket=",
        ] {
            assert!(here(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tls_to_another_machine_cannot_be_weakened() {
        for mode in ["DISABLED", "preferred", "REQUIRED", "VERIFY_CA"] {
            for name in ["ssl-mode", "sslmode"] {
                assert!(here(&format!("mysql://u:p@db.example.org/x?{name}={mode}")).is_err());
                assert!(here(&format!("mysql://u:p@127.0.0.1/x?{name}={mode}")).is_ok());
            }
        }
        assert!(
            here("mysql://u:p@db.example.org/x?ssl-mode=VERIFY_IDENTITY&ssl-ca=/ca.pem").is_ok()
        );
    }

    #[test]
    fn loopback_and_sockets_are_local() {
        for (text, local) in [
            ("mysql://u:p@localhost/x", true),
            ("mysql://u:p@127.0.0.1/x", true),
            ("mysql://u:p@[::1]:3306/x", true),
            ("mysql:///x?socket=/run/mysqld/mysqld.sock", true),
            ("mysql://u:p@db.example.org/x", false),
            ("mysql://u:p@10.0.0.1/x", false),
            ("mysql://u:p@localhost.example.org/x", false),
        ] {
            let Ok(Backend::Mysql(url)) = here(text) else {
                panic!("{text} is accepted")
            };
            assert_eq!(url.is_local(), local, "{text}");
            assert_eq!(url.schema(), "x", "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_password_is_ever_shown(
            before in "[ -~]{0,12}",
            host in "[a-z@:/?#.%]{0,16}",
        ) {
            let text = format!("mysql://{before}:hunter2pass@{host}/udap");
            let debug = format!("{:?}", here(&text));
            prop_assert!(!debug.contains("hunter2pass"), "{}", debug);
            if let Ok(backend) = here(&text) {
                prop_assert!(!backend.to_string().contains("hunter2pass"));
            }
        }
    }
}
