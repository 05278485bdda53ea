//! Where MariaDB's programs are.

use std::path::PathBuf;

use super::SERVER_VARIABLE;

/// Where distributions put them if not on the path of an ordinary account.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/bin", "/usr/libexec"];

/// The programs that a private server needs.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) mariadbd: PathBuf,
    pub(super) install: PathBuf,
}

impl Programs {
    /// Searches them.
    pub(super) fn find() -> Self {
        Self {
            mariadbd: find("mariadbd"),
            install: find("mariadb-install-db"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn find(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(FOLDERS.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| {
            panic!(
                "{name} is missing: install Debian's package mariadb-server-core, \
                 or let {SERVER_VARIABLE} name a server, as in mysql://root@127.0.0.1:3306"
            )
        })
}
