//! `cargo xtask doc`: the documentation of our own crates.

use super::BINARY;
use crate::{
    arguments::Arguments, failure::Failure, openssl::OpenSsl, step::Step, workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let vendored = arguments.flag("--vendored");
    arguments.finish_without_passing_on()?;
    doc(workspace, OpenSsl::set_up(workspace, vendored)?)
}

pub(super) fn doc(workspace: &Workspace, openssl: OpenSsl) -> Result<(), Failure> {
    Step::cargo(workspace)
        .args(["doc", "--workspace", "--no-deps"])
        .args(openssl.features(BINARY))
        .env("RUSTDOCFLAGS", "--deny warnings")
        .run()
}
