//! `cargo xtask bench`: the benchmarks, with Criterion's arguments after `--`.

use super::BINARY;
use crate::{
    arguments::Arguments, failure::Failure, openssl::OpenSsl, step::Step, workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let vendored = arguments.flag("--vendored");
    let passed_on = arguments.finish()?;
    let openssl = OpenSsl::set_up(workspace, vendored)?;
    // Bench targets only: libtest, which runs the others, does not know Criterion's arguments.
    Step::cargo(workspace)
        .args(["bench", "--workspace", "--bench", "*"])
        .args(openssl.features(BINARY))
        .arg("--")
        .args(passed_on)
        .run()
}
