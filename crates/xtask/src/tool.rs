//! Cargo's tools that a recipe needs: found, or installed into the target directory.

use std::path::PathBuf;

use crate::{failure::Failure, step::Step, workspace::Workspace};

/// A cargo subcommand, with the version that the project was tried with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

/// Judges licences, bans, sources and advisories of the dependencies.
pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
};

/// Builds and runs libFuzzer targets.
pub(crate) const CARGO_FUZZ: Tool = Tool {
    name: "cargo-fuzz",
    version: "0.13.1",
};

impl Tool {
    /// The program in the target directory, installed there if it is missing or of another version.
    pub(crate) fn ready(self, workspace: &Workspace) -> Result<PathBuf, Failure> {
        // One folder a version: a newer version in this file is installed beside the old one.
        let folder = workspace
            .target()
            .join("tools")
            .join(format!("{}-{}", self.name, self.version));
        let program = folder.join("bin").join(self.name);
        if !program.is_file() {
            eprintln!(
                "xtask: {} {} is not in the target directory yet; installing it there",
                self.name, self.version
            );
            Step::cargo(workspace)
                .args(["install", "--quiet", "--debug", "--locked", self.name])
                .args(["--version", self.version, "--root"])
                .arg(&folder)
                .run()?;
        }
        Ok(program)
    }
}
