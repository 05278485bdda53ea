//! Where things are: the repository, the target directory, cargo.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The repository that this program was built from.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    cargo: OsString,
}

impl Workspace {
    pub(crate) fn find() -> Self {
        let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = crate_folder
            .ancestors()
            .nth(2)
            .unwrap_or(crate_folder)
            .to_path_buf();
        // A relative CARGO_TARGET_DIR is cargo's working directory's, and every command runs in the root.
        let target = root.join(environment("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
        let cargo = environment("CARGO").unwrap_or_else(|| "cargo".into());
        Self {
            root,
            target,
            cargo,
        }
    }

    /// The folder of the root `Cargo.toml`. Every command runs in it.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where everything goes that a recipe makes.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The cargo that runs us.
    pub(crate) fn cargo(&self) -> &OsString {
        &self.cargo
    }
}

/// A variable that is set and not empty.
#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells its subcommands by the environment where things are"
)]
pub(crate) fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
