//! MariaDB's server, which tests start: found, or installed.

use std::path::{Path, PathBuf};

use crate::{
    apt,
    failure::Failure,
    workspace::{Workspace, environment},
};

/// Debian's package: the server alone, without an installation that runs.
const PACKAGE: &str = "mariadb-server-core";

/// What tests run.
const PROGRAMS: [&str; 2] = ["mariadbd", "mariadb-install-db"];

/// Where distributions put them if not on the path of an ordinary account.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/bin", "/usr/libexec"];

/// Looks for the server, and installs it if that needs no password.
pub(crate) fn set_up(workspace: &Workspace) -> Result<(), Failure> {
    if is_there() {
        return Ok(());
    }
    if let Some(prefix) = apt::way(workspace) {
        apt::install(workspace, prefix, &[PACKAGE], "MariaDB's server is");
    }
    if is_there() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the tests start MariaDB servers of their own, and MariaDB is not installed. Install it, then run this \
         again:\n\
         \x20   Debian, Ubuntu: sudo apt-get install {PACKAGE}\n\
         \x20   Fedora:         sudo dnf install mariadb-server\n\
         \x20   Alpine:         sudo apk add mariadb\n\
         A server that UDAP_TEST_MYSQL_URL names, as in mysql://root@127.0.0.1:3306, serves most tests in its \
         place, but none that stops or kills one: `cargo test` runs them singly."
    )))
}

fn is_there() -> bool {
    let path = environment("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path)
        .chain(FOLDERS.map(PathBuf::from))
        .collect();
    PROGRAMS.iter().all(|name| is_in(&folders, name))
}

fn is_in(folders: &[PathBuf], name: &str) -> bool {
    folders
        .iter()
        .any(|folder: &PathBuf| Path::new(folder).join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_sought_in_all_folders() {
        let folders = ["/no/such/folder", env!("CARGO_MANIFEST_DIR")].map(PathBuf::from);
        assert!(is_in(&folders, "Cargo.toml"));
        assert!(!is_in(&folders, "mariadbd"));
    }
}
