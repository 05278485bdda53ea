//! `cargo xtask lint`: clippy for all targets.

use super::BINARY;
use crate::{
    arguments::Arguments, failure::Failure, openssl::OpenSsl, step::Step, workspace::Workspace,
};

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
        .run()
}
