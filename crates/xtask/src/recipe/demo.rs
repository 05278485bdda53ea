//! `cargo xtask demo`: builds and runs `udap demo`.

use super::BINARY;
use crate::{
    arguments::Arguments, failure::Failure, openssl::OpenSsl, step::Step, workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let vendored = arguments.flag("--vendored");
    let passed_on = arguments.finish()?;
    let openssl = OpenSsl::set_up(workspace, vendored)?;
    Step::cargo(workspace)
        .args(["run", "--package", BINARY])
        .args(openssl.features(BINARY))
        .args(["--", "demo"])
        .args(passed_on)
        .replace_this_process()
}
