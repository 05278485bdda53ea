//! `cargo xtask lint`: clippy for all targets, and for the store with each driver alone.

use super::BINARY;
use crate::{
    arguments::Arguments, failure::Failure, openssl::OpenSsl, step::Step, workspace::Workspace,
};

/// Features of `udap-store`: whoever needs one database builds no other.
const DRIVERS: [&str; 2] = ["mysql", "sqlite"];

pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let vendored = arguments.flag("--vendored");
    arguments.finish_without_passing_on()?;
    lint(workspace, OpenSsl::set_up(workspace, vendored)?)
}

pub(super) fn lint(workspace: &Workspace, openssl: OpenSsl) -> Result<(), Failure> {
    Step::cargo(workspace)
        .args(["clippy", "--workspace", "--all-targets"])
        .args(openssl.features(BINARY))
        .args(["--", "--deny", "warnings"])
        .run()?;
    for driver in DRIVERS {
        Step::cargo(workspace)
            .args(["clippy", "--package", "udap-store", "--no-default-features"])
            .args(["--features", driver, "--", "--deny", "warnings"])
            .run()?;
    }
    Ok(())
}
