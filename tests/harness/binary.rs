//! The binary under test.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Names a binary that is already built.
const BINARY_VARIABLE: &str = "UDAP_TEST_BINARY";

/// A command that runs the built `udap`, with nothing of our own environment that it could read.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn udap() -> Command {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(BINARY.get_or_init(build));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("UDAP_") {
            command.env_remove(name);
        }
    }
    command
}

fn build() -> PathBuf {
    if let Some(path) = std::env::var_os(BINARY_VARIABLE) {
        return PathBuf::from(path);
    }
    let here = std::env::current_exe().expect("the test knows its own path");
    let folder = here
        .parent()
        .and_then(std::path::Path::parent)
        .expect("the test lies in target/PROFILE/deps")
        .to_owned();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Benchmarks lie among the optimised programs, and measure one.
    let profile = if folder.ends_with("release") {
        "release"
    } else {
        "dev"
    };
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", "udap-cli", "--bin", "udap"])
        .args(["--profile", profile])
        .status()
        .expect("cargo runs");
    assert!(status.success(), "udap does not build");
    let binary = folder.join("udap");
    assert!(binary.exists(), "{} is missing", binary.display());
    binary
}
